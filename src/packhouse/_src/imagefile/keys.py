"""From paths of files to keys of images: pure, decided before anything is written.

A key is the path of a dataset in images.h5 without its leading slash: folders, then the file's name without
its extension. The leading folders that all images share are dropped. Names that would not be unique, or that
HDF5 cannot hold, keep their extension.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import itemgetter
from typing import NamedTuple
from unicodedata import normalize

from packhouse._src.imagefile.format import MOST_KEY_BYTES, MOST_LEVELS

LONGEST_LETTER_BYTES = 4
"""In UTF-8."""


class Key(NamedTuple):
    """Where one image goes."""

    key: str
    """group + "/" + name, or the name alone in the root group."""

    group: str
    """Folders joined by "/"; "" for the root group."""

    name: str
    """Name of the dataset within its group."""

    path: str
    """Path of the file below SRC."""


@dataclass(frozen=True, slots=True)
class AssignedKeys:
    """Keys of all images, and what had to be done to make them unique."""

    keys: tuple[Key, ...]
    """Sorted by key, by code point."""

    dropped: str
    """Leading folders that were dropped: "images", "data/images", or ""."""

    kept_extensions: tuple[str, ...]
    """Paths whose names keep their extension because they would collide otherwise, sorted."""

    alike: tuple[str, ...] = ()
    """Keys that differ from another one only in case or in Unicode form, sorted; each is kept as it is."""


def assign_keys(paths: Iterable[str]) -> AssignedKeys:
    """Give every image its key.

    Args:
        paths: Paths below SRC, parts joined by "/", each once.

    Returns:
        One key a path. Two files of one folder that differ only in extension both keep it, and so does a
        file named like a folder beside it.
    """
    split = [(path, *path.rpartition("/")[::2]) for path in paths]
    folders = {folder for _, folder, _ in split}
    dropped = _shared_folders(folders)
    skip = len(dropped) + 1 if dropped else 0
    groups = {folder: folder[skip:] for folder in folders}
    starts = {folder: f"{group}/" if group else "" for folder, group in groups.items()}
    levels = _all_levels(groups.values())
    whole: set[str] = set()
    while True:
        keys = []
        for path, folder, file_name in split:  # 0.5 us each
            name = file_name if path in whole else stem(file_name)
            keys.append(Key(starts[folder] + name, groups[folder], name, path))
        clashing = _clashing(keys, levels) - whole
        if not clashing:
            break
        whole |= clashing
    keys.sort(key=itemgetter(0))
    return AssignedKeys(tuple(keys), dropped, tuple(sorted(whole)), _alike([key.key for key in keys]))


def _alike(keys: Sequence[str]) -> tuple[str, ...]:
    folded = [_folded(key) for key in keys]
    if len(set(folded)) == len(keys):
        return ()
    count = Counter(folded)
    return tuple(key for key, one in zip(keys, folded, strict=True) if count[one] > 1)


def _folded(key: str) -> str:
    """Return what a file system that tells neither case nor Unicode forms apart would compare."""
    return key.lower() if key.isascii() else normalize("NFC", normalize("NFD", key).casefold())


def _clashing(keys: Sequence[Key], levels: set[str]) -> set[str]:
    """Return the paths of those whose key is another's, or a group's."""
    distinct = {key.key for key in keys}
    if len(distinct) == len(keys) and distinct.isdisjoint(levels):
        return set()
    count = Counter(key.key for key in keys)
    return {key.path for key in keys if count[key.key] > 1 or key.key in levels}


def beyond_limits(path: str) -> str | None:
    """Say which limit of the format a path breaks; None when it breaks none.

    Args:
        path: Path below SRC.
    """
    if path.count("/") > MOST_LEVELS:
        return f"it is more than {MOST_LEVELS} folders deep"
    if len(path) > MOST_KEY_BYTES // LONGEST_LETTER_BYTES and len(path.encode()) > MOST_KEY_BYTES:
        return f"its path has more than {MOST_KEY_BYTES:,} bytes"
    return None


def stem(file_name: str) -> str:
    """Return the name without its extension; whole where that would leave nothing HDF5 can hold.

    Args:
        file_name: Last part of a path.

    Returns:
        "a" for "a.jpg"; "..jpg" for "..jpg", since "." is no name.
    """
    found = file_name[: file_name.rfind(".")] if "." in file_name else file_name
    return found if found.strip(".") else file_name


def _shared_folders(folders: Iterable[str]) -> str:
    parts = [folder.split("/") if folder else [] for folder in folders]
    shared = takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    return "/".join(level[0] for level in shared)


def _all_levels(groups: Iterable[str]) -> set[str]:
    levels: set[str] = set()
    for group in groups:
        parts = group.split("/")
        levels.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return levels - {""}
