"""Walks a folder without following links, and sorts what it finds into files, skipped and failed."""

from __future__ import annotations

import os
from pathlib import Path

from packhouse._src.records import Failed, Skipped, SourceFile
from packhouse._src.sources.names import as_text

NOT_A_FILE = "not a regular file"
TAKEN = "its name is not UTF-8, and another file has the name under which it would be packed"


def with_slash(folder: str) -> str:
    """Return the path of a folder, to which the paths below it can be added."""
    return folder if folder.endswith("/") else folder + "/"


class FolderWalk:
    """A walk under way: folders yet to list, as the system names them, and what was found so far."""

    def __init__(self, below: str, leave_out: frozenset[Path]) -> None:
        self.waiting = [""]
        self.files: list[SourceFile] = []
        self.escaped: list[SourceFile] = []
        self.skipped: list[Skipped] = []
        self.failed: list[Failed] = []
        self._below = below
        self._leave_out = {os.path.realpath(folder) for folder in leave_out}

    @property
    def _count(self) -> int:
        return len(self.files) + len(self.escaped) + len(self.skipped) + len(self.failed)

    def list_folder(self, folder: str) -> int:
        """List one folder, given by its path below the root, and return the number of its files."""
        before = self._count
        try:
            with os.scandir(self._below + folder) as entries:
                found = list(entries)
        except OSError as err:
            message = f"cannot be listed: {err.strerror}"
            self.failed.append(Failed(as_text(folder) or ".", "SourceError", message))
            return 1
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            try:
                self._sort_in(entry, path)
            except OSError as err:  # it went away between the listing and now, for one
                message = f"cannot be looked at: {err.strerror}"
                self.failed.append(Failed(as_text(path), "SourceError", message))
        return self._count - before

    def _sort_in(self, entry: os.DirEntry[str], path: str) -> None:
        if entry.is_file(follow_symlinks=False):
            facts = entry.stat(follow_symlinks=False)
            file = SourceFile(as_text(path), facts.st_size, facts.st_mtime_ns, facts.st_ino)
            (self.files if file.path is path else self.escaped).append(file)
        elif entry.is_symlink():
            self.skipped.append(Skipped(as_text(path), f"{self._describe_link(path)}: not followed"))
        elif entry.is_dir(follow_symlinks=False):
            if self._below + path not in self._leave_out:
                self.waiting.append(path)
        else:
            self.skipped.append(Skipped(as_text(path), NOT_A_FILE))

    def _describe_link(self, path: str) -> str:
        try:
            target = os.path.realpath(self._below + path, strict=True)
        except OSError:  # nothing is there, or the link leads to itself
            return "symbolic link that leads nowhere"
        is_inside = with_slash(target).startswith(self._below)
        return "symbolic link within the data set" if is_inside else "symbolic link out of the data set"

    def fail_ambiguous(self) -> None:
        """Let an escaped file fail whose path is the very name of another: two would have one path."""
        names = {file.path for file in self.files} if self.escaped else set()
        self.failed += [
            Failed(file.path, "SourceError", TAKEN) for file in self.escaped if file.path in names
        ]
        self.escaped = [file for file in self.escaped if file.path not in names]
