"""Tables become Parquet files cell by cell: what Python's csv module reads is what pyarrow reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csv_cells import Rows, as_csv, assert_same_cells
from packhouse._src.sql.query_output import Workbench
from packhouse.errors import TypingError

Convert = Callable[..., tuple[Any, Any]]

SMALL = ("0", "1", "-1", "127", "128", "-128", "32767", "32768", "7", "12", "2147483648", None)
NUMBERS = (
    *(
        "0",
        "-0",
        "0.0",
        "-0.0",
        "1",
        "-1",
        "0.5",
        "-12.50",
        "1e5",
        "1E+05",
        "1e-300",
        "2.2250738585072014e-308",
    ),
    *("1e400", "1e-400", "4.9e-324", "1e308", "1.7976931348623157e308", "1.8e308", "0e999", "0.1"),
    *("0.06779661016949153", "0.1234567890123456789", "12345678901234567.0", "123456789012345678.0"),
    *("9007199254740991", "9007199254740992", "9007199254740993", "12345678901234567"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"),
    *(
        "1234567890123456789",
        "12345678901234567890",
        "00",
        "007",
        "-01",
        "+1",
        "1.",
        ".5",
        "1,5",
        "1_000",
        "0x10",
    ),
    *(" 1", "1 ", "1\n", "\u0661", "1e", "--1", "1e5.5", "nan", "inf", "-inf", "NaN", "Infinity"),
)
TIMES = (
    *(
        "2018-02-28",
        "2018-02-29",
        "2016-02-29",
        "2018-02-30",
        "2018-2-3",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31",
    ),
    *("10000-01-01", "1582-10-10", "1900-02-29", "2018-13-01", "2018-00-10", "2018-01-00", "20180203"),
    *("2018-02-03 10:20:30", "2018-02-03T10:20:30", "2018-02-03 10:20:30.5", "2018-02-03T10:20:30.123456"),
    *("2018-02-03 10:20:30.1234567", "2018-02-03 24:00:00", "2018-02-03 23:59:60", "2018-02-03 10:20"),
    *(
        "2018-02-30 10:20:30",
        "1969-12-31 23:59:59.999999",
        "0001-01-01 00:00:00",
        "9999-12-31T23:59:59.999999",
    ),
    *(
        "2018-02-03 10:20:30Z",
        "2018-02-03 10:20:30+01:00",
        "2018-02-03T10:20:30.5+0100",
        "0001-01-01 00:00:00+01:00",
        "infinity",
        "epoch",
        "2018-02-03 (BC)",
    ),
)
BOOLEANS = ("true", "false", "True", "False", "TRUE", "FALSE", "tRUE", "t", "1")
WORDS = (
    *(
        "",
        "NA",
        "None",
        "null",
        "NULL",
        "N/A",
        "true",
        "a",
        "A12",
        "'",
        '"',
        '""',
        ",",
        "\n",
        "\r",
        "\r\n",
        "a\nb",
    ),
    *(
        "\0",
        "a\0b",
        "größe",
        "名前",
        "\U0001f600",
        "e\u0301",
        "\ufeff",
        "\u2028",
        " ",
        "\t",
        "#",
        "\\",
        "\\N",
        "\\n",
        "x" * 200,
    ),
)


def columns_of(n_rows: int) -> st.SearchStrategy[list[str | None]]:
    """Columns of one kind with, at times, a cell of another."""
    kinds = [SMALL, NUMBERS, TIMES, BOOLEANS, WORDS, (*NUMBERS, *TIMES, *WORDS)]
    own = [
        st.integers(-(2**70), 2**70).map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
        st.dates().map(date.isoformat),
        st.datetimes().map(datetime.isoformat),
        st.text(st.characters(codec="utf-8"), max_size=6),
    ]
    cells = [st.sampled_from(kind) for kind in kinds] + own
    few = [st.lists(st.sampled_from(kind), min_size=1, max_size=3).flatmap(st.sampled_from) for kind in kinds]
    return st.sampled_from(cells + few).flatmap(
        lambda cell: st.lists(st.none() | cell if n_rows % 2 else cell, min_size=n_rows, max_size=n_rows)
    )


TABLES = st.integers(1, 6).flatmap(
    lambda n_rows: st.lists(columns_of(n_rows), min_size=2, max_size=5).map(
        lambda columns: [list(row) for row in zip(*columns, strict=True)]
    )
)


@given(TABLES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_cell_is_kept(convert: Convert, rows: Rows, end: str, quoted: bool, last_end: bool) -> None:  # noqa: FBT001
    """Each cell is the text of the CSV file or a value equal to it; only unquoted empty cells are null."""
    text = as_csv(rows, end=end, quoted=quoted, last_end=last_end)
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert read[1:] == [[cell or "" for cell in row] for row in rows]

    report, table = convert(text)

    assert_same_cells(rows, report, table)


@given(st.lists(st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8")), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_what_the_csv_module_writes_is_kept(convert: Convert, cells: list[str]) -> None:
    """Texts that Python's csv.writer writes come back from Parquet; it writes the empty text as a null."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["a", "b"])
    writer.writerows([cell, "x"] for cell in cells)

    _, table = convert(file.getvalue(), wanted={"a": "text"})

    assert table["a"].to_pylist() == [cell or None for cell in cells]


