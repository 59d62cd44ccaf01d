"""Which type each column gets: proposed by the first rows, decided by counts over all of them. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from packhouse._src.delimited.column_types import (
    BOOLEAN,
    CANDIDATES,
    DEMANDED_FLOAT,
    FLOAT,
    Candidate,
    as_text,
    has_leading_zero,
    may_be_code,
    suggest,
    typed,
    why_apart,
    why_json_text,
    why_text,
)
from packhouse._src.delimited.spelling.float_spelling import FloatStyles, decode
from packhouse._src.delimited.spelling.stamp_spelling import BOOLEAN_WORDS, Shape
from packhouse._src.table_records import ColumnType
from packhouse.errors import TypingError, Where


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, as errors and reasons name it."""

    table: str
    shown_as: str
    """Path of its file."""


class Clash(NamedTuple):
    """Two spellings of one value."""

    candidate: Candidate
    """As which they are one."""

    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Guess:
    """What is to be proved of one column."""

    candidates: tuple[Candidate, ...] = ()
    """In the order to try; the column stays text when none is left."""

    arrow: str = "string"
    """Type to convert to while proving."""

    counts_zeros: bool = False
    """Whether to count values with a leading zero."""

    example: str | None = None
    """A value that is neither number nor date."""

    beside: str | None = None
    """A value of another type than the example, when every value alone is of some type."""

    is_empty: bool = False
    """Whether no value has been seen, so that there is nothing to try until one is."""

    forced: bool = False
    """Whether the user asked for it."""

    collects: bool = False
    """Whether its values are to be compared, since they are spelled in several styles."""

    clash: Clash | None = None
    """Two spellings of one value, for which the column stays text."""

    @property
    def takes_any_text(self) -> bool:
        """Whether strings and numbers of JSON are alike here: as text, or where the user asked for a type."""
        return self.forced or (not self.candidates and not self.is_empty)

    @property
    def candidate(self) -> Candidate | None:
        """The type to prove."""
        return self.candidates[0] if self.candidates else None


class Styles(Protocol):
    """The ways in which the cells of a column are written."""

    @property
    def is_one(self) -> bool:
        """Whether no two of such spellings are one value."""

    @property
    def recipe(self) -> str | None:
        """How the cells are had back from the values, as of `ColumnType.spelling`."""

    def add(self, other: Any, /) -> None:  # noqa: ANN401  # styles of the same kind
        """Take in the styles of more cells."""


@dataclass(slots=True)
class Tally:
    """What was counted of one column, over the chunks so far."""

    values: int = 0
    fits: int = 0
    lowest: Any = None
    highest: Any = None
    zeros: int = 0
    misfit: str | None = None
    """The first value that does not fit."""

    misfit_line: int | None = None
    misfit_row: int = 0
    """Row of it, counted from 0: of the chunk, then of the table."""

    marked: int = 0
    """Cells that were marks of a missing value."""

    strings: int = 0
    """Cells that are strings of JSON."""

    nested: int = 0
    """Cells that are lists or objects of JSON."""

    styles: Styles | None = None
    """How the values are written; None of types whose values have one spelling each."""

    clash: Clash | None = None
    """Two spellings of one value, when one was found."""

    def add(self, other: Tally, *, rows: int = 0) -> None:
        """Count the next chunk in, before which there are so many rows."""
        self.marked += other.marked
        self.strings += other.strings
        self.nested += other.nested
        self.values += other.values
        self.fits += other.fits
        self.zeros += other.zeros
        if self.misfit is None:
            self.misfit, self.misfit_line = other.misfit, other.misfit_line
            self.misfit_row = rows + other.misfit_row
        if self.styles is None:
            self.styles = other.styles
        elif other.styles is not None:
            self.styles.add(other.styles)
        if other.lowest is not None:
            self.lowest = other.lowest if self.lowest is None else min(self.lowest, other.lowest)
            self.highest = other.highest if self.highest is None else max(self.highest, other.highest)

    def is_odd_last(self, rows: int) -> bool:
        """Say whether of so many rows the last one alone does not fit."""
        return self.values - self.fits == 1 < self.fits and self.misfit_row == rows - 1


@dataclass(slots=True)
class Counts:
    """What was counted over a whole table."""

    tallies: list[Tally]
    rows: int = 0

    def add(self, rows: int, tallies: Sequence[Tally]) -> None:
        """Count the next chunk in."""
        for tally, more in zip(self.tallies, tallies, strict=True):
            tally.add(more, rows=self.rows)
        self.rows += rows


def guess(first: Sequence[str | None], wanted: str | None) -> Guess:
    """Propose what to prove of a column.

    Args:
        first: Its first cells.
        wanted: The type that the user asked for; None: whatever fits.
    """
    if wanted == "text":
        return Guess(forced=True)
    present = [value for value in first if value is not None]
    if wanted is not None:
        return _forced(present, wanted)
    if not present:
        return Guess(is_empty=True)
    fitting = suggest(present)
    if fitting:
        return Guess(fitting, fitting[0].arrow)
    zeros = has_leading_zero(present)
    odd = next((value for value in present if not suggest([value])), None)
    if odd is not None:
        return Guess(counts_zeros=zeros, example=odd)
    # each alone is of some type: then one of them is of another than the first
    beside = next((value for value in present if not suggest([present[0], value])), None)
    return Guess(counts_zeros=zeros, example=present[0], beside=beside)


