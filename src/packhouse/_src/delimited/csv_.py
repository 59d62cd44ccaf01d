"""pyarrow's CSV parser: whole records in, cells of text out, or what is wrong with which row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.csv as pa_csv

from packhouse._src.delimited.cutting import Chunk
from packhouse._src.delimited.dialect import Header
from packhouse._src.delimited.row_hints import hint_for_row
from packhouse._src.delimited.text_stream import LONGEST_RECORD_BYTES, NOT_UTF8_HINT, UTF8_MARK
from packhouse._src.system.process_lock import ProcessLock
from packhouse.errors import (
    CsvError,
    Where,
    internal_error,
)

_LIMIT = ProcessLock()


def parse_chunk(chunk: Chunk, header: Header, *, shown_as: str) -> pa.RecordBatch:
    """Parse some records into columns of text.

    Args:
        chunk: The records.
        header: What the table's columns are.
        shown_as: Path of the table, for errors.

    Returns:
        One column of strings a column, named 0, 1, ...; an empty cell is null, a quoted empty one is "".

    Raises:
        CsvError: A row has another number of cells than the header, or is not UTF-8; with its line.
        AccountingError: Not as many rows came out as were cut.

    Cost: releases the interpreter lock; about 1.2 GB/s.
    """
    names = [str(place) for place in range(len(header.columns))]
    # the parser takes away a byte order mark, which in the middle of a file is text
    data = UTF8_MARK + chunk.data if chunk.data.startswith(UTF8_MARK) else chunk.data
    if not data.endswith((b"\n", b"\r")):
        data += b"\n"  # or it takes an empty last cell for a quoted one where the one before it is quoted
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            pa_csv.ParseOptions(
                delimiter=header.delimiter,
                quote_char='"',
                double_quote=True,
                escape_char=False,
                newlines_in_values=True,
                ignore_empty_lines=len(names) > 1,
            ),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                check_utf8=True,
            ),
        )
    except pa.ArrowInvalid as err:
        raise find_fault(chunk, header, shown_as=shown_as, said=str(err)) from err
    if table.num_rows != chunk.records:
        raise internal_error(
            f"{chunk.records:,} rows were cut and {table.num_rows:,} parsed",
            where=Where(file=shown_as, line=chunk.first_line),
        )
    return table.combine_chunks().to_batches()[0]


def find_fault(chunk: Chunk, header: Header, *, shown_as: str, said: str) -> CsvError:
    """Find the first malformed row of a chunk with Python's csv module.

    Args:
        chunk: The records.
        header: What the table's columns are.
        shown_as: Path of the table.
        said: The parser's own words, for what Python finds nothing wrong with.

    Returns:
        An error with file, line and what was found there.
    """
    try:
        text = chunk.data.decode()
    except UnicodeDecodeError as err:
        before = chunk.data[: err.start].decode()
        return CsvError(
            f"is not UTF-8: byte 0x{chunk.data[err.start]:02x}",
            where=Where(
                file=shown_as,
                line=chunk.first_line + _line_ends(before),
                member=_column_behind(before, header),
            ),
            hint=NOT_UTF8_HINT,
        )
    expected = len(header.columns)
    rows = _rows(text, chunk.first_line, header.delimiter)
    for line, row in rows:
        if row and len(row) != expected:  # a blank line is no row, or one of one empty cell
            behind = [len(other) for _, other in rows if other] if chunk.is_last else [expected]
            shown = header.delimiter.join(row)
            return CsvError(
                f"the row has {len(row)} cells, the header has {expected}: {_shorten(shown)}",
                where=Where(file=shown_as, line=line),
                hint=hint_for_row(row, header, rows_behind=None if expected in behind else len(behind)),
            )
    return CsvError(_shorten(said, 300), where=Where(file=shown_as, line=chunk.first_line))


def line_of_row(chunk: Chunk, row: int, header: Header) -> int:
    """Return the line on which a row of a chunk begins; rows are counted from 0, blank lines are none."""
    text = chunk.data.decode()
    several = len(header.columns) > 1
    lines = (line for line, cells in _rows(text, chunk.first_line, header.delimiter) if cells or not several)
    return next(line for number, line in enumerate(lines) if number == row)


def _column_behind(text: str, header: Header) -> str | None:
    """Return the name of the column that a text of records ends in; None behind the last one."""
    with _long_cells():
        rows = list(csv.reader(io.StringIO(text + "x", newline=""), delimiter=header.delimiter))
    place = len(rows[-1]) - 1
    return header.columns[place] if place < len(header.columns) else None


def _rows(text: str, first_line: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    with _long_cells():
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
        start = 0
        for row in reader:
            yield first_line + start, row
            start = reader.line_num


@contextmanager
def _long_cells() -> Iterator[None]:
    # the default limit of 131,072 characters a cell is not ours; it is one for all threads
    with _LIMIT:
        before = csv.field_size_limit(LONGEST_RECORD_BYTES)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _line_ends(text: str) -> int:
    return sum(1 for line in io.StringIO(text, newline="") if line.endswith(("\n", "\r")))


def _shorten(text: str, most: int = 80) -> str:
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text if len(text) <= most else text[: most - 1] + "…"
