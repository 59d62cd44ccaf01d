"""Which datasets label images: columns with a value for each, wherever in the file they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from packhouse._src.foreign.datasets.attribute_labels import labelled
from packhouse._src.foreign.datasets.columns import Columns
from packhouse._src.foreign.datasets.single_labels import SingleLabels
from packhouse._src.foreign.evidence.label_columns import ImageSet, group_set, sets_labelled
from packhouse._src.foreign.evidence.name_words import (
    IMAGES,
    column_name,
    is_label_name,
    names_classes,
    read_name,
)
from packhouse._src.foreign.found import (
    ClassNames,
    Dataset,
    GroupFacts,
    Item,
    OffsetColumn,
    Refused,
    RefusedError,
    SplitOf,
    Value,
)

MOST_WAITING = 1000
"""So many columns are kept until all images are known; more have nothing to do with images."""

MOST_CLASSES = 100_000
_ROWS_AND_CLASSES = 2


class LabelCandidate(NamedTuple):
    """A dataset that may label images."""

    dataset: Dataset
    reason: str
    """Why it is refused if it does not."""

    @property
    def is_one_hot(self) -> bool:
        """Whether its rows are to be one-hot."""
        return self.dataset.n_values is None

    @property
    def n_values(self) -> int:
        """How many images it labels."""
        return self.dataset.rows if self.is_one_hot else self.dataset.n_values or 0


class LabelFinder:
    """Gives each column to the images that it labels.

    Args:
        columns: Reads them.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._sets: list[ImageSet] = []
        self._waiting: list[LabelCandidate] = []
        self._singles = SingleLabels()

    def beside(
        self, candidates: Sequence[LabelCandidate], sets: Sequence[ImageSet], group: GroupFacts
    ) -> Iterator[Item]:
        """Label the images of one group.

        Args:
            candidates: Columns of the group.
            sets: Its images; a dataset that is one image is a set of one.
            group: What HDF5 says of it.

        Yields:
            Values, names of classes, and what is neither.
        """
        several = [one for one in sets if len(one.keys) > 1]
        for one in several:
            split = read_name(one.path).split
            if split is not None:
                yield SplitOf(one.path, split)
        self._sets += several
        self._note_group(sets, group)
        for candidate in candidates:
            if not sets and candidate.n_values == 1 and not names_classes(candidate.dataset.name):
                yield from self._keep_single(candidate, group.path)
            else:
                yield from self._label(candidate, sets, may_wait=True)

    def add_set(self, one: ImageSet) -> None:
        """Take note of images of other datasets that are one set."""
        self._sets.append(one)

    def add_column(self, dataset: Dataset, reason: str) -> None:
        """Take note of a column, for when all images are known."""
        self._waiting.append(LabelCandidate(dataset, reason))

    def ordered(self, path: str, keys: Sequence[str]) -> bool:
        """Take note of an order of images that the file has, by references to them.

        Args:
            path: Of the dataset that refers to them.
            keys: Of what it refers to.

        Returns:
            Whether these are images of the file, each once.
        """
        known = {key for one in self._sets if one.is_group for key in one.keys}
        if not keys or len(set(keys)) < len(keys) or not known.issuperset(keys):
            return False
        # it says how they are ordered: their groups do not
        self._sets = [one for one in self._sets if not (one.is_group and set(one.keys) <= set(keys))]
        self._sets.append(ImageSet(path, keys))
        return True

    def finish(self) -> Iterator[Item]:
        """Label images with the columns of other groups, when all images of the file are known."""
        named = [self._texts_of(candidate) for candidate in self._waiting if candidate.n_values > 1]
        sets = [_in_order(one, named) for one in self._sets]
        for candidate in self._waiting:
            yield from self._label(candidate, sets, may_wait=False)
        yield from self._singles.labelling(self._sets)

    def _note_group(self, sets: Sequence[ImageSet], group: GroupFacts) -> None:
        """Take note of the images of a group, one a dataset, as a set."""
        ones = (one.keys[0] for one in sets if len(one.keys) == 1 and one.keys[0] == one.path)
        keys = [key for key in ones if key.rpartition("/")[0] == group.path]  # no elements of cell arrays
        if len(keys) > 1 or (keys and read_name(group.path).says == IMAGES):
            self._sets.append(group_set(group.path, keys, group.created))

    def _keep_single(self, candidate: LabelCandidate, group: str) -> Iterator[Item]:
        dataset = candidate.dataset
        try:
            self._singles.add(group, dataset.name, self._columns.values_of(dataset)[0], candidate.reason)
        except RefusedError as err:
            yield Refused(dataset.path, str(err))

    def _texts_of(self, candidate: LabelCandidate) -> list[Value]:
        """Return the values of a column of text, which may be the names of images."""
        dataset = candidate.dataset
        if dataset.kind not in {"text", "vlen"}:
            return []
        try:
            return self._columns.values_of(dataset)
        except RefusedError:
            return []

    def _label(
        self, candidate: LabelCandidate, sets: Sequence[ImageSet], *, may_wait: bool
    ) -> Iterator[Item]:
        dataset, count = candidate.dataset, candidate.n_values
        found = sets_labelled(dataset.path, count, sets)
        try:
            if found and self._lists_classes(candidate):
                found = []  # there are as many classes as images
            # one value beside several images of their own, such as a version, is of none of them
            if (len(found) == 1 or (found and may_wait and count > 1)) and not found[0].doubt:
                yield from self._pairs(candidate, found)
            elif may_wait and count > 1 and len(self._waiting) < MOST_WAITING and _may_wait(dataset):
                self._waiting.append(candidate)
            elif (
                names_classes(dataset.name)
                and not found
                and count <= MOST_CLASSES
                and not candidate.is_one_hot
            ):
                yield from self._names_of_classes(candidate)
            else:
                yield Refused(dataset.path, _unused(candidate, found))
        except RefusedError as err:
            yield Refused(dataset.path, str(err))

    def _lists_classes(self, candidate: LabelCandidate) -> bool:
        """Say whether a column is a list of classes by its name, and has each value once."""
        dataset = candidate.dataset
        if _may_wait(dataset) or candidate.is_one_hot:
            return False
        values = self._columns.values_of(dataset)
        return len(set(values)) == len(values)

    def _names_of_classes(self, candidate: LabelCandidate) -> Iterator[Item]:
        dataset = candidate.dataset
        values = self._columns.values_of(dataset)
        if dataset.kind in {"text", "vlen"}:
            yield ClassNames(dataset.path, [str(value) for value in values])
        elif values and values == list(range(len(values))):
            yield OffsetColumn(dataset.path)  # it says no more than that the labels are numbers
        else:
            yield Refused(dataset.path, _unused(candidate, []))

    def _pairs(self, candidate: LabelCandidate, sets: Sequence[ImageSet]) -> Iterator[Item]:
        read = self._columns.classes_of if candidate.is_one_hot else self._columns.values_of
        yield from labelled(
            column_name(candidate.dataset.path), candidate.dataset.path, sets, read(candidate.dataset)
        )


