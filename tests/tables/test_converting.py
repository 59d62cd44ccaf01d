"""Tables become Parquet files cell by cell: what Python's csv module reads is what pyarrow reads."""

from __future__ import annotations

import csv
import io
import math
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse.errors import TableError, TypingError
from packhouse.parquet_ import ParquetSink
from packhouse.progress import Advanced, Event
from packhouse.tables import dialect
from packhouse.tables.converting import convert_table
from packhouse.tables.duckdb_ import Engine
from packhouse.tables.records import TablePlan
from packhouse.tables.writing import Workbench, write_query

Convert = Callable[..., tuple[Any, Any]]
Rows = Sequence[Sequence[str | None]]

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
    *("2018-02-03 10:20:30Z", "2018-02-03 10:20:30+01:00", "infinity", "epoch", "2018-02-03 (BC)"),
)
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


def spelled(cell: str | None, *, quoted: bool) -> str:
    """Write one cell as CSV: a missing one is empty, an empty text is quoted."""
    if cell is None:
        return ""
    if quoted or cell == "" or any(mark in cell for mark in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def as_csv(rows: Rows, *, end: str = "\n", quoted: bool = False, last_end: bool = True) -> str:
    """Write rows below the header c0, c1, ... as CSV."""
    lines = [",".join(f"c{place}" for place in range(len(rows[0])))]
    lines += [",".join(spelled(cell, quoted=quoted) for cell in row) for row in rows]
    return end.join(lines) + (end if last_end else "")


def assert_same_cell(kind: str, text: str | None, value: Any) -> None:  # noqa: ANN401  # a cell of any type
    """Compare a cell of a CSV file with the value in the Parquet file."""
    if text is None:
        assert value is None
    elif kind == "string":
        assert value == text
    elif kind.startswith("int"):
        assert isinstance(value, int)
        assert str(value) == text
    elif kind == "double":
        assert math.isfinite(value)
        assert value == float(text)
        assert (value == 0) == (Decimal(text) == 0)
        assert len(Decimal(text).as_tuple().digits) <= 17 or Decimal(text) == 0
    elif kind == "date32":
        assert value == date.fromisoformat(text)
        assert value.isoformat() == text
    else:
        assert kind == "timestamp[us]"
        assert value == datetime.fromisoformat(text)
        assert value.tzinfo is None


def assert_same_cells(rows: Rows, report: Any, table: Any) -> None:  # noqa: ANN401  # pyarrow has no hints
    """Compare all cells, their order and the counts of the report."""
    assert report.rows == table.num_rows == len(rows)
    for place, column in enumerate(report.columns):
        kind = str(table.schema.field(place).type).removesuffix("[day]")
        assert kind == column.arrow
        assert column.nulls == sum(row[place] is None for row in rows) == table.column(place).null_count
        for row, value in zip(rows, table.column(place).to_pylist(), strict=True):
            assert_same_cell(kind, row[place], value)


def columns_of(n_rows: int) -> st.SearchStrategy[list[str | None]]:
    """Columns of one kind with, at times, a cell of another."""
    kinds = [SMALL, NUMBERS, TIMES, WORDS, (*NUMBERS, *TIMES, *WORDS)]
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
    ("first", "later", "arrow", "reason"),
    [
        ("7", "007", "string", "text: 1 of 6,000 values starts with 0"),
        ("7", "A12", "string", "text: 1 of 6,000 values is not whole numbers, such as 'A12'"),
        ("7", "0.5", "double", "float: all 6,000 values are numbers that a double holds, from 0.5 to 7.0"),
        ("7", str(2**63 - 1), "int64", f"integer: all 6,000 values are whole numbers, from 7 to {2**63 - 1}"),
        (
            "7",
            str(2**63),
            "string",
            f"text: 1 of 6,000 values is not numbers that a double holds, such as '{2**63}'",
        ),
        ("-7", str(-(2**63)), "int64", f"integer: all 6,000 values are whole numbers, from {-(2**63)} to -7"),
        ("7", str(-(2**63) - 1), "string", "text: 1 of 6,000 values is not numbers that a double holds"),
        ("0.5", "9007199254740993", "string", "text: 1 of 6,000 values is not numbers that a double holds"),
        (
            "0.5",
            "0.1234567890123456789",
            "string",
            "text: 1 of 6,000 values is not numbers that a double holds",
        ),
        (
            "0.5",
            "1e400",
            "string",
            "text: 1 of 6,000 values is not numbers that a double holds, such as '1e400'",
        ),
        (
            "2018-02-28",
            "2018-02-30",
            "string",
            "text: 1 of 6,000 values is not ISO dates, such as '2018-02-30'",
        ),
        ("2018-02-28", "2018-02-28 10:00:00", "string", "text: 1 of 6,000 values is not ISO dates"),
        ("2018-02-28 10:00:00", "2018-02-28", "string", "text: 1 of 6,000 values is not ISO timestamps"),
        ("", "x", "string", "text: 1 of 1 values is not whole numbers, such as 'x'"),
        ("", "2018-02-28", "date32", "date: the only value is one of the ISO dates"),
        (
            "",
            "2018-02-28 10:00:00",
            "timestamp[us]",
            "timestamp: the only value is one of the ISO timestamps",
        ),
        ("", "007", "string", "text: 1 of 1 values starts with 0"),
        ("7", "", "int8", "integer: all 5,999 values are whole numbers, from 7 to 7"),
        ("x", "7", "string", "text: 'x' is neither a number nor a date"),
    ],
)
def test_a_late_row_decides(convert: Convert, first: str, later: str, arrow: str, reason: str) -> None:
    """The first thousand rows only propose a type: one row far behind them can take it away."""
    cells: list[str | None] = [first or None] * 6000
    cells[5000] = later or None
    rows = [[cell, "x"] for cell in cells]

    report, table = convert(as_csv(rows))

    assert (report.columns[0].arrow, report.columns[0].reason[: len(reason)]) == (arrow, reason)
    assert_same_cells(rows, report, table)


