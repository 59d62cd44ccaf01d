"""Joins, checked against the tables and columns that are there. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from packhouse._src.table_records import JoinSpec, JoinStep
from packhouse.errors import ColumnNotFoundError, UsageError, Where

HOW = ("inner", "left")
MOST_NAMED = 25
"""Of the names that are there, in an error."""

ColumnOf = tuple[str, str]
"""A table, or the result of a join, and one of its columns."""


@dataclass(slots=True)
class ResolvedJoins:
    """The joins of a pack, with names as the tables have them."""

    columns: dict[str, list[str]]
    """Table or join -> its columns."""

    specs: tuple[JoinSpec, ...] = ()
    origins: dict[ColumnOf, ColumnOf] = field(default_factory=dict)
    """Column of a join -> the column of a table that it is made of."""

    key_pairs: list[tuple[ColumnOf, ColumnOf]] = field(default_factory=list)
    """Columns of tables that are compared."""

    def origin(self, column: ColumnOf) -> ColumnOf:
        """Return the column of a table that a column is made of: itself, when it is one."""
        return self.origins.get(column, column)

    @property
    def keys(self) -> set[ColumnOf]:
        """All columns of tables that are compared with another."""
        return {column for pair in self.key_pairs for column in pair}


def check_joins(
    joins: Sequence[JoinSpec], columns: Mapping[str, Sequence[str]], *, compact_keys: bool = False
) -> dict[str, list[str]]:
    """Return table or join -> its columns; otherwise as `resolve_joins`."""
    return resolve_joins(joins, columns, compact_keys=compact_keys).columns


def resolve_joins(
    joins: Sequence[JoinSpec], columns: Mapping[str, Sequence[str]], *, compact_keys: bool = False
) -> ResolvedJoins:
    """See before any work that all tables and columns are there, and how they are written there.

    Names are compared as SQL compares them: without regard to case, but an exact match counts first.

    Args:
        joins: In the order they will run; one may use the result of an earlier one.
        columns: Table -> its columns.
        compact_keys: Whether the results will have numbers in place of their keys.

    Returns:
        The joins, and what their results consist of.

    Raises:
        UsageError: The name of a result is taken; or, with compact keys, a join uses the result of another.
        ColumnNotFoundError: A table or column is not there; names the nearest.
    """
    known = ResolvedJoins({name: list(found) for name, found in columns.items()})
    for join in joins:
        if join.name.lower() in {name.lower() for name in known.columns}:
            raise UsageError(
                f"the join {join.name!r} has the name of a table",
                hint=f'choose another name: --join "{join.name}_joined = ..."',
            )
        left, *rights = (_find_table(table, join, known, columns, compact_keys) for table in join.tables)
        steps = [replace(step, right=right) for step, right in zip(join.steps, rights, strict=True)]
        _add(known, replace(join, left=left, steps=tuple(steps)))
    return known


def _find_table(
    table: str,
    join: JoinSpec,
    known: ResolvedJoins,
    columns: Mapping[str, Sequence[str]],
    compact_keys: bool,  # noqa: FBT001  # handed on
) -> str:
    found = find_name(table, known.columns)
    if found is None:
        raise not_found("table", table, list(known.columns), Where(member=str(join)))
    if compact_keys and found not in columns:
        raise UsageError(
            f"compact keys: {found} no longer has text keys when {join.name} uses it",
            where=Where(member=str(join)),
            hint="write one join with several steps: a + b on x + c on y",
        )
    return found


def _add(known: ResolvedJoins, join: JoinSpec) -> None:
    """Find the key columns of a join, and keep what its result consists of."""
    owner = {name: known.origin((join.left, name)) for name in known.columns[join.left]}
    steps = []
    for place, asked in enumerate(join.steps):
        right = known.columns[asked.right]
        left_name = join.left if place == 0 else join.name
        on = tuple(_find_column(name, list(owner), left_name, join) for name in asked.on)
        right_on = tuple(_find_column(name, right, asked.right, join) for name in asked.right_keys)
        step = JoinStep(asked.right, on, right_on if right_on != on else ())
        steps.append(step)
        of_right = {name: known.origin((step.right, name)) for name in right}
        known.key_pairs += [
            (owner[name], of_right[other]) for name, other in zip(on, step.right_keys, strict=True)
        ]
        renamed = dict(rename_right(list(owner), right, step))
        owner |= {renamed.get(name, name): of_right[name] for name in right if name not in step.right_keys}
    known.columns[join.name] = list(owner)
    known.origins |= {(join.name, name): origin for name, origin in owner.items()}
    known.specs += (replace(join, steps=tuple(steps)),)


def _find_column(name: str, present: Sequence[str], table: str, join: JoinSpec) -> str:
    found = find_name(name, present)
    if found is None:
        raise not_found("column", name, present, Where(file=table, member=str(join)))
    return found


def find_name(name: str, present: Collection[str]) -> str | None:
    """Return the name as it is present: exactly so, or else without regard to case; None: it is not."""
    if name in present:
        return name
    return next((other for other in present if other.lower() == name.lower()), None)


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
    there = ", ".join(present[:MOST_NAMED]) or "none"
    if len(present) > MOST_NAMED:
        there += f", and {len(present) - MOST_NAMED:,} more"
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
    others = [name for name in right if name not in step.right_keys]
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
