"""Keras 3: `ImageSequence` gives `fit`, `evaluate` and `predict` whole batches, on any backend."""

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
    """Batches of chosen images, in another order each epoch, each image once.

    A batch is the images, (batch, height, width, channels) uint8, 0..255, RGB; with `label` it is (images,
    labels), labels (batch,) int64 as sparse losses take them. With `columns` the inputs are a dict, for
    models of several inputs: "image", and each column under its name.

    It shuffles by itself: give `fit(..., shuffle=False)`, which else shuffles the batches once more, by a
    generator without a seed. Images of a batch are read in one go and decoded on `threads` threads, so
    `workers=2` is enough to be a batch ahead; use_multiprocessing is not needed, but works.

    Args:
        pack: The pack.
        batch_size: Images in a batch; the last one of an epoch is shorter.
        shuffle: True: any image may come at any place; "window": windows of neighbours; False: by key.
        drop_last: Leave out the last batch where it is not full.
        epoch: The first one, from 0. It counts on when Keras says that one is over and all its batches were
            asked for: Keras says so before the first one too, and after a batch that it drew to build the
            model. With use_multiprocessing batches are asked for elsewhere, and each such word counts.
        options: Those of `pack.samples`, and `workers`, `use_multiprocessing` and `max_queue_size` of Keras.

    Raises:
        UsageError: As of `pack.samples`.
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
        """Return one batch of the epoch; any thread may ask.

        Raises:
            IndexError: There is no such batch.
            ImageError: An image is broken and on_error is "raise", or all are and it is "skip".
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
        """The classes, sorted; a label is a place in it. None where no label was asked for."""
        return self.samples.classes

    @property
    def epoch(self) -> int:
        """The epoch whose batches it gives, from 0."""
        return self._order.epoch

    def on_epoch_end(self) -> None:
        """Go to the next epoch if this one was given whole; Keras calls it."""
        if self.use_multiprocessing or len(self._asked) == len(self):
            self._order = replace(self._order, epoch=self._order.epoch + 1)
            self._asked.clear()
