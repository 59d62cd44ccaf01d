"""Rows too long for the memory, and quotes that are never closed: which cell it is. Pure, on bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from packhouse._src.delimited.row_hints import DOUBLED_HINT
from packhouse._src.delimited.text_stream import LONGEST_RECORD_BYTES
from packhouse.errors import CsvError, Where

SURE_BYTES = 1 << 20
"""Of so much that stands in quotes it is said whether it looks like rows."""

SURE_LINES = 100
SURE_SHARE = 0.95
"""Part of the lines that have as many delimiters as a row."""


@dataclass(frozen=True, slots=True)
class RowLimit:
    """How long a row may be."""

    longest_bytes: int = LONGEST_RECORD_BYTES
    columns: Sequence[str] = ()
    """Their names, as far as they are known."""

    wait: Callable[[], None] = lambda: None
    """Called before a row is read on that is longer than a chunk: until there is memory for it."""


ANY_LENGTH = RowLimit()


def check_long_row(buffer: bytes, delimiter: str, limit: RowLimit, *, where: Where) -> None:
    """See that a row that does not end here may be read on.

    Args:
        buffer: Its beginning.
        delimiter: Between cells.
        limit: How long it may be.
        where: Where it begins.

    Raises:
        CsvError: It is longer; with the column. It says so if what is behind a quote looks like rows; by
            itself that proves nothing: a cell may hold a whole CSV file.
    """
    longest_bytes, columns = limit.longest_bytes, limit.columns
    if len(buffer) <= longest_bytes:
        return
    cells = list(_cells(buffer, delimiter))
    place, start, _ = cells[-1]
    if buffer[start : start + 1] == b'"' and _are_rows(
        buffer[start : start + SURE_BYTES], delimiter, columns
    ):
        raise CsvError(
            "a quoted cell is malformed, its quote is never closed: the lines behind it look like rows",
            where=_in_column(where, place, columns),
            hint=DOUBLED_HINT,
        )
    place, start, end = max(cells, key=lambda cell: cell[2] - cell[1])
    what = "a cell" if 2 * (end - start) >= len(buffer) else "a row"
    problem = f"{what} is longer than {longest_bytes:,} bytes"
    if longest_bytes < LONGEST_RECORD_BYTES:
        raise CsvError(
            f"{problem}, which is too much for the memory limit",
            where=_in_column(where, place, columns),
            hint="use a larger --memory-limit, or check that the quotes of the row are closed",
        )
    raise CsvError(
        f"{problem}, or its quote is never closed", where=_in_column(where, place, columns), hint=DOUBLED_HINT
    )


def count_cells(buffer: bytes, delimiter: str) -> int:
    """Return the number of whole cells, each with its delimiter, that a record begins with."""
    return sum(1 for _ in _cells(buffer, delimiter)) - 1


def _cells(buffer: bytes, delimiter: str) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each whole cell, and of what follows the last of them."""
    mark = delimiter.encode()
    number = place = 0
    while (end := _end_of_cell(buffer, place, mark)) is not None:
        yield number, place, end
        number, place = number + 1, end
    yield number, place, len(buffer)


def _end_of_cell(buffer: bytes, place: int, mark: bytes) -> int | None:
    """Return where a cell ends with its delimiter; None when it does not."""
    # not by a pattern, which goes back through an open cell byte by byte
    if not buffer.startswith(b'"', place):
        end = buffer.find(mark, place)
        is_whole = end >= 0 and not re.search(rb"[\r\n]", buffer[place:end])
        return end + 1 if is_whole else None
    quote = buffer.find(b'"', place + 1)
    while quote >= 0 and buffer.startswith(b'""', quote):
        quote = buffer.find(b'"', quote + 2)
    return quote + 2 if quote >= 0 and buffer.startswith(mark, quote + 1) else None


def _are_rows(text: bytes, delimiter: str, columns: Sequence[str]) -> bool:
    """Say whether lines, but for the first, which is part of a row, are rows of the table.

    Text with quotes in it is none: a quote that stays open has none behind it, or it would be closed there.
    """
    lines = re.split(rb"\r\n|[\r\n]", text)[1:-1]
    marks = len(columns) - 1
    alike = sum(line.count(delimiter.encode()) == marks for line in lines)
    return (
        b'"' not in text[1:] and marks > 0 and len(lines) >= SURE_LINES and alike >= SURE_SHARE * len(lines)
    )


def _in_column(where: Where, place: int, columns: Sequence[str]) -> Where:
    member = f"column {columns[place]!r}" if place < len(columns) else f"column {place + 1}"
    return Where(file=where.file, line=where.line, member=member)
