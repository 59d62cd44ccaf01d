"""Which type a column of text can carry without losing anything: pure; the counting is done elsewhere.

A type is only ever proposed by the first rows, and must then be proved over every row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from functools import cache

from packhouse._src.table_records import ColumnType

LEADING_ZERO = "-?0[0-9]+"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A type a column may be proved to have."""

    name: str
    """As --types spells it, and as reasons say it."""

    pattern: str
    """Regular expression that the whole of every value must match; read the same by Python and by RE2."""

    parses: Callable[[str], bool]
    """Whether a text that matches is such a value, and the value says all that the text does."""

    arrow: str
    """Arrow type of the converted column."""

    singular: str
    """What one value of it is called."""

    plural: str
    """What several are called."""

    offset_minutes: int = 0
    """From UTC, of timestamps with a zone."""

    def holds(self, text: str) -> bool:
        """Say whether a cell is a value of this type, and can be had back from it."""
        return re.fullmatch(self.pattern, text) is not None and self.parses(text)


ALL_DIGITS = Context(prec=2000)
"""Enough for every double, written out."""


def nearest(value: float, power: int) -> Decimal:
    """Return the one decimal that stands for the size of a double, with a last digit of 10**power.

    At a power of two the nearest decimal of so many digits can be another double's: that of 2**-24 ends in
    062e-08, and is the double before. Then it is the one that Python writes, 5.960464477539063e-08.
    """
    shortest = abs(Decimal(repr(value)))
    if shortest.as_tuple().exponent == power:
        return shortest
    return abs(Decimal(value)).quantize(Decimal((0, (1,), power)), context=ALL_DIGITS)


def _fits_int64(text: str) -> bool:
    return -(2**63) <= int(text) < 2**63


def _fits_double(text: str) -> bool:
    mantissa = text.lower().partition("e")[0]
    digits = mantissa.replace(".", "").lstrip("-0")
    value = float(text)
    if not digits:
        return True
    # beyond 17 digits, or the range of a double, the text could not be had back; from 2**53 on a whole
    # number is an id as like as not
    if len(digits) > DOUBLE_DIGITS or not SMALLEST_DOUBLE <= abs(value) < math.inf:
        return False
    if abs(value) >= EXACT_WHOLE and text.lstrip("-").isdigit():
        return False
    number = Decimal(text)
    return abs(number) == nearest(value, int(number.as_tuple().exponent))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_timestamp(text: str) -> bool:
    return _is_date(text[:10])  # of the time of day the pattern has seen all


def _is_zoned_timestamp(text: str) -> bool:
    # kept as a time in UTC, which near the ends of the calendar may be in a year that no reader has
    try:
        datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True


WESTERNMOST, EASTERNMOST = -12, 14
"""Offsets from UTC, in hours, that places have."""

DOUBLE_DIGITS = 17
SMALLEST_DOUBLE = 2.2250738585072014e-308
"""The smallest that has its full precision (IEEE 754, binary64)."""

EXACT_WHOLE = 2.0**53
"""Below it every whole number is a double (IEEE 754, binary64)."""

# no sign before zero, no "+", no leading zero: the text can be had back from the number
INTEGER = Candidate(
    "integer", "0|-?[1-9][0-9]{0,18}", _fits_int64, "int64", "a whole number", "whole numbers"
)
_DECIMAL = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
# exponents as programs write them: behind decimals, or signed: 1.5e10, 1e-05, 1E+05. 12E03 may be a code;
# 1e5 is a number where others of the column have a point or a sign
FLOAT = Candidate(
    "float",
    rf"{_DECIMAL}|-?(0|[1-9][0-9]*)\.[0-9]+[eE]([-+][0-9]{{1,3}}|0|[1-9][0-9]{{0,2}})"
    r"|-?[0-9](e[-+]?[0-9]{1,3}|E[-+][0-9]{2,3})",
    _fits_double,
    "double",
    "a number that fits a double exactly",
    "numbers that fit a double exactly",
)
DEMANDED_FLOAT = Candidate(
    "float", rf"{_DECIMAL}([eE][-+]?[0-9]{{1,3}})?", _fits_double, "double", FLOAT.singular, FLOAT.plural
)
"""What --types takes for one: any exponent."""

BOOLEAN = Candidate(
    "boolean",
    "true|false|True|False|TRUE|FALSE",
    lambda _text: True,
    "bool",
    "true or false",
    "true or false",
)
_DAY = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{2}-[0-9]{2}"
_STAMP = _DAY + r"[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
DATE = Candidate("date", _DAY, _is_date, "date32", "an ISO date", "ISO dates")
TIMESTAMP = Candidate(
    "timestamp", _STAMP, _is_timestamp, "timestamp[us]", "an ISO timestamp", "ISO timestamps"
)

CANDIDATES = (INTEGER, FLOAT, BOOLEAN, DATE, TIMESTAMP)
"""Without timestamps of a zone, of which there is a candidate for each offset."""

TYPE_NAMES = ("text", *(candidate.name for candidate in CANDIDATES))

_ZONE = re.compile(_STAMP + "(?P<zone>Z|(?P<hours>[+-]([01][0-9]|2[0-3])):?(?P<minutes>[0-5][0-9])?)")


