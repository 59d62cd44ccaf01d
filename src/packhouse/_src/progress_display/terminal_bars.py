"""Progress as bars on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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

from packhouse._src.wording.visible_text import visible_line
from packhouse.progress import Advanced, Event, Finished, Observer, Started


@contextmanager
def terminal_bars() -> Iterator[Observer]:
    """Show one bar for each task on stderr.

    Yields:
        The callback.
    """
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),  # names of tables are no markup
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.__stderr__),
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
                    visible_line(event.task), total=event.total, unit=event.unit
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
