"""The only door to Pillow: opening, converting, resizing; its errors leave it as ImageError.

Files are opened through the seven plugin classes themselves, never through `PIL.Image.open`. That
is the allow-list: no other plugin (EPS starts Ghostscript) is ever reached. It also leaves out
Pillow's own limit on pixels, a setting of the whole process that warns or raises before the size
of an image could be read; `refuse_bomb` is the limit here.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from packhouse.errors import ImageError
from packhouse.images import sniffing
from packhouse.images.raw import RAW_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL import ImageFile

MOST_PIXELS = 50_000_000

_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    sniffing.JPEG: JpegImagePlugin.JpegImageFile,
    sniffing.PNG: PngImagePlugin.PngImageFile,
    sniffing.GIF: GifImagePlugin.GifImageFile,
    sniffing.WEBP: WebPImagePlugin.WebPImageFile,
    sniffing.BMP: BmpImagePlugin.BmpImageFile,
    sniffing.TIFF: TiffImagePlugin.TiffImageFile,
    sniffing.AVIF: AvifImagePlugin.AvifImageFile,
}
_IMAGE_WIDTH, _IMAGE_LENGTH, _ORIENTATION = 0x0100, 0x0101, 0x0112
_ORIENTATIONS = range(1, 9)
_GREY_16_BIT = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_WHITE = 255


class PillowHeader(NamedTuple):
    """What Pillow reads before it decodes anything."""

    width: int
    """Stored columns in pixels."""

    height: int
    """Stored rows in pixels."""

    orientation: int | None
    """EXIF orientation 1..8; None when the file states none."""


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except ImageError:
        raise
    # Pillow's plugins let out whatever damaged bytes provoke: besides OSError and ValueError also
    # SyntaxError, struct.error, KeyError, OverflowError, EOFError, MemoryError, and warnings where
    # the user made errors of them.
    except Exception as err:
        raise ImageError(f"Pillow cannot {doing}: {type(err).__name__}: {err}") from err


def refuse_bomb(width: int, height: int, *, divisor: int = 1) -> None:
    """Raise for an image of too many pixels, before anything is allocated for it.

    Args:
        width: Stored columns in pixels, as the header declares them.
        height: Stored rows in pixels.
        divisor: The image is decoded at this fraction of its width and height.

    Raises:
        ImageError: More than 50 million pixels would be decoded.
    """
    if width * height > MOST_PIXELS * divisor**2:
        raise ImageError(
            f"the image declares {width} x {height} pixels; at most {MOST_PIXELS:,} are decoded",
            hint="take its bytes, and decode them with a tool made for such sizes",
        )


def _opened(data: bytes, media_type: str) -> ImageFile.ImageFile:
    return _PLUGINS[media_type](io.BytesIO(data))


def read_header(data: bytes, media_type: str) -> PillowHeader:
    """Read size and orientation of an image that is not a JPEG, without decoding it.

    Args:
        data: The whole file.
        media_type: Its format, one of `sniffing`.

    Returns:
        Stored size in pixels and EXIF orientation.
    """
    with _translated("read the header"):
        image = _opened(data, media_type)
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            # Pillow turns a TIFF while loading it, and its `size` is the turned one.
            tags = image.tag_v2
            width, height = int(tags[_IMAGE_WIDTH]), int(tags[_IMAGE_LENGTH])
            return PillowHeader(width, height, _valid(tags.get(_ORIENTATION)))
        exif = image.info.get("exif", b"")
        return PillowHeader(*image.size, orientation_in(exif) if exif else None)


def orientation_in(exif: bytes) -> int | None:
    """Find the orientation in an Exif block, with or without the leading "Exif" and two zeros.

    Args:
        exif: A TIFF file that holds tags and no picture.

    Returns:
        1..8; None when the block states none or another number, or cannot be read: a broken note
        about a picture does not break the picture.

    Source: Exif 2.32, 4.6.4 A, tag 0x0112.
    """
    try:
        with _translated("read the EXIF block"):
            block = Image.Exif()
            block.load(exif)
            return _valid(block.get(_ORIENTATION))
    except ImageError:
        return None


def _valid(orientation: object) -> int | None:
    if isinstance(orientation, int) and orientation in _ORIENTATIONS:
        return orientation
    return None


def _loaded(data: bytes, media_type: str) -> ImageFile.ImageFile:
    image = _opened(data, media_type)
    refuse_bomb(*image.size)
    image.load()
    return image


def to_pil(data: bytes) -> Image.Image:
    """Open and load an image as it is stored: mode, palette and `info` as Pillow reads them.

    It is not turned by EXIF, with one exception: Pillow itself turns a TIFF while loading it. Of
    several frames the first is loaded.

    Args:
        data: The whole file.

    Returns:
        A loaded Pillow image, which needs no file any more.

    Raises:
        ImageError: Not an image, damaged, truncated, or of more than 50 million pixels.

    Cost: one decode; releases the GIL.
    """
    media_type = sniffing.media_type_of(data)
    if media_type is None:
        raise ImageError(f"not an image of a known format: it begins with {data[:8]!r}")
    with _translated("decode the image"):
        return _loaded(data, media_type)


def raw_to_pil(data: bytes, media_type: str, size: tuple[int, int]) -> Image.Image:
    """Make an image of raw pixels, in mode L, RGB or RGBA.

    Args:
        data: The pixels, uint8, row by row, channels together.
        media_type: One of `raw.RAW_TYPES`.
        size: (height, width) in pixels.

    Returns:
        A Pillow image that owns its pixels.

    Raises:
        ImageError: Too few or too many bytes for that size, or more than 50 million pixels.
    """
    height, width = size
    channels = RAW_CHANNELS[media_type]
    refuse_bomb(width, height)
    if len(data) != height * width * channels or not data:
        raise ImageError(f"{len(data):,} bytes are not {height} x {width} pixels of {channels} channels")
    return Image.frombytes({1: "L", 3: "RGB", 4: "RGBA"}[channels], (width, height), data)


def raw_to_rgb(data: bytes, media_type: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return raw pixels as RGB, grey repeated and transparency laid on white; otherwise as `raw_to_pil`.

    Args:
        data: The pixels.
        media_type: One of `raw.RAW_TYPES`.
        size: (height, width) in pixels.

    Returns:
        (height, width, 3) uint8, RGB, 0..255, C-contiguous, owned.
    """
    return _rgb(raw_to_pil(data, media_type, size))


