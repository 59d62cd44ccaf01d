"""How much memory a run may have while it makes tables."""

from __future__ import annotations

import os
import re

from packhouse.errors import UsageError

SMALLEST_MEMORY = 400_000_000
"""A process with all libraries has 150 MB before it begins, and a row group that is written up to 128 MB."""

_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*((?:[kmgt]i?)?)b?\s*", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY_UNITS = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def parse_memory(text: str | None) -> int:
    """Read a size such as "2GB" or "512MiB"; None is the default, min(2 GB, a quarter of the memory).

    Args:
        text: What the user wrote.

    Returns:
        Bytes.

    Raises:
        UsageError: It is no size, or too small to work with.
    """
    if text is None:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return max(SMALLEST_MEMORY, min(2 * 10**9, memory // 4))
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a memory size", hint="--memory-limit 2GB")
    size = int(float(match[1]) * (_UNITS | _BINARY_UNITS)[match[2].lower()])
    if size < SMALLEST_MEMORY:
        raise UsageError(
            f"a memory limit of {text} is too small: packhouse itself needs about 150 MB of it",
            hint=f"use at least {SMALLEST_MEMORY // 1_000_000}MB; 1GB is comfortable",
        )
    return size
