"""Runs pieces of work on threads of this process; the first error, or Ctrl-C, stops them all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

Piece = TypeVar("Piece")

MOST_WORKERS = 8
"""More threads than this only wait for each other in the interpreter."""


def default_workers() -> int:
    """Return the number of cores this process may use, at most MOST_WORKERS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST_WORKERS)


def run_pieces(pieces: Sequence[Piece], work: Callable[[Piece], None], *, workers: int) -> None:
    """Do `work` for every piece, on threads that each take the next piece when they are free.

    Args:
        pieces: What to do, in the order to begin them.
        work: Does one piece; called from several threads at once.
        workers: Number of threads.

    Raises:
        BaseException: The first that `work` raised, or KeyboardInterrupt; pieces not begun are left
            undone and those under way are finished first.
    """
    queue = iter(pieces)
    lock = threading.Lock()
    stop = threading.Event()
    errors: list[BaseException] = []

    def take_pieces() -> None:
        while not stop.is_set():
            with lock:
                taken = list(islice(queue, 1))  # any value may be a piece, None too
            if not taken:
                return
            try:
                work(taken[0])
            except BaseException as err:
                errors.append(err)
                stop.set()
                raise

    with ThreadPoolExecutor(workers, thread_name_prefix="packhouse") as pool:
        futures = [pool.submit(take_pieces) for _ in range(workers)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
    if errors:  # in the order of time, which that of the threads is not
        raise errors[0]
