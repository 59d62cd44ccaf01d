"""Pass one over a CSV file: proves over every row which type each column can carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from packhouse.errors import TypingError
from packhouse.tables.column_types import (
    CANDIDATES,
    LEADING_ZERO,
    Candidate,
    ColumnType,
    as_text,
    has_leading_zero,
    suggest,
    typed,
    why_text,
)
from packhouse.tables.duckdb_ import Engine, Row
from packhouse.tables.quoting import quote_text

FIRST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class _Guess:
    """What is to be proved of one column."""

    place: int
    candidates: tuple[Candidate, ...]
    """In the order to try; the column stays text when none is left."""

    zeros: bool
    """Whether to count values with a leading zero."""

    example: str | None
    """A value of the first rows that is neither number nor date."""

    @property
    def candidate(self) -> Candidate | None:
        return self.candidates[0] if self.candidates else None


@dataclass(frozen=True, slots=True)
class _Tally:
    """What was counted of one column over all rows."""

    values: int
    fits: int
    lowest: object
    highest: object
    zeros: int
    misfit: str | None


@dataclass(frozen=True, slots=True)
class Proved:
    """What pass one found."""

    rows: int
    columns: tuple[ColumnType, ...]


def prove_types(
    engine: Engine,
    source: str,
    names: Sequence[str],
    *,
    wanted: Mapping[str, str],
    on_percent: Callable[[float], None],
) -> Proved:
    """Count over every row which types hold, and decide.

    Args:
        engine: Where queries run.
        source: SQL that reads the rows as text columns c0, c1, ...
        names: Names of the columns.
        wanted: Column -> type that the user asked for: one of `column_types.TYPE_NAMES`.
        on_percent: Told from 0 to 100 how far the first scan is.

    Returns:
        The number of rows and one decision a column.

    Raises:
        TypingError: A value does not fit the type that the user asked for.
        CsvError: The file is malformed.

    Cost: one scan of the file; another one when a later row breaks what the first thousand had suggested.
    """
    first = engine.query(f"SELECT * FROM {source} LIMIT {FIRST_ROWS}")
    open_guesses = [
        _guess(place, [row[place] for row in first], wanted.get(name)) for place, name in enumerate(names)
    ]
    decided: dict[int, ColumnType] = {}
    rows = 0
    while open_guesses:
        counted = engine.row(_count_sql(open_guesses, source), on_percent=on_percent)
        rows, again = counted[0], []
        for guess, tally in zip(open_guesses, _tallies(counted, len(open_guesses)), strict=True):
            name = names[guess.place]
            found = _decide(name, guess, tally, rows=rows, forced=name in wanted)
            if isinstance(found, _Guess):
                again.append(found)
            else:
                decided[guess.place] = found
        open_guesses = again
    return Proved(rows, tuple(decided[place] for place in range(len(names))))


def _guess(place: int, first: Sequence[str | None], wanted: str | None) -> _Guess:
    if wanted == "text":
        return _Guess(place, (), zeros=False, example=None)
    if wanted is not None:
        forced = tuple(candidate for candidate in CANDIDATES if candidate.name == wanted)
        return _Guess(place, forced, zeros=False, example=None)
    fitting = suggest(first)
    zeros = not fitting and has_leading_zero(first)
    odd = next((value for value in first if value is not None and not suggest([value])), None)
    return _Guess(place, fitting, zeros=zeros, example=odd)


def _fits(guess: _Guess) -> str:
    column, candidate = f"c{guess.place}", guess.candidate
    if candidate is None:
        return "false"
    pattern = quote_text(candidate.pattern)
    return f"regexp_full_match({column}, {pattern}) AND {candidate.guard.format(c=column)}"


def _count_sql(guesses: Sequence[_Guess], source: str) -> str:
    counts = ["count(*)"]
    for guess in guesses:
        column = f"c{guess.place}"
        counts.append(f"count({column})")
        if guess.candidate is None:
            zeros = f"count(*) FILTER (regexp_full_match({column}, '{LEADING_ZERO}'))"
            # an example costs a comparison a row, so only where the first rows gave none
            example = "NULL" if guess.example is not None or guess.zeros else f"min({column})"
            counts += ["0", "NULL", "NULL", zeros if guess.zeros else "0", example]
        else:
            fits = _fits(guess)
            value = f"TRY_CAST({column} AS {guess.candidate.sql})"
            misfit = f"min({column}) FILTER ({column} IS NOT NULL AND NOT ({fits}))"
            counts += [f"count(*) FILTER ({fits})", f"min({value})", f"max({value})", "0", misfit]
    return f"SELECT {', '.join(counts)} FROM {source}"


def _tallies(counted: Row, n_columns: int) -> list[_Tally]:
    width = 6
    return [_Tally(*counted[1 + width * place : 1 + width * (place + 1)]) for place in range(n_columns)]


def _decide(name: str, guess: _Guess, tally: _Tally, *, rows: int, forced: bool) -> ColumnType | _Guess:
    candidate = guess.candidate
    text = partial(as_text, name, rows=rows, values=tally.values)
    if candidate is None:
        example = guess.example if guess.example is not None else tally.misfit
        reason = (
            "asked for"
            if forced
            else why_text(None, values=tally.values, zeros=tally.zeros, misfits=0, example=example)
        )
        return text(reason)
    if tally.values == 0 and not forced:
        return text("no values")
    if tally.fits == tally.values:
        bounds = (tally.lowest, tally.highest)
        return typed(name, candidate, rows=rows, values=tally.values, bounds=bounds)
    misfits = tally.values - tally.fits
    if forced:
        raise TypingError(
            f"column {name!r} cannot be {candidate.name}: "
            + why_text(candidate, values=tally.values, zeros=0, misfits=misfits, example=tally.misfit),
            hint="leave it as text, or mend those values",
        )
    rest = tuple(
        other for other in guess.candidates[1:] if tally.misfit is None or other in suggest([tally.misfit])
    )
    if rest:
        return _Guess(guess.place, rest, zeros=guess.zeros, example=guess.example)
    if tally.misfit is not None and has_leading_zero([tally.misfit]) and not guess.zeros:
        # a later row has the first leading zero: count them for the reason
        return _Guess(guess.place, (), zeros=True, example=None)
    return text(why_text(candidate, values=tally.values, zeros=0, misfits=misfits, example=tally.misfit))
