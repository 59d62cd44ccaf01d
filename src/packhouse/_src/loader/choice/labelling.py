"""What belongs to each image: the number of its class, and values of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from warnings import warn

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.loader.choice.choosing import Choice
from packhouse._src.loader.choice.split_names import TRAIN
from packhouse._src.tables.finding import images_of_ambiguous_rows
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.per_image import groups_of_images, image_column, rows_of_keys, source_of
from packhouse._src.tables.table import Tables
from packhouse.errors import UsageError, Where

GROUP = "group"
NO_LABEL = -1
SMALL_SHARE = 0.5
OTHER_LABEL = "choose a column whose rows match images: packhouse inspect PACK lists the links"


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Classes, and which one each chosen image is of."""

    classes: list[Any]
    """Sorted. Of a column those of all images of the pack; of folders those below "train" where there is such
    a folder, else those of all images that met the condition: so every split has the same numbers."""

    numbers: NDArray[np.int64]
    """(images,) places in `classes`; NO_LABEL for an image without a class."""


class Column:
    """Values of one column for the chosen images.

    Args:
        values: What to take from.
        codes: Of each image the place in `values`, -1 for none; None: each has its own.
    """

    def __init__(self, values: NDArray[Any], codes: NDArray[np.int32] | None = None) -> None:
        self._values = values
        self._codes = codes

    def take(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values of some of the chosen images.

        Args:
            places: Which.

        Returns:
            Integers, floats, booleans or datetime64 where no chosen image lacks a value; else Python objects,
            None where there is none. The dtype is the same for any places.
        """
        return self._values[places if self._codes is None else self._codes[places]]


def labels_of(
    images: ImageStore, tables: Tables, links: Sequence[LinkedColumns], label: str, choice: Choice
) -> Labels:
    """Number the classes of some images.

    Args:
        images: The images of the pack.
        tables: The tables of the pack.
        links: The linked tables.
        label: "group" for folders; or a column, of text, integers, booleans or dates.
        choice: The chosen images.

    Returns:
        Classes and numbers.

    Raises:
        ColumnNotFoundError: There is no such column.
        UsageError: Several tables have it, it holds floating-point numbers, or there is no class at all.
        CorruptStoreError: A table is missing or damaged.
    """
    if label == GROUP:
        values, codes, classes = _folder_classes(images, tables, choice)
    else:
        column = image_column(tables, links, source_of(tables, links, label))
        if column.is_floating:
            raise UsageError(
                f"label={label!r} is a column of {column.type_name}, which has no classes",
                hint=f"columns=({label!r},) returns its values",
            )
        values, codes = column.coded()
        classes = sorted(set(values))
    place_of = {value: place for place, value in enumerate(classes)}
    # one place more, for images without a value
    numbers = np.array([*(place_of.get(value, NO_LABEL) for value in values), NO_LABEL], np.int64)
    return Labels(classes, numbers[codes[choice.rows]])


def _folder_classes(
    images: ImageStore, tables: Tables, choice: Choice
) -> tuple[list[str], NDArray[np.int32], list[str]]:
    """Return the class of each group, the group of each image by its place, and the classes."""
    groups, codes = groups_of_images(tables)
    folders, class_of = choice.folders, choice.folders.classes
    learnt = [group for group in groups if folders.words.get(group) == TRAIN]
    if choice.folder:
        class_of = {group: group[len(choice.folder) :].strip("/") for group in groups}
        held = _groups_at(groups, codes, choice.rows)
    elif any(class_of[group] for group in learnt):
        held = learnt
    else:
        if learnt and len(folders.folders) == 1:
            class_of = {group: group for group in groups}  # "train" is a class, beside "bus" and "car"
        held = _groups_at(groups, codes, choice.pool)
    classes = sorted({class_of[group] for group in held} - {""})
    if not classes:
        raise UsageError(
            "label='group': no folders of the images could be classes",
            where=Where(file=str(images.path)),
            hint="use a column of a linked table as label=",
        )
    return [class_of[group] for group in groups], codes, classes


def _groups_at(groups: list[str], codes: NDArray[np.int32], rows: NDArray[np.int64]) -> list[str]:
    return [groups[code] for code in np.unique(codes[rows]).tolist()]


def refuse_unlabelled(
    images: ImageStore,
    tables: Tables,
    links: Sequence[LinkedColumns],
    label: str,
    rows: NDArray[np.int64],
    *,
    has_any: bool,
) -> NoReturn:
    """Raise for chosen images without a label.

    Args:
        images: The images of the pack.
        tables: The tables of the pack.
        links: The linked tables.
        label: As of `labels_of`.
        rows: The images, at least one.
        has_any: Whether other chosen images have a label, so that something is left if these are skipped.

    Raises:
        UsageError: Says how many, names one, and why.
    """
    key = images.index.key_of(int(rows[0]))
    others = f" and {len(rows) - 1:,} others" if len(rows) > 1 else ""
    skips = ['on_unlabelled="skip" leaves them out'] if has_any else []
    if label == GROUP:
        problem = f"{key}{others} of the chosen images are in a folder that is not a class"
        hints = [*skips, 'label="image_index.group" makes each folder a class']
    else:
        problem = f"{key}{others} of the chosen images have no row, or no value in that column"
        hints = [f'{skips[0]}, and so does where="{label} IS NOT NULL"'] if skips else [OTHER_LABEL]
        table = source_of(tables, links, label).table
        several = images_of_ambiguous_rows(tables, [link for link in links if link.table == table])
        named = np.intersect1d(rows, rows_of_keys(tables, several))
        if len(named):
            problem += (
                f"; {len(named):,} of them are named by rows that name several images each, "
                f"such as {images.index.key_of(int(named[0]))}"
            )
            hints = [*skips, "values that are whole keys name one image each"]
    where = Where(file=str(images.path))
    raise UsageError(f"label={label!r}: {problem}", where=where, hint="; ".join(hints))


def warn_of_few(label: str, labelled: int, chosen: int) -> None:
    """Warn where most images are left out, since their labels may be of something else.

    Args:
        label: As of `labels_of`.
        labelled: Chosen images that have a label.
        chosen: All of them.
    """
    if labelled < SMALL_SHARE * chosen:
        warn(
            f"label={label!r}: only {labelled:,} of {chosen:,} chosen images have a label, the others "
            "are left out (.unlabelled lists them); check that its rows describe these images",
            stacklevel=6,
        )


def columns_of(
    tables: Tables, links: Sequence[LinkedColumns], names: Sequence[str], rows: NDArray[np.int64]
) -> dict[str, Column]:
    """Read columns for some images.

    Args:
        tables: Of the pack.
        links: The linked tables.
        names: The columns.
        rows: The chosen images.

    Returns:
        Name, as it was given -> values.

    Raises:
        ColumnNotFoundError: There is no such column.
        UsageError: Several tables have it.
        CorruptStoreError: A table is missing or damaged.
    """
    found = {}
    for name in names:
        column = image_column(tables, links, source_of(tables, links, name))
        numbers = column.numbers(rows)
        if numbers is not None:
            found[name] = Column(numbers)
            continue
        values, codes = column.coded()
        objects = np.empty(len(values) + 1, object)  # the last one, at -1, stays None
        objects[:-1] = values
        found[name] = Column(objects, codes[rows])
    return found
