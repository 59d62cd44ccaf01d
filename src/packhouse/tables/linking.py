"""Which column names the images? Found by evidence; its table gets the columns `image` and `image_key`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse.errors import AccountingError, Where
from packhouse.progress import task
from packhouse.tables.duckdb_ import Engine
from packhouse.tables.quoting import numbered_rows, parquet_rows, quote_name
from packhouse.tables.records import LinkEvidence, LinkReport, TableReport
from packhouse.tables.writing import Workbench, write_query

THRESHOLD = 0.5
"""A column is a link when this share of its values names images, or names this share of the images."""

EXAMPLES = 5
MOST_OTHERS = 5
FLAG_NAMES = ("image", "has_image")
KEY_NAMES = ("image_key", "packhouse_image_key")
_INTEGERS = ("int8", "int16", "int32", "int64")


def prepare_names(engine: Engine, index: Path) -> int:
    """Make the temporary table of everything that an image may be called.

    Args:
        engine: Where queries run.
        index: image_index.parquet.

    Returns:
        The number of images. The table `image_names` has one row a name: value, key (the first of those it
        names), n (how many it names).
    """
    source = parquet_rows(index)
    engine.query(
        "CREATE OR REPLACE TEMP TABLE image_names AS "
        "SELECT value, min(key) AS key, count(DISTINCT key) AS n FROM ("
        f" SELECT key AS value, key FROM {source}"
        f" UNION ALL SELECT name, key FROM {source}"
        f" UNION ALL SELECT file_name, key FROM {source}"
        f" UNION ALL SELECT regexp_extract(file_name, '[^/]*$'), key FROM {source}"
        ") GROUP BY value"
    )
    (images,) = engine.row(f"SELECT count(*) FROM {source}")
    return int(images)


def find_link(
    engine: Engine, tables: Sequence[TableReport], folder: Path, *, images: int
) -> list[LinkEvidence]:
    """Test every column of text, and every unique column of integers, against the names of the images.

    Args:
        engine: Where `prepare_names` was done.
        tables: Candidates.
        folder: Where their Parquet files lie.
        images: Number of images.

    Returns:
        Columns above the threshold, best first: a column without repeated values before one with, then the
        one that names more images, then the one with the larger share of values found, then by name.
    """
    found = []
    for table in tables:
        for column in table.columns:
            if column.arrow == "string" or column.arrow in _INTEGERS:
                evidence = weigh(engine, table, column.name, folder, images=images)
                if is_link(evidence, images) and (column.arrow == "string" or evidence.unique):
                    found.append(evidence)
    return sorted(found, key=_rank)


def weigh(engine: Engine, table: TableReport, column: str, folder: Path, *, images: int) -> LinkEvidence:
    """Count how well one column names the images."""
    cell = f"CAST({quote_name(column)} AS VARCHAR)"
    values, rows, values_found, images_found = engine.row(
        f"WITH cells AS (SELECT {cell} AS value, count(*) AS n_rows "
        f"FROM {parquet_rows(folder / table.file)} "
        f"WHERE {quote_name(column)} IS NOT NULL GROUP BY 1) "
        "SELECT count(*), coalesce(sum(n_rows), 0), count(key), coalesce(sum(n), 0) "
        "FROM cells LEFT JOIN image_names USING (value)"
    )
    # a column that mixes keys and names counts an image twice
    return LinkEvidence(
        table.name, column, values, values_found, min(int(images_found), images), unique=rows == values
    )


def is_link(evidence: LinkEvidence, images: int) -> bool:
    """Say whether a column names images often enough to be linked by itself."""
    if not evidence.values_found:
        return False
    of_values = evidence.values_found / evidence.values
    of_images = evidence.images_found / max(1, images)
    return max(of_values, of_images) >= THRESHOLD


def _rank(evidence: LinkEvidence) -> tuple[object, ...]:
    share = evidence.values_found / max(1, evidence.values)
    return (not evidence.unique, -evidence.images_found, -share, evidence.table, evidence.column)


@dataclass(frozen=True, slots=True)
class LinkTask:
    """A link that was decided."""

    evidence: LinkEvidence
    asked_for: bool
    others: tuple[LinkEvidence, ...]
    images: int


def link_table(bench: Workbench, table: TableReport, work: LinkTask, *, index: Path) -> LinkReport:
    """Write the linked table anew, with the two columns behind its own.

    Args:
        bench: Where the work is done, after `prepare_names`.
        table: The table that describes the images.
        work: What was decided.
        index: image_index.parquet.

    Returns:
        How the table and the images fit.

    Raises:
        AccountingError: The table would have changed its number of rows.
    """
    names = [column.name for column in table.columns]
    taken = {name.lower() for name in names}
    flag = free_name(FLAG_NAMES, taken)
    key = free_name(KEY_NAMES, taken)
    path = bench.folder / table.file
    linked = path.with_name(path.name + ".linked")
    column = quote_name(work.evidence.column)
    cells = ", ".join(f"t.{quote_name(name)} AS c{place}" for place, name in enumerate(names))
    numbered, row_number = numbered_rows(path, names)
    sql = (
        f"SELECT {cells}, i.value IS NOT NULL AS flag, CASE WHEN i.n = 1 THEN i.key END AS image_key "
        f"FROM {numbered} t "
        f"LEFT JOIN image_names i ON i.value = CAST(t.{column} AS VARCHAR) ORDER BY t.{row_number}"
    )
    with task(bench.observer, f"link {table.name}", total=table.rows, unit="rows") as progress:
        rows = write_query(
            bench,
            sql,
            linked,
            names=[*names, flag, key],
            metadata={
                "role": "table",
                "source": table.source,
                "columns": {column.name: column.reason for column in table.columns},
                "image_column": flag,
                "image_key_column": key,
            },
            on_rows=progress.reach,
        )
    if rows != table.rows:
        raise AccountingError(
            f"{table.rows:,} rows before linking, {rows:,} after", where=Where(member=table.name)
        )
    linked.replace(path)
    placed = _Placed(path, index, flag, key)
    return _report(bench.engine, table, work, placed)


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
    column = quote_name(work.evidence.column)
    flag_sql, key_sql = quote_name(placed.flag), quote_name(placed.key)
    with_image, ambiguous = engine.row(
        f"SELECT count(*) FILTER ({flag_sql}), count(*) FILTER ({flag_sql} AND {key_sql} IS NULL) "
        f"FROM {source}"
    )
    lonely_rows = engine.query(
        f"SELECT CAST({column} AS VARCHAR) FROM {source} WHERE NOT {flag_sql} "
        f"ORDER BY {row_number} LIMIT {EXAMPLES}"
    )
    # an image has a row when any of its names stands in the column, also one that names other images too
    lonely_images = (
        f"FROM {parquet_rows(placed.index)} i WHERE key NOT IN "
        f"(SELECT {key_sql} FROM {source} WHERE {key_sql} IS NOT NULL)"
    )
    if ambiguous:
        cells = f"SELECT CAST({column} AS VARCHAR) FROM {source} WHERE {flag_sql} AND {key_sql} IS NULL"
        lonely_images += (
            f" AND name NOT IN ({cells}) AND regexp_extract(file_name, '[^/]*$') NOT IN ({cells})"
        )
    (n_lonely,) = engine.row(f"SELECT count(*) {lonely_images}")
    examples = engine.query(f"SELECT key {lonely_images} ORDER BY key LIMIT {EXAMPLES}")
    return LinkReport(
        table=table.name,
        column=work.evidence.column,
        chosen="asked for" if work.asked_for else describe(work.evidence, work.images),
        flag_column=placed.flag,
        key_column=placed.key,
        rows=table.rows,
        rows_with_image=with_image,
        rows_without_image=table.rows - with_image,
        rows_without_image_examples=tuple("(empty)" if v is None else v for (v,) in lonely_rows),
        rows_ambiguous=ambiguous,
        images=work.images,
        images_without_row=n_lonely,
        images_without_row_examples=tuple(value for (value,) in examples),
        other_candidates=work.others[:MOST_OTHERS],
    )


def describe(evidence: LinkEvidence, images: int) -> str:
    """Return the evidence in words."""
    unique = ", none twice" if evidence.unique else ""
    return (
        f"{evidence.values_found:,} of its {evidence.values:,} values name images{unique}; "
        f"{evidence.images_found:,} of {images:,} images are named"
    )
