"""Sorts the members of an archive, as they come, into files, skipped and failed."""

from __future__ import annotations

from collections.abc import Container
from operator import itemgetter

from packhouse._src.records import Failed, Skipped, SourceFile
from packhouse._src.sources.names import as_text, member_path
from packhouse._src.sources.source import Found
from packhouse.errors import SourceError

LINK = "symbolic link: not followed"
NOT_A_FILE = "not a regular file"
REPLACED = "a later member of the archive has the same name"
TAKEN = "its name is not UTF-8, and another member has the name under which it would be packed"


class Members:
    """What was found of an archive so far; of members of one name the last one counts.

    Args:
        stamp: Of the archive.
    """

    def __init__(self, stamp: int) -> None:
        self.skipped: list[Skipped] = []
        self.failed: list[Failed] = []
        self.code_pages: dict[str, str] = {}
        """Path -> the code page that its name is in, where that is known and not UTF-8."""

        self._files: dict[str, SourceFile] = {}
        self._stamp = stamp

    @property
    def count(self) -> int:
        """Number of members so far, without folders."""
        return len(self._files) + len(self.skipped) + len(self.failed)

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """The files so far."""
        return tuple(self._files.values())

    def add(self, raw: str, *, size: int, position: int) -> SourceFile | None:
        """Take a file; one whose name leads elsewhere fails.

        Args:
            raw: Its name in the archive, with surrogates for bytes that are no text.
            size: Bytes.
            position: Where it starts.

        Returns:
            The file, or None when it failed.
        """
        try:
            name = member_path(raw)
        except SourceError as err:
            self.fail(raw, err.problem)
            return None
        self._replace(name)
        self._files[name] = SourceFile(as_text(name), size, self._stamp, position)
        return self._files[name]

    def skip(self, raw: str, reason: str) -> None:
        """Leave a member out on purpose."""
        self._replace(raw)
        self.skipped.append(Skipped(as_text(raw), reason))

    def fail(self, raw: str, message: str) -> None:
        """Note a member that cannot be packed."""
        self._replace(raw)
        self.failed.append(Failed(as_text(raw), "SourceError", message))

    def find(self, raw: str) -> SourceFile | None:
        """Return the file of that name, if it is one and came already."""
        try:
            return self._files.get(member_path(raw))
        except SourceError:
            return None

    def reject(self, positions: Container[int], message: str) -> None:
        """Let the files at some positions fail after all."""
        rejected = {name: file for name, file in self._files.items() if file.inode in positions}
        for name, file in rejected.items():
            del self._files[name]
            self.failed.append(Failed(file.path, "SourceError", message))

    def found(self) -> Found:
        """Return everything, sorted by path."""
        for name, file in [*self._files.items()]:
            if name != file.path and file.path in self._files:
                del self._files[name]
                self.failed.append(Failed(file.path, "SourceError", TAKEN))
        return Found(
            files=tuple(sorted(self._files.values(), key=itemgetter(0))),
            skipped=tuple(sorted(self.skipped, key=lambda one: one.path)),
            failed=tuple(sorted(self.failed, key=lambda one: one.path)),
            escaped=tuple(sorted(file.path for name, file in self._files.items() if name != file.path)),
            code_pages={path: page for path, page in sorted(self.code_pages.items()) if path in self._files},
        )

    def _replace(self, raw: str) -> None:
        try:
            file = self._files.pop(member_path(raw), None)
        except SourceError:
            return
        if file is not None:
            self.skipped.append(Skipped(file.path, REPLACED))
