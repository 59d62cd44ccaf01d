"""What a loss of power could take: the calls of a pack, and what was not flushed when it mattered.

No test can cut the power. But before DEST gets its name, all that is in it must be flushed, files and
folders, and afterwards the folder that it is in. That is seen from the calls alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath

FLUSHES = ("fsync", "fdatasync")
NAMES = ("creat", "mkdir", "mkdirat", "link", "linkat", "symlink", "unlink", "unlinkat", "rmdir")
"""Calls that change the folder of what they name."""

PASSING = re.compile(r"/\.(images-\w+/journal|spill|lock|tables)")
"""What is removed in the end, or verified before it is used: it need not be flushed."""


def not_flushed(calls: Iterable[str], dest: str) -> Iterator[str]:
    """Follow the calls of crashpoint.c, which tells each with its path.

    Args:
        calls: Lines "call path", for renames "call from<TAB>to".
        dest: The final name.

    Yields:
        What was not on the disk when it got the final name, and what is not at the end.
    """
    unflushed, above, is_named = set[str](), str(PurePath(dest).parent), False
    for call in calls:
        name, _, rest = call.partition(" ")
        path, _, target = rest.partition("\t")
        if name in FLUSHES:
            unflushed.discard(path)
            is_named &= path != above
        elif name == "rename":
            if target == dest:
                is_named = True
                left = [one for one in unflushed if is_in(one, path) and not PASSING.search(one)]
                yield from (f"{one} when it became {dest}" for one in sorted(left))
            unflushed = {moved(one, path, target) for one in unflushed if one != target}
            unflushed |= {str(PurePath(path).parent), str(PurePath(target).parent)} - {above}
        elif name in NAMES:
            unflushed.discard(path)
            unflushed |= {str(PurePath(path).parent)} - {above}
        else:  # it is written, or cut
            unflushed.add(path)
    yield from (
        f"{one} at the end" for one in sorted(unflushed) if is_in(one, dest) and not PASSING.search(one)
    )
    if is_named:
        yield f"the name {dest} at the end"


def is_in(path: str, folder: str) -> bool:
    """Say whether a path is this one, or below it."""
    return path == folder or path.startswith(f"{folder}/")


def moved(path: str, source: str, target: str) -> str:
    """Return a path after a rename."""
    return target + path[len(source) :] if is_in(path, source) else path
