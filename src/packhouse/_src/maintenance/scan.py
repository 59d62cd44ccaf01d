"""Reads all images of a file in the order of their bytes, in large pieces, all checked by their digests."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from packhouse._src.concurrency.threads import run_in_threads
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.format import IMAGES_FILE
from packhouse._src.imagefile.read.index_rows import Damage, IndexRow
from packhouse._src.ranges import cut_runs, read_into
from packhouse._src.system.open_flags import READ
from packhouse.errors import CorruptStoreError, Where

PIECE_BYTES = 4 << 20
"""Read with one call into memory that is used again."""

PIECE_IMAGES = 1024
GAP_BYTES = 64 << 10

Take = Callable[[IndexRow, memoryview], None]
Refuse = Callable[[IndexRow, str], None]


class ScanPiece(NamedTuple):
    """Images that lie near each other."""

    rows: Sequence[IndexRow]
    start: int
    """Bytes from the start of the file."""

    end: int
    """Where the last of their bytes is, and one further."""


def cut(rows: Sequence[IndexRow], *, most_bytes: int = PIECE_BYTES) -> Iterator[ScanPiece]:
    """Cut rows into pieces, in the order of the file.

    Args:
        rows: Rows whose ranges are parts of the file.
        most_bytes: Of one piece, unless it is a single image.

    Yields:
        Pieces; every row is in one.
    """
    ordered = sorted(rows, key=lambda row: row.offset)
    spans = ((row.offset, row.length) for row in ordered)
    for first, stop, start, end in cut_runs(spans, gap=GAP_BYTES, most_bytes=most_bytes, most=PIECE_IMAGES):
        yield ScanPiece(ordered[first:stop], start, end)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Give a descriptor of an image file.

    Args:
        path: The file.

    Yields:
        The descriptor.

    Raises:
        CorruptStoreError: It is no regular file, or cannot be opened.
    """
    where = Where(file=str(path))
    try:
        descriptor = os.open(path, READ)
    except OSError as err:
        raise CorruptStoreError(f"cannot be opened: {err.strerror}", where=where) from err
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CorruptStoreError("this is not a regular file", where=where)
        yield descriptor
    finally:
        os.close(descriptor)


def check_bytes(
    path: Path, rows: Sequence[IndexRow], *, workers: int, on_read: Callable[[int], None]
) -> tuple[list[IndexRow], list[Damage]]:
    """Read every image and compare it with its digest.

    Args:
        path: images.h5.
        rows: Images whose ranges are parts of the file.
        workers: Number of threads.
        on_read: Called with numbers of images read, from any thread.

    Returns:
        The images that are whole, in any order, and each damaged one, in order of the keys.

    Raises:
        CorruptStoreError: The file cannot be opened.

    Cost: reads every image once; reading and hashing release the interpreter lock.
    """
    intact: list[IndexRow] = []
    damaged: list[Damage] = []

    def refuse(row: IndexRow, what: str) -> None:
        damaged.append(Damage(IMAGES_FILE, row.key, what))

    with opened(path) as descriptor:

        @contextmanager
        def reading() -> Iterator[Callable[[ScanPiece], None]]:
            reader = ScanReader(descriptor)
            yield lambda piece: reader.read(piece, lambda row, _data: intact.append(row), refuse)

        run_in_threads(
            list(cut(rows)), reading, lambda piece, _done: on_read(len(piece.rows)), workers=workers
        )
    return intact, sorted(damaged)


class ScanReader:
    """One thread's reader of pieces; its buffer is used again, since fresh memory costs page faults.

    Args:
        descriptor: Of the image file; may be shared between threads.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray(PIECE_BYTES)

    def read(self, piece: ScanPiece, take: Take, refuse: Refuse) -> None:
        """Read the images of one piece.

        Args:
            piece: Which.
            take: Called with each sound image and its bytes, which last until it returns.
            refuse: Called with each other image, and what is wrong with it.

        Cost: one system call, unless the disk fails; then one per image. Releases the interpreter lock to
        read and to hash.
        """
        size = piece.end - piece.start
        buffer = self._buffer if size <= len(self._buffer) else bytearray(size)
        try:
            with memoryview(buffer) as whole:
                got = _read(self._descriptor, whole[:size], piece.start)
                for row in piece.rows:
                    start = row.offset - piece.start
                    _check(row, whole[start : min(start + row.length, got)], take, refuse)
        except _ReadError as err:
            if len(piece.rows) == 1:
                refuse(piece.rows[0], f"cannot be read: {err}")
                return
            for row in piece.rows:  # so that a bad sector costs the images that lie on it, and no other
                self.read(ScanPiece([row], row.offset, row.offset + row.length), take, refuse)


class _ReadError(Exception):
    """The disk fails; what take or refuse raise is another thing."""


def _check(row: IndexRow, data: memoryview, take: Take, refuse: Refuse) -> None:
    if len(data) < row.length:
        refuse(row, f"{len(data):,} of {row.length:,} bytes could be read: the file was truncated")
    elif digest_of(data) != row.digest:
        refuse(row, "its bytes do not match their digest")
    else:
        take(row, data)


def _read(descriptor: int, view: memoryview, offset: int) -> int:
    """As `read_into`, with an error of its own."""
    try:
        return read_into(descriptor, view, offset)
    except OSError as err:
        raise _ReadError(err.strerror) from err
