"""A lock file in a folder: one process at a time works there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from packhouse._src.system.missing_modules import import_if_there
from packhouse._src.system.open_flags import LOCK, LOCK_AGAIN

_fcntl, _msvcrt = import_if_there("fcntl"), import_if_there("msvcrt")
"""Of POSIX, and of Windows."""


def open_lock(path: Path, *, create: bool = True) -> int:
    """Open a lock file and return its descriptor; it is made if it is not there.

    Args:
        path: The file.
        create: Whether it may be made.

    Raises:
        OSError: It cannot be opened.
    """
    return os.open(path, LOCK if create else LOCK_AGAIN, 0o644)


def take_lock(descriptor: int, path: Path) -> bool:
    """Take the lock, without waiting; it is given back when the descriptor is closed or the process ends.

    Args:
        descriptor: Of the lock file.
        path: Where that is.

    Returns:
        Whether it is ours now. It is not when another process holds it, or has just removed the file.
    """
    try:
        _take(descriptor)
        there = path.lstat()
    except (BlockingIOError, FileNotFoundError):
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _take(descriptor: int) -> None:
    if _fcntl is not None:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    elif _msvcrt is not None:
        try:
            _msvcrt.locking(descriptor, _msvcrt.LK_NBLCK, 1)
        except OSError as err:
            if err.errno in {errno.EACCES, errno.EDEADLK}:
                raise BlockingIOError(err.errno, "is locked") from err
            raise
    # neither: a system without processes, such as WebAssembly