@pytest.mark.parametrize(
    ("cells", "arrow"),
    [
        (["1234567890123456789", "9223372036854775807"], "int64"),
        (["0108775015", "0108775044"], "string"),
        (["108775015", "0108775044"], "string"),
        (["127", "-128"], "int64"),
        (["1", None, "2"], "int64"),
        (["-0", "0"], "string"),
        (["-0", "1"], "double"),
        (["0.06779661016949153", "1"], "double"),
        (["9007199254740993", "0.5"], "string"),
        (["0.12345678901234567", "0.5"], "string"),
        (["0.12345678901234568", "0.5"], "double"),
        (["9007199254740993.0", "0.5"], "string"),
        (["9007199254740993.5e0", "0.5"], "string"),
        (["0.99999999999999999", "0.5"], "string"),
        (["6.02e23", "1.10"], "double"),
        (["0.123456789012345678", "0.5"], "string"),
        (["1.00000000000000000", "0.5"], "string"),
        (["9007199254740991", "0.5"], "double"),
        (["1e308", "1e309"], "string"),
        (["1.0", "1e-310"], "string"),
        (["0e-400", "0.0"], "string"),
        (["0.0e-40", "0.5"], "double"),
        (["1", "2", "NA"], "string"),
        (["nan", "1.5"], "string"),
        (["2018-02-28", None], "date32"),
        (["2018-02-28T10:00:00", "2018-02-28 10:00:00.25"], "timestamp[us]"),
        (["0000-01-01", "2018-02-28"], "string"),
        (["true", "False"], "bool"),
        (["true", None, "1"], "string"),
        (["2018-02-28T10:00:00Z", "2018-02-28 10:00:00+00:00"], "string"),
        (["2018-02-28T10:00:00Z", "2018-02-28 10:00:01+00:00"], "timestamp[us, tz=UTC]"),
        (["2018-02-28T10:00:00+02", None, "2018-02-28 10:00:00.5+02:00"], "timestamp[us, tz=+02:00]"),
        (["2018-02-28T10:00:00+02", "2018-02-28 10:00:00Z"], "string"),
        (["0001-01-01T00:00:00+02:00"], "string"),
        ([None, None], "string"),
        (["", "1"], "string"),
    ],
)
def test_types_of_small_columns(convert: Convert, cells: list[str | None], arrow: str) -> None:
    """A column carries a type only where every text can be had back."""
    rows = [[cell, "x"] for cell in cells]

    report, table = convert(as_csv(rows))

    assert report.columns[0].arrow == arrow
    assert_same_cells(rows, report, table)


@pytest.mark.parametrize("text", ["a,b\n", "a,b", "a,b\r\n", "\ufeffa,b\n"])
def test_a_header_alone_is_a_table_without_rows(convert: Convert, text: str) -> None:
    """Its columns are text, and it has no row."""
    report, table = convert(text)

    assert (report.rows, table.num_rows, table.column_names) == (0, 0, ["a", "b"])
    assert [column.reason for column in report.columns] == ["text: no values"] * 2


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n2,y",
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\r1,x\r2,y\r",
        "a,b\n\n1,x\n\n\n2,y\n\n",
        "\ufeffa,b\n1,x\n2,y\n",
    ],
)
def test_line_ends_and_blank_lines(convert: Convert, text: str) -> None:
    """Any one kind of line end will do; a blank line is no row of several columns, as for the csv module."""
    expected = [row for row in csv.reader(io.StringIO(text.lstrip("\ufeff"), newline="")) if row][1:]

    report, table = convert(text)

    assert report.rows == 2
    assert [[str(row["a"]), row["b"]] for row in table.to_pylist()] == expected


