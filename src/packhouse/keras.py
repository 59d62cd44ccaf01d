"""Keras 3: `ImageSequence` feeds whole batches to `fit`, `evaluate` and `predict`, on any backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packhouse._src.loader.broken import note
from packhouse._src.loader.order.order import Order, Shuffle
from packhouse._src.loader.order.sharding import Sharding
from packhouse._src.loader.sampling.sampler_options import SamplerName, SamplerOptions, Weights, drawing_of
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
        sampler: See `pack.loader`; also for the next three.
        weights: See `pack.loader`.
        replacement: See `pack.loader`.
        epoch_size: See `pack.loader`.
        drop_last: Drop the last incomplete batch.
        epoch: First epoch, from 0. It advances when Keras reports the end of an epoch and all its batches
            were requested. (Keras also reports an end before the first epoch, and after the batch that
            builds the model.) With use_multiprocessing, every report advances it.
        options: Options of `pack.samples`, and `workers`, `use_multiprocessing`, `max_queue_size` of Keras.

    Raises:
        UsageError: As in `pack.samples`.
    """

    def __init__(  # noqa: PLR0913  # as the user writes them
        self,
        pack: Pack,
        *,
        batch_size: int = 32,
        shuffle: Shuffle = True,
        sampler: SamplerName | None = None,
        weights: Weights | None = None,
        replacement: bool | None = None,
        epoch_size: int | None = None,
        drop_last: bool = False,
        epoch: int = 0,
        **options: Any,  # noqa: ANN401  # pack.samples checks them
    ) -> None:
        of_keras = ("workers", "use_multiprocessing", "max_queue_size")
        super().__init__(**{name: options.pop(name) for name in of_keras if name in options})
        self.samples = pack.samples(**options)
        self.broken: dict[str, str] = {}
        """Key of an image that gave no pixels in this process -> what is wrong with it."""
        of_sampler = SamplerOptions(
            sampler=sampler, weights=weights, replacement=replacement, epoch_size=epoch_size
        )
        seed, count = self.samples.options.seed, len(self.samples)
        order = Order(count=count, seed=seed, epoch=epoch, shuffle=shuffle)
        self._drawing = drawing_of(self.samples, of_sampler, order)
        self._sharding = Sharding(count=self._drawing.order.count, batch_size=batch_size, drop_last=drop_last)
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
        drawing, size = self._drawing, self._sharding.batch_size
        number = range(len(self))[index]
        begin = number * size
        positions = np.arange(begin, min(begin + size, drawing.order.count), dtype=np.int64)
        batch = self.samples.drawn(drawing, positions)
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
        return self._drawing.order.epoch

    def on_epoch_end(self) -> None:
        """Move to the next epoch if all batches of this one were requested; Keras calls it."""
        if self.use_multiprocessing or len(self._asked) == len(self):
            self._drawing = self._drawing.in_epoch(self.epoch + 1)
            self._asked.clear()
