"""One row of bytes in which a column of offsets says where each image begins. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from packhouse._src.foreign.found import Dataset, RefusedError

OFFSETS = ("offsets", "offset", "indptr")
LENGTHS = ("lengths", "length", "sizes", "size")
DATA = ("data", "images", "image", "bytes", "values", "blob")


def column_called(names: Collection[str], datasets: Mapping[str, Dataset]) -> Dataset | None:
    """Return the first column of integers of a group that has one of some names.

    Args:
        names: In order of preference.
        datasets: Name -> dataset, of the group.
    """
    return next((datasets[name] for name in names if _is_column(datasets.get(name))), None)


def data_beside(datasets: Mapping[str, Dataset]) -> Dataset | None:
    """Return the row of bytes of a group that a column of offsets speaks of; None where it is unclear."""
    rows = [
        dataset
        for dataset in datasets.values()
        if dataset.kind == "byte" and dataset.shape == (dataset.rows,) and len(dataset.starts) <= 1
    ]
    likely = [dataset for dataset in rows if dataset.name in DATA] or rows
    return likely[0] if len(likely) == 1 else None


def cut(
    offsets: NDArray[np.int64], lengths: NDArray[np.int64] | None, counts: Collection[int], size: int
) -> tuple[list[int], list[int]]:
    """Return where each image begins in the row of bytes, and how long it is.

    Args:
        offsets: One an image, or one more for the end of the last.
        lengths: One an image; None where the next image begins at the end of each.
        counts: Lengths of the columns of names beside it.
        size: Of the row of bytes.

    Returns:
        Begins and lengths, bytes.

    Raises:
        RefusedError: They point outside, or backwards.
    """
    if lengths is not None and len(lengths) == len(offsets):
        begins, ends = offsets, offsets + lengths
    elif len(offsets) and (
        len(offsets) - 1 in counts or (len(offsets) not in counts and offsets[-1] == size)
    ):
        begins, ends = offsets[:-1], offsets[1:]
    else:
        begins, ends = offsets, np.append(offsets[1:], size)
    if (ends < begins).any() or (len(ends) and ends.max() > size):
        raise RefusedError("its values do not increase, or point outside the data")
    return begins.tolist(), (ends - begins).tolist()


def _is_column(dataset: Dataset | None) -> bool:
    return dataset is not None and dataset.kind == "integer" and dataset.shape == (dataset.rows,)
