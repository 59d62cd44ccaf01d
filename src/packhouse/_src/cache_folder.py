"""The user's cache folder: what can be made again, and is kept because that takes time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder that packhouse may keep things in; it need not exist.

    Returns:
        $XDG_CACHE_HOME/packhouse, else ~/.cache/packhouse.

    Source: XDG Base Directory Specification 0.8; relative values are to be ignored.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path(os.path.expanduser("~")) / ".cache"  # noqa: PTH111
    return base / "packhouse"
