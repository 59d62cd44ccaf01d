"""Grain (JAX): `ImageSource` is a data source for its DataLoader and MapDataset.

Grain needs three methods and no base class, so it is not imported here.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from packhouse._src.loader.broken import note
from packhouse.errors import UsageError

if TYPE_CHECKING:
    from packhouse._src.loader.batch import Batch
    from packhouse._src.opening import Pack


class ImageSource:
    """Selected images of a pack; each element is a dict that Grain can batch.

    "image": (height, width, channels) uint8, 0..255, RGB; "key": str; "label": np.int64, with `label`; and
    each of `columns` under its name. Safe to share between threads. It pickles to less than 2 KB, for Grain's
    worker processes.

    Grain shuffles indices and does not pass the epoch to a source. So the random crops and flips of an
    element are always those of `epoch`. For new ones, make a new source, or use a random transform of
    Grain.

    Args:
        pack: The pack.
        epoch: Random crops and flips depend on it.
        options: Options of `pack.samples`. No image can be skipped, since Grain needs an element at each
            index.

    Raises:
        UsageError: As in `pack.samples`; or on_error="skip".
    """

    def __init__(self, pack: Pack, *, epoch: int = 0, **options: Any) -> None:  # noqa: ANN401  # checked there
        if options.get("on_error") == "skip":
            raise UsageError(
                'on_error="skip" does not work with Grain, which needs an element at each index',
                hint='on_error="blank"',
            )
        self.samples = pack.samples(**options)
        self.broken: dict[str, str] = {}
        """Key of an image that gave no pixels in this process -> what is wrong with it."""
        self.epoch = epoch

    def __repr__(self) -> str:
        """Return what it contains; Grain compares it when it restores a checkpoint."""
        options = replace(self.samples.options, threads=None)  # how many makes no difference
        return f"ImageSource({self.samples.fingerprint}, epoch={self.epoch}, {options})"

    def __len__(self) -> int:
        """Return the number of elements."""
        return len(self.samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one element.

        Raises:
            IndexError: The index is out of range.
            ImageError: The image is broken, and on_error is "raise".
        """
        return self._getitems([operator.index(index)])[0]

    def _getitems(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Return several elements, read and decoded together: what Grain calls where it can."""
        batch = self.samples.batch(indices, epoch=self.epoch)
        note(batch, self.broken, on_error=self.samples.options.on_error)
        return [_element(batch, place) for place in range(len(batch))]


def _element(batch: Batch, place: int) -> dict[str, Any]:
    image, key, label, columns = batch.sample(place)
    labels = {} if label is None else {"label": np.int64(label)}
    return {"image": image, "key": key, **labels, **columns}
