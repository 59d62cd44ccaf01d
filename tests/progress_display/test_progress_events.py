"""Progress tells of the start, sometimes of the way, and always of the end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from packhouse.progress import MOST_PER_SECOND, Advanced, Event, Finished, Started, silent, task


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that stands still unless it is moved."""
    clock = Clock()
    monkeypatch.setattr("packhouse.progress.time.monotonic", clock)
    return clock


def test_start_way_and_end() -> None:
    """First what it is, last where it came to and that it ended."""
    events: list[Event] = []

    with task(events.append, "images", total=3, unit="files") as progress:
        progress.advance()
        progress.advance(2)

    assert events[0] == Started(task="images", total=3, unit="files")
    assert events[-2:] == [Advanced(task="images", done=3), Finished(task="images")]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_task_ends_in_an_exception_too(error: type[BaseException]) -> None:
    """The observer hears of the end, and the exception goes on."""
    events: list[Event] = []

    def work() -> None:
        with task(events.append, "images", total=None, unit="files") as progress:
            progress.advance(5)
            raise error

    with pytest.raises(error):
        work()

    assert events[-2:] == [Advanced(task="images", done=5), Finished(task="images")]


def test_nothing_done_is_told_too() -> None:
    """A task without any step has a start, a state and an end."""
    events: list[Event] = []

    with task(events.append, "images", total=0, unit="files"):
        pass

    assert events == [
        Started(task="images", total=0, unit="files"),
        Advanced(task="images", done=0),
        Finished(task="images"),
    ]


@pytest.mark.usefixtures("clock")
def test_fast_steps_are_held_back() -> None:
    """A million steps at one moment make one event, and the last state is told at the end."""
    events: list[Event] = []

    with task(events.append, "images", total=None, unit="files") as progress:
        for _ in range(10_000):
            progress.advance()
        told = len(events)

    assert told == 2
    assert events[-2] == Advanced(task="images", done=10_000)


def test_at_most_twenty_a_second(clock: Clock) -> None:
    """In ten seconds of steady steps at most 200 events pass, and not much fewer."""
    events: list[Event] = []

    with task(events.append, "images", total=None, unit="files") as progress:
        for _ in range(10_000):
            clock.now_s += 0.001
            progress.advance()
        told = len(events) - 1

    assert 0.9 * 10 * MOST_PER_SECOND < told <= 10 * MOST_PER_SECOND + 1


def test_reach_never_goes_back(clock: Clock) -> None:
    """A smaller state than before is ignored."""
    events: list[Event] = []

    with task(events.append, "table", total=100, unit="percent") as progress:
        for done in (10, 50, 30, 70):
            clock.now_s += 1
            progress.reach(done)

    assert [event.done for event in events if isinstance(event, Advanced)] == [10, 50, 50, 70, 70]


def test_many_threads_lose_no_step() -> None:
    """Steps of eight threads add up, and the sums that are told only grow."""
    events: list[Event] = []
    barrier = threading.Barrier(8)

    with task(events.append, "images", total=None, unit="files") as progress, ThreadPoolExecutor(8) as pool:

        def work(_number: int) -> None:
            barrier.wait(10)
            for _ in range(2000):
                progress.advance()

        list(pool.map(work, range(8)))

    done = [event.done for event in events if isinstance(event, Advanced)]
    assert done[-1] == 16_000
    assert done == sorted(done)


def test_events_are_values() -> None:
    """Events are compared by what they say, and cannot be changed."""
    event = Finished(task="a")

    assert event == Finished(task="a")
    assert len({event, Finished(task="a")}) == 1
    with pytest.raises(AttributeError):
        event.task = "b"  # type: ignore[misc]


def test_silent_listens_to_nothing() -> None:
    """The observer of those who do not ask takes every event."""
    with task(silent, "images", total=1, unit="files") as progress:
        progress.advance()
