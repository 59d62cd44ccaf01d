"""Which set of images a column of values belongs to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from packhouse._src.foreign.evidence.name_words import is_statistic, read_name, speaks_of_labels

FEWEST_UNNAMED = 10
"""Images of a group; as few as that have as many values as a column of another kind by coincidence."""

MOST_STATISTICS = 4
"""A mean of the channels, or a shape, has no more values."""

_NUMBERED = re.compile(r"(.*?)([0-9]+)(\D*)", re.DOTALL)


class ImageSet(NamedTuple):
    """The images of one dataset; of one group, one a dataset; or those that a dataset refers to."""

    path: str
    """Of the dataset or group."""

    keys: Sequence[str]
    """In the order of its rows; of a group in a clear order, if there is one."""

    is_group: bool = False

    doubt: str = ""
    """Why the order of the images is unclear; "" where it is clear."""

    def ordered_by(self, names: Sequence[object]) -> ImageSet | None:
        """Return the set in the order of a column of its names; None when it has other names.

        Args:
            names: With or without the suffix of a file.
        """
        key_of = keys_by_name(self.keys)
        keys = [key_of.get(name) for name in names if isinstance(name, str)]
        if len(keys) != len(self.keys) or None in keys or len(set(keys)) != len(keys):
            return None
        return self._replace(keys=[key for key in keys if key is not None], doubt="")


def group_set(path: str, keys: Sequence[str], created: Sequence[str] = ()) -> ImageSet:
    """Return the images of a group, one a dataset, as a set.

    Args:
        path: Of the group.
        keys: Of the images, in the order of their names.
        created: What is in the group in the order in which it was created; empty where that is not known.

    Returns:
        The set. Its order is clear where the names count from 0 or 1, or are in the order of creation.
    """
    counted = _counted(keys)
    place_of = {one: place for place, one in enumerate(created)}
    by_creation = sorted(keys, key=lambda key: place_of.get(key, -1)) if created else None
    if counted is None and by_creation is None:
        return ImageSet(path, keys, is_group=True, doubt="their names do not count from 0 or 1")
    order = list(keys) if counted is None else counted
    if by_creation not in (None, order):
        return ImageSet(
            path, keys, is_group=True, doubt="they were created in another order than that of their names"
        )
    return ImageSet(path, order, is_group=True)


def keys_by_name(keys: Iterable[str]) -> Mapping[object, str]:
    """Return the keys of images by the last part of each, with and without the suffix of a file."""
    names = {key.rpartition("/")[2]: key for key in keys}
    stems: dict[object, str] = {}
    for name, key in names.items():
        stem = name.rpartition(".")[0]
        if stem:
            stems[stem] = "" if stem in stems else key  # a name of two images names neither
    return {stem: key for stem, key in stems.items() if key} | names


def sets_labelled(path: str, count: int, sets: Iterable[ImageSet]) -> list[ImageSet]:
    """Return the sets of images that a column may belong to.

    Args:
        path: Of the column.
        count: How many values it has.
        sets: All sets of images that it could belong to.

    Returns:
        Those with as many images, and of the same split where both paths speak of one.
    """
    if count <= MOST_STATISTICS and is_statistic(path):
        return []
    split = read_name(path).split
    is_sure = count >= FEWEST_UNNAMED or speaks_of_labels(path)
    found = []
    for one in sets:
        if len(one.keys) != count or (one.is_group and not is_sure):
            continue
        theirs = read_name(one.path).split
        if split is None or theirs is None or split == theirs:
            found.append((one, split == theirs))
    # x_train and x beside y_train: the one that says the same
    same = [one for one, is_same in found if is_same]
    return _nearest(path, same or [one for one, _ in found])


def _nearest(path: str, sets: list[ImageSet]) -> list[ImageSet]:
    """Keep the sets below the same group as the column: demo_1/obs/images beside demo_1/rewards."""
    parts = path.split("/")[:-1]
    depths = [_shared_parts(parts, one.path.split("/")) for one in sets]
    return [one for one, depth in zip(sets, depths, strict=True) if depth == max(depths)]


def _shared_parts(some: Sequence[str], others: Sequence[str]) -> int:
    pairs = zip(some, others, strict=False)
    return next(
        (place for place, (one, other) in enumerate(pairs) if one != other), min(len(some), len(others))
    )


def _counted(keys: Sequence[str]) -> list[str] | None:
    """Sort names that differ in one number, which counts from 0 or 1 without a gap; None for others."""
    found = [_NUMBERED.fullmatch(key.rpartition("/")[2]) for key in keys]
    parts = [one.groups() for one in found if one is not None]
    if len(parts) < len(keys) or len({(before, after) for before, _, after in parts}) > 1:
        return None
    numbered = sorted((int(number), key) for (_, number, _), key in zip(parts, keys, strict=True))
    numbers = [number for number, _ in numbered]
    is_count = numbers in (list(range(len(keys))), list(range(1, len(keys) + 1)))
    return [key for _, key in numbered] if is_count else None
