"""Reading a range of a file whole: one call takes at most 2 GiB, and a network file system gives less."""

from __future__ import annotations

import os


def read_into(descriptor: int, view: memoryview, offset: int) -> int:
    """Read a range into memory.

    Args:
        descriptor: Of the file.
        view: Where the bytes go.
        offset: Where they begin, bytes from the start of the file.

    Returns:
        How many bytes there were: fewer than asked for only at the end of the file.

    Raises:
        OSError: The file cannot be read.
    """
    done = os.preadv(descriptor, (view,), offset) if view else 0
    while 0 < done < len(view) and (more := os.preadv(descriptor, (view[done:],), offset + done)):
        done += more
    return done


def read_range(descriptor: int, length: int, offset: int) -> bytes:
    """Read a range; otherwise as `read_into`.

    Args:
        descriptor: Of the file.
        length: How many bytes.
        offset: Where they begin.

    Returns:
        The bytes that there were.
    """
    data = os.pread(descriptor, length, offset)
    while data and len(data) < length:
        more = os.pread(descriptor, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data