@pytest.mark.parametrize(
    ("cells", "arrow"),
    [
        (["1234567890123456789", "9223372036854775807"], "int64"),
        (["0108775015", "0108775044"], "string"),
        (["108775015", "0108775044"], "string"),
        (["127", "-128"], "int8"),
        (["128", "-128"], "int16"),
        (["1", None, "2"], "int8"),
        (["-0", "0"], "double"),
        (["0.06779661016949153", "1"], "double"),
        (["9007199254740993", "0.5"], "string"),
        (["0.12345678901234567", "0.5"], "double"),
        (["0.123456789012345678", "0.5"], "string"),
        (["1.00000000000000000", "0.5"], "string"),
        (["9007199254740991", "0.5"], "double"),
        (["1e308", "1e309"], "string"),
        (["1.0", "1e-310"], "string"),
        (["0e-400", "0.0"], "double"),
        (["1", "2", "NA"], "string"),
        (["nan", "1.5"], "string"),
        (["2018-02-28", None], "date32"),
        (["2018-02-28T10:00:00", "2018-02-28 10:00:00.25"], "timestamp[us]"),
        (["0000-01-01", "2018-02-28"], "string"),
        (["true", "false"], "string"),
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


def test_line_breaks_in_cells_survive_the_cuts_of_the_reader(
    convert: Convert, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in many small buffers on several threads, cells that look like rows stay cells."""
    monkeypatch.setattr(dialect, "READ_BUFFER_BYTES", 200_000)
    monkeypatch.setattr(dialect, "LONGEST_LINE_BYTES", 100_000)
    choice = random.Random(3)
    cells = ["x\ny", "a,b\n1,2\n", 'pl"ain', "q\r\nr", '"', "\n", ",,", "zz\n\n", "plain"]
    rows = [[str(number), choice.choice(cells), str(number % 7)] for number in range(60_000)]
    bench.engine.query("SET threads=4")

    report, table = convert(as_csv(rows))

    bench.engine.query("RESET threads")
    assert report.source_bytes > 4 * 200_000
    assert [row[1] for row in rows] == table["c1"].to_pylist()
    assert table["c0"].to_pylist() == list(range(60_000))


def test_two_hundred_thousand_rows_keep_their_order(convert: Convert, bench: Workbench) -> None:
    """Row n of the CSV file is row n of the Parquet file, over several row groups and threads."""
    numbers = list(range(200_000))
    random.Random(1).shuffle(numbers)
    bench.engine.query("SET threads=2")

    report, table = convert("n,id\n" + "".join(f"{n},{n:010d}\n" for n in numbers))

    bench.engine.query("RESET threads")
    assert report.rows == 200_000
    assert table["n"].to_pylist() == numbers
    assert table["id"].to_pylist() == [f"{n:010d}" for n in numbers]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    """The Parquet file does not depend on the number of threads, the engine or the time."""
    source = tmp_path / "t.csv"
    source.write_text("n,word\n" + "".join(f"{n},{'w' * (n % 13)}\n" for n in range(150_000)))
    found = set()

    for number, threads in enumerate((1, 1, 2, 4)):
        with Engine(spill=tmp_path / "spill", memory_bytes=500_000_000) as engine:
            engine.query(f"SET threads={threads}")
            bench = Workbench(engine, tmp_path / str(number), "zstd", lambda _: None)
            plan = TablePlan("t", "t.csv", 1, "deep/t.parquet", ("n", "word"), ())
            convert_table(bench, plan, source, wanted={})
        found.add((tmp_path / str(number) / "deep" / "t.parquet").read_bytes())

    assert len(found) == 1


def test_the_bytes_do_not_follow_the_batches(tmp_path: Path) -> None:
    """However the rows arrive, the same rows make the same file."""
    choice = random.Random(7)
    texts = [f"{choice.getrandbits(256):064x}" for _ in range(50_000)]
    table = pa.table({"n": range(50_000), "text": texts})
    found = set()

    for size in (50_000, 40_000, 7_001, 333):
        path = tmp_path / f"{size}.parquet"
        with ParquetSink(path, table.schema, metadata={}, row_group_rows=40_000) as sink:
            for batch in table.to_batches(max_chunksize=size):
                sink.write(batch)
        found.add(path.read_bytes())

    assert len(found) == 1
    assert pq.read_table(tmp_path / "333.parquet").equals(table)


@pytest.mark.parametrize(
    ("asked", "cells", "arrow"),
    [
        ("text", ["1", "2"], "string"),
        ("integer", ["1", None], "int8"),
        ("integer", [None, None], "int64"),
        ("float", ["1", "2"], "double"),
        ("float", ["1", "2.50"], "double"),
        ("date", ["2018-02-28", None], "date32"),
        ("timestamp", ["2018-02-28 10:00:00", None], "timestamp[us]"),
    ],
)
def test_a_type_that_was_asked_for(convert: Convert, asked: str, cells: list[str | None], arrow: str) -> None:
    """A type that the user asks for is taken when every value fits."""
    rows = [[cell, "x"] for cell in cells]

    report, table = convert(as_csv(rows), wanted={"c0": asked})

    assert report.columns[0].arrow == str(table.schema.field(0).type).removesuffix("[day]") == arrow
    assert_same_cells(rows, report, table)
    if asked == "text":
        assert report.columns[0].reason == "text: asked for"


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
    ],
)
def test_a_type_that_does_not_fit_is_refused(convert: Convert, asked: str, misfits: list[str]) -> None:
    """The error counts the values that do not fit, and shows one of them."""
    fits = {"integer": "1", "float": "1.5", "date": "2018-02-28", "timestamp": "2018-02-28 10:00:00"}[asked]
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

    metadata = pq.ParquetFile(bench.folder / report.file).schema_arrow.metadata

    assert table.column_names == ["größe", "b"]
    assert "größe".encode() in metadata[b"packhouse"]
    assert report.bytes == (bench.folder / report.file).stat().st_size


@pytest.mark.parametrize("compression", ["zstd", "gzip", "snappy", "lz4"])
def test_each_compression_is_read_by_pyarrow(bench: Workbench, tmp_path: Path, compression: str) -> None:
    """The file is compressed as was asked for."""
    target = tmp_path / "t.parquet"
    one = Workbench(bench.engine, tmp_path, compression, bench.observer)

    write_query(one, "SELECT range FROM range(10)", target, names=["n"], metadata={}, on_rows=lambda _: None)

    assert pq.ParquetFile(target).metadata.row_group(0).column(0).compression.lower().startswith(compression)
    assert pq.ParquetFile(target).read()["n"].to_pylist() == list(range(10))


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    """The observer hears of the task from 0 to 100 percent, never backwards."""
    source = tmp_path / "t.csv"
    source.write_text("n\n" + "1\n" * 100)
    events: list[Event] = []

    with Engine(spill=tmp_path / "spill", memory_bytes=500_000_000) as engine:
        bench = Workbench(engine, tmp_path, "zstd", events.append)
        convert_table(bench, TablePlan("t", "t.csv", 1, "t.parquet", ("n",), ()), source, wanted={})

    done = [event.done for event in events if isinstance(event, Advanced)]
    assert done == sorted(done)
    assert done[-1] == 100


def test_a_query_that_fails_half_way_leaves_no_file(bench: Workbench, tmp_path: Path) -> None:
    """An error in a late row takes the file away, and the engine works on."""
    target = tmp_path / "t.parquet"
    sql = "SELECT CAST(CASE WHEN range = 2900000 THEN 'x' ELSE '1' END AS INT) AS n FROM range(3000000)"

    with pytest.raises(TableError, match="Could not convert string 'x'"):
        write_query(bench, sql, target, names=["n"], metadata={}, on_rows=lambda _: None)

    assert not target.exists()
    assert bench.engine.query("SELECT 1") == [(1,)]
