"""What a condition finds among the images; images that no row describes, rows that name no image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from packhouse._src.sql.cell_text import cell_text
from packhouse._src.sql.duckdb_ import check_condition
from packhouse._src.sql.quoting import quote_name, quote_text
from packhouse._src.tables.copies import INDEX, meant_by_several, rows_with_copies
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.table import Tables
from packhouse.errors import QueryError, Where

NEAREST_COLUMNS = 3

_UNKNOWN = re.compile(r"Referenced column \"(.*?)\" not found")
_AMBIGUOUS = re.compile(r"Ambiguous reference to column name \"(.*?)\" \(use")


def find_keys(tables: Tables, where: str, links: Sequence[LinkedColumns]) -> list[str]:
    """Return the keys of images whose facts, or linked rows, meet a condition.

    Args:
        tables: The tables of a pack.
        where: One SQL condition on the columns of image_index and of the linked tables.
        links: The linked tables.

    Returns:
        Keys, sorted, each once.

    Raises:
        QueryError: It is not one condition, or does not fit the columns; a name that several of these tables
            have needs its table before it.
        CorruptStoreError: A table that it needs is missing or damaged.
    """
    joins = "".join(f" LEFT JOIN {rows_with_copies(link)} ON {_key_of(link)} = {INDEX}.key" for link in links)
    query = f"SELECT DISTINCT {INDEX}.key AS key FROM {INDEX}{joins} WHERE (\n{where}\n) ORDER BY 1"
    try:
        check_condition(where)
        return list(tables.sql(query)["key"].to_pylist())
    except QueryError as err:
        _explain(err, tables, where, [INDEX, *(link.table for link in links)])
        raise


def _explain(err: QueryError, tables: Tables, where: str, candidates: Sequence[str]) -> None:
    """Say where a condition failed, and what to write instead."""
    err.where = Where(file=str(tables.folder), member=where)
    ambiguous, unknown = _AMBIGUOUS.search(err.problem), _UNKNOWN.search(err.problem)
    if ambiguous is not None:
        err.hint = _say_which(tables, ambiguous[1], candidates)
    elif unknown is not None:
        # DuckDB speaks of a FROM clause, which the user has not written
        name = unknown[1]
        columns = [column for table in candidates for column in tables[table].columns]
        nearest = get_close_matches(name, columns, n=NEAREST_COLUMNS)
        err.problem = f"there is no column {name!r}"
        meant = f"did you mean {' or '.join(nearest)}? " if nearest else ""
        err.hint = f"{meant}text needs single quotes: {quote_text(name)}"
    elif not err.hint:
        err.hint = "write one SQL condition, such as width < 400 or name = 'Black'"


def _say_which(tables: Tables, column: str, candidates: Sequence[str]) -> str:
    owners = [
        f"{quote_name(table)}.{quote_name(name)}"
        for table in candidates
        for name in tables[table].columns
        if name.lower() == column.lower()
    ]
    return f"say which table: {' or '.join(owners)}"


def images_without_row(tables: Tables, links: Sequence[LinkedColumns]) -> Iterator[str]:
    """Yield the keys of images that no row of some linked tables describes.

    Args:
        tables: The tables of a pack.
        links: The linked tables, at least one.

    Yields:
        Keys, sorted; as many as "images_without_row" says, for one table.

    Raises:
        CorruptStoreError: A table is missing or damaged.

    Cost: one query, whose result is handed out as it comes.
    """
    lonely = " AND ".join(_unnamed_by(link) for link in links)
    for batch in tables.stream(f"SELECT key FROM {INDEX} AS i WHERE {lonely} ORDER BY key"):
        yield from batch.column(0).to_pylist()


def images_of_ambiguous_rows(tables: Tables, links: Sequence[LinkedColumns]) -> list[str]:
    """Return the keys of images that are named, but only by rows that name several different images each.

    Such a row has no key: which of the images it describes cannot be known.

    Args:
        tables: The tables of a pack.
        links: The linked tables to look into.

    Returns:
        Keys, each once.

    Raises:
        CorruptStoreError: A table is missing or damaged.
    """
    found = dict[str, None]()
    for link in links:
        keys = f"SELECT {_key_of(link)} FROM {quote_name(link.table)} WHERE {_key_of(link)} IS NOT NULL"
        if not link.has_several:
            continue
        meant = meant_by_several(link, copies=False)
        copies = f"SELECT key FROM ({meant_by_several(link, copies=True)})"
        query = f"SELECT DISTINCT key FROM ({meant}) WHERE key NOT IN ({keys}) AND key NOT IN ({copies})"
        found.update(dict.fromkeys(tables.sql(query)["key"].to_pylist()))
    return list(found)


def rows_without_image(tables: Tables, links: Sequence[LinkedColumns]) -> Iterator[tuple[str, str | None]]:
    """Yield the rows of the linked tables that name no image.

    Args:
        tables: The tables of a pack.
        links: The linked tables.

    Yields:
        Table, and what the row has in its linked column, as text; None for an empty cell. Table by table, in
        the order of its file; as many as "rows_without_image" says.

    Raises:
        CorruptStoreError: A table is missing or damaged.

    Cost: one pass over two columns of each table; memory of one batch.
    """
    for link in links:
        # by place: DuckDB takes "A" for "a" where a table has both
        place = list(tables[link.table].columns).index(link.column) + 1
        lonely = (
            f"SELECT #{place} AS c FROM {quote_name(link.table)} WHERE NOT {quote_name(link.flag_column)}"
        )
        # as the text that was in the file, like the examples in the report of the link
        for batch in tables.stream(f"SELECT {cell_text('c', link.spelling)} FROM ({lonely})"):
            for value in batch.column(0).to_pylist():
                yield link.table, value


def _key_of(link: LinkedColumns) -> str:
    return f"{quote_name(link.table)}.{quote_name(link.key_column)}"


def _unnamed_by(link: LinkedColumns) -> str:
    rows, key = quote_name(link.table), quote_name(link.key_column)
    lonely = f"key NOT IN (SELECT {key} FROM {rows} WHERE {key} IS NOT NULL)"
    if not link.has_several:
        return lonely
    # a row of several images has no key, and describes them only if they are copies of one
    return f"{lonely} AND key NOT IN (SELECT key FROM ({meant_by_several(link, copies=True)}))"
