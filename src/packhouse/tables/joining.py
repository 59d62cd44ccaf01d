"""Joins two tables of a pack, many to one: what was asked for, checked before it runs and counted after."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from packhouse.errors import (
    AccountingError,
    ColumnNotFoundError,
    DuplicateKeyError,
    TableError,
    UsageError,
    Where,
)
from packhouse.progress import task
from packhouse.tables.converting import Workbench, write_query
from packhouse.tables.duckdb_ import Engine, quote_name, quote_path
from packhouse.tables.records import JoinReport, JoinSpec

HOW = ("inner", "left")
EXAMPLES = 5
_SPEC = re.compile(r"\s*(\w+)\s*=\s*(\w+)\s*\+\s*(\w+)\s+on\s+(.+?)\s*", re.IGNORECASE)


def parse_join(text: str) -> JoinSpec:
    """Read a join as the user writes it.

    Args:
        text: "NAME = LEFT + RIGHT on COLUMN[, COLUMN]".

    Returns:
        Its parts.

    Raises:
        UsageError: It is not of that form.
    """
    match = _SPEC.fullmatch(text)
    columns = [part.strip() for part in match[4].split(",")] if match else []
    if match is None or "" in columns or any("+" in column for column in columns):
        raise UsageError(
            f"cannot read the join {text!r}",
            hint='--join "train = transactions_train + customers on customer_id"; '
            "for three tables make two joins, the second on the first",
        )
    return JoinSpec(match[1], match[2], match[3], tuple(columns))


def check_joins(joins: Sequence[JoinSpec], columns: Mapping[str, Sequence[str]]) -> None:
    """See before any work that all tables and columns are there.

    Args:
        joins: In the order they will run; one may use the result of an earlier one.
        columns: Table -> its columns.

    Raises:
        UsageError: The name of a result is taken.
        ColumnNotFoundError: A table or column is not there; names the nearest.
    """
    known = {name: list(found) for name, found in columns.items()}
    for join in joins:
        if join.name.lower() in {name.lower() for name in known}:
            raise UsageError(
                f"the join {join.name!r} would have the name of a table",
                hint=f'another name: --join "{join.name}_joined = ..."',
            )
        for side in (join.left, join.right):
            if side not in known:
                raise not_found("table", side, list(known), Where(member=str(join)))
            for column in join.on:
                if column not in known[side]:
                    where = Where(file=side, member=str(join))
                    raise not_found("column", column, known[side], where)
        renamed = dict(rename_right(known[join.left], known[join.right], join))
        right = [renamed.get(name, name) for name in known[join.right] if name not in join.on]
        known[join.name] = [*known[join.left], *right]


def not_found(kind: str, name: str, present: Sequence[str], where: Where) -> ColumnNotFoundError:
    """Return the error for a table or column that is not there, with the nearest names.

    Args:
        kind: "table" or "column".
        name: What was asked for.
        present: What is there.
        where: Place to name.

    Returns:
        The error, to be raised.
    """
    folded = {other.lower(): other for other in present}
    nearest = [folded[near] for near in get_close_matches(name.lower(), list(folded), n=3, cutoff=0.5)]
    there = ", ".join(present) or "none"
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    return ColumnNotFoundError(
        f"there is no {kind} {name!r}", where=where, hint=f"{hint}{kind}s present: {there}"
    )


def rename_right(left: Sequence[str], right: Sequence[str], join: JoinSpec) -> list[tuple[str, str]]:
    """Name the columns of the right table that have the name of a left one: NAME_TABLE, counted on if taken.

    Args:
        left: Columns of the left table.
        right: Columns of the right table.
        join: The join; its key columns are taken from the left and are not repeated.

    Returns:
        Pairs of old and new name.
    """
    keys = {name.lower() for name in join.on}
    taken = {name.lower() for name in left}
    others = [name for name in right if name.lower() not in keys]
    clashing = [name for name in others if name.lower() in taken]
    taken |= {name.lower() for name in others}
    renamed = []
    for name in clashing:
        new, number = f"{name}_{join.right}", 2
        while new.lower() in taken:
            new, number = f"{name}_{join.right}_{number}", number + 1
        taken.add(new.lower())
        renamed.append((name, new))
    return renamed


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
    order = "l.file_row_number" + (", r.file_row_number" if allow_many else "")
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
        self.plain = f"read_parquet({quote_path(path)})"
        self.numbered = f"read_parquet({quote_path(path)}, file_row_number=true)"
        described = engine.query(f"DESCRIBE SELECT * FROM {self.plain}")
        self.columns: dict[str, str] = {row[0]: row[1] for row in described}
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
        f"SELECT {columns}, count(*) AS n FROM {right.plain} WHERE {present} GROUP BY {columns} HAVING n > 1"
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
