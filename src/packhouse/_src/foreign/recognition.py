"""Which byte ranges the datasets of one group of an HDF5 file hold images in; pure but for reads of columns.

One image a dataset: a fixed-length string, opaque bytes, a row of bytes, one value of variable length, or
(height, width, 1 or 3 or 4) pixels. Several in a dataset: values of variable length, (N, height, width) and
(N, height, width, channels) pixels, or one row of bytes beside a column of offsets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from packhouse._src.foreign.found import (
    Dataset,
    HostFile,
    OffsetColumn,
    Ranged,
    Refused,
    RefusedError,
    readable,
)
from packhouse._src.foreign.global_heap import GlobalHeap

OFFSETS = ("offsets", "offset", "indptr")
LENGTHS = ("lengths", "length", "sizes", "size")
NAMES = ("names", "keys", "file_names", "ids", "filenames")
DATA = ("data", "images", "image", "bytes", "values", "blob")

MOST_IMAGE_BYTES = 1 << 30
MOST_COLUMN_BYTES = 512 << 20
MOST_ROWS = 50_000_000

_CHANNELS = frozenset({1, 3, 4})
_STACK_DIMENSIONS = 4
_PICTURE_DIMENSIONS = 3

Item = Ranged | Refused | OffsetColumn
_Shape = tuple[int, int, int]
_Names = dict[int, tuple[Dataset, list[str]]]
"""Number of rows -> the column of names with as many, and the names."""


class Recognizer:
    """Tells images from the rest in one file.

    Args:
        file: The file.
    """

    def __init__(self, file: HostFile) -> None:
        self._file = file
        self._heap = GlobalHeap(file)

    def sort_out(self, datasets: Sequence[Dataset]) -> Iterator[Item]:
        """Say of every dataset of one group what it is.

        Args:
            datasets: All whose bytes lie in the file as they are.

        Yields:
            Its images, or why it holds none, or that it speaks of others.
        """
        left: dict[str, Dataset] = {}
        for dataset in datasets:
            if left.setdefault(dataset.name, dataset) is not dataset:
                yield Refused(dataset.path, "another dataset in the group has the same name")
        yield from self._by_offsets(left)
        named = self._names_beside({dataset.rows for dataset in left.values() if _is_stack(dataset)}, left)
        for helper, _ in named.values():
            del left[helper.name]
        counts = {dataset.rows for dataset in left.values() if _is_stack(dataset)}
        for rows, (helper, _) in named.items():  # of variable length, it was counted among the stacks itself
            yield (
                OffsetColumn(helper.path)
                if rows in counts
                else Refused(helper.path, "holds names, not images")
            )
        for dataset in left.values():
            try:
                yield from self._images_of(dataset, named, counts)
            except RefusedError as err:
                yield Refused(dataset.path, str(err))

    def _images_of(self, dataset: Dataset, named: _Names, counts: set[int]) -> Iterator[Item]:
        shape = dataset.shape
        if dataset.kind == "integer":
            raise RefusedError("holds numbers, not images")
        if shape is None:
            yield Ranged(dataset.path, 0, 0, None)
        elif _is_stack(dataset):
            yield from self._stacked(dataset, named.get(dataset.rows, (None, None))[1])
        elif dataset.kind == "vlen":
            if math.prod(shape) != 1:
                raise RefusedError(f"has {len(shape)} dimensions of variable-length values, not one")
            yield self._ranged(dataset.path, *self._heap.locate(self._reference(dataset)))
        else:
            if dataset.kind == "byte" and shape == (dataset.rows,) and dataset.rows in counts:
                raise RefusedError(f"is a column: {dataset.rows:,} values for as many images")
            yield self._single(dataset, shape)

    def _single(self, dataset: Dataset, shape: tuple[int, ...]) -> Ranged:
        """Take the one image of a dataset."""
        pixels = _pixels_in(dataset, shape)
        count = math.prod(shape)
        if dataset.kind != "byte" and count != 1:
            raise RefusedError(
                f"holds {count:,} values padded to {dataset.item_bytes:,} bytes each: store each one "
                "in its own dataset, or with variable length"
            )
        if len(dataset.starts) > 1:
            raise RefusedError(
                "is stored in several chunks; to join them: h5repack -f NONE -l CONTI IN.h5 OUT.h5"
            )
        return self._ranged(dataset.path, _start(dataset, 0), count * dataset.item_bytes, pixels)

    def _reference(self, dataset: Dataset) -> bytes:
        return self._file.read(_start(dataset, 0), self._heap.reference_bytes)

    def _ranged(self, key: str, offset: int, length: int, pixels: _Shape | None = None) -> Ranged:
        if length > MOST_IMAGE_BYTES:
            raise RefusedError(f"has {length:,} bytes; an image may have {MOST_IMAGE_BYTES:,}")
        if not length:
            return Ranged(key, 0, 0, pixels)
        self._file.check(offset, length)
        return Ranged(key, offset, length, pixels)

    def _stacked(self, dataset: Dataset, names: Sequence[str] | None) -> Iterator[Item]:
        """Take the images of a dataset that holds several."""
        if dataset.rows > MOST_ROWS:
            raise RefusedError(f"holds {dataset.rows:,} images; {MOST_ROWS:,} are taken")
        keys = (f"{dataset.path}/{name}" for name in names or _numbers(dataset.rows))
        if dataset.kind == "vlen":
            yield from self._values(dataset, keys)
        else:
            yield from self._pictures(dataset, keys)

    def _values(self, dataset: Dataset, keys: Iterator[str]) -> Iterator[Item]:
        width = self._heap.reference_bytes
        references = self._column_bytes(dataset)
        for row, key in enumerate(keys):
            try:
                yield self._ranged(key, *self._heap.locate(references[row * width : (row + 1) * width]))
            except RefusedError as err:
                yield Refused(key, str(err))

    def _pictures(self, dataset: Dataset, keys: Iterator[str]) -> Iterator[Item]:
        shape = dataset.shape or ()
        pixels = (shape[1], shape[2], shape[3] if len(shape) == _STACK_DIMENSIONS else 1)
        for row, key in enumerate(keys):
            try:
                yield self._ranged(key, _start(dataset, row), math.prod(pixels), pixels)
            except RefusedError as err:
                yield Refused(key, str(err))

    def _by_offsets(self, left: dict[str, Dataset]) -> Iterator[Item]:
        column = next((left[name] for name in OFFSETS if _is_column(left.get(name))), None)
        data = None if column is None else _data_beside(left)
        if column is not None and data is not None:
            yield from self._cut_by_offsets(data, column, left)

    def _cut_by_offsets(self, data: Dataset, column: Dataset, left: dict[str, Dataset]) -> Iterator[Item]:
        """Take the images of one row of bytes; take what speaks of them out of `left`."""
        used = [column]
        try:
            offsets = self._numbers_of(column)
            lengths = next((left[name] for name in LENGTHS if _is_column(left.get(name))), None)
            if lengths is not None and lengths.rows in {len(offsets), len(offsets) - 1}:
                used.append(lengths)
            names = self._names_beside({len(offsets), len(offsets) - 1}, left)
            begins, sizes = _cut(
                offsets,
                self._numbers_of(lengths) if lengths in used and lengths is not None else None,
                names,
                data.rows,
            )
        except RefusedError as err:
            del left[data.name]
            yield Refused(data.path, f"its column {column.name} cannot be used: {err}")
            return
        helper, named = names.get(len(begins), (None, None))
        if helper is not None:
            used.append(helper)
        for dataset in (data, *used):
            del left[dataset.name]
        yield from (OffsetColumn(dataset.path) for dataset in (data, *used))
        folder = data.path.rpartition("/")[0]
        start = _start(data, 0) if data.rows else 0
        for name, begin, size in zip(named or _numbers(len(begins)), begins, sizes, strict=True):
            key = f"{folder}/{name}" if folder else name
            try:
                yield self._ranged(key, start + begin, size)
            except RefusedError as err:
                yield Refused(key, str(err))

    def _names_beside(self, counts: set[int], left: dict[str, Dataset]) -> _Names:
        """Find columns of names with as many entries as there are images."""
        found: _Names = {}
        for name in NAMES:
            dataset = left.get(name)
            if dataset is None or dataset.shape != (dataset.rows,) or dataset.rows not in counts:
                continue
            if dataset.kind == "text" or (dataset.kind, dataset.unit) == ("vlen", "text"):
                try:
                    names = self._names_of(dataset)
                except RefusedError:
                    continue
                found.setdefault(dataset.rows, (dataset, names))
        return found

    def _names_of(self, dataset: Dataset) -> list[str]:
        if dataset.rows > MOST_ROWS:
            raise RefusedError("too many")
        values, width = self._column_bytes(dataset), dataset.item_bytes
        raw = [values[at : at + width] for at in range(0, len(values), width)]
        if dataset.kind == "vlen":
            raw = [
                self._file.read(*self._heap.locate(reference)) if any(reference) else b"" for reference in raw
            ]
        names = [readable(value.rstrip(b"\0")) for value in raw]
        parts = (part for name in names for part in name.split("/"))
        if len(set(names)) < len(names) or any(part in {"", ".", ".."} or "\0" in part for part in parts):
            raise RefusedError("are not names")
        return names

    def _numbers_of(self, column: Dataset) -> NDArray[np.int64]:
        values = np.frombuffer(self._column_bytes(column), dtype=column.unit)
        if len(values) and (values.min() < 0 or values.max() > self._file.size):
            raise RefusedError("it points outside the data")
        return values.astype(np.int64)

    def _column_bytes(self, column: Dataset) -> bytes:
        """Read a column; declared sizes are checked against the file before anything is allocated."""
        whole = column.rows * column.item_bytes
        if whole > min(MOST_COLUMN_BYTES, self._file.size):
            raise RefusedError(f"a column of {whole:,} bytes")
        parts = []
        for row in range(0, column.rows, column.piece_rows):
            rows = min(column.piece_rows, column.rows - row)
            parts.append(self._file.read(_start(column, row), rows * column.item_bytes))
        return b"".join(parts)


def _cut(
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64] | None,
    names: _Names,
    size: int,
) -> tuple[list[int], list[int]]:
    """Return begin and length of each image in the row of bytes."""
    if lengths is not None and len(lengths) == len(offsets):
        begins, ends = offsets, offsets + lengths
    elif len(offsets) and (len(offsets) - 1 in names or (len(offsets) not in names and offsets[-1] == size)):
        begins, ends = offsets[:-1], offsets[1:]
    else:
        begins, ends = offsets, np.append(offsets[1:], size)
    if (ends < begins).any() or (len(ends) and ends.max() > size):
        raise RefusedError("its values do not increase, or point outside the data")
    return begins.tolist(), (ends - begins).tolist()


def _is_column(dataset: Dataset | None) -> bool:
    return dataset is not None and dataset.kind == "integer" and dataset.shape == (dataset.rows,)


def _data_beside(left: dict[str, Dataset]) -> Dataset | None:
    """Return the row of bytes that a column of offsets speaks of."""
    rows = [
        dataset
        for dataset in left.values()
        if dataset.kind == "byte" and dataset.shape == (dataset.rows,) and len(dataset.starts) <= 1
    ]
    likely = [dataset for dataset in rows if dataset.name in DATA] or rows
    return likely[0] if len(likely) == 1 else None


def _is_stack(dataset: Dataset) -> bool:
    shape = dataset.shape
    if not shape:
        return False
    if dataset.kind == "vlen":
        return len(shape) == 1 and shape[0] != 1
    if dataset.unit != "|u1" or not math.prod(shape):
        return False
    if len(shape) == _STACK_DIMENSIONS:
        return shape[3] in _CHANNELS
    return len(shape) == _PICTURE_DIMENSIONS and shape[2] not in _CHANNELS


def _pixels_in(dataset: Dataset, shape: tuple[int, ...]) -> _Shape | None:
    """Return (height, width, channels) of one picture; None for a row of bytes."""
    if dataset.kind != "byte" or len(shape) == 1:
        return None
    if dataset.unit != "|u1" or len(shape) != _PICTURE_DIMENSIONS or not math.prod(shape):
        raise RefusedError(
            f"its shape {shape} of {dataset.unit[1:]} is neither the bytes of one image nor pixels as (N, "
            "height, width), (N, height, width, 1 or 3 or 4) or (height, width, 1 or 3 or 4)"
        )
    return shape[0], shape[1], shape[2]


def _start(dataset: Dataset, row: int) -> int:
    """Return where a row begins in the file."""
    if not dataset.rows or not dataset.starts:
        return 0
    piece, rest = divmod(row, dataset.piece_rows)
    start = dataset.starts[piece] if piece < len(dataset.starts) else -1
    if start < 0:
        raise RefusedError("was declared but never written")
    return start + rest * dataset.item_bytes * math.prod((dataset.shape or ())[1:])


def _numbers(count: int) -> Iterator[str]:
    width = len(str(max(0, count - 1)))
    return (f"{row:0{width}d}" for row in range(count))
