"""Runs pieces of work on threads and gives the results in the order of the pieces, a bounded number ahead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def map_in_order(
    pieces: Iterable[Piece], work: Callable[[Piece], Result], *, workers: int
) -> Generator[Result]:
    """Do the work for every piece on threads; pieces are taken by a thread of their own.

    Args:
        pieces: What to do; iterated over in another thread.
        work: Does one piece; called from several threads at once.
        workers: Number of threads that work.

    Yields:
        The results, in the order of the pieces. At most 2 * workers + 1 pieces are begun and not yet given.

    Raises:
        BaseException: What taking a piece, or the work, raised, in its place among the results. When it is
            closed early, pieces under way are finished first and no more are taken.
    """
    ahead: Queue[Future[Result] | BaseException | None] = Queue(2 * workers)
    stop = threading.Event()

    def feed(pool: ThreadPoolExecutor) -> None:
        try:
            for piece in pieces:
                if stop.is_set():
                    return
                future = pool.submit(work, piece)
                del piece  # a large one is not kept while the next one is waited for
                ahead.put(future)
            ahead.put(None)
        except BaseException as err:  # noqa: BLE001  # handed over to the thread that asks for the results
            ahead.put(err)

    with ThreadPoolExecutor(workers, thread_name_prefix="packhouse") as pool:
        feeder = threading.Thread(target=feed, args=(pool,), name="packhouse-feed")
        feeder.start()
        try:
            while (found := ahead.get()) is not None:
                if isinstance(found, BaseException):
                    raise found
                result = found.result()
                del found
                yield result
                del result
        finally:
            stop.set()
            while feeder.is_alive():  # it may wait for room
                _drop(ahead)
                feeder.join(0.01)


def _drop(ahead: Queue[Future[Result] | BaseException | None]) -> None:
    while not ahead.empty():
        ahead.get()
