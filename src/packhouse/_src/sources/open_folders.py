"""Folders opened by descriptor, one below the other: what is put in a folder's place later is not followed.

Opening a file by its whole path guards only the last name: a folder above it that has become a link would
lead anywhere. Here every folder is opened in the one above it, links refused, and compared with the one that
the scan saw.
"""

from __future__ import annotations

import errno
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeAlias

from packhouse._src.system.folder_handles import (
    FolderHandle,
    close_folder,
    identity_of_folder,
    open_below,
    open_folder,
)
from packhouse._src.system.open_flags import PASS_THROUGH, PASS_THROUGH_NO_LINK
from packhouse.errors import SourceChangedError

MOST_OPEN = 32
"""Descriptors kept by one thread."""

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
        self._open: OrderedDict[str, FolderHandle] = OrderedDict()

    def __del__(self) -> None:
        """Close all."""
        while self._open:
            with suppress(OSError):
                close_folder(self._open.popitem()[1])

    def handle(self, folder: str) -> FolderHandle:
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
        return identity_of_folder(self.handle(folder))

    def _descend(self, folder: str) -> FolderHandle:
        start = self._root if folder.startswith(self._root) else "/"
        missing = []
        while folder not in self._open and folder != start:
            missing.append(folder)
            folder = folder[: folder.rindex("/", 0, -1) + 1]
        handle = self._open.get(folder)
        if handle is None:
            handle = self._keep(folder, open_folder(folder, PASS_THROUGH))
        else:
            self._open.move_to_end(folder)
        for below in reversed(missing):
            handle = self._keep(below, _enter(handle, below[len(folder) : -1]))
            folder = below
        return handle

    def _keep(self, folder: str, handle: FolderHandle) -> FolderHandle:
        identity = identity_of_folder(handle)
        if self._known.get(folder, identity) != identity:
            close_folder(handle)
            raise SourceChangedError(
                "changed while packing: its folder is not the one that was scanned",
                hint="pack again when nothing changes the data set",
            )
        self._open[folder] = handle
        if len(self._open) > MOST_OPEN:
            close_folder(self._open.popitem(last=False)[1])
        return handle


def _enter(above: FolderHandle, name: str) -> FolderHandle:
    try:
        return open_below(above, name, PASS_THROUGH_NO_LINK)
    except OSError as err:
        if err.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise SourceChangedError(
                f"changed while packing: {name!r} above it is no longer a folder",
                hint="pack again when nothing changes the data set",
            ) from err
        raise
