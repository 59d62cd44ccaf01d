"""Reads a table in chunks of text columns, as the user wants its cells: marks missing, ids padded.

The reader of CSV files; that of JSON Lines is one too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.delimited.csv_ import line_of_row, parse_chunk
from packhouse._src.delimited.cutting import Chunk, cut_records
from packhouse._src.delimited.dialect import Header, read_header
from packhouse._src.delimited.limits.long_rows import RowLimit
from packhouse._src.delimited.text_stream import LONGEST_RECORD_BYTES, TableStream, open_table
from packhouse._src.padding import as_whole_numbers, pad_numbers, without_marks
from packhouse._src.table_records import WHITESPACE, TablePlan
from packhouse.errors import CsvError, TypingError, Where


@dataclass(frozen=True, slots=True, kw_only=True)
class CellWishes:
    """What is to be done with the cells of some columns before they get a type."""

    null_marks: Mapping[str, Sequence[str]]
    """Column -> cells that mean a missing value."""

    padded: Mapping[str, int]
    """Column -> digits that its whole numbers are filled up to."""

    whole: Collection[str]
    """Columns of whole numbers, some of which may be written with ".0"."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a chunk."""

    columns: list[pa.StringArray]
    marked: list[int]
    """Cells of each column that were marks of a missing value."""

    strings: Mapping[int, pa.BooleanArray | None] = field(default_factory=dict)
    """Of JSON, place of a column -> which of its cells are strings; None: all."""

    nested: Mapping[int, int] = field(default_factory=dict)
    """Of JSON, place of a column -> cells that are lists or objects."""

    def to_prove(self, place: int) -> pa.StringArray:
        """Return a column as types are proved: strings of JSON in quotes, which are no numbers."""
        cells = self.columns[place]
        if place not in self.strings:
            return cells
        quoted = pc.binary_join_element_wise('"', cells, '"', "")
        which = self.strings[place]
        return quoted if which is None else pc.if_else(which, quoted, cells)

    def count_strings(self, place: int) -> int:
        """Return how many cells of a column are strings of JSON."""
        if place not in self.strings:
            return 0
        cells, which = self.columns[place], self.strings[place]
        found = pc.is_valid(cells) if which is None else pc.and_(which, pc.is_valid(cells))
        return int(pc.sum(found).as_py() or 0)


class TableReader:
    """One file, such as a CSV file.

    Args:
        plan: What it is.
        source: The file.
        longest_bytes: The longest row that there is memory for.

    Raises:
        CsvError: It is not as it was when it was planned.
    """

    def __init__(self, plan: TablePlan, source: Path, *, longest_bytes: int = LONGEST_RECORD_BYTES) -> None:
        self._plan = plan
        self._longest_bytes = longest_bytes
        self._source = source
        self._facts = source.stat()
        self.header: Header = self._read_header()

    @property
    def has_footers(self) -> bool:
        """Whether the last row may be none."""
        return True

    def _read_header(self) -> Header:
        plan = self._plan
        header = read_header(self._source, shown_as=plan.source, encoding=plan.encoding, dialect=plan.dialect)
        if header is None or header.columns != plan.columns:
            raise self.changed()
        return header

    @property
    def size(self) -> int:
        """Size of the file."""
        return self._facts.st_size

    def check(self) -> None:
        """See that the file is as it was at the beginning.

        Raises:
            CsvError: It is not.
        """
        facts = self._source.stat()
        if (facts.st_size, facts.st_mtime_ns) != (self._facts.st_size, self._facts.st_mtime_ns):
            raise self.changed()

    def changed(self) -> CsvError:
        """Return the error of a file that changes."""
        return CsvError(
            "it changed while it was read",
            where=Where(file=self._plan.source),
            hint="pack again when nothing writes to it",
        )

    @contextmanager
    def chunks(
        self, wait: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[TableStream, Iterator[Chunk]]]:
        """Open the file behind its header.

        Args:
            wait: Called before a row is read on that is longer than a chunk.

        Yields:
            The stream, and its records in chunks.
        """
        plan, squeeze = self._plan, self._plan.dialect.delimiter == WHITESPACE
        with open_table(
            self._source,
            shown_as=plan.source,
            encoding=plan.encoding,
            squeeze=squeeze,
            longest_bytes=self._longest_bytes,
        ) as stream:
            stream.skip(self.header.n_bytes)
            yield (
                stream,
                cut_records(
                    stream,
                    delimiter=self.header.delimiter,
                    first_line=1 + self.header.n_lines,
                    blank_is_record=len(self.header.columns) == 1,
                    shown_as=plan.source,
                    limit=RowLimit(self._longest_bytes, self.header.columns, wait),
                ),
            )

    def parse(self, chunk: Chunk, wishes: CellWishes) -> Cells:
        """Return the cells of a chunk; an empty one is null.

        Raises:
            CsvError: A row has another number of cells than the header, or is not UTF-8; with its line.
            TypingError: A number cannot be padded.
        """
        return self._as_wished(
            chunk, parse_chunk(chunk, self.header, shown_as=self._plan.source).columns, wishes
        )

    def _as_wished(self, chunk: Chunk, columns: list[pa.StringArray], wishes: CellWishes) -> Cells:
        marked = [0] * len(columns)
        for place, name in enumerate(self.header.columns):
            if name in wishes.null_marks:
                columns[place], marked[place] = without_marks(columns[place], wishes.null_marks[name])
            if name in wishes.whole:
                columns[place] = as_whole_numbers(columns[place])
            elif name in wishes.padded:
                columns[place] = self._pad(chunk, columns[place], name, wishes.padded[name])
        return Cells(columns, marked)

    def line_of(self, chunk: Chunk, row: int) -> int:
        """Return the line of the file on which a row of a chunk begins."""
        return line_of_row(chunk, row, self.header)

    def _pad(self, chunk: Chunk, cells: pa.StringArray, name: str, digits: int) -> pa.StringArray:
        padded, odd_row = pad_numbers(cells, digits)
        if odd_row is not None:
            raise TypingError(
                f"column {name!r} cannot be padded to {digits} digits: {cells[odd_row].as_py()!r}",
                where=Where(file=self._plan.source, line=self.line_of(chunk, odd_row)),
                hint=f"--pad takes whole numbers of at most so many digits: --pad {self._plan.name}.{name}=N",
            )
        return padded
