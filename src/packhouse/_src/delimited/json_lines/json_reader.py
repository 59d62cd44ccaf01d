"""Reads a JSON Lines file in chunks of text columns, as `TableReader` reads a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from packhouse._src.delimited.cutting import Chunk
from packhouse._src.delimited.dialect import Header, unique_names
from packhouse._src.delimited.json_lines.line_cutting import cut_lines, lines_of
from packhouse._src.delimited.json_lines.objects import Nested, NoRowError, Value, read_keys, read_row
from packhouse._src.delimited.limits.long_rows import RowLimit
from packhouse._src.delimited.table_reader import Cells, CellWishes, TableReader
from packhouse._src.delimited.text_stream import TableStream, open_table
from packhouse._src.parquet_ import batch_of
from packhouse.errors import TableError, Where

MOST_COLUMNS = 10_000

_NULL = type(None)
_Read = TypeVar("_Read")


class JsonColumns(NamedTuple):
    """What the objects of a file have in common."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    """Of the columns, unique also without regard to case."""

    notes: tuple[str, ...]


def find_columns(path: Path, *, shown_as: str, table: str, encoding: str | None = None) -> JsonColumns:
    """Find all keys of a file: one may first appear in the last line.

    Args:
        path: The file, compressed or not.
        shown_as: Its path below SRC, for errors.
        table: Name of the table, for hints.
        encoding: As the user said; None: UTF-8.

    Returns:
        The keys in the order in which they appear, and names for the columns.

    Raises:
        TableError: A line is no JSON object, or a key is no name.

    Cost: parses the whole file, 50 MB/s; memory of a chunk.
    """
    keys: dict[str, None] = {}
    with open_table(path, shown_as=shown_as, encoding=encoding) as stream:
        for chunk in cut_lines(stream, shown_as=shown_as):
            for line, text in lines_of(chunk, shown_as=shown_as):
                found = _at(read_keys, text, line, shown_as)
                if not keys.keys() >= found:
                    new = [key for key in found if key not in keys]
                    _check_keys(new, Where(file=shown_as, line=line), count=len(keys) + len(new))
                    keys.update(dict.fromkeys(new))
    if not keys:
        raise TableError(
            "has no JSON object with a key: it is empty, or has blank lines and empty objects alone",
            where=Where(file=shown_as),
            hint="exclude the file with --tables",
        )
    names, renamed = unique_names(list(keys), Where(file=shown_as), table)
    requested = () if encoding is None else (f"read as {encoding}, as requested",)
    return JsonColumns(tuple(keys), names, (*renamed, *requested))


def _at(read: Callable[[str], _Read], text: str, line: int, shown_as: str) -> _Read:
    """Read a line; the error says which one."""
    try:
        return read(text)
    except NoRowError as err:
        raise err.at(shown_as, line) from err


def _check_keys(keys: Sequence[str], where: Where, *, count: int) -> None:
    for key in keys:
        if "\0" in key or not _is_text(key):
            raise TableError(
                f"the key {key!a} cannot name a column",
                where=where,
                hint="rename it: without NUL, and without an unpaired surrogate",
            )
    if count > MOST_COLUMNS:
        raise TableError(
            f"there are more than {MOST_COLUMNS:,} different keys",
            where=where,
            hint="are the keys values? Write them as values of one key",
        )


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class JsonLinesReader(TableReader):
    """One JSON Lines file; the arguments are those of a `TableReader`."""

    @property
    def has_footers(self) -> bool:
        """Whether the last row may be none: every line is an object."""
        return False

    def _read_header(self) -> Header:
        return Header(self._plan.columns)

    @contextmanager
    def chunks(
        self, wait: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[TableStream, Iterator[Chunk]]]:
        """Open the file.

        Args:
            wait: Called before a line is read on that is longer than a chunk.

        Yields:
            The stream, and its lines in chunks.
        """
        plan = self._plan
        with open_table(self._source, shown_as=plan.source, encoding=plan.encoding) as stream:
            limit = RowLimit(self._longest_bytes, wait=wait)
            yield stream, cut_lines(stream, shown_as=plan.source, limit=limit)

    def parse(self, chunk: Chunk, wishes: CellWishes) -> Cells:
        """Return the cells of a chunk; null, and what a line does not have, is missing.

        Raises:
            TableError: A line is no JSON object, or has a string that is no text.
            TypingError: A number cannot be padded.
        """
        shown_as, keys = self._plan.source, self._plan.keys
        rows = [_at(read_row, text, line, shown_as) for line, text in lines_of(chunk, shown_as=shown_as)]
        known = set(keys)
        if not all(known.issuperset(row) for row in rows):
            raise self.changed()
        columns, strings, nested = [], {}, {}
        for place, key in enumerate(keys):
            values = [row.get(key) for row in rows]
            kinds = set(map(type, values))
            columns.append(self._texts(chunk, place, values, has_booleans=bool in kinds))
            if str in kinds:
                strings[place] = None if kinds <= {str, _NULL} else _which(str, values)
            if Nested in kinds:
                nested[place] = sum(1 for value in values if type(value) is Nested)
        made = self._as_wished(chunk, columns, wishes)
        return Cells(made.columns, made.marked, strings, nested)

    def line_of(self, chunk: Chunk, row: int) -> int:
        """Return the line of the file that a row of a chunk is."""
        lines = lines_of(chunk, shown_as=self._plan.source)
        return next(line for line, _ in islice(lines, row, None))

    def _texts(
        self, chunk: Chunk, place: int, values: Sequence[Value], *, has_booleans: bool
    ) -> pa.StringArray:
        if has_booleans:
            values = ["true" if value is True else "false" if value is False else value for value in values]
        try:
            return batch_of({"cells": ("string", values)}).column(0)
        except UnicodeEncodeError as err:
            row = next(n for n, value in enumerate(values) if isinstance(value, str) and not _is_text(value))
            raise TableError(
                f"{str(values[row])!a:.80} contains an unpaired surrogate, so it is not valid text",
                where=Where(
                    file=self._plan.source, line=self.line_of(chunk, row), member=self._plan.columns[place]
                ),
                hint="write the whole character, or U+FFFD",
            ) from err


def _which(kind: type, values: Sequence[Value]) -> pa.BooleanArray:
    """Say which values are of a type."""
    found = np.fromiter((type(value) is kind for value in values), bool, len(values))
    bits = pa.py_buffer(np.packbits(found, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits])
