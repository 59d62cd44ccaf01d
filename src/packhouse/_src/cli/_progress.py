"""Shows progress: bars on a terminal, a line at the end of each task elsewhere. On stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from packhouse.progress import Advanced, Event, Finished, Observer, Started


@contextmanager
def shown() -> Iterator[Observer]:
    """Give an observer that shows what it is told.

    Yields:
        The observer.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with progress:
        yield _Bars(progress)


class _Bars:
    """One bar a task."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._ids: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self._ids[event.task] = self._progress.add_task(
                    event.task, total=event.total, unit=event.unit
                )
            case Advanced():
                self._progress.update(self._ids[event.task], completed=event.done)
            case Finished():
                self._finish(self._ids[event.task])

    def _finish(self, number: TaskID) -> None:
        bar = self._progress.tasks[self._progress.task_ids.index(number)]
        if bar.total is None:
            self._progress.update(number, total=bar.completed)
        self._progress.stop_task(number)


class _Lines:
    """A line when a task has ended."""

    def __init__(self) -> None:
        self._started: dict[str, tuple[Started, float]] = {}
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case Started():
                    self._started[event.task] = event, time.monotonic()
                case Advanced():
                    self._done[event.task] = event.done
                case Finished():
                    started, since = self._started.pop(event.task)
                    done = f"{self._done.get(event.task, 0):,} {started.unit}"
                    if started.unit == "percent":
                        done = f"{self._done.get(event.task, 0)} %"
                    seconds = time.monotonic() - since
                    click.echo(f"{event.task}: {done}, {seconds:.1f} s", file=sys.stderr)
