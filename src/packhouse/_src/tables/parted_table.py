"""A table that is a folder of Parquet files, read as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packhouse._src.parquet_ import ParquetSource
from packhouse._src.table_records import files_of_parts
from packhouse.errors import CorruptStoreError, Where

if TYPE_CHECKING:
    import pyarrow as pa


MOST_OPEN = 32
"""Of more parts, each is open only while it is read: a process can be limited to 256 open files."""


class PartedTable:
    """The parts of a table in their order, as one `ParquetSource`; opening reads the footers only.

    Args:
        path: The folder.
        text_as_dictionary: As of `ParquetSource`.

    Raises:
        CorruptStoreError: A part is missing or damaged.
    """

    def __init__(self, path: Path, *, text_as_dictionary: bool = False) -> None:
        self.path = path
        files = files_of_parts(path)
        self._parts: list[ParquetSource] = []
        self._is_large = len(files) > MOST_OPEN
        for file in files:
            self._parts.append(ParquetSource(file, text_as_dictionary=text_as_dictionary, is_bounded=True))
            self._rest(self._parts[-1])
        wanted = self._parts[0].metadata.get("parts") if self._parts else None
        if len(files) != wanted:
            self.close()
            raise CorruptStoreError(
                f"the table has {len(files):,} parts" + ("" if wanted is None else f", not {wanted:,}"),
                where=Where(file=str(path)),
                hint="restore the folder from a copy, or pack the data set again",
            )
        self._groups = [0, *accumulate(len(part.row_group_starts) - 1 for part in self._parts)]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(part.rows for part in self._parts)

    @property
    def row_counts(self) -> list[int]:
        """Number of rows of each part."""
        return [part.rows for part in self._parts]

    @property
    def metadata(self) -> dict[str, Any]:
        """What the first part keeps under the key "packhouse"."""
        return self._parts[0].metadata

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._parts[0].schema

    def columns_with_nulls(self) -> frozenset[str]:
        """Return the columns of integers and booleans that have missing values in any part."""
        return frozenset().union(*(part.columns_with_nulls() for part in self._parts))

    def integer_bounds(self) -> dict[str, tuple[int, int]]:
        """Return the smallest and largest value of each column of integers, as of `ParquetSource`."""
        found = [part.integer_bounds() for part in self._parts]
        names = [name for name in found[0] if all(name in one for one in found)]
        return {
            name: (min(one[name][0] for one in found), max(one[name][1] for one in found)) for name in names
        }

    @property
    def row_group_starts(self) -> list[int]:
        """Row at which each row group starts, then the number of rows."""
        starts = [0]
        for part in self._parts:
            first = starts.pop()
            starts += [first + start for start in part.row_group_starts]
        return starts

    def read(
        self, row_group: int, columns: Sequence[str] | None = None, *, threads: bool = False
    ) -> pa.Table:
        """Read some columns of one row group, counted over all parts; as of `ParquetSource`."""
        place = bisect_right(self._groups, row_group) - 1
        part = self._parts[place]
        found = part.read(row_group - self._groups[place], columns, threads=threads)
        self._rest(part)
        return found

    def iterate(self, columns: Sequence[str] | None = None, *, threads: bool = False) -> Iterable[pa.Table]:
        """Yield some columns of each row group in turn; as of `ParquetSource`."""
        for part in self._parts:
            yield from part.iterate(columns, threads=threads)
            self._rest(part)

    def _rest(self, part: ParquetSource) -> None:
        if self._is_large:
            part.rest()

    def close(self) -> None:
        """Close the files."""
        for part in self._parts:
            part.close()
