"""The files that pack.json names: each is below the folder of the pack, and no link leads out of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from packhouse._src.imagefile.format import DERIVED, DERIVED_FOLDER, IMAGES_FILE, INDEX_FILE

PART = re.compile(r"([^/\\\0]+=[^/\\\0]*/)?part-\d{5,}\.parquet")
"""Paths of the files of a table that is a folder of parts, or of partitions."""

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

    Cost: one look at each folder above each file, and one at each part.
    """
    root = os.path.realpath(folder)
    for part in ("tables", "joins", DERIVED):
        said = document.get(part, {})
        if not isinstance(said, dict):
            yield DAMAGED.format(part)
            continue
        for name, facts in said.items():
            named = _derived(name, facts) if part == DERIVED else _table(facts, root)
            if named is None:
                yield f"does not say where {name!r} is"
            for file in named or ():
                yield from _problems_of(file, root)


def _problems_of(file: str, root: str) -> Iterator[str]:
    if not is_below(file):
        yield f"names a file outside of the pack: {file!r}"
    elif not _stays_inside(file, root):
        yield f"names a file that is a link out of the pack: {file!r}"


def _table(facts: object, root: str) -> tuple[str, ...] | None:
    """Return the file of a table, or its folder and those files in it that are links."""
    file = facts.get("file") if isinstance(facts, dict) else None
    if not (isinstance(facts, dict) and isinstance(file, str)):
        return None
    names = names_of_parts(facts.get("parts"))
    if names is None:
        return None
    # the folder tells of the others; there can be a hundred thousand
    folders = sorted({folder for name in names if (folder := name.rpartition("/")[0])})
    return (file, *(f"{file}/{name}" for name in (*folders, *names) if Path(root, file, name).is_symlink()))


def names_of_parts(parts: object) -> list[str] | None:
    """Return the names of the parts of a table; None when they are not what packhouse writes."""
    if not isinstance(parts, list | None):
        return None
    names = [part.get("file") if isinstance(part, dict) else None for part in parts or ()]
    found = [name for name in names if isinstance(name, str) and PART.fullmatch(name)]
    return found if len(found) == len(names) else None


def _derived(size: str, facts: object) -> tuple[str, ...] | None:
    """Return the files of a derived store: they have fixed places."""
    folder = DERIVED_FOLDER.format(size)
    files = f"{folder}/{IMAGES_FILE}", f"{folder}/{INDEX_FILE}"
    if not (isinstance(facts, dict) and size.isascii() and size.isdigit()):
        return None
    return files if (facts.get("file"), facts.get("index")) == files else None


def _stays_inside(file: str, root: str) -> bool:
    return os.path.realpath(f"{root}/{file}").startswith(f"{root.rstrip('/')}/")
