"""Decodes a JPEG no larger and no further down than it is wanted."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from packhouse._src.images import pillow_, sniffing
from packhouse._src.images.cropping import Cut, divisor_for
from packhouse._src.images.jpeg import simplejpeg_
from packhouse._src.images.jpeg.markers import BASELINE, EXTENDED, PROGRESSIVE, JpegHeader
from packhouse._src.images.jpeg.shortening import rows_to_decode, shortened
from packhouse._src.images.pillow_ import Mode
from packhouse._src.images.pixel_limit import MOST_PIXELS, refuse_bomb
from packhouse._src.images.scratch import Scratch

_ORDINARY_PROCESSES = frozenset({BASELINE, EXTENDED, PROGRESSIVE})
_ORDINARY_BITS = 8
_ORDINARY_COMPONENTS = frozenset({1, 3})
_REDUCED = 4 / 3


class NeededPart(NamedTuple):
    """What is needed of a picture."""

    cut: Cut
    """Whichever way the picture is turned."""

    bottom: int
    """Its last stored row that counts, and one: those from there on may be anything."""

    scratch: Scratch
    """Memory for the pixels."""


def decode_jpeg(
    data: bytes,
    header: JpegHeader,
    mode: Mode,
    need: NeededPart | None = None,
    *,
    max_pixels: int = MOST_PIXELS,
) -> tuple[NDArray[Any], int]:
    """Decode a JPEG, as it is stored.

    Args:
        data: The whole file.
        header: Of it; one without a problem.
        mode: Raw samples of an ordinary JPEG are grey or RGB, as it has one component or three.
        need: What is needed of it; None is all of it at full size, in memory of its own.
        max_pixels: Most pixels to decode.

    Returns:
        The stored pixels, and the divisor they are decoded at.

    Raises:
        ImageError: Damaged, truncated, or too large.
    """
    if _is_ordinary(header):
        divisor = 1 if need is None else divisor_for(need.cut)
        # Of several scans the coefficients are held at full size, whatever the scale of the pixels.
        held_at = 1 if header.is_buffered else divisor
        refuse_bomb(header.width, header.height, divisor=held_at, max_pixels=max_pixels)
        grey = mode == "L" or (mode == "raw" and header.components == 1)
        if need is None:
            pixels = simplejpeg_.decode(data, size=(header.height, header.width), grey=grey)
        else:
            pixels = _decode_needed(data, header, need, divisor, grey=grey)
        if pixels is not None:
            return pixels, divisor
    refuse_bomb(header.width, header.height, max_pixels=max_pixels)
    return pillow_.decode(data, sniffing.JPEG, mode=mode, max_pixels=max_pixels), 1


def _decode_needed(
    data: bytes, header: JpegHeader, need: NeededPart, divisor: int, *, grey: bool
) -> NDArray[Any] | None:
    width = -(-header.width // divisor)
    whole = need.scratch.take("decoded", (-(-header.height // divisor), width, 1 if grey else 3))
    # At a fraction, edges move to whole pixels, counted from either end as the picture is turned.
    bottom = need.bottom + (2 * divisor if divisor > 1 else 0)
    fast_chroma = _is_reduced(need.cut, divisor)
    rows = rows_to_decode(data, header, bottom, fast_chroma=fast_chroma)
    is_shortened = rows < header.height
    decoded = simplejpeg_.decode(
        shortened(data, header, rows) if is_shortened else data,
        size=(-(-rows // divisor), width),
        grey=grey,
        fast_chroma=fast_chroma,
        is_shortened=is_shortened,
        buffer=whole,
    )
    return None if decoded is None else whole


def _is_reduced(cut: Cut, divisor: int) -> bool:
    least = _REDUCED * divisor
    return cut.box.height >= least * cut.into.height and cut.box.width >= least * cut.into.width


def _is_ordinary(header: JpegHeader) -> bool:
    return (
        header.process in _ORDINARY_PROCESSES
        and header.precision_bits == _ORDINARY_BITS
        and header.components in _ORDINARY_COMPONENTS
    )
