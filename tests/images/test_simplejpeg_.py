"""The door to simplejpeg: four scales, and missing data told apart from oddities."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from packhouse._src.images.jpeg.simplejpeg_ import decode
from packhouse.errors import ImageError


def jpeg(height: int, width: int, **options: object) -> bytes:
    """Return seeded noise as a JPEG."""
    noise = np.random.default_rng(9).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", **options)
    return file.getvalue()


def scaled(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    """Return a fraction of a size, rounded up."""
    return -(-size[0] // divisor), -(-size[1] // divisor)


@pytest.mark.parametrize("divisor", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [(64, 96), (65, 97), (71, 103), (9, 17)])
def test_scale_is_the_one_asked_for(size: tuple[int, int], divisor: int) -> None:
    """The result is 1, 1/2, 1/4 or 1/8 of the stored size, rounded up, as Pillow's `draft`."""
    data = jpeg(*size)

    pixels = decode(data, size=scaled(size, divisor))

    with Image.open(io.BytesIO(data)) as drafted:
        drafted.draft("RGB", (size[1] // divisor, size[0] // divisor))
        assert pixels is not None
        assert pixels.shape == (*scaled(size, divisor), 3)
        assert np.abs(pixels - np.asarray(drafted).astype(np.int16)).max() <= 2


@pytest.mark.parametrize("side", range(1, 10))
def test_tiny_image_is_decoded_whole(side: int) -> None:
    """On a few pixels several scales give one size; the full one is taken all the same."""
    data = jpeg(side, side, subsampling=0)

    pixels = decode(data, size=(side, side))

    with Image.open(io.BytesIO(data)) as image:
        assert pixels is not None
        assert np.abs(pixels - np.asarray(image).astype(np.int16)).max() <= 2


@pytest.mark.parametrize("divisor", [1, 8])
def test_missing_data_is_an_image_error(divisor: int) -> None:
    """Data that end too early, with an EOI or without, are an error and not grey pixels."""
    data = jpeg(64, 96)
    half = data[: len(data) // 2]

    for cut in (half, half + b"\xff\xd9", data[:-2]):
        with pytest.raises(ImageError, match=r"(?i)premature end"):
            decode(cut, size=scaled((64, 96), divisor))


def test_oddity_is_none() -> None:
    """What is odd and not missing is left to another decoder."""
    data = bytearray(jpeg(64, 96))
    data[data.index(b"JFIF\0") + 5] = 9

    assert decode(bytes(data), size=(64, 96)) is None
