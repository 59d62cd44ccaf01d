"""Second names of a file, where the file system has them."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def link(path: Path, second: Path) -> None:
    """Give a file a second name.

    Raises:
        OSError: It cannot have one there; the caller copies, or does without.
    """
    if not hasattr(os, "link"):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), os.fspath(path))
    os.link(path, second)
