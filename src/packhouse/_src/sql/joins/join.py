"""Joins tables of a pack, many to one: what was asked for, checked before it runs and counted after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

from packhouse._src.parquet_ import give_memory_back
from packhouse._src.sql.duckdb_ import OUT_OF_MEMORY, Engine
from packhouse._src.sql.joins.compact_keys import Compacted, Lookups
from packhouse._src.sql.joins.gathering import write_matches
from packhouse._src.sql.joins.join_specs import ColumnOf
from packhouse._src.sql.joins.join_sql import Chain
from packhouse._src.sql.joins.key_values import KeyValues
from packhouse._src.sql.joins.matching import check_unique, find_matches
from packhouse._src.sql.joins.right_rows import read_right
from packhouse._src.sql.query_output import Workbench, told_of_memory, write_query
from packhouse._src.table_records import JoinManner, JoinReport, JoinSpec, JoinStepReport
from packhouse.errors import (
    Where,
    internal_error,
)
from packhouse.progress import task

RIGHT_SHARE = 0.8
"""Of the memory, for the right tables, when their rows are taken by number."""

RANGE_SHARE = 0.25
"""Of the memory, for the rows of the left table that are joined at once; sorting them takes twice that."""


def join_tables(
    bench: Workbench,
    join: JoinSpec,
    files: Mapping[str, str],
    *,
    manner: JoinManner,
    lookups: Lookups | None = None,
    origin: Callable[[ColumnOf], ColumnOf] = lambda column: column,
) -> JoinReport:
    """Join Parquet files of a pack; the order of the left rows is kept, unless the result is sorted.

    Args:
        bench: Where the work is done.
        join: What to join.
        files: Table -> Parquet file below the pack.
        manner: How.
        lookups: Tables whose keys become numbers of rows; None: keys stay what they are.
        origin: Tells of which column of a table a column of a join is made.

    Returns:
        What was made, how many rows of both sides of each step found no partner, and why when none found one.

    Raises:
        TableError: Key columns have types that cannot be compared; or memory did not suffice.
        DuplicateKeyError: A right side repeats a key; with examples.
        AccountingError: The result has not the number of rows that was counted beforehand.

    Cost: two scans of the keys to count, one of all tables to join. Right tables that do not fit in memory
    are read once for each range of left rows whose right rows fit.
    """
    chain = Chain(bench.engine, join, bench.folder, files, how=manner.how)
    where = Where(member=f"join {join}")
    with told_of_memory(where, "the keys of the tables alone need more memory than the limit allows"):
        values = KeyValues(bench.engine, chain, origin)
        values.check_types()
        matches = find_matches(bench.engine, chain, manner) if lookups is None else None
        if matches is None:
            steps, expected = _count(bench.engine, chain, manner)
        else:
            steps, expected = matches.report(), matches.rows
        problem = values.explain(steps)
        compacted = lookups.compact(chain) if lookups is not None else Compacted()
    target = bench.folder / f"{join.name}.parquet"
    metadata = _metadata(join, manner, compacted)
    with (
        matches or nullcontext(),
        told_of_memory(where, f"sorting {OUT_OF_MEMORY}" if manner.sorted_by else OUT_OF_MEMORY),
        task(bench.observer, f"join {join.name}", total=expected, unit="rows") as progress,
    ):
        if matches is not None:
            give_memory_back()
            bench.engine.give_memory_back()
            memory_bytes = bench.engine.memory_bytes
            right = read_right(chain, most_bytes=int(memory_bytes * RIGHT_SHARE))
            give_memory_back()
            rows = write_matches(
                bench,
                chain,
                matches,
                right,
                target,
                memory_bytes=(memory_bytes - (right.nbytes if right is not None else 0)) // 3,
                metadata=metadata,
                on_rows=progress.reach,
            )
        else:
            rows = write_query(
                bench,
                _queries(chain, manner, compacted, int(bench.engine.memory_bytes * RANGE_SHARE)),
                target,
                names=[compacted.name_of(cell.name) for cell in chain.cells],
                types={cell.name: cell.side.types[cell.column] for cell in chain.cells},
                metadata=metadata,
                on_rows=progress.reach,
            )
    if rows != expected:
        target.unlink()
        raise internal_error(
            f"{expected:,} rows were counted beforehand, the join has {rows:,}",
            where=Where(member=str(join)),
        )
    return JoinReport(
        name=join.name,
        file=target.name,
        spec=str(join),
        how=manner.how,
        rows=rows,
        left_rows=chain.left.rows,
        steps=tuple(steps),
        bytes=target.stat().st_size,
        sorted_by=manner.sorted_by,
        compact_keys=compacted.keys,
        kept_text=compacted.kept_text,
        problem=str(problem or ""),
    )


def _queries(chain: Chain, manner: JoinManner, compacted: Compacted, memory_bytes: int) -> Sequence[str]:
    """Return what is to be run one after the other: a range of left rows each; all at once to sort them."""
    by_name = {cell.name: cell for cell in chain.cells}
    cells = [
        f"{compacted.sql_of(cell.name) or cell.sql} AS c{place}" for place, cell in enumerate(chain.cells)
    ]
    order = [f"{by_name[name].sql} NULLS LAST" for name in manner.sorted_by]
    # without it DuckDB joins in any order, whatever preserve_insertion_order says
    order.append(chain.left.row_number)
    if manner.allow_many:
        order += [link.side.row_number for link in chain.links]
    return [
        f"SELECT {', '.join(cells)} FROM {chain.source(len(chain.links), rows)} {compacted.joins} "
        f"ORDER BY {', '.join(order)}"
        for rows in ([None] if manner.sorted_by else chain.cuts(memory_bytes))
    ]


def _metadata(join: JoinSpec, manner: JoinManner, compacted: Compacted) -> dict[str, object]:
    facts: dict[str, object] = {"role": "join", "join": str(join), "how": manner.how}
    if manner.sorted_by:
        facts["sorted_by"] = list(manner.sorted_by)
    if compacted.keys:
        facts["compact_keys"] = {
            key.ix_column: f"{key.lookup}.{key.lookup_column or key.column}" for key in compacted.keys
        }
    return facts


def _count(engine: Engine, chain: Chain, manner: JoinManner) -> tuple[list[JoinStepReport], int]:
    """Check and count each step; return what was counted, and how many rows the result will have."""
    reports = []
    come = chain.left.rows
    for place, link in enumerate(chain.links):
        if not manner.allow_many:
            check_unique(engine, chain.join, link)
        of_left, of_right = _count_unmatched(engine, chain, place)
        keys = link.step.written_keys
        reports.append(JoinStepReport(link.step.right, keys, come, of_left, of_right, link.renamed))
        if manner.allow_many:
            (come,) = engine.row(f"SELECT count(*) FROM {chain.source(place + 1)}")
        elif manner.how == "inner":
            come -= of_left
    return reports, come


def _count_unmatched(engine: Engine, chain: Chain, place: int) -> tuple[int, int]:
    """Count the rows that come to a step, and those of its right side, which have no partner."""
    link = chain.links[place]
    come, right, alias = chain.source(place), link.side.plain, link.side.alias
    (of_left,) = engine.row(f"SELECT count(*) FROM {come} ANTI JOIN {right} {alias} ON {link.condition}")
    keys = ", ".join(f"{left} AS k{n}" for n, (left, _) in enumerate(link.pairs))
    same = " AND ".join(f"{right} = k.k{n}" for n, (_, right) in enumerate(link.pairs))
    (of_right,) = engine.row(
        f"SELECT count(*) FROM {right} {alias} ANTI JOIN (SELECT {keys} FROM {come}) k ON {same}"
    )
    return of_left, of_right
