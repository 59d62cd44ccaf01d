"""The tables of a pack: lazy views, read as Arrow, pandas, Polars or DuckDB, or by SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse._src.notebook_cells.markup import title
from packhouse._src.sql.duckdb_ import relation_of
from packhouse._src.sql.joins.join_specs import not_found
from packhouse._src.tables.bound_files import BoundFiles
from packhouse._src.tables.querying import Views
from packhouse._src.tables.scanning import Scan, narrowed
from packhouse.errors import Where

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class Tables(Mapping[str, "Table"]):
    """All tables of a pack by their SQL names, including `image_index`.

    Safe to share between threads and to pickle. Files are opened on first use; a missing or damaged file
    affects only what needs it.

    Args:
        folder: The pack.
        files: The files of the tables, below the folder.
    """

    def __init__(self, folder: Path, files: BoundFiles) -> None:
        self.folder = folder
        self._files = files.files
        self._views = Views(files, folder)

    def __reduce__(self) -> tuple[type[Tables], tuple[Path, BoundFiles]]:
        """Return the files for pickle."""
        return (Tables, (self.folder, self._views.files))

    def __repr__(self) -> str:
        """Return the folder and the names."""
        return f"<Tables of {self.folder}: {', '.join(self._files)}>"

    def __len__(self) -> int:
        """Return the number of tables."""
        return len(self._files)

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._files)

    def __getitem__(self, name: str) -> Table:
        """Return one table.

        Raises:
            ColumnNotFoundError: There is no such table; the error names similar ones.
        """
        if name not in self._files:
            raise not_found("table", name, list(self._files), Where(file=str(self.folder)))
        return Table(self._views, name)

    def sql(self, query: str, parameters: tuple[object, ...] = ()) -> pa.Table:
        """Run one SELECT that can use every table of the pack by name.

        Args:
            query: DuckDB SQL.
            parameters: Values for the question marks in the query.

        Returns:
            An Arrow table, in memory.

        Raises:
            QueryError: The query is not one SELECT, does not fit the tables, or reads another file.
            CorruptStoreError: A table of the query is missing or damaged.
        """
        return self._views.answer(query, parameters)

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """Run one SELECT and return the result batch by batch; raises like `sql`.

        Args:
            query: DuckDB SQL.

        Returns:
            Iterator over Arrow record batches. Other queries do not disturb it.
        """
        return self._views.stream(query)

    def close(self) -> None:
        """Close all files; the next use opens them again."""
        self._views.close()


class Table(Scan):
    """One table of a pack: all its rows and columns, read on demand.

    Any Arrow library can read it directly, batch by batch: `pyarrow.table(t)`,
    `polars.DataFrame(t)`, `duckdb.sql("FROM t")`.
    """

    def __repr__(self) -> str:
        """Return name, rows and columns."""
        return f"<Table {self.name}: {len(self):,} rows, {', '.join(self.columns)}>"

    def __str__(self) -> str:
        """Return name, rows and columns, and the first five rows."""
        return f"{self.name}: {len(self):,} rows\n{super().__str__()}"

    def _repr_html_(self) -> str:
        return title(self.name, f"{len(self):,} rows") + super()._repr_html_()

    def __len__(self) -> int:
        """Return the number of rows, from the footer."""
        return self.count()

    @property
    def path(self) -> Path:
        """The Parquet file."""
        return self._views.paths[self.name]

    def scan(
        self, columns: Sequence[str] | None = None, where: str | None = None, *, narrow: bool = False
    ) -> Scan:
        """Select columns and rows. Only what they need is read, on demand.

        Args:
            columns: Names, in the order of the result; None means all.
            where: One SQL condition, such as "price > 0.5 AND t_dat >= DATE '2020-09-01'". Subqueries can use
                other tables of the pack. None means every row.
            narrow: Make integers of the smallest type that holds all values of their column; see `to_arrow`.

        Returns:
            A lazy scan, which can be read repeatedly.

        Raises:
            ColumnNotFoundError: There is no such column; the error names similar ones.
            QueryError: A column is named twice, no column is named, or `where` is not one condition.
            CorruptStoreError: The file is missing or damaged.
        """
        return narrowed(self, columns, where, narrow=narrow)

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """Return a lazy DuckDB relation over the file.

        Args:
            connection: Connection for the relation, beside your own tables; None opens a new database.

        Returns:
            A DuckDB relation that reads the Parquet file itself.

        Raises:
            CorruptStoreError: The file is missing or damaged.
        """
        files = self._views.files
        seen = files.hold([self.name])
        relation = relation_of(self.path, connection)
        files.confirm(seen)
        return relation

    def sql(self, query: str) -> pa.Table:
        """Run one SELECT that can use this table and all others of the pack by name.

        Args:
            query: DuckDB SQL, such as "SELECT count(*) FROM articles WHERE image".

        Returns:
            An Arrow table.

        Raises:
            QueryError: The query is not one SELECT, or does not fit the tables.
            CorruptStoreError: A table of the query is missing or damaged.
        """
        return self._views.answer(query)
