"""How it shows that a file was changed: its size, its time and its inode, once its time is old enough."""

from __future__ import annotations

import hashlib
import os
import time
from typing import NamedTuple

YOUNG_NS = 50_000_000
"""The clock behind mtime ticks every 1 to 10 ms: two writes within one tick have the same time."""


class Identity(NamedTuple):
    """What changes when the bytes of a file do."""

    size: int
    mtime_ns: int
    inode: int
    ctime_ns: int

    @property
    def stamp(self) -> int:
        """One number for all of it, 64 bits."""
        text = ",".join(map(str, self)).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)


def identity_of(facts: os.stat_result) -> Identity:
    """Return the identity of a file that was looked at."""
    return Identity(facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns)


def is_young(facts: os.stat_result, at: int) -> bool:
    """Say whether a write at a time (ns since the epoch) could leave the time of a file as it is."""
    return -YOUNG_NS < at - facts.st_mtime_ns < YOUNG_NS


def young_for_ns(facts: os.stat_result) -> int:
    """Return for how many nanoseconds a write could still leave the time of a file as it is."""
    age = time.time_ns() - facts.st_mtime_ns
    return YOUNG_NS - age if -YOUNG_NS < age < YOUNG_NS else 0
