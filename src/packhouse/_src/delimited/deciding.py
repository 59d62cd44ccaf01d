"""Which type each column gets: proposed by the first rows, decided by counts over all of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from packhouse._src.delimited.column_types import (
    CANDIDATES,
    INTEGER,
    Candidate,
    as_text,
    has_leading_zero,
    integer_width,
    suggest,
    typed,
    why_text,
)
from packhouse._src.table_records import ColumnType
from packhouse.errors import TypingError, Where


@dataclass(frozen=True, slots=True)
class Guess:
    """What is to be proved of one column."""

    candidates: tuple[Candidate, ...] = ()
    """In the order to try; the column stays text when none is left."""

    arrow: str = "string"
    """Type to convert to while proving; of integers the narrowest that holds those seen so far."""

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

    @property
    def candidate(self) -> Candidate | None:
        """The type to prove."""
        return self.candidates[0] if self.candidates else None


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

    def add(self, other: Tally) -> None:
        """Count the next chunk in."""
        self.values += other.values
        self.fits += other.fits
        self.zeros += other.zeros
        if self.misfit is None:
            self.misfit, self.misfit_line = other.misfit, other.misfit_line
        if other.lowest is not None:
            self.lowest = other.lowest if self.lowest is None else min(self.lowest, other.lowest)
            self.highest = other.highest if self.highest is None else max(self.highest, other.highest)


@dataclass(slots=True)
class Counts:
    """What was counted over a whole table."""

    tallies: list[Tally]
    rows: int = 0

    def add(self, rows: int, tallies: Sequence[Tally]) -> None:
        """Count the next chunk in."""
        self.rows += rows
        for tally, more in zip(self.tallies, tallies, strict=True):
            tally.add(more)


def guess(first: Sequence[str | None], wanted: str | None, *, times: float = 1.0) -> Guess:
    """Propose what to prove of a column.

    Args:
        first: Its first cells.
        wanted: The type that the user asked for; None: whatever fits.
        times: How many times as many rows the table has, as far as can be told.
    """
    if wanted == "text":
        return Guess(forced=True)
    present = [value for value in first if value is not None]
    if wanted is not None:
        named = tuple(candidate for candidate in CANDIDATES if candidate.name == wanted)
        fitting = tuple(one for one in suggest(present[:1]) if one.name == wanted) if present else ()
        return _with_width(Guess(fitting or named, forced=True), present, times)
    if not present:
        return Guess(is_empty=True)
    fitting = suggest(present)
    if fitting:
        return _with_width(Guess(fitting), present, times)
    zeros = has_leading_zero(present)
    odd = next((value for value in present if not suggest([value])), None)
    if odd is not None:
        return Guess(counts_zeros=zeros, example=odd)
    # each alone is of some type: then one of them is of another than the first
    beside = next((value for value in present if not suggest([present[0], value])), None)
    return Guess(counts_zeros=zeros, example=present[0], beside=beside)


def _with_width(made: Guess, present: Sequence[str], times: float) -> Guess:
    candidate = made.candidates[0]
    arrow = candidate.arrow
    if candidate is INTEGER:
        numbers = [int(value) for value in present if INTEGER.holds(value)] or [0]
        lowest, highest = min(numbers), max(numbers)
        if all(one < other for one, other in pairwise(numbers)):  # numbers of rows go on as they begin
            highest = min(highest + int((highest - lowest) * (times - 1)), 2**63 - 1)
        arrow = integer_width(lowest, highest)
    return Guess(made.candidates, arrow, forced=made.forced)


def decide(name: str, tried: Guess, tally: Tally, *, rows: int, shown_as: str) -> ColumnType | Guess:
    """Decide the type of a column, or what to prove next.

    Args:
        name: Name of the column.
        tried: What was to be proved.
        tally: What was counted over all rows.
        rows: Number of rows.
        shown_as: Path of the table, for errors.

    Returns:
        The decision; another guess when a later row has broken the first.

    Raises:
        TypingError: A value does not fit the type that the user asked for.
    """
    candidate = tried.candidate
    if candidate is None:
        return _decide_text(name, tried, tally, rows)
    if tally.values == 0 and not tried.forced:
        return as_text(name, "no values", rows=rows, values=0)
    if tally.fits == tally.values:
        bounds = (tally.lowest, tally.highest)
        return typed(name, candidate, rows=rows, values=tally.values, bounds=bounds)
    misfits = tally.values - tally.fits
    reason = why_text(candidate, values=tally.values, zeros=0, misfits=misfits, example=tally.misfit)
    if tried.forced:
        others = _of_one_name(candidate, tally.misfit)
        if tally.fits or not others:
            raise TypingError(
                f"column {name!r} cannot be {candidate.name}: {reason}",
                where=Where(file=shown_as, line=tally.misfit_line),
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


def _of_one_name(candidate: Candidate, misfit: str | None) -> tuple[Candidate, ...]:
    """Return the type of the same name that a value has: a timestamp with a zone for one without."""
    fitting = suggest([misfit]) if misfit is not None else ()
    return tuple(one for one in fitting if one.name == candidate.name and one != candidate)


def _decide_text(name: str, tried: Guess, tally: Tally, rows: int) -> ColumnType | Guess:
    if tried.is_empty and tally.misfit is not None:
        return guess([tally.misfit], None)
    if tried.forced:
        return as_text(name, "requested", rows=rows, values=tally.values)
    reason = why_text(
        None, values=tally.values, zeros=tally.zeros, misfits=0, example=tried.example, beside=tried.beside
    )
    return as_text(name, reason, rows=rows, values=tally.values)
