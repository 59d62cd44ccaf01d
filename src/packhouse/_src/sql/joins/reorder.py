"""Rewrites a table of a pack: in another order, with more columns, or both; all else stays as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from packhouse._src.parquet_ import ParquetSource
from packhouse._src.sql.duckdb_ import OUT_OF_MEMORY
from packhouse._src.sql.joins.join_sql import Side
from packhouse._src.sql.query_output import Workbench, told_of_memory, write_query
from packhouse._src.sql.quoting import quote_name
from packhouse._src.table_records import TableReport
from packhouse.errors import (
    Where,
    internal_error,
)
from packhouse.progress import task


class AddedColumns(NamedTuple):
    """Columns that a table gets behind its own."""

    columns: Mapping[str, str] = MappingProxyType({})
    """Name -> SQL."""

    joined: str = ""
    """What they are taken from beside the table: "LEFT JOIN ... ON ..."; it keeps the number of rows."""

    facts: Mapping[str, object] = MappingProxyType({})
    """What the file says of them."""


_NONE = AddedColumns()


def rewrite_table(
    bench: Workbench,
    table: TableReport,
    side: Side,
    *,
    doing: str,
    sorted_by: Sequence[str] = (),
    added: AddedColumns = _NONE,
) -> TableReport:
    """Write a table anew in place of itself.

    Args:
        bench: Where the work is done.
        table: Which, as it will be.
        side: The same, as SQL.
        doing: What the progress calls it, "sort".
        sorted_by: Columns to sort by: nulls last, text by its bytes, equal rows as they were.
        added: Columns behind the others.

    Returns:
        The table as it is now.

    Raises:
        TableError: Memory did not suffice; the table is as it was.
        NoSpaceError: The disk ran full; the table is as it was.
        AccountingError: The number of rows would have changed.
    """
    path = bench.folder / table.file
    other = path.with_name(f"{path.name}.{doing}")
    cells = [f"{side.alias}.{quote_name(name)} AS c{place}" for place, name in enumerate(side.columns)]
    cells += [f"{sql} AS c{place}" for place, sql in enumerate(added.columns.values(), len(cells))]
    query = f"SELECT {', '.join(cells)} FROM {side.numbered} {side.alias} {added.joined}"
    if sorted_by or added.joined:
        order = [f"{side.alias}.{quote_name(name)} NULLS LAST" for name in sorted_by]
        query += f" ORDER BY {', '.join([*order, side.row_number])}"
    now = replace(table, sorted_by=tuple(sorted_by) or table.sorted_by)
    with (
        told_of_memory(
            Where(member=f"{doing} {table.name}"), f"sorting {OUT_OF_MEMORY}" if sorted_by else OUT_OF_MEMORY
        ),
        task(bench.observer, f"{doing} {table.name}", total=table.rows, unit="rows") as progress,
    ):
        rows = write_query(
            bench,
            query,
            other,
            names=[*side.columns, *added.columns],
            types=side.types,
            metadata={**_metadata(bench, now), **added.facts},
            on_rows=progress.reach,
        )
    if rows != table.rows:
        other.unlink()
        raise internal_error(f"{table.rows:,} rows became {rows:,}", where=Where(member=table.name))
    other.replace(path)
    return replace(now, bytes=path.stat().st_size)


def _metadata(bench: Workbench, table: TableReport) -> dict[str, Any]:
    """Return the facts that the file has now, with what is new."""
    source = ParquetSource(bench.folder / table.file)
    try:
        facts = source.metadata
    finally:
        source.close()
    reasons = {**facts.get("columns", {}), **{column.name: column.reason for column in table.columns}}
    return {**facts, "columns": reasons, **({"sorted_by": list(table.sorted_by)} if table.sorted_by else {})}
