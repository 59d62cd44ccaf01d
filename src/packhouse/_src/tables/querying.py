"""SQL over the tables of a pack: one guarded database, opened at the first question, for all threads."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse._src.parquet_ import ParquetSource
from packhouse._src.schemas import exact_in_pandas
from packhouse._src.sql.duckdb_ import connect_for_reading, is_one_select, translated
from packhouse._src.tables.parted_table import PartedTable
from packhouse.errors import CorruptStoreError, QueryError, Where

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH_ROWS = 122_880
_USERS_OWN = re.compile(
    r"(Binder|Catalog|Parser|Syntax|Permission|Conversion|Out of Range|Not implemented) Error"
)
_NO_TABLE = re.compile(r"Table with name (.*) does not exist")


_OF_THE_PARENT: list[object] = []
"""Databases that a forked process has found open: closing one would wait for threads that are not there."""


class Views:
    """The tables of a pack as SQL knows them. Safe to share between threads; made anew in a forked process.

    Args:
        paths: SQL name -> Parquet file.
        folder: The pack: no file outside of it can be read.
    """

    def __init__(self, paths: Mapping[str, Path], folder: Path) -> None:
        self.paths = dict(paths)
        self.folder = folder
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._process = 0
        self._damaged: dict[str, str] = {}

    def __reduce__(self) -> tuple[type[Views], tuple[dict[str, Path], Path]]:
        """Pickle as the paths."""
        return (Views, (self.paths, self.folder))

    def answer(self, query: str, parameters: tuple[object, ...] = ()) -> pa.Table:
        """Answer one SELECT.

        Args:
            query: DuckDB SQL.
            parameters: Values for its question marks.

        Returns:
            An Arrow table, whole.

        Raises:
            QueryError: It is not one SELECT, or does not fit the tables.
            CorruptStoreError: A table that it needs is missing or damaged.
        """
        with closing(self._cursor()) as cursor:
            try:
                _demand_one_select(cursor, query)
                with translated():
                    return exact_in_pandas(cursor.sql(query, params=parameters).to_arrow_table())
            except QueryError as err:
                self._blame_a_file(err, query)
                raise

    def keeps_order(self, query: str) -> bool:
        """Say whether a SELECT from one table gives its rows in their order; raises as `answer` does.

        DuckDB keeps the order of rows that it only filters, and loses it in joins: those of a subquery, and
        the one that it makes of a long list of values.
        """
        with closing(self._cursor()) as cursor:
            try:
                _demand_one_select(cursor, query)
                with translated():
                    plan = cursor.execute(f"EXPLAIN {query}").fetchall()
            except QueryError as err:
                self._blame_a_file(err, query)
                raise
        return "join" not in str(plan).lower()

    def stream(self, query: str) -> Iterator[pa.RecordBatch]:
        """Start one SELECT; otherwise as `answer`.

        Returns:
            Its rows as they come, in a connection of their own: other queries do not disturb them.
        """
        cursor = self._cursor()
        try:
            _demand_one_select(cursor, query)
            with translated():
                reader = cursor.sql(query).to_arrow_reader(BATCH_ROWS)
        except QueryError as err:
            cursor.close()
            self._blame_a_file(err, query)
            raise
        return self._batches(cursor, reader, query)

    def _batches(
        self, cursor: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, query: str
    ) -> Iterator[pa.RecordBatch]:
        with closing(cursor), closing(reader):
            try:
                with translated():
                    yield from reader
            except QueryError as err:
                self._blame_a_file(err, query)
                raise

    def close(self) -> None:
        """Close the database; what is streaming goes on to its end, the next question opens another."""
        with self._lock:
            # let go, not closed: it ends with the last of its cursors, which another thread may still use
            if self._process == os.getpid():
                self._connection = None

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        # a cursor a query: a connection has one open result, and is not for several threads at once
        with self._lock:
            if self._connection is not None and self._process != os.getpid():
                _OF_THE_PARENT.append(self._connection)
                self._connection = None
            if self._connection is None:
                with translated():
                    self._connection, self._damaged = connect_for_reading(self.paths, self.folder)
                self._process = os.getpid()
            with translated():
                return self._connection.cursor()

    def _blame_a_file(self, err: QueryError, query: str) -> None:
        """Raise what is wrong with a file instead, when that is why the query failed."""
        missing = _NO_TABLE.search(err.problem)
        if missing is not None:
            for name, reason in self._damaged.items():
                if name.lower() == missing[1].strip('"').lower():
                    raise _damage_of(self.paths[name], reason) from err
        if _USERS_OWN.match(err.problem):
            return
        # DuckDB names no file for most damage: the checksums tell which of those that the query speaks of
        for name, path in self.paths.items():
            if name.lower() in query.lower():
                with closing(open_table(path)) as source:
                    for _ in source.iterate(threads=True):
                        pass


def open_table(path: Path, *, text_as_dictionary: bool = False) -> ParquetSource | PartedTable:
    """Open the file of a table, or its parts.

    Args:
        path: The file, or the folder of the parts.
        text_as_dictionary: As of `ParquetSource`.

    Returns:
        Its reader, to be closed.

    Raises:
        CorruptStoreError: It is missing, cut short or damaged.
    """
    if path.is_dir():
        return PartedTable(path, text_as_dictionary=text_as_dictionary)
    if not path.is_file():
        raise CorruptStoreError(
            "a table of the pack is missing",
            where=Where(file=str(path)),
            hint="restore it from a copy, or pack the data set again",
        )
    return ParquetSource(path, text_as_dictionary=text_as_dictionary)


def _damage_of(path: Path, reason: str) -> CorruptStoreError:
    """Return what is wrong with a file that DuckDB does not take.

    Args:
        path: The file.
        reason: What DuckDB said.

    Returns:
        The error, to be raised.
    """
    try:
        open_table(path).close()
    except CorruptStoreError as err:
        return err
    return CorruptStoreError(
        f"cannot be read as a table: {reason}",
        where=Where(file=str(path)),
        hint="pack the data set again, or restore this file from a copy",
    )


def _demand_one_select(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    if not is_one_select(connection, query):
        raise QueryError(
            "only one SELECT can be answered", hint="for other queries, open the Parquet files with DuckDB"
        )
