"""The headers of a tar archive, one after the other, and which of its members can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from tarfile import BLOCKSIZE, TarError, TarFile, TarInfo
from typing import IO, Protocol, cast

from packhouse._src.records import Failed
from packhouse._src.sources.archives.members import LINK, NOT_A_FILE, Members
from packhouse.errors import SourceError, Where

MOST_HEADER_BYTES = 16 << 20
"""An extended header holds names and times; a larger one is an attack on the memory."""

REPORT_EVERY = 1000
CUT = "has no end marker: it may be truncated, so members may be missing"

# what tarfile lets through of headers that are damaged on purpose
DAMAGE = (TarError, ValueError, OverflowError, LookupError, RecursionError)


class Positioned(Protocol):
    """A file or a stream, by position."""

    def tell(self) -> int:
        """Return the position."""

    def seek(self, position: int, /) -> int:
        """Move."""

    def read(self, size: int, /) -> bytes:
        """Read on."""


class _Watched:
    """Passes tarfile's reads on, and keeps the last one: it tells the end of an archive from damage."""

    def __init__(self, file: Positioned) -> None:
        self.last = b""
        self.tell = file.tell
        self._file = file

    def seek(self, position: int) -> int:
        if position < 0:
            raise ValueError("a size below zero")
        return self._file.seek(position)

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MOST_HEADER_BYTES:
            raise ValueError(f"a header of {size:,} bytes")
        self.last = self._file.read(size)
        return self.last


def sort_members(
    file: Positioned,
    members: Members,
    on_found: Callable[[int], None],
    *,
    archive: str,
    on_member: Callable[[TarInfo], None] | None = None,
) -> None:
    """Read all headers, and sort the members.

    Args:
        file: The archive.
        members: Called with each member.
        on_found: Called with the number of members found since the last call.
        archive: Path of the archive, for errors.
        on_member: Called with each regular file, when the file stands at its bytes.

    Raises:
        SourceError: It is no tar archive, or damaged.
    """
    reported = 0
    for info in _headers(file, members, archive):
        if info.isreg() and not info.issparse() and on_member is not None:
            on_member(info)
        _sort_in(info, members)
        if members.count - reported >= REPORT_EVERY:
            on_found(members.count - reported)
            reported = members.count
    on_found(members.count - reported)


def _headers(file: Positioned, members: Members, archive: str) -> Iterator[TarInfo]:
    watched, place = _Watched(file), -1
    try:
        tar = TarFile(fileobj=cast("IO[bytes]", watched), encoding="utf-8", errors="surrogateescape")
        while info := tar.next():
            if tar.offset <= place:
                raise _damaged(archive, f"the header at byte {place:,} points backwards")
            place = tar.offset
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps them all
            yield info
    except SourceError:
        raise
    except DAMAGE as err:
        raise _damaged(archive, str(err)) from err
    # tarfile takes a header that it cannot read for the end, unless it is the first
    if watched.last.strip(b"\0") or 0 < len(watched.last) < BLOCKSIZE:
        raise _damaged(archive, f"no header at byte {tar.offset:,}")
    if not watched.last:
        members.failed.append(Failed(archive.rpartition("/")[2], "SourceError", CUT))


def _sort_in(info: TarInfo, members: Members) -> None:
    if info.isdir():
        return
    if info.issparse():
        members.fail(info.name, "is a sparse file, which is not supported")
    elif info.isreg():
        members.add(info.name, size=info.size, position=info.offset_data)
    elif info.islnk():
        file = members.find(info.linkname)
        if file is None:
            members.fail(info.name, f"is a hard link to {info.linkname!r}, which is not an earlier file")
        else:
            members.add(info.name, size=file.size, position=file.inode)
    else:
        members.skip(info.name, LINK if info.issym() else NOT_A_FILE)


def _damaged(archive: str, what: str) -> SourceError:
    return SourceError(
        f"cannot be read as a tar archive: {what}",
        where=Where(file=archive),
        hint="copy or download it again; tar -tf says more",
    )
