"""Tells an HDF5 file by its signature."""

from __future__ import annotations

from packhouse._src.ranges import read_range

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SMALLEST_USER_BLOCK = 512


def has_signature(descriptor: int, size: int) -> bool:
    """Say whether a file is an HDF5 file.

    Args:
        descriptor: Of the file.
        size: Its size in bytes.

    Returns:
        Whether HDF5's signature stands at byte 0, 512, 1024, 2048, ... (HDF5 Format Specification, II.A).
    """
    at = 0
    while at + len(SIGNATURE) <= size:
        if read_range(descriptor, len(SIGNATURE), at) == SIGNATURE:
            return True
        at = max(SMALLEST_USER_BLOCK, 2 * at)
    return False
