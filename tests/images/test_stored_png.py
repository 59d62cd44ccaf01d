"""PNG files of raw pixels are as long as was said, and Pillow and zlib read them back."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from packhouse._src.images.probing import probe
from packhouse._src.images.stored_png import fits_png, png_size, write_png

SIDES = st.integers(1, 40)


@settings(deadline=None, max_examples=60)
@given(SIDES, SIDES, st.sampled_from([None, 1, 3, 4]), st.integers(0, 2**32 - 1))
def test_pillow_reads_the_pixels_back(height: int, width: int, channels: int | None, seed: int) -> None:
    """Whatever the shape; the size is the one that was computed."""
    shape = (height, width) if channels is None else (height, width, channels)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)

    data = write_png(pixels)

    assert len(data) == png_size(height, width, channels or 1)
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert np.array_equal(np.asarray(picture), pixels.squeeze(2) if channels == 1 else pixels)
    facts = probe(data)
    assert (facts.media_type, facts.width, facts.height, facts.problem) == ("image/png", width, height, None)


@pytest.mark.parametrize("width", [65_533, 65_534, 65_535, 131_070])
def test_rows_at_the_borders_of_blocks(width: int) -> None:
    """Stored blocks hold 65,535 bytes; the last one is marked, also where the data ends with a full one."""
    pixels = np.arange(width, dtype=np.uint32).astype(np.uint8)[None, :]

    data = write_png(pixels)

    body = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
    assert zlib.decompress(body) == b"\0" + pixels.tobytes()
    assert len(data) == png_size(1, width, 1)


def test_what_does_not_fit() -> None:
    """Two channels, no rows, more than 2 GiB."""
    assert fits_png(10, 10, 3)
    assert not fits_png(10, 10, 2)
    assert not fits_png(0, 10, 1)
    assert not fits_png(30_000, 30_000, 3)
