"""What an open pack is bound to: the pack.json that was read, and files that are known to be sound.

Whether a file is still the one that was looked at is told by device, inode, size and times. They are only a
reason to look again: what decides is a digest.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from packhouse._src.imagefile.digest import READ_BYTES, DigestSoFar
from packhouse._src.imagefile.format import DERIVED, MANIFEST_FILE
from packhouse._src.imagefile.manifest_file import digest_of_document
from packhouse._src.system.open_flags import READ
from packhouse.errors import CorruptStoreError, PackReplacedError, Where

SETTLED_NS = 50_000_000
"""A file may change twice within one tick of the clock of its file system; then its times tell nothing."""


class FileIdentity(NamedTuple):
    """Tells a file as it is from the same name at another time."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


_digests: dict[FileIdentity, str] = {}
"""Of files that were read whole in this process."""


def identity_of(path: Path) -> FileIdentity:
    """Look at a file.

    Args:
        path: The file.

    Raises:
        CorruptStoreError: It is missing, or not a regular file: opening a FIFO would wait for ever.
    """
    try:
        facts = path.stat()
    except (OSError, ValueError) as err:
        raise _not_there(path, getattr(err, "strerror", None) or str(err)) from err
    return _identity(path, facts)


def _identity(path: Path, facts: os.stat_result) -> FileIdentity:
    if not stat.S_ISREG(facts.st_mode):
        raise _not_there(path, "is not a regular file")
    return FileIdentity(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def _not_there(path: Path, problem: str) -> CorruptStoreError:
    return CorruptStoreError(
        f"a file of the pack cannot be read: {problem}",
        where=Where(file=str(path)),
        hint="restore it from a copy, or pack the data set again",
    )


def digest_once(path: Path) -> tuple[FileIdentity, str]:
    """Return the digest of a whole file, read once per process as long as the file stays as it is.

    Args:
        path: The file.

    Returns:
        The file that was read, and 32 hex digits.

    Raises:
        CorruptStoreError: It is missing, or cannot be read.

    Cost: one read of the file, 2 GB/s when it is in memory; then one look at it, 2 us.
    """
    known = identity_of(path)
    if known in _digests:
        return known, _digests[known]
    state = DigestSoFar()
    read = _read(path, state.add)
    if abs(time.time_ns() - read.ctime_ns) > SETTLED_NS:
        _digests[read] = state.hex()
    return read, state.hex()


def read_whole(path: Path) -> tuple[bytes, FileIdentity]:
    """Return the bytes of a file, and the file that was read; raises as `digest_once` does."""
    data = bytearray()
    identity = _read(path, data.extend)
    return bytes(data), identity


def _read(path: Path, take: Callable[[memoryview], None]) -> FileIdentity:
    buffer = memoryview(bytearray(READ_BYTES))
    try:
        descriptor = os.open(path, READ)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            before = _identity(path, os.fstat(descriptor))
            while count := file.readinto(buffer):
                take(buffer[:count])
            after = _identity(path, os.fstat(descriptor))
    except OSError as err:
        if isinstance(err, CorruptStoreError):
            raise
        raise _not_there(path, str(err.strerror)) from err
    if before != after:
        raise _not_there(path, "it is being changed")
    return after


class Generation:
    """One state of a pack, as its pack.json says it. It is pickled as the digest of that.

    Args:
        folder: The pack.
        said: Digest of pack.json without the derived stores, which may come while the pack is open.
        identity: The file that was read, if it is known.
    """

    def __init__(self, folder: Path, said: str, identity: FileIdentity | None = None) -> None:
        self.folder = folder
        self.said = said
        self._identity = identity

    def __reduce__(self) -> tuple[type[Generation], tuple[Path, str]]:
        """Leave out the file: times and inode are of one machine."""
        return (Generation, (self.folder, self.said))

    def check(self) -> None:
        """See that the pack is still the one that was opened.

        Raises:
            PackReplacedError: Another one is in its place.

        Cost: one look at pack.json, 2 us.
        """
        path = self.folder / MANIFEST_FILE
        try:
            if identity_of(path) == self._identity:
                return
            data, identity = read_whole(path)
            is_same = digest_of_said(json.loads(data)) == self.said
        except (OSError, ValueError, AttributeError, RecursionError) as err:
            raise self._replaced() from err
        if not is_same:
            raise self._replaced()
        self._identity = identity

    def _replaced(self) -> PackReplacedError:
        return PackReplacedError(
            "the pack was replaced or removed while it was open",
            where=Where(file=str(self.folder)),
            hint="open it again",
        )


def digest_of_said(document: Mapping[str, Any]) -> str:
    """Return a digest of what pack.json says, but for derived stores."""
    return digest_of_document({name: value for name, value in document.items() if name != DERIVED})
