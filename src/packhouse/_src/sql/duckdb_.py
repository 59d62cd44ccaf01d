"""The one module that imports duckdb: bounded memory, queries that report progress and can be cancelled."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import duckdb

from packhouse._src.full_disk import FULL, is_full
from packhouse._src.sql.batches import Stream
from packhouse._src.sql.quoting import as_pattern, parquet_rows, quote_name, quote_text
from packhouse._src.system.resident_memory import resident_bytes
from packhouse.errors import (
    CHECK_DISK,
    FREE_SPACE,
    DestinationError,
    NoSpaceError,
    PackhouseError,
    QueryError,
    TableError,
)

if TYPE_CHECKING:
    import pyarrow as pa

Result = TypeVar("Result")
Row = tuple[Any, ...]

POLL_S = 0.05

QUERY_SHARE = 0.7
"""Of the memory; the rest is for batches under way to the file, and for what DuckDB does not count."""

LEAST_BYTES = 80_000_000
"""With less, hardly anything can be joined."""

UTC = "GLOBAL TimeZone='UTC'"
"""Not the zone of the host, which would show in what is written and in what a condition means."""

FULL_WORDS = tuple(os.strerror(number) for number in FULL)
OUT_OF_MEMORY = "needs more memory than the limit allows"


class Engine:
    """One DuckDB connection; a context manager. Not for use from several threads at once.

    Args:
        spill: Folder for what does not fit in memory; made when needed, removed by DuckDB.
        memory_bytes: For queries, and for the batches that wait to be written.
    """

    def __init__(self, *, spill: Path, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.spill = spill
        self._limit_bytes: int | None = None
        self._connection = duckdb.connect()
        self._cancelled = threading.Event()
        for setting in (
            f"temp_directory={quote_text(os.fspath(spill))}",
            "preserve_insertion_order=true",
            UTC,
            "autoinstall_known_extensions=false",
            "autoload_known_extensions=false",
            "enable_external_file_cache=false",  # the system has those files in its own cache
        ):
            self._connection.execute(f"SET {setting}")
        self._count_percent()
        self._limit_queries()

    def _count_percent(self) -> None:
        """Have DuckDB count how far a query is, without showing it."""
        # in a notebook DuckDB would draw widgets, and refuses both settings where ipywidgets is missing: then
        # nothing is told of a query between start and end
        with suppress(duckdb.InvalidInputException):
            self._connection.execute("SET enable_progress_bar_print=false")
            self._connection.execute("SET enable_progress_bar=true")

    def fit_into(self, limit_bytes: int) -> None:
        """Take for queries and what they write what this process does not have yet of a limit.

        Args:
            limit_bytes: What it may have in RAM.

        Raises:
            TableError: It is too little.
        """
        self._limit_bytes = limit_bytes
        (own,) = self.row("SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory()")
        others = resident_bytes() - int(own)
        self.memory_bytes = limit_bytes - others
        if self.memory_bytes < LEAST_BYTES:
            raise TableError(
                f"{OUT_OF_MEMORY}: {others // 1_000_000:,} MB are in use before it begins",
                hint=f"use a larger --memory-limit, at least {(others + LEAST_BYTES) // 1_000_000 + 1:,}MB",
            )
        self._limit_queries()

    def give_memory_back(self) -> None:
        """Have DuckDB free what it does not need, since other work needs memory now; see what is left."""
        # only a lower limit makes it give freed memory to the system; what is in use spills, or stays
        with suppress(duckdb.Error):
            self._connection.execute(f"SET memory_limit='{LEAST_BYTES // 2000}KB'")
        if self._limit_bytes is None:
            self._limit_queries()
        else:
            self.fit_into(self._limit_bytes)

    def _limit_queries(self) -> None:
        self._connection.execute(f"SET memory_limit='{int(self.memory_bytes * QUERY_SHARE) // 1000}KB'")

    def __enter__(self) -> Self:
        """Return the engine itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connection."""
        self._connection.close()

    def query(
        self,
        sql: str,
        parameters: Sequence[object] = (),
        *,
        on_percent: Callable[[float], None] | None = None,
    ) -> list[Row]:
        """Run one statement and return its rows; Ctrl-C stops it at once.

        Args:
            sql: The statement.
            parameters: Values for its question marks.
            on_percent: Called with the percentage done, about twenty times a second.

        Returns:
            All rows.

        Raises:
            TableError: DuckDB refused or failed.
            NoSpaceError: The disk ran full while spilling.
        """

        def work() -> list[Row]:
            with translated():
                return self._connection.execute(sql, parameters).fetchall()

        return self._run(work, on_percent)

    @contextmanager
    def given(self, name: str, table: pa.Table) -> Iterator[None]:
        """Let queries read an Arrow table.

        Args:
            name: Under which they know it.
            table: The table.
        """
        self._connection.register(name, table)
        try:
            yield
        finally:
            self._connection.unregister(name)

    def arrow(self, sql: str) -> pa.Table:
        """Run one query and return its rows as an Arrow table, whole; raises as `query` does."""

        def work() -> pa.Table:
            with translated():
                return self._connection.sql(sql).to_arrow_table()

        return self._run(work, None)

    def row(self, sql: str, *, on_percent: Callable[[float], None] | None = None) -> Row:
        """Run a statement that gives one row, and return it; raises as `query` does."""
        (only,) = self.query(sql, on_percent=on_percent)
        return only

    def stream(self, queries: Sequence[str], consume: Callable[[Stream], Result], *, rows: int) -> Result:
        """Run queries one after the other and let `consume` take their rows as Arrow batches, in order.

        Ctrl-C stops it at once.

        Args:
            queries: The queries, all of one schema.
            consume: Iterates over the batches; called in another thread.
            rows: Most rows of a batch.

        Returns:
            What `consume` returned.

        Raises:
            TableError: DuckDB refused or failed.
            NoSpaceError: The disk ran full while spilling, or while `consume` wrote.
        """

        def run(sql: str) -> pa.RecordBatchReader:
            return self._connection.sql(sql).to_arrow_reader(rows)

        def work() -> Result:
            # closed at once: while a result is open, kept alive by a traceback, no other query can run
            with translated(), closing(Stream(run, queries, self._cancelled)) as stream:
                return consume(stream)

        return self._run(work, None)

    def _run(self, work: Callable[[], Result], on_percent: Callable[[float], None] | None) -> Result:
        results: list[Result] = []
        errors: list[BaseException] = []
        # not Thread.join: a Ctrl-C inside it lets Python 3.11 take the thread for dead (bpo-45274)
        begun, ended = threading.Event(), threading.Event()
        cancelled = self._cancelled = threading.Event()

        def guarded() -> None:
            begun.set()
            try:
                if not cancelled.is_set():
                    results.append(work())
            except BaseException as err:  # noqa: BLE001  # handed over to the caller's thread
                errors.append(err)
            finally:
                ended.set()

        try:
            threading.Thread(target=guarded, name="packhouse-duckdb").start()
            while not ended.wait(POLL_S):
                if on_percent is not None:
                    on_percent(max(0.0, self._connection.query_progress()))
        except BaseException:
            self._stop(begun, ended)
            raise
        if errors:
            raise errors[0]
        return results[0]

    def _stop(self, begun: threading.Event, ended: threading.Event) -> None:
        # a thread that has not begun finds the query cancelled when it does
        self._cancelled.set()
        while begun.is_set() and not ended.is_set():
            # until it has an effect: an interrupt that comes before the query runs is lost
            with suppress(KeyboardInterrupt):
                self._connection.interrupt()
                ended.wait(POLL_S)


@contextmanager
def translated() -> Iterator[None]:
    """Turn DuckDB's errors, and those that reach us through Arrow streams, into ours.

    Raises:
        QueryError: The statement does not fit the tables.
        TableError: Memory did not suffice.
        NoSpaceError: The disk ran full.
    """
    try:
        yield
    except (duckdb.Error, OSError) as err:
        if isinstance(err, PackhouseError):
            raise
        raise _translate(err) from err


def _translate(err: Exception) -> PackhouseError:
    # every message begins with its kind, also those that reach us as an OSError of Arrow; what follows may
    # quote the statement
    text = str(err).strip()
    if text.startswith("Out of Memory Error"):
        return TableError(
            OUT_OF_MEMORY,
            hint="use a larger --memory-limit; 1GB is comfortable",
        )
    if is_full(err) or (text.startswith("IO Error") and any(one in text for one in FULL_WORDS)):
        return NoSpaceError("the disk ran full while a table was being written", hint=FREE_SPACE)
    if getattr(err, "errno", None) is not None:  # of our own writing: DuckDB's errors have no number
        return DestinationError(
            f"a table could not be written: {err.strerror}",  # type: ignore[attr-defined]
            hint=CHECK_DISK,
        )
    # DuckDB adds some twenty-five lines of options and advice that do not apply to us
    return QueryError(text.split("\n\n")[0].strip())


def connect_for_reading(
    views: dict[str, Path], folder: Path
) -> tuple[duckdb.DuckDBPyConnection, dict[str, str]]:
    """Open a connection that sees some Parquet files as views, and no other file.

    Args:
        views: SQL name -> Parquet file.
        folder: The only folder it may read.

    Returns:
        A DuckDB connection, locked: no extension, no other file, no change of settings; and the names whose
        file could not be opened, with reasons: they are no views.
    """
    connection = duckdb.connect()
    unread = {}
    for name, path in views.items():
        try:
            connection.execute(f"CREATE VIEW {quote_name(name)} AS FROM {parquet_rows(path)}")
        except duckdb.Error as err:
            unread[name] = str(_translate(err))
    # with a trailing slash, or a neighbour whose name only begins the same would be inside
    inside = os.path.join(folder.absolute(), "")  # noqa: PTH118  # pathlib drops the slash
    # DuckDB holds the pattern of a path against it as well as the file that the pattern finds
    allowed = ", ".join(quote_text(text) for text in sorted({inside, as_pattern(inside)}))
    # not ".tmp" in whatever folder the process is in, and no name at which anyone can put a link beforehand;
    # DuckDB makes it when it is needed, and removes it
    spill = quote_text(f"{tempfile.gettempdir()}/packhouse-{secrets.token_hex(16)}")
    for setting in (
        f"temp_directory={spill}",
        UTC,
        "autoinstall_known_extensions=false",
        "autoload_known_extensions=false",
        f"allowed_directories=[{allowed}]",
        "enable_external_access=false",
        "lock_configuration=true",
    ):
        connection.execute(f"SET {setting}")
    return connection, unread


def is_one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Say whether the text is exactly one SELECT, and not a statement that writes."""
    with translated():
        statements = connection.extract_statements(sql)
    return len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT


def relation_of(path: Path, connection: duckdb.DuckDBPyConnection | None) -> duckdb.DuckDBPyRelation:
    """Return a Parquet file as a relation of DuckDB.

    Args:
        path: The file.
        connection: Where it is to live; None opens a database for it.

    Returns:
        A lazy relation, which keeps its database open.

    Raises:
        QueryError: The file cannot be read.
    """
    with translated():
        return (connection or duckdb.connect()).sql(f"FROM {parquet_rows(path)}")


def check_condition(text: str) -> None:
    """See that a text is one SQL condition and no more, so that it can stand in a query of ours.

    Raises:
        QueryError: It is empty, or not one expression.
    """
    if not text.strip():
        raise QueryError("the condition is empty", hint="write, for example, width < 400")
    with translated():
        duckdb.SQLExpression(text)
