"""Labels of one value a dataset, each called as its image in another group: labels/0001 and images/0001."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from packhouse._src.foreign.evidence.label_columns import ImageSet, keys_by_name
from packhouse._src.foreign.evidence.name_words import column_name, without_kinds
from packhouse._src.foreign.found import Item, Labelled, Refused, Value


class _Single(NamedTuple):
    name: str
    value: Value
    reason: str
    """Why it is refused if no image has its name."""


class SingleLabels:
    """Values that wait until all images are known."""

    def __init__(self) -> None:
        self._groups: dict[str, list[_Single]] = {}

    def add(self, group: str, name: str, value: Value, reason: str) -> None:
        """Take note of a dataset with one value.

        Args:
            group: Where it is.
            name: Of the dataset.
            value: Its value.
            reason: Why it is refused if no image has its name.
        """
        self._groups.setdefault(group, []).append(_Single(name, value, reason))

    def labelling(self, sets: Iterable[ImageSet]) -> Iterator[Item]:
        """Give each value to the image of its name.

        Args:
            sets: All images of groups.

        Yields:
            Values, and those that are of no image.
        """
        if not self._groups:
            return
        images: dict[tuple[str, ...], list[ImageSet]] = {}
        for one in sets:
            if one.is_group:
                images.setdefault(without_kinds(one.path), []).append(one)
        for group, singles in self._groups.items():
            folder = without_kinds(group)
            # ages/001 beside images/001: a group whose name says nothing is one of labels if images fit
            places = images.get(folder) or images.get(folder[:-1], []) if group else []
            key_of = keys_by_name(places[0].keys) if len(places) == 1 else {}
            pairs = []
            for name, value, reason in singles:
                key = key_of.get(name) or key_of.get(name.rpartition(".")[0])
                if key is None:
                    yield Refused(f"{group}/{name}" if group else name, reason)
                else:
                    pairs.append((key, value))
            if pairs:
                yield Labelled(column_name(group), group, pairs)