def may_be_one_hot(dataset: Dataset) -> bool:
    """Say whether rows of several numbers are one-hot labels by name, type and shape."""
    is_table = len(dataset.shape or ()) == _ROWS_AND_CLASSES and dataset.n_values is None
    return is_table and dataset.kind in {"byte", "integer", "float", "bool"} and is_label_name(dataset.name)


def _may_wait(dataset: Dataset) -> bool:
    """Say whether a column may label images of another group: "labels" may, "class_names" does not."""
    return not names_classes(dataset.name) or is_label_name(dataset.name)


def _in_order(one: ImageSet, columns: Iterable[Sequence[Value]]) -> ImageSet:
    """Return a group of images in the order of a column of their names, if the file has one."""
    if not one.is_group:
        return one
    fitting = (column for column in columns if len(column) == len(one.keys))
    return next((found for column in fitting if (found := one.ordered_by(column))), one)


def _unused(candidate: LabelCandidate, found: Sequence[ImageSet]) -> str:
    """Say why a column labels nothing."""
    count = candidate.n_values
    if count == 1 and found:
        return f"{candidate.reason}, and is one value beside {len(found):,} images: it is unclear whose it is"
    if len(found) > 1:
        names = " and ".join(one.path for one in found[:2])
        return (
            f"has as many values as {names} have images, so it is unclear whose they are: "
            f"--images-from {found[0].path} packs only those"
        )
    if found:
        return (
            f"has as many values as {found[0].path or 'the file'} has images, but their order is unclear: "
            f"{found[0].doubt}; a dataset with the name of the image of each value decides it"
        )
    if count > 1 and "--images-from" not in candidate.reason:
        return f"{candidate.reason}, and no dataset or group has {count:,} images that its values could label"
    return candidate.reason
