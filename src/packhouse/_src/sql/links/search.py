"""Searches tables for columns that name images: one look at all columns of a table together.

A column costs what its cells cost, not a query: cells of all columns go through one join with the names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.parquet_ import ParquetSource, batch_of
from packhouse._src.sql.cell_text import cell_text
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.links.image_names import (
    AS_PATH,
    LAST_PART,
    Form,
    forms_in,
    has_zeros,
    is_relative,
)
from packhouse._src.sql.quoting import quote_name
from packhouse._src.table_records import ColumnType, TableReport

SAMPLE_PLACES = 8
SAMPLE_ROWS = 2000
"""So many rows are looked at, in so many places of a table, for the form in which a column writes names. One
in which none is found is then searched whole, since a sorted catalogue may have its images all in one
stretch: for names as they are, and for paths where the places have slashes. Zeros in front are looked for in
the places alone: half of the values must name images with them, which no gap between the places can hide."""

FLUSH_CELLS = 250_000
"""So many cells are compared with the names at once, when a table is searched whole."""

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
KINDS = {
    "integer": "-?[0-9]+",
    "double": r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?",
    "bool": "(?i)true|false",
    "date32": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "timestamp": "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]{8}.*",
}
"""What cells of a type look like: a column of it can name images when one is called so."""


@dataclass(frozen=True, slots=True)
class ImageNames:
    """The images, as linking needs them."""

    count: int
    forms: tuple[Form, ...]
    """In which a column may write their names."""

    kinds: frozenset[str] = frozenset()
    """Types whose values some names look like, as of KINDS."""

    lengths: frozenset[int] = frozenset()
    """Of the names, in bytes."""


_NO_CELLS = batch_of({"cell": ("string", [])}).column(0)


@dataclass(frozen=True, slots=True)
class Hits:
    """Values of a column that are names, in one form."""

    alone: int
    """Those that name one image."""

    all: int
    images: int
    """Images that they name, each counted as often as it is named."""


@dataclass(slots=True)
class Suspect:
    """A column that may name images, and what the search has found of it."""

    column: ColumnType
    hits: dict[Form, Hits] = field(default_factory=dict)
    values: int = 0
    """Distinct values in the sample."""

    has_slashes: bool = False
    repeats: bool = False
    """Whether a value comes twice in the sample."""

    example: str = ""
    """A value that is no name as it is."""

    @property
    def form(self) -> Form | None:
        """The form in which it names most images, the first of equals; None when it names none.

        Paths relative to a folder above the table come before bare names, of which any other folder may have
        the same; unless they are far fewer. The last part of a path says nothing of the folder: where a
        plainer form names any image, another folder means another image.
        """
        found = {form: hits for form, hits in self.hits.items() if hits.all}
        plainer = {form: hits for form, hits in found.items() if form != LAST_PART} or found
        if not plainer:
            return None
        best = max(plainer, key=lambda form: (plainer[form].alone, plainer[form].all))
        near = [form for form in plainer if is_relative(form)]
        nearest = max(near, key=lambda form: plainer[form].alone, default=best)
        return nearest if 2 * plainer[nearest].alone >= plainer[best].alone else best

    @property
    def hit(self) -> Hits:
        """What was found in the form that fits best."""
        form = self.form
        return self.hits[form] if form else Hits(0, 0, 0)


class LinkSearch:
    """Searches tables.

    Args:
        engine: Where `prepare_names` was done.
        folder: Where the Parquet files are.
        images: What that said.
    """

    def __init__(self, engine: Engine, folder: Path, images: ImageNames) -> None:
        self._engine = engine
        self._folder = folder
        self._images = images
        self._lengths = batch_of({"length": ("int32", sorted(images.lengths))}).column(0)

    def suspects(
        self, table: TableReport, on_rows: Callable[[int], None], *, only: str | None = None
    ) -> list[Suspect]:
        """Return the columns of a table that may name images.

        Args:
            table: Which.
            on_rows: Told how many of its rows are done, now and then.
            only: The one column to look at, whatever is in it; None: all.

        Returns:
            Those whose types can name images: text, and what some images are called like; of integers those
            that may be unique.

        Cost: reads SAMPLE_PLACES places of the table; and the columns in which no name was found there once
        more, as a whole.
        """
        path, forms = self._folder / table.file, forms_in(table.source, self._images.forms)
        with closing(ParquetSource(path, text_as_dictionary=True)) as source:
            repeating = source.repeating_integers() if "integer" in self._images.kinds else set()
            found = [
                Suspect(column)
                for column in table.columns
                if column.name == only or (only is None and self._can_name(column, table, repeating))
            ]
            if not found:
                return []
            sample = _sample(source, [one.column.name for one in found], table.rows)
            self._compare(found, self._texts(sample, found), forms, is_sample=True)
            if only is None:
                found = [one for one in found if one.column.arrow not in INTEGERS or not one.repeats]
            if table.rows > SAMPLE_PLACES * SAMPLE_ROWS:
                rest = [one for one in found if one.form in (None, LAST_PART)]
                self._search_whole(source, rest, forms, on_rows)
        return found

    def _can_name(self, column: ColumnType, table: TableReport, repeating: set[str]) -> bool:
        if column.nulls == table.rows:
            return False
        if column.arrow in INTEGERS:
            return "integer" in self._images.kinds and column.name not in repeating
        return column.arrow == "string" or column.arrow.partition("[")[0] in self._images.kinds

    def _texts(self, cells: pa.Table, suspects: Sequence[Suspect]) -> list[pa.Array]:
        """Return the columns of some rows as the text that was in the file."""
        others = [one.column for one in suspects if one.column.arrow != "string"]
        written = {}
        if others:
            names = [column.name for column in others]
            texts = [
                f"{cell_text(quote_name(column.name), column.spelling or '')} AS c{place}"
                for place, column in enumerate(others)
            ]
            with self._engine.given("link_cells", cells.select(names)):
                made = self._engine.arrow(f"SELECT {', '.join(texts)} FROM link_cells")
            written = dict(zip(names, made.columns, strict=True))
        chunked = (written.get(one.column.name, cells[one.column.name]) for one in suspects)
        return [
            pa.concat_arrays([_plain(chunk) for chunk in column.chunks] or [_NO_CELLS]) for column in chunked
        ]

    def _search_whole(
        self,
        source: ParquetSource,
        suspects: Sequence[Suspect],
        forms: Sequence[Form],
        on_rows: Callable[[int], None],
    ) -> None:
        """Look for names in all rows, as they are or as paths."""
        if not suspects:
            return
        for one in suspects:
            one.hits.clear()
        names, done = [one.column.name for one in suspects], 0
        waiting: list[tuple[Suspect, pa.Array]] = []
        for rows in source.iterate(names, threads=True):
            done += rows.num_rows
            texts = self._texts(self._few(rows, suspects), suspects)
            waiting += [(one, text.unique().drop_null()) for one, text in zip(suspects, texts, strict=True)]
            if sum(len(cells) for _, cells in waiting) >= FLUSH_CELLS:
                self._flush(waiting, forms)
                waiting.clear()
            on_rows(done)
        self._flush(waiting, forms)

    def _few(self, rows: pa.Table, suspects: Sequence[Suspect]) -> pa.Table:
        """Leave out what need not be looked at; columns that become shorter are filled up with nulls.

        That is text that is not as long as any name, unless it may be a path; and numbers and such that
        repeat: only those that are left are written as text, which costs more than all the rest.
        """
        columns = [
            self._possible(one, rows[one.column.name])
            if one.column.arrow == "string"
            else _distinct(rows[one.column.name])
            for one in suspects
        ]
        longest = max(map(len, columns))
        return pa.table(
            [pa.concat_arrays([one, pa.nulls(longest - len(one), one.type)]) for one in columns],
            names=[one.column.name for one in suspects],
        )

    def _possible(self, suspect: Suspect, column: pa.ChunkedArray) -> pa.Array:
        """Return the cells that have the length of a name; of paths all."""
        found = [_NO_CELLS]
        for chunk in column.chunks:
            texts = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
            if not suspect.has_slashes:
                texts = texts.filter(pc.is_in(pc.binary_length(texts), value_set=self._lengths))
            found.append(texts)
        return pa.concat_arrays(found)

    def _flush(self, waiting: Sequence[tuple[Suspect, pa.Array]], forms: Sequence[Form]) -> None:
        paths = [form for form in forms if not has_zeros(form.words)]
        plain = [form for form in paths if form not in (AS_PATH, LAST_PART)]
        for with_slashes, tried in ((True, paths), (False, plain)):
            chosen = [
                (one, cells) for one, cells in waiting if one.has_slashes is with_slashes and len(cells)
            ]
            self._compare([one for one, _ in chosen], [cells for _, cells in chosen], tried)

    def _compare(
        self,
        suspects: Sequence[Suspect],
        texts: Sequence[pa.Array],
        forms: Sequence[Form],
        *,
        is_sample: bool = False,
    ) -> None:
        """Compare the cells of several columns with the names, in several forms, at once."""
        distinct = [text.unique().drop_null() for text in texts]
        if is_sample:
            for one, text, values in zip(suspects, texts, distinct, strict=True):
                one.values = len(values)
                one.repeats = len(values) < len(text) - text.null_count
        sizes = [len(values) for values in distinct]
        if not sum(sizes):
            return
        numbers = np.repeat(np.arange(len(suspects), dtype=np.int32), sizes)
        # not pa.array, which imports pandas where that is installed: half a second
        places = pa.Array.from_buffers(pa.int32(), len(numbers), [None, pa.py_buffer(numbers)])
        cells = pa.Table.from_arrays([places, pa.concat_arrays(distinct)], names=["place", "cell"])
        with self._engine.given("link_cells", cells):
            self._count(suspects, forms, wants_facts=is_sample)

    def _count(self, suspects: Sequence[Suspect], forms: Sequence[Form], *, wants_facts: bool) -> None:
        asked = " UNION ALL ".join(
            f"SELECT place, {number} AS form, {form.of_text('cell')} AS value FROM link_cells"
            for number, form in enumerate(forms)
        )
        # one join, since each subquery of names would be read anew
        counted = self._engine.query(
            f"SELECT place, form, count(*) FILTER (n = 1), count(*), sum(n) "
            f"FROM ({asked}) JOIN image_names USING (value) GROUP BY ALL ORDER BY ALL"
        )
        for place, number, alone, every, images in counted:
            before = suspects[place].hits.get(forms[number], Hits(0, 0, 0))
            suspects[place].hits[forms[number]] = Hits(
                before.alone + alone, before.all + every, before.images + int(images)
            )
        if wants_facts:
            facts = self._engine.query(
                "SELECT place, bool_or(regexp_matches(cell, '[/\\\\]')), "
                "min(cell) FILTER (cell NOT IN (SELECT value FROM image_names)) "
                "FROM link_cells GROUP BY place"
            )
            for place, has_slashes, example in facts:
                suspects[place].has_slashes, suspects[place].example = has_slashes, example or ""


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    """Return the values of a column, each once; by their bits, since 0.0 and -0.0 are written in two ways."""
    if pa.types.is_floating(column.type):
        bits = pa.type_for_alias(f"int{column.type.bit_width}")
        return (
            pa.chunked_array([chunk.view(bits) for chunk in column.chunks], bits).unique().view(column.type)
        )
    return column.unique()


def _sample(source: ParquetSource, columns: Sequence[str], rows: int) -> pa.Table:
    """Read some places of a table."""
    starts, parts = source.row_group_starts, []
    if rows <= SAMPLE_PLACES * SAMPLE_ROWS:
        wanted = [(0, rows)]
    else:
        step = (rows - SAMPLE_ROWS) / (SAMPLE_PLACES - 1)
        wanted = [(int(place * step), int(place * step) + SAMPLE_ROWS) for place in range(SAMPLE_PLACES)]
    for group, (first, end) in enumerate(pairwise(starts)):
        inside = [(max(first, start), min(end, stop)) for start, stop in wanted]
        inside = [(start - first, stop - first) for start, stop in inside if start < stop]
        if inside:
            cells = source.read(group, columns, threads=True)
            parts += [_copied(cells.slice(start, stop - start)) for start, stop in inside]
            del cells
    return pa.concat_tables(parts) if parts else source.schema.empty_table()


def _copied(cells: pa.Table) -> pa.Table:
    """Copy some rows, so that the row group of which they are a part is not kept for them; text as such."""
    # not pa.array, which imports pandas where that is installed: half a second
    numbers = pa.py_buffer(np.arange(cells.num_rows, dtype=np.int64))
    rows = pa.Array.from_buffers(pa.int64(), cells.num_rows, [None, numbers])
    columns = [[_plain(chunk) for chunk in column.chunks] for column in cells.take(rows).columns]
    return pa.table(
        [pa.chunked_array(chunks, chunks[0].type) for chunks in columns], names=cells.column_names
    )


def _plain(chunk: pa.Array) -> pa.Array:
    """Return text as such, where it was read as distinct values and numbers."""
    return chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk
