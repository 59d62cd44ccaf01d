"""One image made smaller: bytes in, bytes out."""

from __future__ import annotations

from typing import NamedTuple

from packhouse._src.images.cropping import Size
from packhouse._src.images.decoding import decode
from packhouse._src.images.jpeg.simplejpeg_ import encode
from packhouse._src.images.probing import probe
from packhouse.errors import ImageError

MOST_PIXELS_A_SIDE = 65_500
"""libjpeg's own limit (jmorecfg.h, JPEG_MAX_DIMENSION), less than the 65,535 of the format."""

_FIRST_ON_ITS_SIDE = 5  # orientations 5..8 swap rows and columns (Exif 2.32, 4.6.4 A)


class Derived(NamedTuple):
    """What came of one image."""

    data: bytes
    is_scaled: bool
    """Whether `data` is a smaller JPEG; else it is the original, byte for byte."""

    problem: str | None
    """What is wrong with the original; None when nothing is."""


def derive_image(data: bytes, *, size: int, quality: int) -> Derived:
    """Make an image smaller, if it is larger and nothing is wrong with it.

    What a reader of the original would stumble over stays as it is, so that it stumbles over the copy too.

    Args:
        data: The whole file.
        size: Pixels that the shorter side shall have.
        quality: Of the JPEG, 1 to 100.

    Returns:
        A JPEG, upright, RGB, of the size that `scaled_size` says; or the original.

    Cost: of a JPEG one decode at the smallest of 1, 1/2, 1/4, 1/8 that is large enough, a resize and an
        encode; all release the GIL.
    """
    facts = probe(data)
    if facts.problem is not None or facts.width is None or facts.height is None:
        return Derived(data, is_scaled=False, problem=facts.problem)
    upright = (facts.height, facts.width)
    if (facts.orientation or 1) >= _FIRST_ON_ITS_SIDE:
        upright = upright[::-1]
    wanted = scaled_size(upright, size)
    if wanted is None:
        return Derived(data, is_scaled=False, problem=None)
    try:
        pixels = decode(data, size=wanted)
    except ImageError as err:
        return Derived(data, is_scaled=False, problem=err.problem)
    return Derived(encode(pixels, quality=quality), is_scaled=True, problem=None)


def scaled_size(stored: Size, size: int) -> Size | None:
    """Say how large an image becomes.

    Args:
        stored: (height, width) of the upright image in pixels.
        size: Pixels that the shorter side shall have.

    Returns:
        (height, width), the shorter of them exactly `size`; None when the image is not larger, or so long
        that the result could be no JPEG.
    """
    shorter = min(stored)
    longest = round(max(stored) * size / shorter)
    if shorter <= size or longest > MOST_PIXELS_A_SIDE:
        return None
    return (size, longest) if stored[0] <= stored[1] else (longest, size)
