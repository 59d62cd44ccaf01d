"""PyTorch: `ImageDataset` is a map-style dataset for DataLoader; `ImageBatches` yields whole batches.

Both return images as uint8 tensors with the channels first, 0..255, RGB. They are views in memory format
"channels_last", which convolutions prefer; nothing is copied.
"""

from __future__ import annotations

import inspect
import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from packhouse._src.loader.broken import note
from packhouse._src.loader.outputs import Output, Transform, check_output, pictures_of, transformed
from packhouse._src.loader.shared_epochs import SLOTS, UNKNOWN, SharedEpochs
from packhouse._src.loader.worker_loader import WorkerLoader
from packhouse.errors import MissingDependencyError, UsageError

try:
    import torch
    from torch import distributed
    from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate, get_worker_info
except ImportError as err:
    raise MissingDependencyError(
        f"packhouse.torch needs PyTorch: {err}", hint='pip install "packhouse[torch]"'
    ) from err

if TYPE_CHECKING:
    from packhouse._src.loader.batch import Batch
    from packhouse._src.loader.loader import Loader
    from packhouse._src.loader.samples import Samples
    from packhouse._src.opening import Pack

_NUMBERS = "biuf"
_NOT_SAID = -1
_MOST_CALLERS = 16
_MOST_CHECKS = 4
"""Frames between DataLoader's own and ours: those of the abstract base class that it asks for."""

_SHARE_BY_THEMSELVES = frozenset({"DataLoaderDispatcher", "IterableDatasetShard"})
"""Classes of accelerate that share out what a single rank gives."""


class ImageDataset(Dataset[Any]):
    """Selected images of a pack as a map-style dataset: `pack.samples` for PyTorch.

    A sample is the image, (channels, height, width) uint8. With `label` it is (image, label) as in
    ImageFolder, with an int as label. With `columns` a dict of their values comes last. DataLoader requests
    the samples of a batch together: they are read at once and decoded on `threads` threads. By default the
    worker processes of DataLoader share the cores. `samples` has the keys and labels, in index order.

    It pickles to less than 4 KB, so worker processes start fast with any start method.

    Args:
        pack: The pack.
        output: What an image is, and what `transform` is called with. "tensor": (channels, height, width)
            uint8; "numpy": (height, width, channels) uint8, as albumentations and OpenCV expect; "pil": a
            Pillow image, as ImageFolder returns and transforms such as ToTensor expect.
        transform: Called with each image, returns what replaces it; runs in one thread of each process.
        options: See `pack.samples`. With on_error="skip", broken images make a batch shorter.

    Raises:
        UsageError: As in `pack.samples`.
    """

    def __init__(
        self,
        pack: Pack,
        *,
        output: Output = "tensor",
        transform: Transform | None = None,
        **options: Any,  # noqa: ANN401  # pack.samples checks them
    ) -> None:
        check_output(output)
        self.samples = pack.samples(**options)
        self.output = output
        self.transform = transform
        self.broken: dict[str, str] = {}
        """Key of an image that gave no pixels in this process -> what is wrong with it."""
        self._is_sharing = False  # of a worker: whether it has left the others their cores
        self._epoch = torch.full((), _NOT_SAID, dtype=torch.int64).share_memory_()  # workers see it change

    def __repr__(self) -> str:
        """Return how many of what, how many classes, and in which form."""
        return f"<ImageDataset: {_described(self.samples, self.output, self.transform)}>"

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401  # as many things as there are options
        """Return one sample.

        Raises:
            IndexError: The index is out of range.
            ImageError: The image is broken and on_error is not "blank": one sample cannot be skipped.
        """
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return several samples, read and decoded together.

        Args:
            indices: Indices of the samples.

        Returns:
            The samples in this order; `collate` makes a batch of them without copying.

        Raises:
            IndexError: The index is out of range.
            ImageError: An image is broken and on_error is "raise", or all are broken and it is "skip".
        """
        self._share_cores()
        batch = self.samples.batch(indices, epoch=self._epoch_now())
        note(batch, self.broken, on_error=self.samples.options.on_error)
        images, labels, columns = _parts_of(batch, self.output)
        pictures = images.unbind() if isinstance(images, torch.Tensor) else list(images)
        if self.transform is not None:
            pictures = transformed(self.transform, pictures)
        elif isinstance(images, np.ndarray):
            images = torch.from_numpy(images)  # in a batch, as PyTorch's own collate has it
        numbers = [None] * len(batch) if labels is None else labels.tolist()
        samples = _Samples(
            _together(picture, number, {name: values[place] for name, values in columns.items()})
            for place, (picture, number) in enumerate(zip(pictures, numbers, strict=True))
        )
        samples.whole = None if self.transform else _together(images, labels, columns)
        return samples

    @property
    def classes(self) -> list[Any] | None:
        """The classes, sorted; a label is a position in this list. None without `label`."""
        return self.samples.classes

    @property
    def class_to_idx(self) -> dict[Any, int]:
        """Class -> label, as in ImageFolder; empty without `label`."""
        return self.samples.class_to_idx

    @property
    def targets(self) -> list[int] | None:
        """The label of each sample, as in ImageFolder; None without `label`."""
        return self.samples.targets

    @property
    def imgs(self) -> list[tuple[str, int | None]]:
        """(path of the original file below the packed folder, label) of each sample, as in ImageFolder."""
        samples = self.samples
        targets: Sequence[int | None] = samples.targets or [None] * len(samples)
        return list(zip(samples.file_names, targets, strict=True))

    def set_epoch(self, epoch: int) -> None:
        """Set the next epoch. Random crops and flips are a function of (seed, epoch, sample).

        Before the first call they come from PyTorch's generator, like the transforms of torchvision: new ones
        each time, repeatable with torch.manual_seed.

        Args:
            epoch: From 0. Worker processes get it too, persistent ones before their next batch.
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
    """Make a batch of samples; use it as `DataLoader(..., collate_fn=collate)`.

    Args:
        samples: What the dataset returned.

    Returns:
        The same as PyTorch's collate, but contiguous images are not copied: (batch, channels, height, width)
        uint8, in memory format "channels_last". Columns that are not numbers, images of different sizes and
        Pillow images are lists.

    Cost: none without a transform; with one, that of PyTorch's collate.
    """
    whole = getattr(samples, "whole", None)
    return default_collate(samples) if whole is None else whole


