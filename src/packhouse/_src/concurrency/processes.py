"""Runs pieces of work on processes of this machine; they never outlive the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from packhouse.errors import WorkerDiedError

Piece = TypeVar("Piece")
Result = TypeVar("Result")

WAITING_PER_WORKER = 2
"""Pieces handed over in advance, so that no process waits for the next one."""


def run_in_processes(
    pieces: Iterable[Piece],
    open_work: Callable[[], AbstractContextManager[Callable[[Piece], Result]]],
    on_done: Callable[[Piece, Result], None],
    *,
    workers: int,
) -> None:
    """Do the work for every piece, on processes that each take the next piece when they are free.

    They are spawned, so a script that calls this needs its `if __name__ == "__main__":`.

    Args:
        pieces: What to do, in the order to begin them; picklable, and so are the results.
        open_work: Called once in each process; picklable.
        on_done: Called with each piece and its result, in this process.
        workers: Number of processes.

    Raises:
        WorkerDiedError: A process was killed.
        BaseException: The first that the work raised, or KeyboardInterrupt; pieces not begun are left
            undone and those under way are finished first.

    Cost: a third of a second to start each process.
    """
    # a process must not outlive this one and write into a file that the next run is at work on: the far
    # end of this pipe closes with us, however we end
    watched, held = multiprocessing.Pipe(duplex=False)
    queue = iter(pieces)
    with (
        watched,
        held,
        ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(open_work, watched),
        ) as pool,
    ):
        waiting: dict[Future[Any], Piece] = {}
        try:
            while True:
                for piece in islice(queue, workers * WAITING_PER_WORKER - len(waiting)):
                    waiting[pool.submit(_do, piece)] = piece
                if not waiting:
                    return
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    on_done(waiting.pop(future), future.result())
        except BrokenProcessPool as err:
            raise WorkerDiedError(
                "a worker process was killed",
                hint="if memory is short, use fewer --workers; the same command resumes. "
                'In a script, put the call below `if __name__ == "__main__":`',
            ) from err
        finally:
            pool.shutdown(cancel_futures=True)


_opened = ExitStack()
_work: Callable[[Any], Any] | None = None
_failed: Exception | None = None


def _begin(
    open_work: Callable[[], AbstractContextManager[Callable[[Any], Any]]], watched: Connection
) -> None:
    global _work, _failed  # noqa: PLW0603  # what a pool's initializer can hand to its work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the one that started us decides
    threading.Thread(target=_end_with_parent, args=(watched,), daemon=True).start()
    try:
        _work = _opened.enter_context(open_work())
    except Exception as err:  # noqa: BLE001  # the pool would only say that a process was killed
        _failed = err


def _end_with_parent(watched: Connection) -> None:
    try:
        watched.recv()
    finally:
        os._exit(1)


def _do(piece: Any) -> Any:  # noqa: ANN401  # what the pool hands over
    if _work is None:
        raise _failed or WorkerDiedError("a worker process could not start")
    return _work(piece)
