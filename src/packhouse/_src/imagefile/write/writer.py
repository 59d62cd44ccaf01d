"""Writes images into their ranges of images.h5, on threads or processes, and notes what they are."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.slots import ImageSlot, Outcome, Taken
from packhouse._src.images.probing import probe
from packhouse._src.records import SourceFile
from packhouse.errors import DestinationError, NoSpaceError, SourceError, Where

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
    places: Sequence[ImageSlot]


@dataclass(frozen=True, slots=True)
class Filling:
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

    def __init__(self, filling: Filling) -> None:
        self._path = filling.path
        self._reader = filling.reader
        self._target = os.open(filling.path, os.O_RDWR | os.O_CLOEXEC)
        self._buffer = bytearray(PIECE_BYTES)
        self._disk_is_slow = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._target)

    def fill_piece(self, piece: WritePiece) -> list[Outcome]:
        """Read the images of one piece and write them with one call."""
        places = piece.places
        start = places[0].offset
        size = places[-1].offset + places[-1].file.size - start
        buffer = self._buffer if size <= len(self._buffer) else bytearray(size)
        began = time.perf_counter()
        if self._disk_is_slow:
            self._reader.read_ahead([place.file for place in places])
        with memoryview(buffer) as view:
            outcomes = [
                _take_in(place.file, view[place.offset - start :][: place.file.size], self._reader)
                for place in places
            ]
            self._disk_is_slow = time.perf_counter() - began > SLOW_READ_S * len(places)
            self._write(view[:size], start)
        if size <= KEPT_BUFFER_BYTES:
            self._buffer = buffer
        return outcomes

    def _write(self, data: memoryview, offset: int) -> None:
        start, size = offset, len(data)
        try:
            while data:  # a signal or a nearly full disk can cut a write short
                written = os.pwrite(self._target, data, offset)
                data, offset = data[written:], offset + written
            # the transfer to the disk begins now, so the final fsync finds little left: 0.02 s, not 0.31 s
            if hasattr(os, "posix_fadvise") and size:
                os.posix_fadvise(self._target, start, size, os.POSIX_FADV_DONTNEED)
        except OSError as err:
            raise translate_write_error(err, self._path) from err


def _take_in(file: SourceFile, image: memoryview, reader: ImageReader) -> Outcome:
    try:
        read = reader.read_into(file, image)
    except SourceError as err:
        image[:] = bytes(len(image))  # what was there before is another image's
        return err
    return Taken(digest_of(image), probe(bytes(image)), read)


def fill(
    filling: Filling,
    places: Sequence[ImageSlot],
    rows: Sequence[int],
    on_filled: Callable[[Sequence[int], Sequence[Outcome]], None],
    *,
    workers: int,
    processes: bool,
) -> None:
    """Read images and write each into its range; then flush the file to the disk (fsync).

    Args:
        filling: The skeleton, and where the images come from.
        places: All images.
        rows: Which of them to fill, as places in `places`, in the order to read them.
        on_filled: Told of rows and what came of them, piece by piece, in this process, one call at a time.
        workers: Number of threads or processes.
        processes: Whether processes do it, not threads.

    Raises:
        NoSpaceError: The disk ran full.
        DestinationError: The file cannot be written for another reason.
        WorkerDiedError: A process was killed.

    Cost: every byte is read once, hashed, and written once; file reads, hashing and writes release the
    interpreter lock.
    """
    pieces = [WritePiece(part, [places[row] for row in part]) for part in _cut(places, rows)]
    if processes:
        from packhouse._src.concurrency.processes import run_in_processes  # brings multiprocessing

        def on_task(task: Sequence[WritePiece], outcomes: list[list[Outcome]]) -> None:
            for piece, filled in zip(task, outcomes, strict=True):
                on_filled(piece.rows, filled)

        run_in_processes(list(_balance(pieces, workers)), filling.by_tasks, on_task, workers=workers)
    else:
        from packhouse._src.concurrency.threads import run_in_threads

        run_in_threads(
            pieces, filling.by_pieces, lambda piece, filled: on_filled(piece.rows, filled), workers=workers
        )
    flush(filling.path)


def _cut(places: Sequence[ImageSlot], rows: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut into runs without gaps between the images, of at most PIECE_BYTES unless one image is larger."""
    start = 0
    for row in range(1, len(rows)):
        first, before, place = places[rows[start]], places[rows[row - 1]], places[rows[row]]
        full = place.offset + place.file.size - first.offset > PIECE_BYTES or row - start >= PIECE_IMAGES
        if full or place.offset != before.offset + before.file.size:
            yield rows[start:row]
            start = row
    if rows:
        yield rows[start:]


def _balance(pieces: Sequence[WritePiece], workers: int) -> Iterator[list[WritePiece]]:
    """Gather pieces into tasks of about as many bytes each."""
    sizes = [sum(place.file.size for place in piece.places) for piece in pieces]
    least, most = TASK_BYTES
    wanted = min(most, max(least, sum(sizes) // (workers * TASKS_PER_WORKER)))
    task: list[WritePiece] = []
    gathered = 0
    for piece, size in zip(pieces, sizes, strict=True):
        task.append(piece)
        gathered += size
        if gathered >= wanted:
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
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
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
    if err.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpaceError(
            "the disk ran full while images were written",
            where=Where(file=str(path)),
            hint="free some space, or choose a DEST on a larger disk, and run it again",
        )
    return DestinationError(
        f"images could not be written: {err.strerror}",
        where=Where(file=str(path)),
        hint="look at the disk (dmesg), then run it again",
    )
