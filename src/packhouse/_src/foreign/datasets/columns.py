"""Reads the columns of a third-party HDF5 file (offsets, names, labels), in place where that is possible."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from packhouse._src.foreign.found import Dataset, HostFile, RefusedError, Value, readable
from packhouse._src.foreign.global_heap import GlobalHeap

MOST_COLUMN_BYTES = 512 << 20
MOST_ROWS = 50_000_000
MOST_TEXT_BYTES = 64 << 10
"""Of one value of a column; what is longer is no name and no label."""


class LibraryReader(Protocol):
    """Reads through the HDF5 library."""

    def blocks(self, path: str, start: int = 0) -> Iterator[NDArray[np.generic] | NDArray[np.object_]]:
        """Yield the rows of a dataset from one on, a bounded number at once; a scalar is one row."""


class Columns:
    """Columns of one file.

    Args:
        file: The file.
        heap: Its values of variable length.
        library: For columns that are compressed or the like.
    """

    def __init__(self, file: HostFile, heap: GlobalHeap, library: LibraryReader) -> None:
        self._file = file
        self._heap = heap
        self._library = library
        self._kept: dict[str, Sequence[str]] = {}

    def keep(self, path: str, texts: Sequence[str]) -> None:
        """Take over a column of text that has been read already."""
        self._kept[path] = texts

    def numbers_of(self, column: Dataset) -> NDArray[np.int64]:
        """Read a column of offsets or lengths, in place."""
        if column.obstacle:
            raise RefusedError(f"it {column.obstacle}")
        values = np.frombuffer(self.stored(column), dtype=column.unit)
        if len(values) and (values.min() < 0 or values.max() > self._file.size):
            raise RefusedError("it points outside the data")
        return values.astype(np.int64)

    def names_of(self, column: Dataset) -> list[str]:
        """Read a column of names that can be parts of keys, each once."""
        names = [value if isinstance(value, str) else "" for value in self.values_of(column)]
        parts = (part for name in names for part in name.split("/"))
        if len(set(names)) < len(names) or any(part in {"", ".", ".."} or "\0" in part for part in parts):
            raise RefusedError("are not names")
        return names

    def values_of(self, column: Dataset) -> list[Value]:
        """Read a column as Python values: text, integers, floats (NaN as None) or booleans."""
        if column.rows > MOST_ROWS:
            raise RefusedError(f"has {column.rows:,} values; {MOST_ROWS:,} are read")
        if column.path in self._kept:
            return list(self._kept[column.path])
        if column.obstacle:
            self._check_size(column, within=MOST_COLUMN_BYTES)
            raw: Sequence[object] = [
                value for block in self._library.blocks(column.path) for value in block.ravel().tolist()
            ]
        elif column.kind == "vlen":
            raw = list(self._texts_of(column))
        else:
            values = np.frombuffer(self.stored(column), dtype=column.unit)
            raw = values.tolist()
        if column.kind == "enum":
            return _named(raw, column.members)
        return [_value_of(value, column.kind) for value in raw]

    def classes_of(self, column: Dataset) -> list[Value]:
        """Read one-hot labels: of each row the place of its only 1, where all others are 0."""
        self._check_size(column, within=MOST_COLUMN_BYTES)
        if column.obstacle:
            table = np.concatenate([np.asarray(block) for block in self._library.blocks(column.path)])
        else:
            table = np.frombuffer(self.stored(column), dtype=column.unit).reshape(column.shape or ())
        if not (((table == 0) | (table == 1)).all() and (table.sum(axis=1, dtype=np.float64) == 1).all()):
            raise RefusedError(
                f"has {table.shape[1]:,} numbers in each of its {len(table):,} rows, and is not one-hot: "
                "store each column as a dataset of its own"
            )
        return [int(place) for place in table.argmax(axis=1)]

    def head_of(self, column: Dataset) -> bytes:
        """Return the first value of a column of text that is not empty: what its values are shows there."""
        if column.obstacle:
            blocks = self._library.blocks(column.path)
            values = (as_bytes(value) for block in blocks for value in block.ravel().tolist())
            return next((value for value in values if value), b"")
        first = next((place for place in self.places_of(column) if place[1]), (0, 0))
        return self._file.read(*first).rstrip(b"\0") if first[1] else b""

    def places_of(self, column: Dataset) -> Iterator[tuple[int, int]]:
        """Yield offset and length in the file of each value of a column of text, or of variable length."""
        if column.kind == "vlen":
            width = self._heap.reference_bytes
            references = self.stored(column)
            for at in range(0, len(references), width):
                reference = references[at : at + width]
                yield self._heap.locate(reference) if any(reference) else (0, 0)
        else:
            for row in range(column.rows):
                yield start_of(column, row), column.item_bytes

    def _texts_of(self, column: Dataset) -> Iterator[bytes]:
        for offset, length in self.places_of(column):
            if length > MOST_TEXT_BYTES:
                raise RefusedError(f"holds a text of {length:,} bytes")
            yield self._file.read(offset, length) if length else b""

    def stored(self, column: Dataset) -> bytes:
        """Read a column in place; declared sizes are checked against the file before memory is allocated."""
        self._check_size(column, within=min(MOST_COLUMN_BYTES, self._file.size))
        width = column.item_bytes * math.prod((column.shape or ())[1:])
        parts = []
        for row in range(0, column.rows, column.piece_rows):
            rows = min(column.piece_rows, column.rows - row)
            parts.append(self._file.read(start_of(column, row), rows * width))
        return b"".join(parts)

    def _check_size(self, column: Dataset, *, within: int) -> None:
        whole = math.prod(column.shape or ()) * column.item_bytes
        if whole > within:
            raise RefusedError(f"a column of {whole:,} bytes")


def start_of(dataset: Dataset, row: int) -> int:
    """Return where a row begins in the file.

    Args:
        dataset: One whose bytes lie there as they are.
        row: Along the first axis.

    Returns:
        Bytes from the start of the file; 0 where there is nothing.

    Raises:
        RefusedError: It was never written.
    """
    if not dataset.rows or not dataset.starts:
        return 0
    piece, rest = divmod(row, dataset.piece_rows)
    start = dataset.starts[piece] if piece < len(dataset.starts) else -1
    if start < 0:
        raise RefusedError("was declared but never written")
    return start + rest * dataset.item_bytes * math.prod((dataset.shape or ())[1:])


def _value_of(value: object, kind: str) -> Value:
    if kind == "bool":
        return bool(value)
    if isinstance(value, (bytes, str)):
        data = as_bytes(value).rstrip(b"\0")
        if len(data) > MOST_TEXT_BYTES:
            raise RefusedError(f"holds a text of {len(data):,} bytes")
        return readable(data)
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value if isinstance(value, int) else None


def _named(values: Sequence[object], members: Mapping[int, str]) -> list[Value]:
    """Return the names of values of an enumeration."""
    found: list[Value] = [members.get(value) if isinstance(value, int) else None for value in values]
    if None in found:
        raise RefusedError(f"holds {values[found.index(None)]}, for which its enumeration has no name")
    return found


def as_bytes(value: object) -> bytes:
    """Return a value that h5py has read, text or bytes, as bytes."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value) if isinstance(value, (bytes, np.ndarray)) else b""
