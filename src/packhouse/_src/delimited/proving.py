"""Proves, chunk by chunk, that the cells of a column are values of a type, and converts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.delimited.column_types import (
    BOOLEAN,
    DATE,
    EXACT_WHOLE,
    FLOAT,
    INTEGER,
    LEADING_ZERO,
    SMALLEST_DOUBLE,
    Candidate,
)
from packhouse._src.delimited.deciding import Guess, Tally

FIRST_CELLS = 2000
MOST_DISTINCT = 2
"""Cells are converted once a distinct one when of the first ones at most this part is distinct: a half."""

FIRST_YEAR_DAY = -719_162
"""0001-01-01 in days from 1970-01-01: the first that Python's datetime.date has."""

FIRST_MOMENT, LAST_MOMENT = FIRST_YEAR_DAY * 86_400_000_000, 253_402_300_800_000_000 - 1
"""In microseconds from 1970-01-01: the years 1 to 9999 of datetime.datetime, in UTC where there is a zone."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of some cells of one column."""

    values: int
    """Cells that are not empty."""

    fits: int
    """Those that are values of the type."""

    typed: pa.Array | None = None
    """All cells converted, when all fit."""

    lowest: object = None
    highest: object = None
    misfit: str | None = None
    """The first cell that is no such value."""

    misfit_row: int = 0


def check_cells(candidate: Candidate, cells: pa.StringArray) -> Checked:
    """Convert cells, and see that each can be had back from its value.

    Args:
        candidate: The type.
        cells: Text; null where a cell is empty.

    Returns:
        The counts, and the values when all fit.

    Cost: one conversion to the type and one back; releases the interpreter lock. Misfits cost up to 2 us a
    distinct value more.
    """
    values = len(cells) - cells.null_count
    typed = _convert_repeated(candidate, cells)
    if typed is None:
        return _count_misfits(candidate, cells, values)
    if values == 0 or candidate is BOOLEAN:
        return Checked(values, values, typed)
    bounds = pc.min_max(typed)
    return Checked(values, values, typed, bounds["min"].as_py(), bounds["max"].as_py())


def prove_column(tried: Guess, cells: pa.StringArray) -> tuple[Tally, pa.Array | None, int]:
    """Count some cells of a column, and convert them.

    Args:
        tried: What the column was guessed to be.
        cells: Text; null where a cell is empty.

    Returns:
        The counts; the cells as the guess has them, None when one does not fit; the row of the first misfit.
    """
    if tried.candidate is None:
        values = len(cells) - cells.null_count
        tally = Tally(values, zeros=count_leading_zeros(cells) if tried.counts_zeros else 0)
        if not (tried.is_empty and values):
            return tally, cells, 0
        row = pc.index(pc.is_valid(cells), value=True).as_py()
        tally.misfit = cells[row].as_py()
        return tally, None, row
    found = check_cells(tried.candidate, cells)
    tally = Tally(found.values, found.fits, found.lowest, found.highest, misfit=found.misfit)
    if found.typed is None or str(found.typed.type) == tried.arrow:
        return tally, found.typed, found.misfit_row
    try:
        return tally, pc.cast(found.typed, arrow_type(tried.arrow)), 0
    except pa.ArrowInvalid:  # wider than those seen so far
        return tally, None, 0


def arrow_type(name: str) -> pa.DataType:
    """Return the Arrow type of a name that `ColumnType.arrow` uses."""
    if name.startswith("timestamp"):
        _, _, zone = name.partition("tz=")
        return pa.timestamp("us", zone.removesuffix("]") or None)
    return pa.type_for_alias(name)


def count_leading_zeros(cells: pa.StringArray) -> int:
    """Count the cells that are numbers written with a leading zero."""
    return int(pc.sum(_matches(cells, LEADING_ZERO)).as_py() or 0)


def _matches(cells: pa.StringArray, pattern: str) -> pa.BooleanArray:
    return pc.match_substring_regex(cells, f"^(?:{pattern})$")


