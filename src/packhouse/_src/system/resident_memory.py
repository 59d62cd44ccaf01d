"""The memory of this process that is in RAM; where the system does not say, as if there were none."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

from packhouse._src.system.missing_modules import import_if_there

_resource = import_if_there("resource")

OWN_PAGES = Path("/proc/self/statm")
LIBRARY_BYTES = 150_000_000
"""Measured: Python with all libraries that make tables."""


def resident_bytes() -> int:
    """Return the memory of this process that is in RAM, libraries included.

    Source: Linux, proc_pid_statm(5). Elsewhere the most that it has had so far.
    """
    with suppress(OSError):
        return int(OWN_PAGES.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if not hasattr(_resource, "getrusage"):
        return 0
    peak = int(_resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else peak * 1024


def foreign_bytes() -> int:
    """Return what this process has in RAM beyond the libraries, which it has for other purposes."""
    return max(0, resident_bytes() - LIBRARY_BYTES)


def trim_heap() -> None:
    """Have the C library give the system what it keeps of freed memory; where it is not glibc, do nothing."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
