"""Orders of tables as the user writes them: read, and checked against the columns that are there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packhouse._src.sql.joins.join_specs import not_found
from packhouse.errors import UsageError, Where


def read_sort(sort: object) -> dict[str, tuple[str, ...]]:
    """Return the columns of each order as a tuple; one text is one column.

    Args:
        sort: Table or join -> columns to sort by.

    Raises:
        UsageError: An order has no column, or one that is no text.
    """
    if not isinstance(sort, Mapping):
        raise UsageError(f"sort is {sort!r}", hint='sort={"train": ["customer_id"]}')
    read: dict[str, tuple[str, ...]] = {}
    for table, columns in sort.items():
        several = columns if isinstance(columns, Sequence) else ()
        listed = (columns,) if isinstance(columns, str) else tuple(several)
        if not listed or not all(isinstance(column, str) and column for column in listed):
            raise UsageError(f"cannot sort {table} by {columns!r}", hint="use a list of column names")
        read[table] = listed
    return read


def check_sort(sort: Mapping[str, Sequence[str]], known: Mapping[str, Sequence[str]]) -> None:
    """See before any work that all tables and columns are there.

    Args:
        sort: Table or join -> columns to sort by.
        known: Table or join -> its columns.

    Raises:
        ColumnNotFoundError: A table or column is not there; names the nearest.
    """
    for table, columns in sort.items():
        if table not in known:
            raise not_found("table", table, list(known), Where(member=f"sort {table}"))
        for column in columns:
            if column not in known[table]:
                raise not_found("column", column, known[table], Where(file=table, member="sort"))
