"""The workbench of the tables, and queries whose rows become a Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse.parquet_ import ROW_GROUP_ROWS, ParquetSink
from packhouse.progress import Observer
from packhouse.tables.duckdb_ import Engine, Stream


@dataclass(frozen=True, slots=True)
class Workbench:
    """What all work on tables needs."""

    engine: Engine
    """Where queries run."""

    folder: Path
    """Where the Parquet files of the pack lie."""

    compression: str
    """One of `parquet_.COMPRESSIONS`."""

    observer: Observer
    """Told of the progress."""


def write_query(
    bench: Workbench,
    sql: str,
    target: Path,
    *,
    names: Sequence[str],
    metadata: Mapping[str, object],
    on_rows: Callable[[int], None],
) -> int:
    """Write the rows of a query to a Parquet file, in their order.

    Args:
        bench: Where the query runs.
        sql: The query.
        target: The file to make; it must not exist.
        names: Names of the columns in the file, whatever the query calls them.
        metadata: Facts to keep in the file.
        on_rows: Told the number of rows written so far.

    Returns:
        The number of rows written.

    Raises:
        TableError: The query failed; no file is left.
        NoSpaceError: The disk ran full; no file is left.
    """

    def write(stream: Stream) -> int:
        with ParquetSink(
            target,
            stream.schema,
            names=names,
            metadata=metadata,
            compression=bench.compression,
        ) as sink:
            for batch in stream:
                sink.write(batch)
                on_rows(sink.rows)
        return sink.rows

    return bench.engine.stream(sql, write, rows=ROW_GROUP_ROWS)