def decode_rgb(data: bytes, media_type: str) -> NDArray[np.uint8]:
    """Decode an image of any of the seven formats at its stored size.

    Args:
        data: The whole file.
        media_type: Its format, one of `sniffing`.

    Returns:
        (height, width, 3) uint8, RGB, 0..255, C-contiguous, owned; as stored, except that Pillow
        turns a TIFF by its orientation tag. `packhouse.images.decoding.decode` says what becomes
        of other modes.
    """
    with _translated("decode the image"):
        return _rgb(_loaded(data, media_type))


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in _GREY_16_BIT:
        return _rgb_from_16_bit(image)
    if image.mode == "F":
        raise ImageError(
            "the image holds floating-point pixels, which have no range to make 0..255 of",
            hint="take it as a Pillow image, and scale it as its makers meant",
        )
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        return np.array(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
    return np.array(image.convert("RGB"))


def _rgb_from_16_bit(image: Image.Image) -> NDArray[np.uint8]:
    # Pillow's own `convert` would make white of everything above 255.
    wide = np.asarray(image)
    grey = (wide.clip(0, 0xFFFF) >> 8).astype(np.uint8)
    if (clear := image.info.get("transparency")) is not None:
        grey[wide == clear] = _WHITE
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


def resize(
    pixels: NDArray[np.uint8],
    size: tuple[int, int],
    *,
    box: tuple[float, float, float, float],
) -> NDArray[np.uint8]:
    """Scale a part of an image; the bicubic filter widens when it shrinks, so nothing aliases.

    Args:
        pixels: (height, width, 3) uint8.
        size: Wanted (height, width) in pixels.
        box: The part as (left, top, right, bottom), in pixels of `pixels`, fractions allowed.

    Returns:
        (height, width, 3) uint8 of the wanted size, C-contiguous, owned.

    Cost: a copy of `pixels` on the way in, two of the result on the way out; releases the GIL.
    """
    height, width = size
    image = Image.fromarray(pixels)
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC, box=box))
