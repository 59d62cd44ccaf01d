"""The folder that files are written below: never left, nothing in it overwritten, no link in it followed."""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from packhouse._src.full_disk import is_full
from packhouse._src.ranges import read_range
from packhouse._src.system.folder_handles import (
    FolderHandle,
    close_folder,
    look,
    make_folder,
    open_below,
    open_folder,
    open_in,
    remove_file,
)
from packhouse._src.system.open_flags import CREATE, READ_NO_LINK
from packhouse.errors import (
    FREE_SPACE,
    DestinationError,
    DestinationExistsError,
    NoSpaceError,
    Where,
)

MOST_OPEN_FOLDERS = 64
MOST_NAME_BYTES = 255
READ_BYTES = 1 << 20


def parts_of(path: bytes) -> tuple[bytes, ...]:
    """Cut a path into its parts, or refuse it.

    Args:
        path: Parts joined by "/".

    Returns:
        The folders and the name; each is a name, and none leads elsewhere.

    Raises:
        DestinationError: It is empty, absolute, or has a part that is no name of a file.
    """
    parts = tuple(path.split(b"/"))
    if path.startswith(b"/"):
        raise DestinationError("its name is an absolute path")
    if b".." in parts:
        raise DestinationError('its name points elsewhere: it contains ".."')
    if b"" in parts or b"." in parts:
        raise DestinationError('its name has an empty part or a part "."')
    if b"\0" in path:
        raise DestinationError("its name contains NUL")
    longest = max(map(len, parts))
    if longest > MOST_NAME_BYTES:
        raise DestinationError(f"a part of its name has {longest:,} bytes; the limit is {MOST_NAME_BYTES}")
    return parts


class TargetFolder:
    """Writes files below one folder; one thread's, with some descriptors of folders kept open.

    Every folder is opened, or made, in the one above it by its descriptor, so nothing that happens to the
    names meanwhile leads elsewhere. The folder itself may be a link: the user has named it.

    Args:
        path: The folder; it must exist.

    Raises:
        DestinationError: It is no folder, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: OrderedDict[tuple[bytes, ...], FolderHandle] = OrderedDict()
        try:
            self._root = open_folder(path)
        except OSError as err:
            raise DestinationError(f"cannot be opened: {err.strerror}", where=Where(file=str(path))) from err

    def __enter__(self) -> Self:
        """Return the folder itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        for folder in (*self._open.values(), self._root):
            close_folder(folder)

    def write(self, parts: Sequence[bytes], data: memoryview) -> bool:
        """Write one file that is not there yet; one that is there with the same bytes is left as it is.

        Args:
            parts: Folders and name, as `parts_of` gives them.
            data: Its bytes.

        Returns:
            Whether it was written; False when it is there already.

        Raises:
            DestinationExistsError: Something else is there.
            NoSpaceError: The disk is full. No part of the file is left.
            DestinationError: It cannot be written for another reason. No part of the file is left.

        Cost: three system calls, and two for each folder that is not open.
        """
        *folders, name = parts
        try:
            folder = self._folder(tuple(folders))
            try:
                descriptor = open_in(folder, name, CREATE, 0o644)
            except FileExistsError:
                _check_same(folder, name, data)
                return False
            _fill(descriptor, folder, name, data)
        except OSError as err:
            if isinstance(err, DestinationError):
                raise
            raise _translated(err) from err
        return True

    def _folder(self, parts: tuple[bytes, ...]) -> FolderHandle:
        """Return a folder; what is missing of it is made."""
        depth = len(parts)
        while depth and parts[:depth] not in self._open:
            depth -= 1
        folder = self._root
        if depth:
            self._open.move_to_end(parts[:depth])
            folder = self._open[parts[:depth]]
        for end in range(depth, len(parts)):
            folder = _enter(folder, parts[end])
            self._open[parts[: end + 1]] = folder
            if len(self._open) > MOST_OPEN_FOLDERS:
                close_folder(self._open.popitem(last=False)[1])
        return folder


def _enter(above: FolderHandle, name: bytes) -> FolderHandle:
    with suppress(FileExistsError):
        make_folder(above, name)
    try:
        return open_below(above, name)
    except OSError as err:
        if err.errno in {errno.ELOOP, errno.ENOTDIR}:
            kind = _kind(above, name)
            raise DestinationExistsError(f"{kind} exists where its folder belongs: {_shown(name)!r}") from err
        raise


def _fill(descriptor: int, folder: FolderHandle, name: bytes, data: memoryview) -> None:
    try:
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)  # some file systems tell only now that the disk is full
    except BaseException:
        with suppress(OSError):
            remove_file(folder, name)
        raise


def _check_same(folder: FolderHandle, name: bytes, data: memoryview) -> None:
    """See that what is there is a file of these bytes; it is only looked at."""
    there = look(folder, name)
    if not stat.S_ISREG(there.st_mode):
        raise DestinationExistsError(f"{_kind(folder, name)} is in its place")
    if there.st_size != len(data) or not _holds(folder, name, data):
        raise DestinationExistsError("another file with this name already exists")


def _holds(folder: FolderHandle, name: bytes, data: memoryview) -> bool:
    descriptor = open_in(folder, name, READ_NO_LINK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        for start in range(0, len(data), READ_BYTES):
            wanted = data[start : start + READ_BYTES]
            if read_range(descriptor, len(wanted), start) != wanted:
                return False
        return True
    finally:
        os.close(descriptor)


def _kind(folder: FolderHandle, name: bytes) -> str:
    mode = look(folder, name).st_mode
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a file" if stat.S_ISREG(mode) else "a FIFO, socket or device"


def _translated(err: OSError) -> DestinationError:
    if is_full(err):
        return NoSpaceError("the disk ran full", hint=f"{FREE_SPACE}: it resumes")
    return DestinationError(f"cannot be written: {err.strerror}")


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
