"""Late rows decide: types, faults and bytes are the same wherever the file is cut and whoever works on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from csv_cells import Rows, as_csv, assert_same_cells
from packhouse._src.delimited import convert
from packhouse._src.delimited.convert import convert_table
from packhouse._src.delimited.cutting import cut_records
from packhouse._src.delimited.dialect import read_header
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.query_output import Workbench
from packhouse._src.table_records import TablePlan
from packhouse.errors import CsvError, TypingError
from packhouse.progress import Advanced, Event, Started

Convert = Callable[..., tuple[Any, Any]]


@pytest.mark.parametrize(
    ("first", "later", "arrow", "reason"),
    [
        ("7", "007", "string", "text: 1 of 12,000 values starts with 0"),
        ("7", "A12", "string", "text: 1 of 12,000 values is not a whole number: 'A12'"),
        (
            "7",
            "0.5",
            "double",
            "float: all 12,000 values are numbers that fit a double exactly, from 0.5 to 7.0",
        ),
        (
            "7",
            str(2**63 - 1),
            "int64",
            f"integer: all 12,000 values are whole numbers, from 7 to {2**63 - 1}",
        ),
        (
            "7",
            str(2**63),
            "string",
            f"text: 1 of 12,000 values is not a number that fits a double exactly: '{2**63}'",
        ),
        (
            "-7",
            str(-(2**63)),
            "int64",
            f"integer: all 12,000 values are whole numbers, from {-(2**63)} to -7",
        ),
        (
            "7",
            str(-(2**63) - 1),
            "string",
            "text: 1 of 12,000 values is not a number that fits a double exactly",
        ),
        (
            "0.5",
            "9007199254740993",
            "string",
            "text: 1 of 12,000 values is not a number that fits a double exactly",
        ),
        (
            "0.5",
            "0.1234567890123456789",
            "string",
            "text: 1 of 12,000 values is not a number that fits a double exactly",
        ),
        (
            "0.5",
            "1e400",
            "string",
            "text: 1 of 12,000 values is not a number that fits a double exactly: '1e400'",
        ),
        (
            "2018-02-28",
            "2018-02-30",
            "string",
            "text: 1 of 12,000 values is not an ISO date: '2018-02-30'",
        ),
        ("2018-02-28", "2018-02-28 10:00:00", "string", "text: 1 of 12,000 values is not an ISO date"),
        ("2018-02-28 10:00:00", "2018-02-28", "string", "text: 1 of 12,000 values is not an ISO timestamp"),
        ("", "x", "string", "text: 'x' is neither a number nor a date"),
        ("", "2018-02-28", "date32", "date: the only value is an ISO date"),
        (
            "",
            "2018-02-28 10:00:00",
            "timestamp[us]",
            "timestamp: the only value is an ISO timestamp",
        ),
        ("", "007", "string", "text: 1 of 1 values starts with 0"),
        ("7", "128", "int64", "integer: all 12,000 values are whole numbers, from 7 to 128"),
        ("true", "1", "string", "text: 1 of 12,000 values is not true or false: '1'"),
        ("", "true", "bool", "boolean: the only value is true or false"),
        (
            "2018-02-28 10:00:00Z",
            "2018-02-28 10:00:00+01:00",
            "string",
            "text: 1 of 12,000 values is not an ISO",
        ),
        ("", "2018-02-28 10:00:00Z", "timestamp[us, tz=UTC]", "timestamp: the only value is an ISO"),
        ("7", "", "int64", "integer: all 11,999 values are whole numbers, from 7 to 7"),
        ("x", "7", "string", "text: 'x' is neither a number nor a date"),
    ],
)
def test_a_late_row_decides(convert: Convert, first: str, later: str, arrow: str, reason: str) -> None:
    """The first ten thousand rows only propose a type: one row far behind them can take it away."""
    cells: list[str | None] = [first or None] * 12_000
    cells[11_000] = later or None
    rows = [[cell, "x"] for cell in cells]

    report, table = convert(as_csv(rows))

    assert (report.columns[0].arrow, report.columns[0].reason[: len(reason)]) == (arrow, reason)
    assert_same_cells(rows, report, table)


def small_chunks(patch: pytest.MonkeyPatch, *, workers: int = 2, size: int = 4000) -> None:
    """Cut chunks of some kilobytes, for a given number of threads."""
    assert cut_records.__kwdefaults__ is not None
    patch.setitem(cut_records.__kwdefaults__, "chunk_bytes", size)
    patch.setattr(convert, "default_workers", lambda: workers)


def test_line_breaks_in_cells_survive_the_cuts(convert: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in many small chunks on several threads, cells that look like rows stay cells."""
    small_chunks(monkeypatch, workers=4, size=1000)
    choice = random.Random(3)
    cells = ["x\ny", "a,b\n1,2\n", 'pl"ain', "q\r\nr", '"', "\n", ",,", "zz\n\n", "plain", "", None]
    rows = [[str(number), choice.choice(cells), str(number % 7)] for number in range(20_000)]

    report, table = convert(as_csv(rows))

    assert_same_cells(rows, report, table)


