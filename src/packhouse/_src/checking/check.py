"""`packhouse.check`: leaks between splits, duplicates, labels that contradict, broken images."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from packhouse._src.checking.check_report import CheckReport, DuplicateGroup, SharedValue
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.loader.choice.labelling import NO_LABEL
from packhouse._src.loader.choice.split_names import SPLITS
from packhouse._src.loader.choice.split_sources import SplitSource, folders_of, from_column, from_folders
from packhouse._src.opening import Pack
from packhouse._src.opening import open as open_pack
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse._src.tables.per_image import image_column, source_of
from packhouse.progress import task

NONE = -1
STEPS = 3


@shows_progress
def check(
    pack: str | os.PathLike[str],
    *,
    split_column: str | None = None,
    together: str | None = None,
    label: str | None = None,
    progress: Progress = None,
) -> CheckReport:
    """Find leaks between splits, duplicates, and labels that contradict; nothing is changed.

    Splits are the top folders that are named as splits (`train/`, `val/`, `test/`), or the values of
    `split_column`.

    Args:
        pack: The pack.
        split_column: Column whose values name the split of each image, such as "articles.split".
        together: Column whose values must not be in several splits, such as "articles.product_code" or
            "patients.id".
        label: Column of classes, or "group" for folders: compare the labels of duplicates, and count the
            classes.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        Images with the same bytes, those of them that are in several splits or have several labels, values
        of `together` in several splits, class counts, and images that are broken.

    Raises:
        NotAPackError: There is no pack at this path, or it has no images.
        ColumnNotFoundError: There is no such column.
        UsageError: A column cannot name splits or classes.
        CorruptStoreError: A part of the pack that is needed is damaged.

    Cost: reads the index and the columns that are named; 1 us per image.
    """
    with (
        open_pack(pack) as opened,
        task(listener(progress), "checking", total=STEPS, unit="steps") as running,
    ):
        images = opened.images
        numbers, names = _splits_of(opened, split_column) if len(images) else (np.zeros(0, np.int64), [])
        running.advance()
        labels, classes = _labels_of(opened, label)
        running.advance()
        duplicates = _duplicates(images, numbers, names, labels, classes)
        running.advance()
        return CheckReport(
            pack=Path(pack),
            images=len(images),
            splits=_counts(numbers, names),
            duplicates=tuple(duplicates),
            together=together,
            shared_values=tuple(_shared(opened, together, numbers, names)),
            label=label,
            classes=dict(Counter(_counts(labels, classes)).most_common()),
            unlabelled=int((labels == NO_LABEL).sum()) if label is not None else 0,
            problems=dict(opened.manifest["images"]["problems"]),
        )


def _splits_of(pack: Pack, split_column: str | None) -> tuple[NDArray[np.int64], list[str]]:
    """Return the number of the split of each image, NONE for none, and the names of the splits."""
    source: SplitSource
    if split_column is None:
        source = from_folders(pack.tables, folders_of(pack.images))
    else:
        source = from_column(pack.tables, pack.links, split_column)
    known = [name for name in SPLITS if name in source.rows]
    names = [*known, *(name for name in source.rows if name not in SPLITS)]
    numbers = np.full(len(pack.images), NONE, np.int64)
    for number, name in enumerate(names):
        numbers[source.rows[name]] = number
    return numbers, names


def _labels_of(pack: Pack, label: str | None) -> tuple[NDArray[np.int64], list[str]]:
    """Return the number of the class of each image, NO_LABEL for none, and the classes as text."""
    numbers = np.full(len(pack.images), NO_LABEL, np.int64)
    if label is None or not len(pack.images):
        return numbers, []
    samples = pack.samples(size=None, split="all", label=label, on_unlabelled="skip")
    numbers[samples.rows] = NO_LABEL if samples.labels is None else samples.labels
    return numbers, [str(name) for name in samples.classes or ()]


def _counts(numbers: NDArray[np.int64], names: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(numbers[numbers >= 0], minlength=len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def _duplicates(
    images: ImageStore,
    splits: NDArray[np.int64],
    split_names: Sequence[str],
    labels: NDArray[np.int64],
    classes: Sequence[str],
) -> list[DuplicateGroup]:
    rows_of: dict[bytes, list[int]] = defaultdict(list)
    for row, (_offset, _length, digest) in enumerate(images.index.ranges_at(range(len(images)))):
        rows_of[digest].append(row)
    return [
        DuplicateGroup(
            keys=tuple(images.index.key_of(row) for row in rows),
            splits=tuple(split_names[one] for one in sorted({int(splits[row]) for row in rows} - {NONE})),
            labels=tuple(sorted({classes[int(labels[row])] for row in rows if labels[row] != NO_LABEL})),
        )
        for rows in rows_of.values()
        if len(rows) > 1
    ]


def _shared(
    pack: Pack, column: str | None, splits: NDArray[np.int64], names: Sequence[str]
) -> list[SharedValue]:
    if column is None:
        return []
    source = source_of(pack.tables, pack.links, column)
    values, codes = image_column(pack.tables, pack.links, source).coded()
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for code, split in zip(codes.tolist(), splits.tolist(), strict=True):
        if code >= 0 and split != NONE:
            found[code][names[split]] += 1
    return [
        SharedValue(str(values[code]), {name: counts[name] for name in names if counts[name]})
        for code, counts in sorted(found.items(), key=lambda item: -sum(item[1].values()))
        if len(counts) > 1
    ]
