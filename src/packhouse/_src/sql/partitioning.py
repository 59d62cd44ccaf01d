"""Puts the rows of a table into the order of its partitions; those of one stay in their order."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from packhouse._src.parquet_ import ParquetSource
from packhouse._src.sql.duckdb_ import OUT_OF_MEMORY
from packhouse._src.sql.hive_folders import folder_names
from packhouse._src.sql.joins.join_sql import Side
from packhouse._src.sql.query_output import Workbench, told_of_memory, write_query
from packhouse._src.sql.quoting import parquet_rows, quote_name
from packhouse.errors import TableError, Where, internal_error
from packhouse.progress import task

MOST_PARTITIONS = 10_000

_KINDS = (pa.types.is_string, pa.types.is_integer, pa.types.is_boolean, pa.types.is_date32)


@dataclass(frozen=True, slots=True)
class Partition:
    """The rows with one value."""

    folder: str
    rows: int


def partition_rows(bench: Workbench, path: Path, name: str, column: str) -> tuple[Partition, ...]:
    """Write a table anew in the order of its partitions, in place of itself.

    Args:
        bench: Where the work is done.
        path: Its file.
        name: Its name.
        column: The column whose values are its partitions.

    Returns:
        The partitions, in the order of the names of their folders; the rows of the file lie in this order.

    Raises:
        TableError: There is no such column, its type or one of its values names no folder, there are too
            many, or memory did not suffice. The table is as it was.
        NoSpaceError: The disk ran full; the table is as it was.

    Cost: reads the column once, then sorts the table, which spills to the disk where memory is short.
    """
    where = Where(member=f"partition {name}")
    kind = _kind_of(path, column, where)
    cells, rows_of = quote_name(column), parquet_rows(path)
    with told_of_memory(where):
        (count,) = bench.engine.row(f"SELECT count(*) FROM (SELECT DISTINCT {cells} FROM {rows_of})")
        if count > MOST_PARTITIONS:
            raise TableError(
                f"{column} has {count:,} different values: more partitions than {MOST_PARTITIONS:,}",
                where=where,
                hint="partition by a column with fewer values",
            )
        found = bench.engine.query(f"SELECT {cells}, count(*) FROM {rows_of} GROUP BY ALL")
    folders = folder_names(column, [value for value, _ in found], where)
    order = sorted(range(len(found)), key=lambda place: f"{folders[place]}/")
    values = pa.array([found[place][0] for place in order], kind)
    ranks = pa.table({"value": values, "rank": pa.array(range(len(order)), pa.int32())})
    if count > 1:
        with bench.engine.given("partition_ranks", ranks):
            _sort(bench, path, name, column, rows=sum(rows for _, rows in found), where=where)
    return tuple(Partition(folders[place], found[place][1]) for place in order)


def _kind_of(path: Path, column: str, where: Where) -> pa.DataType:
    with closing(ParquetSource(path)) as source:
        schema = source.schema
    if column not in schema.names:
        there = ", ".join(schema.names)
        raise TableError(
            f"there is no column {column!r} to partition by", where=where, hint=f"columns present: {there}"
        )
    kind = schema.field(column).type
    if not any(fits(kind) for fits in _KINDS):
        raise TableError(
            f"{column} is {kind}: only text, integers, booleans and dates name folders",
            where=where,
            hint=f"--text '*.{column}', or another column",
        )
    return kind


def _sort(bench: Workbench, path: Path, name: str, column: str, *, rows: int, where: Where) -> None:
    side = Side(bench.engine, name, path, "t")
    other = path.with_name(f"{path.name}.sorted")
    other.unlink(missing_ok=True)
    cells = ", ".join(f"t.{quote_name(one)} AS c{place}" for place, one in enumerate(side.columns))
    query = (
        f"SELECT {cells} FROM {side.numbered} t JOIN partition_ranks r "
        f"ON t.{quote_name(column)} IS NOT DISTINCT FROM r.value ORDER BY r.rank, {side.row_number}"
    )
    with closing(ParquetSource(path)) as source:
        facts = source.metadata
    with (
        told_of_memory(where, f"sorting {OUT_OF_MEMORY}"),
        task(bench.observer, f"partition {name}", total=rows, unit="rows") as progress,
    ):
        written = write_query(
            bench,
            query,
            other,
            names=list(side.columns),
            types=side.types,
            metadata=facts,
            on_rows=progress.reach,
        )
    if written != rows:
        other.unlink()
        raise internal_error(f"{rows:,} rows became {written:,}", where=where)
    other.replace(path)
