"""Lets pieces of work begin while the memory for all of them suffices."""

from __future__ import annotations

import threading


class MemoryGate:
    """Lets pieces of work begin while what they take together fits; one alone always does.

    Args:
        total_bytes: For all that are under way.
    """

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._held = 0
        self._is_open = False
        self._changed = threading.Condition()

    def enter(self, n_bytes: int) -> None:
        """Wait until so many bytes are free, and take them; for one thread only."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_open or not self._held or self._fits(n_bytes))
            self._held += n_bytes

    def wait_until_empty(self) -> None:
        """Wait until nothing is under way."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_open or not self._held)

    def leave(self, n_bytes: int) -> None:
        """Give bytes back."""
        with self._changed:
            self._held -= n_bytes
            self._changed.notify_all()

    def open(self) -> None:
        """Let everything through from now on: the work is to end."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def _fits(self, n_bytes: int) -> bool:
        return self._held + n_bytes <= self._total
