"""The tables of a pack: lazy views that hand out Arrow, pandas or Polars, and answer SQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packhouse.errors import CorruptStoreError, QueryError, Where
from packhouse.tables import frames_
from packhouse.tables.duckdb_ import connect_for_reading, is_one_select, translated
from packhouse.tables.join_specs import not_found
from packhouse.tables.quoting import quote_name

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class LinkedColumns:
    """Where a linked table says which image a row has."""

    table: str
    flag_column: str
    key_column: str


class Tables(Mapping[str, "Table"]):
    """All tables of a pack by their SQL names, `image_index` among them.

    Safe to share between threads and to pickle. Nothing is opened before the first question.

    Args:
        folder: The pack.
        files: SQL name -> Parquet file below the folder.
    """

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        # absolute: the process may change its folder before the first question
        self.folder = folder.absolute()
        self._files = dict(files)
        self._local = threading.local()

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
        return Table(self, name)

    def path_of(self, name: str) -> Path:
        """Return the Parquet file of a table."""
        return self.folder / self._files[name]

    def sql(self, query: str, parameters: tuple[object, ...] = ()) -> pa.Table:
        """Answer one SELECT in which every table of the pack is known by its name.

        Args:
            query: DuckDB SQL.
            parameters: Values for its question marks.

        Returns:
            An Arrow table, whole.

        Raises:
            QueryError: It is not one SELECT, or does not fit the tables; no other file can be read.
        """
        connection = self._connection()
        if not is_one_select(connection, query):
            raise QueryError("only one SELECT can be answered", hint="DuckDB itself opens the Parquet files")
        with translated():
            return connection.sql(query, params=parameters).to_arrow_table()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        # one a thread: a DuckDB connection is not for several at once
        connection: duckdb.DuckDBPyConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            paths = {name: self.path_of(name) for name in self._files}
            for path in paths.values():
                if not path.exists():
                    raise CorruptStoreError(
                        "a table of the pack is missing",
                        where=Where(file=str(path)),
                        hint="restore it from a copy, or pack the data set again",
                    )
            with translated():
                connection = connect_for_reading(paths, self.folder)
            self._local.connection = connection
        return connection

    def close(self) -> None:
        """Close the connection of this thread."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


class Table:
    """One table of a pack; nothing is read before it is asked for.

    Any program that speaks Arrow takes it as it is: `pyarrow.table(t)`, `polars.DataFrame(t)`.
    """

    def __init__(self, tables: Tables, name: str) -> None:
        self.name = name
        self._tables = tables

    def __repr__(self) -> str:
        """Return name, rows and columns."""
        return f"<Table {self.name}: {len(self):,} rows, {', '.join(self.columns)}>"

    def __len__(self) -> int:
        """Return the number of rows, from the footer."""
        found = self._tables.sql(f"SELECT count(*) AS n FROM {quote_name(self.name)}")
        return int(found["n"][0].as_py())

    @property
    def path(self) -> Path:
        """The Parquet file, for any other program."""
        return self._tables.path_of(self.name)

    @property
    def columns(self) -> dict[str, str]:
        """Column -> Arrow type."""
        found = self._tables.sql(f"SELECT * FROM {quote_name(self.name)} LIMIT 0")
        return {field.name: str(field.type) for field in found.schema}

    def to_arrow(self) -> pa.Table:
        """Read the whole table as Arrow."""
        return self._tables.sql(f"SELECT * FROM {quote_name(self.name)}")

    def to_pandas(self) -> Any:  # noqa: ANN401  # a framework object crosses
        """Read the whole table as a pandas DataFrame.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return frames_.to_pandas(self.to_arrow())

    def to_polars(self) -> Any:  # noqa: ANN401  # a framework object crosses
        """Read the whole table as a Polars DataFrame.

        Raises:
            MissingDependencyError: Polars is not installed.
        """
        return frames_.to_polars(self.to_arrow())

    def sql(self, query: str) -> pa.Table:
        """Answer one SELECT; this table and all others of the pack are known by their names.

        Args:
            query: DuckDB SQL, such as "SELECT count(*) FROM articles WHERE image".

        Returns:
            An Arrow table.

        Raises:
            QueryError: It is not one SELECT, or does not fit the tables.
        """
        return self._tables.sql(query)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand the table to any library that speaks the Arrow PyCapsule interface."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)


def find_keys(tables: Tables, where: str, linked: LinkedColumns | None) -> list[str]:
    """Return the keys of images whose facts, or linked row, meet a condition.

    Args:
        tables: The tables of a pack.
        where: SQL condition on the columns of image_index and of the linked table.
        linked: The linked table, if there is one.

    Returns:
        Keys, sorted, each once.

    Raises:
        QueryError: The condition is empty, or does not fit the columns.
    """
    join = ""
    if linked is not None:
        key = f"{quote_name(linked.table)}.{quote_name(linked.key_column)}"
        join = f"LEFT JOIN {quote_name(linked.table)} ON {key} = image_index.key"
    query = f"SELECT DISTINCT image_index.key FROM image_index {join} WHERE (\n{where}\n) ORDER BY 1"
    if not where.strip():
        raise QueryError("the condition is empty", hint='packhouse find PACK --where "width < 400"')
    try:
        return list(tables.sql(query)["key"].to_pylist())
    except QueryError as err:
        if linked is not None and "Ambiguous" in err.problem:
            err.hint = f"say which table: image_index.name or {linked.table}.name"
        raise


def find_rows(tables: Tables, key: str, linked: LinkedColumns) -> list[dict[str, Any]]:
    """Return the rows of the linked table that describe an image.

    Args:
        tables: The tables of a pack.
        key: Key of the image.
        linked: The linked table.

    Returns:
        Rows as column -> value, in the order of the file.
    """
    query = f"SELECT * FROM {quote_name(linked.table)} WHERE {quote_name(linked.key_column)} = ?"
    return list(tables.sql(query, (key,)).to_pylist())
