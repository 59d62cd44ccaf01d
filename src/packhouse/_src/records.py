"""Frozen values that are shared by several folders.

Those of which there is one per image are named tuples: made in a third of the time of a frozen dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class SourceFile(NamedTuple):
    """One file of the data set, as the scan saw it."""

    path: str
    """Path below SRC, parts joined by "/"."""

    size: int
    """Bytes."""

    mtime_ns: int
    """Time of the last change, nanoseconds since the epoch; in an archive, a number that changes with it."""

    inode: int
    """Number of the file in its file system; in an archive, where it starts."""

    ctime_ns: int = 0
    """Time of the last change of the file or of what the system says of it; 0 in an archive."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is left out on purpose, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """An input that should have been packed and could not be."""

    path: str
    """Path below SRC, or the name of a join."""

    error: str
    """Class of the error."""

    message: str
    """What is wrong, where and what to do."""


class HeaderFacts(NamedTuple):
    """What the first bytes of an image file say, found without decoding it."""

    media_type: str | None
    """"image/jpeg" and so on, from the magic bytes; None when they are not an image's."""

    width: int | None
    """Stored columns in pixels, before any EXIF rotation; None when unknown."""

    height: int | None
    """Stored rows in pixels, before any EXIF rotation; None when unknown."""

    orientation: int | None
    """EXIF orientation 1..8 when the file states one; None when it does not."""

    problem: str | None
    """None for a sound header; else "empty", "not an image", "truncated" or "unreadable header"."""
