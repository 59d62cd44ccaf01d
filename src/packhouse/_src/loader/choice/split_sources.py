"""Where splits come from: the folders of a pack, or a column; both say which images are in which split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.loader.choice.split_folders import SplitFolders, find_split_folders
from packhouse._src.loader.choice.split_names import split_word
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.per_image import groups_of_images, image_column, source_of
from packhouse._src.tables.table import Tables
from packhouse.errors import UsageError, Where

MOST_NAMED = 10

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SplitSource:
    """Which images are in which split."""

    place: str
    """As errors name it: "the pack", or a column."""

    rows: Mapping[str, Rows]
    """Split, by its one word or by a name of its own -> rows of its images in the index, ascending."""

    names: Mapping[str, str]
    """Split -> what it is called there: "folder val/", or "value 'valid'"."""

    rivals: Mapping[str, Sequence[tuple[str, Rows]]] = field(default_factory=dict)
    """Split -> folders beside each other that all resemble it, and their images."""

    is_whole_pack: bool = False
    """Whether all images are in one split, because they all come from one folder of its name."""

    @property
    def said(self) -> str:
        """What the splits are called there."""
        return ", ".join(list(self.names.values())[:MOST_NAMED])


def folders_of(images: ImageStore) -> SplitFolders:
    """Return the folders of a pack that are splits.

    Args:
        images: The images of the pack.

    Cost: one column of the index, once for each opened pack.
    """
    first = images.index.facts_of(0)
    folder, group = str(first["file_name"]).split("/")[:-1], str(first["group"])
    n_dropped = len(folder) - (group.count("/") + 1 if group else 0)
    return find_split_folders(list(images.groups), "/".join(folder[: max(0, n_dropped)]))


def from_folders(tables: Tables, folders: SplitFolders) -> SplitSource:
    """Return the splits that folders are."""
    if not folders.folders:
        return SplitSource("the pack", {}, {})
    groups, codes = groups_of_images(tables)
    words = [folders.words.get(group) for group in groups]
    rows = {word: _rows_in(codes, [one == word for one in words]) for word in folders.folders}
    names = {word: f"folder {listed(paths)}" for word, paths in folders.folders.items()}
    rivals: dict[str, list[tuple[str, Rows]]] = {}
    for word, paths in folders.folders.items():
        beside = defaultdict[str, list[str]](list)
        for path in paths:
            beside[path.rpartition("/")[0]].append(path)
        several = [path for some in beside.values() if len(some) > 1 for path in some]
        if several:
            homes = [folders.folder_of(group) for group in groups]
            rivals[word] = [(path, _rows_in(codes, [home == path for home in homes])) for path in several]
    return SplitSource("the pack", rows, names, rivals, folders.is_whole_pack)


def _rows_in(codes: NDArray[np.int32], chosen: Sequence[bool]) -> Rows:
    # one place more, for images without a value
    return np.flatnonzero(np.array([*chosen, False], bool)[codes])


def listed(paths: Sequence[str]) -> str:
    """Return the names of folders for a message."""
    named = ", ".join(f"{path}/" for path in paths[:MOST_NAMED] if path)
    return named + (", ..." if len(paths) > MOST_NAMED else "")


def from_column(tables: Tables, links: Sequence[LinkedColumns], name: str) -> SplitSource:
    """Return the splits that the values of a column name.

    Args:
        tables: The tables of the pack.
        links: The linked tables.
        name: A column of text. "Training", "valid" and so on stand for "train", "val" and "test"; another
            value is a split of that name. An image without a row or a value is in no split.

    Raises:
        ColumnNotFoundError: There is no such column.
        UsageError: Several tables have it, or it holds no text.
        CorruptStoreError: The table is missing or damaged.
    """
    values, codes = image_column(tables, links, source_of(tables, links, name)).coded()
    if not all(isinstance(value, str) for value in values):
        shown = sorted(values, key=str)
        raise UsageError(
            f"split_column={name!r} has the values {_some(shown)}, which do not name splits",
            where=Where(file=str(tables.folder)),
            hint=f'where="{name} = {shown[0]}" takes the images of one of them',
        )
    splits = [split_word(value) or value for value in values]
    called = defaultdict[str, list[str]](list)
    for split, value in zip(splits, values, strict=True):
        called[split].append(value)
    return SplitSource(
        f"split_column={name!r}",
        {split: _rows_in(codes, [one == split for one in splits]) for split in called},
        {split: f"value {_some(sorted(of_split))}" for split, of_split in called.items()},
    )


def _some(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, values[:MOST_NAMED])) + (", ..." if len(values) > MOST_NAMED else "")
