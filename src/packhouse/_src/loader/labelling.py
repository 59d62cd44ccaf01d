"""What belongs to each image: the number of its class, and values of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.per_image import groups_of_images, image_column, source_of
from packhouse._src.tables.table import Tables
from packhouse.errors import UsageError

GROUP = "group"


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Classes, and which one each chosen image is of."""

    classes: list[Any]
    """Sorted; those of all images of the pack, so that every choice of images has the same numbers."""

    numbers: NDArray[np.int64]
    """(images,) places in `classes`."""


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
    images: ImageStore,
    tables: Tables,
    links: Sequence[LinkedColumns],
    label: str,
    rows: NDArray[np.int64],
    *,
    by_folder: bool = False,
) -> Labels:
    """Number the classes of some images.

    Args:
        images: Of the pack.
        tables: Of the pack.
        links: The linked tables.
        label: "group" for folders; or a column, of text, integers, booleans or dates.
        rows: The chosen images.
        by_folder: Whether a top folder has chosen them. Then top folders are splits, and no part of a class:
            both "train/cat" and "val/cat" are "cat".

    Returns:
        Classes and numbers.

    Raises:
        ColumnNotFoundError: There is no such column.
        UsageError: Several tables have it, it holds floating-point numbers, or an image has no value.
        CorruptStoreError: A table is missing or damaged.
    """
    if label == GROUP:
        values, codes = groups_of_images(tables)
        if by_folder:
            values = [value.partition("/")[2] for value in values]
    else:
        column = image_column(tables, links, source_of(tables, links, label))
        if column.is_floating:
            raise UsageError(
                f"label={label!r} is a column of {column.type_name}, which has no classes",
                hint=f"columns=({label!r},) gives its values",
            )
        values, codes = column.coded()
    classes = sorted(set(values))
    place_of = {value: place for place, value in enumerate(classes)}
    # one place more, for images without a value
    numbers = np.array([*(place_of.get(value, -1) for value in values), -1], np.int64)[codes[rows]]
    missing = np.flatnonzero(numbers < 0)
    if len(missing):
        _refuse(label, images.index.key_of(int(rows[missing[0]])), len(missing))
    return Labels(classes, numbers)


def _refuse(label: str, key: str, count: int) -> NoReturn:
    others = f" and {count - 1:,} others" if count > 1 else ""
    raise UsageError(
        f"label={label!r}: {key}{others} of the chosen images have no row, or nothing in that column",
        hint=f'where="{label} IS NOT NULL" leaves them out',
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
