"""Proves, chunk by chunk, that the cells of a column are values of a type, and converts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.delimited.column_types import (
    BOOLEAN,
    DATE,
    FLOAT,
    INTEGER,
    LEADING_ZERO,
    TIMESTAMP,
    Candidate,
)
from packhouse._src.delimited.deciding import Guess, Styles, Tally
from packhouse._src.delimited.spelling.collisions import Pairs
from packhouse._src.delimited.spelling.float_cells import convert_floats
from packhouse._src.delimited.spelling.stamp_cells import boolean_styles, stamp_styles

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

    styles: Styles | None = None
    pairs: Pairs | None = None

    lowest: object = None
    highest: object = None
    misfit: str | None = None
    """The first cell that is no such value."""

    misfit_row: int = 0


def check_cells(candidate: Candidate, cells: pa.StringArray, *, collects: bool = False) -> Checked:
    """Convert cells, and see that each can be had back from its value.

    Args:
        candidate: The type.
        cells: Text; null where a cell is empty.
        collects: Whether to return the spelling of each value.

    Returns:
        The counts, and the values when all fit.

    Cost: one conversion to the type and one back; releases the interpreter lock. Misfits cost up to 2 us a
    distinct value more.
    """
    values = len(cells) - cells.null_count
    found = _convert_repeated(candidate, cells, collects=collects)
    if found is None:
        return _count_misfits(candidate, cells, values)
    if values == 0 or candidate is BOOLEAN:
        return Checked(values, values, *found)
    bounds = pc.min_max(found.typed)
    return Checked(values, values, *found, bounds["min"].as_py(), bounds["max"].as_py())


class Proof(NamedTuple):
    """What a chunk says of a column."""

    tally: Tally
    typed: pa.Array | None
    """The cells as the guess has them; None when one does not fit."""

    misfit_row: int = 0
    """The first that does not."""

    pairs: Pairs | None = None


def prove_column(tried: Guess, cells: pa.StringArray) -> Proof:
    """Count some cells of a column, and convert them.

    Args:
        tried: What the column was guessed to be.
        cells: Text; null where a cell is empty.
    """
    if tried.candidate is None:
        values = len(cells) - cells.null_count
        tally = Tally(values, zeros=count_leading_zeros(cells) if tried.counts_zeros else 0)
        if not (tried.is_empty and values):
            return Proof(tally, cells)
        row = pc.index(pc.is_valid(cells), value=True).as_py()
        tally.misfit = cells[row].as_py()
        return Proof(tally, None, row)
    found = check_cells(tried.candidate, cells, collects=tried.collects)
    tally = Tally(
        found.values, found.fits, found.lowest, found.highest, misfit=found.misfit, styles=found.styles
    )
    tally.misfit_row = found.misfit_row
    return Proof(tally, found.typed, found.misfit_row, found.pairs)


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


class _Converted(NamedTuple):
    typed: pa.Array
    styles: Styles | None = None
    pairs: Pairs | None = None


def _convert_repeated(candidate: Candidate, cells: pa.StringArray, *, collects: bool) -> _Converted | None:
    """Convert each distinct cell once, where they repeat (prices, dates); None when some cell is none."""
    first = cells.slice(0, FIRST_CELLS)
    if len(cells) < 2 * FIRST_CELLS or len(first.unique()) * MOST_DISTINCT > FIRST_CELLS:
        return _convert_all(candidate, cells, collects=collects)
    encoded = cells.dictionary_encode()
    found = _convert_all(candidate, encoded.dictionary, collects=collects)
    return None if found is None else found._replace(typed=pc.take(found.typed, encoded.indices))


def _convert_all(candidate: Candidate, cells: pa.StringArray, *, collects: bool = False) -> _Converted | None:
    """Return the values, or None when some cell is none."""
    try:
        if candidate.arrow == FLOAT.arrow:
            found = convert_floats(candidate, cells, collects=collects)
            return None if found is None else _Converted(*found)
        typed = _CONVERTERS.get(candidate.name, partial(_convert_stamps, candidate))(cells)
    except pa.ArrowInvalid:
        return None
    if typed is None:
        return None
    if candidate is BOOLEAN:
        return _Converted(typed, *boolean_styles(cells))
    if candidate.name == TIMESTAMP.name:
        return _Converted(typed, *stamp_styles(candidate, cells, typed, collects=collects))
    return _Converted(typed)


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


def _convert_booleans(cells: pa.StringArray) -> pa.Array | None:
    if not _all_true(_matches(cells, BOOLEAN.pattern)):
        return None
    return pc.equal(pc.utf8_lower(cells), "true")


def _convert_stamps(candidate: Candidate, cells: pa.StringArray) -> pa.Array | None:
    if not _all_true(_matches(cells, candidate.pattern)):
        return None
    typed = pc.cast(cells, arrow_type(candidate.arrow))
    span = pc.min_max(typed.cast(pa.int64()))
    first, last = span["min"].as_py(), span["max"].as_py()
    return typed if first is None or (first >= FIRST_MOMENT and last <= LAST_MOMENT) else None


def _all_true(mask: pa.BooleanArray) -> bool:
    return pc.all(mask).as_py() is not False


_CONVERTERS: dict[str, Callable[[pa.StringArray], pa.Array | None]] = {
    INTEGER.name: _convert_integers,
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
