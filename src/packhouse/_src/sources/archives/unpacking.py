"""The compression methods of zip, each a part at a time and never more than is asked for.

`zipfile` unpacks bzip2 and LZMA without a limit: four kilobytes can become gigabytes of memory.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA

PART_BYTES = 1 << 20
SMALLEST_DICTIONARY = 4096
LZMA_HEADER = struct.Struct("<2xHBI")
LZMA_PROPERTIES = 5

DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)
"""What the decompressors raise."""


class Decompressor(Protocol):
    """As bz2 and lzma have it."""

    @property
    def eof(self) -> bool:
        """Whether the end was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes without more input."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Take some input and return at most so many bytes."""


class _Inflate:
    """Deflate, with the interface of the others."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


class _Lzma:
    """LZMA, whose settings stand before its bytes (APPNOTE.TXT, 5.8.8)."""

    eof = False
    needs_input = True

    def __init__(self, size: int) -> None:
        self._size = size
        self._raw: lzma.LZMADecompressor | None = None

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._raw is None:
            length, packed, dictionary = LZMA_HEADER.unpack_from(data)
            if length != LZMA_PROPERTIES:
                raise ValueError(f"{length} bytes of LZMA settings")
            # a dictionary larger than the file is of no use, and would take its memory
            dictionary = max(min(dictionary, self._size), SMALLEST_DICTIONARY)
            lc, lp, pb = packed % 9, packed // 9 % 5, packed // 45
            lzma1 = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}
            self._raw = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[lzma1])
            data = data[LZMA_HEADER.size :]
        part = self._raw.decompress(data, max_length)
        self.eof, self.needs_input = self._raw.eof, self._raw.needs_input
        return part


DECOMPRESSORS: dict[int, Callable[[int], Decompressor]] = {
    ZIP_DEFLATED: lambda _size: _Inflate(),
    ZIP_BZIP2: lambda _size: bz2.BZ2Decompressor(),
    ZIP_LZMA: _Lzma,
}
"""Method -> a decompressor for a file of some size."""

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError

    DECOMPRESSORS[93] = lambda _size: ZstdDecompressor()
    DAMAGE = (*DAMAGE, ZstdError)


def unpack(method: int, packed: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Decompress a member.

    Args:
        method: One of DECOMPRESSORS.
        packed: Its compressed bytes.
        size: What it should be.

    Yields:
        Its bytes; one more than `size` at most, which tells that there are more.
    """
    decompressor, inputs, left = DECOMPRESSORS[method](size), iter(packed), size + 1
    while left and not decompressor.eof:
        data = next(inputs, b"") if decompressor.needs_input else b""
        if not data and decompressor.needs_input:
            break
        part = decompressor.decompress(data, min(left, PART_BYTES))
        left -= len(part)
        yield part
