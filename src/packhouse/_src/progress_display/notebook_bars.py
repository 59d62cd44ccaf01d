"""Progress as bars in the cell of a notebook; IPython alone draws them, no widgets are needed."""

from __future__ import annotations

import threading
import time
from html import escape

from IPython.display import HTML, display

from packhouse._src.progress_display.running_tasks import RunningTask
from packhouse.progress import Advanced, Event, Finished, Started

MOST_PER_SECOND = 4
_STYLE = "font-family:monospace;white-space:pre"


class NotebookBars:
    """One line and one bar for each task, in the cell that runs. It can be called from several threads."""

    def __init__(self) -> None:
        self._tasks: dict[str, RunningTask] = {}
        self._ended: dict[str, str] = {}
        self._next_s = 0.0
        self._lock = threading.Lock()
        self._handle = display(HTML(""), display_id=True)

    def __call__(self, event: Event) -> None:
        """Take in one event; at most four times a second the cell is drawn again."""
        with self._lock:
            now = time.monotonic()
            match event:
                case Started():
                    self._tasks[event.task] = RunningTask(event, now)
                    self._ended.pop(event.task, None)
                case Advanced():
                    self._tasks[event.task].done = event.done
                case Finished():
                    self._ended[event.task] = self._tasks.pop(event.task).last_line_at(now)
            if now >= self._next_s or isinstance(event, Finished):
                self._next_s = now + 1 / MOST_PER_SECOND
                self._handle.update(HTML(self._html(now)))

    def _html(self, now_s: float) -> str:
        lines = [f"<div>{escape(line)}</div>" for line in self._ended.values()]
        for running in self._tasks.values():
            total = running.started.total
            place = f' value="{running.done}" max="{total}"' if total else ""
            lines.append(f"<div><progress{place}></progress> {escape(running.line_at(now_s))}</div>")
        return f'<div style="{_STYLE}">{"".join(lines)}</div>'
