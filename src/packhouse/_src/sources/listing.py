"""A list of files as a data set: those that are named, and no others."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from functools import cache
from operator import itemgetter
from pathlib import Path

from packhouse._src.records import Failed, Skipped, SourceFile
from packhouse._src.sources.folder import FolderSource
from packhouse._src.sources.folder_walk import NOT_A_FILE, TAKEN, with_slash
from packhouse._src.sources.listed_paths import read_paths
from packhouse._src.sources.names import as_text
from packhouse._src.sources.source import Found
from packhouse.errors import SourceError, SourceNotFoundError, Where

LINKED_LIST = "the list itself, a symbolic link: not packed as a table"
TWICE = "listed twice"
ELSEWHERE = "is outside the folder of the list"
LINK = "leads through a symbolic link: not followed"
REPORT_EVERY = 1000
TABLES = (".csv", ".tsv")


class ListSource(FolderSource):
    """The files that a text file, a CSV or TSV file or a Parquet file names, below the folder it lies in.

    Safe to share between threads and to pickle.

    Args:
        path: The list.
    """

    chosen = True

    def __init__(self, path: Path) -> None:
        super().__init__(path.parent)
        self.path = path

    def scan(self, on_found: Callable[[int], None]) -> Found:
        """Look at every file that is listed.

        Args:
            on_found: Called with the number of paths looked at since the last call.

        Returns:
            What was found. A list that is a CSV or TSV file is a file too; another one is skipped.

        Raises:
            SourceNotFoundError: There is no such list.
            SourceError: The list cannot be read, or no column of it holds paths.

        Cost: one stat per file, and one look at each folder.
        """
        try:
            root = os.path.realpath(self.path.parent, strict=True)
            facts = self.path.lstat()
        except OSError as err:
            raise SourceNotFoundError(
                f"SRC cannot be found: {err.strerror}", where=Where(file=str(self.path))
            ) from err
        self._begin_scan(root)
        look = _Look(root, self.path.parent, self._note_folder)
        look.take_list(self.path.name, facts)
        reported = 0
        for raw in read_paths(self.path):
            look.take(raw)
            if look.count - reported >= REPORT_EVERY:
                on_found(look.count - reported)
                reported = look.count
        look.fail_ambiguous()
        on_found(look.count - reported)
        found = look.found()
        self._of_thread = threading.local()  # what is read is looked up anew
        self._escaped = frozenset(found.escaped)
        return found


class _Look:
    """Looks at one listed path after the other."""

    def __init__(self, root: str, shown_root: Path, note_folder: Callable[[str], None]) -> None:
        self._root = root.rstrip("/")
        self._note_folder = note_folder
        # an absolute path may be written as the user sees the folder, or as it really lies
        self._prefixes = [f"{folder.rstrip('/')}/" for folder in (root, str(shown_root.absolute()))]
        self._files: dict[str, SourceFile] = {}
        self._skipped: list[Skipped] = []
        self._failed: list[Failed] = []
        self._problem_of_folder = cache(self._look_at_folder)

    @property
    def count(self) -> int:
        """Number of paths so far, and one for the list."""
        return len(self._files) + len(self._skipped) + len(self._failed)

    def found(self) -> Found:
        """Return everything, sorted by path."""
        return Found(
            files=tuple(sorted(self._files.values(), key=itemgetter(0))),
            skipped=tuple(sorted(self._skipped, key=lambda one: one.path)),
            failed=tuple(sorted(self._failed, key=lambda one: one.path)),
            escaped=tuple(sorted(file.path for name, file in self._files.items() if name != file.path)),
        )

    def take_list(self, name: str, facts: os.stat_result) -> None:
        """Take the list itself: as a file when it is a table, which may be packed as one."""
        if not name.lower().endswith(TABLES):
            return
        if stat.S_ISREG(facts.st_mode):
            self._files[name] = _file(name, facts)
        else:
            self._skipped.append(Skipped(as_text(name), LINKED_LIST))

    def take(self, raw: str) -> None:
        """Look at one path, as the list has it."""
        path, problem = self._below_root(raw)
        if not problem and path in self._files:
            self._skipped.append(Skipped(as_text(path), TWICE))
            return
        if not problem:
            problem = self._look_at_file(path)
        if problem:
            self._failed.append(Failed(as_text(raw).replace("\0", "\\0"), "SourceError", problem))

    def _below_root(self, raw: str) -> tuple[str, str | None]:
        path = raw
        if raw.startswith("/"):
            path = next((raw[len(p) :] for p in self._prefixes if raw.startswith(p)), "")
            if not path:
                return "", ELSEWHERE
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if "\0" in raw:
            return "", "contains NUL"
        if ".." in parts:
            return "", f'{ELSEWHERE}: it contains ".."'
        return "/".join(parts), None if parts else "is not a path"

    def _look_at_file(self, path: str) -> str | None:
        if problem := self._problem_of_folder(path.rpartition("/")[0]):
            return problem
        try:
            facts = os.lstat(f"{self._root}/{path}")
        except OSError as err:
            return f"cannot be read: {err.strerror}"
        if stat.S_ISLNK(facts.st_mode):
            return LINK
        if not stat.S_ISREG(facts.st_mode):
            return "is a folder" if stat.S_ISDIR(facts.st_mode) else NOT_A_FILE
        self._files[path] = _file(as_text(path), facts)
        return None

    def _look_at_folder(self, folder: str) -> str | None:
        path = f"{self._root}/{folder}".rstrip("/")
        try:
            real = os.path.realpath(path, strict=True)
            if real != (path or "/"):
                return LINK
            self._note_folder(with_slash(real))
        except SourceError:  # the look at the file says what is wrong
            return None
        except OSError as err:
            return f"cannot be read: {err.strerror}"
        return None

    def fail_ambiguous(self) -> None:
        """Let a file fail whose escaped path is the very name of another."""
        for name, file in [*self._files.items()]:
            if name != file.path and file.path in self._files:
                del self._files[name]
                self._failed.append(Failed(file.path, "SourceError", TAKEN))


def _file(path: str, facts: os.stat_result) -> SourceFile:
    return SourceFile(path, facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns)
