"""Threads that read and decode, with the memory that each uses again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakSet

from packhouse._src.images.scratch import Scratch
from packhouse._src.loader.decode.buffers import Buffers

Result = TypeVar("Result")

_all_workers: WeakSet[Workers] = WeakSet()


def _renew_all() -> None:
    for workers in list(_all_workers):
        workers.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


class Workers:
    """Threads, started when they are first needed; a forked process starts its own.

    Safe to share between threads. When nothing refers to it any more, the threads end.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.renew()
        _all_workers.add(self)

    def renew(self) -> None:
        """Begin anew in a process that was forked: no thread came along, and a lock may have been held."""
        self._pool: ThreadPoolExecutor | None = None
        self._starting = threading.Lock()
        self._of_thread = threading.local()
        self.buffers = Buffers()

    @property
    def scratch(self) -> Scratch:
        """Memory of the thread that asks."""
        scratch: Scratch | None = getattr(self._of_thread, "scratch", None)
        if scratch is None:
            scratch = self._of_thread.scratch = Scratch()
        return scratch

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Have one of the threads do some work.

        Args:
            work: Called without arguments.

        Returns:
            What will hold its result, or what it raised.
        """
        with self._starting:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.count, thread_name_prefix="packhouse")
            return self._pool.submit(work)
