"""Fills a part of a batch: reads some images in the order of the file, decodes each into its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.read.image import StoredImage
from packhouse._src.imagefile.read.image_index import Range
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.images.decoding import DecodeOptions, decode, decode_into, decode_raw, place_raw
from packhouse._src.images.raw import RawForm
from packhouse._src.images.scratch import Scratch
from packhouse._src.ranges import cut_lengths
from packhouse.errors import CorruptStoreError, ImageError, Where

MOST_BYTES = 8 << 20
"""Of files that a thread holds at once, unless one is larger."""

MOST_IMAGES = 32
PARTS_A_THREAD = 4
"""Parts of a batch for each thread, at least: the last one to finish is waited for."""

Failures: TypeAlias = dict[int, ImageError | CorruptStoreError]
"""Place in the batch -> why that image gave no pixels."""


class Stored(NamedTuple):
    """One image as the store has it."""

    data: bytes
    form: RawForm | None
    """Of pixels; None where the bytes are a file of an image."""

    def decode_into(
        self, out: NDArray[np.uint8], wanted: DecodeOptions, chances: Sequence[float], scratch: Scratch
    ) -> None:
        """Decode it into a place of a batch, whichever it is."""
        if self.form is None:
            decode_into(self.data, out, wanted, chances, scratch)
        else:
            place_raw(self.data, self.form, out, wanted, chances, scratch)

    def decode(self, wanted: DecodeOptions) -> NDArray[Any]:
        """Decode it at its stored size, whichever it is."""
        if self.form is None:
            return decode(self.data, mode=wanted.mode, max_pixels=wanted.max_pixels)
        return decode_raw(self.data, self.form, mode=wanted.mode, max_pixels=wanted.max_pixels)


class Part(NamedTuple):
    """Some images of a batch."""

    places: list[int]
    """Their places in the batch."""

    rows: list[int]
    """Their rows in the index."""

    ranges: list[Range]
    """Where they are in the file, sorted."""


def parts_of(store: ImageStore, rows: NDArray[np.int64], threads: int) -> list[Part]:
    """Cut a batch into parts, each near each other in the file.

    Args:
        store: The images.
        rows: Of the batch, in its order.
        threads: How many there are.

    Returns:
        Parts of at most MOST_BYTES and MOST_IMAGES, unless one image is larger.
    """
    numbers = rows.tolist()
    ranges = store.index.ranges_at(numbers)
    most = min(MOST_IMAGES, max(1, -(-len(numbers) // (threads * PARTS_A_THREAD))))
    order = sorted(range(len(numbers)), key=ranges.__getitem__)
    lengths = (ranges[place][1] for place in order)
    parts = []
    for part in cut_lengths(lengths, most_bytes=MOST_BYTES, most=most):
        places = order[part.start : part.stop]
        parts.append(Part(places, [numbers[place] for place in places], [ranges[place] for place in places]))
    return parts


def fill(
    store: ImageStore,
    part: Part,
    out: NDArray[np.uint8],
    wanted: DecodeOptions,
    draws: NDArray[np.float64] | None,
    scratch: Scratch,
) -> Failures:
    """Decode the images of a part into a batch.

    Args:
        store: The images.
        part: Which, and where to.
        out: (batch, height, width, channels) uint8.
        wanted: What is to become of them.
        draws: (batch, numbers) for what is left to chance; None where nothing is.
        scratch: Memory of this thread.

    Returns:
        Those that gave no pixels; their places are as they were.

    Raises:
        OSError: The file cannot be read at all.
    """
    failures: Failures = {}
    for place, row, stored in _read(store, part, failures):
        chances: Sequence[float] = () if draws is None else draws[place].tolist()
        try:
            stored.decode_into(out[place], wanted, chances, scratch)
        except ImageError as err:
            failures[place] = _named(err, store, row)
    return failures


def gather(store: ImageStore, part: Part, out: list[NDArray[Any] | None], wanted: DecodeOptions) -> Failures:
    """Decode the images of a part at their stored sizes; otherwise as `fill`.

    Args:
        store: The images.
        part: Which, and where to.
        out: One place an image of the batch.
        wanted: Their mode, and the most pixels of one image.

    Returns:
        Those that gave no pixels; their places are as they were.
    """
    failures: Failures = {}
    for place, row, stored in _read(store, part, failures):
        try:
            out[place] = stored.decode(wanted)
        except ImageError as err:
            failures[place] = _named(err, store, row)
    return failures


def read_stored(
    store: ImageStore, rows: Sequence[int], ranges: Sequence[Range] | None = None
) -> list[Stored | CorruptStoreError]:
    """Read images by their rows: as `ImageStore.read_rows`, with what their bytes are."""
    may_be_pixels = store.index.binding.mtime_ns is not None  # the file of another program
    return [
        data
        if isinstance(data, CorruptStoreError)
        else Stored(data, StoredImage(store, row).raw_form if may_be_pixels else None)
        for row, data in zip(rows, store.read_rows(rows, ranges), strict=True)
    ]


def _read(store: ImageStore, part: Part, failures: Failures) -> Iterator[tuple[int, int, Stored]]:
    """Yield place, row and image; what is damaged goes to the failures."""
    images = read_stored(store, part.rows, part.ranges)
    for place, row, stored in zip(part.places, part.rows, images, strict=True):
        if isinstance(stored, CorruptStoreError):
            failures[place] = stored
        else:
            yield place, row, stored


def _named(err: ImageError, store: ImageStore, row: int) -> ImageError:
    where = Where(file=str(store.path), member=store.index.key_of(row))
    return ImageError(err.problem, where=where, hint=err.hint or 'on_error="skip" skips such images')