@cache
def _zoned(hours: str, minutes: str) -> Candidate:
    """Return the candidate for timestamps that are all of one offset from UTC.

    Offsets that differ from row to row would be lost in a column, which has but one: it stays text.
    """
    if hours[1:] == minutes == "00":
        zone, suffix = "UTC", "(Z|[+-]00(:?00)?)"
    else:
        zone = f"{hours}:{minutes}"
        suffix = re.escape(hours) + ("(:?00)?" if minutes == "00" else f":?{minutes}")
    # Polars refuses a whole file for a zone such as +05:30
    is_common = minutes == "00" and WESTERNMOST <= int(hours) <= EASTERNMOST
    arrow = f"timestamp[us, tz={zone if is_common else 'UTC'}]"
    one, more = (f"{what} in the zone {zone}" for what in ("an ISO timestamp", "ISO timestamps"))
    stored = "" if is_common else ", stored in UTC"
    offset = (60 * int(hours[1:]) + int(minutes)) * (-1 if hours.startswith("-") else 1)
    return Candidate(
        "timestamp", _STAMP + suffix, _is_zoned_timestamp, arrow, one + stored, more + stored, offset
    )


def _zone_candidates(present: Sequence[str]) -> tuple[Candidate, ...]:
    match = _ZONE.fullmatch(present[0]) if present else None
    if match is None:
        return ()
    return (_zoned(match["hours"] or "+00", match["minutes"] or "00"),)


def suggest(values: Sequence[str | None]) -> tuple[Candidate, ...]:
    """Return the candidates that all of some values match, the narrowest first.

    Args:
        values: Cells of one column; None is a missing one. Without any value all candidates remain.
    """
    present = [value for value in values if value is not None]
    return tuple(
        candidate
        for candidate in (*CANDIDATES, *_zone_candidates(present))
        if all(re.fullmatch(candidate.pattern, value) for value in present)
    )


def has_leading_zero(values: Sequence[str | None]) -> bool:
    """Say whether one of the values is a number written with a leading zero."""
    return any(value is not None and re.fullmatch(LEADING_ZERO, value) for value in values)


def typed(
    name: str,
    candidate: Candidate,
    *,
    rows: int,
    values: int,
    bounds: tuple[object, object],
    spelling: str | None = "",
) -> ColumnType:
    """Return the decision for a column whose every value was proved to fit.

    Args:
        name: Name of the column.
        candidate: The proved type.
        rows: Rows of the table.
        values: Those with a value.
        bounds: Smallest and largest value.
        spelling: As of `ColumnType`.
    """
    arrow, nulls = candidate.arrow, rows - values
    lowest, highest = bounds
    if values == 0:
        return ColumnType(name, arrow, f"{candidate.name}: requested; no values", rows)
    if candidate is BOOLEAN:
        return ColumnType(name, arrow, f"boolean: {_all_of(values)} true or false", nulls, spelling)
    what = candidate.plural if values != 1 else candidate.singular
    reason = f"{candidate.name}: {_all_of(values)} {what}, from {lowest} to {highest}"
    return ColumnType(name, arrow, reason, nulls, spelling)


def _all_of(values: int) -> str:
    return "the only value is" if values == 1 else f"all {values:,} values are"


def as_text(name: str, reason: str, *, rows: int, values: int) -> ColumnType:
    """Return the decision for a column that stays text, with the reason."""
    return ColumnType(name, "string", f"text: {reason}", rows - values)


def why_text(
    candidate: Candidate | None,
    *,
    values: int,
    zeros: int,
    misfits: int,
    example: str | None,
    beside: str | None = None,
) -> str:
    """Say why a column stays text.

    Args:
        candidate: What the first rows had suggested; None when nothing.
        values: Rows with a value.
        zeros: Those that are numbers with a leading zero.
        misfits: Those that do not fit the candidate, or all when there was none.
        example: One of those.
        beside: A value of another type than the example, when that alone is a number or a date.

    Returns:
        The reason, with its counts.
    """
    if values == 0:
        return "no values"
    if zeros:
        return f"{zeros:,} of {values:,} values start{'s' if zeros == 1 else ''} with 0"
    shown = _shorten(example or "")
    if candidate is None and beside is not None:
        return f"{shown} and {_shorten(beside)} are of different types"
    if candidate is None:
        is_code = DEMANDED_FLOAT.holds(example or "")
        return may_be_code(example or "") if is_code else f"{shown} is neither a number nor a date"
    if misfits == 1:
        return f"1 of {values:,} values is not {candidate.singular}: {shown}"
    return f"{misfits:,} of {values:,} values are not {candidate.plural}, such as {shown}"


def why_json_text(values: int, strings: int, nested: int) -> str:
    """Say why a column of JSON is text.

    Args:
        values: Rows with a value.
        strings: Those that are strings.
        nested: Those that are lists or objects.
    """
    if strings == values:
        return "the only value is a string" if values == 1 else f"all {values:,} values are strings"
    if nested == values:
        return f"{_all_of(values)} {'lists or objects' if values > 1 else 'a list or object'}, kept as JSON"
    found = [
        f"{count:,} of {values:,} values {'is' if count == 1 else 'are'} {one if count == 1 else more}"
        for count, one, more in (
            (strings, "a string", "strings"),
            (nested, "a list or object", "lists or objects"),
        )
        if count
    ]
    return ", ".join(found)


def may_be_code(text: str) -> str:
    """Say why a text stays one that has an exponent."""
    return f"{_shorten(text)} may be a code; --types makes numbers of such cells"


ONE_VALUE = "are one value"
"""Part of the reason for text where two spellings are, so that reports can show it."""


def why_apart(candidate: Candidate, clash: tuple[str, str], *, asked_as: str) -> str:
    """Say why a column stays text that has two spellings of one value.

    Args:
        candidate: The type that it could have had.
        clash: The two spellings.
        asked_as: The column as --types has it.

    Returns:
        The reason, with what to do.
    """
    one, other = map(_shorten, clash)
    return (
        f"{one} and {other} {ONE_VALUE} as {candidate.name} (--types {asked_as}={candidate.name} to allow it)"
    )


def _shorten(text: str, most: int = 40) -> str:
    return repr(text if len(text) <= most else text[: most - 1] + "…")
