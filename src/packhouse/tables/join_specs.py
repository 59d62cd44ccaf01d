"""Joins as the user writes them: read, and checked against the columns that are there. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from packhouse.errors import ColumnNotFoundError, UsageError, Where
from packhouse.tables.records import JoinSpec

HOW = ("inner", "left")
# the name of the result becomes that of a file, the others are looked up
_SPEC = re.compile(r"\s*([\w-][\w.-]*)\s*=\s*([^=+]+?)\s*\+\s*([^=+]+?)\s+on\s+(.+?)\s*", re.IGNORECASE)


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
