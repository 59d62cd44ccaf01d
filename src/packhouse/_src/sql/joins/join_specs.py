"""Joins as the user writes them: read, and checked against the columns that are there. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from packhouse._src.table_records import JoinSpec, JoinStep
from packhouse.errors import ColumnNotFoundError, UsageError, Where

HOW = ("inner", "left")
# the name of the result becomes that of a file, the others are looked up
_START = re.compile(r"\s*([\w-][\w.-]*)\s*=\s*([^=+]+?)\s*")
_STEP = re.compile(r"\s*([^=+]+?)\s+on\s+(.+?)\s*", re.IGNORECASE)


def parse_join(text: str) -> JoinSpec:
    """Read a join as the user writes it.

    Args:
        text: "NAME = LEFT + RIGHT on COLUMN[, COLUMN]... [+ RIGHT on COLUMN[, COLUMN]...]...".

    Returns:
        Its parts.

    Raises:
        UsageError: It is not of that form, or names a column twice in one step.
    """
    first, *others = text.split("+")
    start = _START.fullmatch(first)
    steps = [_parse_step(part) for part in others]
    whole = tuple(step for step in steps if step is not None)
    if start is None or not steps or len(whole) < len(steps):
        raise UsageError(
            f"cannot read the join {text!r}",
            hint='--join "train = transactions_train + customers on customer_id", '
            "and so on: + articles on article_id",
        )
    for step in whole:
        twice = next((name for name in step.on if step.on.count(name) > 1), None)
        if twice is not None:
            raise UsageError(
                f"the join {text!r} names the column {twice!r} twice", hint=f"each column once: on {twice}"
            )
    return JoinSpec(start[1], start[2], whole)


def _parse_step(text: str) -> JoinStep | None:
    match = _STEP.fullmatch(text)
    columns = [part.strip() for part in match[2].split(",")] if match else []
    return JoinStep(match[1], tuple(columns)) if match and "" not in columns else None


def check_joins(
    joins: Sequence[JoinSpec], columns: Mapping[str, Sequence[str]], *, compact_keys: bool = False
) -> dict[str, list[str]]:
    """See before any work that all tables and columns are there.

    Args:
        joins: In the order they will run; one may use the result of an earlier one.
        columns: Table -> its columns.
        compact_keys: Whether the results will have numbers in place of their keys.

    Returns:
        Table or join -> its columns.

    Raises:
        UsageError: The name of a result is taken; or, with compact keys, a join uses the result of another.
        ColumnNotFoundError: A table or column is not there; names the nearest.
    """
    known = {name: list(found) for name, found in columns.items()}
    for join in joins:
        if join.name.lower() in {name.lower() for name in known}:
            raise UsageError(
                f"the join {join.name!r} would have the name of a table",
                hint=f'another name: --join "{join.name}_joined = ..."',
            )
        for table in join.tables:
            if table not in known:
                raise not_found("table", table, list(known), Where(member=str(join)))
            if compact_keys and table not in columns:
                raise UsageError(
                    f"compact keys: {table} has no text keys any more when {join.name} is made of it",
                    where=Where(member=str(join)),
                    hint="one join with several steps: a + b on x + c on y",
                )
        known[join.name] = _columns_of(join, known)
    return known


def _columns_of(join: JoinSpec, known: Mapping[str, Sequence[str]]) -> list[str]:
    columns = list(known[join.left])
    for place, step in enumerate(join.steps):
        right = known[step.right]
        sides = ((join.left if place == 0 else join.name, columns), (step.right, right))
        for table, present in sides:
            for column in step.on:
                if column not in present:
                    raise not_found("column", column, present, Where(file=table, member=str(join)))
        renamed = dict(rename_right(columns, right, step))
        columns += [renamed.get(name, name) for name in right if name not in step.on]
    return columns


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


def rename_right(left: Sequence[str], right: Sequence[str], step: JoinStep) -> list[tuple[str, str]]:
    """Name the columns of the right table whose names are taken: NAME_TABLE, counted on if that is taken too.

    Args:
        left: Columns of the left table, and of the right tables of earlier steps as they were named.
        right: Columns of the right table.
        step: The step; its key columns are taken from the left and are not repeated.

    Returns:
        Pairs of old and new name.
    """
    taken = {name.lower() for name in left}
    others = [name for name in right if name not in step.on]
    clashing = [name for name in others if name.lower() in taken]
    taken |= {name.lower() for name in right}
    renamed = []
    for name in clashing:
        new = counted_on(f"{name}_{step.right}", taken)
        taken.add(new.lower())
        renamed.append((name, new))
    return renamed


def counted_on(name: str, taken: set[str]) -> str:
    """Return the name, with a number behind it if it is taken.

    Args:
        name: As wanted.
        taken: Names in lower case.

    Returns:
        A free name.
    """
    free, number = name, 2
    while free.lower() in taken:
        free, number = f"{name}_{number}", number + 1
    return free
