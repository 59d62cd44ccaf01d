"""PNG files of raw pixels, without compression: any reader opens them, and their size is known beforehand.

The bytes depend on the pixels alone, not on the version of a compression library. Source: PNG (3rd edition),
5 and 11.2; RFC 1950; RFC 1951, 3.2.4 (stored blocks).
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
_ZLIB_HEADER = b"\x78\x01"
_BLOCK_BYTES = 65_535
_CHUNK_BYTES = 12
_HEADER_BYTES = 13
_BLOCK_HEADER_BYTES = 5
_CHECKSUM_BYTES = 4
_MOST_IDAT_BYTES = 2**31 - 1


def png_size(height: int, width: int, channels: int) -> int:
    """Return the size of the file that `write_png` makes, bytes.

    Args:
        height: Rows, at least 1.
        width: Columns, at least 1.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA).
    """
    head = len(_SIGNATURE) + _CHUNK_BYTES + _HEADER_BYTES
    return head + _CHUNK_BYTES + _data_size(height * (1 + width * channels)) + _CHUNK_BYTES


def fits_png(height: int, width: int, channels: int) -> bool:
    """Say whether pixels can be written as such a PNG: 1, 3 or 4 channels, and less than 2 GiB."""
    is_small = _data_size(height * (1 + width * channels)) <= _MOST_IDAT_BYTES
    return channels in _COLOUR_TYPES and min(height, width) > 0 and is_small


def write_png(pixels: NDArray[np.uint8]) -> bytes:
    """Write pixels as a PNG file of 8 bits, not compressed.

    Args:
        pixels: (height, width) or (height, width, 1, 3 or 4), uint8.

    Returns:
        The file; `png_size` says beforehand how long it is.

    Cost: two checksums and two copies of the pixels, about 1 GB/s.
    """
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim > 2 else 1  # noqa: PLR2004  # rows and columns
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = b"".join(
        (width.to_bytes(4, "big"), height.to_bytes(4, "big"), bytes((8, _COLOUR_TYPES[channels], 0, 0, 0)))
    )
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", _stored(rows.data.cast("B"))),
            _chunk(b"IEND", b""),
        )
    )


def _data_size(raw: int) -> int:
    blocks = max(1, -(-raw // _BLOCK_BYTES))
    return len(_ZLIB_HEADER) + blocks * _BLOCK_HEADER_BYTES + raw + _CHECKSUM_BYTES


def _stored(raw: memoryview) -> bytes:
    parts: list[bytes | memoryview] = [_ZLIB_HEADER]
    for start in range(0, len(raw), _BLOCK_BYTES):
        block = raw[start : start + _BLOCK_BYTES]
        is_last = start + _BLOCK_BYTES >= len(raw)
        length = len(block)
        parts += [bytes((is_last,)), length.to_bytes(2, "little"), (length ^ 0xFFFF).to_bytes(2, "little")]
        parts.append(block)
    parts.append(zlib.adler32(raw).to_bytes(4, "big"))
    return b"".join(parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(name))
    return b"".join((len(data).to_bytes(4, "big"), name, data, checksum.to_bytes(4, "big")))
