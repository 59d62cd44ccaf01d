"""Which members of a zip archive can be read: by its directory alone, before a byte of them is."""

from __future__ import annotations

import stat
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipInfo

from packhouse._src.sources.archives.members import LINK, NOT_A_FILE, Members
from packhouse._src.sources.archives.unpacking import DECOMPRESSORS
from packhouse._src.sources.archives.zip_names import ZipNames
from packhouse._src.sources.changes import Identity
from packhouse._src.sources.source import Found

METHODS = {ZIP_STORED, *DECOMPRESSORS}

# bits of the flags (APPNOTE.TXT, 4.4.4): encrypted, strongly encrypted, its local header masked
ENCRYPTED = 0x0001 | 0x0040 | 0x2000
PATCHED = 0x0020

LOCAL_HEADER_BYTES = 30

MOST_DEFLATED = 1032
"""A byte of deflate stands for no more: 258 bytes for two bits (RFC 1951, 3.2.5)."""

OVERLAPS = "shares its bytes with another member: the archive is malicious (a zip bomb) or damaged"


class ZipMember(NamedTuple):
    """What the directory says of a file, beside its size."""

    compressed: int
    """Bytes it takes in the archive."""

    limit: int
    """Where the next file starts: its bytes end before."""

    crc: int
    method: int


class ZipMembers:
    """The directory of a zip archive, a record at a time.

    Args:
        archive: What the archive is.
        names: How its names are read.
    """

    def __init__(self, archive: Identity, names: ZipNames) -> None:
        self._members = Members(archive.stamp)
        self._names = names
        self._size = archive.size
        self._overlapping: set[int] = set()
        self._infos: dict[int, ZipInfo] = {}

    def take(self, info: ZipInfo) -> None:
        """Sort one member in; folders are passed over."""
        name, code_page = self._names.read(info)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.endswith("/") or kind == stat.S_IFDIR:
            return
        if kind == stat.S_IFLNK:
            self._members.skip(name, LINK)
        elif kind not in {0, stat.S_IFREG}:
            self._members.skip(name, NOT_A_FILE)
        elif reason := self._refusal(info):
            self._members.fail(name, reason)
        elif file := self._members.add(name, size=info.file_size, position=info.header_offset):
            self._note(info)
            if code_page is not None:
                self._members.code_pages[file.path] = code_page

    def _note(self, info: ZipInfo) -> None:
        other = self._infos.setdefault(info.header_offset, info)
        if other is not info and other.filename != info.filename:
            self._overlapping.add(info.header_offset)
        self._infos[info.header_offset] = info

    def _refusal(self, info: ZipInfo) -> str | None:
        if info.flag_bits & ENCRYPTED:
            return "is encrypted"
        if info.compress_type not in METHODS or info.flag_bits & PATCHED:
            return f"uses an unsupported compression method: number {info.compress_type}"
        if info.header_offset < 0 or _end(info) > self._size:
            return "its bytes extend past the end of the archive"
        most = {ZIP_STORED: info.compress_size, ZIP_DEFLATED: info.compress_size * MOST_DEFLATED}
        if info.file_size > most.get(info.compress_type, info.file_size):
            return f"its size is impossible: {info.file_size:,} bytes out of {info.compress_size:,}"
        return None

    def found(self) -> tuple[Found, dict[int, ZipMember]]:
        """Return what was found, and where -> what reading each file takes."""
        places = sorted({file.inode for file in self._members.files})
        reach, reached_by = 0, 0
        for place in places:
            if place < reach:
                self._overlapping |= {place, reached_by}
            end = _end(self._infos[place])
            if end > reach:
                reach, reached_by = end, place
        self._members.reject(self._overlapping, OVERLAPS)
        found = self._members.found()
        places = sorted({file.inode for file in found.files})
        limits = [*places[1:], self._size]
        return found, {
            place: ZipMember(info.compress_size, limit, info.CRC, info.compress_type)
            for place, limit, info in zip(places, limits, map(self._infos.__getitem__, places), strict=False)
        }


def _end(info: ZipInfo) -> int:
    # at least: what the local header has in its extra field is not known before it is read
    return info.header_offset + LOCAL_HEADER_BYTES + len(info.orig_filename) + info.compress_size
