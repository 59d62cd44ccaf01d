"""Rows that name several images: if these are copies of one image, byte by byte, the row describes each.

Which of several different images is meant cannot be known, so such a row describes none. Of copies it does
not matter: a data set that was unpacked twice keeps its labels.
"""

from __future__ import annotations

from collections.abc import Mapping

from packhouse._src.sql.links.image_names import form_named, names_sql
from packhouse._src.sql.quoting import numbered_rows, quote_name
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.table import Tables

INDEX = "image_index"


def meant_by_several(link: LinkedColumns, *, copies: bool) -> str:
    """Return the query of what the rows mean that name several images each: pairs of value and key.

    Args:
        link: The linked table.
        copies: Whether the images of one value must have the same bytes, or must not.
    """
    rows, key, flag = (quote_name(name) for name in (link.table, link.key_column, link.flag_column))
    value = form_named(link.form).of(link.column, spelling=link.spelling)
    cells = f"SELECT {value} FROM {rows} WHERE {flag} AND {key} IS NULL"
    named = f"SELECT value, key FROM ({names_sql(INDEX)}) WHERE value IN ({cells})"
    over = "OVER (PARTITION BY value)"
    # empty files are alike, and no image
    alike = f"min(i.digest) {over} = max(i.digest) {over} AND min(i.length) {over} > 0"
    return (
        f"SELECT n.value, n.key FROM ({named}) n JOIN {INDEX} i ON i.key = n.key "
        f"QUALIFY {'' if copies else 'NOT '}({alike})"
    )


def rows_with_copies(link: LinkedColumns) -> str:
    """Return the SQL of a linked table in which a row of copies stands once for each of them."""
    table = quote_name(link.table)
    if not link.has_several:
        return table
    key, flag = quote_name(link.key_column), quote_name(link.flag_column)
    value = form_named(link.form).of(link.column, "t", link.spelling)
    return (
        f"(SELECT * FROM {table} UNION ALL "
        f"SELECT t.* REPLACE (c.key AS {key}) FROM {table} t "
        f"JOIN ({meant_by_several(link, copies=True)}) c ON c.value = {value} "
        f"WHERE t.{flag} AND t.{key} IS NULL) AS {table}"
    )


def places_of_copies(tables: Tables, link: LinkedColumns) -> Mapping[str, list[int]]:
    """Return the numbers of the rows that describe each of some copies.

    Args:
        tables: The tables of a pack.
        link: A linked table.

    Returns:
        Key -> rows, ascending.

    Raises:
        CorruptStoreError: A table is missing or damaged.

    Cost: nothing when no row names several images; else one query over the names of all images.
    """
    if not link.has_several:
        return {}
    table = tables[link.table]
    numbered, number = numbered_rows(table.path, table.columns)
    key, flag = quote_name(link.key_column), quote_name(link.flag_column)
    value = form_named(link.form).of(link.column, "t", link.spelling)
    found = tables.sql(
        f"SELECT c.key AS key, t.{number} AS place FROM {numbered} t "
        f"JOIN ({meant_by_several(link, copies=True)}) c ON c.value = {value} "
        f"WHERE t.{flag} AND t.{key} IS NULL ORDER BY place"
    )
    places: dict[str, list[int]] = {}
    for one, place in zip(found["key"].to_pylist(), found["place"].to_pylist(), strict=True):
        places.setdefault(one, []).append(place)
    return places
