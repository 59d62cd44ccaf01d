"""Which type a column of text can carry without losing anything: pure; the counting is done elsewhere.

A type is only ever proposed by the first rows, and must then be proved over every row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LEADING_ZERO = "-?0[0-9]+"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A type a column may be proved to have."""

    name: str
    """As --types spells it, and as reasons say it."""

    pattern: str
    """Regular expression that the whole of every value must match; read the same by Python and by RE2."""

    guard: str
    """SQL condition on the text column {c}, beyond the pattern."""

    sql: str
    """DuckDB type of the converted column."""

    plural: str
    """What values of it are called."""


# no sign before zero, no "+", no leading zero: the text can be had back from the number
INTEGER = Candidate(
    "integer",
    "0|-?[1-9][0-9]{0,18}",
    "TRY_CAST({c} AS BIGINT) IS NOT NULL",
    "BIGINT",
    "whole numbers",
)

_DIGITS = "ltrim(replace(replace(split_part(lower({c}), 'e', 1), '.', ''), '-', ''), '0')"
# 17 significant digits name every double; more would be cut, and beyond its range it would become inf or 0;
# from 2**53 on a whole number, an id as like as not, would become its neighbour
FLOAT = Candidate(
    "float",
    r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?",
    f"length({_DIGITS}) <= 17 AND isfinite(TRY_CAST({{c}} AS DOUBLE))"
    f" AND (abs(TRY_CAST({{c}} AS DOUBLE)) >= 2.2250738585072014e-308 OR {_DIGITS} = '')"
    " AND (regexp_matches({c}, '[.eE]') OR abs(TRY_CAST({c} AS DOUBLE)) < 9007199254740992)",
    "DOUBLE",
    "numbers that a double holds",
)

_DAY = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{2}-[0-9]{2}"
DATE = Candidate("date", _DAY, "TRY_CAST({c} AS DATE) IS NOT NULL", "DATE", "ISO dates")
TIMESTAMP = Candidate(
    "timestamp",
    _DAY + r"[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?",
    "TRY_CAST({c} AS TIMESTAMP) IS NOT NULL",
    "TIMESTAMP",
    "ISO timestamps",
)

CANDIDATES = (INTEGER, FLOAT, DATE, TIMESTAMP)
TYPE_NAMES = ("text", *(candidate.name for candidate in CANDIDATES))

_WIDTHS = (
    ("TINYINT", 8, "int8"),
    ("SMALLINT", 16, "int16"),
    ("INTEGER", 32, "int32"),
    ("BIGINT", 64, "int64"),
)
_ARROW_NAMES = {
    "BIGINT": "int64",
    "DOUBLE": "double",
    "DATE": "date32",
    "TIMESTAMP": "timestamp[us]",
    "VARCHAR": "string",
}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What was decided for one column."""

    name: str
    """Name of the column."""

    sql: str
    """DuckDB type."""

    arrow: str
    """Arrow type, as the report and pack.json say it."""

    reason: str
    """Why, in words, with the counts."""

    nulls: int
    """Rows without a value."""


def suggest(values: Sequence[str | None]) -> tuple[Candidate, ...]:
    """Return the candidates that all of some values match, the narrowest first.

    Args:
        values: Cells of one column; None is a missing one. Without any value all candidates remain.
    """
    present = [value for value in values if value is not None]
    return tuple(
        candidate
        for candidate in CANDIDATES
        if all(re.fullmatch(candidate.pattern, value) for value in present)
    )


def has_leading_zero(values: Sequence[str | None]) -> bool:
    """Say whether one of the values is a number written with a leading zero."""
    return any(value is not None and re.fullmatch(LEADING_ZERO, value) for value in values)


def integer_width(lowest: int, highest: int) -> tuple[str, str]:
    """Return the smallest signed integer that holds both: its DuckDB and its Arrow name."""
    for sql, bits, arrow in _WIDTHS:
        if -(2 ** (bits - 1)) <= lowest and highest < 2 ** (bits - 1):
            return sql, arrow
    message = f"{lowest}..{highest} is beyond 64 bits"
    raise ValueError(message)


def typed(
    name: str, candidate: Candidate, *, rows: int, values: int, bounds: tuple[object, object]
) -> ColumnType:
    """Return the decision for a column whose every value was proved to fit.

    Args:
        name: Name of the column.
        candidate: The proved type.
        rows: Rows of the table.
        values: Those with a value.
        bounds: Smallest and largest value.
    """
    sql, arrow = candidate.sql, _ARROW_NAMES.get(candidate.sql, "")
    lowest, highest = bounds
    if candidate is INTEGER and isinstance(lowest, int) and isinstance(highest, int):
        sql, arrow = integer_width(lowest, highest)
    if values == 0:
        return ColumnType(name, sql, arrow, f"{candidate.name}: asked for; no values", rows)
    counted = "the only value is" if values == 1 else f"all {values:,} values are"
    what = candidate.plural if values != 1 else f"one of the {candidate.plural}"
    reason = f"{candidate.name}: {counted} {what}, from {lowest} to {highest}"
    return ColumnType(name, sql, arrow, reason, rows - values)


def as_text(name: str, reason: str, *, rows: int, values: int) -> ColumnType:
    """Return the decision for a column that stays text, with the reason."""
    return ColumnType(name, "VARCHAR", "string", f"text: {reason}", rows - values)


def why_text(
    candidate: Candidate | None, *, values: int, zeros: int, misfits: int, example: str | None
) -> str:
    """Say why a column stays text.

    Args:
        candidate: What the first rows had suggested; None when nothing.
        values: Rows with a value.
        zeros: Those that are numbers with a leading zero.
        misfits: Those that do not fit the candidate, or all when there was none.
        example: One of those.

    Returns:
        The reason, with its counts.
    """
    if values == 0:
        return "no values"
    if zeros:
        return f"{zeros:,} of {values:,} values start{'s' if zeros == 1 else ''} with 0"
    shown = _shorten(example or "")
    if candidate is None:
        return f"{shown} is neither a number nor a date"
    verb = "is" if misfits == 1 else "are"
    return f"{misfits:,} of {values:,} values {verb} not {candidate.plural}, such as {shown}"


def _shorten(text: str, most: int = 40) -> str:
    return repr(text if len(text) <= most else text[: most - 1] + "…")
