"""A choice of images that a notebook shows as small pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from packhouse._src.notebook_cells.markup import facts, picture, side_by_side, title
from packhouse._src.notebook_cells.thumbnails import EDGE_OF_MANY, EDGE_OF_ONE, Decodes, picture_of


class Shown(Decodes, Protocol):
    """What a grid asks of an image."""

    @property
    def key(self) -> str:
        """Its key."""


class ImageGrid:
    """Some images of a pack. As the last line of a notebook cell it shows their pictures.

    Args:
        images: The images, in the order of their keys.
        total: Number of images that they were chosen from.
        what: What all of them have in common; "" for all images.
    """

    def __init__(self, images: Sequence[Shown], *, total: int, what: str = "") -> None:
        self.images = list(images)
        self.total = total
        self.what = what

    @property
    def keys(self) -> list[str]:
        """Keys of the images that are shown."""
        return [image.key for image in self.images]

    def __len__(self) -> int:
        """Return the number of images that are shown."""
        return len(self.images)

    def __repr__(self) -> str:
        """Return counts and keys."""
        return f"<ImageGrid of {self._counts()}: {', '.join(self.keys)}>"

    def _repr_html_(self) -> str:
        return title(self._counts()) + small_pictures(self.images)

    def _counts(self) -> str:
        return f"{len(self):,} of {self.total:,} images{self.what and ' with ' + self.what}"


def evenly(total: int, n: int) -> list[int]:
    """Return up to `n` different numbers below `total`, from 0, with equal distances."""
    shown = min(total, n)
    return [place * total // shown for place in range(shown)]


def small_pictures(images: Sequence[Shown]) -> str:
    """Return HTML of small pictures with their keys."""
    return side_by_side((picture(*picture_of(image, edge=EDGE_OF_MANY)), image.key) for image in images)


def one_picture(image: Shown, about: Mapping[str, object]) -> str:
    """Return HTML of one picture, upright, at most 400 pixels wide or high, and what is known about it."""
    shown = picture(*picture_of(image, edge=EDGE_OF_ONE))
    return title(image.key) + shown + facts({name: value for name, value in about.items() if value})
