"""The door to Pillow lets images in as they are stored and lets out no error but ImageError."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from packhouse._src.images.decoding import decode
from packhouse._src.images.pillow_ import to_pil
from packhouse._src.images.pixel_limit import MOST_PIXELS, refuse_bomb
from packhouse.errors import ImageError


def saved(mode: str, name: str, **options: object) -> bytes:
    """Return seeded noise of 24 rows and 40 columns as a file."""
    noise = np.random.default_rng(5).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(file, name, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "name"),
    [("RGB", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("LA", "PNG"), ("P", "GIF"), ("1", "TIFF")],
)
def test_image_is_given_as_stored(mode: str, name: str) -> None:
    """Mode, size and pixels are Pillow's own, and the file is no longer needed."""
    data = saved(mode, name)

    image = to_pil(data)

    with Image.open(io.BytesIO(data)) as wanted:
        assert (image.mode, image.size, image.format) == (mode, (40, 24), name)
        assert np.array_equal(np.asarray(image), np.asarray(wanted))


def test_image_is_not_turned() -> None:
    """The EXIF orientation is left to the caller, who finds it in the image."""
    exif = Image.Exif()
    exif[0x0112] = 6

    image = to_pil(saved("RGB", "JPEG", exif=exif))

    assert image.size == (40, 24)
    assert image.getexif()[0x0112] == 6


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP"])
def test_truncated_image_is_an_image_error(name: str) -> None:
    """Half an image cannot be loaded."""
    data = saved("RGB", name)

    with pytest.raises(ImageError, match="Pillow cannot decode") as caught:
        to_pil(data[: len(data) // 2])

    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("data", [b"", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"x"])
def test_other_bytes_are_refused(data: bytes) -> None:
    """EPS, for which Pillow would start Ghostscript, is refused like any text."""
    with pytest.raises(ImageError, match="known format"):
        to_pil(data)


def test_limit_is_that_of_pillow() -> None:
    """What Pillow opens without a warning passes, a row more does not, unless it is decoded smaller."""
    assert Image.MAX_IMAGE_PIXELS == MOST_PIXELS
    refuse_bomb(10_000, 8_947)
    refuse_bomb(10_000, 8_948, divisor=2)

    with pytest.raises(ImageError, match=r"declares 10000 x 8948 pixels(.*\n)*.*max_pixels=89480000"):
        refuse_bomb(10_000, 8_948)
    refuse_bomb(10_000, 8_948, max_pixels=89_480_000)


def test_what_a_decoder_goes_through_has_a_limit_too() -> None:
    """Of an image that is decoded at an eighth; it is raised by the same number."""
    refuse_bomb(20_000, 25_000, divisor=8)
    refuse_bomb(20_000, 25_001, divisor=8, max_pixels=500_020_000)

    with pytest.raises(ImageError, match="allows 500,000,000"):
        refuse_bomb(20_000, 25_001, divisor=8)


def test_bomb_is_refused_before_loading() -> None:
    """A file of half a kilobyte that declares 2,500 million pixels is not loaded."""
    data = bytearray(saved("RGB", "BMP"))
    data[18:26] = 2 * (50_000).to_bytes(4, "little")

    with pytest.raises(ImageError, match="declares 50000 x 50000 pixels"):
        to_pil(bytes(data))


FILES = [
    saved("RGB", "JPEG"),
    saved("CMYK", "JPEG"),
    saved("P", "PNG"),
    saved("P", "GIF"),
    saved("RGB", "WEBP"),
    saved("RGB", "BMP"),
    saved("RGB", "TIFF"),
]


@settings(max_examples=150, deadline=None)
@given(data=st.sampled_from(FILES), at=st.integers(0, 300), byte=st.integers(0, 255))
def test_damage_raises_nothing_but_image_errors(data: bytes, at: int, byte: int) -> None:
    """A file with one changed byte is decoded, or refused with an ImageError."""
    damaged = bytearray(data)
    damaged[at % len(data)] = byte

    for read in (decode, to_pil):
        with contextlib.suppress(ImageError):
            read(bytes(damaged))
