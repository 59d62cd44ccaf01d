"""A compressed tar archive as a data set: one stream, read from its beginning to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tarfile import TarInfo

from packhouse._src.records import SourceFile
from packhouse._src.sources.archives.archive_file import COPY_BYTES, ArchiveFile, copied
from packhouse._src.sources.archives.forward import ForwardStream
from packhouse._src.sources.archives.members import Members
from packhouse._src.sources.archives.tar_headers import sort_members
from packhouse._src.sources.changes import Identity
from packhouse._src.sources.source import Found
from packhouse.errors import SourceError, Where

TABLE_EXTENSIONS = (".csv", ".tsv")
KEPT_OF_A_TABLE = 64 << 10
KEPT_OF_TABLES = 8 << 20
KEPT_OF_THE_LAST = 8 << 20


class TarStreamSource:
    """A tar archive compressed by gzip, zstd, bzip2 or xz; read by one thread.

    The first bytes of its tables are kept when it is scanned, since their headers are asked for before any
    image is read, and in another order; the last member is kept for the hard links to it.

    Args:
        path: The archive.
        identity: What it must be; None takes it as it is when it is opened.
    """

    in_turn = True
    by_position = True
    chosen = False

    def __init__(self, path: Path, identity: Identity | None = None) -> None:
        self.path = path
        self._archive = ArchiveFile(path, identity)
        self._stream = ForwardStream(self._archive)
        self._heads: dict[int, bytes] = {}
        self._kept = 0
        self._last = (-1, b"")

    def __reduce__(self) -> tuple[type[TarStreamSource], tuple[Path, Identity]]:
        """Pickle as the path and what lies there."""
        return (TarStreamSource, (self.path, self._archive.identity))

    def __repr__(self) -> str:
        """Return what it is of."""
        return f"<TarStreamSource of {self.path}>"

    def scan(self, on_found: Callable[[int], None]) -> Found:
        """List every member.

        Args:
            on_found: Called with the number of members found since the last call.

        Returns:
            What was found.

        Raises:
            SourceNotFoundError: There is no such archive.
            SourceChangedError: The archive was written to.
            SourceError: It is no compressed tar archive, or damaged anywhere.

        Cost: the whole archive is decompressed, so that its checksums are checked.
        """
        members = Members(self._archive.identity.stamp)
        self._stream.close()  # or it would go on where the last one who read stopped
        self._heads, self._kept = {}, 0
        try:
            sort_members(self._stream, members, on_found, archive=str(self.path), on_member=self._keep_head)
            while self._stream.read(COPY_BYTES):  # the checksum stands at the end
                pass
        finally:
            self._stream.close()
        self._archive.check_unchanged()
        return members.found()

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one member whole.

        Args:
            file: As the scan saw it.
            view: Where its bytes go; exactly as long as the file.

        Returns:
            The file.

        Raises:
            SourceChangedError: The archive was written to.
            SourceError: The stream is damaged.

        Cost: everything from the last member to this one is decompressed, or from the beginning when this
        one comes before.
        """
        place, data = self._last
        if place != file.inode:
            data, done = b"", 0
            for part in self._parts(file, file.size):
                view[done : done + len(part)] = part
                done += len(part)
            if file.size <= KEPT_OF_THE_LAST:
                self._last = (file.inode, bytes(view))
        else:
            view[:] = data
        return file

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Do nothing: a stream is read ahead by the system.

        Args:
            files: Not used.
        """

    @contextmanager
    def as_file(self, file: SourceFile, folder: Path, *, most: int | None = None) -> Iterator[Path]:
        """Copy a member to a file by itself, a part at a time.

        Args:
            file: As the scan saw it.
            folder: Where the copy lies while the context lasts.
            most: Only so many bytes from the start are copied.

        Yields:
            The path of the copy.

        Raises:
            SourceChangedError: The archive was written to.
            SourceError: The stream is damaged.
            DestinationError: The copy cannot be written.

        Cost: as `read_into`; nothing is decompressed for the first 64 KiB of a table.
        """
        size = file.size if most is None else min(most, file.size)
        head = self._heads.get(file.inode, b"")
        parts = [head[:size]] if len(head) >= size else self._parts(file, size)
        with copied(file, folder, parts) as path:
            yield path

    def _parts(self, file: SourceFile, size: int) -> Iterator[bytes]:
        self._stream.seek(file.inode)
        left = size
        while left and (part := self._stream.read(min(left, COPY_BYTES))):
            left -= len(part)
            yield part
        self._archive.check_unchanged()
        if left:
            raise SourceError(
                "is damaged: its bytes end early",
                where=Where(file=str(self.path), member=file.path),
                hint="copy or download the archive again",
            )

    def _keep_head(self, info: TarInfo) -> None:
        if info.name.lower().endswith(TABLE_EXTENSIONS):
            head = self._stream.read(min(info.size, KEPT_OF_A_TABLE, KEPT_OF_TABLES - self._kept))
            self._heads[info.offset_data] = head
            self._kept += len(head)
