"""Hints to the system about what will be read or written soon; nothing where it takes none."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

CAN_ADVISE = hasattr(os, "posix_fadvise")


def will_read(descriptor: int, offset: int, length: int) -> None:
    """Let the system read a range of a file into its cache in the background.

    Args:
        descriptor: An open file.
        offset: First byte.
        length: Number of bytes.
    """
    if CAN_ADVISE and sys.platform == "linux":  # others take the hint and do nothing
        with suppress(OSError):
            os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_WILLNEED)


def write_back(descriptor: int, offset: int, length: int) -> None:
    """Let the system begin to write a range to the disk; raises OSError when that fails already."""
    if CAN_ADVISE and length:
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
