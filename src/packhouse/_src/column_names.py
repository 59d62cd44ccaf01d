"""Names of columns that SQL can tell apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def distinct_names(names: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Make names unique without regard to case.

    Args:
        names: Names of columns; none is repeated, but "".

    Returns:
        A name for each column, and what to say of new ones.
    """
    taken = {name.lower() for name in names if name}
    seen: set[str] = set()
    columns, notes = [], []
    for number, name in enumerate(names, 1):
        wanted = name or f"column_{number}"
        new, count = wanted, 1
        while new.lower() in seen or (new != name and new.lower() in taken):
            count += 1
            new = f"{wanted}_{count}"
        if not name:
            notes.append(f"column {number} has no name; it is called {new}")
        elif new != name:
            notes.append(
                f"column {number}, {name!r}, differs from another only in case; it is called {new!r}"
            )
        seen.add(new.lower())
        columns.append(new)
    return tuple(columns), notes
