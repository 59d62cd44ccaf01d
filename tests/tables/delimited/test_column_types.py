"""Types are proposed only where the text can be had back from the value."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse._src.delimited.column_types import (
    BOOLEAN,
    CANDIDATES,
    DATE,
    FLOAT,
    INTEGER,
    LEADING_ZERO,
    TIMESTAMP,
    TYPE_NAMES,
    as_text,
    has_leading_zero,
    suggest,
    typed,
    why_text,
)

NUMBERISH = st.text("0123456789+-.eE_ ,\n\u0661\u00b2", max_size=25) | st.integers().map(str)
DATEISH = st.from_regex(r"[0-9]{1,5}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9:.]{0,15})?\n?", fullmatch=True)


@given(st.lists(st.none() | NUMBERISH | st.text(max_size=5), max_size=5))
def test_integers_render_back_to_their_text(values: list[str | None]) -> None:
    """Whatever is proposed as whole numbers is the text that Python writes for the number."""
    texts = [value for value in values if value is not None]

    if INTEGER in suggest(values):
        assert [str(int(text)) for text in texts] == texts


@given(st.integers(-(10**19) + 1, 10**19 - 1))
def test_every_integer_of_nineteen_digits_is_proposed(value: int) -> None:
    """Python's own spelling of a whole number is one; the count over all rows sees to 64 bits."""
    assert suggest([str(value)])[0] is INTEGER


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_spelling_of_a_float_is_proposed(value: float) -> None:
    """Python's own spelling of a float is one."""
    assert FLOAT in suggest([repr(value)])


@given(NUMBERISH)
def test_floats_are_plain_decimals(text: str) -> None:
    """Whatever is proposed as floating point is read by Python, and has no "_", "+" or leading zero."""
    if FLOAT in suggest([text]):
        float(text)

        assert re.fullmatch(r"-?[0-9.]+([eE][-+]?[0-9]+)?", text)
        assert not has_leading_zero([text])


@given(DATEISH)
def test_dates_are_iso(text: str) -> None:
    """Whatever is proposed as a date or timestamp, and is one to Python, is in ISO form."""
    found = suggest([text])
    try:
        if DATE in found:
            assert date.fromisoformat(text).isoformat() == text
        if TIMESTAMP in found:
            assert datetime.fromisoformat(text).isoformat(sep=text[10])[:19] == text[:19]
    except ValueError:
        pass  # such as 2018-02-30: proposed by its form, refused by the count over all rows


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            " 1",
            "1 ",
            "1\n",
            "+1",
            "01",
            "-0",
            "-01",
            "00",
            "1_000",
            "0x10",
            "1,000",
            "\u0661",
            "\u00b2",
        ),
        *("1" * 20, "NA", "None", "null", "nan", "inf", "true", "A12", "1.", ".5", "1e", "--1"),
    ],
)
def test_texts_that_are_no_whole_numbers(text: str) -> None:
    """None of these is proposed as a whole number, however lenient other readers are."""
    assert INTEGER not in suggest([text])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "1.",
        ".5",
        "01.5",
        "+1.5",
        "1e",
        "1e+",
        "1e1000",
        "0x1p3",
        "1,5",
        "1_0.5",
    ],
)
def test_texts_that_are_no_decimals(text: str) -> None:
    """None of these is proposed as floating point."""
    assert FLOAT not in suggest([text])


@pytest.mark.parametrize(
    "text", ["0000-01-01", "2018-2-3", "20180203", "12018-02-03", "-001-02-03", "2018-02-03Z", "2018-02-03 "]
)
def test_texts_that_are_no_dates(text: str) -> None:
    """A date has four digits of the year, which is not 0, and two of month and day."""
    assert suggest([text]) == ((INTEGER, FLOAT) if text.isdigit() else ())


@pytest.mark.parametrize(
    "text",
    [
        "2018-02-03 24:00:00",
        "2018-02-03 23:59:60",
        "2018-02-03 10:00",
        "2018-02-03  10:00:00",
        "2018-02-03t10:00:00",
        "2018-02-03 10:00:00.1234567",
        "2018-02-03 10:00:00 Z",
        "2018-02-03 10:00:00z",
        "2018-02-03T10:00:00+1:00",
        "2018-02-03T10:00:00+24:00",
        "2018-02-03T10:00:00+01:60",
        "2018-02-03T10:00:00+01:00:00",
        "2018-02-03T10:00:00 Europe/Berlin",
        "2018-02-03Z",
    ],
)
def test_texts_that_are_no_timestamps(text: str) -> None:
    """A timestamp has seconds, at most six digits of their fraction, and an offset of hours and minutes."""
    assert suggest([text]) == ()


