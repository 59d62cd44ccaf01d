"""Progress as lines of a log: one a minute for each task, and one when it has ended."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from packhouse._src.progress_display.running_tasks import RunningTask
from packhouse.progress import Advanced, Event, Finished, Started

EVERY_S = 60.0


class LogLines:
    """Writes lines to stderr. It can be called from several threads.

    Args:
        clock: Seconds from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: dict[str, RunningTask] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        with self._lock:
            now = self._clock()
            match event:
                case Started():
                    self._running[event.task] = RunningTask(event, now, told_s=now)
                case Advanced():
                    running = self._running[event.task]
                    running.done = event.done
                    if now - running.told_s >= EVERY_S:
                        running.told_s = now
                        _write(running.line_at(now))
                case Finished():
                    _write(self._running.pop(event.task).last_line_at(now))


def _write(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
