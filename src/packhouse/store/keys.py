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
from posixpath import splitext
from typing import NamedTuple


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
class SettledKeys:
    """Keys of all images, and what had to be done to make them unique."""

    keys: tuple[Key, ...]
    """Sorted by key, by code point."""

    dropped: str
    """Leading folders that were dropped: "images", "data/images", or ""."""

    kept_extensions: tuple[str, ...]
    """Paths whose names keep their extension because they would collide otherwise, sorted."""


def settle_keys(paths: Iterable[str]) -> SettledKeys:
    """Give every image its key.

    Args:
        paths: Paths below SRC, parts joined by "/", each once.

    Returns:
        One key a path. Two files of one folder that differ only in extension both keep it, and so does a
        file named like a folder beside it.
    """
    split = [(path, *_split(path)) for path in paths]
    dropped = _shared_folders([folder for _, folder, _ in split])
    skip = len(dropped) + 1 if dropped else 0
    groups = {folder[skip:] for _, folder, _ in split}
    taken_by_groups = _all_levels(groups)
    placed = [(path, folder[skip:], file_name) for path, folder, file_name in split]
    whole: set[str] = set()
    while True:
        names = {path: name if path in whole else stem(name) for path, _, name in placed}
        count = Counter(_join(group, names[path]) for path, group, _ in placed)
        clashing = {
            path
            for path, group, _ in placed
            if path not in whole
            and (count[_join(group, names[path])] > 1 or _join(group, names[path]) in taken_by_groups)
        }
        if not clashing:
            break
        whole |= clashing
    keys = [Key(_join(group, names[path]), group, names[path], path) for path, group, _ in placed]
    return SettledKeys(tuple(sorted(keys, key=lambda key: key.key)), dropped, tuple(sorted(whole)))


def stem(file_name: str) -> str:
    """Return the name without its extension; whole where that would leave nothing HDF5 can hold.

    Args:
        file_name: Last part of a path.

    Returns:
        "a" for "a.jpg"; "..jpg" for "..jpg", since "." is no name.
    """
    found = splitext(file_name)[0]
    return file_name if found in {"", ".", ".."} else found


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _join(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name


def _shared_folders(folders: Sequence[str]) -> str:
    parts = [folder.split("/") if folder else [] for folder in set(folders)]
    shared = takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    return "/".join(level[0] for level in shared)


def _all_levels(groups: Iterable[str]) -> set[str]:
    levels: set[str] = set()
    for group in groups:
        parts = group.split("/")
        levels.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return levels - {""}
