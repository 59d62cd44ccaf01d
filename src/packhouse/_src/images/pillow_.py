"""The one module that imports Pillow: opening, converting, resizing; its errors leave it as ImageError.

Files are opened through the plugin classes themselves, never through `PIL.Image.open`. That
is the allow-list: no other plugin (EPS starts Ghostscript) is ever reached. It also leaves out
Pillow's own limit on pixels, a setting of the whole process that warns or raises before the size
of an image could be read; `pixel_limit` has the limit here.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from packhouse._src.images import sniffing
from packhouse._src.images.pixel_limit import MOST_PIXELS, refuse_bomb
from packhouse._src.images.raw import RAW_CHANNELS, RawForm
from packhouse.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import ImageFile

Mode: TypeAlias = Literal["RGB", "L", "raw"]
Pixels: TypeAlias = NDArray[Any]

_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    sniffing.JPEG: JpegImagePlugin.JpegImageFile,
    sniffing.PNG: PngImagePlugin.PngImageFile,
    sniffing.GIF: GifImagePlugin.GifImageFile,
    sniffing.WEBP: WebPImagePlugin.WebPImageFile,
    sniffing.BMP: BmpImagePlugin.BmpImageFile,
    sniffing.TIFF: TiffImagePlugin.TiffImageFile,
    sniffing.AVIF: AvifImagePlugin.AvifImageFile,
    sniffing.JPEG_2000: Jpeg2KImagePlugin.Jpeg2KImageFile,
    sniffing.NETPBM: PpmImagePlugin.PpmImageFile,
}
_IMAGE_WIDTH, _IMAGE_LENGTH, _ORIENTATION = 0x0100, 0x0101, 0x0112
_ORIENTATIONS = range(1, 9)
_GREY_16_BIT = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_WHITE = 255
_PNG_SIGNATURE_BYTES = 8


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


def _opened(data: bytes, media_type: str) -> ImageFile.ImageFile:
    plugin = _PLUGINS.get(media_type) or _heif_plugin()
    return plugin(io.BytesIO(data))


def _heif_plugin() -> type[ImageFile.ImageFile]:
    try:
        from pillow_heif import HeifImageFile  # the user's own
    except ImportError as err:
        raise ImageError("HEIC images need a plugin of Pillow", hint="pip install pillow-heif") from err
    found: type[ImageFile.ImageFile] = HeifImageFile
    return found


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
        if not exif and isinstance(image, PngImagePlugin.PngImageFile):
            exif = _exif_chunk(data)
        return PillowHeader(*image.size, orientation_in(exif) if exif else None)


def _exif_chunk(png: bytes) -> bytes:
    """Return what the eXIf chunk of a PNG holds; b"" where there is none.

    It may stand behind the pixels, where Pillow does not come before it has decoded them.

    Source: PNG (3rd edition) 5.3, 5.6 and 11.3.2.8.
    """
    at = _PNG_SIGNATURE_BYTES if b"eXIf" in png else len(png)
    while at < len(png):
        size, name = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        if name == b"eXIf":
            return png[at + 8 : at + 8 + size]
        at += 4 + 4 + size + 4  # size, name, bytes, checksum
    return b""


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


def _loaded(data: bytes, media_type: str, max_pixels: int) -> ImageFile.ImageFile:
    image = _opened(data, media_type)
    refuse_bomb(*image.size, max_pixels=max_pixels)
    image.load()
    return image


def to_pil(data: bytes, *, max_pixels: int = MOST_PIXELS) -> Image.Image:
    """Open and load an image as it is stored: mode, palette and `info` as Pillow reads them.

    It is not turned by EXIF, with one exception: Pillow itself turns a TIFF while loading it. Of
    several frames the first is loaded.

    Args:
        data: The whole file.
        max_pixels: Most pixels to decode.

    Returns:
        A loaded Pillow image, which needs no file any more.

    Raises:
        ImageError: Not an image, damaged, truncated, or of more than `max_pixels`.

    Cost: one decode; releases the GIL.
    """
    media_type = sniffing.media_type_of(data)
    if media_type is None:
        raise ImageError(f"not an image of a known format: it starts with {data[:8]!r}")
    with _translated("decode the image"):
        return _loaded(data, media_type, max_pixels)


def raw_to_pil(data: bytes, form: RawForm, *, max_pixels: int = MOST_PIXELS) -> Image.Image:
    """Make an image of raw pixels, in mode L, RGB or RGBA.

    Args:
        data: The pixels, uint8, row by row, channels together.
        form: What they are.
        max_pixels: Most pixels to decode.

    Returns:
        A Pillow image that owns its pixels.

    Raises:
        ImageError: Too few or too many bytes for that size, or more than `max_pixels`.
    """
    height, width = form.size
    channels = RAW_CHANNELS[form.media_type]
    refuse_bomb(width, height, max_pixels=max_pixels)
    if len(data) != height * width * channels or not data:
        raise ImageError(f"{len(data):,} bytes are not {height} x {width} pixels of {channels} channels")
    return Image.frombytes({1: "L", 3: "RGB", 4: "RGBA"}[channels], (width, height), data)


def raw_pixels(data: bytes, form: RawForm, *, mode: Mode, max_pixels: int = MOST_PIXELS) -> Pixels:
    """Return raw pixels in some mode; otherwise as `raw_to_pil`.

    Args:
        data: The pixels.
        form: What they are.
        mode: As of `decode`.
        max_pixels: Most pixels to decode.

    Returns:
        (height, width, channels) uint8, C-contiguous, owned.
    """
    return _in_mode(raw_to_pil(data, form, max_pixels=max_pixels), mode)


def decode(data: bytes, media_type: str, *, mode: Mode, max_pixels: int = MOST_PIXELS) -> Pixels:
    """Decode an image of any format at its stored size.

    Args:
        data: The whole file.
        media_type: Its format, one of `sniffing`.
        mode: "RGB", "L" or "raw", as `packhouse._src.images.decoding.decode` says.
        max_pixels: Most pixels to decode.

    Returns:
        (height, width, channels), C-contiguous, owned; uint8, save of raw pixels of more bits. As stored,
        except that Pillow turns a TIFF by its orientation tag.
    """
    with _translated("decode the image"):
        return _in_mode(_loaded(data, media_type, max_pixels), mode)


def _in_mode(image: Image.Image, mode: Mode) -> Pixels:
    if mode == "raw":
        pixels = np.array(image)
        pixels = pixels.astype(np.uint8) if pixels.dtype == np.bool_ else pixels
    elif image.mode in _GREY_16_BIT:
        pixels = _high_byte(image)
        pixels = np.repeat(pixels[:, :, np.newaxis], 3, axis=2) if mode == "RGB" else pixels
    else:
        pixels = _of_8_bits(image, mode)
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels  # noqa: PLR2004  # rows and columns only


def _of_8_bits(image: Image.Image, mode: Mode) -> Pixels:
    if image.mode == "F":
        raise ImageError(
            "the image has floating-point pixels, which cannot be mapped to 0..255",
            hint='use mode="raw" for the stored values, or .to_pil() for a Pillow image',
        )
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        return np.array(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB").convert(mode))
    return np.array(image.convert(mode))


def _high_byte(image: Image.Image) -> Pixels:
    # Pillow's own `convert` would make white of everything above 255.
    wide = np.asarray(image)
    grey = (wide.clip(0, 0xFFFF) >> 8).astype(np.uint8)
    if (clear := image.info.get("transparency")) is not None:
        grey[wide == clear] = _WHITE
    return grey


def picture_of(pixels: Pixels) -> Image.Image:
    """Make a Pillow image of pixels.

    Args:
        pixels: (height, width, channels).

    Returns:
        An image that owns its pixels: mode L for one channel, RGB for three.

    Raises:
        TypeError: Pillow has no image of that type and number of channels.
    """
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def resize(pixels: Pixels, out: Pixels, *, flipped: bool = False) -> None:
    """Scale a picture into a place of that size, by Pillow's BILINEAR, as `resizing.resize` says.

    Args:
        pixels: (height, width, channels) uint8, one or three channels.
        out: Where to, likewise.
        flipped: Exchange left and right.
    """
    target = out[:, :, 0] if out.shape[2] == 1 else out
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    scaled = image.resize((out.shape[1], out.shape[0]), Image.Resampling.BILINEAR)
    if flipped:
        scaled = scaled.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    np.copyto(target, np.asarray(scaled))
