"""What is known of the tasks that are running, and how it is put into words."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse._src.wording.visible_text import visible_line
from packhouse.progress import Started

SECONDS_PER_MINUTE = 60
MINUTES_PER_HOUR = 60


@dataclass(slots=True)
class RunningTask:
    """One task: what it is, when it started, how far it is."""

    started: Started
    since_s: float
    done: int = 0
    told_s: float = 0.0
    """When a line about it was last written; the start before that."""

    def line_at(self, now_s: float) -> str:
        """Return one line: count, share, rate, time left."""
        seconds = now_s - self.since_s
        rate = self.done / seconds if seconds > 0 else 0.0
        parts = [self._count()]
        if self.started.unit != "percent":
            parts.append(f"{rate:,.0f} {self.started.unit}/s")
        if self.started.total is not None and 0 < self.done < self.started.total and rate:
            parts.append(f"{duration((self.started.total - self.done) / rate)} left")
        return f"{visible_line(self.started.task)}: {', '.join(parts)}"

    def last_line_at(self, now_s: float) -> str:
        """Return one line about a task that has ended: count and time."""
        unit = "%" if self.started.unit == "percent" else self.started.unit
        return f"{visible_line(self.started.task)}: {self.done:,} {unit}, {now_s - self.since_s:.1f} s"

    def _count(self) -> str:
        total, unit = self.started.total, self.started.unit
        if unit == "percent":
            return f"{self.done} %"
        if not total:
            return f"{self.done:,} {unit}"
        return f"{self.done:,} of {total:,} {unit} ({self.done / total:.0%})"


def duration(seconds: float) -> str:
    """Return a time for reading: "48 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < SECONDS_PER_MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, SECONDS_PER_MINUTE)
    if minutes < MINUTES_PER_HOUR:
        return f"{minutes} min {rest} s"
    return f"{minutes // MINUTES_PER_HOUR} h {minutes % MINUTES_PER_HOUR} min"
