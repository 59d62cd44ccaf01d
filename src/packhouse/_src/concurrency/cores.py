"""How many cores this process may keep busy: those it is bound to, as far as a container is given them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")

_UNIFIED = ""
"""Version 2 of control groups has one hierarchy, which names no controllers."""


def usable_cores() -> int:
    """Return the number of cores, at least 1.

    Cores that this process is bound to (`taskset`), or fewer where its control group, or one around it, may
    use less time than those have: as `docker --cpus` and limits of Kubernetes say. Part of a core counts as
    one.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "cpu.max"; scheduler/sched-bwc.rst.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([bound, *map(math.ceil, _shares())]))


def _shares() -> Iterator[float]:
    """Yield the time that each group this process is in may use, in cores, where one has a limit."""
    try:
        groups = [line.split(":", 2) for line in OWN_GROUPS.read_text().splitlines()]
    except OSError:  # no Linux, or hidden
        return
    for _number, controllers, path in groups:
        if controllers == _UNIFIED:
            for mounted in (GROUPS, GROUPS / "unified"):
                yield from filter(None, map(_share_of_2, _along(mounted, path)))
        elif "cpu" in controllers.split(","):
            for mounted in {GROUPS / controllers, GROUPS / "cpu"}:
                yield from filter(None, map(_share_of_1, _along(mounted, path)))


def _along(mounted: Path, path: str) -> Iterator[Path]:
    """Yield the groups on the way to one; in a container the mounted one is its own, whatever the path."""
    group = mounted
    yield group
    for part in PurePosixPath(path).parts[1:]:
        group /= part
        yield group


def _share_of_2(group: Path) -> float | None:
    with suppress(OSError, ValueError):  # no such group or no limit
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)
    return None


def _share_of_1(group: Path) -> float | None:
    with suppress(OSError, ValueError):
        quota = int((group / "cpu.cfs_quota_us").read_text())
        return quota / int((group / "cpu.cfs_period_us").read_text()) if quota > 0 else None
    return None