@pytest.mark.parametrize(
    ("zones", "arrow"),
    [
        (["Z", "+00:00", "-00:00", "+00", "+0000"], "timestamp[us, tz=UTC]"),
        (["+02:00", "+02", "+0200"], "timestamp[us, tz=+02:00]"),
        (["-05:30", "-0530"], "timestamp[us, tz=UTC]"),
        (["Z", "+02:00"], None),
        (["+02:00", "+03:00"], None),
        (["+02:00", "-02:00"], None),
        (["+02:00", "+02:30"], None),
        (["+02:00", ""], None),
        (["", "Z"], None),
    ],
)
def test_timestamps_of_one_zone(zones: list[str], arrow: str | None) -> None:
    """A column has one offset: where rows differ in it, or only some have one, it would be lost."""
    found = suggest([f"2018-02-03 10:00:00{zone}" for zone in zones])

    assert [candidate.arrow for candidate in found] == ([] if arrow is None else [arrow])


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("0001-01-01 02:00:00+02:00", True),
        ("0001-01-01 01:59:59.999999+02:00", False),
        ("9999-12-31 23:59:59.999999+02:00", True),
        ("2018-02-30 10:00:00+02:00", False),
    ],
)
def test_moments_are_within_the_calendar(text: str, holds: bool) -> None:  # noqa: FBT001  # of the table above
    """A moment is kept in UTC, where its year must be one that readers have."""
    assert suggest([text])[0].holds(text) is holds


def test_all_values_must_fit_and_missing_ones_do_not_count() -> None:
    """A proposal holds for every value; a column without any could be anything."""
    assert suggest(["1", None, "2"]) == (INTEGER, FLOAT)
    assert suggest(["1", "0.5"]) == (FLOAT,)
    assert suggest(["1", "2018-02-03"]) == ()
    assert suggest(["2018-02-03", "2018-02-03 10:00:00"]) == ()
    assert suggest(["true", "FALSE"]) == (BOOLEAN,)
    assert suggest(["true", "1"]) == suggest(["tRUE"]) == suggest(["t"]) == ()
    assert suggest([None, None]) == suggest([]) == CANDIDATES


@pytest.mark.parametrize(
    ("text", "expected"),
    [("01", True), ("-01", True), ("00", True), ("0", False), ("0.5", False), ("A01", False)],
)
def test_leading_zeros(text: str, expected: bool) -> None:  # noqa: FBT001  # a parameter of the table above
    """Zero itself and decimals below one have no leading zero."""
    assert has_leading_zero([None, text]) is expected
    assert (re.fullmatch(LEADING_ZERO, text) is not None) is expected


def test_reasons_have_their_counts() -> None:
    """A decision says in words how many values it rests on."""
    assert typed("a", INTEGER, rows=5, values=3, bounds=(1, 300)).reason == (
        "integer: all 3 values are whole numbers, from 1 to 300"
    )
    assert typed("a", INTEGER, rows=1, values=1, bounds=(7, 7)).reason == (
        "integer: the only value is a whole number, from 7 to 7"
    )
    assert why_text(INTEGER, values=9, zeros=0, misfits=1, example="A12") == (
        "1 of 9 values is not a whole number: 'A12'"
    )
    assert why_text(None, values=9, zeros=2, misfits=0, example=None) == "2 of 9 values start with 0"
    assert why_text(None, values=9, zeros=0, misfits=0, example="x" * 50) == (
        repr("x" * 39 + "…") + " is neither a number nor a date"
    )
    assert why_text(None, values=9, zeros=0, misfits=0, example="1", beside="true") == (
        "'1' and 'true' are of different types"
    )
    assert typed("a", BOOLEAN, rows=5, values=3, bounds=(None, None)).reason == (
        "boolean: all 3 values are true or false"
    )
    assert why_text(None, values=0, zeros=0, misfits=0, example=None) == "no values"


def test_decisions_count_the_missing_values() -> None:
    """Nulls are the rows without a value, of typed columns and of text."""
    assert typed("a", FLOAT, rows=5, values=3, bounds=(0.5, 1.5)).nulls == 2
    assert as_text("a", "why", rows=5, values=4).nulls == 1


def test_a_type_that_was_asked_for_of_an_empty_column_has_a_name() -> None:
    """It is that type, of missing values."""
    decided = typed("a", INTEGER, rows=5, values=0, bounds=(None, None))

    assert (decided.arrow, decided.nulls) == ("int64", 5)
    assert decided.reason == "integer: requested; no values"


def test_the_names_of_types_are_those_of_the_options() -> None:
    """These are the words of --types."""
    assert TYPE_NAMES == ("text", "integer", "float", "boolean", "date", "timestamp")
