"""The tables of a pack: lazy views that hand out Arrow, pandas, Polars and DuckDB, and answer SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse._src.sql.duckdb_ import relation_of
from packhouse._src.sql.joins.join_specs import not_found
from packhouse._src.tables.querying import Views, open_table
from packhouse._src.tables.scanning import Scan, narrowed
from packhouse.errors import Where

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class Tables(Mapping[str, "Table"]):
    """All tables of a pack by their SQL names, `image_index` among them.

    Safe to share between threads and to pickle. Nothing is opened before the first question, and a file that
    is missing or damaged stops only what needs it.

    Args:
        folder: The pack.
        files: SQL name -> Parquet file below the folder.
    """

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        # absolute: the process may change its folder before the first question
        self.folder = folder.absolute()
        self._files = dict(files)
        self._views = Views({name: self.folder / file for name, file in files.items()}, self.folder)

    def __reduce__(self) -> tuple[type[Tables], tuple[Path, dict[str, str]]]:
        """Pickle as the paths."""
        return (Tables, (self.folder, self._files))

    def __repr__(self) -> str:
        """Return what it is of."""
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
            ColumnNotFoundError: There is no such table; names the nearest.
        """
        if name not in self._files:
            raise not_found("table", name, list(self._files), Where(file=str(self.folder)))
        return Table(self._views, name)

    def sql(self, query: str, parameters: tuple[object, ...] = ()) -> pa.Table:
        """Answer one SELECT in which every table of the pack is known by its name.

        Args:
            query: DuckDB SQL.
            parameters: Values for its question marks.

        Returns:
            An Arrow table, whole.

        Raises:
            QueryError: It is not one SELECT, or does not fit the tables; no other file can be read.
            CorruptStoreError: A table that it needs is missing or damaged.
        """
        return self._views.answer(query, parameters)

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """Answer one SELECT batch by batch; raises as `sql` does.

        Args:
            query: DuckDB SQL.

        Returns:
            Arrow record batches, as they come; other queries do not disturb them.
        """
        return self._views.stream(query)

    def close(self) -> None:
        """Close what is open; the next question opens it again."""
        self._views.close()


class Table(Scan):
    """One table of a pack: all its rows and columns; nothing is read before it is asked for.

    Any program that speaks Arrow takes it as it is, batch by batch: `pyarrow.table(t)`,
    `polars.DataFrame(t)`, `duckdb.sql("FROM t")`.
    """

    def __repr__(self) -> str:
        """Return name, rows and columns."""
        return f"<Table {self.name}: {len(self):,} rows, {', '.join(self.columns)}>"

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
        """Choose columns and rows; only what they need is read, when it is asked for.

        Args:
            columns: Names, in the order wanted; None is all.
            where: One SQL condition, such as "price > 0.5 AND t_dat >= DATE '2020-09-01'"; it may ask other
                tables of the pack. None is every row.
            narrow: Make integers of the smallest type that holds all values of their column; see `to_arrow`.

        Returns:
            A lazy scan, to be read as often as wanted.

        Raises:
            ColumnNotFoundError: A column is not there; names the nearest.
            QueryError: A column is named twice, or none; or it is not one condition.
            CorruptStoreError: The file is missing or damaged.
        """
        return narrowed(self, columns, where, narrow=narrow)

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """Return a lazy DuckDB relation over the file.

        Args:
            connection: Where it is to live, beside the user's own tables; None opens a database for it.

        Returns:
            A relation of DuckDB, which reads the Parquet file itself.

        Raises:
            CorruptStoreError: The file is missing or damaged.
        """
        with closing(open_table(self.path)):
            return relation_of(self.path, connection)

    def sql(self, query: str) -> pa.Table:
        """Answer one SELECT; this table and all others of the pack are known by their names.

        Args:
            query: DuckDB SQL, such as "SELECT count(*) FROM articles WHERE image".

        Returns:
            An Arrow table.

        Raises:
            QueryError: It is not one SELECT, or does not fit the tables.
            CorruptStoreError: A table that it needs is missing or damaged.
        """
        return self._views.answer(query)
