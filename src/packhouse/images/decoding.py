"""Encoded bytes to RGB pixels, upright, at the stored size or cut to a wanted one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from packhouse.errors import ImageError, UsageError
from packhouse.images import pillow_, simplejpeg_, sniffing
from packhouse.images.markers import BASELINE, EXTENDED, PROGRESSIVE, JpegHeader, read_header
from packhouse.images.probing import probe

_Pixels = NDArray[np.uint8]

_ORDINARY_PROCESSES = frozenset({BASELINE, EXTENDED, PROGRESSIVE})
_ORDINARY_BITS = 8
_ORDINARY_COMPONENTS = frozenset({1, 3})
_FIRST_ON_ITS_SIDE = 5  # orientations 5..8 swap rows and columns


def decode(data: bytes, *, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Decode one image to upright RGB.

    Every decoder follows one policy. Grey is repeated in three channels; a palette becomes its
    colours; transparency is laid on white; 16-bit samples keep their high byte (`>> 8`; grey of 32
    bits is clipped to 0..65535 first); CMYK is converted as Pillow does it, without a profile and
    with JPEGs taken for inverted as Adobe's are; of an animation the first frame counts.
    Floating-point images are refused. Colour profiles are not applied.

    Args:
        data: The whole file.
        size: Wanted (height, width) in pixels of the upright image. It is scaled, keeping its
            aspect ratio, to cover that size, and the centre is cut out: the result has exactly
            this shape. None keeps the stored size.

    Returns:
        (height, width, 3) uint8, RGB, 0..255, C-contiguous, EXIF-upright, owned.

    Raises:
        ImageError: Not an image, damaged, truncated, floating-point, or of more than 50 million
            pixels at the scale it is decoded at.
        UsageError: `size` is not a pair of positive numbers.

    Cost: one decode (of a JPEG at the smallest of 1, 1/2, 1/4, 1/8 that covers `size`) and one
        bicubic resize; both release the GIL.
    Source: ITU-T T.81, A.3.3 (inverse DCT); Exif 2.32, 4.6.4 A (orientation).
    """
    _check_wanted(size)
    facts = probe(data)
    if facts.media_type is None or facts.width is None or facts.height is None:
        raise ImageError(_reason(data, facts.problem))
    if facts.media_type == sniffing.JPEG:
        if facts.problem is not None:
            raise ImageError(_reason(data, facts.problem))
        return _decode_jpeg(data, facts.orientation or 1, size)
    # A cut file of another format may still hold all its pixels: a PNG that lacks its last chunk,
    # say. Pillow tries, and raises where pixels are missing.
    pillow_.refuse_bomb(facts.width, facts.height)
    pixels = pillow_.decode_rgb(data, facts.media_type)
    is_turned = facts.media_type == sniffing.TIFF  # by Pillow, while it loaded
    return _finished(pixels, pixels.shape[:2], 1 if is_turned else facts.orientation or 1, size)


def decode_raw(
    data: bytes, media_type: str, stored: tuple[int, int], *, size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Make upright RGB of raw pixels, as `decode` does of an image file.

    Args:
        data: The pixels, uint8, row by row, channels together.
        media_type: One of `raw.RAW_TYPES`.
        stored: Their (height, width).
        size: Wanted (height, width) in pixels, as of `decode`.

    Returns:
        (height, width, 3) uint8, RGB, 0..255, C-contiguous, owned.

    Raises:
        ImageError: Too few or too many bytes for that size, or more than 50 million pixels.
        UsageError: `size` is not a pair of positive numbers.
    """
    _check_wanted(size)
    return _finished(pillow_.raw_to_rgb(data, media_type, stored), stored, 1, size)


def _check_wanted(size: tuple[int, int] | None) -> None:
    if size is not None and min(size) < 1:
        raise UsageError(f"size must be a positive (height, width) in pixels, not {size}")


def _reason(data: bytes, problem: str | None) -> str:
    if problem == "not an image":
        return f"not an image of a known format: it begins with {data[:8]!r}"
    return f"the image cannot be decoded: {problem} ({len(data):,} bytes)"


def _decode_jpeg(data: bytes, orientation: int, size: tuple[int, int] | None) -> _Pixels:
    header = read_header(data)
    stored = header.height, header.width
    divisor = _divisor(stored, _turned(size, orientation))
    pixels = None
    if _is_ordinary(header):
        # Of several scans the coefficients are held at full size, whatever the scale of the pixels.
        held = 1 if header.is_buffered else divisor
        pillow_.refuse_bomb(header.width, header.height, divisor=held)
        pixels = simplejpeg_.decode_rgb(data, size=stored, divisor=divisor)
    if pixels is None:
        pillow_.refuse_bomb(header.width, header.height)
        pixels, divisor = pillow_.decode_rgb(data, sniffing.JPEG), 1
    extent = header.height / divisor, header.width / divisor
    return _finished(pixels, extent, orientation, size)


def _is_ordinary(header: JpegHeader) -> bool:
    return (
        header.process in _ORDINARY_PROCESSES
        and header.precision_bits == _ORDINARY_BITS
        and header.components in _ORDINARY_COMPONENTS
    )


def _turned(size: tuple[int, int] | None, orientation: int) -> tuple[int, int] | None:
    return size[::-1] if size is not None and orientation >= _FIRST_ON_ITS_SIDE else size


def _divisor(stored: tuple[int, int], wanted: tuple[int, int] | None) -> int:
    """Return the largest DCT divisor after which no side has to be enlarged."""
    if wanted is None:
        return 1
    room = min(stored[0] // wanted[0], stored[1] // wanted[1])
    return next((divisor for divisor in (8, 4, 2) if divisor <= room), 1)


def _finished(
    pixels: _Pixels, extent: tuple[float, ...], orientation: int, size: tuple[int, int] | None
) -> _Pixels:
    """Return stored pixels cut to size and turned upright.

    Args:
        pixels: (height, width, 3) uint8, as stored.
        extent: Height and width of the picture in `pixels`, whose last row and column a DCT scale
            may fill only in part.
        orientation: EXIF orientation 1..8.
        size: Wanted upright (height, width); None for no change.
    """
    wanted = _turned(size, orientation)
    if wanted is not None and pixels.shape[:2] != wanted:
        pixels = pillow_.resize(pixels, wanted, box=_centre(extent, wanted))
    return _upright(pixels, orientation)


def _centre(extent: tuple[float, ...], wanted: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the largest centred box of the wanted aspect ratio: left, top, right, bottom."""
    height, width = extent
    step = min(height / wanted[0], width / wanted[1])
    # Quotients and products may round up: never reach past the edge.
    cut_height, cut_width = min(wanted[0] * step, height), min(wanted[1] * step, width)
    top, left = (height - cut_height) / 2, (width - cut_width) / 2
    return left, top, min(left + cut_width, width), min(top + cut_height, height)


def _upright(pixels: _Pixels, orientation: int) -> _Pixels:
    # Exif 2.32, 4.6.4 A, says where row 0 and column 0 of the stored image belong.
    if orientation == 1:
        return pixels
    if orientation >= _FIRST_ON_ITS_SIDE:
        pixels = pixels.transpose(1, 0, 2)
    rows = slice(None, None, -1 if orientation in {3, 4, 7, 8} else 1)
    columns = slice(None, None, -1 if orientation in {2, 3, 6, 7} else 1)
    return np.array(pixels[rows, columns], order="C")
