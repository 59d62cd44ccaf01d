"""Cuts the file of a table into a folder of files: of so many rows each, or of its partitions.

They are encoded beside each other.

The bytes of a part follow from its rows alone, so they are the same whatever the number of workers.
"""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from packhouse._src.concurrency.in_order import map_in_order
from packhouse._src.imagefile.digest import digest_of_file
from packhouse._src.parquet_ import ROW_GROUP_BYTES, ParquetSink, ParquetSource
from packhouse._src.sql.partitioning import Partition
from packhouse._src.table_records import MOST_PARTS, PART_NAME, TablePart
from packhouse.errors import TableError, Where
from packhouse.progress import Observer, task

WORKER_BYTES = 5 * ROW_GROUP_BYTES
"""A row group that is read, the one that is written, and what encodes it."""


RowGroupReader = Callable[[int], Any]
"""Gives a row group as an Arrow table."""


class Piece(NamedTuple):
    """Rows of a table that become one file."""

    number: int
    file: str
    """Its path below the folder of the table."""

    first: int
    end: int


def plan_pieces(
    rows: int, rows_per_file: int | None, partitions: Sequence[Partition] = ()
) -> Iterator[Piece]:
    """Yield the pieces of a table in the order of its rows.

    Args:
        rows: How many it has.
        rows_per_file: Most rows of a piece; None: all of its partition.
        partitions: In the order of the rows; empty: the table is not partitioned.
    """
    number, start = 0, 0
    for folder, n_rows in [(f"{one.folder}/", one.rows) for one in partitions] or [("", rows)]:
        step = rows_per_file or max(1, n_rows)
        for place in range(max(1, -(-n_rows // step))):
            first = start + place * step
            end = min(start + n_rows, first + step)
            yield Piece(number, f"{folder}{PART_NAME.format(place)}", first, end)
            number += 1
        start += n_rows


@dataclass(frozen=True, slots=True)
class _Whole:
    """The file that is cut."""

    path: Path
    folder: Path
    """Where the parts are written."""

    count: int
    """Number of parts."""

    starts: Sequence[int]
    facts: dict[str, Any]
    with_nulls: frozenset[str]
    compression: str

    def tasks(self, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
        """Yield what is written by one worker: pieces that start in one row group, which is read once."""
        for _, some in groupby(pieces, lambda piece: bisect_right(self.starts, piece.first)):
            yield list(some)

    def write(self, pieces: Sequence[Piece]) -> list[TablePart]:
        """Write some parts."""
        with closing(ParquetSource(self.path)) as source:
            read = lru_cache(maxsize=1)(source.read)
            return [self._write(piece, source, read) for piece in pieces]

    def _write(self, piece: Piece, source: ParquetSource, read: RowGroupReader) -> TablePart:
        target = self.folder / piece.file
        target.parent.mkdir(exist_ok=True)
        with ParquetSink(
            target,
            source.schema.remove_metadata(),
            metadata={**self.facts, "part": piece.number, "parts": self.count},
            compression=self.compression,
            with_nulls=self.with_nulls,
        ) as sink:
            for group, start in enumerate(self.starts[:-1]):
                begin, stop = max(piece.first, start), min(piece.end, self.starts[group + 1])
                if begin < stop:
                    for batch in read(group).slice(begin - start, stop - begin).to_batches():
                        sink.write(batch)
        return TablePart(piece.file, piece.end - piece.first, target.stat().st_size, digest_of_file(target))


def workers_within(memory_bytes: int, workers: int) -> int:
    """Return how many parts can be written at once: fewer where memory is short."""
    return max(1, min(workers, memory_bytes // WORKER_BYTES))


def cut_into_parts(  # noqa: PLR0913  # what is cut, into what, by whom
    path: Path,
    name: str,
    rows_per_file: int | None,
    *,
    partitions: Sequence[Partition] = (),
    compression: str,
    workers: int,
    observer: Observer,
) -> tuple[TablePart, ...]:
    """Put a folder of parts in the place of the file of a table.

    Args:
        path: The file, and then the folder.
        name: What the progress calls the table.
        rows_per_file: Rows of every part but the last, of the table or of a partition; None: no limit.
        partitions: In the order of the rows of the file.
        compression: One of table_records.COMPRESSIONS.
        workers: Parts that are written at once.
        observer: Progress callback.

    Returns:
        The parts, in the order of their rows.

    Raises:
        TableError: There would be too many.
        NoSpaceError: The disk ran full.

    Cost: decodes and encodes the table once more, each part on a thread of its own; memory of one row group
    per worker.
    """
    folder = path.with_name(f"{path.name}.parts")
    shutil.rmtree(folder, ignore_errors=True)
    with closing(ParquetSource(path)) as source:
        pieces = list(plan_pieces(source.rows, rows_per_file, partitions))
        whole = _Whole(
            path,
            folder,
            len(pieces),
            source.row_group_starts,
            source.metadata,
            source.columns_with_nulls(),
            compression,
        )
    if whole.count > MOST_PARTS:
        raise TableError(
            f"would have {whole.count:,} parts, more than {MOST_PARTS:,}",
            where=Where(member=name),
            hint="a larger --rows-per-file",
        )
    folder.mkdir()
    made: list[TablePart] = []
    with (
        task(observer, f"parts of {name}", total=pieces[-1].end, unit="rows") as progress,
        closing(map_in_order(whole.tasks(pieces), whole.write, workers=workers)) as parts,
    ):
        for some in parts:
            made += some
            progress.advance(sum(part.rows for part in some))
    path.unlink()
    folder.rename(path)
    return tuple(made)
