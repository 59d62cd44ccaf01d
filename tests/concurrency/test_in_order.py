"""Results come in the order of the pieces, a bounded number ahead, and nothing is left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse._src.concurrency.in_order import map_in_order

WORKERS = [1, 2, 5]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class Odd(BaseException):
    """What no one expects, as Ctrl-C."""


@pytest.mark.parametrize("workers", WORKERS)
def test_results_come_in_order(workers: int) -> None:
    """However long each piece takes, its result has its place."""

    def work(piece: int) -> int:
        time.sleep(0.0005 * (piece * 7 % 5))
        return piece * piece

    found = list(map_in_order(range(100), work, workers=workers))

    assert found == [piece * piece for piece in range(100)]


@settings(deadline=None, max_examples=50)
@given(pieces=st.lists(st.none() | st.booleans() | st.integers() | st.just("")), workers=st.integers(1, 4))
def test_any_value_is_a_piece_and_a_result(pieces: list[object], workers: int) -> None:
    """None and other values that mean nothing elsewhere come through, and no pieces give no results."""
    assert list(map_in_order(pieces, lambda piece: piece, workers=workers)) == pieces


@pytest.mark.parametrize("workers", WORKERS)
def test_workers_overlap(workers: int) -> None:
    """As many pieces as workers are under way at once: all of them reach one barrier."""
    barrier = threading.Barrier(workers)

    found = list(map_in_order(range(workers), lambda _piece: barrier.wait(10), workers=workers))

    assert sorted(found) == list(range(workers))


@pytest.mark.parametrize("workers", WORKERS)
def test_few_pieces_are_begun_ahead(workers: int) -> None:
    """A slow consumer is not overrun: memory is that of some pieces, however many there are."""
    begun = most = 0

    def pieces() -> Iterator[int]:
        nonlocal begun
        for piece in range(60):
            begun += 1
            yield piece

    for given_out in map_in_order(pieces(), lambda piece: piece, workers=workers):
        time.sleep(0.001)
        most = max(most, begun - given_out)

    assert workers < most <= 2 * workers + 2  # one is in the hand of the feeder


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("kind", [ValueError, Odd])
def test_an_error_of_the_work_has_its_place(workers: int, kind: type[BaseException]) -> None:
    """Results before the piece that failed are given, then its error, then nothing."""

    def work(piece: int) -> int:
        if piece >= 20:
            raise kind(piece)
        time.sleep(0.001)
        return piece

    found: list[int] = []
    with pytest.raises(kind) as caught:
        found.extend(map_in_order(range(1000), work, workers=workers))

    assert caught.value.args == (20,)
    assert found == list(range(20))


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("kind", [ValueError, Odd])
def test_an_error_of_the_feeder_has_its_place(workers: int, kind: type[BaseException]) -> None:
    """What could be taken before it is done and given first."""

    def pieces() -> Iterator[int]:
        yield from range(20)
        raise kind

    found: list[int] = []
    with pytest.raises(kind):
        found.extend(map_in_order(pieces(), lambda piece: piece, workers=workers))

    assert found == list(range(20))


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("taken", [0, 1, 7])
def test_closing_early_stops_the_feeder(workers: int, taken: int) -> None:
    """A consumer that has enough ends the taking of pieces, though the feeder waits for room."""
    begun: list[int] = []

    def pieces() -> Iterator[int]:
        for piece in range(10_000):
            begun.append(piece)
            yield piece

    with closing(map_in_order(pieces(), lambda piece: piece, workers=workers)) as results:
        found = [next(results) for _ in range(taken)]
        time.sleep(0.01)

    assert found == list(range(taken))
    assert len(begun) <= taken + 2 * workers + 3


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_a_consumer_that_is_interrupted_leaves_no_thread(workers: int, kind: type[BaseException]) -> None:
    """Ctrl-C between two results, or an error of the consumer, ends all threads with the generator."""

    def consume() -> None:
        with closing(map_in_order(range(10_000), lambda piece: piece, workers=workers)) as results:
            for result in results:
                if result == 5:
                    raise kind

    with pytest.raises(kind):
        consume()


def test_an_interrupt_while_it_waits_leaves_no_thread() -> None:
    """Ctrl-C comes out of the wait for a slow result; what is under way is finished first."""
    finished: list[int] = []

    def work(piece: int) -> int:
        time.sleep(0.02)
        finished.append(piece)
        return piece

    results = map_in_order(range(100), work, workers=2)
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)

    assert 1 <= len(finished) <= 8
    assert list(results) == []