def test_a_blank_line_of_one_column_is_a_missing_value(convert: Convert) -> None:
    """With one column an empty line is a row with an empty cell: the rows of the file are kept."""
    report, table = convert('a\n1\n\n2\n""\n')

    assert table["a"].to_pylist() == ["1", None, "2", ""]
    assert report.columns[0].nulls == 1


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["2018-02-28", "1"], "text: '2018-02-28' and '1' are of different types"),
        (["1", "0.5", "true"], "text: '1' and 'true' are of different types"),
        (["1", "x", "007"], "text: 1 of 3 values starts with 0"),
        (["x", "1"], "text: 'x' is neither a number nor a date"),
    ],
)  # fmt: skip
def test_reasons_for_text(convert: Convert, cells: list[str], reason: str) -> None:
    """A reason says what is so, of values that the file has."""
    report, _table = convert(as_csv([[cell, "x"] for cell in cells]))

    assert report.columns[0].reason == reason


@pytest.mark.parametrize(
    ("asked", "cells", "arrow"),
    [
        ("text", ["1", "2"], "string"),
        ("integer", ["1", None], "int64"),
        ("integer", [None, None], "int64"),
        ("float", ["1", "2"], "double"),
        ("float", ["1", "2.50"], "double"),
        ("date", ["2018-02-28", None], "date32"),
        ("timestamp", ["2018-02-28 10:00:00", None], "timestamp[us]"),
        ("timestamp", [None, "2018-02-28 10:00:00Z"], "timestamp[us, tz=UTC]"),
        ("boolean", ["TRUE", "false", None], "bool"),
    ],
)
def test_a_type_that_was_asked_for(convert: Convert, asked: str, cells: list[str | None], arrow: str) -> None:
    """A type that the user asks for is taken when every value fits."""
    rows = [[cell, "x"] for cell in cells]

    report, table = convert(as_csv(rows), wanted={"c0": asked})

    assert report.columns[0].arrow == str(table.schema.field(0).type).removesuffix("[day]") == arrow
    assert_same_cells(rows, report, table)
    if asked == "text":
        assert report.columns[0].reason == "text: requested"


@pytest.mark.parametrize(
    ("asked", "misfits"),
    [
        ("integer", ["007", "x"]),
        ("integer", ["0.5"]),
        ("integer", [""]),
        ("integer", [str(2**63)]),
        ("float", ["1e400", "nan", "0x10"]),
        ("float", ["9007199254740993"]),
        ("date", ["2018-02-30", "2018-02-28 10:00:00"]),
        ("timestamp", ["2018-02-28"]),
        ("boolean", ["1", "t"]),
    ],
)
def test_a_type_that_does_not_fit_is_refused(convert: Convert, asked: str, misfits: list[str]) -> None:
    """The error counts the values that do not fit, and shows one of them."""
    fits = {
        "integer": "1",
        "float": "1.5",
        "date": "2018-02-28",
        "timestamp": "2018-02-28 10:00:00",
        "boolean": "true",
    }[asked]
    rows = [[cell, "x"] for cell in [fits] * 2000 + misfits]

    with pytest.raises(TypingError) as caught:
        convert(as_csv(rows), wanted={"c0": asked})

    assert f"column 'c0' cannot be {asked}: {len(misfits)} of {2000 + len(misfits):,} values" in str(
        caught.value
    )
    assert any(repr(misfit) in str(caught.value) for misfit in misfits)
    assert caught.value.where.file == "table.csv"


def test_reasons_are_kept_in_the_file(convert: Convert, bench: Workbench) -> None:
    """The Parquet file says where it is from and why its columns have their types."""
    report, table = convert('"größe",b\n1,x\n')

    metadata = pq.ParquetFile(bench.folder / report.file).metadata.metadata

    assert table.column_names == ["größe", "b"]
    assert "größe".encode() in metadata[b"packhouse"]
    assert report.bytes == (bench.folder / report.file).stat().st_size
