"""Tells the system which bytes will be read soon, where it listens."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def advise(descriptor: int, offset: int, length: int) -> None:
    """Let the system read a range of a file into its cache in the background.

    Args:
        descriptor: An open file.
        offset: First byte.
        length: Number of bytes.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_WILLNEED)
