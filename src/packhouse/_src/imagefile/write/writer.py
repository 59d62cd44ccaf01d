"""Writes images into their ranges of images.h5, on threads or processes, and notes what they are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from packhouse._src.full_disk import is_full
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.slots import ImageSlot, Outcome, WrittenImage
from packhouse._src.images.probing import probe
from packhouse._src.records import SourceFile
from packhouse._src.system.at_offset import write_at
from packhouse._src.system.open_flags import READ_WRITE
from packhouse._src.system.page_cache import write_back
from packhouse.errors import (
    CHECK_DISK,
    FREE_SPACE,
    DestinationError,
    NoSpaceError,
    SourceError,
    Where,
)

PIECE_BYTES = 512 << 10
"""Written with one call, and small enough to be still in the processor's cache by then: 3.7 GB in files of
37 KB took 2.9 s, where 8 MiB took 5.3 s and 256 KiB 3.4 s (two cores)."""

KEPT_BUFFER_BYTES = 16 << 20
PIECE_IMAGES = 256
TASK_BYTES = (4 << 20, 64 << 20)
"""A process is handed at least and at most so many bytes at once."""

TASKS_PER_WORKER = 16
SLOW_READ_S = 0.0003
"""A small file takes 10 us from memory and more than this from a disk."""


class ImageReader(Protocol):
    """Where the images come from; picklable when processes shall read."""

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one file into a view of exactly its length, or raise SourceError."""

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Tell the system that these files will be read soon."""


class WritePiece(NamedTuple):
    """Images that lie side by side in images.h5, written with one call."""

    rows: Sequence[int]
    slots: Sequence[ImageSlot]


@dataclass(frozen=True, slots=True)
class WriteJob:
    """How one thread or process fills its pieces; picklable."""

    path: Path
    """The skeleton."""

    reader: ImageReader

    @contextmanager
    def by_pieces(self) -> Iterator[Callable[[WritePiece], list[Outcome]]]:
        """Give what fills one piece."""
        with _Writer(self) as writer:
            yield writer.fill_piece

    @contextmanager
    def by_tasks(self) -> Iterator[Callable[[Sequence[WritePiece]], list[list[Outcome]]]]:
        """Give what fills several pieces."""
        with _Writer(self) as writer:
            yield lambda task: [writer.fill_piece(piece) for piece in task]


class _Writer:
    """One worker: its own descriptor, and a buffer that is kept and used again.

    Fresh memory for every image costs more in page faults than reading it.
    """

    def __init__(self, job: WriteJob) -> None:
        self._path = job.path
        self._reader = job.reader
        self._target = os.open(job.path, READ_WRITE)
        self._buffer = bytearray(PIECE_BYTES)
        self._disk_is_slow = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._target)

    def fill_piece(self, piece: WritePiece) -> list[Outcome]:
        """Read the images of one piece and write them with one call."""
        slots = piece.slots
        start = slots[0].offset
        size = slots[-1].offset + slots[-1].file.size - start
        buffer = self._buffer if size <= len(self._buffer) else bytearray(size)
        began = time.perf_counter()
        if self._disk_is_slow:
            self._reader.read_ahead([slot.file for slot in slots])
        with memoryview(buffer) as view:
            outcomes = [
                _take_in(slot.file, view[slot.offset - start :][: slot.file.size], self._reader)
                for slot in slots
            ]
            self._disk_is_slow = time.perf_counter() - began > SLOW_READ_S * len(slots)
            self._write(view[:size], start)
        if size <= KEPT_BUFFER_BYTES:
            self._buffer = buffer
        return outcomes

    def _write(self, data: memoryview, offset: int) -> None:
        start, size = offset, len(data)
        try:
            while data:  # a signal or a nearly full disk can cut a write short
                written = write_at(self._target, data, offset)
                data, offset = data[written:], offset + written
            # the transfer to the disk begins now, so the final fsync finds little left: 0.02 s, not 0.31 s
            write_back(self._target, start, size)
        except OSError as err:
            raise translate_write_error(err, self._path) from err


def _take_in(file: SourceFile, image: memoryview, reader: ImageReader) -> Outcome:
    try:
        read = reader.read_into(file, image)
    except SourceError as err:
        image[:] = bytes(len(image))  # what was there before is another image's
        return err
    return WrittenImage(digest_of(image), probe(bytes(image)), read)


def fill(
    job: WriteJob,
    slots: Iterable[tuple[int, ImageSlot]],
    on_filled: Callable[[WritePiece, Sequence[Outcome]], None],
    *,
    workers: int,
    processes: bool,
    total_bytes: int,
) -> None:
    """Read images and write each into its range; then flush the file to the disk (fsync).

    Args:
        job: The file, and where the images come from.
        slots: The images to fill, with their rows, in the order to read them; may wait for the next one.
        on_filled: Called with each piece and what came of its images, in this process, one call at a time.
        workers: Number of threads or processes.
        processes: Whether processes do it, not threads.
        total_bytes: Sum of the sizes of the images.

    Raises:
        NoSpaceError: The disk ran full.
        DestinationError: The file cannot be written for another reason.
        WorkerDiedError: A process was killed.

    Cost: every byte is read once, hashed, and written once; file reads, hashing and writes release the
    interpreter lock.
    """
    pieces = _cut(slots)
    if processes:
        from packhouse._src.concurrency.processes import run_in_processes  # brings multiprocessing

        def on_task(task: Sequence[WritePiece], outcomes: list[list[Outcome]]) -> None:
            for piece, filled in zip(task, outcomes, strict=True):
                on_filled(piece, filled)

        least, most = TASK_BYTES
        task_bytes = min(most, max(least, total_bytes // (workers * TASKS_PER_WORKER)))
        run_in_processes(_gather(pieces, task_bytes), job.by_tasks, on_task, workers=workers)
    else:
        from packhouse._src.concurrency.threads import run_in_threads

        run_in_threads(pieces, job.by_pieces, on_filled, workers=workers)
    flush(job.path)


def _cut(slots: Iterable[tuple[int, ImageSlot]]) -> Iterator[WritePiece]:
    """Cut into runs without gaps between the images, of at most PIECE_BYTES unless one image is larger."""
    rows: list[int] = []
    piece: list[ImageSlot] = []
    start = end = 0
    for row, slot in slots:
        stop = slot.offset + slot.file.size
        if piece and (slot.offset != end or stop - start > PIECE_BYTES or len(piece) >= PIECE_IMAGES):
            yield WritePiece(rows, piece)
            rows, piece = [], []
        if not piece:
            start = slot.offset
        rows.append(row)
        piece.append(slot)
        end = stop
    if piece:
        yield WritePiece(rows, piece)


def _gather(pieces: Iterable[WritePiece], task_bytes: int) -> Iterator[list[WritePiece]]:
    """Gather pieces into tasks of about as many bytes each."""
    task: list[WritePiece] = []
    gathered = 0
    for piece in pieces:
        task.append(piece)
        gathered += sum(slot.file.size for slot in piece.slots)
        if gathered >= task_bytes:
            yield task
            task, gathered = [], 0
    if task:
        yield task


def flush(path: Path) -> None:
    """Flush a file to the disk (fsync).

    Args:
        path: The file.

    Raises:
        NoSpaceError: The disk is full.
        DestinationError: It cannot be written for another reason.
    """
    try:
        descriptor = os.open(path, READ_WRITE)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as err:
        raise translate_write_error(err, path) from err


def translate_write_error(err: OSError, path: Path) -> DestinationError:
    """Return our error for one of the operating system while images are written.

    Args:
        err: The error.
        path: The file.

    Returns:
        NoSpaceError for a full disk, else DestinationError.
    """
    if is_full(err):
        return NoSpaceError(
            "the disk ran full while images were written",
            where=Where(file=str(path)),
            hint=f"{FREE_SPACE}: it resumes; or choose a DEST on a larger disk",
        )
    return DestinationError(
        f"images could not be written: {err.strerror}",
        where=Where(file=str(path)),
        hint=CHECK_DISK,
    )
