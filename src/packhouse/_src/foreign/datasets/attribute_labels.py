"""What attributes of datasets and groups say of the images in them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from packhouse._src.foreign.evidence.label_columns import ImageSet
from packhouse._src.foreign.evidence.name_words import names_classes
from packhouse._src.foreign.found import ClassNames, Dataset, GroupFacts, Item, Labelled, Value

PAIRS_TOGETHER = 512


def of_attributes(dataset: Dataset, images: ImageSet, *, is_one: bool) -> Iterator[Item]:
    """Yield what the attributes of a dataset say of its images.

    Args:
        dataset: With images.
        images: These.
        is_one: Whether it is one image, so that an attribute with a single value is of that image.
    """
    if is_one:
        yield from (Labelled(name, "", [(dataset.key, value)]) for name, value in dataset.attributes)
    for name, values in dataset.lists:
        if len(values) == len(images.keys):
            yield from labelled(name, "", [images], values)
        elif names_classes(name):
            yield ClassNames("", [str(value) for value in values])


def of_group(group: GroupFacts, datasets: Sequence[Dataset], sets: Sequence[ImageSet]) -> Iterator[Item]:
    """Yield what the attributes of a group say of all images in it, where their own say nothing else.

    Args:
        group: The group; of the root those that name classes count.
        datasets: What is in it.
        sets: Its images.
    """
    for name, values in group.lists:
        if names_classes(name):
            yield ClassNames("", [str(value) for value in values])
    if not group.path or not group.attributes:
        return
    theirs = {one.key: {name for name, _ in one.attributes} for one in datasets if one.attributes}
    for name, value in group.attributes:
        keys = [key for one in sets for key in one.keys if name not in theirs.get(one.path, ())]
        yield from labelled(name, "", [ImageSet("", keys)], [value] * len(keys))


def labelled(column: str, path: str, sets: Iterable[ImageSet], values: Sequence[Value]) -> Iterator[Labelled]:
    """Yield the values of the images of each set, some at once.

    Args:
        column: What the column is called.
        path: Of the dataset that they are in; "" for attributes.
        sets: With as many images as there are values.
        values: In the order of the images.
    """
    for one in sets:
        for start in range(0, len(values), PAIRS_TOGETHER):
            end = start + PAIRS_TOGETHER
            yield Labelled(column, path, list(zip(one.keys[start:end], values[start:end], strict=True)))
