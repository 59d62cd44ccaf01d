"""Which datasets label images: columns with a value for each, wherever in the file they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from packhouse._src.foreign.datasets.columns import Columns
from packhouse._src.foreign.evidence.label_columns import ImageSet, sets_labelled
from packhouse._src.foreign.evidence.name_words import column_name, names_classes, read_name
from packhouse._src.foreign.found import (
    ClassNames,
    Dataset,
    Item,
    Labelled,
    Refused,
    RefusedError,
    SplitOf,
)

PAIRS_TOGETHER = 512
MOST_WAITING = 1000
"""So many columns are kept until all images are known; more have nothing to do with images."""

MOST_CLASSES = 100_000


class LabelCandidate(NamedTuple):
    """A dataset that may label images."""

    dataset: Dataset
    reason: str
    """Why it is refused if it does not."""


class LabelFinder:
    """Gives each column to the images that it labels.

    Args:
        columns: Reads them.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._sets: list[ImageSet] = []
        self._waiting: list[LabelCandidate] = []

    def beside(self, candidates: Sequence[LabelCandidate], sets: Sequence[ImageSet]) -> Iterator[Item]:
        """Label the images of one group.

        Args:
            candidates: Columns of the group.
            sets: Its images; a dataset that is one image is a set of one.

        Yields:
            Values, names of classes, and what is neither.
        """
        several = [one for one in sets if len(one.keys) > 1]
        for one in several:
            split = read_name(one.path).split
            if split is not None:
                yield SplitOf(one.path, split)
        self._sets += several
        for candidate in candidates:
            yield from self._label(candidate, sets, may_wait=True)

    def add_set(self, one: ImageSet) -> None:
        """Take note of images of other datasets that are one set."""
        self._sets.append(one)

    def add_column(self, dataset: Dataset, reason: str) -> None:
        """Take note of a column, for when all images are known."""
        self._waiting.append(LabelCandidate(dataset, reason))

    def finish(self) -> Iterator[Item]:
        """Label images with the columns of other groups, when all images of the file are known."""
        for candidate in self._waiting:
            yield from self._label(candidate, self._sets, may_wait=False)

    def _label(
        self, candidate: LabelCandidate, sets: Sequence[ImageSet], *, may_wait: bool
    ) -> Iterator[Item]:
        dataset, reason = candidate
        count = dataset.n_values or 0
        found = sets_labelled(dataset.path, count, sets)
        try:
            # one value beside several images of their own, such as a version, is of none of them
            if len(found) == 1 or (found and may_wait and count > 1):
                yield from self._pairs(dataset, found)
            elif dataset.kind in {"text", "vlen"} and names_classes(dataset.name) and count <= MOST_CLASSES:
                values = self._columns.values_of(dataset)
                yield ClassNames(dataset.path, [str(value) for value in values])
            elif may_wait and count > 1 and len(self._waiting) < MOST_WAITING:
                self._waiting.append(candidate)
            elif found:
                names = " and ".join(one.path for one in found[:2])
                yield Refused(dataset.path, f"has as many values as {names} have images: it is unclear whose")
            else:
                yield Refused(dataset.path, reason)
        except RefusedError as err:
            yield Refused(dataset.path, str(err))

    def _pairs(self, dataset: Dataset, sets: Sequence[ImageSet]) -> Iterator[Item]:
        values = self._columns.values_of(dataset)
        name = column_name(dataset.path)
        for one in sets:
            for start in range(0, len(values), PAIRS_TOGETHER):
                end = start + PAIRS_TOGETHER
                pairs = list(zip(one.keys[start:end], values[start:end], strict=True))
                yield Labelled(name, dataset.path, pairs)
