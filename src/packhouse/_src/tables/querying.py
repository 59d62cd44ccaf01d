"""SQL over the tables of a pack: one guarded database, opened at the first question, for all threads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from packhouse._src.imagefile.read.generation import FileIdentity
from packhouse._src.schemas import exact_in_pandas
from packhouse._src.sql.duckdb_ import connect_for_reading, is_one_select, translated
from packhouse._src.system.process_lock import ProcessLock
from packhouse._src.tables.bound_files import BoundFiles
from packhouse.errors import CorruptStoreError, QueryError, Where

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_all: WeakSet[Views] = WeakSet()
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
        files: The files of the tables.
        folder: The pack: no file outside of it can be read.
    """

    def __init__(self, files: BoundFiles, folder: Path) -> None:
        self.files = files
        self.paths = files.paths
        self.folder = folder
        self._lock = ProcessLock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._damaged: dict[str, CorruptStoreError] = {}
        _all.add(self)

    def __reduce__(self) -> tuple[type[Views], tuple[BoundFiles, Path]]:
        """Pickle as the files."""
        return (Views, (self.files, self.folder))

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
                seen = self.files.hold(self.files.named_in(query))
                with translated():
                    found = exact_in_pandas(cursor.sql(query, params=parameters).to_arrow_table())
            except QueryError as err:
                self._blame_a_file(err, query)
                raise
        self.files.confirm(seen)
        return found

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
            seen = self.files.hold(self.files.named_in(query))
            with translated():
                reader = cursor.sql(query).to_arrow_reader(BATCH_ROWS)
        except BaseException as err:
            cursor.close()
            if isinstance(err, QueryError):
                self._blame_a_file(err, query)
            raise
        return self._batches(cursor, reader, query, seen)

    def _batches(
        self,
        cursor: duckdb.DuckDBPyConnection,
        reader: pa.RecordBatchReader,
        query: str,
        seen: Mapping[Path, FileIdentity],
    ) -> Iterator[pa.RecordBatch]:
        with closing(cursor), closing(reader):
            try:
                with translated():
                    for batch in reader:
                        self.files.confirm(seen)
                        yield batch
            except QueryError as err:
                self._blame_a_file(err, query)
                raise
        self.files.confirm(seen)

    def close(self) -> None:
        """Close the database; what is streaming goes on to its end, the next question opens another."""
        with self._lock:
            # let go, not closed: it ends with the last of its cursors, which another thread may still use
            self._connection = None

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        # a cursor a query: a connection has one open result, and is not for several threads at once
        with self._lock:
            if self._connection is None:
                self._connection = self._connect()
            with translated():
                return self._connection.cursor()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        self._damaged, sound = {}, {}
        for name, path in self.paths.items():
            try:
                self.files.open(name).close()  # DuckDB is given no footer that is damaged
                sound[name] = path
            except CorruptStoreError as err:
                self._damaged[name] = err
        with translated():
            connection, unread = connect_for_reading(sound, self.folder)
        self._damaged |= {name: _unreadable(self.paths[name], reason) for name, reason in unread.items()}
        return connection

    def _blame_a_file(self, err: QueryError, query: str) -> None:
        """Raise what is wrong with a file instead, when that is why the query failed."""
        missing = _NO_TABLE.search(err.problem)
        if missing is not None:
            for name, damage in self._damaged.items():
                if name.lower() == missing[1].strip('"').lower():
                    raise damage from err
        self.files.check_generation()
        if _USERS_OWN.match(err.problem):
            return
        # DuckDB names no file for most damage: the checksums tell which of those that the query speaks of
        for name in self.files.named_in(query):
            with closing(self.files.open(name)) as source:
                for _ in source.iterate(threads=True):
                    pass


def _keep_open() -> None:
    """Keep the databases of the parent open, also those of packs that are garbage and not collected yet."""
    for views in list(_all):
        _OF_THE_PARENT.append(views._connection)  # noqa: SLF001  # of our own file
        views._connection = None  # noqa: SLF001  # likewise


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_open)


def _unreadable(path: Path, reason: str) -> CorruptStoreError:
    return CorruptStoreError(
        f"the file cannot be read as a table: {reason}",
        where=Where(file=str(path)),
        hint="pack the data set again, or restore this file from a copy",
    )


def _demand_one_select(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    if not is_one_select(connection, query):
        raise QueryError(
            "only one SELECT can be answered", hint="for other queries, open the Parquet files with DuckDB"
        )
