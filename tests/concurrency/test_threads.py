"""Pieces of work are done once each, at the same time, and the first error ends it."""

from __future__ import annotations

import os
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse._src.concurrency.threads import MOST_WORKERS, default_workers, run_pieces


@pytest.mark.parametrize("workers", range(1, 9))
def test_every_piece_is_done_once(workers: int) -> None:
    """On one thread to eight, each piece is done, and none twice."""
    done: list[int] = []

    run_pieces(range(500), done.append, workers=workers)

    assert sorted(done) == list(range(500))


@settings(deadline=None, max_examples=60)
@given(pieces=st.lists(st.none() | st.booleans() | st.integers() | st.just("")), workers=st.integers(1, 4))
def test_any_value_is_a_piece(pieces: list[object], workers: int) -> None:
    """None and other values that mean nothing elsewhere are pieces too."""
    done: list[object] = []

    run_pieces(pieces, done.append, workers=workers)

    assert sorted(map(repr, done)) == sorted(map(repr, pieces))


def test_one_worker_keeps_the_order() -> None:
    """Pieces are begun in the order given."""
    done: list[int] = []

    run_pieces(range(50), done.append, workers=1)

    assert done == list(range(50))


@pytest.mark.parametrize("workers", [2, 5])
def test_workers_overlap(workers: int) -> None:
    """As many pieces as workers are under way at once: all of them reach one barrier."""
    barrier = threading.Barrier(workers)

    def work(_piece: int) -> None:
        barrier.wait(10)

    run_pieces(range(workers), work, workers=workers)

    assert not barrier.broken


def test_no_more_than_the_workers_are_under_way() -> None:
    """Two workers do at most two pieces at a time."""
    under_way, most, lock = 0, 0, threading.Lock()

    def work(_piece: int) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.001)
        with lock:
            under_way -= 1

    run_pieces(range(40), work, workers=2)

    assert most <= 2


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_error_is_raised_and_the_rest_left_undone(workers: int) -> None:
    """The error arrives as itself; pieces that were not begun stay so."""
    begun: list[int] = []
    error = ValueError("the seventh")

    def work(piece: int) -> None:
        begun.append(piece)
        if piece == 7:
            raise error
        time.sleep(0.0005)

    with pytest.raises(ValueError, match="the seventh") as caught:
        run_pieces(range(1000), work, workers=workers)

    assert caught.value is error
    assert len(begun) < 100


def test_the_first_error_in_time_is_raised() -> None:
    """When two pieces fail, it is the one that failed first, whichever was begun first."""
    failed = threading.Event()

    def work(piece: int) -> None:
        if piece == 0:
            assert failed.wait(10)
            time.sleep(0.05)
            raise ValueError("begun first, failed later")
        failed.set()
        raise ValueError("failed first")

    with pytest.raises(ValueError, match="failed first"):
        run_pieces([0, 1], work, workers=2)


def test_pieces_under_way_are_finished_before_the_error_is_raised() -> None:
    """When the call returns, no thread of it works any more."""
    begun, finished = threading.Event(), []

    def work(piece: int) -> None:
        if piece == 0:
            begun.set()
            time.sleep(0.1)
            finished.append(piece)
        else:
            assert begun.wait(10)
            raise ValueError("other")

    with pytest.raises(ValueError, match="other"):
        run_pieces([0, 1], work, workers=2)

    assert finished == [0]
    assert not [one for one in threading.enumerate() if one.name.startswith("packhouse")]


def test_interrupt_stops_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while waiting ends it after the pieces under way."""
    begun: list[int] = []

    def interrupted(*_arguments: object, **_options: object) -> None:
        while not begun:
            time.sleep(0.001)
        raise KeyboardInterrupt

    def work(piece: int) -> None:
        begun.append(piece)
        time.sleep(0.001)

    monkeypatch.setattr("packhouse._src.concurrency.threads.wait", interrupted)

    with pytest.raises(KeyboardInterrupt):
        run_pieces(range(10_000), work, workers=2)

    assert len(begun) < 1000


def test_no_pieces() -> None:
    """Nothing to do is done at once."""
    run_pieces([], pytest.fail, workers=3)


def test_default_workers_is_bounded() -> None:
    """One a core that this process may use, and never more than pays."""
    assert 1 <= default_workers() <= min(MOST_WORKERS, os.cpu_count() or 1)
