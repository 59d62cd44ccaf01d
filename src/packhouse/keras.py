"""Keras 3: `ImageSequence` feeds whole batches to `fit`, `evaluate` and `predict`, on any backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from packhouse._src.loader.broken import note
from packhouse._src.loader.order.order import Order, Shuffle
from packhouse._src.loader.order.sharding import Sharding
from packhouse.errors import MissingDependencyError

try:
    from keras.utils import PyDataset
except ImportError as err:
    raise MissingDependencyError(
        f"packhouse.keras needs Keras 3 and a backend: {err}", hint='pip install "packhouse[keras]"'
    ) from err

if TYPE_CHECKING:
    from packhouse._src.opening import Pack


class ImageSequence(PyDataset):
    """Batches of selected images, each image once per epoch, in a new order each epoch.

    A batch is the images, (batch, height, width, channels) uint8, 0..255, RGB. With `label` it is (images,
    labels), with labels (batch,) int64 for sparse losses. With `columns` the inputs are a dict, for models
    with several inputs: "image", and each column under its name.

    It shuffles itself, so pass `fit(..., shuffle=False)`: otherwise Keras shuffles the batches again, with an
    unseeded generator. The images of a batch are read at once and decoded on `threads` threads, so
    `workers=2` is enough to prepare the next batch. You do not need use_multiprocessing, but it works.

    Args:
        pack: The pack.
        batch_size: Images per batch; the last batch of an epoch is shorter.
        shuffle: True: full shuffle; "window": shuffle within windows of neighbours; False: by key.
        drop_last: Drop the last incomplete batch.
        epoch: First epoch, from 0. It advances when Keras reports the end of an epoch and all its batches
            were requested. (Keras also reports an end before the first epoch, and after the batch that
            builds the model.) With use_multiprocessing, every report advances it.
        options: Options of `pack.samples`, and `workers`, `use_multiprocessing`, `max_queue_size` of Keras.

    Raises:
        UsageError: As in `pack.samples`.
    """

    def __init__(
        self,
        pack: Pack,
        *,
        batch_size: int = 32,
        shuffle: Shuffle = True,
        drop_last: bool = False,
        epoch: int = 0,
        **options: Any,  # noqa: ANN401  # pack.samples checks them
    ) -> None:
        of_keras = ("workers", "use_multiprocessing", "max_queue_size")
        super().__init__(**{name: options.pop(name) for name in of_keras if name in options})
        self.samples = pack.samples(**options)
        self.broken: dict[str, str] = {}
        """Key of an image that gave no pixels in this process -> what is wrong with it."""
        count = len(self.samples)
        self._order = Order(count=count, seed=self.samples.options.seed, epoch=epoch, shuffle=shuffle)
        self._sharding = Sharding(count=count, batch_size=batch_size, drop_last=drop_last)
        self._asked: set[int] = set()  # batches of this epoch

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._sharding.n_steps()

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401  # as many things as there are options
        """Return one batch of the epoch; can be called from any thread.

        Raises:
            IndexError: The index is out of range.
            ImageError: An image is broken and on_error is "raise", or all are broken and it is "skip".
        """
        order, size = self._order, self._sharding.batch_size
        number = range(len(self))[index]
        begin = number * size
        rows = order.rows_at(np.arange(begin, min(begin + size, order.count), dtype=np.int64))
        batch = self.samples.batch(rows.tolist(), epoch=order.epoch)
        note(batch, self.broken, on_error=self.samples.options.on_error)
        self._asked.add(number)
        inputs = {"image": batch.images, **batch.columns} if batch.columns else batch.images
        return inputs if batch.labels is None else (inputs, batch.labels)

    @property
    def classes(self) -> list[Any] | None:
        """The classes, sorted; a label is a position in this list. None without `label`."""
        return self.samples.classes

    @property
    def class_to_idx(self) -> dict[Any, int]:
        """Class -> label, as in ImageFolder; empty without `label`."""
        return self.samples.class_to_idx

    @property
    def epoch(self) -> int:
        """The current epoch, from 0."""
        return self._order.epoch

    def on_epoch_end(self) -> None:
        """Move to the next epoch if all batches of this one were requested; Keras calls it."""
        if self.use_multiprocessing or len(self._asked) == len(self):
            self._order = replace(self._order, epoch=self._order.epoch + 1)
            self._asked.clear()
