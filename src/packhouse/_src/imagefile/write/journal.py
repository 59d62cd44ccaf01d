"""The journal beside a skeleton: which images are in their places, so that a run that was stopped can go on.

It is only added to. A record whose digest does not match was being written when the run was killed: it and
what follows do not count. Nothing in it is trusted: an image counts as filled when the
bytes in its place have the digest that the journal says, so the journal needs no flush of its own.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from packhouse._src.imagefile.digest import DIGEST_BYTES, digest_of
from packhouse._src.imagefile.slots import ImageSlot, Outcome, WrittenImage
from packhouse._src.imagefile.write.writer import translate_write_error
from packhouse._src.records import SourceFile
from packhouse._src.system.open_flags import APPEND

MAGIC = b"PHJRNL3\n"
_HEAD = struct.Struct("<8s32sQQ")
_COUNT = struct.Struct("<I")
_RECORD = struct.Struct("<IqqQq16s")


class JournalHead(NamedTuple):
    """What was to be filled."""

    file_id: str
    paths: Sequence[str]
    """Path of each image below SRC."""

    sizes: Sequence[int]
    """Size of each image in bytes."""


class JournalRecord(NamedTuple):
    """One image that is in its place."""

    row: int
    """Place in the order of the keys."""

    offset: int
    """Where its bytes are, from the start of the file."""

    mtime_ns: int
    inode: int
    ctime_ns: int
    """As the file was when it was read."""

    digest: bytes


class Journal:
    """A journal that is added to.

    Args:
        path: The file.
        length: Bytes of it that count; what follows is cut off.
    """

    def __init__(self, path: Path, length: int) -> None:
        self._path = path
        self._file = os.open(path, APPEND)
        os.ftruncate(self._file, length)

    def close(self) -> None:
        """Close it; it must not be added to any more."""
        os.close(self._file)

    def add(self, rows: Sequence[int], slots: Sequence[ImageSlot], outcomes: Sequence[Outcome]) -> None:
        """Note what was filled; images that could not be read are not noted.

        Args:
            rows: Places in the order of the keys.
            slots: Where each is in the file.
            outcomes: What came of each.

        Raises:
            NoSpaceError: The disk is full.
            DestinationError: It cannot be written for another reason.

        Cost: one write call.
        """
        records = [
            _RECORD.pack(row, slot.offset, *taken.file[2:], taken.digest)
            for row, slot, taken in zip(rows, slots, outcomes, strict=True)
            if isinstance(taken, WrittenImage)
        ]
        data = memoryview(_with_digest(_COUNT.pack(len(records)) + b"".join(records)))
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as err:
            raise translate_write_error(err, self._path) from err


def _with_digest(data: bytes) -> bytes:
    return data + digest_of(data)


def begin_journal(path: Path, head: JournalHead) -> None:
    """Write the head of a journal; under its name it is whole or not there.

    Args:
        path: The file to make.
        head: What is to be filled.

    Raises:
        NoSpaceError: The disk is full.
        DestinationError: It cannot be written for another reason.
    """
    names = [name.encode() for name in head.paths]
    ends = array("q", accumulate(map(len, names)))
    begin = _HEAD.pack(MAGIC, head.file_id.encode("ascii"), len(names), ends[-1] if names else 0)
    numbers = array("q", head.sizes).tobytes() + ends.tobytes()
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            file.write(_with_digest(begin + numbers + b"".join(names)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as err:
        raise translate_write_error(err, path) from err


class JournalContents(NamedTuple):
    """What a journal says."""

    head: JournalHead
    records: dict[int, JournalRecord]
    """Row -> the last record of it."""

    length: int
    """Bytes of the journal that count."""


def read_journal(path: Path) -> JournalContents | None:
    """Read a journal as far as it is whole.

    Args:
        path: The file.

    Returns:
        What it says; None when there is none, or its head is not whole.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) < _HEAD.size:
        return None
    magic, file_id, count, n_names = _HEAD.unpack_from(data)
    end = _HEAD.size + 16 * count + n_names
    if magic != MAGIC or data[end : end + DIGEST_BYTES] != digest_of(data[:end]):
        return None
    numbers = array("q", data[_HEAD.size : _HEAD.size + 16 * count])
    names = data[end - n_names : end]
    ends = numbers[count:]
    paths = [names[begin:stop].decode() for begin, stop in zip([0, *ends], ends, strict=False)]
    head = JournalHead(file_id.decode("ascii"), paths, numbers[:count])
    records: dict[int, JournalRecord] = {}
    length = end + DIGEST_BYTES
    for found, stop in _batches(data, length):
        records.update((record.row, record) for record in found if record.row < count)
        length = stop
    return JournalContents(head, records, length)


def _batches(data: bytes, start: int) -> Iterator[tuple[list[JournalRecord], int]]:
    """Yield what was added, call by call, and where each ends, up to the first that is not whole."""
    while start + _COUNT.size <= len(data):
        (count,) = _COUNT.unpack_from(data, start)
        end = start + _COUNT.size + count * _RECORD.size
        stop = end + DIGEST_BYTES
        if stop > len(data) or digest_of(data[start:end]) != data[end:stop]:
            return
        yield [JournalRecord(*one) for one in _RECORD.iter_unpack(data[start + _COUNT.size : end])], stop
        start = stop


def files_in(reading: JournalContents) -> Iterator[tuple[SourceFile, int, bytes]]:
    """Yield every image that a journal says is filled: the file as it was read, its offset and its digest."""
    head = reading.head
    for row, record in reading.records.items():
        file = SourceFile(head.paths[row], head.sizes[row], record.mtime_ns, record.inode, record.ctime_ns)
        yield file, record.offset, record.digest
