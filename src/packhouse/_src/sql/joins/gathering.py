"""Writes a join whose pairs of rows are known: row group by row group of the left table, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.concurrency.in_order import map_in_order
from packhouse._src.concurrency.memory_gate import MemoryGate
from packhouse._src.concurrency.threads import default_workers
from packhouse._src.parquet_ import ROW_GROUP_BYTES, ParquetSink, ParquetSource
from packhouse._src.sql.joins.join_sql import Chain, Side
from packhouse._src.sql.joins.matching import NONE, Matches, Numbers
from packhouse._src.table_records import TableOutput

MOST_TEXT = 2**31 - 1
"""Bytes of one Arrow array of text."""

TIMES_HELD = 2
"""Rows of the result, and those of the left table of which they are made."""


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


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some rows of a row group of the left table, and the right rows of each."""

    group: int
    first: int
    matches: list[Numbers]


@dataclass(frozen=True, slots=True)
class _Gatherer:
    chain: Chain
    left: ParquetSource
    right: RightRows
    schema: pa.Schema

    def make(self, piece: _Piece) -> pa.RecordBatch:
        """Make the rows of the result of some left rows."""
        matches = piece.matches
        rows = self.left.read(piece.group).slice(piece.first, len(matches[0]))
        if self.chain.how == "inner":
            kept = np.logical_and.reduce([numbers != NONE for numbers in matches])
            if not kept.all():
                places = np.flatnonzero(kept).astype(np.int32)
                rows = rows.take(_as_places(places))
                matches = [numbers[places] for numbers in matches]
        columns = [_whole(column) for column in rows.columns]
        for numbers, batch in zip(matches, self.right.batches, strict=True):
            places = _as_places(numbers)
            columns += [column.take(places) for column in batch.columns]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def write_matches(  # noqa: PLR0913  # the rows, and the file
    output: TableOutput,
    chain: Chain,
    matches: Matches,
    right: RightRows,
    target: Path,
    *,
    memory_bytes: int,
    metadata: Mapping[str, object],
    on_rows: Callable[[int], None],
) -> int:
    """Write a join to a Parquet file, in the order of the left table.

    Args:
        output: How it is written.
        chain: The join.
        matches: What was found for it.
        right: Its right tables.
        target: The file to make; it must not exist.
        memory_bytes: For rows on their way to the file.
        metadata: Facts to keep in the file.
        on_rows: Called with the number of rows written so far.

    Returns:
        The number of rows written.

    Raises:
        NoSpaceError: The disk ran full; no file is left.

    Cost: the left table is decoded once, on threads, while one encodes.
    """
    schema = pa.schema([(cell.name, cell.side.types[cell.column]) for cell in chain.cells])
    row_bytes = chain.left.row_bytes + right.row_bytes
    gate = MemoryGate(memory_bytes)
    with closing(ParquetSource(chain.left.path)) as left:
        # all of a row group, unless its right rows might be so long that they do not fit
        most = max(1, ROW_GROUP_BYTES // max(1, right.row_bytes))

        def pieces() -> Iterator[tuple[_Piece, int]]:
            sizes = [end - start for start, end in pairwise(left.row_group_starts)]
            cuts = [
                (group, first, min(most, size - first))
                for group, size in enumerate(sizes)
                for first in range(0, size, most)
            ]
            numbers = matches.read([count for _, _, count in cuts])
            for (group, first, count), found in zip(cuts, numbers, strict=True):
                cost = TIMES_HELD * count * row_bytes
                gate.enter(cost)
                yield _Piece(group, first, found), cost

        gatherer = _Gatherer(chain, left, right, schema)
        with (
            ParquetSink(target, schema, metadata=metadata, compression=output.compression) as sink,
            closing(
                map_in_order(pieces(), lambda one: (gatherer.make(one[0]), one[1]), workers=default_workers())
            ) as made,
        ):
            try:
                for batch, cost in made:
                    sink.write(batch)
                    gate.leave(cost)
                    on_rows(sink.rows)
            finally:
                gate.open()
    return sink.rows


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])


def _as_places(numbers: Numbers) -> pa.Array:
    """Return numbers of rows as Arrow has them: null where there is none."""
    # not pa.array, which imports pandas where that is installed: half a second
    there = numbers != NONE
    valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.int32(), len(numbers), [valid, pa.py_buffer(numbers)])
