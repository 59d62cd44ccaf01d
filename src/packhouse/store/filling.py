"""Writes the bytes of images into their ranges of images.h5, on threads, and notes what they are."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from packhouse.engines.threads import run_pieces
from packhouse.errors import DestinationError, NoSpaceError, SourceError, Where
from packhouse.images.probing import probe
from packhouse.records import HeaderFacts
from packhouse.store.digest import digest_of
from packhouse.store.keys import Key

PIECE_BYTES = 512 << 10
"""Written with one call, and small enough to be still in the processor's cache by then: 3.7 GB in files of
37 KB took 2.9 s, where 8 MiB took 5.3 s and 256 KiB 3.4 s (two cores)."""

KEPT_BUFFER_BYTES = 16 << 20
PIECE_IMAGES = 256


class Place(NamedTuple):
    """One image and its range of images.h5."""

    key: Key
    offset: int
    length: int


class Filled(NamedTuple):
    """One image that is in its place."""

    place: Place
    digest: bytes
    facts: HeaderFacts


Outcome = Filled | SourceError
ReadInto = Callable[[Place, memoryview], None]
"""Reads the bytes of one image into a view of exactly its length."""


def fill(
    path: Path,
    places: Sequence[Place],
    read_into: ReadInto,
    *,
    workers: int,
    on_filled: Callable[[int], None],
) -> list[Outcome]:
    """Read every image and write it into its range; then flush the file to the disk (fsync).

    Args:
        path: The skeleton.
        places: Images in the order of their offsets.
        read_into: Reads one image, or raises SourceError; called from several threads.
        workers: Number of threads.
        on_filled: Told the number of images done, from any thread, piece by piece.

    Returns:
        In the order of `places`: the image with its digest and header facts, or the error that kept it out.

    Raises:
        NoSpaceError: The disk ran full.
        DestinationError: The file cannot be written for another reason.

    Cost: every byte is read once, hashed, and written once; file reads, hashing and writes release the
    interpreter lock.
    """
    outcomes: list[Outcome | None] = [None] * len(places)
    target = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    # kept and used again: fresh memory for every image costs more in page faults than reading it
    buffers = [bytearray(PIECE_BYTES) for _ in range(workers)]

    def fill_piece(piece: range) -> None:
        start = places[piece.start].offset
        size = places[piece.stop - 1].offset + places[piece.stop - 1].length - start
        buffer = buffers.pop()
        if size > len(buffer):
            buffer = bytearray(size)
        with memoryview(buffer) as view:
            for row in piece:
                place = places[row]
                image = view[place.offset - start : place.offset - start + place.length]
                outcomes[row] = _take_in(place, image, read_into)
            _write_all(target, view[:size], start)
        buffers.append(buffer if len(buffer) <= KEPT_BUFFER_BYTES else bytearray(PIECE_BYTES))
        _start_writing_back(target, start, size)
        on_filled(len(piece))

    try:
        run_pieces(list(_cut(places)), fill_piece, workers=workers)
        os.fsync(target)
    except OSError as err:
        if isinstance(err, SourceError):
            raise
        raise _translate(err, path) from err
    finally:
        os.close(target)
    return [outcome for outcome in outcomes if outcome is not None]


def _take_in(place: Place, image: memoryview, read_into: ReadInto) -> Outcome:
    try:
        read_into(place, image)
    except SourceError as err:
        image[:] = bytes(place.length)  # what was there before is another image's
        return err
    return Filled(place, digest_of(image), probe(bytes(image)))


def _write_all(target: int, data: memoryview, offset: int) -> None:
    while data:  # a signal or a nearly full disk can cut a write short
        written = os.pwrite(target, data, offset)
        data, offset = data[written:], offset + written


def _cut(places: Sequence[Place]) -> Iterator[range]:
    """Cut into runs without gaps between the images, of at most PIECE_BYTES unless one image is larger."""
    start = 0
    for row in range(1, len(places)):
        first, before, place = places[start], places[row - 1], places[row]
        full = place.offset + place.length - first.offset > PIECE_BYTES or row - start >= PIECE_IMAGES
        if full or place.offset != before.offset + before.length:
            yield range(start, row)
            start = row
    if places:
        yield range(start, len(places))


def _start_writing_back(target: int, offset: int, size: int) -> None:
    # the transfer to the disk begins now, so that the final fsync finds little left: 0.02 s, not 0.31 s
    if hasattr(os, "posix_fadvise") and size:
        os.posix_fadvise(target, offset, size, os.POSIX_FADV_DONTNEED)


def _translate(err: OSError, path: Path) -> DestinationError:
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
