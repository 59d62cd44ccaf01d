"""Which set of images a column of values belongs to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from packhouse._src.foreign.evidence.name_words import read_name


class ImageSet(NamedTuple):
    """The images of one dataset, or of one group that has names of them."""

    path: str
    """Of the dataset."""

    keys: Sequence[str]
    """In the order of its rows."""


def sets_labelled(path: str, count: int, sets: Iterable[ImageSet]) -> list[ImageSet]:
    """Return the sets of images that a column may belong to.

    Args:
        path: Of the column.
        count: How many values it has.
        sets: All sets of images that it could belong to.

    Returns:
        Those with as many images, and of the same split where both paths speak of one.
    """
    split = read_name(path).split
    found = []
    for one in sets:
        if len(one.keys) != count:
            continue
        theirs = read_name(one.path).split
        if split is None or theirs is None or split == theirs:
            found.append((one, split == theirs))
    # x_train and x beside y_train: the one that says the same
    same = [one for one, is_same in found if is_same]
    return same or [one for one, _ in found]
