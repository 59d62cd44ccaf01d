"""Progress of long work: small frozen events, passed to a callback.

Pass a callback as `progress=`; it receives the events and can show bars, write logs, or ignore them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MOST_PER_SECOND = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A task has started."""

    task: str
    """Name of the task, unique within one piece of work: "images", "table articles"."""

    total: int | None
    """Total number of units; None if unknown."""

    unit: str
    """What is counted: "files", "images", "rows", "runs" or "percent"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """A task has made progress."""

    task: str
    done: int
    """Units done since the start, in total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A task has ended, with success or not."""

    task: str


Event = Started | Advanced | Finished
Observer = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Ignore all events: the default callback."""


class Task:
    """One running task. Call `advance` from any thread; it passes on at most 20 events per second."""

    def __init__(self, name: str, observer: Observer) -> None:
        self.name = name
        self._observer = observer
        self._done = 0
        self._next_s = 0.0
        self._lock = threading.Lock()

    def advance(self, amount: int = 1) -> None:
        """Count `amount` more units as done."""
        with self._lock:
            self._tell(self._done + amount)

    def reach(self, done: int) -> None:
        """Set the number of units done; a smaller number than before is ignored."""
        with self._lock:
            self._tell(max(done, self._done))

    def _tell(self, done: int) -> None:
        self._done = done
        now = time.monotonic()
        if now >= self._next_s:
            self._next_s = now + 1 / MOST_PER_SECOND
            self._observer(Advanced(task=self.name, done=done))

    def close(self) -> None:
        """Report the last state, which the rate limit may have delayed, and the end."""
        with self._lock:
            self._observer(Advanced(task=self.name, done=self._done))
            self._observer(Finished(task=self.name))


@contextmanager
def task(observer: Observer, name: str, *, total: int | None, unit: str) -> Iterator[Task]:
    """Report a task to a callback from start to end, also if it ends with an exception.

    Args:
        observer: The callback.
        name: Name of the task.
        total: Total number of units; None if unknown.
        unit: What is counted.

    Yields:
        The task; call `advance` on it.
    """
    observer(Started(task=name, total=total, unit=unit))
    running = Task(name, observer)
    try:
        yield running
    finally:
        running.close()
