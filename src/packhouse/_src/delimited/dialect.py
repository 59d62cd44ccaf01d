"""How a CSV file is written: the lines before its header, its delimiter, its header."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from packhouse._src.column_names import distinct_names
from packhouse._src.delimited.delimiters import DELIMITERS, choose_delimiter, delimiter_notes, rows_of, shown
from packhouse._src.delimited.odd_lines import doubts, rows_of_title, sep_line, title_notes
from packhouse._src.delimited.packed.zipped import is_zip
from packhouse._src.delimited.text_stream import NOT_UTF8_HINT, TableStream, open_table
from packhouse._src.table_records import WHITESPACE, Dialect
from packhouse.errors import CsvError, Where

LONGEST_HEADER_BYTES = 16 << 20
HEAD_BYTES = 64 << 10
"""So much is looked at to find the delimiter; more only when the header is longer."""

AS_FOUND = Dialect()


@dataclass(frozen=True, slots=True)
class Header:
    """The first record of a CSV file, and how it is written."""

    columns: tuple[str, ...]
    """Names, unique also without regard to case; a column without one is called column_N, counted from 1."""

    notes: tuple[str, ...] = ()
    """What the report should say about it."""

    delimiter: str = ","
    n_bytes: int = 0
    """Length of the record with its line end, and of the lines before, in UTF-8, without byte order mark."""

    n_lines: int = 1
    """Lines it goes over, with those before: a name may have line breaks in it."""

    start: Start | None = field(default=None, compare=False)
    doubts: tuple[str, ...] = field(default=(), compare=False)
    """Why the header may be a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The first rows of a CSV file, before it is known whether the first of them is a header."""

    dialect: Dialect
    where: Where
    """The first line."""

    names: tuple[str, ...]
    """Its cells."""

    rows: tuple[tuple[str, ...], ...]
    """Some of those that follow."""

    delimiter: str
    notes: tuple[str, ...]
    n_bytes: int
    """Length of the first record in UTF-8, with its line end."""

    n_lines: int
    bytes_before: int
    """Length of the lines before it, without byte order mark."""

    lines_before: int
    title_lines: int
    """Lines, the first one among them, that have another number of cells than all that follow."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the user has said that the very first line is the header."""
        return self.dialect.is_sure and self.dialect.skip_lines == 0

    def header(self, *, is_row: bool = False) -> Header:
        """Return the header.

        Args:
            is_row: Whether the first line is a row, though nobody has said so.

        Raises:
            CsvError: A name is repeated.
        """
        if is_row or not self.dialect.has_header:
            columns, _ = unique_names([""] * len(self.names), self.where, self.dialect.table)
            return Header(columns, self.notes, self.delimiter, self.bytes_before, self.lines_before, self)
        columns, renamed = unique_names(self.names, self.where, self.dialect.table)
        notes = [*self.notes, *renamed]
        why: tuple[str, ...] = ()
        if not self.dialect.is_sure and not self.title_lines:
            why = tuple(doubts(self.names, self.rows))
            if not why:
                notes += title_notes(self.names, self.rows, self.dialect.table)
        n_bytes, n_lines = self.bytes_before + self.n_bytes, self.lines_before + self.n_lines
        return Header(columns, tuple(notes), self.delimiter, n_bytes, n_lines, self, why)


def read_header(
    path: Path,
    *,
    shown_as: str,
    encoding: str | None = None,
    dialect: Dialect = AS_FOUND,
    is_start_only: bool = False,
) -> Header | None:
    """Read the header, and find the delimiter by the first rows; as `read_start`.

    Raises:
        CsvError: The file is empty, in another encoding, or repeats a name.
    """
    start = read_start(
        path, shown_as=shown_as, encoding=encoding, dialect=dialect, is_start_only=is_start_only
    )
    return None if start is None else start.header()


