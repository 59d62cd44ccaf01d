"""Small pictures for notebook cells, as JPEG data URIs."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from packhouse._src.images.jpeg import simplejpeg_
from packhouse._src.images.resizing import resize
from packhouse._src.images.scratch import Scratch
from packhouse.errors import PackhouseError

EDGE_OF_ONE = 400
EDGE_OF_MANY = 128
QUALITY = 85
_SIDEWAYS = range(5, 9)
_RGB = 3


class Decodes(Protocol):
    """What a picture asks of an image."""

    @property
    def width(self) -> int | None:
        """Stored columns in pixels."""

    @property
    def height(self) -> int | None:
        """Stored rows in pixels."""

    @property
    def orientation(self) -> int | None:
        """EXIF orientation 1..8."""

    def decode(self, size: tuple[int, int] | int | None = None) -> NDArray[Any]:
        """Decode as RGB, upright."""


def picture_of(image: Decodes, *, edge: int) -> tuple[str | None, str]:
    """Make the small picture of one image.

    Args:
        image: The image.
        edge: Most pixels of its longer side; a smaller image keeps its size.

    Returns:
        Its data URI, and ""; or None, and why it cannot be shown.
    """
    try:
        if image.width and image.height:
            return _data_uri(image.decode(_fitting(_upright(image), edge))), ""
        return picture_of_pixels(image.decode(), edge=edge), ""
    except PackhouseError as err:
        return None, str(err).partition("\n")[0]


def picture_of_pixels(pixels: NDArray[Any], *, edge: int) -> str:
    """Make the small picture of decoded pixels.

    Args:
        pixels: (height, width, channels): one channel, RGB, or RGB and alpha, which is left out. What is not
            uint8 is scaled from its smallest to its largest value.
        edge: Most pixels of the longer side.

    Returns:
        Its data URI.
    """
    rgb = _as_rgb(pixels)
    size = _fitting((rgb.shape[0], rgb.shape[1]), edge)
    small = np.empty((*size, 3), np.uint8)
    resize(rgb, small, Scratch())
    return _data_uri(small)


def _upright(image: Decodes) -> tuple[int, int]:
    height, width = image.height or 1, image.width or 1
    return (width, height) if image.orientation in _SIDEWAYS else (height, width)


def _fitting(size: tuple[int, int], edge: int) -> tuple[int, int]:
    scale = min(1.0, edge / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _as_rgb(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype != np.uint8:
        low, high = float(pixels.min()), float(pixels.max())
        pixels = ((pixels - low) * (255 / ((high - low) or 1))).astype(np.uint8)
    rgb = pixels[..., :3] if pixels.shape[2] >= _RGB else np.repeat(pixels[..., :1], _RGB, axis=2)
    return np.ascontiguousarray(rgb)


def _data_uri(rgb: NDArray[np.uint8]) -> str:
    data = simplejpeg_.encode(np.ascontiguousarray(rgb), quality=QUALITY)
    return "data:image/jpeg;base64," + b64encode(data).decode()