def _convert_repeated(candidate: Candidate, cells: pa.StringArray) -> pa.Array | None:
    """Convert each distinct cell once, where they repeat (prices, dates); None when some cell is none."""
    first = cells.slice(0, FIRST_CELLS)
    if len(cells) < 2 * FIRST_CELLS or len(first.unique()) * MOST_DISTINCT > FIRST_CELLS:
        return _convert_all(candidate, cells)
    encoded = cells.dictionary_encode()
    typed = _convert_all(candidate, encoded.dictionary)
    return None if typed is None else pc.take(typed, encoded.indices)


def _convert_all(candidate: Candidate, cells: pa.StringArray) -> pa.Array | None:
    """Return the values, or None when some cell is none."""
    convert = _CONVERTERS.get(candidate.name)
    if convert is None:
        return _convert_matching(candidate, cells)
    try:
        return convert(cells)
    except pa.ArrowInvalid:
        return None


def _convert_integers(cells: pa.StringArray) -> pa.Array | None:
    typed = pc.cast(cells, pa.int64())
    # Arrow takes 007 for 7 and 0x10 for 16: only what it writes back is the same
    return typed if pc.cast(typed, pa.string()).equals(cells) else None


def _convert_dates(cells: pa.StringArray) -> pa.Array | None:
    typed = pc.cast(cells, pa.date32())
    first = pc.min(typed.cast(pa.int32())).as_py()
    if first is not None and first < FIRST_YEAR_DAY:
        return None
    return typed if pc.cast(typed, pa.string()).equals(cells) else None


def _convert_floats(cells: pa.StringArray) -> pa.Array | None:
    typed = pc.cast(cells, pa.float64())
    back, size = pc.cast(typed, pa.string()), pc.abs(typed)
    same = pc.and_(
        pc.equal(back, cells),
        pc.and_(
            pc.less(size, EXACT_WHOLE),
            pc.or_(pc.greater_equal(size, SMALLEST_DOUBLE), pc.equal(size, 0.0)),
        ),
    )
    # the rest are other spellings, such as 1.10 and 1e5; false where a cell is empty, too
    others = cells.filter(pc.invert(pc.fill_null(same, fill_value=True)))
    return typed if all(map(FLOAT.holds, others.unique().to_pylist())) else None


def _convert_booleans(cells: pa.StringArray) -> pa.Array | None:
    if not _all_true(_matches(cells, BOOLEAN.pattern)):
        return None
    return pc.equal(pc.utf8_lower(cells), "true")


def _convert_matching(candidate: Candidate, cells: pa.StringArray) -> pa.Array | None:
    if not _all_true(_matches(cells, candidate.pattern)):
        return None
    try:
        typed = pc.cast(cells, arrow_type(candidate.arrow))
    except pa.ArrowInvalid:
        return None
    span = pc.min_max(typed.cast(pa.int64()))
    first, last = span["min"].as_py(), span["max"].as_py()
    return typed if first is None or (first >= FIRST_MOMENT and last <= LAST_MOMENT) else None


def _all_true(mask: pa.BooleanArray) -> bool:
    return pc.all(mask).as_py() is not False


_CONVERTERS: dict[str, Callable[[pa.StringArray], pa.Array | None]] = {
    INTEGER.name: _convert_integers,
    FLOAT.name: _convert_floats,
    BOOLEAN.name: _convert_booleans,
    DATE.name: _convert_dates,
}


def _count_misfits(candidate: Candidate, cells: pa.StringArray, values: int) -> Checked:
    matching = pc.fill_null(_matches(cells, candidate.pattern), fill_value=False)
    fitting = matching
    if _convert_all(candidate, cells.filter(matching)) is None:
        good = [text for text in cells.filter(matching).unique().to_pylist() if candidate.holds(text)]
        fitting = pc.is_in(cells, value_set=pa.array(good, pa.string()))
    fits = int(pc.sum(fitting).as_py() or 0)
    odd = pc.and_(pc.is_valid(cells), pc.invert(fitting))
    row = pc.index(odd, value=True).as_py()
    if row < 0:  # the two ways of looking at a cell contradict each other
        message = f"{candidate.name}: all cells are valid, but not all were converted"
        raise AssertionError(message)
    return Checked(values, fits, misfit=cells[row].as_py(), misfit_row=row)