def read_start(
    path: Path,
    *,
    shown_as: str,
    encoding: str | None = None,
    dialect: Dialect = AS_FOUND,
    is_start_only: bool = False,
) -> Start | None:
    """Read the first rows, and find the delimiter by them.

    Args:
        path: The file, compressed or not.
        shown_as: Its path below SRC, for errors and for its extension.
        encoding: As the user said; None: UTF-8.
        dialect: What the user said of the file, or was found out otherwise.
        is_start_only: Whether the file is only the start of the table.

    Returns:
        The first rows; None when the start of the table is too short for the first one.

    Raises:
        CsvError: The file is empty, or in another encoding.
    """
    if is_start_only and is_zip(path):  # the list of its members is at its end
        return None
    squeeze = dialect.delimiter == WHITESPACE
    with open_table(path, shown_as=shown_as, encoding=encoding, squeeze=squeeze) as stream:
        data, wanted, ended = b"", HEAD_BYTES, False
        while True:
            data, ended = _read_on(stream, data, wanted, is_start_only=is_start_only)
            text = _decode(data, shown_as, whole=ended and not is_start_only)
            before = _length_before(text, dialect)
            if ended or _has_first_record(text[before:]) or wanted >= LONGEST_HEADER_BYTES:
                break
            wanted *= 4
    if is_start_only and not _has_first_record(text[before:]):
        return None
    requested = () if encoding is None else (f"read as {encoding}, as requested",)
    whole = ended and not is_start_only
    return _start_of(text[:before], text[before:], shown_as, dialect, whole=whole, requested=requested)


def _length_before(text: str, dialect: Dialect) -> int:
    """Return the length of the lines before the header: those that the user spoke of, and Excel's "sep=;"."""
    skipped = sum(map(len, islice(io.StringIO(text, newline=""), dialect.skip_lines)))
    sep = sep_line(text[skipped:])
    return skipped + (sep[1] if sep is not None else 0)


def _start_of(  # what is known of the file
    before: str, text: str, shown_as: str, dialect: Dialect, *, whole: bool, requested: tuple[str, ...]
) -> Start:
    lines = list(io.StringIO(before, newline=""))
    sep = sep_line(lines[-1]) if len(lines) > dialect.skip_lines else None
    delimiter, notes = _delimiter_of(text, shown_as, dialect, sep, whole=whole)
    where = Where(file=shown_as, line=1 + len(lines))
    names, n_lines = _first_row(text, delimiter, where, dialect.table)
    rows, _ = rows_of(text, delimiter, whole=whole)
    if dialect.delimiter == WHITESPACE and rows[1:] and {len(row) for row in rows[1:]} == {len(names) + 1}:
        names = ["", *names]  # the column of the names of the rows has none itself
    return Start(
        dialect=dialect,
        where=where,
        names=tuple(names),
        rows=tuple(map(tuple, rows[1:])),
        delimiter=delimiter,
        notes=(*notes, *requested),
        n_bytes=len("".join(islice(io.StringIO(text, newline=""), n_lines)).encode()),
        n_lines=n_lines,
        bytes_before=len(before.encode()),
        lines_before=len(lines),
        title_lines=_lines_of(text, delimiter, rows_of_title(rows)),
    )


def _lines_of(text: str, delimiter: str, rows: int) -> int:
    """Return the lines that some first rows go over, with blank ones among them and behind."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    before = 0
    for row in reader if rows else ():
        rows -= bool(row)
        if rows < 0:
            break
        before = reader.line_num
    return before


def _delimiter_of(
    text: str, shown_as: str, dialect: Dialect, sep: tuple[str, int] | None, *, whole: bool
) -> tuple[str, list[str]]:
    """Return the delimiter, and what to say of it."""
    if dialect.delimiter is not None:
        return ("\t" if dialect.delimiter == WHITESPACE else dialect.delimiter), []
    if sep is not None:
        return sep[0], [f'delimiter: {shown(sep[0])}, from the line "sep=" before the header']
    found, others = choose_delimiter(text, shown_as=shown_as, whole=whole)
    return found, list(delimiter_notes(found, others))


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


def _first_row(text: str, delimiter: str, where: Where, table: str) -> tuple[list[str], int]:
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
            hint="add a header line with column names, or exclude the file with --tables"
            if names is None
            else f"--skip-lines {table}={where.line} skips it",
        )
    return names, reader.line_num


def unique_names(names: Sequence[str], where: Where, table: str) -> tuple[tuple[str, ...], list[str]]:
    """Return a name for each column, unique without regard to case, and what to say of new ones.

    Raises:
        CsvError: A name is repeated.
    """
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name and first.setdefault(name, number) != number:
            raise CsvError(
                f"columns {first[name]} and {number} have the same name: {name!r}",
                where=where,
                hint=f"rename one of them; if the first line is a row: --no-header {table}",
            )
    return distinct_names(names)
