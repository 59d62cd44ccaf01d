"""Some columns and rows of one table: selected first, read on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from packhouse._src.concurrency.once import once
from packhouse._src.notebook_cells.markup import grid_of_cells
from packhouse._src.parquet_ import part_of, reader_of
from packhouse._src.schemas import narrow_schema, with_pandas_entry
from packhouse._src.sql.duckdb_ import check_condition
from packhouse._src.sql.joins.join_specs import not_found
from packhouse._src.sql.quoting import numbered_rows, quote_name
from packhouse._src.tables import frames_
from packhouse._src.tables.querying import Views
from packhouse._src.wording.text_table import text_table
from packhouse.errors import QueryError, UsageError, Where

if TYPE_CHECKING:
    import pyarrow as pa

    from packhouse._src.parquet_ import ParquetSource
    from packhouse._src.tables.parted_table import PartedTable


class _Footer(NamedTuple):
    rows: int
    schema: pa.Schema
    with_nulls: frozenset[str]


class Scan:
    """Some columns and rows of a table, in the order of its file. It is lazy and can be read repeatedly.

    Any Arrow library can read it directly, batch by batch: `pyarrow.table(scan)`,
    `polars.DataFrame(scan)`, `duckdb.sql("FROM scan")`. Safe to share between threads.

    Args:
        views: The tables of the pack.
        name: Name of the table.
        chosen: Columns; None means all, in the order of the file.
        where: SQL condition; None means every row.
        narrow: Whether integers are of the smallest type that holds all values of their column.
        rows: Rows of what meets the condition, counted from 0; None means all.

    Cost: memory for one row group of the selected columns (122,880 rows), for any size of the table.
        Without a condition, page checksums are verified. With a condition, DuckDB skips row groups that the
        footer rules out; the file is first compared with its digest, once per process, at 2 GB/s. If the
        condition uses other tables or a long list of values, DuckDB sorts the result before it returns the
        first row.
    """

    def __init__(
        self,
        views: Views,
        name: str,
        *,
        chosen: Sequence[str] | None = None,
        where: str | None = None,
        narrow: bool = False,
        rows: range | None = None,
    ) -> None:
        self.name = name
        self.where = where
        self._views = views
        self._chosen = None if chosen is None else tuple(chosen)
        self._is_narrow = narrow
        self._rows = rows

    def __repr__(self) -> str:
        """Return the table, columns and condition."""
        rows = "" if self._rows is None else f", rows {self._rows.start:,} to {self._rows.stop:,}"
        return f"<Scan of {self.name}: {', '.join(self.columns)}; {self.where or 'every row'}{rows}>"

    def __str__(self) -> str:
        """Return the first five rows as aligned text."""
        return "\n".join(text_table(list(self.columns), self._first_rows()))

    def _repr_html_(self) -> str:
        return grid_of_cells(self.columns, self._first_rows())

    def _first_rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.head().to_arrow().to_pylist()
        return found

    def head(self, n: int = 5) -> Scan:
        """Return the first rows, lazily.

        Args:
            n: Number of rows.

        Raises:
            QueryError: The condition does not fit the tables.
            CorruptStoreError: The file is missing or damaged.
        """
        return self[:n]

    def __getitem__(self, rows: slice) -> Scan:
        """Return some rows, lazily: `table[10:20]`.

        Only the row groups that have them are read. With a condition, the rows are counted first, and those
        before them are found again.

        Raises:
            UsageError: It is no slice, or one with steps.
            QueryError: The condition does not fit the tables.
            CorruptStoreError: The file is missing or damaged.
        """
        if not isinstance(rows, slice) or rows.step not in (None, 1):  # type: ignore[redundant-expr]
            raise UsageError(
                f"rows are selected by a slice, not by {rows!r}",
                where=Where(member=self.name),
                hint='table[10:20] gives rows, table.scan(["NAME"]) gives columns',
            )
        known = range(self.count()) if self._rows is None else self._rows
        return self._again(narrow=self._is_narrow, rows=known[rows])

    @property
    def columns(self) -> dict[str, str]:
        """Name -> Arrow type, such as "string" or "int64"; from the footer."""
        return {field.name: str(field.type) for field in self.schema}

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the result, from the footer.

        Raises:
            CorruptStoreError: The file is missing or damaged.
        """
        footer = self._footer
        schema = footer.schema if self._chosen is None else part_of(footer.schema, self._chosen)
        return with_pandas_entry(schema, footer.with_nulls)

    def _narrowed(self) -> Scan:
        """Return the same with the smallest integers."""
        return self._again(narrow=True, rows=self._rows)

    def _again(self, *, narrow: bool, rows: range | None) -> Scan:
        return Scan(self._views, self.name, chosen=self._chosen, where=self.where, narrow=narrow, rows=rows)

    @once
    def _footer(self) -> _Footer:
        with closing(self._reader()) as source:
            schema = source.schema.remove_metadata()
            if self._is_narrow:
                schema = narrow_schema(schema, source.integer_bounds())
            return _Footer(source.rows, schema, source.columns_with_nulls())

    def _reader(self, *, text_as_dictionary: bool = False) -> ParquetSource | PartedTable:
        return self._views.files.open(self.name, text_as_dictionary=text_as_dictionary)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield Arrow record batches.

        Raises:
            QueryError: The condition does not fit the tables.
            CorruptStoreError: The file is missing or damaged.
        """
        if self.where is None:
            return self._whole_rows() if self._rows is None else self._rows_at(self._rows)
        found = self._rows_that_meet(self.where)
        return found if self._rows is None else _cut(found, self._rows)

    def _whole_rows(self) -> Iterator[pa.RecordBatch]:
        schema = self.schema
        with closing(self._reader()) as source:
            for group in source.iterate(self._chosen, threads=True):
                yield from group.select(schema.names).cast(schema).to_batches()

    def _rows_at(self, wanted: range) -> Iterator[pa.RecordBatch]:
        schema = self.schema
        with closing(self._reader()) as source:
            bounds = pairwise(source.row_group_starts)
            for number, (start, stop) in enumerate(bounds):
                first, last = max(wanted.start, start), min(wanted.stop, stop)
                if first < last:
                    group = source.read(number, self._chosen, threads=True)
                    part = group.slice(first - start, last - first)
                    yield from part.select(schema.names).cast(schema).to_batches()

    def _rows_that_meet(self, where: str) -> Iterator[pa.RecordBatch]:
        schema, names = self.schema, self._footer.schema.names
        # by place: DuckDB takes "A" for "a" where a table has both
        places = ", ".join(f"#{names.index(name) + 1} AS c{place}" for place, name in enumerate(schema.names))
        # below the names of the result, which a condition beside them would know as columns
        query = f"SELECT {places} FROM (FROM {self._from(where)})"
        if not self._views.keeps_order(query):
            numbered, number = numbered_rows(self._views.paths[self.name], names)
            table = f"{numbered} AS {quote_name(self.name)}"
            query = f"SELECT {places} FROM (FROM {table} WHERE (\n{where}\n)) ORDER BY {number}"
        batches = self._views.stream(query)
        # DuckDB has fewer types than Arrow: it gives the 16 bytes of a digest as bytes of any length
        return (batch.rename_columns(schema.names).cast(schema) for batch in batches)

    def _from(self, where: str) -> str:
        return f"{quote_name(self.name)} WHERE (\n{where}\n)"

    def count(self) -> int:
        """Return the number of rows. Without a condition, it comes from the footer.

        Raises:
            QueryError: The condition does not fit the tables.
            CorruptStoreError: The file is missing or damaged.
        """
        if self._rows is not None:
            return len(self._rows)
        if self.where is None:
            return self._footer.rows
        return int(self._views.answer(f"SELECT count(*) AS n FROM {self._from(self.where)}")["n"][0].as_py())

    def to_arrow(self, *, narrow: bool = False) -> pa.Table:
        """Return an Arrow table, whole in memory; raises as iterating does.

        Args:
            narrow: Make integers, which are int64, of the smallest type that holds all values of their
                column, by the statistics of the file. It saves memory; arithmetic on them can overflow.
        """
        chosen = self._narrowed() if narrow else self
        return reader_of(chosen.schema, iter(chosen)).read_all()

    def to_pandas(self, *, narrow: bool = False) -> Any:  # noqa: ANN401  # a framework object crosses
        """Return a pandas DataFrame; text as Python strings, dates as datetime.date.

        Integers and booleans with missing values are of pandas' nullable types (Int64, boolean), so that long
        ids keep their digits.

        Args:
            narrow: See `to_arrow`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return frames_.to_pandas(self.to_arrow(narrow=narrow))

    def to_polars(self, *, narrow: bool = False) -> Any:  # noqa: ANN401  # a framework object crosses
        """Return a Polars DataFrame.

        Polars does not work in a process that was forked after its first use: it waits forever. Use
        `to_arrow` there, or start processes by "spawn".

        Args:
            narrow: See `to_arrow`.

        Raises:
            MissingDependencyError: Polars is not installed.
        """
        return frames_.to_polars(self.to_arrow(narrow=narrow))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the rows, batch by batch, through the Arrow PyCapsule interface."""
        return reader_of(self.schema, iter(self)).__arrow_c_stream__(requested_schema)


def _cut(batches: Iterator[pa.RecordBatch], wanted: range) -> Iterator[pa.RecordBatch]:
    """Yield some rows of a stream, counted from 0."""
    start = 0
    for batch in batches:
        first, last = max(wanted.start, start), min(wanted.stop, start + len(batch))
        if first < last:
            yield batch.slice(first - start, last - first)
        start += len(batch)
        if start >= wanted.stop:
            return


def narrowed(scan: Scan, columns: Sequence[str] | None, where: str | None, *, narrow: bool = False) -> Scan:
    """Select columns and rows of a table, and check the selection.

    Args:
        scan: The table.
        columns: Names, in the order of the result; None means all.
        where: SQL condition; None means every row.
        narrow: As of `Scan`.

    Returns:
        What is left.

    Raises:
        ColumnNotFoundError: There is no such column; the error names similar ones.
        QueryError: A column is named twice, no column is named, or `where` is not one condition.
        CorruptStoreError: The file is missing or damaged.
    """
    present = list(scan.columns)
    for name in columns or ():
        if name not in present:
            raise not_found("column", name, present, Where(member=scan.name))
    if columns is not None and (not columns or len(set(columns)) < len(columns)):
        problem = "a column is selected twice" if columns else "no column is selected"
        raise QueryError(
            problem, where=Where(member=scan.name), hint="name each column once, or use None for all"
        )
    if where is not None:
        check_condition(where)
    return Scan(scan._views, scan.name, chosen=columns, where=where, narrow=narrow)  # noqa: SLF001  # of our own file
