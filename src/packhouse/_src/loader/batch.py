"""What a loader gives: a batch, or one sample of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Broken(NamedTuple):
    """An image that gave no pixels."""

    key: str
    problem: str
    """What is wrong with it."""


class Sample(NamedTuple):
    """One image with what belongs to it."""

    image: NDArray[Any]
    """(height, width, channels), upright; uint8, but for raw samples of more bits."""

    key: str
    label: int | None
    """Number of its class; None where no label was asked for."""

    columns: dict[str, Any]
    """Column, as it was asked for -> value."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Images with what belongs to them; the same order everywhere in it."""

    images: Any
    """(batch, height, width, channels) uint8, 0..255, C-contiguous: RGB, or one channel of luma. A list of
    such images, each of its own size, where no size was asked for; so it has no type of its own.

    It is yours to write to, and to keep: the memory is used again only when nothing refers to it any more."""

    keys: list[str]
    """Of the images."""

    labels: NDArray[np.int64] | None
    """(batch,) int64, numbers of `classes`; None where no label was asked for."""

    columns: dict[str, NDArray[Any]]
    """Column, as it was asked for -> its values, (batch,)."""

    broken: tuple[Broken, ...] = ()
    """Images of this batch that gave no pixels: they are black with on_error="blank", and left out of all
    parts with "skip"."""

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.keys)

    def __repr__(self) -> str:
        """Return shapes and names; all pixels and keys would fill the screen."""
        sized = isinstance(self.images, np.ndarray)
        parts = [
            f"{self.images.dtype} {self.images.shape}" if sized else "each of its own size",
            *(["labels"] if self.labels is not None else []),
            *([f"columns {', '.join(self.columns)}"] if self.columns else []),
            *([f"{len(self.broken)} broken"] if self.broken else []),
        ]
        return f"<Batch of {len(self)} images: {'; '.join(parts)}>"

    def sample(self, place: int) -> Sample:
        """Return one image with what belongs to it; arrays are views.

        Args:
            place: From 0.

        Returns:
            The sample.
        """
        label = None if self.labels is None else int(self.labels[place])
        columns = {name: values[place] for name, values in self.columns.items()}
        return Sample(self.images[place], self.keys[place], label, columns)
