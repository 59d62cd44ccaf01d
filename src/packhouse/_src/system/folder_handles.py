"""Folders that are opened once, and the names in them: what is put in a folder's place later is not followed.

Where the system cannot open a file below the descriptor of a folder (Windows), a handle is the path of the
folder: a link in it is found by looking, and can be put there between the look and the opening.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TypeAlias

from packhouse._src.system import open_flags

_BY_DESCRIPTOR = {os.open, os.stat, os.mkdir, os.unlink} <= os.supports_dir_fd

FolderHandle: TypeAlias = int | str
"""A descriptor, or a path."""

Name: TypeAlias = str | bytes


def open_folder(path: str | Path, flags: int = open_flags.FOLDER) -> FolderHandle:
    """Open a folder by its path; it may be a link.

    Args:
        path: The folder.
        flags: One of those of folders.

    Raises:
        OSError: It is no folder, or cannot be opened.
    """
    if _BY_DESCRIPTOR:
        return os.open(path, flags)
    if not stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(path))
    return os.fspath(path)


def open_below(above: FolderHandle, name: Name, flags: int = open_flags.FOLDER_NO_LINK) -> FolderHandle:
    """Open a folder in another one.

    Raises:
        OSError: ELOOP or ENOTDIR when it is a link or no folder.
    """
    if _BY_DESCRIPTOR:
        return os.open(name, flags, dir_fd=above)  # type: ignore[arg-type]
    mode = look(above, name).st_mode
    if not stat.S_ISDIR(mode):
        number = errno.ELOOP if stat.S_ISLNK(mode) else errno.ENOTDIR
        raise OSError(number, os.strerror(number), _path(above, name))
    return _path(above, name)


def close_folder(folder: FolderHandle) -> None:
    """Close a folder."""
    if isinstance(folder, int):
        os.close(folder)


def identity_of_folder(folder: FolderHandle) -> tuple[int, int]:
    """Return device and inode."""
    facts = os.stat(folder)  # noqa: PTH116
    return facts.st_dev, facts.st_ino


def open_in(folder: FolderHandle, name: Name, flags: int, mode: int = 0o777) -> int:
    """Open a file in a folder and return its descriptor.

    Raises:
        OSError: As `os.open`.
    """
    if _BY_DESCRIPTOR:
        return os.open(name, flags, mode, dir_fd=folder)  # type: ignore[arg-type]
    if stat.S_ISLNK(_mode(folder, name)) and not flags & os.O_EXCL:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), _path(folder, name))
    return os.open(_path(folder, name), flags, mode)


def look(folder: FolderHandle, name: Name) -> os.stat_result:
    """Return what the system says of a name in a folder; a link is not followed."""
    if _BY_DESCRIPTOR:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)  # type: ignore[arg-type]
    return os.lstat(_path(folder, name))


def make_folder(above: FolderHandle, name: Name, mode: int = 0o755) -> None:
    """Make a folder in another one."""
    if _BY_DESCRIPTOR:
        os.mkdir(name, mode, dir_fd=above)  # type: ignore[arg-type]
    else:
        os.mkdir(_path(above, name), mode)  # noqa: PTH102


def remove_file(folder: FolderHandle, name: Name) -> None:
    """Remove a file from a folder."""
    if _BY_DESCRIPTOR:
        os.unlink(name, dir_fd=folder)  # type: ignore[arg-type]
    else:
        os.unlink(_path(folder, name))  # noqa: PTH108


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk (fsync); Windows does so by itself."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, open_flags.FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mode(folder: FolderHandle, name: Name) -> int:
    try:
        return look(folder, name).st_mode
    except FileNotFoundError:
        return 0


def _path(folder: FolderHandle, name: Name) -> str:
    return os.path.join(str(folder), os.fsdecode(name))  # noqa: PTH118  # names that are not UTF-8
