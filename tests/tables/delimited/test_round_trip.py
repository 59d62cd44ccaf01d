"""CSV to Parquet changes nothing: every file of the corpus is packed cell by cell, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import packhouse
from csv_cells import assert_same_cells, long_cells, records, without_blanks
from csv_corpus import BROKEN, SOUND, Broken, Sound
from packhouse._src.sources.sorting import without_extension

CASES = (*SOUND, *BROKEN)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> packhouse.Report:
    """The whole corpus in one folder, packed at once."""
    folder = tmp_path_factory.mktemp("corpus") / "src"
    folder.mkdir()
    for case in CASES:
        (folder / case.file).write_bytes(case.bytes())
    encoding = [f"{without_extension(case.file)}={case.encoding}" for case in CASES if case.encoding]
    return packhouse.pack(folder, folder.with_name("a.pack"), encoding=encoding)


def test_every_file_of_the_corpus_is_packed_or_refused(packed: packhouse.Report) -> None:
    """No file is lost from sight, whatever the others are."""
    assert len({case.file for case in CASES}) == len(CASES) >= 50
    assert {table.source for table in packed.tables} == {case.file for case in SOUND}
    assert {failed.path for failed in packed.failed} == {case.file for case in BROKEN}


@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.file)
def test_every_cell_comes_back(packed: packhouse.Report, case: Sound) -> None:
    """What Python's csv module finds in the file is in the Parquet file: numbers by value, text by letter."""
    report = next(table for table in packed.tables if table.source == case.file)
    with long_cells():
        header, *body = [row for _line, row in records(case.text, case.delimiter)]
    rows = without_blanks(body, len(header))

    table = pq.ParquetFile(packed.dest / report.file).read()

    if case.cells is not None:
        assert [[cell or "" for cell in row] for row in case.cells] == rows
    assert_same_cells(case.cells or with_nulls(rows, table), report, table)
    assert len(report.columns) == len(header)
    assert {name: column_type(report, name) for name in case.types} == dict(case.types)
    for expected, note in zip(case.notes, report.notes, strict=bool(case.notes)):
        assert note.startswith(expected)


def with_nulls(rows: list[list[str]], table: Any) -> list[list[str | None]]:  # noqa: ANN401  # pyarrow has no hints
    """Put null for each empty cell where the table has one: the csv module does not tell "" from nothing."""
    columns = [table.column(place).is_null().to_pylist() for place in range(table.num_columns)]
    nulls = zip(*columns, strict=True)
    return [
        [None if null and not cell else cell for cell, null in zip(row, marks, strict=True)]
        for row, marks in zip(rows, nulls, strict=True)
    ]


def column_type(report: Any, name: str) -> str:  # noqa: ANN401  # one of the reports
    """Return the Arrow type that a report has for a column."""
    return str(next(column.arrow for column in report.columns if column.name == name))


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.file)
def test_what_cannot_be_read_is_named(packed: packhouse.Report, case: Broken) -> None:
    """The error says what is wrong, in which file and line, and what to do; no table is made of it."""
    failed = next(one for one in packed.failed if one.path == case.file)

    problem, where, hint = failed.message.splitlines()

    assert failed.error == "CsvError"
    assert problem.startswith(case.said)
    place, _, column = where.partition(" [")
    assert place == f"  in {case.file}" + ("" if case.line is None else f", line {case.line}")
    assert bool(column) == (
        case.line != 1 and problem.startswith(("a quoted cell is malformed", "is not UTF-8"))
    )
    assert hint.startswith("  try: ")
    assert not (packed.dest / f"{without_extension(case.file)}.parquet").exists()


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'a,b\n1,2\n3,"4\n5,6\n', "line 3 [column 2]"),
        (b'a,b\n"1,2\n', "line 2 [column 1]"),
        (b'a,b\n"x, y","z"z\n', "line 2 [column 2]"),
        (b"a,b\n1,2\n3,x\xe9\n", "line 3 [b]"),
        (b'a,b\n"1\n\xe9",2\n', "line 3 [a]"),
        (b"a,b\n\xe9", "line 2 [a]"),
        (b"a,b\n1,2\n1,2,\xe9", "line 3"),
    ],
)
def test_the_column_of_a_fault_is_named(tmp_path: Path, data: bytes, where: str) -> None:
    """A broken quote has the number of its column, a wrong byte its name; none behind the last one."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_bytes(b"a,b\n" + b"1,2\n" * 20_000 + data.removeprefix(b"a,b\n"))
    (tmp_path / "src/other.csv").write_text("a\n1\n")

    report = packhouse.pack(tmp_path / "src", tmp_path / "out.pack")

    (failed,) = report.failed
    line, _, column = where.partition(" ")[2].partition(" ")
    expected = f"  in t.csv, line {int(line) + 20_000}" + (f" {column}" if column else "")
    assert failed.message.splitlines()[1] == expected
