"""`pack.samples(...)`: selected images with labels and columns, any of them at any time."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from packhouse._src.concurrency.once import once
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.images.cropping import DRAWS
from packhouse._src.images.decoding import CHANNELS
from packhouse._src.loader.batch import Batch, Broken, Sample
from packhouse._src.loader.choice.choosing import Choice, choose_rows
from packhouse._src.loader.choice.dividing import SplitShares
from packhouse._src.loader.choice.labelling import (
    NO_LABEL,
    Labels,
    columns_of,
    labels_of,
    refuse_unlabelled,
    warn_of_few,
)
from packhouse._src.loader.decode.batch_filling import Failures, Part, fill, gather, parts_of
from packhouse._src.loader.decode.decode_threads import Workers
from packhouse._src.loader.order.chance import draws
from packhouse._src.loader.sample_options import SampleOptions, whole
from packhouse._src.loader.sampling.epoch_draws import Drawing
from packhouse._src.loader.store_choice import store_for
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.per_image import image_column, source_of
from packhouse._src.tables.table import Tables
from packhouse.errors import ImageError, LoaderError, UsageError, Where


class Packed(Protocol):
    """What samples need of a pack, which is in a higher layer; it is pickled as its path."""

    @property
    def images(self) -> ImageStore: ...
    @property
    def derived(self) -> Mapping[int, ImageStore]: ...
    @property
    def tables(self) -> Tables: ...
    @property
    def links(self) -> tuple[LinkedColumns, ...]: ...
    @property
    def manifest(self) -> dict[str, Any]: ...


class Samples(Sequence[Sample]):
    """Selected images of a pack with their labels and columns, in the order of their keys.

    Safe to share between threads and to use after fork. It is pickled as path and options, and selects the
    images again when it is loaded.

    Args:
        pack: The pack.
        options: Which images, and how to decode them.

    Raises:
        UsageError: The options do not fit the pack, or leave no image.
        QueryError: `where` is not one condition, or does not fit the columns.
        CorruptStoreError: A part of the pack that is needed is damaged.
    """

    def __init__(self, pack: Packed, options: SampleOptions) -> None:
        self.options = options
        self._pack = pack
        of_pack = (pack.images, pack.tables, pack.links)
        strata_of = self._classes_of if options.stratify else None
        choice = choose_rows(*of_pack, options.selection, strata_of)
        self.rows: NDArray[np.int64] = choice.rows
        self._unlabelled = self.rows[:0]
        self._labels: Labels | None = None
        if options.label is not None:
            self._label(labels_of(*of_pack, options.label, choice))
        self._choice = choice
        self.columns = columns_of(pack.tables, pack.links, options.columns, self.rows)
        self.store = store_for(pack.images, pack.derived, options)
        self._workers = Workers(options.n_threads)

    def _label(self, labels: Labels) -> None:
        """Take the labels, and leave out the images that have none if that was asked for."""
        has_label = labels.numbers != NO_LABEL
        self._unlabelled = self.rows[~has_label]
        if len(self._unlabelled):
            options, pack = self.options, self._pack
            if options.on_unlabelled == "raise" or not has_label.any():
                of_pack = (pack.images, pack.tables, pack.links)
                has_any = bool(has_label.any())
                refuse_unlabelled(*of_pack, str(options.label), self._unlabelled, has_any=has_any)
            warn_of_few(str(options.label), int(has_label.sum()), len(has_label))
            self.rows = self.rows[has_label]
        self._labels = Labels(labels.classes, labels.numbers[has_label])

    def __reduce__(self) -> tuple[type[Samples], tuple[Packed, SampleOptions]]:
        """Return pack and options for pickle."""
        return (Samples, (self._pack, self.options))

    def __repr__(self) -> str:
        """Return the number of samples and their file."""
        count = len(self._unlabelled)
        left_out = f", {count:,} without a label left out" if count else ""
        return f"<Samples: {len(self):,} of {len(self._pack.images):,} images in {self.store.path}{left_out}>"

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Return one sample, or those of a slice, for epoch 0; otherwise like `batch`.

        Raises:
            IndexError: An index is out of range.
            ImageError: As in `batch`; also with on_error="skip", since one sample cannot be left out.
        """
        if isinstance(index, slice):
            batch = self.batch(range(len(self))[index])
            return [batch.sample(place) for place in range(len(batch))]
        batch = self.batch([index])
        if not len(batch):
            raise ImageError(
                batch.broken[0].problem,
                where=Where(file=str(self.store.path), member=batch.broken[0].key),
                hint='samples.batch(...) skips it; on_error="blank" returns a black image',
            )
        return batch.sample(0)

    @property
    def threads(self) -> int:
        """Number of threads that read and decode."""
        return self._workers.count

    def share_cores(self, processes: int) -> None:
        """Use a share of the cores, unless `threads` is set.

        Args:
            processes: Number of processes that do the same work on this machine, including this one.
        """
        if self.options.threads is None and processes > 1:
            self._workers = Workers(max(1, self.options.n_threads // processes))

    @property
    def classes(self) -> list[Any] | None:
        """The classes, sorted; a label is a position in this list. None without `label`."""
        return None if self._labels is None else self._labels.classes

    @property
    def class_to_idx(self) -> dict[Any, int]:
        """Class -> label, as in ImageFolder; empty without `label`."""
        return {name: label for label, name in enumerate(self.classes or ())}

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """(samples,) int64, the labels of all samples; None without `label`."""
        return None if self._labels is None else self._labels.numbers

    @property
    def targets(self) -> list[int] | None:
        """The labels of all samples as a list, as in ImageFolder; None without `label`."""
        return None if self.labels is None else self.labels.tolist()

    @property
    def unlabelled(self) -> list[str]:
        """Keys of the selected images that are left out because they have no label."""
        return [self.originals.index.key_of(row) for row in self._unlabelled.tolist()]

    @property
    def originals(self) -> ImageStore:
        """The images of the pack, even if the pixels come from a derived store."""
        return self._pack.images

    @property
    def store_name(self) -> str:
        """File of the images within the pack: images.h5, or that of a derived store."""
        return self.store.path.relative_to(self.originals.path.parent).as_posix()

    def numbers_of(self, column: str) -> NDArray[Any]:
        """Return one number for each sample, from a column.

        Args:
            column: Of image_index or a linked table: "weight", or "articles.weight".

        Returns:
            (samples,) integers or floats, in the order of the keys.

        Raises:
            ColumnNotFoundError: There is no such column; the error names similar ones.
            UsageError: It is not a column of numbers, or an image has no value.
            CorruptStoreError: A table is missing or damaged.
        """
        tables, links = self._pack.tables, self._pack.links
        read = image_column(tables, links, source_of(tables, links, column))
        found = read.numbers(self.rows)
        if found is not None:
            return found
        missing = self.rows[read.coded()[1][self.rows] < 0]
        if not len(missing):
            raise UsageError(f"{column!r} is a column of {read.type_name}, not of numbers")
        raise UsageError(
            f"{column!r}: {len(missing):,} of the chosen images have no value, "
            f"such as {self.originals.index.key_of(int(missing[0]))}",
            hint=f'where="{column} IS NOT NULL" leaves them out',
        )

    def _classes_of(self, choice: Choice) -> NDArray[np.int64]:
        pack = self._pack
        return labels_of(pack.images, pack.tables, pack.links, str(self.options.label), choice).numbers

    @once
    def split_shares(self) -> SplitShares | None:
        """How near `val` and `test` come to their fractions, in all and in each class; `print` shows it.

        None if nothing was divided.
        """
        parts, n_classes = self._choice.parts, len(self.classes or ())
        if parts is None:
            return None
        counts = {split: len(rows) for split, rows in parts.items()}
        of_classes: dict[str, list[int]] = {}
        for split, rows in parts.items() if n_classes else ():
            numbers = self._classes_of(replace(self._choice, rows=rows))
            of_classes[split] = np.bincount(numbers[numbers != NO_LABEL], minlength=n_classes).tolist()
        classes = {
            name: {split: of_classes[split][place] for split in parts}
            for place, name in enumerate(self.classes or ())
        }
        held = {name: counts for name, counts in classes.items() if any(counts.values())}
        return SplitShares(counts, self.options.selection.fractions, held)

    @once
    def keys(self) -> list[str]:
        """The keys of all samples, sorted."""
        every = list(self._pack.images)
        return every if len(every) == len(self) else [every[row] for row in self.rows.tolist()]

    @once
    def file_names(self) -> list[str]:
        """Paths of the original files below the packed folder, in the order of the keys."""
        every = self.originals.index.file_names()
        return every if len(every) == len(self) else [every[row] for row in self.rows.tolist()]

    @once
    def fingerprint(self) -> str:
        """32 hex digits that identify the images of the pack and the selection."""
        of_images = str(self._pack.manifest["images"]["digest"])
        return digest_of(of_images.encode() + self.rows.astype("<i8").tobytes()).hex()

    def batch(self, indices: Iterable[int], *, epoch: int = 0) -> Batch:
        """Return some samples.

        Args:
            indices: Positions from 0 to len(self) - 1, negative ones from the end; in any order, repeats are
                allowed.
            epoch: Random crops and flips depend on it.

        Returns:
            The samples in the order of `indices`.

        Raises:
            IndexError: An index is out of range.
            ImageError: An image cannot be decoded, and on_error is "raise".
            CorruptStoreError: Bytes do not match their digest, and on_error is "raise".

        Cost: reads in the order of the file, with one call for neighbours, and decodes on `threads` threads.
        """
        return PendingBatch(self, self._checked(indices), whole("epoch", epoch)).finish()

    def drawn(self, drawing: Drawing, positions: NDArray[np.int64]) -> Batch:
        """Return the samples that come at some positions of an epoch; otherwise like `batch`.

        Args:
            drawing: Which samples come where, and the epoch.
            positions: From 0, each below the number of draws.
        """
        return self.start(drawing, positions).finish()

    def start(self, drawing: Drawing, positions: NDArray[np.int64]) -> PendingBatch:
        """Start to read and decode what comes at some positions of an epoch; as `drawn`."""
        places, numbers = drawing.places_at(positions), drawing.draws_at(positions)
        return PendingBatch(self, places, drawing.order.epoch, numbers)

    def _checked(self, indices: Iterable[int]) -> NDArray[np.int64]:
        places = [operator.index(index) for index in indices]
        count = len(self)
        for place in places:
            if not -count <= place < count:
                raise IndexError(f"sample {place} is out of range: there are {count:,} samples")
        return np.array([place % count for place in places], dtype=np.int64)


class PendingBatch:
    """A batch that is being read and decoded.

    Args:
        samples: The samples that it is part of.
        indices: Positions of its samples, not negative.
        epoch: Random crops and flips depend on it.
        numbers: Of the draws, where an image can come twice: crops and flips depend on them then.
    """

    def __init__(
        self,
        samples: Samples,
        indices: NDArray[np.int64],
        epoch: int,
        numbers: NDArray[np.int64] | None = None,
    ) -> None:
        self._samples = samples
        self._indices = indices
        self._process = os.getpid()
        self._rows = samples.rows[indices]
        self._workers = samples._workers  # noqa: SLF001  # one thing in two parts
        options, store = samples.options, samples.store
        self._images: NDArray[np.uint8] | list[NDArray[Any] | None]
        if options.size is None:
            self._images = [None] * len(indices)
        else:
            shape = len(indices), *options.size, CHANNELS[options.mode]
            self._images = self._workers.buffers.take(shape)
        chances = None
        if options.is_by_chance:
            if numbers is None:
                chances = draws(self._rows, DRAWS, seed=options.seed, epoch=epoch)
            else:
                chances = draws(numbers, DRAWS, seed=options.seed, epoch=0)
        parts = parts_of(store, self._rows, self._workers.count)
        self._futures: list[Future[Failures]] = [
            self._workers.submit(partial(self._do, part, chances)) for part in parts
        ]

    def _do(self, part: Part, chances: NDArray[np.float64] | None) -> Failures:
        store, options = self._samples.store, self._samples.options
        if isinstance(self._images, list):
            return gather(store, part, self._images, options.wanted)
        return fill(store, part, self._images, options.wanted, chances, self._workers.scratch)

    def finish(self) -> Batch:
        """Wait until it is complete.

        Returns:
            The batch.

        Raises:
            ImageError: An image cannot be decoded, and on_error is "raise": the first of the batch.
            CorruptStoreError: Bytes do not match their digest, and on_error is "raise".
            LoaderError: It was started before this process was forked.
        """
        if self._process != os.getpid():
            raise LoaderError(
                "this loop was started before this process was forked",
                hint="start a new loop in this process: for batch in loader",
            )
        failures: Failures = {}
        try:
            for future in self._futures:
                failures.update(future.result())
        except BaseException:  # Ctrl-C too
            self.cancel()
            raise
        if failures and self._samples.options.on_error == "raise":
            raise failures[min(failures)]
        return self._assemble(failures)

    def cancel(self) -> None:
        """Cancel the work that has not started."""
        if self._process == os.getpid():  # else a thread that stayed behind may hold their locks
            for future in self._futures:
                future.cancel()

    def _assemble(self, failures: Failures) -> Batch:
        samples, key_of = self._samples, self._samples.store.index.key_of
        kept = np.ones(len(self._indices), bool)
        kept[list(failures)] = samples.options.on_error != "skip"
        images: NDArray[np.uint8] | list[NDArray[Any]]
        if isinstance(self._images, list):
            images = [image for image in self._images if image is not None]
        else:
            self._images[list(failures)] = 0
            images = self._images if kept.all() else self._images[kept]
        indices, rows = self._indices[kept], self._rows.tolist()
        labels, columns = samples.labels, samples.columns
        return Batch(
            images=images,
            keys=[key_of(row) for row, is_kept in zip(rows, kept.tolist(), strict=True) if is_kept],
            labels=None if labels is None else labels[indices],
            columns={name: column.take(indices) for name, column in columns.items()},
            broken=tuple(Broken(key_of(rows[place]), failures[place].problem) for place in sorted(failures)),
        )
