"""Which images are loaded: those of a condition, of a folder, or of a split by hash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.loader.order.splitting import split_of
from packhouse._src.tables.finding import find_keys
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.per_image import groups_of_images, rows_of_keys
from packhouse._src.tables.table import Tables
from packhouse.errors import UsageError, Where

TRAIN, VAL = "train", "val"
MOST_FOLDERS_NAMED = 10


def choose_rows(
    images: ImageStore,
    tables: Tables,
    links: Sequence[LinkedColumns],
    *,
    where: str | None = None,
    split: str | None = None,
    val: float = 0.0,
) -> NDArray[np.int64]:
    """Choose images.

    Args:
        images: Of the pack.
        tables: Of the pack.
        links: The linked tables.
        where: One SQL condition, as of `Pack.find`.
        split: With `val` "train" or "val": which of the two an image is in follows from its key alone
            (`splitting`), so neither another seed nor other images move it. Without, the
            name of a top folder.
        val: Fraction of the images that is "val".

    Returns:
        Their rows in the index, ascending int64.

    Raises:
        UsageError: The split is none, or nothing is left.
        QueryError: `where` is not one condition, or does not fit the columns.
        CorruptStoreError: A table that is needed is missing or damaged.

    Cost: nothing is read where nothing is asked for; a split by hash takes 0.5 us an image.
    """
    place = Where(file=str(images.path))
    if not len(images):
        raise UsageError("the pack has no image", where=place)
    rows = np.arange(len(images), dtype=np.int64)
    if val:
        rows = _hashed(images, split, val)
    elif split is not None:
        rows = _in_folder(tables, split, place)
    if where is not None:
        rows = np.intersect1d(rows, rows_of_keys(tables, find_keys(tables, where, links)), assume_unique=True)
    if not len(rows):
        asked = {"where": where, "split": split, "val": val or None}
        said = ", ".join(f"{name}={value!r}" for name, value in asked.items() if value is not None)
        raise UsageError(f"no image is left by {said}", where=place, hint="pack.find(...) tries a condition")
    return rows


def _hashed(images: ImageStore, split: str | None, val: float) -> NDArray[np.int64]:
    if split not in (TRAIN, VAL):
        raise UsageError(
            f"val={val} makes two splits, {TRAIN!r} and {VAL!r}; split={split!r} is neither",
            hint=f'split="{TRAIN}", val={val}',
        )
    return split_of(images, {VAL: val}, rest=TRAIN)[split]


def _in_folder(tables: Tables, split: str, place: Where) -> NDArray[np.int64]:
    groups, codes = groups_of_images(tables)
    chosen = np.array([group == split or group.startswith(f"{split}/") for group in groups], bool)
    rows = np.flatnonzero(chosen[codes])
    if not len(rows):
        tops = sorted({group.partition("/")[0] for group in groups} - {""})
        named = ", ".join(tops[:MOST_FOLDERS_NAMED]) + (", ..." if len(tops) > MOST_FOLDERS_NAMED else "")
        raise UsageError(
            f"split={split!r}: there is no such folder at the top of the pack, "
            + (f"but {named}" if named else "nor any other"),
            where=place,
            hint=f'split="{TRAIN}", val=0.1 takes a tenth of the images, by hash, for validation',
        )
    return rows
