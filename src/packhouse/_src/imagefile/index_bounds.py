"""How large an index may be: one from anyone costs little memory and time before it is refused.

Text repeats for almost nothing in a Parquet file: 7 KB can stand for gigabytes. So nothing is unfolded before
its size is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from packhouse._src.imagefile.format import INDEX_COLUMNS, INDEX_ROW_GROUP_ROWS
from packhouse._src.parquet_ import ParquetSource
from packhouse.errors import CorruptStoreError, Where

MOST_TEXT_BYTES = 64 << 20
"""Of a column of a row group: 4 KB, the longest path of Linux, for each of its 16,384 rows."""

MOST_TEXT = {name: MOST_TEXT_BYTES for name, kind in INDEX_COLUMNS.items() if kind == "string"}


def check_bounds(source: ParquetSource, starts: Sequence[int]) -> None:
    """See that an index has the row groups that packhouse writes.

    Args:
        source: The index.
        starts: Where its row groups start.

    Raises:
        CorruptStoreError: It has others.
    """
    size = max(1, starts[min(1, len(starts) - 1)])  # of the first, and all but the last
    if size > INDEX_ROW_GROUP_ROWS or starts != [*range(0, source.rows, size), source.rows]:
        raise refused(source, f"its {source.rows:,} rows are not in groups of {INDEX_ROW_GROUP_ROWS:,}")


def check_width(source: ParquetSource, width: int, rows: int) -> None:
    """See that keys of one width fit; raises as `check_bounds` does."""
    if width * rows > MOST_TEXT_BYTES:
        raise refused(source, f"{rows:,} keys of up to {width:,} bytes are too many")


def refused(source: ParquetSource, problem: str) -> CorruptStoreError:
    """Return the error for an index that is not read."""
    return CorruptStoreError(
        f"this is not an index that packhouse writes: {problem}",
        where=Where(file=str(source.path)),
        hint="it is damaged or malicious; packhouse repair PACK OUT rebuilds it from images.h5",
    )