def late_rows() -> Rows:
    """Rows of columns that break what the first rows propose, each in another place."""
    rows: list[list[str | None]] = [
        [str(row % 100), str(row), "2018-02-28", "1.5", None, "true", "7", "2018-02-28 10:00:00Z"]
        for row in range(9000)
    ]
    for place, row, cell in (
        (0, 3000, "128"),
        (0, 6000, "-32769"),
        (0, 8999, str(2**40)),
        (1, 8000, "08000"),
        (2, 2500, "28.02.2018"),
        (3, 5000, "1e400"),
        (4, 4000, "5"),
        (4, 7000, "0.5"),
        (5, 8998, "yes"),
        (6, 3500, "7.25"),
        (6, 7500, None),
        (7, 8500, "2018-02-28 10:00:00+02:00"),
    ):
        rows[row][place] = cell
    return rows


def test_columns_that_break_late_in_different_places(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each column gets the type that all its rows prove, wherever the others break."""
    small_chunks(monkeypatch)
    rows = late_rows()

    report, table = convert(as_csv(rows))

    assert_same_cells(rows, report, table)
    assert [column.arrow for column in report.columns] == [
        *("int64", "string", "string", "string", "double", "string", "double", "string")
    ]
    assert [column.reason for column in report.columns] == [
        "integer: all 9,000 values are whole numbers, from -32769 to 1099511627776",
        "text: 1 of 9,000 values starts with 0",
        "text: 1 of 9,000 values is not an ISO date: '28.02.2018'",
        "text: 1 of 9,000 values is not a number that fits a double exactly: '1e400'",
        "float: all 2 values are numbers that fit a double exactly, from 0.5 to 5.0",
        "text: 1 of 9,000 values is not true or false: 'yes'",
        "float: all 8,999 values are numbers that fit a double exactly, from 7.0 to 7.25",
        "text: 1 of 9,000 values is not an ISO timestamp in the zone UTC: '2018-02-28 10:00:00+02:00'",
    ]


def convert_in(folder: Path, source: Path, columns: Sequence[str]) -> bytes:
    """Convert a file in a folder of its own."""
    with Engine(spill=folder / "spill", memory_bytes=500_000_000) as engine:
        bench = Workbench(folder, "zstd", lambda _: None, engine)
        plan = TablePlan("t", "t.csv", 1, "deep/t.parquet", tuple(columns), ())
        convert_table(bench, plan, source, wanted={})
    return (folder / "deep" / "t.parquet").read_bytes()


def test_the_same_rows_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Parquet file does not depend on the number of threads or the time, also after several passes."""
    source = tmp_path / "t.csv"
    source.write_text(as_csv(late_rows()))
    found = set()

    for number, workers in enumerate((1, 1, 2, 5)):
        small_chunks(monkeypatch, workers=workers)
        found.add(convert_in(tmp_path / str(number), source, [f"c{place}" for place in range(8)]))

    assert len(found) == 1


def test_the_bytes_do_not_follow_the_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several row groups, chunks of any size make the same file, and every row keeps its place."""
    source = tmp_path / "t.csv"
    numbers = list(range(200_000))
    random.Random(1).shuffle(numbers)
    source.write_text("n,id\n" + "".join(f"{n},{n:010d}\n" for n in numbers))

    found = {convert_in(tmp_path / "whole", source, ["n", "id"])}
    small_chunks(monkeypatch, workers=3, size=50_000)
    found.add(convert_in(tmp_path / "cut", source, ["n", "id"]))

    assert len(found) == 1
    table = pq.read_table(tmp_path / "cut/deep/t.parquet")
    assert table["n"].to_pylist() == numbers
    assert table["id"].to_pylist() == [f"{n:010d}" for n in numbers]


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        ("1,x\n" * 4000 + "2\n" + "3\n" * 900, 4002, "the row has 1 cells"),
        ("1,x\n" * 4000 + '2,"x\n' + "3,y\n" * 900, 4002, "a quoted cell is malformed"),
        ("1,x\n" * 4000 + "y,x\n" * 900 + "3\n", 4902, "the row has 1 cells"),
        ('"1\n1",x\n' * 4000 + "2\n" + '"1"x,y\n', 8002, "the row has 1 cells"),
    ],
)
def test_a_late_fault_is_located(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, rows: str, line: int, said: str
) -> None:
    """The first malformed row stops the table, whatever was done beside it, and no file is left."""
    small_chunks(monkeypatch, workers=5)

    with pytest.raises(CsvError, match=said) as caught:
        convert(f"a,b\n{rows}")

    assert caught.value.where.line == line


def test_a_misfit_is_located(convert: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that does not fit the type that was asked for is named with its line."""
    small_chunks(monkeypatch)
    rows = '"1",x\n\n' * 3000 + '1,"y\ny"\n' + "z,x\n" + "1,x\n" * 900

    with pytest.raises(TypingError, match="1 of 3,902 values is not a whole number: 'z'") as caught:
        convert(f"a,b\n{rows}", wanted={"a": "integer"})

    assert caught.value.where.line == 6004


def test_a_file_that_changes_is_not_half_believed(tmp_path: Path, bench: Workbench) -> None:
    """A header that is another than the plan's stops the table."""
    source = tmp_path / "t.csv"
    source.write_text("a,c\n1,2\n")
    plan = TablePlan("t", "t.csv", 1, "changed.parquet", ("a", "b"), ())

    with pytest.raises(CsvError, match="it changed while it was read"):
        convert_table(bench, plan, source, wanted={})

    assert not (bench.folder / "changed.parquet").exists()


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    """The observer hears of the task from 0 to 100 percent, never backwards."""
    source = tmp_path / "t.csv"
    source.write_text("n\n" + "1\n" * 100)
    events: list[Event] = []

    with Engine(spill=tmp_path / "spill", memory_bytes=500_000_000) as engine:
        bench = Workbench(tmp_path, "zstd", events.append, engine)
        convert_table(bench, TablePlan("t", "t.csv", 1, "t.parquet", ("n",), ()), source, wanted={})

    done = [event.done for event in events if isinstance(event, Advanced)]
    assert done == sorted(done)
    assert done[-1] == 100


def passes_of(tmp_path: Path, data: bytes) -> tuple[list[str], Any]:
    """Convert a table; return the names of its passes, and the Parquet file."""
    source = tmp_path / "t.csv"
    source.write_bytes(data)
    header = read_header(source, shown_as="t.csv")
    assert header is not None
    events: list[Event] = []
    with Engine(spill=tmp_path / "spill", memory_bytes=500_000_000) as engine:
        bench = Workbench(tmp_path, "zstd", events.append, engine)
        plan = TablePlan("t", "t.csv", len(data), "t.parquet", header.columns, ())
        convert_table(bench, plan, source, wanted={})
    return [event.task for event in events if isinstance(event, Started)], pq.ParquetFile(
        tmp_path / "t.parquet"
    )


def test_numbers_of_any_size_take_one_pass(tmp_path: Path) -> None:
    """Integers are of 64 bits, so a larger one that comes late costs no second pass."""
    rows = b"".join(b"%d,x\n" % number**3 for number in range(120_000))

    passes, made = passes_of(tmp_path, b"id,b\n" + rows)

    assert passes == ["table t"]
    assert str(made.schema_arrow.field("id").type) == "int64"


def test_spellings_of_one_style_take_one_pass(tmp_path: Path) -> None:
    """What is written with one number of decimals cannot have two spellings of one value."""
    rows = b"".join(b"%.2f,%r,x\n" % (number / 100, number / 7) for number in range(120_000))

    passes, made = passes_of(tmp_path, b"a,b,c\n" + rows)

    assert passes == ["table t"]
    assert [str(kind) for kind in made.schema_arrow.types] == ["double", "double", "string"]


def test_another_style_that_comes_late_takes_another_pass(tmp_path: Path) -> None:
    """Then the values are compared, which needs all of them."""
    rows = b"".join(b"%.2f,x\n" % (number / 100) for number in range(120_000))

    passes, made = passes_of(tmp_path, b"a,b\n" + rows + b"1200.001,x\n")

    assert passes == ["table t", "table t, again"]
    assert [str(kind) for kind in made.schema_arrow.types] == ["double", "string"]


def test_long_rows_make_small_row_groups_and_short_ones_large(tmp_path: Path) -> None:
    """Row groups end where they are long in memory, wherever the long rows stand."""
    short, long = b"1,x\n" * 130_000, b"".join(b"2,%s\n" % (b"%d" % n * 20_000) for n in range(1000, 2000))

    _, made = passes_of(tmp_path, b"a,b\n" + short + long + short)

    groups = [made.metadata.row_group(n) for n in range(made.metadata.num_row_groups)]
    assert sum(group.num_rows for group in groups) == 261_000
    assert max(group.total_byte_size for group in groups) < 100 << 20
    assert len(groups) < 8
