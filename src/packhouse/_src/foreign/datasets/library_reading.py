"""Reads datasets through the HDF5 library, some rows at once; only in a process of its own.

Only what `describing` has looked at is read: data of this file, in filters that the library itself has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import h5py
import numpy as np
from h5py import h5d, h5f, h5g, h5p
from numpy.typing import NDArray

from packhouse._src.foreign.datasets.describing import open_hard
from packhouse._src.foreign.found import RefusedError

BLOCK_BYTES = 32 << 20
"""Read at once; a run of chunks that is longer is unpacked once all the same, by the cache of chunks."""

CACHE_BYTES = 512 << 20
CACHE_SLOTS = 10_007
VALUES_TOGETHER = 256
"""Of variable length, whose sizes are known only when they are read."""


class Library:
    """Datasets of one file.

    Args:
        file: The file, opened by `Walk`.
    """

    def __init__(self, file: h5f.FileID) -> None:
        self._file = file

    def blocks(self, path: str, start: int = 0) -> Iterator[NDArray[np.generic] | NDArray[np.object_]]:
        """Yield the rows of a dataset, a bounded number at once.

        Args:
            path: Of the dataset, in names that are UTF-8.
            start: The first row.

        Yields:
            Rows, as NumPy arrays; text as bytes. A scalar is one array without axes.

        Raises:
            RefusedError: It cannot be read.
        """
        dataset = h5py.Dataset(self._open(path))
        if not dataset.shape:
            yield _read(dataset, ())
            return
        for part in _parts(dataset, start):
            yield _read(dataset, part)

    def rows(
        self, path: str, start: int = 0
    ) -> Iterator[NDArray[np.generic] | NDArray[np.object_] | RefusedError]:
        """Yield the rows of a dataset, or why one cannot be read; otherwise as `blocks`."""
        dataset = h5py.Dataset(self._open(path))
        for part in _parts(dataset, start):
            try:
                yield _read(dataset, part)
            except RefusedError:
                for row in range(part.start, part.stop):  # those of whole chunks are sound
                    try:
                        yield _read(dataset, slice(row, row + 1))
                    except RefusedError as err:
                        yield err

    def _open(self, path: str) -> h5d.DatasetID:
        *groups, name = path.encode().split(b"/")
        thing: h5g.GroupID | h5d.DatasetID = h5g.open(self._file, b"/")
        try:
            for part in groups:
                thing, _ = open_hard(thing, part)
            open_hard(thing, name)
            access = h5p.create(h5p.DATASET_ACCESS)
            access.set_chunk_cache(CACHE_SLOTS, CACHE_BYTES, 1.0)
            return h5d.open(thing, name, access)
        except (RuntimeError, OSError, LookupError, ValueError, TypeError) as err:
            raise RefusedError(f"the HDF5 library cannot open it: {err}") from err


def _read(dataset: h5py.Dataset, part: slice | tuple[()]) -> NDArray[np.generic] | NDArray[np.object_]:
    try:
        return np.asarray(dataset[part], dtype=dataset.dtype)
    except (RuntimeError, OSError, ValueError, TypeError) as err:
        raise RefusedError(f"the HDF5 library cannot read it: {err}") from err


def _parts(dataset: h5py.Dataset, start: int) -> Iterator[slice]:
    """Yield runs of rows, cut where chunks end, so that each is unpacked once."""
    count, step = dataset.shape[0], _rows_together(dataset)
    for at in range(start - start % step, count, step):
        yield slice(max(at, start), min(at + step, count))


def _rows_together(dataset: h5py.Dataset) -> int:
    """Return how many rows are read at once: whole runs of chunks, where they fit."""
    if dataset.dtype.kind == "O":
        return VALUES_TOGETHER
    row_bytes = max(1, math.prod(dataset.shape[1:]) * dataset.dtype.itemsize)
    rows = max(1, BLOCK_BYTES // row_bytes)
    chunk_rows = dataset.chunks[0] if dataset.chunks else 1
    return int(rows - rows % chunk_rows) if rows > chunk_rows else int(rows)
