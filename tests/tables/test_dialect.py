"""Headers and faults of CSV files: what is read, and where an error says the fault is."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import CsvError
from packhouse.tables.dialect import LONGEST_LINE_BYTES, Header, locate_fault, read_header

Convert = Callable[..., tuple[Any, Any]]


def header_of(folder: Path, data: bytes) -> Header:
    """Write a file and read its header."""
    path = folder / "t.csv"
    path.write_bytes(data)
    return read_header(path, shown_as="below/t.csv")


def fault_of(folder: Path, data: bytes, said: str = "DuckDB's words") -> CsvError:
    """Write a file of the columns a, b and locate its fault."""
    path = folder / "t.csv"
    path.write_bytes(data)
    return locate_fault(path, Header(("a", "b")), shown_as="below/t.csv", said=CsvError(said))


@pytest.mark.parametrize(
    "line",
    [
        b"a,b\n",
        b"a,b",
        b"a,b\r\n1,2\r\n",
        b"a,b\r1,2\r",
        b"\xef\xbb\xbfa,b\n",
        b'\xef\xbb\xbf"a",b\n',
        b'"comma, inside","line\nbreak"\n',
        b'"line\r\nbreak","quote ""inside"""\n',
        "größe,名前\n".encode(),
        b" a , b \n",
        b"1,2\n",
    ],
)
def test_the_header_is_what_python_reads(tmp_path: Path, line: bytes) -> None:
    """Names of columns are those that Python's csv module finds in the first record."""
    expected = next(csv.reader(line.decode("utf-8-sig").splitlines(keepends=True), strict=True))

    header = header_of(tmp_path, line)

    assert header == Header(tuple(expected))


def test_a_header_of_a_byte_order_mark_alone_is_empty(tmp_path: Path) -> None:
    """A file that holds nothing but the mark is as empty as an empty file."""
    with pytest.raises(CsvError, match="the file is empty") as caught:
        header_of(tmp_path, b"\xef\xbb\xbf")

    assert caught.value.where.file == "below/t.csv"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty: no header line"),
        (b"\na,b\n", "the first line is blank"),
        (b"\r\na,b\r\n", "the first line is blank"),
        (b"a,b,a\n", "columns 1 and 3 have one name: 'a'"),
        (b"a,b,A\n", "columns 1 and 3 have one name: 'A'"),
        ("É,é\n".encode(), "columns 1 and 2 have one name: 'é'"),
        (b"column_2,\n", "columns 1 and 2 have one name: 'column_2'"),
        (b'"a,b\n1,2\n', "the header cannot be read"),
        (b'"a"x,b\n', "the header cannot be read"),
    ],
)
def test_headers_that_are_refused(tmp_path: Path, data: bytes, problem: str) -> None:
    """A header that is missing, broken or ambiguous stops the table in its first line."""
    with pytest.raises(CsvError) as caught:
        header_of(tmp_path, data)

    assert caught.value.problem.startswith(problem)
    assert (caught.value.where.file, caught.value.where.line) == ("below/t.csv", 1)


def test_columns_without_a_name_are_counted_and_noted(tmp_path: Path) -> None:
    """An empty name becomes column_N, N counted from 1, and the report says so."""
    header = header_of(tmp_path, b',b,""\n')

    assert header.columns == ("column_1", "b", "column_3")
    assert header.notes == (
        "column 1 has no name: called column_1",
        "column 3 has no name: called column_3",
    )


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_noted(tmp_path: Path, delimiter: str) -> None:
    """One column whose name looks like several is read as it is, with a note."""
    name = delimiter.join("abc")

    header = header_of(tmp_path, f"{name}\n1{delimiter}2\n".encode())

    assert header.columns == (name,)
    assert header.notes == (f"one column only, {name!r}: is the delimiter another than a comma?",)


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        (b"gr\xf6\xdfe,b\n", 1, "0xf6"),
        (b"a,b\n1,2\nx,\xe9\n", 3, "0xe9"),
        (b"\xff\xfea\0,\0b\0", 1, "0xff"),
    ],
)
def test_a_header_near_a_byte_that_is_not_utf8(tmp_path: Path, data: bytes, line: int, byte: str) -> None:
    """Another encoding is refused with the byte and the line it stands in."""
    with pytest.raises(CsvError, match=f"is not UTF-8: byte {byte}") as caught:
        header_of(tmp_path, data)

    assert caught.value.where.line == line
    assert "iconv" in caught.value.hint


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"a,b\n1,2\n3\n", 3, "the row has 1 cells, the header 2: 3"),
        (b"a,b\n1,2\n3,4,5\n", 3, "the row has 3 cells, the header 2: 3,4,5"),
        (b'a,b\n"1\n1",2\n\n3\n', 5, "the row has 1 cells, the header 2: 3"),
        (b'"a\n\n",b\n"1\r1",2\n"3\n3"\n', 6, "the row has 1 cells, the header 2: 3\\n3"),
        (b'a,b\r\n"1\r\n1",2\r\n3\r\n', 4, "the row has 1 cells, the header 2: 3"),
        (b'a,b\n1,2\n3,"4\n5,6\n', 3, "a quoted cell is broken: unexpected end of data"),
        (b'a,b\n1,"2\n2"\n3,"4"x\n', 4, "a quoted cell is broken: ',' expected after '\"'"),
        (b"a,b\n1,2\n3,\xe9\n", 3, "is not UTF-8: byte 0xe9"),
        (b"a,b\n" + b"1,2\n" * 70_000 + b"3,\xe9\n", 70_002, "is not UTF-8: byte 0xe9"),
        (b"a,b\n1,2\r\n3,4\n", 2, "mixes '\\n' and '\\r\\n' as line ends"),
        (b"a,b\r\n1,2\r\n3,4\n", 3, "mixes '\\r\\n' and '\\n' as line ends"),
        (b"a,b\n1,2\n3,4\r5,6\n", 3, "mixes '\\n' and '\\r' as line ends"),
    ],
)
def test_faults_are_located(tmp_path: Path, data: bytes, line: int, problem: str) -> None:
    """The error names the file, the physical line where the row begins, and what stands there."""
    error = fault_of(tmp_path, data)

    assert error.problem == problem
    assert (error.where.file, error.where.line) == ("below/t.csv", line)
    assert error.hint


