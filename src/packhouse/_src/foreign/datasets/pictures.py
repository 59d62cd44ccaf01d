"""Images that are no byte ranges to be used as they are: what `pack` needs to know to convert them."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from packhouse._src.foreign.datasets.columns import Columns, LibraryReader, as_bytes, start_of
from packhouse._src.foreign.found import Dataset, HostFile, Item, Picture, PictureForm, Refused, RefusedError
from packhouse._src.images.sniffing import media_type_of

MOST_IMAGE_BYTES = 1 << 30
HEAD_BYTES = 64
_DATA_URI = re.compile(rb"data:[\w/+.-]*;base64,")
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BLANKS = bytes(range(33))


class Pictures:
    """Describes them, dataset by dataset.

    Args:
        file: The file.
        columns: Its columns, in place.
        library: For what is compressed or the like.
    """

    def __init__(self, file: HostFile, columns: Columns, library: LibraryReader) -> None:
        self._file = file
        self._columns = columns
        self._library = library

    def pixels(self, dataset: Dataset, layout: str, keys: Sequence[str]) -> Iterator[Item]:
        """Describe pixels.

        Args:
            dataset: Of uint8 or floating-point numbers.
            layout: One letter an axis; "N" first, if at all.
            keys: Of the images.

        Yields:
            The form, and each image.

        Raises:
            RefusedError: Its numbers are no pixels, or too many.
        """
        shape = dataset.shape or ()
        each, axes = (shape[1:], layout[1:]) if layout[0] == "N" else (shape, layout)
        length = math.prod(each) * dataset.item_bytes
        if length > MOST_IMAGE_BYTES:
            raise RefusedError(f"has {length:,} bytes per image; the limit is {MOST_IMAGE_BYTES:,}")
        is_float = dataset.kind == "float"
        if is_float:
            self._check_range(dataset, is_stack=layout[0] == "N")
        reasons = [dataset.obstacle] if dataset.obstacle else []
        if is_float:
            reasons.append("holds floating-point numbers from 0 to 1, not bytes")
        if axes not in {"HWC", "HW"}:
            reasons.append(f"has its axes in the order {layout}")
        yield PictureForm(
            dataset.path,
            "pixels",
            dataset.unit,
            each,
            axes,
            " and ".join(reasons),
            layout[0] == "N",
            is_float,
        )
        for row, key in enumerate(keys):
            yield self._one(dataset, key, row, length, length)

    def encoded(self, dataset: Dataset, keys: Sequence[str]) -> Iterator[Item]:
        """Describe image files that only the HDF5 library can read.

        Args:
            dataset: A row of bytes, or values of variable length.
            keys: Of the images.

        Yields:
            The form, and each image.

        Raises:
            RefusedError: A row of bytes is no image.
        """
        reason = dataset.obstacle
        form = PictureForm(
            dataset.path, "bytes", "", (), "", reason, dataset.kind == "vlen", asks_to_convert=False
        )
        if dataset.kind == "vlen":
            yield form
            for key, (row, value) in zip(keys, enumerate(self._values(dataset)), strict=False):
                yield Picture(key, row, -1, len(value), len(value), media_type_of(value[:HEAD_BYTES]) or "")
            return
        length = math.prod(dataset.shape or ()) * dataset.item_bytes
        if length > MOST_IMAGE_BYTES:
            raise RefusedError(f"has {length:,} bytes; an image may have {MOST_IMAGE_BYTES:,}")
        first = next(self._library.blocks(dataset.path), np.zeros(0, "u1"))
        media_type = media_type_of(first.tobytes()[:HEAD_BYTES])
        if media_type is None:
            raise RefusedError(f"{reason}, and its bytes are not those of an image")
        yield form
        yield Picture(keys[0], 0, -1, length, length, media_type)

    def base64(self, dataset: Dataset, keys: Sequence[str]) -> Iterator[Item]:
        """Describe image files written as base64 text.

        Args:
            dataset: Of text.
            keys: Of the images.

        Yields:
            The form; each image, or why it is none.
        """
        reason = " and ".join(part for part in (dataset.obstacle, "holds images as base64 text") if part)
        yield PictureForm(
            dataset.path, "base64", "", (), "", reason, bool(dataset.shape), asks_to_convert=True
        )
        places = None if dataset.obstacle else list(self._columns.places_of(dataset))
        for row, (key, value) in enumerate(zip(keys, self._values(dataset), strict=False)):
            data = decoded(value)
            if data is None:
                yield Refused(key, "is not base64 text of an image")
            else:
                offset, length = (-1, len(value)) if places is None else places[row]
                yield Picture(key, row, offset, length, len(data), media_type_of(data[:HEAD_BYTES]) or "")

    def _one(self, dataset: Dataset, key: str, row: int, length: int, n_bytes: int) -> Picture | Refused:
        try:
            start = start_of(dataset, row)  # of a dataset that the library reads it says: was it written?
            if not dataset.obstacle:
                self._file.check(start, length)
        except RefusedError as err:
            return Refused(key, str(err))
        return Picture(key, row, -1 if dataset.obstacle else start, length, n_bytes, "")

    def _values(self, dataset: Dataset) -> Iterator[bytes]:
        if dataset.obstacle:
            for block in self._library.blocks(dataset.path):
                yield from map(as_bytes, block.ravel().tolist())
        else:
            for offset, length in self._columns.places_of(dataset):
                yield self._file.read(offset, length) if length else b""

    def _check_range(self, dataset: Dataset, *, is_stack: bool) -> None:
        """See that the first image has numbers from 0 to 1."""
        values: NDArray[np.generic]
        if dataset.obstacle:
            block = next(self._library.blocks(dataset.path))
            values = block[0] if is_stack else block
        else:
            shape = dataset.shape or ()
            count = math.prod(shape[1:] if is_stack else shape)
            data = self._file.read(start_of(dataset, 0), count * dataset.item_bytes)
            values = np.frombuffer(data, dtype=dataset.unit)
        problem = range_problem(values.astype(np.float64))
        if problem:
            raise RefusedError(problem)


def range_problem(values: NDArray[np.float64]) -> str:
    """Say why floating-point numbers are not pixels from 0 to 1; "" when they are."""
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low >= 0 and high <= 1:  # false for NaN
        return ""
    found = f"holds floating-point numbers from {low:g} to {high:g}"
    return f"{found}; only pixels from 0 to 1 are converted: store them as uint8"


def decoded(text: bytes) -> bytes | None:
    """Return the image file that base64 text holds.

    Args:
        text: Base64, also with line ends, or as a data URI.

    Returns:
        Its bytes; None when it is no base64, or not of an image.
    """
    start = _DATA_URI.match(text[:HEAD_BYTES])
    bare = (text[start.end() :] if start else text).rstrip(b"\0").translate(None, _BLANKS)
    try:
        padded = bare.rstrip(b"=").translate(_FROM_URL_SAFE) + b"=" * (-len(bare.rstrip(b"=")) % 4)
        data = base64.b64decode(padded, validate=True)
    except binascii.Error:
        return None
    return data if media_type_of(data[:HEAD_BYTES]) is not None else None
