"""Folders opened by descriptor, one below the other: what is put in a folder's place later is not followed.

Opening a file by its whole path guards only the last name: a folder above it that has become a link would
lead anywhere. Here every folder is opened in the one above it, links refused, and compared with the one that
the scan saw.
"""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeAlias

from packhouse.errors import SourceChangedError

MOST_OPEN = 32
"""Descriptors kept by one thread."""

ROOT_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""O_PATH needs no permission to list, only to go through."""

FOLDER_FLAGS = ROOT_FLAGS | os.O_NOFOLLOW

Identity: TypeAlias = tuple[int, int]
"""Device and inode."""


class OpenFolders:
    """Descriptors of folders, the last ones used kept open; one thread's.

    Args:
        root: The data set, with a slash at the end. It may be a link: the user has named it.
        known: Folder -> device and inode when it was scanned; others are not compared.
    """

    def __init__(self, root: str, known: Mapping[str, Identity]) -> None:
        self._root = root
        self._known = known
        self._open: OrderedDict[str, int] = OrderedDict()

    def __del__(self) -> None:
        """Close all."""
        while self._open:
            with suppress(OSError):
                os.close(self._open.popitem()[1])

    def descriptor(self, folder: str) -> int:
        """Return an open folder; valid until the next call.

        Args:
            folder: As `realpath` gives it, with a slash at the end.

        Raises:
            SourceChangedError: It is not the folder that was scanned.
            OSError: It cannot be opened.

        Cost: one look-up where it is open; else two system calls for each folder above it that is not.
        """
        found = self._open.get(folder)
        return self._descend(folder) if found is None else found

    def identity(self, folder: str) -> Identity:
        """Return device and inode of a folder as it is now; raises as `descriptor` does."""
        facts = os.fstat(self.descriptor(folder))
        return facts.st_dev, facts.st_ino

    def _descend(self, folder: str) -> int:
        start = self._root if folder.startswith(self._root) else "/"
        missing = []
        while folder not in self._open and folder != start:
            missing.append(folder)
            folder = folder[: folder.rindex("/", 0, -1) + 1]
        descriptor = self._open.get(folder, -1)
        if descriptor < 0:
            descriptor = self._keep(folder, os.open(folder, ROOT_FLAGS))
        else:
            self._open.move_to_end(folder)
        for below in reversed(missing):
            descriptor = self._keep(below, _enter(descriptor, below[len(folder) : -1]))
            folder = below
        return descriptor

    def _keep(self, folder: str, descriptor: int) -> int:
        facts = os.fstat(descriptor)
        if self._known.get(folder, (facts.st_dev, facts.st_ino)) != (facts.st_dev, facts.st_ino):
            os.close(descriptor)
            raise SourceChangedError(
                "changed while packing: its folder is not the one that was scanned",
                hint="pack again when nothing changes the data set",
            )
        self._open[folder] = descriptor
        if len(self._open) > MOST_OPEN:
            os.close(self._open.popitem(last=False)[1])
        return descriptor


def _enter(above: int, name: str) -> int:
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=above)
    except OSError as err:
        if err.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise SourceChangedError(
                f"changed while packing: {name!r} above it is no longer a folder",
                hint="pack again when nothing changes the data set",
            ) from err
        raise
