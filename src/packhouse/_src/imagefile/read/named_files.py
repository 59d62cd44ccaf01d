"""The files that pack.json names: each is below the folder of the pack, and no link leads out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from packhouse._src.imagefile.format import DERIVED, DERIVED_FOLDER, IMAGES_FILE, INDEX_FILE

DAMAGED = "its part {!r} is not what packhouse writes"


def is_below(file: str) -> bool:
    """Say whether a name leads to something below the folder that it is in, links apart."""
    path = PurePosixPath(file)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in file


def problems_of_names(document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Say what is wrong with the files that pack.json names.

    Args:
        document: What it says; parts that are missing name nothing.
        folder: The pack.

    Yields:
        One text per name that is not to be followed.

    Cost: one look at each folder above each file.
    """
    root = os.path.realpath(folder)
    for part in ("tables", "joins", DERIVED):
        said = document.get(part, {})
        if not isinstance(said, dict):
            yield DAMAGED.format(part)
            continue
        for name, facts in said.items():
            named = _derived(name, facts) if part == DERIVED else _table(facts)
            if named is None:
                yield f"does not say where {name!r} is"
            for file in named or ():
                yield from _problems_of(file, root)


def _problems_of(file: str, root: str) -> Iterator[str]:
    if not is_below(file):
        yield f"names a file outside of the pack: {file!r}"
    elif not _stays_inside(file, root):
        yield f"names a file that is a link out of the pack: {file!r}"


def _table(facts: object) -> tuple[str, ...] | None:
    file = facts.get("file") if isinstance(facts, dict) else None
    return (file,) if isinstance(file, str) else None


def _derived(size: str, facts: object) -> tuple[str, ...] | None:
    """Return the files of a derived store: they have fixed places."""
    folder = DERIVED_FOLDER.format(size)
    files = f"{folder}/{IMAGES_FILE}", f"{folder}/{INDEX_FILE}"
    if not (isinstance(facts, dict) and size.isascii() and size.isdigit()):
        return None
    return files if (facts.get("file"), facts.get("index")) == files else None


def _stays_inside(file: str, root: str) -> bool:
    return os.path.realpath(f"{root}/{file}").startswith(f"{root.rstrip('/')}/")
