"""Joins two tables of a pack, many to one: what was asked for, checked before it runs and counted after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packhouse.errors import AccountingError, DuplicateKeyError, TableError, Where
from packhouse.progress import task
from packhouse.tables.duckdb_ import Engine
from packhouse.tables.join_specs import rename_right
from packhouse.tables.quoting import numbered_rows, parquet_rows, quote_name
from packhouse.tables.records import JoinReport, JoinSpec
from packhouse.tables.writing import Workbench, write_query

EXAMPLES = 5


def join_tables(
    bench: Workbench, join: JoinSpec, files: Mapping[str, str], *, how: str, allow_many: bool
) -> JoinReport:
    """Join two Parquet files of a pack; the order of the left rows is kept.

    Args:
        bench: Where the work is done.
        join: What to join.
        files: Table -> Parquet file below the pack.
        how: "inner" drops left rows without a partner, "left" keeps them with empty cells.
        allow_many: Whether the right side may repeat a key, so that left rows multiply.

    Returns:
        What was made, and how many rows of both sides found no partner.

    Raises:
        TableError: The key columns have different types.
        DuplicateKeyError: The right side repeats a key; with examples.
        AccountingError: The result has not the number of rows that was counted beforehand.
    """
    engine = bench.engine
    left, right = (_Side(engine, bench.folder / files[name]) for name in (join.left, join.right))
    _check_types(join, left, right)
    if not allow_many:
        _check_unique(engine, join, right)
    left_unmatched, right_unmatched = _count_unmatched(engine, join, left, right)
    renamed = rename_right(list(left.columns), list(right.columns), join)
    new_names = dict(renamed)
    others = [name for name in right.columns if name not in join.on]
    cells = [f"l.{quote_name(name)}" for name in left.columns] + [f"r.{quote_name(n)}" for n in others]
    aliased = ", ".join(f"{cell} AS c{place}" for place, cell in enumerate(cells))
    order = f"l.{left.row_number}" + (f", r.{right.row_number}" if allow_many else "")
    sql = (
        f"SELECT {aliased} FROM {left.numbered} l {how.upper()} JOIN {right.numbered} r ON {_on(join)} "
        # without it DuckDB joins in any order, whatever preserve_insertion_order says
        f"ORDER BY {order}"
    )
    target = bench.folder / f"{join.name}.parquet"
    with task(bench.observer, f"join {join.name}", total=left.rows, unit="rows") as progress:
        rows = write_query(
            bench,
            sql,
            target,
            names=[*left.columns, *(new_names.get(name, name) for name in others)],
            metadata={"role": "join", "join": str(join), "how": how},
            on_rows=progress.reach,
        )
    expected = left.rows - (left_unmatched if how == "inner" else 0)
    if not allow_many and rows != expected:
        raise AccountingError(
            f"{expected:,} rows were counted beforehand, the join has {rows:,}",
            where=Where(member=str(join)),
        )
    return JoinReport(
        name=join.name,
        file=target.name,
        spec=str(join),
        how=how,
        rows=rows,
        left_rows=left.rows,
        left_unmatched=left_unmatched,
        right_unmatched=right_unmatched,
        bytes=Path(target).stat().st_size,
        renamed=tuple(renamed),
    )


class _Side:
    """One of the two tables, as SQL and as facts."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.plain = parquet_rows(path)
        described = engine.query(f"DESCRIBE SELECT * FROM {self.plain}")
        self.columns: dict[str, str] = {row[0]: row[1] for row in described}
        self.numbered, self.row_number = numbered_rows(path, self.columns)
        (self.rows,) = engine.row(f"SELECT count(*) FROM {self.plain}")


def _on(join: JoinSpec) -> str:
    return " AND ".join(f"l.{quote_name(name)} = r.{quote_name(name)}" for name in join.on)


def _check_types(join: JoinSpec, left: _Side, right: _Side) -> None:
    for column in join.on:
        kinds = left.columns[column], right.columns[column]
        # whole numbers of different widths compare exactly; anything else may match what is not equal
        if kinds[0] != kinds[1] and not all(kind.endswith("INT") or kind == "INTEGER" for kind in kinds):
            raise TableError(
                f"column {column!r} is {kinds[0]} in {join.left} and {kinds[1]} in {join.right}",
                where=Where(member=str(join)),
                hint=f"--text {join.left}.{column} --text {join.right}.{column}",
            )


def _check_unique(engine: Engine, join: JoinSpec, right: _Side) -> None:
    columns = ", ".join(quote_name(name) for name in join.on)
    present = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in join.on)
    repeated = (
        f"SELECT {columns}, count(*) FROM {right.plain} "
        f"WHERE {present} GROUP BY {columns} HAVING count(*) > 1"
    )
    (number,) = engine.row(f"SELECT count(*) FROM ({repeated})")
    if number:
        rows = engine.query(f"{repeated} ORDER BY {columns} LIMIT {EXAMPLES}")
        examples = "; ".join(f"{', '.join(map(str, key))} ({n} rows)" for *key, n in rows)
        raise DuplicateKeyError(
            f"{number:,} keys occur more than once in {join.right}: {examples}",
            where=Where(member=str(join)),
            hint="remove the duplicates, or --allow-many to let the left rows multiply",
        )


def _count_unmatched(engine: Engine, join: JoinSpec, left: _Side, right: _Side) -> tuple[int, int]:
    on = _on(join)
    (of_left,) = engine.row(f"SELECT count(*) FROM {left.plain} l ANTI JOIN {right.plain} r ON {on}")
    (of_right,) = engine.row(f"SELECT count(*) FROM {right.plain} r ANTI JOIN {left.plain} l ON {on}")
    return of_left, of_right
