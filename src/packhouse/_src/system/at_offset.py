"""Reading and writing at an offset; where the system has no call for that, seek and read are one step."""

from __future__ import annotations

import os
import threading

HAS_PREAD = hasattr(os, "pread")
HAS_PREADV = hasattr(os, "preadv")
HAS_PWRITE = hasattr(os, "pwrite")

_moving = threading.Lock()
"""Held while the place of a descriptor is moved; systems without these calls do not fork."""


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """Read at most so many bytes."""
    if HAS_PREAD:
        return os.pread(descriptor, length, offset)
    with _moving:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)


def read_into_at(descriptor: int, view: memoryview, offset: int) -> int:
    """Read at most as many bytes as fit into the view; return how many."""
    if HAS_PREADV:
        return os.preadv(descriptor, (view,), offset)
    data = read_at(descriptor, len(view), offset)
    view[: len(data)] = data
    return len(data)


def write_at(descriptor: int, data: memoryview, offset: int) -> int:
    """Write at most these bytes; return how many were written."""
    if HAS_PWRITE:
        return os.pwrite(descriptor, data, offset)
    with _moving:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)
