"""How a CSV file is written: its header, read by us, and the one SQL clause that reads its rows as text."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packhouse.errors import CsvError, Where
from packhouse.tables.quoting import quote_path, quote_text

LONGEST_LINE_BYTES = 16 << 20
READ_BUFFER_BYTES = 32 << 20
"""Above the longest line, and said outright: otherwise DuckDB takes sixteen times the longest line."""

DELIMITER = ","


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one CSV file."""

    columns: tuple[str, ...]
    """Names, unique; a column without one is called column_N, counted from 1."""

    notes: tuple[str, ...] = ()
    """What the report should say about it."""


def read_header(path: Path, *, shown_as: str) -> Header:
    """Read the header line.

    Args:
        path: The CSV file: UTF-8 with or without byte order mark, comma, double quotes.
        shown_as: Its path below SRC, for errors.

    Returns:
        The names of the columns.

    Raises:
        CsvError: The file is empty, not UTF-8, or repeats a name.
    """
    where = Where(file=shown_as, line=1)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file, strict=True), None)
    except UnicodeDecodeError as err:
        raise CsvError(
            f"is not UTF-8: byte 0x{err.object[err.start]:02x}",
            where=Where(file=shown_as, line=_line_of_bad_byte(path)),
            hint="convert it first: iconv -f latin1 -t utf-8",
        ) from err
    except csv.Error as err:
        raise CsvError(f"the header cannot be read: {err}", where=where) from err
    if not names:
        raise CsvError(
            "the file is empty: no header line" if names is None else "the first line is blank",
            where=where,
            hint="a line with the names of the columns, or leave the file out with --tables",
        )
    return Header(_unique_names(names, where), tuple(_notes(names)))


def _unique_names(names: list[str], where: Where) -> tuple[str, ...]:
    found: dict[str, int] = {}
    filled = [name or f"column_{number}" for number, name in enumerate(names, 1)]
    for number, name in enumerate(filled, 1):
        first = found.setdefault(name.lower(), number)
        if first != number:
            raise CsvError(
                f"columns {first} and {number} have one name: {name!r}",
                where=where,
                hint="rename one of them in the header (SQL does not tell upper from lower case)",
            )
    return tuple(filled)


def _notes(names: list[str]) -> Iterator[str]:
    for number, name in enumerate(names, 1):
        if not name:
            yield f"column {number} has no name: called column_{number}"
    if len(names) == 1 and any(other in names[0] for other in ";\t|"):
        yield f"one column only, {names[0]!r}: is the delimiter another than a comma?"


def source_clause(path: Path, n_columns: int) -> str:
    """Return the SQL that reads the rows as text, in columns c0, c1, ...

    Everything is fixed: with its own detection DuckDB turns one ragged row into a table of one column.
    """
    columns = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(n_columns))
    return (
        f"read_csv({quote_path(path)}, auto_detect=false, header=true, delim={quote_text(DELIMITER)}, "
        "quote='\"', escape='\"', strict_mode=true, encoding='utf-8', allow_quoted_nulls=false, "
        f"max_line_size={LONGEST_LINE_BYTES}, buffer_size={READ_BUFFER_BYTES}, columns={{{columns}}})"
    )


def locate_fault(path: Path, header: Header, *, shown_as: str, said: CsvError) -> CsvError:
    """Find the first malformed row with Python's csv module.

    DuckDB counts rows, so after a quoted line break its line numbers are too small.

    Args:
        path: The CSV file.
        header: Its header.
        shown_as: Its path below SRC.
        said: DuckDB's error.

    Returns:
        An error with file, line and what was found there; DuckDB's words where Python finds nothing wrong.

    Cost: reads the file up to the fault, at the speed of Python's csv module.
    """
    expected = len(header.columns)
    start = 1
    first_end = ""
    mixed: tuple[int, str, str] | None = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file, _long_cells():
            ends = _LineEnds(file)
            reader = csv.reader(ends, strict=True)
            for row in reader:
                if row and len(row) != expected:
                    return CsvError(
                        f"the row has {len(row)} cells, the header {expected}: {_shorten(','.join(row))}",
                        where=Where(file=shown_as, line=start),
                        hint="mend the row (a comma inside a cell needs quotes), then pack again",
                    )
                first_end = first_end or ends.latest
                if mixed is None and ends.latest not in ("", first_end):
                    mixed = reader.line_num, first_end, ends.latest
                start = reader.line_num + 1
    except csv.Error as err:
        too_long = "field limit" in str(err)
        return CsvError(
            f"a cell is longer than {LONGEST_LINE_BYTES:,} bytes, or its quote is never closed"
            if too_long
            else f"a quoted cell is broken: {err}",
            where=Where(file=shown_as, line=start),
            hint='a quote inside a cell is written twice: "", and the last one must close it',
        )
    except UnicodeDecodeError as err:
        return CsvError(
            f"is not UTF-8: byte 0x{err.object[err.start]:02x}",
            where=Where(file=shown_as, line=_line_of_bad_byte(path)),
            hint="convert it first: iconv -f latin1 -t utf-8",
        )
    if mixed is not None:
        line, *kinds = mixed
        return CsvError(
            f"mixes {kinds[0]!r} and {kinds[1]!r} as line ends",
            where=Where(file=shown_as, line=line),
            hint="make all line ends the same" + ("" if "\r" in kinds else ": sed -i 's/\\r$//'"),
        )
    return CsvError(_shorten(said.problem, 300), where=Where(file=shown_as), hint=said.hint)


class _LineEnds:
    """Passes the lines of a file on, and remembers how the latest of them ends."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file = file
        self.latest = ""
        """The last line of a file need not end at all."""

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.latest = line[len(line.rstrip("\r\n")) :]
            yield line


@contextmanager
def _long_cells() -> Iterator[None]:
    # the default limit of 131,072 characters a cell is not ours
    before = csv.field_size_limit(LONGEST_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _shorten(text: str, most: int = 80) -> str:
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text if len(text) <= most else text[: most - 1] + "…"


def _line_of_bad_byte(path: Path) -> int | None:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None
