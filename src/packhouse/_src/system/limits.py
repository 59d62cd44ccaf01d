"""Limits of a process: memory, processor time, core dumps; none where the system has no such call."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse._src.system.missing_modules import import_if_there

_resource = import_if_there("resource")

NAMES = {"core_bytes": "RLIMIT_CORE", "memory_bytes": "RLIMIT_AS", "cpu_seconds": "RLIMIT_CPU"}


def set_limits(limits: Mapping[str, int]) -> None:
    """Limit this process from now on; a limit that is lower already stays.

    Args:
        limits: Names as in NAMES, and the most of each.
    """
    for name, most in limits.items():
        kind = getattr(_resource, NAMES[name], None)
        if kind is not None:
            hard = _resource.getrlimit(kind)[1]
            _resource.setrlimit(kind, (most if hard == _resource.RLIM_INFINITY else min(most, hard), hard))
