"""What a loader yields: a batch, or one sample of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from packhouse._src.notebook_cells.markup import picture, side_by_side, title
from packhouse._src.notebook_cells.thumbnails import EDGE_OF_MANY, picture_of_pixels

PICTURES = 8
"""Images of a batch that a notebook shows."""


class Broken(NamedTuple):
    """An image that could not be decoded."""

    key: str
    problem: str
    """Why not."""


class Sample(NamedTuple):
    """One image with its label and columns."""

    image: NDArray[Any]
    """(height, width, channels), upright; uint8, or more bits in mode "raw"."""

    key: str
    label: int | None
    """Number of the class; None without `label`."""

    columns: dict[str, Any]
    """Column, as in `columns=` -> value."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Images with their labels and columns, all in the same order."""

    images: Any
    """(batch, height, width, channels) uint8, 0..255, C-contiguous: RGB, or one channel of luma. With
    `size=None` it is a list of images, each of its own size.

    You can modify and keep it: the memory is reused only when nothing refers to it any more."""

    keys: list[str]
    """Keys of the images."""

    labels: NDArray[np.int64] | None
    """(batch,) int64, numbers of `classes`; None without `label`."""

    columns: dict[str, NDArray[Any]]
    """Column, as in `columns=` -> values, (batch,)."""

    broken: tuple[Broken, ...] = ()
    """Images of this batch that could not be decoded. With on_error="blank" they are black; with "skip" they
    are left out of all parts."""

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.keys)

    def __repr__(self) -> str:
        """Return shapes and names, not all pixels and keys."""
        sized = isinstance(self.images, np.ndarray)
        parts = [
            f"{self.images.dtype} {self.images.shape}" if sized else "each of its own size",
            *(["labels"] if self.labels is not None else []),
            *([f"columns {', '.join(self.columns)}"] if self.columns else []),
            *([f"{len(self.broken)} broken"] if self.broken else []),
        ]
        return f"<Batch of {len(self)} images: {'; '.join(parts)}>"

    def _repr_html_(self) -> str:
        shown = range(min(PICTURES, len(self)))
        pictures = [picture(picture_of_pixels(self.images[place], edge=EDGE_OF_MANY)) for place in shown]
        return title(repr(self)[1:-1]) + side_by_side(zip(pictures, map(self._caption, shown), strict=True))

    def _caption(self, place: int) -> str:
        return self.keys[place] if self.labels is None else f"{self.keys[place]}: {self.labels[place]}"

    def sample(self, place: int) -> Sample:
        """Return one image with its label and columns; arrays are views.

        Args:
            place: Position in the batch, from 0.

        Returns:
            The sample.
        """
        label = None if self.labels is None else int(self.labels[place])
        columns = {name: values[place] for name, values in self.columns.items()}
        return Sample(self.images[place], self.keys[place], label, columns)