def _forced(present: Sequence[str], wanted: str) -> Guess:
    candidates = tuple(candidate for candidate in CANDIDATES if candidate.name == wanted)
    if wanted == FLOAT.name:
        candidates = (DEMANDED_FLOAT,)
    elif present:  # a timestamp with a zone
        candidates = tuple(one for one in suggest(present[:1]) if one.name == wanted) or candidates
    return Guess(candidates, candidates[0].arrow, forced=True)


def decide(name: str, tried: Guess, tally: Tally, *, rows: int, source: TableName) -> ColumnType | Guess:
    """Decide the type of a column, or what to prove next.

    Args:
        name: Name of the column.
        tried: What was to be proved.
        tally: What was counted over all rows.
        rows: Number of rows.
        source: Of which table.

    Returns:
        The decision; another guess when a later row has broken the first.

    Raises:
        TypingError: A value does not fit the type that the user asked for.
    """
    made = _decide_type(name, tried, tally, rows, source)
    is_text = isinstance(made, ColumnType) and made.arrow == "string"
    if is_text and (tally.strings or tally.nested) and not tried.forced:
        return as_text(
            name, why_json_text(tally.values, tally.strings, tally.nested), rows=rows, values=tally.values
        )
    return made


def _decide_type(name: str, tried: Guess, tally: Tally, rows: int, source: TableName) -> ColumnType | Guess:
    candidate = tried.candidate
    if candidate is None:
        return _decide_text(name, tried, tally, rows, source)
    if tally.values == 0 and not tried.forced:
        return as_text(name, "no values", rows=rows, values=0)
    if tally.fits == tally.values:
        return _decide_spelled(name, tried, tally, rows, source)
    misfits = tally.values - tally.fits
    reason = why_text(candidate, values=tally.values, zeros=0, misfits=misfits, example=tally.misfit)
    if tried.forced:
        others = _of_one_name(candidate, tally.misfit)
        if tally.fits or not others:
            raise TypingError(
                f"column {name!r} cannot be {candidate.name}: {reason}",
                where=Where(file=source.shown_as, line=tally.misfit_line),
                hint="keep it as text, or fix those values",
            )
        return Guess(others, others[0].arrow, forced=True)
    example = tally.misfit or ""
    rest = tuple(other for other in tried.candidates[1:] if other in suggest([example]))
    # a later row may have the first leading zero: they are counted for the reason
    zeros = has_leading_zero([example])
    if not rest and not zeros:
        return as_text(name, reason, rows=rows, values=tally.values)
    return Guess(rest, rest[0].arrow) if rest else Guess(counts_zeros=True)


def _decide_spelled(
    name: str, tried: Guess, tally: Tally, rows: int, source: TableName
) -> ColumnType | Guess:
    """Decide the type of a column all of whose values fit, if no two spellings are one value."""
    candidate, styles = tried.candidates[0], tally.styles
    if isinstance(styles, FloatStyles) and styles.may_be_codes and not tried.forced:
        return as_text(name, may_be_code(styles.code), rows=rows, values=tally.values)
    if styles is not None and not styles.is_one and not tried.forced:
        if not tried.collects:
            return replace(tried, collects=True)
        if tally.clash is not None:
            return as_text(name, _why_apart(tally.clash, name, source), rows=rows, values=tally.values)
    bounds, spelling = (tally.lowest, tally.highest), styles.recipe if styles is not None else ""
    return typed(name, candidate, rows=rows, values=tally.values, bounds=bounds, spelling=spelling)


def _why_apart(clash: Clash, name: str, source: TableName) -> str:
    return why_apart(clash.candidate, (clash.one, clash.other), asked_as=f"{source.table}.{name}")


def clash_of(candidate: Candidate, found: tuple[int, int, int] | None) -> Clash | None:
    """Return two spellings of one value as texts.

    Args:
        candidate: The type.
        found: The value as 64 bits, and the codes of the two; None when there are none.
    """
    if found is None:
        return None
    key, *codes = found
    if candidate.arrow == FLOAT.arrow:
        (value,) = struct.unpack("<d", struct.pack("<q", key))
        texts = [decode(value, code) for code in codes]
    elif candidate is BOOLEAN:
        texts = [BOOLEAN_WORDS[code] for code in codes]
    else:
        texts = [Shape.decoded(code).write(key, candidate.offset_minutes) for code in codes]
    return Clash(candidate, *texts)


def _of_one_name(candidate: Candidate, misfit: str | None) -> tuple[Candidate, ...]:
    """Return the type of the same name that a value has: a timestamp with a zone for one without."""
    fitting = suggest([misfit]) if misfit is not None else ()
    return tuple(one for one in fitting if one.name == candidate.name and one != candidate)


def _decide_text(name: str, tried: Guess, tally: Tally, rows: int, source: TableName) -> ColumnType | Guess:
    if tried.is_empty and tally.misfit is not None:
        return guess([tally.misfit], None)
    if tried.forced:
        return as_text(name, "requested", rows=rows, values=tally.values)
    if tried.clash is not None:
        return as_text(name, _why_apart(tried.clash, name, source), rows=rows, values=tally.values)
    reason = why_text(
        None, values=tally.values, zeros=tally.zeros, misfits=0, example=tried.example, beside=tried.beside
    )
    return as_text(name, reason, rows=rows, values=tally.values)
