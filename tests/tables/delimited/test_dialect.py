"""Headers and delimiters of CSV files: what is found, and what is said of it."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse._src.delimited.delimiters import DELIMITERS
from packhouse._src.delimited.dialect import Header, read_header
from packhouse.errors import CsvError

Convert = Callable[..., tuple[Any, Any]]


def header_of(folder: Path, data: bytes) -> Header:
    """Write a file and read its header."""
    path = folder / "t.csv"
    path.write_bytes(data)
    header = read_header(path, shown_as="below/t.csv")
    assert header is not None
    return header


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
    lines = io.StringIO(line.decode("utf-8-sig"), newline="").readlines()
    reader = csv.reader(lines, strict=True)
    expected = next(reader)

    header = header_of(tmp_path, line)

    n_bytes = len("".join(lines[: reader.line_num]).encode())
    assert header == Header(tuple(expected), n_bytes=n_bytes, n_lines=reader.line_num)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters=",;\t|\0"), min_size=1, max_size=5)
BY = "delimiter:"
CELLS = st.text('ab1 "\n', max_size=4)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NAMES, min_size=2, max_size=5, unique_by=str.lower),
    rows=st.lists(CELLS, max_size=30),
    delimiter=st.sampled_from(DELIMITERS),
    packed=st.booleans(),
)
def test_the_delimiter_is_found(
    tmp_path: Path,
    names: list[str],
    rows: list[str],
    delimiter: str,
    packed: bool,  # noqa: FBT001
) -> None:
    """Of what csv.writer writes the delimiter and the names are found, compressed or not."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(names)
    size = len(file.getvalue().encode())
    writer.writerows([cell] * len(names) for cell in rows)
    data = file.getvalue().encode()
    if names[0].startswith("\ufeff") and '"' not in names[0]:
        names, size = [names[0][1:], *names[1:]], size - 3

    header = header_of(tmp_path, gzip.compress(data) if packed else data)

    assert (header.delimiter, header.n_bytes) == (delimiter, size)
    assert header.columns == tuple(name or "column_1" for name in names)


@pytest.mark.parametrize(
    ("data", "delimiter", "notes"),
    [
        (b"a;b\n1,5;x\n2,5;y\n", ";", (f"{BY} ';', detected from the first lines",)),
        (b"a\tb\n1\tx, y\n", "\t", (f"{BY} tabs, detected from the first lines",)),
        (b'a|b\n1|"x\ny"\n', "|", (f"{BY} '|', detected from the first lines",)),
        (b"a;b,c\n1;2,3\n", ",", (f"{BY} ',', detected from the first lines; ';' would fit too",)),
        (b"a;b,c\n1;2,3\n4;5 6\n", ";", (f"{BY} ';', detected from the first lines",)),
        (b"a;b;c,d\n1;2;3,4\n", ";", (f"{BY} ';', detected from the first lines; ',' would fit too",)),
        (b"text\nhello, world\n", ",", ()),
        (b'"a;b",c\n1,2\n', ",", ()),
        (b"a;b\n" + b"x" * 200_000 + b";1\n", ";", (f"{BY} ';', detected from the first lines",)),
        (b"a,b\n" + b"1;2,3\n" * 9 + b"4;", ",", ()),
    ],
)  # fmt: skip
def test_what_is_said_of_the_delimiter(
    tmp_path: Path, data: bytes, delimiter: str, notes: tuple[str, ...]
) -> None:
    """It gives the most cells, all rows alike; if it is no comma or another would do, the report says so."""
    header = header_of(tmp_path, data)

    assert (header.delimiter, header.notes) == (delimiter, notes)


@pytest.mark.parametrize("size", range(1, 29))
def test_a_start_is_enough_or_not(tmp_path: Path, size: int) -> None:
    """Of the first bytes of a table, there is either the header of the whole or none yet."""
    path = tmp_path / "t.csv"
    whole = '\ufeff"a\r\nb",größe\r\n1,2\r\n3,4\r\n'.encode()
    path.write_bytes(whole[:size])

    header = read_header(path, shown_as="t.csv", is_start_only=True)

    end = whole.index(b"1,2") - 3
    # a CR may yet be half of a line end
    assert header == (Header(("a\r\nb", "größe"), n_bytes=end, n_lines=2) if size >= end + 3 else None)


def test_a_header_may_be_long(tmp_path: Path) -> None:
    """Two hundred thousand columns, or a name of seventy thousand lines, are read whole."""
    wide = header_of(tmp_path, b",".join(b"c%d" % place for place in range(200_000)) + b"\n1\n")
    tall = header_of(tmp_path, b'"a' + b"\n" * 70_000 + b'",b\n1,2\n')

    assert (len(wide.columns), wide.columns[-1]) == (200_000, "c199999")
    assert (tall.columns[1], tall.n_lines, tall.n_bytes) == ("b", 70_001, 70_006)


def test_another_encoding_is_noted(tmp_path: Path) -> None:
    """The report says that a table was read in the encoding that was asked for."""
    path = tmp_path / "t.csv"
    path.write_bytes("größe,b\n".encode("cp1252"))

    header = read_header(path, shown_as="t.csv", encoding="cp1252")

    notes = ("read as cp1252, as requested",)
    assert header == Header(("größe", "b"), notes, n_bytes=len("größe,b\n".encode()))


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
        (b"a,b,a\n", "columns 1 and 3 have the same name: 'a'"),
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
        "column 1 has no name; it is called column_1",
        "column 3 has no name; it is called column_3",
    )


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("a,b,A", ("a", "b", "A_2")),
        ("a,A,a_2", ("a", "A_3", "a_2")),
        ("É,é", ("É", "é_2")),
        ("COLUMN_2,", ("COLUMN_2", "column_2_2")),
        ("x,X,xx,Xx", ("x", "X_2", "xx", "Xx_2")),
    ],
)
def test_names_that_differ_in_case_are_numbered(tmp_path: Path, line: str, columns: tuple[str, ...]) -> None:
    """SQL does not tell them apart: later ones get a number that no other has, and the report says so."""
    header = header_of(tmp_path, f"{line}\n".encode())

    renamed = [new for old, new in zip(line.split(","), columns, strict=True) if old not in ("", new)]
    assert header.columns == columns
    assert all(any(f"called {new!r}" in note for note in header.notes) for new in renamed)
    assert len({name.lower() for name in header.columns}) == len(columns)


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        (b"gr\xf6\xdfe,b\n", 1, "0xf6"),
        (b"\xfe,b\n", 1, "0xfe"),
    ],
)
def test_a_header_near_a_byte_that_is_not_utf8(tmp_path: Path, data: bytes, line: int, byte: str) -> None:
    """Another encoding is refused with the byte and the line it stands in."""
    with pytest.raises(CsvError, match=f"is not UTF-8: byte {byte}") as caught:
        header_of(tmp_path, data)

    assert caught.value.where.line == line
    assert "--encoding cp1252" in caught.value.hint


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        ('a,b\n"1\n1",2\n3\n', 4, "the row has 1 cells"),
        ("a,b\n1,2\n3,4,5\n", 3, "the row has 3 cells"),
        ("a,b\n" + "1,2\n" * 5000 + '3,"4\n', 5002, "a quoted cell is malformed"),
        ('a,b\n1,"2"x\n', 2, "a quoted cell is malformed"),
        (b"a,b\n" + b"1,2\n" * 5000 + b"\xe9,4\n", 5002, "is not UTF-8"),
        ("a,b\n1,2,\n", 2, "the row has 3 cells"),
        ('a,b\n"x" ,1\n', 2, "a quoted cell is malformed"),
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
