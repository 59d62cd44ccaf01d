"""One file that others are read out of by their position, by many threads at once."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from posixpath import splitext
from typing import TYPE_CHECKING

from packhouse._src.full_disk import is_full
from packhouse._src.ranges import read_into, read_range
from packhouse._src.records import SourceFile
from packhouse._src.sources.changes import Identity, identity_of, young_for_ns
from packhouse._src.system.open_flags import READ
from packhouse._src.system.page_cache import will_read
from packhouse._src.system.process_lock import ProcessLock
from packhouse.errors import (
    DestinationError,
    NoSpaceError,
    SourceChangedError,
    SourceError,
    SourceNotFoundError,
    Where,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

COPY_BYTES = 1 << 20


class ArchiveFile:
    """An archive, opened when it is first needed; it must then stay as it is.

    Safe to share between threads, to inherit through fork, and to pickle: the copy opens the path again, and
    refuses another file there.

    Args:
        path: The file.
        identity: What it must be; None takes it as it is when it is opened.
    """

    def __init__(self, path: Path, identity: Identity | None = None) -> None:
        self.path = path
        self._identity = identity
        self._descriptor = -1
        self._opening = ProcessLock()

    def __reduce__(self) -> tuple[type[ArchiveFile], tuple[Path, Identity | None]]:
        """Pickle as the path and what lay there."""
        return (ArchiveFile, (self.path, self._identity))

    def __del__(self) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; a later read opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def identity(self) -> Identity:
        """Size, time and inode of the file; the first use opens it."""
        self._open()
        assert self._identity is not None  # noqa: S101  # set by _open
        return self._identity

    def read(self, length: int, offset: int) -> bytes:
        """Read a range; fewer bytes come only at the end of the file."""
        return read_range(self._open(), length, offset)

    def read_into(self, view: memoryview, offset: int) -> int:
        """Read a range of the length of a view into it, and return how many bytes there were."""
        return read_into(self._open(), view, offset)

    def read_ahead(self, offset: int, length: int) -> None:
        """Tell the system that a range will be read soon."""
        will_read(self._open(), offset, length)

    def check_unchanged(self) -> None:
        """Refuse what was read since the file was opened, when it is not the same any more.

        Raises:
            SourceChangedError: It was written to.
        """
        if identity_of(os.fstat(self._open())) != self._identity:
            raise self._changed()

    def _changed(self) -> SourceChangedError:
        return SourceChangedError(
            "changed while packing",
            where=Where(file=str(self.path)),
            hint="pack again when nothing writes to it",
        )

    def _open(self) -> int:
        if self._descriptor < 0:
            with self._opening:
                if self._descriptor < 0:
                    self._descriptor = self._open_checked()
        return self._descriptor

    def _open_checked(self) -> int:
        where = Where(file=str(self.path))
        try:
            descriptor = os.open(self.path, READ)
        except FileNotFoundError as err:
            raise SourceNotFoundError("SRC does not exist", where=where) from err
        except OSError as err:
            raise SourceError(f"cannot be read: {err.strerror}", where=where) from err
        try:
            self._check(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _check(self, descriptor: int) -> None:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise SourceError("this is not a regular file", where=Where(file=str(self.path)))
        if self._identity is None:
            time.sleep(young_for_ns(facts) / 1e9)  # from now on every change of it shows
            self._identity = identity_of(facts)
        if identity_of(os.fstat(descriptor)) != self._identity:
            raise self._changed()


class Window(io.RawIOBase):
    """An archive as a file object of its own position.

    Args:
        archive: The archive.
        position: Where reading begins.
    """

    def __init__(self, archive: ArchiveFile, position: int = 0) -> None:
        super().__init__()
        self._archive = archive
        self._position = position

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position and return it."""
        start = (0, self._position, self._archive.identity.size)[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read on into a buffer."""
        done = self._archive.read_into(memoryview(buffer).cast("B"), self._position)
        self._position += done
        return done

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        if size < 0:
            return super().read(size) or b""
        data = self._archive.read(size, self._position)
        self._position += len(data)
        return data


@contextmanager
def copied(file: SourceFile, folder: Path, parts: Iterable[bytes | memoryview]) -> Iterator[Path]:
    """Lay the bytes of a member down as a file by itself.

    Args:
        file: The member.
        folder: Where the copy may lie.
        parts: Its bytes, in order.

    Yields:
        The path of the copy; it is removed afterwards.

    Raises:
        NoSpaceError: The disk is full.
        DestinationError: The copy cannot be written.
    """
    where = Where(file=file.path)
    try:
        descriptor, name = tempfile.mkstemp(dir=folder, suffix=splitext(file.path)[1])
    except OSError as err:
        raise DestinationError(f"cannot be copied to {folder}: {err.strerror}", where=where) from err
    path = Path(name)
    try:
        try:
            with open(descriptor, "wb") as copy:  # noqa: PTH123  # a descriptor
                copy.writelines(parts)
        except (SourceError, DestinationError):
            raise
        except OSError as err:
            kind = NoSpaceError if is_full(err) else DestinationError
            raise kind(f"cannot be copied to {folder}: {err.strerror}", where=where) from err
        yield path
    finally:
        path.unlink(missing_ok=True)
