"""Cuts the file of a table into a folder of files with so many rows each, encoded beside each other.

The bytes of a part follow from its rows alone, so they are the same whatever the number of workers.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packhouse._src.concurrency.in_order import map_in_order
from packhouse._src.imagefile.digest import digest_of_file
from packhouse._src.parquet_ import ROW_GROUP_BYTES, ParquetSink, ParquetSource
from packhouse._src.table_records import MOST_PARTS, PART_NAME, TablePart
from packhouse.errors import TableError, Where
from packhouse.progress import Observer, task

WORKER_BYTES = 5 * ROW_GROUP_BYTES
"""A row group that is read, the one that is written, and what encodes it."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """The file that is cut."""

    path: Path
    folder: Path
    """Where the parts are written."""

    rows: int
    rows_per_file: int
    starts: Sequence[int]
    facts: dict[str, Any]
    with_nulls: frozenset[str]
    compression: str

    @property
    def count(self) -> int:
        """Number of parts."""
        return max(1, -(-self.rows // self.rows_per_file))

    def write(self, number: int) -> TablePart:
        """Write one part."""
        first = number * self.rows_per_file
        end = min(self.rows, first + self.rows_per_file)
        target = self.folder / PART_NAME.format(number)
        with (
            closing(ParquetSource(self.path)) as source,
            ParquetSink(
                target,
                source.schema.remove_metadata(),
                metadata={**self.facts, "part": number, "parts": self.count},
                compression=self.compression,
                with_nulls=self.with_nulls,
            ) as sink,
        ):
            for group, start in enumerate(self.starts[:-1]):
                begin, stop = max(first, start), min(end, self.starts[group + 1])
                if begin < stop:
                    for batch in source.read(group).slice(begin - start, stop - begin).to_batches():
                        sink.write(batch)
        return TablePart(target.name, end - first, target.stat().st_size, digest_of_file(target))


def workers_within(memory_bytes: int, workers: int) -> int:
    """Return how many parts can be written at once: fewer where memory is short."""
    return max(1, min(workers, memory_bytes // WORKER_BYTES))


def cut_into_parts(  # what is cut, into what, by whom
    path: Path,
    name: str,
    rows_per_file: int,
    *,
    compression: str,
    workers: int,
    observer: Observer,
) -> tuple[TablePart, ...]:
    """Put a folder of parts in the place of the file of a table.

    Args:
        path: The file, and then the folder.
        name: What the progress calls the table.
        rows_per_file: Rows of every part but the last.
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
        whole = _Whole(
            path,
            folder,
            source.rows,
            rows_per_file,
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
    made = []
    with (
        task(observer, f"parts of {name}", total=whole.rows, unit="rows") as progress,
        closing(map_in_order(iter(range(whole.count)), whole.write, workers=workers)) as parts,
    ):
        for part in parts:
            made.append(part)
            progress.advance(part.rows)
    path.unlink()
    folder.rename(path)
    return tuple(made)
