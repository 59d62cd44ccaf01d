"""What archives have in common, and those in which each member is one range of bytes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from packhouse._src.records import SourceFile
from packhouse._src.sources.archives.archive_file import COPY_BYTES, ArchiveFile, copied
from packhouse._src.sources.changes import Identity
from packhouse.errors import SourceError, Where


class ArchiveSource:
    """Files that are members of one file, where `inode` is the place at which each starts.

    Args:
        path: The file.
        identity: What it must be; None takes it as it is when it is opened.
    """

    in_turn = False
    by_position = True
    chosen = False

    def __init__(self, path: Path, identity: Identity | None = None) -> None:
        self.path = path
        self._archive = ArchiveFile(path, identity)

    def __reduce__(self) -> tuple[type[ArchiveSource], tuple[object, ...]]:
        """Pickle as the path and what lies there."""
        return (type(self), (self.path, self._archive.identity))

    def __repr__(self) -> str:
        """Return what it is of."""
        return f"<{type(self).__name__} of {self.path}>"

    def look(self, file: SourceFile) -> SourceFile:
        """Return the file itself: that the archive is as it was is checked with every read."""
        return file

    @contextmanager
    def as_file(self, file: SourceFile, folder: Path, *, most: int | None = None) -> Iterator[Path]:
        """Copy a member to a file by itself, a part at a time; see `Source`.

        Raises:
            SourceChangedError: The archive was written to.
            SourceError: The archive is damaged, or ends early.
            DestinationError: The copy cannot be written.
        """
        size = file.size if most is None else min(most, file.size)
        with copied(file, folder, self._parts(file, size)) as path:
            yield path

    @abstractmethod
    def _parts(self, file: SourceFile, size: int) -> Iterator[bytes]:
        """Yield the first bytes of a member."""

    def _cut(self, file: SourceFile) -> SourceError:
        return SourceError(
            "is damaged: its bytes end early",
            where=Where(file=str(self.path), member=file.path),
            hint="copy or download the archive again",
        )


class RangeSource(ArchiveSource):
    """Members that are ranges of bytes of the file, read by any number of threads.

    Safe to share between threads and to pickle.
    """

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one member whole; a tar archive has no checksum of its bytes; see `Source`.

        Raises:
            SourceChangedError: The archive was written to.
            SourceError: The archive ends early.

        Cost: two system calls.
        """
        done = self._archive.read_into(view, file.inode)
        self._archive.check_unchanged()
        if done != file.size:
            raise self._cut(file)
        return file

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Tell the system that these members will be read soon."""
        for file in files:
            self._archive.read_ahead(file.inode, file.size)

    def _parts(self, file: SourceFile, size: int) -> Iterator[bytes]:
        for start in range(0, size, COPY_BYTES):
            length = min(COPY_BYTES, size - start)
            part = self._archive.read(length, file.inode + start)
            self._archive.check_unchanged()
            if len(part) != length:
                raise self._cut(file)
            yield part
