"""A column gets a type only if its values tell its cells apart: two spellings are never one value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from csv_cells import as_csv
from packhouse._src.delimited import convert as conversion
from packhouse._src.delimited.column_types import DEMANDED_FLOAT, FLOAT, suggest
from packhouse._src.delimited.spelling.collisions import Pairs, Spellings
from packhouse._src.delimited.spelling.float_spelling import decode, encode
from packhouse._src.sql.cell_text import cell_text
from packhouse._src.sql.query_output import Workbench
from packhouse._src.sql.quoting import parquet_rows
from packhouse.errors import TypingError

Convert = Callable[..., tuple[Any, Any]]

NUMBERS = (
    "0 -0 0.0 -0.0 0.00 -0.00 5 5.0 5.00 50 5e+00 0.5 0.50 -0.5 -.5 1.1 1.10 1.100 1.2 2.50 2.5 "
    "10.25 100000 100000.0 1e+05 1E+05 1.0E5 1e-05 0.00001 1E-05 1e-5 1.0E-5 1.00e-05 1.5e-07 "
    "1.5e-7 0.00000015 15.0e-8 1e+16 10000000000000000.0 1e16 1.5e+300 1.50e+300 1e+5 1e+005 "
    "0.0e+00 0.00e+00 0.1 0.10000000000000001 0.30000000000000004 0.3 123456789012.25 "
    "123456789012.250 12345678901.0 12345678901 3081.960 3081.96 12E03 12E3 1e5 +5 05 .5 5. nan"
)
FLOATS = NUMBERS.split(" ")
STAMPS = tuple(
    f"{day}{separator}10:20:30{fraction}{zone}"
    for day in ("2018-02-03", "0987-12-31")
    for separator in " T"
    for fraction in ("", ".5", ".500", ".000000", ".120000", ".12")
    for zone in ("", "Z", "+00:00", "+02:00", "+0200", "+02", "-05:30", "-0530", "-00:00")
)
BOOLEANS = ("true", "True", "TRUE", "false", "False", "FALSE")


def spelled_alike(one: str, other: str) -> bool:
    """Say whether two cells are one spelling: 5 and 5.0 are."""
    bare, other_bare = one.removesuffix(".0"), other.removesuffix(".0")
    return one == other or (bare == other_bare and "e" not in bare.lower())


def columns_of(pool: Sequence[str]) -> st.SearchStrategy[list[str | None]]:
    """Cells of few spellings, so that some are of one value."""
    few = st.lists(st.sampled_from(pool), min_size=1, max_size=6)
    return few.flatmap(lambda texts: st.lists(st.none() | st.sampled_from(texts), min_size=1, max_size=8))


GENERATED = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**6), 10**6).map(lambda n: f"{n / 1000:.3f}"),
    st.integers(-999, 999).map(lambda n: f"{n / 100}"),
    st.tuples(st.floats(1e-9, 1e9), st.sampled_from(["%.2f", "%.3e", "%g", "%.3E", "%.0f", "%s"])).map(
        lambda one: one[1] % one[0]
    ),
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=columns_of(FLOATS) | st.lists(GENERATED | st.none(), min_size=1, max_size=8),
    first=st.integers(1, 8),
)
@example(cells=["1.1", "1.10", "1.2"], first=1)
@example(cells=["5", "5.0", "7.5"], first=1)
@example(cells=["0.0", "-0.0"], first=1)
def test_numbers_are_apart_as_their_spellings_are(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, cells: list[str | None], first: int
) -> None:
    """A column is of floats if, and only if, all cells are such, and no two spellings are one number."""
    monkeypatch.setattr(conversion, "FIRST_ROWS", first)
    report, table = convert(as_csv([[cell, "x"] for cell in cells]))
    texts = [cell for cell in cells if cell is not None]
    may_be_codes = any("e" in text for text in texts) and not any(set(text) & set(".+-") for text in texts)
    are_numbers = bool(texts) and all(FLOAT.holds(text) for text in texts) and not may_be_codes
    pairs = [(one, other) for one in texts for other in texts if are_numbers and float(one) == float(other)]
    column, values = report.columns[0], table.column(0).to_pylist()

    if are_numbers and all(spelled_alike(*pair) for pair in pairs):
        assert column.arrow in ("double", "int64")
        assert values == [None if cell is None else float(cell) for cell in cells]
        assert rebuilt(report) in (None, cells)
    elif are_numbers or column.arrow == "string":
        assert (column.arrow, values) == ("string", cells)
    else:  # whole numbers that no double holds
        assert column.arrow == "int64"
        assert [None if value is None else str(value) for value in values] == cells
    if column.arrow == "string" and are_numbers:
        named = re.match(r"text: '(.*)' and '(.*)' are one value as float \(--types table", column.reason)
        assert named is not None
        assert any(spelled_alike(named[1], one) and spelled_alike(named[2], other) for one, other in pairs)


CONNECTION: list[Workbench] = []


@pytest.fixture(scope="module", autouse=True)
def _bench(bench: Workbench) -> Iterator[None]:
    CONNECTION.append(bench)
    yield
    CONNECTION.clear()


def rebuilt(report: Any) -> list[str | None] | None:  # noqa: ANN401
    """Return the cells of the first column as SQL writes them; None when it has no rule for them."""
    spelling = report.columns[0].spelling
    if spelling is None:
        return None
    (bench,) = CONNECTION
    rows = parquet_rows(bench.folder / report.file)
    return [text for (text,) in bench.engine.query(f"SELECT {cell_text('c0', spelling)} FROM {rows}")]  # noqa: S608


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=columns_of(STAMPS), first=st.integers(1, 8))
@example(cells=["2018-02-03 10:20:30Z", "2018-02-03 10:20:30+00:00"], first=1)
def test_moments_are_apart_as_their_spellings_are(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, cells: list[str | None], first: int
) -> None:
    """A column is of timestamps if they are of one zone, and no two spellings are one moment."""
    monkeypatch.setattr(conversion, "FIRST_ROWS", first)
    report, table = convert(as_csv([[cell, "x"] for cell in cells]))
    texts = sorted({cell for cell in cells if cell is not None})
    moments = [datetime.fromisoformat(text) for text in texts]
    one_type = bool(suggest(texts)) and bool(texts)

    if one_type and len(set(moments)) == len(texts):
        assert report.columns[0].arrow.startswith("timestamp")
        wanted = [None if cell is None else datetime.fromisoformat(cell) for cell in cells]
        assert table.column(0).to_pylist() == wanted
        assert rebuilt(report) in (None, cells)
    else:
        assert report.columns[0].arrow == "string"
        assert table.column(0).to_pylist() == cells
    if one_type and len(set(moments)) < len(texts):
        assert "are one value as timestamp" in report.columns[0].reason


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=columns_of(BOOLEANS), first=st.integers(1, 8))
def test_true_has_one_word(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, cells: list[str | None], first: int
) -> None:
    """A column is of booleans if each of the two is always written the same."""
    monkeypatch.setattr(conversion, "FIRST_ROWS", first)
    report, _table = convert(as_csv([[cell, "x"] for cell in cells]))
    words = {cell for cell in cells if cell is not None}
    apart = len({word.lower() for word in words}) == len(words)

    assert report.columns[0].arrow == ("bool" if words and apart else "string")
    assert not apart or rebuilt(report) == cells
    assert apart or "are one value as boolean" in report.columns[0].reason


@pytest.mark.parametrize(
    ("cells", "spelling"),
    [
        (["1.5", "2.25"], "%r"),
        (["5", "2.25"], "%s"),
        (["5.0", "2.25"], "%r"),
        (["5", "5.0", "2.25"], None),
        (["3081.960", "3082.000"], "%.3f"),
        (["1e-05", "0.5", "1.5e+16"], "%r"),
        (["0.5", "1.5e-07"], "%r"),
        (["1.0E-5", "0.5"], None),
        (["1.10", "2.5"], None),
        (["7", "8"], ""),
        (["2018-02-03", "2018-02-04"], ""),
        (["True", "False"], "True|False"),
        (["FALSE"], "true|FALSE"),
        (["2018-02-03T10:20:30.500Z"], "%Y-%m-%dT%H:%M:%S.%3fZ"),
        (["2018-02-03 10:20:30", "2018-02-03 10:20:30.120000"], "%Y-%m-%d %H:%M:%S[.%6f]"),
        (["2018-02-03 10:20:30.5", "2018-02-03 10:20:30.12"], "%Y-%m-%d %H:%M:%S[.%f]"),
        (["2018-02-03 10:20:30-05:30"], "%Y-%m-%d %H:%M:%S-05:30"),
        (["2018-02-03 10:20:30", "2018-02-04T10:20:30"], None),
    ],
)
def test_the_style_of_a_column_is_kept(convert: Convert, cells: list[str], spelling: str | None) -> None:
    """The report says how the text of a cell is had back, and SQL does it."""
    report, _table = convert(as_csv([[cell, "x"] for cell in cells]))

    assert report.columns[0].spelling == spelling
    assert rebuilt(report) == (None if spelling is None else cells)


@pytest.mark.parametrize(
    ("first", "late", "arrow"),
    [
        ("{}.5", "7.50", "string"),
        ("{}.5", "70000.50", "double"),
        ("{}.50", "7.5", "string"),
        ("{}.50", "70000.5", "double"),
        ("2018-02-03 10:20:{:02}", "2018-02-03T10:20:07", "string"),
        ("2018-02-03 10:20:{:02}", "2018-02-04T10:20:07", "timestamp[us]"),
        ("True", "TRUE", "string"),
        ("1e-{:02}", "0.00001", "string"),
        ("{}", "-0", "string"),
        ("{}", "7.0", "double"),
    ],
)
def test_a_late_spelling_decides(convert: Convert, first: str, late: str, arrow: str) -> None:
    """One row behind twelve thousand can be another spelling of a value that was there, or not."""
    cells = [first.format(number % 60) for number in range(12_000)]
    cells[11_000] = late

    report, table = convert(as_csv([[cell, "x"] for cell in cells]))

    assert report.columns[0].arrow == arrow
    assert table.num_rows == len(cells)
    assert arrow != "string" or table.column(0).to_pylist() == cells


@pytest.mark.parametrize(
    "codes", ["12E03 12E3", "1E5", "2E01 3E02", "12.5E03", "1E-5", "12e-03", "1e5 7", "1e5 2e5"]
)
def test_codes_are_no_numbers(convert: Convert, codes: str) -> None:
    """An E between digits is an exponent only as programs write it; --types makes a number of any."""
    texts = codes.split()
    report, table = convert(as_csv([[text, "x"] for text in texts]))
    asked, numbers = convert(as_csv([[text, "x"] for text in texts]), wanted={"c0": "float"})

    assert (report.columns[0].arrow, table.column(0).to_pylist()) == ("string", texts)
    assert "may be a code" in report.columns[0].reason
    assert asked.columns[0].arrow == "double"
    assert numbers.column(0).to_pylist() == [float(text) for text in texts]


@pytest.mark.parametrize(
    "numbers",
    [
        *("1e-05 2.5", "1E+05 2E-07", "1.0E10 1.0E-5", "1e+21 1e-7", "1.000000e-05", "-1.5E3"),
        *("0.5 1e5", "-5 1e5"),
    ],
)
def test_exponents_of_programs_are_numbers(convert: Convert, numbers: str) -> None:
    """So C, Excel, Java and JavaScript write them; 1e5 is one among numbers with points or signs."""
    report, table = convert(as_csv([[number, "x"] for number in numbers.split()]))

    assert report.columns[0].arrow == "double"
    assert table.column(0).to_pylist() == [float(number) for number in numbers.split()]


def test_a_type_that_is_asked_for_makes_one_value_of_two_spellings(convert: Convert) -> None:
    """--types is how a user says that the spelling does not matter; the wrong word is an error still."""
    _report, numbers = convert(as_csv([["1.1"], ["1.10"], ["1.2"]]), wanted={"c0": "float"})
    report, words = convert(as_csv([["true"], ["TRUE"]]), wanted={"c0": "boolean"})

    assert numbers.column(0).to_pylist() == [1.1, 1.1, 1.2]
    assert (words.column(0).to_pylist(), report.columns[0].spelling) == ([True, True], None)
    with pytest.raises(TypingError, match="not a number that fits a double exactly: 'x'"):
        convert(as_csv([["1.1"], ["x"]]), wanted={"c0": "float"})


TEXTS = st.sampled_from([text for text in FLOATS if DEMANDED_FLOAT.holds(text)]) | GENERATED.filter(
    DEMANDED_FLOAT.holds
)


@settings(deadline=None)
@given(text=TEXTS)
@example(text=repr(2**-24))
@example(text=repr(2.0**-1017))
def test_a_number_and_its_code_are_the_text(text: str) -> None:
    """The report can name the two spellings that are one value."""
    back = decode(float(text) + 0.0, encode(text, float(text)))

    assert spelled_alike(back, text)
    assert Decimal(back) == Decimal(text)
    assert math.copysign(1, float(back)) == math.copysign(1, float(text))


@pytest.mark.parametrize("power", [-24, -1017, -1007, -10, 60])
def test_powers_of_two_and_their_neighbours_are_numbers_of_their_own(power: int) -> None:
    """The nearest decimal of as many digits as Python writes can be the neighbour's."""
    values = [math.nextafter(2.0**power, 0), 2.0**power, math.nextafter(2.0**power, math.inf)]
    texts = [f"{value!r}" for value in values]

    assert all(DEMANDED_FLOAT.holds(text) for text in texts)
    assert [decode(value, encode(text, value)) for value, text in zip(values, texts, strict=True)] == texts


@settings(deadline=None)
@given(
    chunks=st.lists(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 2)), min_size=1), min_size=1),
    most=st.sampled_from([2, 8, 10**6]),
)
def test_pairs_are_compared_in_bounded_memory(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[list[tuple[int, int]]], most: int
) -> None:
    """What does not fit in memory goes to files, which change nothing and are gone afterwards."""
    import numpy as np

    folder = Path(tmp_path_factory.getbasetemp())
    seen: dict[int, set[int]] = {}
    with Spellings(folder, most=most) as spellings:
        for chunk in chunks:
            keys, codes = zip(*chunk, strict=True)
            spellings.add(Pairs(np.array(keys, np.int64), np.array(codes, np.int64)))
            for key, code in chunk:
                seen.setdefault(key, set()).add(code)
        twice = sorted(key for key, codes in seen.items() if len(codes) > 1)
        clash = spellings.clash()

    assert clash == ((twice[0], *sorted(seen[twice[0]])[:2]) if twice else None)
