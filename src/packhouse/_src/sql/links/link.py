"""Gives a table that names the images the columns `image` and `image_key`, and counts what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.sql.cell_text import cell_text
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.join_sql import Side
from packhouse._src.sql.joins.reorder import AddedColumns, rewrite_table
from packhouse._src.sql.links.cells import CELLS_TABLE, NAMES_TABLE, leaves_out, match_cells
from packhouse._src.sql.links.evidence import compare, describe
from packhouse._src.sql.links.image_names import AS_IT_IS, form_named
from packhouse._src.sql.links.search import ImageNames
from packhouse._src.sql.query_output import Workbench
from packhouse._src.sql.quoting import numbered_rows, parquet_rows, quote_name
from packhouse._src.table_records import LinkEvidence, LinkReport, TableReport

EXAMPLES = 5
FLAG_NAMES = ("image", "has_image")
KEY_NAMES = ("image_key", "packhouse_image_key")


@dataclass(frozen=True, slots=True)
class LinkTask:
    """A link that was decided."""

    evidence: LinkEvidence
    asked_for: bool
    others: tuple[LinkEvidence, ...]
    """Columns that could have been linked instead, best first."""

    images: ImageNames


def link_table(
    bench: Workbench, table: TableReport, work: LinkTask, *, index: Path, sorted_by: Sequence[str] = ()
) -> tuple[TableReport, LinkReport]:
    """Write the linked table anew, with the two columns behind its own.

    Args:
        bench: Where the work is done, after `prepare_names`.
        table: The table that describes the images.
        work: What was decided.
        index: image_index.parquet.
        sorted_by: Columns to sort it by; without any it stays in its order.

    Returns:
        The table as it is now, and how it and the images fit.

    Raises:
        TableError: Memory did not suffice; the table is as it was.
        NoSpaceError: The disk ran full; the table is as it was.
        AccountingError: The table would have changed its number of rows.
    """
    side = Side(bench.engine, table.name, bench.folder / table.file, "t")
    taken = {name.lower() for name in side.columns}
    flag = free_name(FLAG_NAMES, taken)
    key = free_name(KEY_NAMES, taken)
    form, spelling = form_named(work.evidence.form), work.evidence.spelling
    names, value = NAMES_TABLE, form.of(work.evidence.column, side.alias, spelling)
    if leaves_out(form):
        rows = bench.folder / table.file
        match_cells(bench.engine, rows, work.evidence.column, form, spelling=spelling, index=index)
        names, value = CELLS_TABLE, AS_IT_IS.of(work.evidence.column, side.alias, spelling)
    linked = rewrite_table(
        bench,
        table,
        side,
        doing="link",
        sorted_by=sorted_by,
        added=AddedColumns(
            {flag: "i.value IS NOT NULL", key: "CASE WHEN i.n = 1 THEN i.key END"},
            joined=f"LEFT JOIN {names} i ON i.value = {value}",
            facts={"image_column": flag, "image_key_column": key},
        ),
    )
    placed = _Placed(bench.folder / table.file, index, flag, key)
    return linked, _report(bench.engine, table, work, placed)


def free_name(wanted: Sequence[str], taken: set[str]) -> str:
    """Return the first of some names that no column bears, counting on from the last if all are taken.

    Args:
        wanted: Names in order of preference.
        taken: Names of columns, in lower case.

    Returns:
        A free name.
    """
    for name in wanted:
        if name.lower() not in taken:
            return name
    number = 2
    while f"{wanted[-1]}_{number}".lower() in taken:
        number += 1
    return f"{wanted[-1]}_{number}"


@dataclass(frozen=True, slots=True)
class _Placed:
    path: Path
    index: Path
    flag: str
    key: str


def _report(engine: Engine, table: TableReport, work: LinkTask, placed: _Placed) -> LinkReport:
    source, row_number = numbered_rows(placed.path, [column.name for column in table.columns])
    spelling = work.evidence.spelling
    value = form_named(work.evidence.form).of(work.evidence.column, spelling=spelling)
    flag_sql, key_sql = quote_name(placed.flag), quote_name(placed.key)
    with_image, ambiguous = engine.row(
        f"SELECT count(*) FILTER ({flag_sql}), count(*) FILTER ({flag_sql} AND {key_sql} IS NULL) "
        f"FROM {source}"
    )
    lonely_rows = engine.query(
        f"SELECT {cell_text(quote_name(work.evidence.column), spelling)} FROM {source} WHERE NOT {flag_sql} "
        f"ORDER BY {row_number} LIMIT {EXAMPLES}"
    )
    lonely_images = (
        f"FROM {parquet_rows(placed.index)} WHERE key NOT IN "
        f"(SELECT {key_sql} FROM {source} WHERE {key_sql} IS NOT NULL)"
    )
    if ambiguous:  # a row of several images has no key, and describes them only if they are copies of one
        cells = f"SELECT {value} FROM {source} WHERE {flag_sql} AND {key_sql} IS NULL"
        lonely_images += (
            f" AND key NOT IN (SELECT key FROM image_name_keys WHERE value IN ({cells}) "
            f"AND value IN ({_copies(placed)}))"
        )
    (n_lonely,) = engine.row(f"SELECT count(*) {lonely_images}")
    examples = engine.query(f"SELECT key {lonely_images} ORDER BY key LIMIT {EXAMPLES}")
    return LinkReport(
        table=table.name,
        column=work.evidence.column,
        form=work.evidence.form,
        chosen=_why(work),
        flag_column=placed.flag,
        key_column=placed.key,
        rows=table.rows,
        rows_with_image=with_image,
        rows_without_image=table.rows - with_image,
        rows_without_image_examples=tuple("(empty)" if v is None else v for (v,) in lonely_rows),
        rows_ambiguous=ambiguous,
        images=work.images.count,
        images_without_row=n_lonely,
        images_without_row_examples=tuple(value for (value,) in examples),
        other_candidates=work.others,
        spelling=spelling,
        rows_of_copies=_count_copies(engine, source, placed, value) if ambiguous else 0,
    )


def _count_copies(engine: Engine, source: str, placed: _Placed, value: str) -> int:
    """Count the rows that name several images which are the same, byte by byte."""
    (copies,) = engine.row(
        f"SELECT count(*) FROM {source} WHERE {quote_name(placed.flag)} AND {quote_name(placed.key)} IS NULL "
        f"AND {value} IN ({_copies(placed)})"
    )
    return int(copies)


def _copies(placed: _Placed) -> str:
    """Return the query of the values that name several images which are the same, byte by byte."""
    return (
        f"SELECT value FROM image_name_keys n JOIN {parquet_rows(placed.index)} i ON i.key = n.key "
        "GROUP BY value HAVING count(*) > 1 AND min(digest) = max(digest) AND min(length) > 0"
    )


def _why(work: LinkTask) -> str:
    evidence = describe(work.evidence, work.images.count)
    if work.asked_for:
        return f"requested; {evidence}"
    rather = f"; {compare(work.evidence, work.others[0])}" if work.others else ""
    return evidence + rather
