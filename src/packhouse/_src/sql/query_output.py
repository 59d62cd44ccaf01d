"""The workbench of the tables, and queries whose rows become a Parquet file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse._src.parquet_ import ParquetSink, of_types
from packhouse._src.sql.batches import Stream
from packhouse._src.sql.duckdb_ import OUT_OF_MEMORY, Engine
from packhouse._src.table_records import TableOutput
from packhouse.errors import TableError, Where

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 16_384
"""Rows that come at once: less than a row group, so that several may wait."""

AHEAD_SHARE = 0.08
"""Of the memory, for batches that wait to be written while DuckDB works on."""


@dataclass(frozen=True, slots=True)
class Workbench(TableOutput):
    """Where tables are made from tables: that, and where queries run."""

    engine: Engine


@contextmanager
def told_of_memory(where: Where, problem: str = OUT_OF_MEMORY) -> Iterator[None]:
    """Say of work that runs out of memory where it was, and what needs so much.

    Args:
        where: Place to name.
        problem: What is said in place of the engine's own words.

    Raises:
        TableError: Memory did not suffice.
    """
    try:
        yield
    except TableError as err:
        if err.problem == OUT_OF_MEMORY:
            raise TableError(problem, where=where, hint=err.hint) from err
        raise


def write_query(  # noqa: PLR0913  # names, types and facts of the file are what a query lacks
    bench: Workbench,
    sql: str | Sequence[str],
    target: Path,
    *,
    names: Sequence[str],
    metadata: Mapping[str, object],
    on_rows: Callable[[int], None],
    types: Mapping[str, pa.DataType] | None = None,
) -> int:
    """Write the rows of a query, or of several one after the other, to a Parquet file, in their order.

    Args:
        bench: Where the query runs.
        sql: The query; or several, all of one schema.
        target: The file to make; it must not exist.
        names: Names of the columns in the file, whatever the query calls them.
        metadata: Facts to keep in the file.
        on_rows: Called with the number of rows written so far; called from another thread.
        types: Name -> type in the file; DuckDB knows no time zone of a column. Others are as the query gives
            them.

    Returns:
        The number of rows written.

    Raises:
        TableError: The query failed; no file is left.
        NoSpaceError: The disk ran full; no file is left.

    Cost: one thread encodes while DuckDB runs; that one is what it waits for when there are several cores.
    """

    def write(stream: Stream) -> int:
        with ParquetSink(
            target,
            of_types(stream.schema, names, types or {}),
            metadata=metadata,
            compression=bench.compression,
        ) as sink:

            def take(batch: pa.RecordBatch) -> None:
                sink.write(batch)
                on_rows(sink.rows)

            _take_apart(stream, take, most_bytes=int(bench.engine.memory_bytes * AHEAD_SHARE))
        return sink.rows

    queries = [sql] if isinstance(sql, str) else sql
    return bench.engine.stream(queries, write, rows=BATCH_ROWS)


def _take_apart(
    batches: Iterable[pa.RecordBatch], take: Callable[[pa.RecordBatch], None], *, most_bytes: int
) -> None:
    """Let another thread take the batches, so that the next ones are made meanwhile."""
    waiting: deque[tuple[Future[None], int]] = deque()
    held = 0
    with ThreadPoolExecutor(1, thread_name_prefix="packhouse-parquet") as taker:
        try:
            for batch in batches:
                waiting.append((taker.submit(take, batch), batch.nbytes))
                held += batch.nbytes
                while waiting and (held > most_bytes or waiting[0][0].done()):
                    done, n_bytes = waiting.popleft()
                    held -= n_bytes
                    done.result()
            for done, _ in waiting:
                done.result()
        except BaseException:
            taker.shutdown(cancel_futures=True)
            raise
