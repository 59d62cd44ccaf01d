"""Cells as other tools have written them: ids without zeros, numbers with ".0", marks of missing values."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def as_whole_numbers(cells: pa.StringArray) -> pa.StringArray:
    """Take ".0" away behind whole numbers, which some tools write where a cell of the column is empty."""
    return pc.replace_substring_regex(cells, r"^(-?[0-9]+)\.0+$", r"\1")


def pad_numbers(cells: pa.StringArray, digits: int) -> tuple[pa.StringArray, int | None]:
    """Fill whole numbers up with zeros in front.

    Args:
        cells: Text; null where a cell is empty, which it stays.
        digits: Length that each is to have.

    Returns:
        The numbers as text, and the row of the first cell that is no whole number, or a longer one; None when
        there is none.
    """
    whole = as_whole_numbers(cells)
    fits = pc.and_(pc.match_substring_regex(whole, "^[0-9]+$"), pc.less_equal(pc.utf8_length(whole), digits))
    odd = pc.index(pc.fill_null(fits, fill_value=True), value=False).as_py()
    return pc.utf8_lpad(whole, digits, padding="0"), None if odd < 0 else odd


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