@pytest.mark.parametrize("data", [b'a,b\r\n"1\n1",2\r\n3,4', b'"a\r\n",b\n"1\r1",2\n', b"a,b\n\n1,2\n"])
def test_line_breaks_within_cells_do_not_mix_line_ends(tmp_path: Path, data: bytes) -> None:
    """Where Python finds nothing wrong the error has DuckDB's words, in one line."""
    error = fault_of(tmp_path, data, said="something\nelse " + "x" * 1000)

    assert error.problem.startswith("something\\nelse xxx")
    assert len(error.problem) <= 300


def test_a_long_row_is_shown_in_part(tmp_path: Path) -> None:
    """An error shows the beginning of a row, not megabytes of it."""
    error = fault_of(tmp_path, b"a,b\n" + b"x" * 200_000 + b"\n")

    assert "xxx" in error.problem
    assert len(error.problem) < 150


def test_a_cell_beyond_the_longest_line_is_called_so(tmp_path: Path) -> None:
    """A quote that is never closed does not swallow gigabytes: the search ends at the longest line."""
    error = fault_of(tmp_path, b'a,b\n1,2\n3,"' + b"x" * (LONGEST_LINE_BYTES + 1))

    assert error.problem == "a cell is longer than 16,777,216 bytes, or its quote is never closed"
    assert error.where.line == 3


def test_locating_leaves_the_limit_of_the_csv_module_alone(tmp_path: Path) -> None:
    """The limit of cells is a setting of the whole process, and not ours to change."""
    before = csv.field_size_limit(4321)

    fault_of(tmp_path, b"a,b\n1\n")
    fault_of(tmp_path, b'a,b\n"1\n')

    assert csv.field_size_limit(before) == 4321


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        ('a,b\n"1\n1",2\n3\n', 4, "the row has 1 cells"),
        ("a,b\n1,2\n3,4,5\n", 3, "the row has 3 cells"),
        ("a,b\n" + "1,2\n" * 5000 + '3,"4\n', 5002, "a quoted cell is broken"),
        ('a,b\n1,"2"x\n', 2, "a quoted cell is broken"),
        (b"a,b\n" + b"1,2\n" * 5000 + b"\xe9,4\n", 5002, "is not UTF-8"),
        ("a,b\n1,2\n3,4\r\n", 3, "mixes '\\n' and '\\r\\n' as line ends"),
        ("a,b\n" + "1,2\n" * 5000 + "3\n", 5002, "the row has 1 cells"),
    ],
)
def test_a_malformed_file_stops_its_table(
    convert: Convert, data: bytes | str, line: int, problem: str
) -> None:
    """Converting fails with file and line, and leaves no Parquet file (which the fixture sees to)."""
    with pytest.raises(CsvError) as caught:
        convert(data)

    assert caught.value.problem.startswith(problem)
    assert (caught.value.where.file, caught.value.where.line) == ("table.csv", line)


@pytest.mark.parametrize("data", ['a,b\n"x" "y",1\n', 'a,b\nz, "x"\n', 'a,b\n"x" ,1\n'])
@pytest.mark.xfail(
    raises=AssertionError, reason="DuckDB takes blanks beside quotes away, also in its strict mode"
)
def test_blanks_beside_quotes_are_kept_or_refused(convert: Convert, data: str) -> None:
    """A cell becomes what Python reads, or the table stops."""
    try:
        _, table = convert(data, wanted={"a": "text", "b": "text"})
    except CsvError:
        return

    with_blanks = list(csv.reader(data.splitlines(), strict=False))[1]
    assert list(table.to_pylist()[0].values()) == with_blanks


@pytest.mark.parametrize("data", ["a,b\n1,2,\n", "a,b\n1,2,,,\n"])
def test_empty_cells_beyond_the_last_column_hold_nothing(convert: Convert, data: str) -> None:
    """DuckDB lets a row have more cells than the header when they are empty; nothing is lost by that."""
    _, table = convert(data)

    assert table.to_pylist() == [{"a": 1, "b": 2}]


@pytest.mark.parametrize(
    "name",
    [
        "[1].csv",
        "a*?.csv",
        "**.csv",
        "[!1]].csv",
        "{1,2}.csv",
        "it's.csv",
        'a "quote".csv',
        "back\\slash.csv",
        "$HOME %41.csv",
        "~.csv",
        "split=train.csv",
    ],
)
def test_a_file_is_read_by_its_name_alone(convert: Convert, name: str) -> None:
    """Names that look like patterns or quotes name one file, and no neighbour that would match."""
    others = ("1.csv", "2.csv", "2].csv", "ab.csv", "abc.csv", "x.csv")
    neighbours = dict.fromkeys(others, "a,b\nother,other\n")

    report, table = convert("a,b\nmine,1\n", file_name=name, neighbours=neighbours)

    assert table.to_pylist() == [{"a": "mine", "b": 1}]
    assert report.source == name
