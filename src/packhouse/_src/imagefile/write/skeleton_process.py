"""Writes the skeleton in a process of its own, which tells where each image goes while it works.

HDF5 makes one dataset after the other and holds the interpreter's lock while it does. The offsets stream from
that process to those that fill: it makes a dataset in 15-20 us, two cores fill one in 28.

What the process says on its standard output: a count and so many offsets, again and again, each an int64;
then a 0 and a JSON document, the size of the file and the place of its id, or what went wrong.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread

from packhouse._src.concurrency.helper_process import HelperProcess
from packhouse._src.imagefile.slots import Skeleton
from packhouse.errors import (
    CHECK_DISK,
    FREE_SPACE,
    AccountingError,
    DestinationError,
    NoSpaceError,
    PackhouseError,
    Where,
    internal_error,
)

APART_FROM_IMAGES = 10_000
"""Starting a process costs a fifth of a second; so many datasets take as long."""

MODULE = "packhouse._src.imagefile.write.skeleton_process"
NUMBER_BYTES = 8
Datasets = Sequence[tuple[str, str, int]]
Writer = HelperProcess


def prepare_writer(count: int) -> Writer | None:
    """Start the process that will write the skeleton, so that it can import what it needs.

    Args:
        count: Number of images.

    Returns:
        The process; None when there are so few images that it does not pay, or no process can be started.
    """
    if count < APART_FROM_IMAGES:
        return None
    with suppress(OSError):
        return HelperProcess(MODULE)
    return None


def dismiss_writer(writer: Writer | None) -> None:
    """End a process that has nothing to write after all."""
    if writer is not None:
        writer.close()


class PendingSkeleton:
    """A skeleton that is being written; its offsets may be asked for from any thread.

    Args:
        writer: From `prepare_writer`.
        path: The file to make.
        datasets: As for `write_skeleton`.
        file_id: As for `write_skeleton`.
        on_written: Called when the file is complete, from another thread.
    """

    def __init__(
        self,
        writer: Writer | None,
        path: Path,
        datasets: Datasets,
        *,
        file_id: str,
        on_written: Callable[[Skeleton], None],
    ) -> None:
        self._path = path
        self._on_written = on_written
        self._error: BaseException | None = None
        self._made: Skeleton | None = None
        self._offsets = array("q")
        self._more = Condition()
        self._process = writer
        if writer is None:
            from packhouse._src.imagefile.write.skeleton import write_skeleton  # brings h5py

            self._complete(write_skeleton(path, datasets, file_id=file_id))
            return
        self._waiting = Thread(target=self._wait, args=(writer, datasets, file_id), name="packhouse-skeleton")
        self._waiting.start()

    def offset_of(self, row: int) -> int:
        """Return where an image goes, as soon as HDF5 has said it; raises as `check`."""
        if row >= len(self._offsets):
            with self._more:
                self._more.wait_for(lambda: row < len(self._offsets) or self._error is not None)
        self.check()
        return self._offsets[row]

    def check(self) -> None:
        """Raise what has gone wrong so far.

        Raises:
            NoSpaceError: The disk is full.
            DestinationError: The file cannot be written for another reason.
        """
        if self._error is not None:
            raise self._error

    def finish(self) -> Skeleton:
        """Wait until all is done, and return what was written; raises as `check`."""
        if self._process is not None:
            self._waiting.join()
        self.check()
        if self._made is None:
            raise internal_error("the HDF5 file ended without an error and without a result")
        return self._made

    def stop(self) -> None:
        """Give up what is still under way."""
        if self._process is not None:
            self._process.kill()
            self._waiting.join()

    def _complete(self, made: Skeleton) -> None:
        self._on_written(made)
        self._offsets, self._made = made.offsets, made

    def _wait(self, process: Writer, datasets: Datasets, file_id: str) -> None:
        try:
            with process:
                said, code = self._listen(process, _encoded(self._path, datasets, file_id)), process.wait()
            if code == 0 and len(self._offsets) == len(datasets):
                self._complete(Skeleton(self._offsets, *json.loads(said)))
            else:
                self._fail(_error_of(said, code, self._path))
        except BaseException as err:  # noqa: BLE001  # raised by `check`, in the thread that asks
            self._fail(err)

    def _fail(self, error: BaseException) -> None:
        with self._more:
            self._error = error
            self._more.notify_all()

    def _listen(self, process: Writer, request: bytes) -> bytes:
        """Take the offsets as they come, and return what is said at the end."""
        process.send(request)
        source = process.output
        while count := _number_in(source.read(NUMBER_BYTES)):
            some = array("q")
            with suppress(ValueError):  # it was killed in the middle of a number
                some.frombytes(source.read(NUMBER_BYTES * count))
            with self._more:
                self._offsets += some
                self._more.notify_all()
        return source.read()


def _number_in(data: bytes) -> int:
    return int.from_bytes(data, sys.byteorder, signed=True) if len(data) == NUMBER_BYTES else 0


def _encoded(path: Path, datasets: Datasets, file_id: str) -> bytes:
    keys = "\0".join(f"{group}/{name}" for group, name, _ in datasets).encode()
    head = json.dumps({"path": os.fspath(path.absolute()), "id": file_id, "count": len(datasets)})
    return head.encode() + b"\n" + array("q", [size for _, _, size in datasets]).tobytes() + keys


def _error_of(said: bytes, code: int, path: Path) -> PackhouseError:
    where = Where(file=str(path))
    with suppress(ValueError):
        name, problem = json.loads(said)
        if name == NoSpaceError.__name__:
            return NoSpaceError(problem, where=where, hint=FREE_SPACE)
        if name == DestinationError.__name__:
            return DestinationError(problem, where=where, hint=CHECK_DISK)
        return AccountingError(problem, where=where)
    if code < 0:
        return DestinationError(
            f"the process that makes it was killed by signal {-code}",
            where=where,
            hint="if memory is short, free some; then run the same command again: it resumes",
        )
    return internal_error(f"the process that makes it ended with code {code}", where=where)


def main() -> None:
    """Write the skeleton that is described on stdin; its offsets, and what goes wrong, are said on stdout."""
    from packhouse._src.imagefile.write.skeleton import write_skeleton

    source, target = sys.stdin.buffer, sys.stdout.buffer
    head = json.loads(source.readline())
    sizes = array("q", source.read(NUMBER_BYTES * head["count"]))
    keys = source.read().decode().split("\0")
    split = (key.rpartition("/") for key in keys)
    datasets = [(group, name, size) for (group, _, name), size in zip(split, sizes, strict=True)]

    def tell(offsets: array[int]) -> None:
        target.write(array("q", [len(offsets)]).tobytes() + offsets.tobytes())
        target.flush()

    said: object
    try:
        made = write_skeleton(Path(head["path"]), datasets, file_id=head["id"], on_offsets=tell)
        said, code = [made.file_size, made.id_offset], 0
    except PackhouseError as err:
        said, code = [type(err).__name__, err.problem], 1
    target.write(array("q", [0]).tobytes() + json.dumps(said).encode())
    target.flush()
    sys.exit(code)
