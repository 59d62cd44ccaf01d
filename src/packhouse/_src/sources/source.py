"""What every source of a data set can do: list its files once, then give their bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from packhouse._src.records import Failed, Skipped, SourceFile


@dataclass(frozen=True, slots=True)
class Found:
    """All that a scan saw; every entry that is no folder is in exactly one of the three."""

    files: tuple[SourceFile, ...]
    """Files that can be read, sorted by path."""

    skipped: tuple[Skipped, ...]
    """Links, FIFOs, devices, members that a later one replaces; sorted by path."""

    failed: tuple[Failed, ...]
    """Folders that cannot be listed, members that cannot be read or lead elsewhere; sorted by path."""

    escaped: tuple[str, ...] = ()
    """Paths of those files whose names are not UTF-8, as `names.escape_path` escaped them; sorted."""

    code_pages: Mapping[str, str] = field(default_factory=dict)
    """Path -> the code page that the name of its member is in, in an archive that does not use UTF-8."""

    archives: tuple[str, ...] = ()
    """Paths of archives and HDF5 files inside of a folder whose members are among the files."""

    @property
    def seen(self) -> int:
        """Number of entries that are no folder, and of folders that cannot be listed."""
        return len(self.files) + len(self.skipped) + len(self.failed)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a data set is read, as the user asked for it."""

    follow_links: str | bool = False
    """Whether symbolic links are followed: False, True within the data set, or "anywhere"."""

    name_encoding: str | None = None
    """Of names in archives that are not UTF-8; None: found."""


class Source(Protocol):
    """A data set as it lies on disk. Picklable, and then reads the same files in another process."""

    @property
    def path(self) -> Path:
        """The folder or the file that the user named."""

    @property
    def in_turn(self) -> bool:
        """Whether files can only be read one after the other, in the order of their `inode`.

        A compressed archive is one stream: asking for an earlier file starts it from the beginning. Such a
        source is read by one thread.
        """

    @property
    def by_position(self) -> bool:
        """Whether `inode` is a position in one file, so that files are best read in that order."""

    @property
    def chosen(self) -> bool:
        """Whether every file is wanted as an image, whatever its name, except a table of that name."""

    def scan(self, on_found: Callable[[int], None]) -> Found:
        """List every file.

        Args:
            on_found: Called with the number of files found since the last call.

        Returns:
            What was found; the same for the same data set, whatever order it is listed in.

        Raises:
            SourceNotFoundError: There is no such data set.
            SourceError: It cannot be read at all.
        """

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one file whole; safe to call from several threads unless `in_turn`.

        Args:
            file: As the scan saw it.
            view: Where its bytes go; exactly as long as the file.

        Returns:
            The file as it was when these bytes were read.

        Raises:
            SourceChangedError: It has another size than when it was scanned, or keeps changing.
            SourceError: It cannot be read, or is damaged.
        """

    def look(self, file: SourceFile) -> SourceFile:
        """Return a file as it is now, to be compared with how it was when it was read.

        Raises:
            SourceError: It is gone, or another one is in its place.
        """

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Tell the system that these files will be read soon; a hint that may do nothing.

        Args:
            files: As the scan saw them; a bounded number.
        """

    def as_file(
        self, file: SourceFile, folder: Path, *, most: int | None = None
    ) -> AbstractContextManager[Path]:
        """Give a file that lies on the disk by itself, for those who need a path.

        Args:
            file: As the scan saw it.
            folder: Where a temporary copy may lie; removed when the context ends.
            most: Only so many bytes from the start are needed; the file may be longer.

        Returns:
            A context that gives the path.

        Raises:
            SourceError: It cannot be read, or is damaged.
        """
