"""A folder as a data set: walked once, its files read whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from packhouse.errors import SourceChangedError, SourceError, SourceNotFoundError, Where
from packhouse.records import Failed, Skipped, SourceFile

LINK = "symbolic link: not followed"
NOT_A_FILE = "not a regular file"
NAME_NOT_TEXT = "its name is not UTF-8"

# a link is refused, and a FIFO that was put in a file's place cannot make us wait
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Found:
    """All that a walk saw; every entry that is no folder is in exactly one of the three."""

    files: tuple[SourceFile, ...]
    """Regular files, sorted by path."""

    skipped: tuple[Skipped, ...]
    """Links, FIFOs, devices; sorted by path."""

    failed: tuple[Failed, ...]
    """Folders that cannot be listed and names that are no text; sorted by path."""

    @property
    def seen(self) -> int:
        """Number of entries that are no folder, and of folders that cannot be listed."""
        return len(self.files) + len(self.skipped) + len(self.failed)


def scan_folder(root: Path, *, leave_out: frozenset[Path], on_found: Callable[[int], None]) -> Found:
    """List every file below a folder.

    Args:
        root: The data set, absolute.
        leave_out: Absolute folders that are not entered, such as the pack that is being written.
        on_found: Told the number of files of each folder as it is done.

    Returns:
        What was found; the same for the same tree, whatever order the file system lists it in.

    Raises:
        SourceNotFoundError: There is no such folder.

    Cost: one stat a file.
    """
    if not root.is_dir():
        kind = "is not a folder" if root.exists() else "does not exist"
        raise SourceNotFoundError(
            f"SRC {kind}",
            where=Where(file=str(root)),
            hint="SRC is the folder that holds images and CSV files",
        )
    walk = _Walk(root, leave_out)
    while walk.waiting:
        on_found(walk.list_folder(walk.waiting.pop()))
    return Found(
        files=tuple(sorted(walk.files, key=itemgetter(0))),
        skipped=tuple(sorted(walk.skipped, key=lambda one: one.path)),
        failed=tuple(sorted(walk.failed, key=lambda one: one.path)),
    )


class _Walk:
    """A walk under way: folders yet to list, and what was found so far."""

    def __init__(self, root: Path, leave_out: frozenset[Path]) -> None:
        self.waiting = [""]
        self.files: list[SourceFile] = []
        self.skipped: list[Skipped] = []
        self.failed: list[Failed] = []
        self._root = root
        self._leave_out = leave_out

    def list_folder(self, below: str) -> int:
        """List one folder, given by its path below the root, and return the number of its files."""
        try:
            with os.scandir(self._root / below) as entries:
                found = list(entries)
        except OSError as err:
            message = f"cannot be listed: {err.strerror}"
            self.failed.append(Failed(below or ".", "SourceError", message))
            return 0
        for entry in found:
            path = f"{below}/{entry.name}" if below else entry.name
            try:
                self._sort_in(entry, path)
            except OSError as err:  # it went away between the listing and now, for one
                self.failed.append(Failed(path, "SourceError", f"cannot be looked at: {err.strerror}"))
        return sum(not entry.is_dir(follow_symlinks=False) for entry in found)

    def _sort_in(self, entry: os.DirEntry[str], path: str) -> None:
        if not _is_text(path):
            self.failed.append(Failed(_printable(path), "SourceError", NAME_NOT_TEXT))
        elif entry.is_symlink():
            self.skipped.append(Skipped(path, LINK))
        elif entry.is_dir(follow_symlinks=False):
            if self._root / path not in self._leave_out:
                self.waiting.append(path)
        elif entry.is_file(follow_symlinks=False):
            facts = entry.stat(follow_symlinks=False)
            self.files.append(SourceFile(path, facts.st_size, facts.st_mtime_ns, facts.st_ino))
        else:
            self.skipped.append(Skipped(path, NOT_A_FILE))


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


class FolderReader:
    """Reads files below a folder as they were scanned; safe to share between threads.

    Args:
        root: The data set.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)

    def read_into(self, file: SourceFile, view: memoryview) -> None:
        """Read one file whole.

        Args:
            file: As the scan saw it.
            view: Where its bytes go; exactly as long as the file.

        Raises:
            SourceChangedError: It is not the file that was scanned, or changed while it was read.
            SourceError: It cannot be read.
        """
        try:
            descriptor = os.open(f"{self._root}/{file.path}", READ_FLAGS)
            try:
                read = _read_all(descriptor, view)
                # after reading, and against the scan: a change before or while it was read shows in either
                facts = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        except OSError as err:
            raise SourceError(f"cannot be read: {err.strerror}", where=Where(file=file.path)) from err
        if read != file.size or not _is_as_scanned(facts, file):
            raise SourceChangedError(
                f"changed while packing: {file.size:,} bytes when scanned, {facts.st_size:,} now",
                where=Where(file=file.path),
                hint="pack again when nothing writes to the data set",
            )


def _read_all(descriptor: int, view: memoryview) -> int:
    done = os.readv(descriptor, (view,)) if view else 0
    while 0 < done < len(view) and (more := os.readv(descriptor, (view[done:],))):
        done += more
    return done


def _is_as_scanned(facts: os.stat_result, file: SourceFile) -> bool:
    return (
        facts.st_size == file.size
        and facts.st_mtime_ns == file.mtime_ns
        and facts.st_ino == file.inode
        and stat.S_ISREG(facts.st_mode)
    )
