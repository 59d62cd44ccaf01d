"""The fast proof over columns says what the plain one says of every cell, and its values are Python's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from csv_cells import assert_same_cell
from packhouse._src.delimited.column_types import (
    CANDIDATES,
    FLOAT,
    INTEGER,
    Candidate,
    suggest,
)
from packhouse._src.delimited.deciding import guess
from packhouse._src.delimited.proving import (
    FIRST_CELLS,
    arrow_type,
    check_cells,
    count_leading_zeros,
    prove_column,
)

ZONED = tuple(suggest([f"2020-01-01 00:00:00{zone}"])[0] for zone in ("Z", "+02", "-05:30", "+14:00"))
INTEGERS = (
    "0 -0 1 -1 +1 01 -01 00 007 0x10 1_0 \u0661 1\n 9223372036854775807 9223372036854775808 --1 - 1.0 1e5 "
    "-9223372036854775808 -9223372036854775809 12345678901234567890"
)
FLOATS = (
    "0.0 -0 -0.0 0.5 1.10 1e5 1E+05 1e-300 1e400 1e-400 4.9e-324 5e-324 1e-310 2.2250738585072014e-308 "
    "1e23 1.7976931348623157e308 1.8e308 nan inf -inf NaN Infinity 9007199254740991 9007199254740992 "
    "9007199254740993 -9007199254740993 9007199254740993.0 0.12345678901234567 0.123456789012345678 "
    "12345678901234567e5 1.00000000000000000 0e999 1. .5 1e 1e22 "
    "9007199254740992.0 1e16 1e+16 9.007199254740992e+15"
)
BOOLEANS = "true false True False TRUE FALSE tRUE t f yes 1 0 true\n"
DATES = (
    "2018-02-28 2018-02-29 2016-02-29 2018-02-30 2018-13-01 0000-01-01 0001-01-01 9999-12-31 10000-01-01 "
    "-0001-01-01 2018-2-3 20180203 1582-10-10 1900-02-29 2018-02-28Z"
)
STAMPS = (
    "2018-02-03T10:20:30 2018-02-03T10:20:30.5 2018-02-03T10:20:30.123456 2018-02-03T10:20:30.1234567 "
    "2018-02-03T24:00:00 2018-02-03T23:59:60 2018-02-30T10:00:00 0001-01-01T00:00:00 0000-01-01T00:00:00 "
    "9999-12-31T23:59:59.999999 1969-12-31T23:59:59.999999 2018-02-03t10:20:30 2018-02-03T10:20 2018-02-03"
)
ZONES = ("Z", "+02", "+0200", "+02:00", "-05:30", "+14:00", "-00:00", "+00", "+24:00", "+02:60", " ")
TEXTS = st.one_of(
    *(st.sampled_from(texts.split(" ")) for texts in (INTEGERS, FLOATS, BOOLEANS, DATES, STAMPS)),
    st.tuples(st.sampled_from(STAMPS.split(" ")), st.sampled_from(ZONES)).map("".join),
    st.text("0123456789+-.eE_: TZ\n\u00b2", max_size=8),
    st.integers(-(2**66), 2**66).map(str),
    st.floats().map(repr),
    st.dates().map(date.isoformat),
    st.datetimes(timezones=st.just(UTC) | st.none()).map(lambda stamp: stamp.isoformat(sep=" ")),
)


def cells_for(candidate: Candidate) -> st.SearchStrategy[list[str | None]]:
    """Cells that are often all of a type."""
    some = st.lists(TEXTS, min_size=1, max_size=6)
    most = some.map(lambda texts: [text for text in texts if candidate.holds(text)] or texts)
    return most.flatmap(lambda texts: st.lists(st.none() | st.sampled_from(texts), max_size=8))


@settings(deadline=None, max_examples=600)
@given(
    candidate=st.sampled_from((*CANDIDATES, *ZONED)),
    times=st.sampled_from((1, 1, 1, FIRST_CELLS)),
    data=st.data(),
)
def test_the_proof_counts_what_holds(candidate: Candidate, times: int, data: st.DataObject) -> None:
    """Cells fit if, and only if, they can be had back; then all are values as Python reads them."""
    cells = data.draw(cells_for(candidate)) * times
    texts = [cell for cell in cells if cell is not None]
    fitting = [text for text in texts if candidate.holds(text)]

    found = check_cells(candidate, pa.array(cells, pa.string()))

    assert (found.values, found.fits) == (len(texts), len(fitting))
    if len(fitting) < len(texts):
        first = next(text for text in texts if not candidate.holds(text))
        assert (found.typed, found.misfit, found.misfit_row) == (None, first, cells.index(first))
    else:
        assert found.typed is not None
        assert found.typed.type == arrow_type(candidate.arrow)
        assert_same_values(candidate, cells, found.typed)


KNOWN = [text for texts in (INTEGERS, FLOATS, BOOLEANS, DATES, STAMPS) for text in texts.split(" ")]
KNOWN += [f"{stamp}{zone}" for stamp in STAMPS.split(" ") for zone in ZONES]


@pytest.mark.parametrize("candidate", [*CANDIDATES, *ZONED], ids=lambda candidate: candidate.plural)
@pytest.mark.parametrize("beside", [(), (None,), ("x",)], ids=["alone", "with nothing", "with another"])
def test_each_known_oddity_is_judged(candidate: Candidate, beside: tuple[str | None, ...]) -> None:
    """Every spelling that some reader takes for another value fits or does not, whatever stands beside it."""
    judged = {text: check_cells(candidate, pa.array([text, *beside], pa.string())).fits for text in KNOWN}

    assert judged == {text: int(candidate.holds(text)) for text in KNOWN}


def assert_same_values(candidate: Candidate, cells: Sequence[str | None], typed: Any) -> None:  # noqa: ANN401
    """Compare the cells with the values of an Arrow array."""
    for cell, value in set(zip(cells, typed.to_pylist(), strict=True)):
        assert_same_cell(candidate.arrow, cell, value)


@settings(deadline=None, max_examples=100)
@given(cells=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-300, 300), min_size=1))
def test_bounds_are_those_of_the_values(cells: list[int | None]) -> None:
    """The smallest and largest value decide the width of integers."""
    numbers = [cell for cell in cells if cell is not None]
    texts = [None if cell is None else str(cell) for cell in cells]

    found = check_cells(INTEGER, pa.array(texts, pa.string()))

    assert (found.lowest, found.highest) == (min(numbers, default=None), max(numbers, default=None))


@given(st.lists(st.none() | TEXTS | st.sampled_from(["01", "-01", "00", "0", "0.5", "A01", "01\n", "01 "])))
@example(["007", None, "7"])
def test_leading_zeros_are_counted(cells: list[str | None]) -> None:
    """As many cells begin with a zero too many as Python finds."""
    zeros = [
        cell for cell in cells if cell and cell.lstrip("-")[:1] == "0" and cell.removeprefix("-").isascii()
    ]
    zeros = [cell for cell in zeros if cell.removeprefix("-").isdigit() and len(cell.lstrip("-")) > 1]

    assert count_leading_zeros(pa.array(cells, pa.string())) == len(zeros)


def test_a_moment_beyond_the_calendar_stays_text() -> None:
    """East of Greenwich the first moment of the year 1 is in a year that readers do not have."""
    zoned = suggest(["0001-01-01 00:00:00+02:00"])[0]

    found = check_cells(zoned, pa.array(["0001-01-01 02:00:00+02:00", "0001-01-01 01:59:59+02:00"]))

    assert (found.fits, found.misfit_row) == (1, 1)


@pytest.mark.parametrize(
    ("first", "cells", "arrow"),
    [
        (["7"], ["1", "-128", None], "int64"),
        (["7"], ["x"], None),
        (["x"], ["y", None, ""], "string"),
        ([None], [None, None], "string"),
        ([None], [None, "7"], None),
    ],
)
def test_a_chunk_is_converted_to_what_was_guessed(
    first: list[str | None], cells: list[str | None], arrow: str | None
) -> None:
    """A chunk whose cells are no such values, or the first ones of all, is not converted."""
    array = prove_column(guess(first, None), pa.array(cells, pa.string())).typed

    assert (None if array is None else str(array.type)) == arrow


def test_what_repeats_is_converted_as_what_does_not() -> None:
    """Columns of few distinct values take another path, to the same values."""
    texts = [f"{number % 7}.5" if number % 11 else None for number in range(3 * FIRST_CELLS)]
    distinct = [f"{number}.5" for number in range(3 * FIRST_CELLS)]

    for cells in (texts, distinct):
        found = check_cells(FLOAT, pa.array(cells, pa.string()))
        assert found.typed is not None
        assert found.typed.to_pylist() == [None if cell is None else float(cell) for cell in cells]


def test_a_late_misfit_among_repeated_values_is_found() -> None:
    """The row of the first misfit is that in the file, not among the distinct values."""
    cells = ["1"] * (3 * FIRST_CELLS) + [None, "x", "1", "x", "2018-02-03"]

    found = check_cells(INTEGER, pa.array(cells, pa.string()))

    assert (found.values, found.fits) == (3 * FIRST_CELLS + 4, 3 * FIRST_CELLS + 1)
    assert (found.misfit, found.misfit_row) == ("x", 3 * FIRST_CELLS + 1)
