"""Decompresses the file of a table, by its first bytes: gzip, Zstandard, bzip2, xz or zip.

Python's own bz2 and lzma readers ignore data that they cannot read after the first stream of a file. Here
that is an error: rows would be missing.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Protocol

from packhouse._src.delimited.packed.zipped import ZIP_MAGIC, open_member
from packhouse._src.zstd_ import ZstdReader

GZIP_MAGIC = b"\x1f\x8b"
"""RFC 1952, 2.3.1."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""RFC 8878, 3.1.1."""

SKIPPABLE_MAGIC = b"\x2a\x4d\x18"
"""Of a frame to be stepped over, behind a byte from 0x50 to 0x5f; RFC 8878, 3.1.2."""

XZ_MAGIC = b"\xfd7zXZ\0"
"""The .xz File Format, 2.1.1.1."""

BZIP2_START = re.compile(rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)")
"""Header, then a block or the end; "BZh" alone may begin a text."""

HEAD_BYTES = 10
READ_BYTES = 64 << 10

XZ_MEMORY = 256 << 20
"""For one stream; xz -9 takes 65 MiB. A file that asks for gigabytes is an attack."""


class Bytes(Protocol):
    """What gives bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes; none at the end only."""


class _Decompressor(Protocol):
    """Decompresses one stream."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class JoinedStreams:
    """Decompresses all streams of a file, one behind the other.

    Args:
        packed: The file.
        make: Makes a decompressor for one stream.
    """

    def __init__(self, packed: Bytes, make: Callable[[], _Decompressor]) -> None:
        self._packed = packed
        self._make = make
        self._stream = make()

    def read(self, size: int) -> bytes:
        """Read on; nothing comes at the end only.

        Raises:
            OSError: A stream is damaged, or something else is behind it.
            EOFError: The last one ends early.
        """
        while True:
            data = b""
            if self._stream.eof:
                data = self._behind()
                if not data:
                    return b""
                self._stream = self._make()
            elif self._stream.needs_input and not (data := self._packed.read(READ_BYTES)):
                raise EOFError("the compressed data ends early")
            if found := self._stream.decompress(data, size):
                return found

    def _behind(self) -> bytes:
        """Return what is behind a stream; zeros may fill up the file."""
        data = self._stream.unused_data.lstrip(b"\0")
        while not data and (more := self._packed.read(READ_BYTES)):
            data = more.lstrip(b"\0")
        return data


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


@contextmanager
def decompressed(raw: IO[bytes], *, shown_as: str) -> Iterator[Bytes]:
    """Open a file, decompressed by what its first bytes say.

    Args:
        raw: The file, at its start.
        shown_as: Path of the table, for errors.

    Yields:
        Its bytes.

    Raises:
        CsvError: It is a zip archive of more than one file, or an encrypted one.
    """
    head = raw.read(HEAD_BYTES)
    raw.seek(0)
    if head.startswith(ZIP_MAGIC):
        with open_member(raw, shown_as=shown_as) as member:
            yield member
    elif head.startswith(GZIP_MAGIC):
        yield gzip.GzipFile(fileobj=raw, mode="rb")
    elif head.startswith(ZSTD_MAGIC) or head[1:].startswith(SKIPPABLE_MAGIC):
        yield ZstdReader(raw)
    elif head.startswith(XZ_MAGIC):
        yield JoinedStreams(raw, _xz)
    elif BZIP2_START.match(head):
        yield JoinedStreams(raw, bz2.BZ2Decompressor)
    else:
        yield raw
