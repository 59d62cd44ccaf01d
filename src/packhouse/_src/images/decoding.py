"""Encoded bytes to upright pixels, at the stored size or cut to a wanted one."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from packhouse._src.images import pillow_, sniffing
from packhouse._src.images.cropping import Box, Crop, Cut, Size, centre, shrunk
from packhouse._src.images.formats import NO_DECODER
from packhouse._src.images.jpeg.markers import JpegHeader
from packhouse._src.images.jpeg.partial_decode import NeededPart, decode_jpeg
from packhouse._src.images.pillow_ import Mode
from packhouse._src.images.pixel_limit import MOST_PIXELS, refuse_bomb
from packhouse._src.images.probing import probe_with_header
from packhouse._src.images.raw import RawForm
from packhouse._src.images.resizing import resize
from packhouse._src.images.scratch import Scratch
from packhouse._src.records import HeaderFacts
from packhouse.errors import ImageError, UsageError

CHANNELS: dict[str, int] = {"RGB": 3, "L": 1}

_FIRST_ON_ITS_SIDE = 5  # orientations 5..8 swap rows and columns
_ROWS_REVERSED = frozenset({3, 4, 7, 8})  # of the upright picture
_COLUMNS_REVERSED = frozenset({2, 3, 6, 7})
_EVERY_OTHER = 0.5


class DecodeOptions(NamedTuple):
    """What is to become of an image."""

    crop: Crop
    """Which part of it; one of `cropping.CROPS`."""

    mode: Mode = "RGB"
    """"RGB" or "L"."""

    flip: bool = False
    """Whether every other image, by chance, has left and right exchanged."""

    max_pixels: int = MOST_PIXELS
    """Most pixels to decode of one image, at the scale it is decoded at."""


class _Picture(NamedTuple):
    upright: NDArray[np.uint8]
    divisor: int
    """It is decoded at this fraction of its stored size."""

    cut: Cut
    """What is wanted of it, in pixels of the stored size."""


def decode(
    data: bytes, *, size: Size | None = None, mode: Mode = "RGB", max_pixels: int = MOST_PIXELS
) -> NDArray[Any]:
    """Decode one image, upright.

    Every decoder follows one policy. "RGB": grey is repeated in three channels; a palette becomes its
    colours; transparency is laid on white; 16-bit samples keep their high byte (`>> 8`; grey of 32
    bits is clipped to 0..65535 first); CMYK is converted as Pillow does it, without a profile and
    with JPEGs taken for inverted as Adobe's are; of an animation the first frame counts.
    Floating-point images are refused. Colour profiles are not applied. "L": the same, as luma
    (ITU-R 601-2). "raw": pixel values as stored, palette indices and 16 bits too.

    Args:
        data: The whole file.
        size: Wanted (height, width) in pixels of the upright image. It is scaled, keeping its
            aspect ratio, to cover that size, and the centre is cut out: the result has exactly
            this shape. None keeps the stored size.
        mode: "RGB", "L" or "raw"; raw samples keep their stored size.
        max_pixels: Most pixels to decode, at the scale it is decoded at.

    Returns:
        (height, width, channels), C-contiguous, EXIF-upright, owned. "RGB": 3 channels in that order, "L": 1,
        both uint8, 0..255. "raw": the channels that the file has (RGB of a YCbCr JPEG; 0 and 1 of a bilevel
        image), uint8, or uint16, int32, float32 where they have so many bits; Pillow reads colour of
        16 bits as 8.

    Raises:
        ImageError: Not an image, damaged, truncated, floating-point, of more than `max_pixels` at the
            scale it is decoded at, or of more than 500 million and `max_pixels`.
        UsageError: `size` is not a pair of positive numbers, or there is one of raw samples.

    Cost: one decode (of a JPEG at the smallest of 1, 1/2, 1/4, 1/8 that covers `size`) and one
        resize (`packhouse._src.images.resizing`); both release the GIL.
    Source: ITU-T T.81, A.3.3 (inverse DCT); Exif 2.32, 4.6.4 A (orientation).
    """
    check_wanted(size, mode, max_pixels)
    if size is not None:
        wanted = DecodeOptions(centre, mode, max_pixels=max_pixels)
        picture = _decoded(data, size, wanted, (), Scratch())
        out = np.empty((*size, CHANNELS[mode]), np.uint8)  # after a bomb is refused
        _place(picture, out, Scratch())
        return out
    facts, header = _checked_facts(data)
    if header is not None:
        pixels = decode_jpeg(data, header, mode, max_pixels=max_pixels)[0]
        pixels = _turned(pixels, facts.orientation or 1)
    else:
        pixels = _decode_other(data, facts, mode, max_pixels)
    return np.ascontiguousarray(pixels)


def decode_raw(
    data: bytes,
    form: RawForm,
    *,
    size: Size | None = None,
    mode: Mode = "RGB",
    max_pixels: int = MOST_PIXELS,
) -> NDArray[np.uint8]:
    """Make pixels of an image that is stored as pixels, as `decode` does of an image file.

    Args:
        data: The pixels, uint8, row by row, channels together.
        form: What they are.
        size: Wanted (height, width) in pixels, as of `decode`.
        mode: As of `decode`.
        max_pixels: As of `decode`.

    Returns:
        (height, width, channels) uint8, 0..255, C-contiguous, owned.

    Raises:
        ImageError: Too few or too many bytes for that size, or more than `max_pixels`.
        UsageError: As of `decode`.
    """
    check_wanted(size, mode, max_pixels)
    if size is None:
        return pillow_.raw_pixels(data, form, mode=mode, max_pixels=max_pixels)
    out = np.empty((*size, CHANNELS[mode]), np.uint8)
    place_raw(data, form, out, DecodeOptions(centre, mode, max_pixels=max_pixels), (), Scratch())
    return out


def decode_into(
    data: bytes, out: NDArray[np.uint8], wanted: DecodeOptions, draws: Sequence[float], scratch: Scratch
) -> None:
    """Decode one image into its place in a batch; otherwise as `decode`.

    Args:
        data: The whole file.
        out: (height, width, channels) uint8, all of which is written; 3 channels for "RGB", 1 for "L".
        wanted: What is to become of it.
        draws: For what is left to chance: `cropping.DRAWS` numbers, 0 to 1; where nothing is, none.
        scratch: Memory of this thread.

    Raises:
        ImageError: As of `decode`; `out` is then as it was.
    """
    picture = _decoded(data, (out.shape[0], out.shape[1]), wanted, draws, scratch)
    _place(picture, out, scratch)


def place_raw(
    data: bytes,
    form: RawForm,
    out: NDArray[np.uint8],
    wanted: DecodeOptions,
    draws: Sequence[float],
    scratch: Scratch,
) -> None:
    """Put an image that is stored as pixels into its place in a batch; otherwise as `decode_into`.

    Args:
        data: The pixels, uint8, row by row, channels together.
        form: What they are.
        out: As of `decode_into`.
        wanted: As of `decode_into`.
        draws: As of `decode_into`.
        scratch: As of `decode_into`.
    """
    pixels = pillow_.raw_pixels(data, form, mode=wanted.mode, max_pixels=wanted.max_pixels)
    cut = _cut(wanted, form.size, (out.shape[0], out.shape[1]), draws)
    _place(_Picture(pixels, 1, cut), out, scratch)


def check_wanted(size: Size | None, mode: str, max_pixels: object = MOST_PIXELS) -> None:
    """Refuse a size, mode or limit that is none.

    Args:
        size: (height, width), or None.
        mode: "RGB", "L" or "raw".
        max_pixels: Most pixels to decode.

    Raises:
        UsageError: Says which, and what there is.
    """
    if isinstance(max_pixels, bool) or not isinstance(max_pixels, Integral) or max_pixels < 1:
        raise UsageError(
            f"max_pixels={max_pixels!r} is not a number of pixels", hint="max_pixels=200_000_000"
        )
    if mode not in {"RGB", "L", "raw"}:
        raise UsageError(f"mode={mode!r} is unknown", hint='"RGB", "L" or "raw"')
    if size is not None and min(size) < 1:
        raise UsageError(f"size must be a positive (height, width) in pixels, not {size}")
    if size is not None and mode == "raw":
        raise UsageError(
            'mode="raw" returns pixel values as stored, which cannot be scaled',
            hint="size=None, or another mode",
        )


def _checked_facts(data: bytes) -> tuple[HeaderFacts, JpegHeader | None]:
    facts, header = probe_with_header(data)
    if facts.problem == NO_DECODER and facts.media_type is not None:
        found = pillow_.read_header(data, facts.media_type)  # with a plugin, or the error says which
        return facts._replace(width=found.width, height=found.height), None
    if facts.media_type is None or facts.width is None or facts.height is None:
        raise ImageError(_reason(data, facts.problem))
    if header is not None and facts.problem is not None:
        raise ImageError(_reason(data, facts.problem))
    return facts, header


def _reason(data: bytes, problem: str | None) -> str:
    if problem == "not an image":
        return f"not an image of a known format: it starts with {data[:8]!r}"
    return f"the image cannot be decoded: {problem} ({len(data):,} bytes)"


def _upright_size(facts: HeaderFacts) -> Size:
    size = facts.height or 0, facts.width or 0
    return size[::-1] if (facts.orientation or 1) >= _FIRST_ON_ITS_SIDE else size


def _cut(wanted: DecodeOptions, upright: Size, size: Size, draws: Sequence[float]) -> Cut:
    cut = wanted.crop(upright, size, draws[1:])
    return cut._replace(flipped=True) if wanted.flip and draws[0] < _EVERY_OTHER else cut


def _decoded(
    data: bytes, size: Size, wanted: DecodeOptions, draws: Sequence[float], scratch: Scratch
) -> _Picture:
    facts, header = _checked_facts(data)
    if header is None:
        pixels = _decode_other(data, facts, wanted.mode, wanted.max_pixels)
        return _Picture(pixels, 1, _cut(wanted, (pixels.shape[0], pixels.shape[1]), size, draws))
    cut = _cut(wanted, _upright_size(facts), size, draws)
    orientation = facts.orientation or 1
    bottom = _stored_bottom(cut.box, _upright_size(facts), orientation)
    pixels, divisor = decode_jpeg(
        data, header, wanted.mode, NeededPart(cut, bottom, scratch), max_pixels=wanted.max_pixels
    )
    return _Picture(_turned(pixels, orientation), divisor, cut)


def _decode_other(data: bytes, facts: HeaderFacts, mode: Mode, max_pixels: int) -> NDArray[Any]:
    # A cut file of another format may still hold all its pixels: a PNG that lacks its last chunk,
    # say. Pillow tries, and raises where pixels are missing.
    refuse_bomb(facts.width or 0, facts.height or 0, max_pixels=max_pixels)
    pixels = pillow_.decode(data, facts.media_type or "", mode=mode, max_pixels=max_pixels)
    is_turned = facts.media_type == sniffing.TIFF  # by Pillow, while it loaded
    return pixels if is_turned else _turned(pixels, facts.orientation or 1)


def _place(picture: _Picture, out: NDArray[np.uint8], scratch: Scratch) -> None:
    """Scale what is wanted of a picture into its place."""
    upright, divisor, cut = picture
    top, left, height, width = shrunk(cut.box, divisor, (upright.shape[0], upright.shape[1]))
    part = upright[top : top + height, left : left + width]
    if part.strides[1:] != (part.shape[2], 1):  # it was turned: pixels of a row lie apart
        part = np.ascontiguousarray(part)
    at = cut.into
    if (at.height, at.width) != out.shape[:2]:
        out[...] = 0
    target = out[at.top : at.top + at.height, at.left : at.left + at.width]
    resize(part, target, scratch, flipped=cut.flipped)


def _stored_bottom(box: Box, upright: Size, orientation: int) -> int:
    """Return how many stored rows a box of the upright picture needs: the same table as that of `_turned`."""
    if orientation < _FIRST_ON_ITS_SIDE:
        return upright[0] - box.top if orientation in _ROWS_REVERSED else box.top + box.height
    return upright[1] - box.left if orientation in _COLUMNS_REVERSED else box.left + box.width


def _turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    # Exif 2.32, 4.6.4 A, says where row 0 and column 0 of the stored image belong.
    if orientation == 1:
        return pixels
    if orientation >= _FIRST_ON_ITS_SIDE:
        pixels = pixels.transpose(1, 0, 2)
    rows = slice(None, None, -1 if orientation in _ROWS_REVERSED else 1)
    columns = slice(None, None, -1 if orientation in _COLUMNS_REVERSED else 1)
    return pixels[rows, columns]
