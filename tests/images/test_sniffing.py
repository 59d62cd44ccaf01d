"""The format is told by the first bytes."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from packhouse._src.images.sniffing import media_type_of


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_media_type_is_that_of_pillow(name: str) -> None:
    """What Pillow writes in a format is told as that format's media type."""
    file = io.BytesIO()
    Image.new("RGB", (3, 2)).save(file, name)

    assert media_type_of(file.getvalue()) == Image.MIME[name]


def test_big_tiff_is_tiff() -> None:
    """The 64-bit TIFF has another magic number and the same media type."""
    file = io.BytesIO()
    Image.new("RGB", (3, 2)).save(file, "TIFF", big_tiff=True)

    assert file.getvalue()[2] == 43
    assert media_type_of(file.getvalue()) == "image/tiff"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"BMW builds cars, and this is a text about it",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_other_bytes_are_no_image(data: bytes) -> None:
    """Text, EPS, sound and SVG are none of the formats that are read."""
    assert media_type_of(data) is None