class ImageBatches(IterableDataset[Any]):
    """Whole batches, in an order that can be resumed anywhere: `pack.loader` for PyTorch.

    A batch is the images, (batch, channels, height, width) uint8. With `label` it is (images, labels), with
    labels (batch,) int64. With `columns` a dict comes last: tensors for numbers, lists for anything else.
    With size=None the images are a list.

    It reads and decodes ahead on threads, so `for batch in batches` is enough. With a GPU, use
    `DataLoader(batches, batch_size=None, pin_memory=True)`. You do not need DataLoader workers; if you use
    them, they share the batches of this rank, in the same order as without workers.

    Where `torch.distributed` is initialized, or `torchrun` has started the process, each rank gives its own
    share of the images: the rank is looked up whenever an epoch begins. Lightning and plain DDP need nothing
    else. `accelerate` shares out by itself what a prepared DataLoader gives: either leave this one out of
    `prepare`, or pass rank=0, world_size=1.

    Args:
        pack: The pack.
        output: What an image is, and what `transform` is called with; see `ImageDataset`. Without a transform
            "numpy" returns (batch, height, width, channels) arrays, and "pil" lists.
        transform: Called with each image, returns what replaces it; PyTorch's collate makes a batch of the
            results. Runs in one thread of each process.
        rank: Rank of this process [default: from torch.distributed, else 0].
        world_size: Number of ranks [default: from torch.distributed, else 1].
        options: See `pack.loader`.

    Raises:
        UsageError: See `pack.loader`.
    """

    def __init__(  # as the user writes them
        self,
        pack: Pack,
        *,
        output: Output = "tensor",
        transform: Transform | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        **options: Any,  # noqa: ANN401  # pack.loader checks them
    ) -> None:
        check_output(output)
        self.output = output
        self.transform = transform
        self._rank, self._world_size = rank, world_size
        rank, world_size = self._place_of_rank() or (rank or 0, world_size or 1)
        self.loader: Loader = pack.loader(rank=rank, world_size=world_size, **options)
        self._worker: WorkerLoader | None = None
        self._shared_epochs = SharedEpochs(torch.full((SLOTS,), UNKNOWN, dtype=torch.int64).share_memory_())
        self._shared_epochs.tell(*self.loader.next_place)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle, without that of a worker."""
        self._find_rank()  # a worker process that is started anew is not in the process group
        return {**self.__dict__, "_worker": None}

    def __repr__(self) -> str:
        """Return batches, rank, classes and output."""
        sharding = self.loader.sharding
        rank = f", rank {sharding.rank} of {sharding.world_size}" if sharding.world_size > 1 else ""
        described = _described(self.loader.samples, self.output, self.transform)
        return f"<ImageBatches: {len(self):,} batches of {sharding.batch_size}{rank}, {described}>"

    def __len__(self) -> int:
        """Return the number of batches in an epoch for this rank, with or without workers."""
        self._find_rank()
        return len(self.loader)

    @property  # type: ignore[misc]  # it is never set
    def __class__(self) -> type[ImageBatches]:
        """The class. When a DataLoader is made, it does no more with a dataset than to ask for this.

        Raises:
            UsageError: A DataLoader that is being made has a batch_size.
        """
        frame, depth = inspect.currentframe(), 0
        while frame is not None and depth < _MOST_CHECKS:
            said = frame.f_locals
            # not isinstance, which would ask here again
            if issubclass(type(said.get("self")), DataLoader) and said.get("dataset") is self:
                if said.get("batch_size") is not None:
                    _refuse_batches_of_batches()
                break
            frame, depth = frame.f_back, depth + 1
        return type(self)

    def __iter__(self) -> Iterator[Any]:
        """Start an epoch, or resume from a loaded state.

        Raises:
            UsageError: A DataLoader has a batch_size, which would make batches of batches; or accelerate
                would split the batches of this rank.
        """
        self._refuse_callers()
        worker, here = get_worker_info(), self._here()
        if worker is None or not isinstance(here, WorkerLoader):
            return map(self._given, here)
        generation = worker.seed - worker.id  # PyTorch draws it for each set of workers
        self._shared_epochs.begin_next(here, generation)
        batches = iter(here)
        self._shared_epochs.note(here.epoch, generation)
        return map(self._given, batches)

    def _given(self, batch: Batch) -> Any:  # noqa: ANN401
        images, labels, columns = _parts_of(batch, self.output)
        if self.transform is not None:
            pictures = images.unbind() if isinstance(images, torch.Tensor) else list(images)
            results = transformed(self.transform, pictures)
            is_sized = self.loader.samples.options.size is not None
            images = default_collate(results) if results and is_sized else results
        return _together(images, labels, columns)

    def _place_of_rank(self) -> tuple[int, int] | None:
        """Return rank and number of ranks; None where nothing but defaults says them."""
        found = _distributed_rank()
        rank, world_size = self._rank, self._world_size
        if found is None or (rank is not None and world_size is not None):
            return None if rank is None and world_size is None else (rank or 0, world_size or 1)
        world_size = found[1] if world_size is None else world_size
        if rank is None:
            rank = 0 if world_size == 1 else found[0]
        return rank, world_size

    def _find_rank(self) -> None:
        """Take the share of this process's rank, which may have got one since the last epoch."""
        place = self._place_of_rank()
        sharding = self.loader.sharding
        if self._worker is None and place not in (None, (sharding.rank, sharding.world_size)):
            rank, world_size = place
            self.loader.share(rank=rank, world_size=world_size)

    def _refuse_callers(self) -> None:
        """Refuse a DataLoader that makes batches itself, and accelerate where ranks share already."""
        frame, depth = inspect.currentframe(), 0
        shares = self._rank is None and self._world_size is None and _distributed_rank() not in (None, (0, 1))
        while frame is not None and depth < _MOST_CALLERS:
            caller = frame.f_locals.get("self")
            if caller is not self and getattr(caller, "auto_collation", False) is True:
                _refuse_batches_of_batches()
            if shares and any(kind.__name__ in _SHARE_BY_THEMSELVES for kind in type(caller).__mro__):
                raise UsageError(
                    "each rank gives its own share, and accelerate would share out that of one rank again",
                    hint="do not pass it to prepare(); or ImageBatches(..., rank=0, world_size=1)",
                )
            frame, depth = frame.f_back, depth + 1

    @property
    def classes(self) -> list[Any] | None:
        """The classes, sorted; a label is a position in this list. None without `label`."""
        return self.loader.classes

    @property
    def class_to_idx(self) -> dict[Any, int]:
        """Class -> label, as in ImageFolder; empty without `label`."""
        return self.loader.class_to_idx

    @property
    def targets(self) -> list[int] | None:
        """The labels of all samples of all ranks, in the order of their keys; None without labels."""
        return self.loader.targets

    def set_epoch(self, epoch: int) -> None:
        """Set the next epoch. Otherwise epochs are counted automatically, in workers too.

        Args:
            epoch: From 0.

        Raises:
            UsageError: It is less than 0, or not a whole number.
        """
        self.loader.set_epoch(epoch)
        self._shared_epochs.tell(*self.loader.next_place)

    def state_dict(self) -> dict[str, Any]:
        """Return the state after the last batch, like `pack.loader(...).state_dict`.

        torchdata's StatefulDataLoader and Lightning call it. In a worker it is the state of this worker: only
        the same worker, of the same number of workers, can resume from it.
        """
        return dict(self._here().state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a state: the next loop yields the rest of its epoch.

        Args:
            state: What `state_dict` returned.

        Raises:
            StateMismatchError: It belongs to other images, another selection, another seed or another order.
        """
        here = self._here()
        here.load_state_dict(state)
        if here is self.loader:
            self._shared_epochs.tell(*self.loader.next_place)
        else:
            self._shared_epochs.placed()

    def _here(self) -> Loader | WorkerLoader:
        worker = get_worker_info()
        self._find_rank()
        if worker is None:
            return self.loader
        if self._worker is None:
            self.loader.samples.share_cores(worker.num_workers)
            self._worker = WorkerLoader(self.loader, worker.id, worker.num_workers)
        return self._worker


def _distributed_rank() -> tuple[int, int] | None:
    """Return rank and number of ranks of this process; None where it is not one of several."""
    if not distributed.is_available():
        return None
    if distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    if distributed.is_torchelastic_launched():  # by torchrun, and not initialized yet
        return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    return None


def _refuse_batches_of_batches() -> NoReturn:
    raise UsageError(
        "ImageBatches gives whole batches, and this DataLoader would make batches of them",
        hint="DataLoader(batches, batch_size=None); ImageBatches(batch_size=...) has the size",
    )


def _described(samples: Samples, output: str, transform: object) -> str:
    classes = "" if samples.classes is None else f", {len(samples.classes):,} classes"
    form = f"output={output!r}" + ("" if transform is None else ", transformed")
    return f"{samples!r}"[1:-1] + f"{classes}, {form}"


def _together(images: Any, labels: Any, columns: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a sample or a batch in the form that was asked for by asking for labels and columns."""
    parts = [images]
    if labels is not None:
        parts.append(labels)
    if columns:
        parts.append(columns)
    return tuple(parts) if len(parts) > 1 else images


def _parts_of(batch: Batch, output: str) -> tuple[Any, Any, dict[str, Any]]:
    """Return images in the form that was asked for, labels and columns."""
    images: Any
    if output != "tensor":
        images = pictures_of(batch) if output == "pil" else batch.images
    elif isinstance(batch.images, list):
        images = [torch.from_numpy(image).permute(2, 0, 1) for image in batch.images]
    else:
        images = torch.from_numpy(batch.images).permute(0, 3, 1, 2)
    labels = None if batch.labels is None else torch.from_numpy(batch.labels)
    return images, labels, {name: _tensor_of(values) for name, values in batch.columns.items()}


def _tensor_of(values: NDArray[Any]) -> Any:  # noqa: ANN401
    if values.dtype.kind in _NUMBERS:
        return torch.from_numpy(np.ascontiguousarray(values))
    return values.tolist()
