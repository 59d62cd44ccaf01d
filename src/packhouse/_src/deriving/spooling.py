"""Smaller images, one behind the other in a file until all sizes are known and the store can be laid out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from packhouse._src.concurrency.in_order import map_in_order
from packhouse._src.deriving.scaling import Derived
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.read.index_rows import IndexRow
from packhouse._src.ranges import cut_lengths, read_into
from packhouse._src.records import SourceFile
from packhouse._src.system.open_flags import READ
from packhouse.errors import (
    CHECK_DISK,
    SourceError,
    Where,
)

PIECE_BYTES = 8 << 20
"""Of originals: what a thread holds at once, unless one image is larger."""

PIECE_IMAGES = 32


class Spooled(NamedTuple):
    """One image in the spool."""

    row: IndexRow
    """The original."""

    offset: int
    length: int
    digest: bytes
    is_scaled: bool
    problem: str | None

    @property
    def file(self) -> SourceFile:
        """The image as a file to be packed; its inode is where it starts, as in an archive."""
        return SourceFile(self.row.file_name, self.length, 0, self.offset)


def spool(
    path: Path,
    rows: Sequence[IndexRow],
    derive_one: Callable[[int], Derived],
    *,
    workers: int,
    on_done: Callable[[int], None],
) -> list[Spooled]:
    """Make all images smaller and write them, one behind the other, into a file.

    Args:
        path: The file to make; it must not exist.
        rows: All originals, in order of their keys.
        derive_one: Reads the original of a row number and makes it smaller; called from several threads.
        workers: Number of threads.
        on_done: Called with numbers of images done.

    Returns:
        Where each is, in the order of `rows`.

    Raises:
        CorruptStoreError: An original does not match its digest.
        OSError: The file cannot be written.

    Cost: memory for 2 * workers + 1 pieces of up to PIECE_IMAGES results each, and one of originals a thread.
    """
    found: list[Spooled] = []

    def derive_piece(piece: range) -> list[tuple[Derived, bytes]]:
        done = [derive_one(number) for number in piece]
        return [(one, digest_of(one.data)) for one in done]

    pieces = cut_lengths((row.length for row in rows), most_bytes=PIECE_BYTES, most=PIECE_IMAGES)
    with closing(map_in_order(pieces, derive_piece, workers=workers)) as results, path.open("xb") as file:
        offset = 0
        for result in results:
            for one, digest in result:
                file.write(one.data)
                row = rows[len(found)]
                found.append(Spooled(row, offset, len(one.data), digest, one.is_scaled, one.problem))
                offset += len(one.data)
            on_done(len(result))
    return found


class SpoolReader:
    """Reads images out of the spool for those who lay out the store, and checks them once more.

    Args:
        path: The spool.
        images: What is in it.
    """

    def __init__(self, path: Path, images: Sequence[Spooled]) -> None:
        self._path = path
        self._digests = {(one.offset, one.length): one.digest for one in images}
        self._descriptor = os.open(path, READ)

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one image into a view of exactly its length.

        Args:
            file: As `Spooled.file` says.
            view: Where to.

        Returns:
            The same file.

        Raises:
            SourceError: The disk has not kept what was written.
        """
        done = read_into(self._descriptor, view, file.inode)
        if done != len(view) or digest_of(view) != self._digests[file.inode, file.size]:
            raise SourceError(
                "data that was just written cannot be read back",
                where=Where(file=str(self._path), member=file.path),
                hint=CHECK_DISK,
            )
        return file

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Do nothing: they were written a moment ago."""

    def close(self) -> None:
        """Close the spool."""
        os.close(self._descriptor)
