"""A compressed tar archive as a data set: one stream, read from its beginning to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tarfile import TarInfo

from packhouse._src.records import SourceFile
from packhouse._src.sources.archives.archive_file import COPY_BYTES
from packhouse._src.sources.archives.forward import ForwardStream
from packhouse._src.sources.archives.member_ranges import ArchiveSource
from packhouse._src.sources.archives.members import Members
from packhouse._src.sources.archives.tar_headers import sort_members
from packhouse._src.sources.changes import Identity
from packhouse._src.sources.source import Found

TABLE_EXTENSIONS = (".csv", ".tsv")
KEPT_OF_A_TABLE = 64 << 10
KEPT_OF_TABLES = 8 << 20
KEPT_OF_THE_LAST = 8 << 20


class TarStreamSource(ArchiveSource):
    """A tar archive compressed by gzip, zstd, bzip2 or xz; read by one thread.

    The first bytes of its tables are kept when it is scanned, since their headers are asked for before any
    image is read, and in another order; the last member is kept for the hard links to it.

    Args:
        path: The archive.
        identity: What it must be; None takes it as it is when it is opened.
    """

    in_turn = True

    def __init__(self, path: Path, identity: Identity | None = None) -> None:
        super().__init__(path, identity)
        self._stream = ForwardStream(self._archive)
        self._heads: dict[int, bytes] = {}
        self._kept = 0
        self._last = (-1, b"")

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
        """Read one member whole; see `Source`.

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
        """Do nothing: a stream is read ahead by the system."""

    def _parts(self, file: SourceFile, size: int) -> Iterator[bytes]:
        head = self._heads.get(file.inode, b"")
        if len(head) >= size:
            yield head[:size]
            return
        self._stream.seek(file.inode)
        left = size
        while left and (part := self._stream.read(min(left, COPY_BYTES))):
            left -= len(part)
            yield part
        self._archive.check_unchanged()
        if left:
            raise self._cut(file)

    def _keep_head(self, info: TarInfo) -> None:
        if info.name.lower().endswith(TABLE_EXTENSIONS):
            head = self._stream.read(min(info.size, KEPT_OF_A_TABLE, KEPT_OF_TABLES - self._kept))
            self._heads[info.offset_data] = head
            self._kept += len(head)
