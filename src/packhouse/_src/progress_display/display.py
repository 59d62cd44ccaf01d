"""`progress=True`: chooses how progress is shown here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeAlias, TypeVar

from packhouse.progress import Observer, silent

Progress: TypeAlias = Observer | bool | None
"""What a user passes as `progress=`: True shows it, a callback receives the events."""

P = ParamSpec("P")
R = TypeVar("R")


def listener(progress: Progress) -> Observer:
    """Return the callback; one that does nothing for None, False and True."""
    return silent if progress is None or isinstance(progress, bool) else progress


@contextmanager
def shown() -> Iterator[Observer]:
    """Give a callback that shows progress: bars on a terminal and in a notebook, lines on stderr elsewhere.

    Yields:
        The callback, for as long as the work goes on.
    """
    if _in_notebook():
        from packhouse._src.progress_display.notebook_bars import NotebookBars

        yield NotebookBars()
    elif sys.stderr is not None and sys.stderr.isatty():  # a program without a console has no stderr
        from packhouse._src.progress_display.terminal_bars import terminal_bars

        with terminal_bars() as bars:
            yield bars
    else:
        from packhouse._src.progress_display.log_lines import LogLines

        yield LogLines()


def shows_progress(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function that takes `progress=` show its progress when it is True."""

    @wraps(function)
    def showing(*args: P.args, **options: P.kwargs) -> R:
        if options.get("progress") is not True:
            return function(*args, **options)
        with shown() as observer:
            options["progress"] = observer
            return function(*args, **options)

    return showing


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None  # IPython in a terminal has none
