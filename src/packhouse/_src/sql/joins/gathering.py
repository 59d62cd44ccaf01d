"""Writes a join whose pairs of rows are known: row group by row group of the left table, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from packhouse._src.concurrency.in_order import map_in_order
from packhouse._src.concurrency.memory_gate import MemoryGate
from packhouse._src.concurrency.threads import default_workers
from packhouse._src.parquet_ import ROW_GROUP_BYTES, ParquetSink, ParquetSource, give_memory_back
from packhouse._src.sql.joins.join_sql import Chain
from packhouse._src.sql.joins.matching import NONE, Matches, Numbers, as_places
from packhouse._src.sql.joins.right_rows import RightRows, read_needed, right_row_bytes
from packhouse._src.table_records import TableOutput

RANGE_TIMES = 2
"""Right rows of a range of left rows have so many times the memory of the rows on their way to the file."""

TIMES_HELD = 2
"""Rows of the result, and those of the left table of which they are made."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some rows of a row group of the left table, and the right rows of each."""

    group: int
    first: int
    matches: Sequence[Numbers]
    right: RightRows


@dataclass(frozen=True, slots=True)
class _Gatherer:
    chain: Chain
    left: ParquetSource
    schema: pa.Schema

    def make(self, piece: _Piece) -> pa.RecordBatch:
        """Make the rows of the result of some left rows."""
        matches = piece.matches
        rows = self.left.read(piece.group).slice(piece.first, len(matches[0]))
        if self.chain.how == "inner":
            kept = np.logical_and.reduce([numbers != NONE for numbers in matches])
            if not kept.all():
                places = np.flatnonzero(kept).astype(np.int32)
                rows = rows.take(as_places(places))
                matches = [numbers[places] for numbers in matches]
        columns = [_whole(column) for column in rows.columns]
        for numbers, batch in zip(matches, piece.right.batches, strict=True):
            places = as_places(numbers)
            columns += [column.take(places) for column in batch.columns]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def write_matches(  # noqa: PLR0913  # the rows, and the file
    output: TableOutput,
    chain: Chain,
    matches: Matches,
    right: RightRows | None,
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
        right: Its right tables; None: their rows are read as they are needed, a range of left rows at a time.
        target: The file to make; it must not exist.
        memory_bytes: For rows on their way to the file.
        metadata: Facts to keep in the file.
        on_rows: Called with the number of rows written so far.

    Returns:
        The number of rows written.

    Raises:
        NoSpaceError: The disk ran full; no file is left.

    Cost: the left table is decoded once, on threads, while one encodes. Without `right`, the right tables are
    decoded once for each range of left rows, whose right rows take RANGE_TIMES as much memory besides.
    """
    schema = pa.schema([(cell.name, cell.side.types[cell.column]) for cell in chain.cells])
    gate, range_bytes = MemoryGate(memory_bytes), RANGE_TIMES * memory_bytes
    with closing(ParquetSource(chain.left.path)) as left:
        sizes = [end - start for start, end in pairwise(left.row_group_starts)]

        def pieces() -> Iterator[tuple[_Piece, int]]:
            if right is not None:
                yield from enter(0, sizes, matches.read(sizes), right)
                return
            ranges = _ranges(sizes, range_bytes, right_row_bytes(chain))
            numbers = matches.read([sum(sizes[begin:end]) for begin, end in ranges])
            for (begin, end), found in zip(ranges, numbers, strict=True):
                gate.wait_until_empty()  # the rows of the range before are no longer held
                give_memory_back()
                needed, places = read_needed(chain, found)
                counts = accumulate(sizes[begin:end], initial=0)
                own = [[one[row:last] for one in places] for row, last in pairwise(counts)]
                yield from enter(begin, sizes[begin:end], own, needed)
                del needed, places, own

        def enter(
            begin: int, sizes: Sequence[int], numbers: Iterable[Sequence[Numbers]], right: RightRows
        ) -> Iterator[tuple[_Piece, int]]:
            # all of a row group, unless its right rows might be so long that they do not fit
            most = max(1, ROW_GROUP_BYTES // max(1, right.row_bytes))
            row_bytes = TIMES_HELD * (chain.left.row_bytes + right.row_bytes)
            for group, (size, found) in enumerate(zip(sizes, numbers, strict=True), begin):
                for first in range(0, size, most):
                    own = [one[first : first + most] for one in found]
                    gate.enter(row_bytes * len(own[0]))
                    yield _Piece(group, first, own, right), row_bytes * len(own[0])

        gatherer = _Gatherer(chain, left, schema)
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


def _ranges(sizes: Sequence[int], memory_bytes: int, row_bytes: int) -> list[tuple[int, int]]:
    """Put row groups together whose right rows fit in memory: first group, and the one behind the last."""
    ranges, begin, rows = [], 0, 0
    for group, size in enumerate(sizes):
        if group > begin and (rows + size) * row_bytes > memory_bytes:
            ranges.append((begin, group))
            begin, rows = group, 0
        rows += size
    return [*ranges, (begin, len(sizes))] if sizes else []


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])
