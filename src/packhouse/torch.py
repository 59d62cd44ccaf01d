"""PyTorch: `ImageDataset` for its DataLoader, one sample at a time; `ImageBatches` gives whole batches.

Both give images as uint8 tensors with the channels first, 0..255, RGB. They are views of memory in which
the channels of a pixel lie side by side ("channels_last", which convolutions like best); nothing is copied.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from packhouse._src.loader.broken import note
from packhouse._src.loader.generations import SLOTS, UNKNOWN, Generations
from packhouse._src.loader.turns import TurnTaker
from packhouse.errors import MissingDependencyError

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, default_collate, get_worker_info
except ImportError as err:
    raise MissingDependencyError(
        f"packhouse.torch needs PyTorch: {err}", hint='pip install "packhouse[torch]"'
    ) from err

if TYPE_CHECKING:
    from packhouse._src.loader.batch import Batch
    from packhouse._src.loader.loader import Loader
    from packhouse._src.opening import Pack

_NUMBERS = "biuf"
_NOT_SAID = -1


class ImageDataset(Dataset[Any]):
    """Chosen images of a pack as a map-style dataset; `pack.samples` for PyTorch.

    A sample is the image, (channels, height, width) uint8; with `label` it is (image, label) as ImageFolder
    has it, label an int; with `columns` a dict of their values comes last. DataLoader asks for the samples of
    a batch together: they are read in one go and decoded on `threads` threads, of which its worker processes
    have a share each by default. `samples` has the rest: its keys and labels, in the order of the indices.

    Picklable in under 4 KB, so that worker processes start fast however they are started.

    Args:
        pack: The pack.
        transform: Called with each image, gives what stands in its place; runs in one thread.
        options: Those of `pack.samples`. With on_error="skip" a batch is shorter by what was broken.

    Raises:
        UsageError: As of `pack.samples`.
    """

    def __init__(
        self,
        pack: Pack,
        *,
        transform: Callable[[Any], Any] | None = None,
        **options: Any,  # noqa: ANN401  # pack.samples checks them
    ) -> None:
        self.samples = pack.samples(**options)
        self.transform = transform
        self.broken: dict[str, str] = {}
        """Key of an image that gave no pixels in this process -> what is wrong with it."""
        self._is_sharing = False  # of a worker: whether it has left the others their cores
        self._epoch = torch.full((), _NOT_SAID, dtype=torch.int64).share_memory_()  # workers see it change

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401  # as many things as there are options
        """Return one sample.

        Raises:
            IndexError: There is no such sample.
            ImageError: The image is broken and on_error is not "blank": one sample cannot be left out.
        """
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return several samples, read and decoded together.

        Args:
            indices: Their places.

        Returns:
            The samples in that order; `collate` makes a batch of them without copying.

        Raises:
            IndexError: There is no such sample.
            ImageError: An image is broken and on_error is "raise", or all are and it is "skip".
        """
        self._share_cores()
        batch = self.samples.batch(indices, epoch=self._epoch_now())
        note(batch, self.broken, on_error=self.samples.options.on_error)
        images, labels, columns = _tensors_of(batch)
        pictures = images.unbind() if isinstance(images, torch.Tensor) else images
        if self.transform is not None:
            pictures = [self.transform(picture) for picture in pictures]
        numbers = [None] * len(batch) if labels is None else labels.tolist()
        samples = _Samples(
            _together(picture, number, {name: values[place] for name, values in columns.items()})
            for place, (picture, number) in enumerate(zip(pictures, numbers, strict=True))
        )
        samples.whole = None if self.transform else _together(images, labels, columns)
        return samples

    @property
    def classes(self) -> list[Any] | None:
        """The classes, sorted; a label is a place in it. None where no label was asked for."""
        return self.samples.classes

    @property
    def class_to_idx(self) -> dict[Any, int]:
        """Class -> label, as ImageFolder has it."""
        return {name: label for label, name in enumerate(self.classes or ())}

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next: its random crops and flips are a function of (seed, epoch, sample).

        Before it is called for the first time they are drawn from PyTorch's generator, as transforms of
        torchvision are: new ones each time, which torch.manual_seed repeats.

        Args:
            epoch: From 0. Worker processes hear of it too, persistent ones before their next batch.
        """
        self._epoch.fill_(operator.index(epoch))

    def _share_cores(self) -> None:
        worker = get_worker_info()
        if worker is not None and not self._is_sharing:
            self.samples.share_cores(worker.num_workers)
            self._is_sharing = True

    def _epoch_now(self) -> int:
        epoch = int(self._epoch)
        if epoch == _NOT_SAID and self.samples.options.is_by_chance:
            return int(torch.randint(1 << 62, ()))
        return max(epoch, 0)


class _Samples(list[Any]):
    """Samples that know the batch they are views of."""

    whole: Any = None
    """What `collate` makes of them; None where it has to be made."""


def collate(samples: Sequence[Any]) -> Any:  # noqa: ANN401
    """Make a batch of samples, as `DataLoader(..., collate_fn=collate)`.

    Args:
        samples: What the dataset gave.

    Returns:
        What PyTorch's own collate makes of them, but images that lie in one piece of memory already are not
        copied into another: (batch, channels, height, width) uint8, in memory order "channels_last". Columns
        that are no numbers, and images of several sizes, are lists.

    Cost: nothing, unless there is a transform; then PyTorch's own.
    """
    whole = getattr(samples, "whole", None)
    return default_collate(samples) if whole is None else whole


class ImageBatches(IterableDataset[Any]):
    """Whole batches, in an order that can be resumed anywhere; `pack.loader` for PyTorch.

    A batch is the images, (batch, channels, height, width) uint8; with `label` it is (images, labels), labels
    (batch,) int64; with `columns` a dict comes last: a tensor of numbers, a list of anything else. Images of
    their stored sizes are a list.

    It reads and decodes ahead on threads, so `for batch in batches` is enough, or, where there is a GPU,
    `DataLoader(batches, batch_size=None, pin_memory=True)`. DataLoader's workers are not needed; they share
    the batches of this rank: the same ones, in the same order, as without workers.

    Args:
        pack: The pack.
        options: Those of `pack.loader`; `rank` and `world_size` are not taken from torch.distributed.

    Raises:
        UsageError: As of `pack.loader`.
    """

    def __init__(self, pack: Pack, **options: Any) -> None:  # noqa: ANN401  # pack.loader checks them
        self.loader: Loader = pack.loader(**options)
        self._turn: TurnTaker | None = None
        self._generations = Generations(torch.full((SLOTS,), UNKNOWN, dtype=torch.int64).share_memory_())
        self._generations.tell(*self.loader.next_place)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle as it is, but for what belongs to a worker."""
        return {**self.__dict__, "_turn": None}

    def __len__(self) -> int:
        """Return how many batches a whole epoch has, for this rank; workers do not change it."""
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        """Begin an epoch, or go on where a loaded state says."""
        worker, here = get_worker_info(), self._here()
        if worker is None or not isinstance(here, TurnTaker):
            return map(_as_tensors, here)
        generation = worker.seed - worker.id  # PyTorch draws it for each set of workers
        self._generations.begin_next(here, generation)
        batches = iter(here)
        self._generations.note(here.epoch, generation)
        return map(_as_tensors, batches)

    @property
    def classes(self) -> list[Any] | None:
        """The classes, sorted; a label is a place in it. None where no label was asked for."""
        return self.loader.classes

    @property
    def class_to_idx(self) -> dict[Any, int]:
        """Class -> label, as ImageFolder has it."""
        return {name: label for label, name in enumerate(self.classes or ())}

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; else they count by themselves, in workers too.

        Args:
            epoch: From 0.

        Raises:
            UsageError: It is less than 0, or no whole number.
        """
        self.loader.set_epoch(epoch)
        self._generations.tell(*self.loader.next_place)

    def state_dict(self) -> dict[str, Any]:
        """Return where it stands, behind the last batch given; as `pack.loader(...).state_dict`.

        torchdata's StatefulDataLoader and Lightning call it. In a worker it is the place of that worker, from
        which only the same one of as many can go on.
        """
        return dict(self._here().state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another stood: the next loop gives the rest of its epoch.

        Args:
            state: What `state_dict` returned.

        Raises:
            StateMismatchError: It is of other images, another choice of them, another seed or order.
        """
        here = self._here()
        here.load_state_dict(state)
        if here is self.loader:
            self._generations.tell(*self.loader.next_place)
        else:
            self._generations.placed()

    def _here(self) -> Loader | TurnTaker:
        worker = get_worker_info()
        if worker is None:
            return self.loader
        if self._turn is None:
            self.loader.samples.share_cores(worker.num_workers)
            self._turn = TurnTaker(self.loader, worker.id, worker.num_workers)
        return self._turn


def _as_tensors(batch: Batch) -> Any:  # noqa: ANN401
    return _together(*_tensors_of(batch))


def _together(images: Any, labels: Any, columns: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a sample or a batch in the form that was asked for by asking for labels and columns."""
    parts = [images]
    if labels is not None:
        parts.append(labels)
    if columns:
        parts.append(columns)
    return tuple(parts) if len(parts) > 1 else images


def _tensors_of(batch: Batch) -> tuple[Any, Any, dict[str, Any]]:
    images: Any
    if isinstance(batch.images, list):
        images = [torch.from_numpy(image).permute(2, 0, 1) for image in batch.images]
    else:
        images = torch.from_numpy(batch.images).permute(0, 3, 1, 2)
    labels = None if batch.labels is None else torch.from_numpy(batch.labels)
    return images, labels, {name: _tensor_of(values) for name, values in batch.columns.items()}


def _tensor_of(values: NDArray[Any]) -> Any:  # noqa: ANN401
    if values.dtype.kind in _NUMBERS:
        return torch.from_numpy(np.ascontiguousarray(values))
    return values.tolist()
