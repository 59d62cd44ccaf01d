"""Runs pieces of work on threads of this process; the first error, or Ctrl-C, stops them all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TypeVar

from packhouse._src.concurrency.cores import usable_cores
from packhouse.errors import UsageError

Piece = TypeVar("Piece")
Result = TypeVar("Result")

MOST_WORKERS = 8
"""More threads than this only wait for each other in the interpreter."""


def default_workers(*, most: int = MOST_WORKERS) -> int:
    """Return the number of cores this process may use, at most `most`."""
    return min(usable_cores(), most)


def workers_or_default(workers: int | None) -> int:
    """Return the number of workers that a user asked for, or the default.

    Args:
        workers: None for the default.

    Raises:
        UsageError: It is less than 1.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers is {workers}", hint="at least 1")
    return workers or default_workers()


def run_pieces(pieces: Sequence[Piece], work: Callable[[Piece], None], *, workers: int) -> None:
    """Do `work` for every piece; otherwise as `run_in_threads`.

    Args:
        pieces: What to do, in the order to begin them.
        work: Does one piece; called from several threads at once.
        workers: Number of threads.
    """
    run_in_threads(pieces, lambda: nullcontext(work), lambda _piece, _result: None, workers=workers)


def run_in_threads(
    pieces: Iterable[Piece],
    open_work: Callable[[], AbstractContextManager[Callable[[Piece], Result]]],
    on_done: Callable[[Piece, Result], None],
    *,
    workers: int,
) -> None:
    """Do the work for every piece, on threads that each take the next piece when they are free.

    Args:
        pieces: What to do, in the order to begin them; may wait for the next one.
        open_work: Called once by each thread; gives what does one piece, and is left when no piece is left.
        on_done: Called with each piece and its result, by the thread that did it, one at a time.
        workers: Number of threads.

    Raises:
        BaseException: The first that the work raised, or KeyboardInterrupt; pieces not begun are left
            undone and those under way are finished first.
    """
    queue = iter(pieces)
    taking, reporting = threading.Lock(), threading.Lock()
    stop = threading.Event()
    errors: list[BaseException] = []

    def take_pieces() -> None:
        try:
            with open_work() as work:
                while not stop.is_set():
                    with taking:
                        taken = list(islice(queue, 1))  # any value may be a piece, None too
                    if not taken:
                        return
                    result = work(taken[0])
                    with reporting:
                        on_done(taken[0], result)
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
