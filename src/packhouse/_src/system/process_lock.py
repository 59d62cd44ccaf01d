"""Locks that a forked process does not inherit taken."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from types import TracebackType

_all: WeakSet[ProcessLock] = WeakSet()


class ProcessLock:
    """A lock between the threads of one process: free in a process that was forked while it was taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _all.add(self)

    def __enter__(self) -> None:
        """Take the lock."""
        self._lock.acquire()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Give it back."""
        self._lock.release()

    def renew(self) -> None:
        """Make it free: the thread that holds it is not in this process."""
        self._lock = threading.Lock()


def _renew_all() -> None:
    for lock in list(_all):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
