"""A zip archive as a data set: its directory read once, its members by many threads at once."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from packhouse._src.records import SourceFile
from packhouse._src.sources.archives.archive_file import COPY_BYTES, Window
from packhouse._src.sources.archives.member_ranges import ArchiveSource
from packhouse._src.sources.archives.unpacking import DAMAGE, unpack
from packhouse._src.sources.archives.zip_members import ZipMember, ZipMembers
from packhouse._src.sources.archives.zip_names import ZipNames
from packhouse._src.sources.archives.zip_parts import split_archive_error
from packhouse._src.sources.changes import Identity
from packhouse._src.sources.source import Found
from packhouse._src.system.process_lock import ProcessLock
from packhouse.errors import SourceError, Where

LOCAL_HEADER = struct.Struct("<4s22xHH")
LONGEST_END_BYTES = 22 + 0xFFFF
"""Of the record at the end of an archive, with its comment (APPNOTE.TXT, 4.3.16)."""

LOCAL_SIGNATURE = b"PK\3\4"


class ZipSource(ArchiveSource):
    """A zip archive, Zip64 too.

    Safe to share between threads and to pickle: the copy reads the archive's directory again.

    Args:
        path: The archive.
        identity: What it must be; None takes it as it is when it is opened.
        name_encoding: Of names that are not UTF-8; None: found.
    """

    def __init__(
        self, path: Path, identity: Identity | None = None, name_encoding: str | None = None
    ) -> None:
        super().__init__(path, identity)
        self._name_encoding = name_encoding
        self._members: dict[int, ZipMember] | None = None
        self._scanning = ProcessLock()

    def __reduce__(self) -> tuple[type[ZipSource], tuple[Path, Identity, str | None]]:
        """Pickle as the path and what lies there."""
        return (ZipSource, (self.path, self._archive.identity, self._name_encoding))

    def scan(self, on_found: Callable[[int], None]) -> Found:
        """List every member.

        Args:
            on_found: Called with the number of members.

        Returns:
            What was found.

        Raises:
            SourceNotFoundError: There is no such archive.
            SourceError: It is no zip archive, or its directory is damaged.

        Cost: 10 us per member, and 1 KB of memory until it is done.
        """
        with self._scanning:
            identity = self._archive.identity
            directory = self._read_directory()
            listed = ZipMembers(identity, ZipNames(directory, self._name_encoding))
            for info in directory:
                listed.take(info)
            found, self._members = listed.found()
        on_found(found.seen)
        return found

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one member whole, and check its CRC-32; see `Source`.

        Raises:
            SourceChangedError: The archive was written to.
            SourceError: The member is damaged.

        Cost: three system calls, and for a deflated member one pass of inflate, without the interpreter lock.
        """
        member = self._member(file)
        start = self._data_start(file, member)
        if member.method == ZIP_STORED:
            whole = self._archive.read_into(view, start) == file.size
        else:
            packed = self._archive.read(member.compressed, start)
            data = self._unpack(file, member, packed)
            if whole := len(packed) == member.compressed and len(data) == file.size:
                view[:] = data
        self._archive.check_unchanged()
        if not whole:
            raise self._damaged(file, "its bytes end early")
        if zlib.crc32(view) != member.crc:
            raise self._damaged(file, "its bytes do not match their CRC-32")
        return file

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Tell the system that these members will be read soon."""
        for file in files:
            self._archive.read_ahead(file.inode, self._member(file).compressed + LOCAL_HEADER.size)

    def _read_directory(self) -> list[ZipInfo]:
        size = self._archive.identity.size
        tail = self._archive.read(min(size, LONGEST_END_BYTES), max(0, size - LONGEST_END_BYTES))
        if split := split_archive_error(self.path, tail):  # zipfile reads the directory of its last part
            raise split
        try:
            with (
                io.BufferedReader(Window(self._archive)) as file,
                ZipFile(cast("IO[bytes]", file)) as directory,
            ):
                return directory.infolist()
        # what zipfile lets through of a damaged directory: names that are no UTF-8, cut records, huge offsets
        except (BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error) as err:
            raise SourceError(
                f"cannot be read as a zip archive: {err}",
                where=Where(file=str(self.path)),
                hint="copy or download it again; zip -T says more",
            ) from err

    def _member(self, file: SourceFile) -> ZipMember:
        if self._members is None:
            self.scan(lambda _: None)
        assert self._members is not None  # noqa: S101  # set by the scan
        return self._members[file.inode]

    def _data_start(self, file: SourceFile, member: ZipMember) -> int:
        header = self._archive.read(LOCAL_HEADER.size, file.inode)
        if len(header) == LOCAL_HEADER.size:
            # the lengths of the directory are of no use: the extra field here may be another
            signature, name, extra = LOCAL_HEADER.unpack(header)
            start = file.inode + LOCAL_HEADER.size + int(name) + int(extra)
            if signature == LOCAL_SIGNATURE and start + member.compressed <= member.limit:
                return start
        self._archive.check_unchanged()
        raise self._damaged(file, f"no valid header at byte {file.inode:,}")

    def _unpack(self, file: SourceFile, member: ZipMember, packed: bytes) -> bytes:
        if member.method == ZIP_DEFLATED:
            inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                # one more than there should be shows that there are more; 0 would mean: no limit
                data = inflate.decompress(packed, file.size + 1)
            except zlib.error as err:
                raise self._damaged(file, str(err)) from err
            return data if inflate.eof else b""
        return b"".join(self._unpacked(file, member, [packed]))

    def _parts(self, file: SourceFile, size: int) -> Iterator[bytes]:
        member = self._member(file)
        packed = self._packed_parts(self._data_start(file, member), member.compressed)
        done, crc = 0, 0
        for part in packed if member.method == ZIP_STORED else self._unpacked(file, member, packed):
            done, crc = done + len(part), zlib.crc32(part, crc)
            yield part[: max(0, len(part) - max(0, done - size))]
            if done >= size and size < file.size:
                break
        self._archive.check_unchanged()
        if size == file.size and (done, crc) != (file.size, member.crc):
            raise self._damaged(file, "its bytes do not match their size and CRC-32")

    def _packed_parts(self, start: int, left: int) -> Iterator[bytes]:
        while left and (part := self._archive.read(min(left, COPY_BYTES), start)):
            start, left = start + len(part), left - len(part)
            yield part

    def _unpacked(self, file: SourceFile, member: ZipMember, packed: Iterable[bytes]) -> Iterator[bytes]:
        try:
            yield from unpack(member.method, packed, file.size)
        except SourceError:
            raise
        except DAMAGE as err:
            self._archive.check_unchanged()
            raise self._damaged(file, str(err) or type(err).__name__) from err

    def _damaged(self, file: SourceFile, what: str) -> SourceError:
        return SourceError(
            f"is damaged: {what}",
            where=Where(file=str(self.path), member=file.path),
            hint="copy or download the archive again; zip -T says more",
        )
