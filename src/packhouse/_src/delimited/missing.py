"""Marks of missing values, such as NA, which a user names."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def without_marks(cells: pa.StringArray, marks: Sequence[str]) -> tuple[pa.StringArray, int]:
    """Make missing cells of marks.

    Args:
        cells: Text; null where a cell is empty.
        marks: Whole cells that mean a missing value, in quotes or not.

    Returns:
        The cells, and how many of them were marks.
    """
    found = pc.is_in(cells, value_set=pa.array(marks, pa.string()))
    count = int(pc.sum(found).as_py() or 0)
    return (pc.if_else(found, pa.scalar(None, pa.string()), cells), count) if count else (cells, 0)
