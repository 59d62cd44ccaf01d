"""How a CSV file is written: its delimiter, found from the first lines, and its header."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from packhouse._src.delimited.text_stream import NOT_UTF8_HINT, TableStream, open_table
from packhouse.errors import CsvError, Where

DELIMITERS = (",", ";", "\t", "|")
LONGEST_HEADER_BYTES = 16 << 20
HEAD_BYTES = 64 << 10
"""So much is looked at to find the delimiter; more only when the header is longer."""

ROWS_TRIED = 20
_NAMED = {"\t": "tabs"}


@dataclass(frozen=True, slots=True)
class Header:
    """The first record of a CSV file, and how it is written."""

    columns: tuple[str, ...]
    """Names, unique also without regard to case; a column without one is called column_N, counted from 1."""

    notes: tuple[str, ...] = ()
    """What the report should say about it."""

    delimiter: str = ","
    n_bytes: int = 0
    """Length of the record with its line end, in UTF-8, without byte order mark."""

    n_lines: int = 1
    """Lines it goes over: a name may have line breaks in it."""


def read_header(
    path: Path, *, shown_as: str, encoding: str | None = None, is_start_only: bool = False
) -> Header | None:
    """Read the header, and find the delimiter: the one that gives the first rows the most cells, all alike.

    Args:
        path: The file, compressed or not.
        shown_as: Its path below SRC, for errors.
        encoding: As the user said; None: UTF-8.
        is_start_only: Whether the file is only the start of the table.

    Returns:
        The header; None when the start of the table is too short for it.

    Raises:
        CsvError: The file is empty, in another encoding, or repeats a name.
    """
    with open_table(path, shown_as=shown_as, encoding=encoding) as stream:
        data, wanted, ended = b"", HEAD_BYTES, False
        while True:
            data, ended = _read_on(stream, data, wanted, is_start_only=is_start_only)
            text = _decode(data, shown_as, whole=ended and not is_start_only)
            if ended or _has_first_record(text) or wanted >= LONGEST_HEADER_BYTES:
                break
            wanted *= 4
    whole = ended and not is_start_only
    if is_start_only and not _has_first_record(text):
        return None
    delimiter, others = _choose_delimiter(text, whole=whole)
    names, n_lines = _first_row(text, delimiter, shown_as)
    columns, renamed = _unique_names(names, Where(file=shown_as, line=1))
    notes = [*_delimiter_notes(delimiter, others), *renamed]
    if encoding is not None:
        notes.append(f"read as {encoding}, as requested")
    record = "".join(islice(io.StringIO(text, newline=""), n_lines))
    return Header(columns, tuple(notes), delimiter, len(record.encode()), n_lines)


def _read_on(stream: TableStream, data: bytes, wanted: int, *, is_start_only: bool) -> tuple[bytes, bool]:
    """Return as much of the stream, with what had been read of it, and whether that is all."""
    while len(data) < wanted:
        try:
            more = stream.read(wanted - len(data))
        except CsvError:
            if not is_start_only:  # compression that is cut off is no fault in a start
                raise
            more = b""
        if not more:
            return data, True
        data += more
    return data, False


def _decode(data: bytes, shown_as: str, *, whole: bool) -> str:
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data, whole)
    except UnicodeDecodeError as err:
        before = data[: err.start].decode()
        if _has_first_record(before):  # the rows are looked at later, and the error then names the column
            return before
        line = 1 + sum(1 for line in io.StringIO(before, newline="") if line.endswith(("\n", "\r")))
        raise CsvError(
            f"is not UTF-8: byte 0x{data[err.start]:02x}",
            where=Where(file=shown_as, line=line),
            hint=NOT_UTF8_HINT,
        ) from err


def _has_first_record(text: str) -> bool:
    """Say whether the first record ends in the text, with one delimiter or another."""
    return any(_ends(text, delimiter) for delimiter in DELIMITERS)


def _ends(text: str, delimiter: str) -> bool:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        if next(reader, None) is None:
            return False
    except csv.Error:
        return False
    lines = "".join(islice(io.StringIO(text, newline=""), reader.line_num))
    return len(lines) < len(text) or lines.endswith("\n")


def _choose_delimiter(text: str, *, whole: bool) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter, and those that would have done as well."""
    widths = {mark: _widths(text, mark, whole=whole) for mark in DELIMITERS}
    several = [mark for mark in DELIMITERS if widths[mark] and widths[mark][0] > 1]
    alike = [mark for mark in several if len(set(widths[mark])) == 1]
    # "last, first;age" has two cells either way: a blank behind a mark speaks against it
    likely = sorted(alike or several, key=lambda mark: (-widths[mark][0], f"{mark} " in text))
    return (likely[0], tuple(likely[1:])) if likely else (",", ())


def _widths(text: str, delimiter: str, *, whole: bool) -> list[int]:
    """Return the number of cells of each of the first records, without blank lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    found: list[int] = []
    try:
        found += (len(row) for row in islice(reader, ROWS_TRIED + 1) if row)
    except csv.Error:
        return found
    # what may be half of a record says nothing
    return found if whole or len(found) > ROWS_TRIED or len(found) == 1 else found[:-1]


def _first_row(text: str, delimiter: str, shown_as: str) -> tuple[list[str], int]:
    where = Where(file=shown_as, line=1)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        names = next(reader, None)
    except csv.Error as err:
        is_long = "field limit" in str(err)
        raise CsvError(
            f"the header cannot be read: {err}",
            where=where,
            hint="check that the first line is a header: one of its names is that long"
            if is_long
            else 'write a quote inside a cell as "", and close the cell with a quote',
        ) from err
    if names and any("\0" in name for name in names):
        raise CsvError(
            "the header has NUL bytes: is it UTF-16?",
            where=where,
            hint="--encoding utf-16-le or --encoding utf-16-be",
        )
    if not names:
        raise CsvError(
            "the file is empty: no header line" if names is None else "the first line is blank",
            where=where,
            hint="add a header line with column names, or exclude the file with --tables",
        )
    return names, reader.line_num


def _unique_names(names: Sequence[str], where: Where) -> tuple[tuple[str, ...], list[str]]:
    """Return a name for each column, unique without regard to case, and what to say of new ones."""
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name and first.setdefault(name, number) != number:
            raise CsvError(
                f"columns {first[name]} and {number} have the same name: {name!r}",
                where=where,
                hint="rename one of them in the header",
            )
    taken = {name.lower() for name in names if name}
    seen: set[str] = set()
    columns, notes = [], []
    for number, name in enumerate(names, 1):
        wanted = name or f"column_{number}"
        new, count = wanted, 1
        while new.lower() in seen or (new != name and new.lower() in taken):
            count += 1
            new = f"{wanted}_{count}"
        if not name:
            notes.append(f"column {number} has no name; it is called {new}")
        elif new != name:
            notes.append(
                f"column {number}, {name!r}, differs from another only in case; it is called {new!r}"
            )
        seen.add(new.lower())
        columns.append(new)
    return tuple(columns), notes


def _delimiter_notes(delimiter: str, others: Sequence[str]) -> Iterator[str]:
    if delimiter != "," or others:
        note = f"delimiter: {_NAMED.get(delimiter, repr(delimiter))}, detected from the first lines"
        if others:
            note += f"; {' or '.join(map(repr, others))} would fit too"
        yield note
