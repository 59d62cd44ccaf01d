"""Cells of CSV files: written by hand, read by Python's csv module, compared with those of a Parquet file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Rows = Sequence[Sequence[str | None]]


def spelled(cell: str | None, *, delimiter: str = ",", quoted: bool = False) -> str:
    """Write one cell as CSV: a missing one is empty, an empty text is quoted."""
    if cell is None:
        return ""
    if quoted or cell == "" or any(mark in cell for mark in (delimiter, *'"\r\n')):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def as_csv(rows: Rows, *, end: str = "\n", quoted: bool = False, last_end: bool = True) -> str:
    """Write rows below the header c0, c1, ... as CSV."""
    lines = [",".join(f"c{place}" for place in range(len(rows[0])))]
    lines += [",".join(spelled(cell, quoted=quoted) for cell in row) for row in rows]
    return end.join(lines) + (end if last_end else "")


@contextmanager
def long_cells() -> Iterator[None]:
    """Let Python's csv module read cells of any length."""
    before = csv.field_size_limit(1 << 30)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def records(text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each record begins, and its cells; csv.Error where it is malformed."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    line = 1
    for row in reader:
        yield line, row
        line = 1 + reader.line_num


def without_blanks(rows: Sequence[list[str]], width: int) -> list[list[str]]:
    """Leave out blank lines; in a table of one column they are empty cells."""
    return [row or [""] for row in rows if row or width == 1]


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
        assert math.copysign(1, value) == math.copysign(1, float(text))
        assert len(Decimal(text).as_tuple().digits) <= 17 or Decimal(text) == 0
    elif kind == "bool":
        assert text in {str(value), str(value).lower(), str(value).upper()}
    elif kind == "date32":
        assert isinstance(value, date)
        assert value.isoformat() == text
    else:
        assert kind.startswith("timestamp[us")
        stamp = datetime.fromisoformat(text)
        assert (value, value.utcoffset()) == (stamp, stamp.utcoffset())


def assert_same_cells(rows: Rows, report: Any, table: Any) -> None:  # noqa: ANN401  # pyarrow has no hints
    """Compare all cells, their order and the counts of the report."""
    assert report.rows == table.num_rows == len(rows)
    assert len(report.columns) == table.num_columns
    for place, column in enumerate(report.columns):
        kind = str(table.schema.field(place).type).removesuffix("[day]")
        assert kind == column.arrow
        assert column.nulls == sum(row[place] is None for row in rows) == table.column(place).null_count
        values = table.column(place).to_pylist()
        if kind == "string":
            assert values == [row[place] for row in rows]
            continue
        for text, value in {(row[place], value) for row, value in zip(rows, values, strict=True)}:
            assert_same_cell(kind, text, value)
