"""Has a JPEG decoded only as far down as it is wanted: what lies below costs as much as what lies above."""

from __future__ import annotations

from packhouse._src.images.jpeg.markers import BASELINE, EXTENDED, JpegHeader

_WORTH = 16
"""Fewer rows than one of so many are not worth a copy of the file."""

_HEIGHT_AT = 5  # from the frame's marker on: length, precision, height
_SAMPLING_AT = 11  # of the first component; the others follow every three bytes
_COMPONENT_BYTES = 3
_BLOCK = 8


def rows_to_decode(data: bytes, header: JpegHeader, wanted: int, *, fast_chroma: bool = False) -> int:
    """Return how many rows of a JPEG are to be decoded so that the first ones are as in the whole picture.

    Of one scan without restart intervals that is the end of a row of blocks, and one more where colour is
    smoothed across the edge between two. Of all others it is the whole picture: each of several scans goes
    over all of it, and at a restart the decoder says what it would say of damage.

    Args:
        data: The whole file.
        header: Of it.
        wanted: Rows from the top that are needed, in pixels of the stored size.
        fast_chroma: Colour is repeated and not smoothed.

    Returns:
        The number; at most the height.

    Source: ITU-T T.81, A.2 (blocks and how they are interleaved), B.2.2 (frame header).
    """
    if header.process not in {BASELINE, EXTENDED} or header.is_buffered or header.defines_restarts:
        return header.height
    first = header.frame_at + _SAMPLING_AT
    samplings = data[first : first + header.components * _COMPONENT_BYTES : _COMPONENT_BYTES]
    block = _BLOCK * max(sampling & 0x0F for sampling in samplings)
    if not block:
        return header.height
    rows = -(-wanted // block) * block + (0 if fast_chroma else block)
    return rows if header.height - rows > header.height // _WORTH else header.height


def shortened(data: bytes, header: JpegHeader, rows: int) -> bytes:
    """Return a JPEG that states fewer rows than it has.

    A decoder that has read them all finds the compressed data of the others where the end should be.

    Args:
        data: The whole file.
        header: Of it.
        rows: As of `rows_to_decode`.

    Returns:
        A copy with another height.
    """
    at = header.frame_at + _HEIGHT_AT
    return b"".join((data[:at], rows.to_bytes(2, "big"), data[at + 2 :]))
