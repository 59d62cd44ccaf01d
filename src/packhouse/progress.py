"""Progress of long work: small frozen events, and an observer who listens to them.

The work emits events and knows nothing of bars, logs or terminals; whoever started it passes an observer.
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
    """A task has begun."""

    task: str
    """Name of the task, unique within one piece of work: "images", "table articles"."""

    total: int | None
    """Units to do in all; None when it is not known."""

    unit: str
    """What is counted: "files", "bytes", "rows" or "percent"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """A task has come this far."""

    task: str
    done: int
    """Units done since the start: a running sum, not a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A task has ended, well or not."""

    task: str


Event = Started | Advanced | Finished
Observer = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Listen to nothing: the observer of those who do not ask."""


class Task:
    """One running task; `advance` may be called from any thread and passes on at most 20 events a second."""

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
        """Say that `done` units are done in all; a smaller number than before is ignored."""
        with self._lock:
            self._tell(max(done, self._done))

    def _tell(self, done: int) -> None:
        self._done = done
        now = time.monotonic()
        if now >= self._next_s:
            self._next_s = now + 1 / MOST_PER_SECOND
            self._observer(Advanced(task=self.name, done=done))

    def close(self) -> None:
        """Pass on the last state, which the rate limit may have held back, and the end."""
        with self._lock:
            self._observer(Advanced(task=self.name, done=self._done))
            self._observer(Finished(task=self.name))


@contextmanager
def task(observer: Observer, name: str, *, total: int | None, unit: str) -> Iterator[Task]:
    """Tell `observer` of a task from its start to its end, also when it ends in an exception.

    Args:
        observer: Who listens.
        name: Name of the task.
        total: Units to do in all; None when unknown.
        unit: What is counted.

    Yields:
        The task, to be advanced.
    """
    observer(Started(task=name, total=total, unit=unit))
    running = Task(name, observer)
    try:
        yield running
    finally:
        running.close()
