"""Header facts of an encoded image, found without decoding it; an ordinary JPEG needs no Pillow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packhouse._src.images import sniffing
from packhouse._src.images.formats import NO_DECODER
from packhouse._src.images.jpeg.markers import JpegHeader, read_header
from packhouse._src.records import HeaderFacts
from packhouse.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable

_EOI = b"\xff\xd9"
_IEND = b"\0\0\0\0IEND\xaeB`\x82"
_SPACE = rb"(?:\s|#[^\n]*\n)+"
_NUMBER = rb"(\d{1,9})"
_NETPBM_HEADER = re.compile(
    rb"(?:(P4)" + _SPACE + _NUMBER + _SPACE + _NUMBER + rb"()"
    rb"|(P[56])" + _SPACE + _NUMBER + _SPACE + _NUMBER + _SPACE + _NUMBER + rb")\s"
)
_WEBP_HEADER_BYTES = 30
_VP8L_HEADER_BYTES = 25
_HAS_EXIF = 0x08

MOST_SIDE = 2**31 - 1
"""Columns or rows that the index can hold; no decoder makes that many."""


def probe(data: bytes) -> HeaderFacts:
    """Read the header of one encoded image; never raises and never decodes.

    Orientation is that of EXIF alone; an XMP copy of it does not count. A file may be truncated
    and still have a known size. What follows the end of an image does no harm.

    Args:
        data: The whole file.

    Returns:
        Media type, stored width and height in pixels, EXIF orientation and what is wrong, as far
        as they are known.

    Cost: some 3 microseconds for a JPEG without EXIF, 20 to 150 for what Pillow must read; no
        pixels are allocated, whatever size is declared.
    Source: ITU-T T.81 B.2 (JPEG); PNG (3rd edition) 11.2.5; GIF89a 27; RFC 9649 2.3 to 2.7 (WebP);
        ISO/IEC 14496-12, 4.2 (AVIF).
    """
    return probe_with_header(data)[0]


def probe_with_header(data: bytes) -> tuple[HeaderFacts, JpegHeader | None]:
    """Read the header of one encoded image for a decoder, that need not read it again.

    Args:
        data: The whole file.

    Returns:
        As of `probe`; of a JPEG also the header itself.
    """
    media_type = sniffing.media_type_of(data)
    if media_type == sniffing.JPEG:
        header = read_header(data)
        return _facts_of_jpeg(data, header), header
    return _plausible(_probe_other_than_jpeg(data, media_type)), None


def _plausible(facts: HeaderFacts) -> HeaderFacts:
    """Take a size that no image has for an unreadable header: some formats can declare -2^31 rows."""
    if facts.width is None or facts.height is None:
        return facts._replace(width=None, height=None)
    if 0 < facts.width <= MOST_SIDE and 0 < facts.height <= MOST_SIDE:
        return facts
    return facts._replace(width=None, height=None, problem=facts.problem or "unreadable header")


def _probe_other_than_jpeg(data: bytes, media_type: str | None) -> HeaderFacts:
    if media_type is None:
        return HeaderFacts(None, None, None, None, "not an image" if data else "empty")
    if media_type == sniffing.WEBP:
        return _probe_webp(data)
    if media_type == sniffing.HEIC:
        return HeaderFacts(media_type, None, None, None, NO_DECODER)
    return _probe_by_pillow(data, media_type)


def _facts_of_jpeg(data: bytes, header: JpegHeader) -> HeaderFacts:
    problem = header.problem
    # In entropy-coded data FF is followed by 00 or a restart marker, so FF D9 behind the beginning
    # of the scan ends the image. It is the last thing in nearly every file: search from the back.
    if problem is None and data.rfind(_EOI, header.scan_at) < 0:
        problem = "truncated"
    orientation = _orientation(header.exif) if header.exif else None
    return HeaderFacts(sniffing.JPEG, header.width or None, header.height or None, orientation, problem)


def _probe_webp(data: bytes) -> HeaderFacts:
    # By hand, since Pillow's plugin makes a decoder, and with it two canvases, to open a file.
    width, height = _webp_size(data)
    problem = None if width else "unreadable header"
    if len(data) < max(8 + _little(data, 4, 8), _VP8L_HEADER_BYTES):
        problem = "truncated"
    exif = _webp_exif(data)
    return HeaderFacts(sniffing.WEBP, width, height, _orientation(exif) if exif else None, problem)


def _probe_by_pillow(data: bytes, media_type: str) -> HeaderFacts:
    from packhouse._src.images import pillow_

    problem = "truncated" if _IS_CUT[media_type](data) else None
    try:
        header = pillow_.read_header(data, media_type)
    except ImageError:
        return HeaderFacts(media_type, None, None, None, problem or "unreadable header")
    return HeaderFacts(media_type, header.width, header.height, header.orientation, problem)


def _orientation(exif: bytes) -> int | None:
    from packhouse._src.images import pillow_

    return pillow_.orientation_in(exif)


def _little(data: bytes, begin: int, end: int) -> int:
    return int.from_bytes(data[begin:end], "little")


def _webp_size(data: bytes) -> tuple[int, int] | tuple[None, None]:
    chunk, size = data[12:16], len(data)
    if chunk == b"VP8X" and size >= _WEBP_HEADER_BYTES:
        return _little(data, 24, 27) + 1, _little(data, 27, 30) + 1
    if chunk == b"VP8L" and size >= _VP8L_HEADER_BYTES and data[20:21] == b"\x2f":
        bits = _little(data, 21, 25)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and size >= _WEBP_HEADER_BYTES and data[23:26] == b"\x9d\x01\x2a":
        width, height = _little(data, 26, 28) & 0x3FFF, _little(data, 28, 30) & 0x3FFF
        return (width, height) if width and height else (None, None)
    return None, None


def _webp_exif(data: bytes) -> bytes:
    if data[12:16] != b"VP8X" or not _little(data, 20, 21) & _HAS_EXIF:
        return b""
    at = 12
    while at + 8 <= len(data):
        size = _little(data, at + 4, at + 8)
        if data[at : at + 4] == b"EXIF":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return b""


def _lacks_png_end(data: bytes) -> bool:
    return data.rfind(_IEND) < 0


def _lacks_gif_end(data: bytes) -> bool:
    # The trailer's one byte occurs in pixels too, so only padding may follow it.
    return not data[-64:].rstrip(b"\0\r\n ").endswith(b";")


def _lacks_bmp_end(data: bytes) -> bool:
    return _little(data, 2, 6) > len(data)


def _lacks_tiff_directory(data: bytes) -> bool:
    is_little = data[:2] == b"II"
    at = data[8:16] if b"+" in data[2:4] else data[4:8]
    return int.from_bytes(at, "little" if is_little else "big") >= len(data)


def _lacks_avif_end(data: bytes) -> bool:
    # The outermost boxes follow each other; the last one may say 0 and run to the end of the file.
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 0:
            return False
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        at += max(size, 8)
    return at > len(data)


def _lacks_jpeg_2000_end(data: bytes) -> bool:
    return data.rfind(_EOI) < 0  # its last marker is that of a JPEG


def _lacks_netpbm_end(data: bytes) -> bool:
    header = _NETPBM_HEADER.match(data)
    if header is None:
        return False
    kind, width, height, most = [part for part in header.groups() if part is not None]
    row_bytes = (int(width) + 7) // 8
    if kind != b"P4":
        row_bytes = int(width) * (3 if kind == b"P6" else 1) * (1 if int(most) <= 0xFF else 2)  # noqa: PLR2004
    return len(data) - header.end() < row_bytes * int(height)


_IS_CUT: dict[str, Callable[[bytes], bool]] = {
    sniffing.PNG: _lacks_png_end,
    sniffing.GIF: _lacks_gif_end,
    sniffing.BMP: _lacks_bmp_end,
    sniffing.TIFF: _lacks_tiff_directory,
    sniffing.AVIF: _lacks_avif_end,
    sniffing.JPEG_2000: _lacks_jpeg_2000_end,
    sniffing.NETPBM: _lacks_netpbm_end,
}
