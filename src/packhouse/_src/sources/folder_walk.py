"""Walks a folder without following links, and sorts what it finds into files, skipped and failed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from packhouse._src.imagefile.format import MANIFEST_FILE, MANIFEST_FORMAT
from packhouse._src.records import Failed, Skipped, SourceFile
from packhouse._src.sources.names import as_text
from packhouse._src.system.open_flags import READ_NO_LINK
from packhouse.errors import SourceError

HEAD_BYTES = 200
IS_PACK = re.compile(rb'\{\s*"format":\s*"' + MANIFEST_FORMAT.encode() + rb'"')
"""How the pack.json of a pack begins."""

NOT_A_FILE = "not a regular file"
LINK_WITHIN = "symbolic link within the data set"
LINK_OUT = "symbolic link to outside the data set"
LEADS_NOWHERE = "broken symbolic link"
ANYWHERE = "anywhere"
A_PACK = "a pack that packhouse made"
TAKEN = "its name is not UTF-8, and another file has the name under which it would be packed"


def with_slash(folder: str) -> str:
    """Return the path of a folder, to which the paths below it can be added."""
    return folder if folder.endswith("/") else folder + "/"


def _is_pack(entries: Iterable[os.DirEntry[str]]) -> bool:
    """Say whether a folder is a pack: its images would be packed once more."""
    manifest = next((entry for entry in entries if entry.name == MANIFEST_FILE), None)
    if manifest is None or not manifest.is_file(follow_symlinks=False):
        return False
    with open(manifest.path, "rb", opener=lambda path, _flags: os.open(path, READ_NO_LINK)) as file:
        return IS_PACK.match(file.read(HEAD_BYTES)) is not None


def _option(is_inside: bool) -> str:  # noqa: FBT001
    return "--follow-links" if is_inside else f"--follow-links={ANYWHERE}"


def _why(err: OSError | SourceError) -> str:
    return err.problem if isinstance(err, SourceError) else str(err.strerror)


class _Folder(NamedTuple):
    """A folder yet to list."""

    path: str
    """Below the root, as the system names it; "" for the root."""

    real: str
    """Where it is, with a slash at the end."""

    above: frozenset[str]
    """Where the folders are through which links led here: to enter one of them again would never end."""


class FolderWalk:
    """A walk under way: folders yet to list, as the system names them, and what was found so far.

    Args:
        below: The root, with a slash at the end.
        leave_out: Absolute folders that are not entered.
        follow_links: False; True for links to what is below the root; or "anywhere".
        note_folder: Called with each folder before it is listed, and with those of single files that links
            lead to; may raise OSError or SourceError.
    """

    def __init__(
        self,
        below: str,
        leave_out: frozenset[Path],
        *,
        follow_links: str | bool,
        note_folder: Callable[[str], None],
    ) -> None:
        self.waiting = [_Folder("", below, frozenset())]
        self.files: list[SourceFile] = []
        self.escaped: list[SourceFile] = []
        self.skipped: list[Skipped] = []
        self.failed: list[Failed] = []
        self.targets: dict[str, str] = {}
        """Path below SRC of a file that a link leads to, or to a folder above it -> where it is."""

        self._below = below
        self._follow = follow_links
        self._note_folder = note_folder
        self._leave_out = {os.path.realpath(folder) for folder in leave_out}

    @property
    def _count(self) -> int:
        return len(self.files) + len(self.escaped) + len(self.skipped) + len(self.failed)

    def list_folder(self, folder: _Folder) -> int:
        """List one folder and return the number of its files."""
        before = self._count
        try:
            self._note_folder(folder.real)
            with os.scandir(folder.real.rstrip("/") or "/") as entries:
                found = list(entries)
        except (OSError, SourceError) as err:
            message = f"cannot be listed: {_why(err)}"
            self.failed.append(Failed(as_text(folder.path) or ".", "SourceError", message))
            return 1
        if folder.path and _is_pack(found):
            self.skipped.append(Skipped(as_text(folder.path), A_PACK))
            return 1
        for entry in found:
            path = f"{folder.path}/{entry.name}" if folder.path else entry.name
            try:
                self._sort_in(entry, path, folder)
            except (OSError, SourceError) as err:  # it went away between the listing and now, for one
                message = f"cannot be accessed: {_why(err)}"
                self.failed.append(Failed(as_text(path), "SourceError", message))
        return self._count - before

    def _sort_in(self, entry: os.DirEntry[str], path: str, folder: _Folder) -> None:
        if entry.is_file(follow_symlinks=False):
            self._take(path, entry.stat(follow_symlinks=False), entry.path if folder.above else None)
        elif entry.is_symlink():
            self._take_link(entry.path, path, folder)
        elif entry.is_dir(follow_symlinks=False):
            if entry.path not in self._leave_out:
                self.waiting.append(_Folder(path, f"{entry.path}/", folder.above))
        else:
            self.skipped.append(Skipped(as_text(path), NOT_A_FILE))

    def _take(self, path: str, facts: os.stat_result, target: str | None) -> None:
        file = SourceFile(as_text(path), facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns)
        (self.files if file.path is path else self.escaped).append(file)
        if target is not None:
            self.targets[file.path] = target

    def _take_link(self, link: str, path: str, folder: _Folder) -> None:
        try:
            target = os.path.realpath(link, strict=True)
            facts = Path(target).lstat()
        except OSError:  # nothing is there, or the link leads to itself
            self._skip_link(path, LEADS_NOWHERE)
            return
        is_inside = with_slash(target).startswith(self._below)
        if not self._follow:
            what = LINK_WITHIN if is_inside else LINK_OUT
            self._skip_link(path, f"{what}: not followed without {_option(is_inside)}")
        elif not (is_inside or self._follow == ANYWHERE):
            self._skip_link(path, f"{LINK_OUT}: followed with {_option(is_inside)} only")
        elif stat.S_ISREG(facts.st_mode):
            self._note_folder(with_slash(os.path.dirname(target)))  # noqa: PTH120  # text, as all here
            self._take(path, facts, target)
        elif not stat.S_ISDIR(facts.st_mode):
            self._skip_link(path, NOT_A_FILE)
        elif target not in self._leave_out:
            self._enter(path, with_slash(target), folder)

    def _enter(self, path: str, target: str, folder: _Folder) -> None:
        above = folder.above | {folder.real}
        if any(real.startswith(target) for real in above):
            self._skip_link(path, "symbolic link to a folder above it, which would never end")
        else:
            self.waiting.append(_Folder(path, target, above))

    def _skip_link(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(as_text(path), reason))

    def fail_ambiguous(self) -> None:
        """Let an escaped file fail whose path is the very name of another: two would have one path."""
        names = {file.path for file in self.files} if self.escaped else set()
        self.failed += [
            Failed(file.path, "SourceError", TAKEN) for file in self.escaped if file.path in names
        ]
        self.escaped = [file for file in self.escaped if file.path not in names]
