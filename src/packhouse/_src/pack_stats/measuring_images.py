"""`pack.stats()`: reads the facts of images from the index, and their pixels through the loader's threads."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from packhouse._src.loader.batch import Batch
from packhouse._src.loader.choice.labelling import NO_LABEL
from packhouse._src.loader.order.order import Order
from packhouse._src.loader.samples import PendingBatch, Samples
from packhouse._src.pack_stats.image_stats import ImageStats, Range
from packhouse._src.pack_stats.pixel_sums import Moments, PixelSums
from packhouse._src.pack_stats.stats_cache import load_moments, save_moments
from packhouse._src.tables.table import Tables
from packhouse.errors import UsageError
from packhouse.progress import Observer, task

BATCH = 256
AHEAD = 2
FACTS = ("width", "height", "orientation", "length", "media_type")
ON_ITS_SIDE = 5


def measure(samples: Samples, tables: Tables, *, sample: int | None, observer: Observer) -> ImageStats:
    """Measure chosen images.

    Args:
        samples: They, with on_error="skip".
        tables: The tables of their pack.
        sample: Read the pixels of so many only, chosen by the seed of the samples; None: of all.
        observer: Progress callback.

    Raises:
        UsageError: `sample` is less than 1.
        CorruptStoreError: A part of the pack that is needed is damaged.
    """
    if sample is not None and sample < 1:
        raise UsageError(f"sample={sample}: the number of images to read, at least 1")
    places = _chosen(len(samples), sample, samples.options.seed)
    moments, broken = _pixels(samples, places, observer)
    facts = tables["image_index"].scan(list(FACTS)).to_arrow().take(samples.rows)
    width, height = _upright(*(_numbers(facts, name) for name in ("width", "height", "orientation")))
    lengths = _numbers(facts, "length")
    known = (width > 0) & (height > 0)
    kinds = Counter(kind or "unknown" for kind in facts["media_type"].to_pylist())
    return ImageStats(
        images=len(samples),
        bytes=int(lengths.sum()),
        formats=dict(kinds.most_common()),
        file_bytes=_range(lengths),
        width=_range(width[known]),
        height=_range(height[known]),
        aspect=_range(width[known] / height[known]),
        classes=_classes(samples),
        unlabelled=len(samples.unlabelled),
        size=samples.options.size,
        measured=len(places) - len(broken),
        broken=broken,
        pixels=moments,
    )


def _chosen(count: int, sample: int | None, seed: int) -> NDArray[np.int64]:
    if sample is None or sample >= count:
        return np.arange(count)
    return np.sort(Order(count=count, seed=seed).rows_at(np.arange(sample)))


def _pixels(
    samples: Samples, places: NDArray[np.int64], observer: Observer
) -> tuple[Moments, dict[str, str]]:
    known = load_moments(samples, places)
    if known is not None:
        return known
    sums, broken = PixelSums(), dict[str, str]()
    with task(observer, "pixels", total=len(places), unit="images") as running:
        for batch in _batches(samples, places):
            sums.add(batch.images)
            broken.update((one.key, one.problem) for one in batch.broken)
            running.advance(len(batch) + len(batch.broken))
    moments = sums.moments(population=len(samples) if len(places) < len(samples) else 0)
    save_moments(samples, places, moments, broken)
    return moments, broken


def _batches(samples: Samples, places: NDArray[np.int64]) -> Iterator[Batch]:
    begun: deque[PendingBatch] = deque()
    for first in range(0, len(places), BATCH):
        begun.append(PendingBatch(samples, places[first : first + BATCH], 0))
        if len(begun) > AHEAD:
            yield begun.popleft().finish()
    while begun:
        yield begun.popleft().finish()


def _numbers(facts: Any, name: str) -> NDArray[np.int64]:  # noqa: ANN401  # an Arrow table
    return np.array([value or 0 for value in facts[name].to_pylist()], np.int64)


def _upright(
    width: NDArray[np.int64], height: NDArray[np.int64], orientation: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    swapped = orientation >= ON_ITS_SIDE
    return np.where(swapped, height, width), np.where(swapped, width, height)


def _range(values: NDArray[Any]) -> Range:
    if not len(values):
        return Range(0, 0, 0)
    return Range(float(values.min()), float(np.median(values)), float(values.max()))


def _classes(samples: Samples) -> dict[str, int]:
    if samples.labels is None or samples.classes is None:
        return {}
    labels = samples.labels[samples.labels != NO_LABEL]
    counts = np.bincount(labels, minlength=len(samples.classes)).tolist()
    named = Counter({str(name): count for name, count in zip(samples.classes, counts, strict=True) if count})
    return dict(named.most_common())
