"""The rows of the right tables of a join in memory: all of them, or those that some left rows need."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.parquet_ import ParquetSource, part_of
from packhouse._src.sql.joins.join_sql import Chain, Link, Side
from packhouse._src.sql.joins.matching import NONE, Numbers, as_places

MOST_TEXT = 2**31 - 1
"""Bytes of one Arrow array of text."""


@dataclass(frozen=True, slots=True)
class RightRows:
    """The columns of the right tables that a join has, in memory."""

    batches: tuple[pa.RecordBatch, ...]
    row_bytes: int
    """The longest row of all of them together."""

    @property
    def nbytes(self) -> int:
        """The memory that they take."""
        return sum(batch.nbytes for batch in self.batches)


def read_right(chain: Chain, *, most_bytes: int) -> RightRows | None:
    """Read the columns of the right tables that a join has.

    Args:
        chain: The join.
        most_bytes: Memory for them.

    Returns:
        The columns; None when they take more.
    """
    if sum(link.side.rows * link.side.row_bytes for link in chain.links) > 2 * most_bytes:
        return None  # not even worth trying: the first rows are not so unlike the others
    batches, row_bytes = [], 0
    for link in chain.links:
        names = [cell.column for cell in chain.cells if cell.side is link.side]
        columns: list[pa.Array] = []
        with closing(ParquetSource(link.side.path)) as source:
            for name in names:
                column = _read_column(source, name, link.side, most_bytes)
                if column is None:
                    return None
                most_bytes -= column.nbytes
                columns.append(column)
                row_bytes += _longest(column)
        batches.append(pa.RecordBatch.from_arrays(columns, names=names))
    return RightRows(tuple(batches), row_bytes)


def right_row_bytes(chain: Chain) -> int:
    """Say how large a row of the right tables is in memory, on average of the first row group of each."""
    total = 0
    for link in chain.links:
        names = [cell.column for cell in chain.cells if cell.side is link.side]
        with closing(ParquetSource(link.side.path)) as source:
            if names and source.rows:
                first = source.read(0, names)
                total += -(-first.nbytes // first.num_rows)
    return total


def read_needed(chain: Chain, matches: Sequence[Numbers]) -> tuple[RightRows, list[Numbers]]:
    """Read the rows of the right tables that some left rows need, each once.

    Args:
        chain: The join.
        matches: For each step, the number of the right row of each left row.

    Returns:
        Those rows, and the matches by their places among them.

    Cost: reads the right tables once; memory for a row group of each, and twice for what is needed.
    """
    batches, places, row_bytes = [], [], 0
    for link, numbers in zip(chain.links, matches, strict=True):
        needed = np.unique(numbers[numbers != NONE])
        batch = _take_rows(chain, link, needed)
        row_bytes += sum(map(_longest, batch.columns))
        batches.append(batch)
        found = np.searchsorted(needed, numbers).astype(np.int32)
        places.append(np.where(numbers == NONE, np.int32(NONE), found))
    return RightRows(tuple(batches), row_bytes), places


def _take_rows(chain: Chain, link: Link, needed: Numbers) -> pa.RecordBatch:
    """Read some rows of a right table by their numbers, which ascend."""
    names = [cell.column for cell in chain.cells if cell.side is link.side]
    parts: list[pa.Table] = []
    with closing(ParquetSource(link.side.path)) as source:
        schema = part_of(source.schema, names)
        starts = source.row_group_starts
        for group, (first, end) in enumerate(pairwise(starts)):
            start, stop = np.searchsorted(needed, [first, end])
            if names and start < stop:
                inside = as_places((needed[start:stop] - first).astype(np.int32))
                parts.append(source.read(group, names).take(inside))
    columns = [
        pa.concat_arrays([chunk for part in parts for chunk in part.column(name).chunks])
        if parts
        else pa.nulls(0, schema.field(name).type)
        for name in names
    ]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _read_column(source: ParquetSource, name: str, side: Side, most_bytes: int) -> pa.Array | None:
    """Read a column in one piece, so that rows are taken fast; None when it is too large."""
    kind = side.types[name]
    if pa.types.is_string(kind):
        return _read_text(source, name, most_bytes)
    chunks: list[pa.Array] = []
    for part in source.iterate([name]):
        chunks += part.column(0).chunks
        # it is there twice when put together
        if sum(chunk.nbytes for chunk in chunks) > min(most_bytes // 2, MOST_TEXT):
            return None
    return pa.concat_arrays(chunks or [pa.nulls(0, kind)])


def _read_text(source: ParquetSource, name: str, most_bytes: int) -> pa.Array | None:
    """Read a column of text, once for its size and once for itself: so it is never there twice."""
    parts = [
        [(len(cells), _letters(cells)[1].nbytes) for cells in part.column(0).chunks]
        for part in source.iterate([name])
    ]
    rows, size = (sum(one[place] for part in parts for one in part) for place in (0, 1))
    if size > MOST_TEXT or size + 4 * rows > most_bytes:
        return None
    letters, ends, there = np.empty(size, np.uint8), np.zeros(rows + 1, np.int32), np.ones(rows, bool)
    row = place = 0
    for part in source.iterate([name]):
        for cells in part.column(0).chunks:
            own_ends, own = _letters(cells)
            ends[row + 1 : row + 1 + len(cells)] = own_ends[1:] + np.int32(place)
            letters[place : place + own.nbytes] = own
            if cells.null_count:
                there[row : row + len(cells)] = _bits(cells.is_valid())
            row, place = row + len(cells), place + own.nbytes
    valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.string(), rows, [valid, pa.py_buffer(ends), pa.py_buffer(letters)])


def _letters(cells: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return where the text of each cell ends, counted from the first one, and all of the text."""
    _, offsets, data = cells.buffers()
    if offsets is None or not len(cells):
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    text = np.frombuffer(data if data is not None else b"", np.uint8)
    return ends - ends[0], text[ends[0] : ends[-1]]


def _bits(flags: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(flags.buffers()[1], np.uint8), bitorder="little")
    return bits[flags.offset : flags.offset + len(flags)].astype(bool)


def _longest(column: pa.Array) -> int:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return int(pc.max(pc.binary_length(column)).as_py() or 0)
    return 0
