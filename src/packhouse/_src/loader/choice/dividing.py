"""Divides images into splits: by a hash, or exactly; images that belong together go to one side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.loader.order.splitting import hash_numbers, split_of
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.per_image import image_column, source_of
from packhouse._src.tables.table import Tables

Rows = NDArray[np.int64]
DUPLICATES = "duplicates"
MOST_CLASSES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What is divided: each unit goes to one split as a whole."""

    names: list[str | bytes]
    """Text that its place follows from."""

    of_image: NDArray[np.int64]
    """(images,) number of the unit that each divided image belongs to."""


def units_of(
    images: ImageStore,
    tables: Tables,
    links: Sequence[LinkedColumns],
    rows: Rows,
    together: str | None,
) -> Units:
    """Find out which images stay together.

    Args:
        images: The images of the pack.
        tables: The tables of the pack.
        links: The linked tables.
        rows: The images to divide.
        together: A column; "duplicates" for images with the same bytes; None: each image is on its own.

    Returns:
        The units, in the order of their first images. An image without a value is on its own.

    Raises:
        ColumnNotFoundError: There is no such column.
        UsageError: Several tables have it.
    """
    keys = (images.index.key_of(row) for row in rows.tolist())
    if together is None:
        return Units(list(keys), np.arange(len(rows)))
    if together == DUPLICATES:
        names: Iterator[str | bytes] = (
            digest for _at, _length, digest in images.index.ranges_at(rows.tolist())
        )
    else:
        values, codes = image_column(tables, links, source_of(tables, links, together)).coded()
        names = (
            key if code < 0 else f"{together}\0{values[code]}"
            for key, code in zip(keys, codes[rows].tolist(), strict=True)
        )
    number: dict[str | bytes, int] = {}
    of_image = np.fromiter((number.setdefault(name, len(number)) for name in names), np.int64, len(rows))
    return Units(list(number), of_image)


def divide(
    units: Units,
    fractions: Mapping[str, float],
    *,
    rest: str,
    exact: bool,
    strata: NDArray[np.int64] | None = None,
) -> dict[str, Rows]:
    """Divide images.

    By default a unit is where the hash of its name falls, whatever other units there are. With `exact` the
    units are sorted by their hashes, and each split takes as many as come nearest to its fraction.

    Args:
        units: What is divided.
        fractions: Split -> its part of all, as of `split_of`.
        rest: The split that gets what is left.
        exact: Whether the fractions are met exactly, as far as units allow.
        strata: (images,) class of each image, if each class is divided for itself; a unit of several classes
            counts as one of its most frequent class.

    Returns:
        Split -> places of its images among the divided ones, ascending.
    """
    if not exact:
        parts = split_of(units.names, fractions, rest=rest)
        side = np.zeros(len(units.names), np.int64)
        for number, members in enumerate(parts.values()):
            side[members] = number
    else:
        side = _exact_sides(units, list(fractions.values()), strata)
    of_image = side[units.of_image]
    return {name: np.flatnonzero(of_image == at) for at, name in enumerate((*fractions, rest))}


def _exact_sides(
    units: Units, fractions: Sequence[float], strata: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Return the number of the split of each unit.

    Of each class a split takes what brings all classes until then nearest to its fraction, so neither a class
    nor the whole is off by more than one image, unless images stay together.
    """
    sizes = np.bincount(units.of_image, minlength=len(units.names))
    stratum = _strata_of_units(units, strata)
    order = np.lexsort((np.arange(len(sizes)), hash_numbers(units.names), stratum))
    side = np.empty(len(sizes), np.int64)
    wanted = np.cumsum(fractions)
    taken, begin = np.zeros(len(wanted)), 0
    for members in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1):
        until = np.cumsum(sizes[members])
        begin += int(until[-1])
        ends = np.floor(wanted * begin + 0.5) - taken
        taken += ends
        # a unit is where its middle lies, so no end is further away than half a unit
        middle = until - sizes[members] / 2
        side[members] = np.searchsorted(np.maximum.accumulate(ends), middle, side="right")
    return side


def _strata_of_units(units: Units, strata: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if strata is None:
        return np.zeros(len(units.names), np.int64)
    classes, codes = np.unique(strata, return_inverse=True)
    pairs, counts = np.unique(units.of_image * len(classes) + codes, return_counts=True)
    unit, which = np.divmod(pairs, len(classes))
    found = np.zeros(len(units.names), np.int64)
    rising = np.argsort(counts, kind="stable")
    found[unit[rising]] = which[rising]  # of several the most frequent one stays
    return found


@dataclass(frozen=True, slots=True, eq=False)
class SplitShares:
    """How near a division comes to what was asked for; `print` shows it."""

    counts: dict[str, int]
    """Split -> number of its images."""

    wanted: dict[str, float]
    """Split -> the fraction that was asked for."""

    classes: dict[Any, dict[str, int]]
    """Class -> split -> number of images; empty without `label`."""

    def __str__(self) -> str:
        """Return one line for each split."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        total = sum(self.counts.values())
        for split, wanted in self.wanted.items():
            count = self.counts[split]
            shares = {name: counts[split] / sum(counts.values()) for name, counts in self.classes.items()}
            line = f"{split}: {count:,} of {total:,} images, {count / total:.2%} ({wanted:.2%} wanted)"
            if shares:
                line += f"; of each class {min(shares.values()):.2%} to {max(shares.values()):.2%}"
                far = sorted(shares, key=lambda name: -abs(shares[name] - wanted))[:MOST_CLASSES]
                said = (
                    f"{name} {self.classes[name][split]:,} of {sum(self.classes[name].values()):,}"
                    for name in far
                )
                line += f", furthest off: {', '.join(said)}"
            yield line
