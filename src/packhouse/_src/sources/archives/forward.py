"""A compressed file as one stream that is read forward, and from its beginning again for what came before."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Protocol, cast

from packhouse._src.sources.archives.archive_file import ArchiveFile, Window
from packhouse.errors import SourceError, Where

BUFFER_BYTES = 1 << 20
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What the decompressors raise."""


class DecompressedReader(Protocol):
    """What every decompressor can do."""

    def read(self, size: int, /) -> bytes:
        """Read on; nothing comes at the end only."""

    def close(self) -> None:
        """Close it."""


def _gzip(packed: IO[bytes]) -> DecompressedReader:
    return cast("DecompressedReader", gzip.GzipFile(fileobj=packed))


def _zstd(packed: IO[bytes]) -> DecompressedReader:
    from packhouse._src.zstd_ import ZstdReader

    return ZstdReader(packed)


def _bzip2(packed: IO[bytes]) -> DecompressedReader:
    return cast("DecompressedReader", bz2.BZ2File(packed))


def _xz(packed: IO[bytes]) -> DecompressedReader:
    return cast("DecompressedReader", lzma.LZMAFile(packed))


FORMATS: dict[bytes, Callable[[IO[bytes]], DecompressedReader]] = {
    b"\x1f\x8b": _gzip,
    b"\x28\xb5\x2f\xfd": _zstd,
    b"BZh": _bzip2,
    b"\xfd7zXZ\0": _xz,
}
"""First bytes -> decompressor."""


def is_compressed(head: bytes) -> bool:
    """Say whether a file that begins so is compressed in a way we read."""
    return any(head.startswith(magic) for magic in FORMATS)


class ForwardStream:
    """The decompressed bytes of an archive, by their position; for one thread.

    Args:
        archive: The compressed file.
    """

    def __init__(self, archive: ArchiveFile) -> None:
        self._archive = archive
        self._reader: DecompressedReader | None = None
        self._position = 0

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, position: int) -> int:
        """Move to a position and return it; an earlier one starts from the beginning.

        Raises:
            SourceError: The stream is damaged.
        """
        if position < self._position:
            self.close()
        while self._position < position and self.read(min(position - self._position, BUFFER_BYTES)):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        """Read on; fewer bytes come only at the end.

        Raises:
            SourceChangedError: The archive was written to.
            SourceError: The stream is damaged, or ends early.
        """
        try:
            reader = self._reader = self._reader or self._open()
            data = reader.read(size)
            while len(data) < size and (more := reader.read(size - len(data))):
                data += more
        except SourceError:
            raise
        except DAMAGE as err:
            self.close()
            self._archive.check_unchanged()
            raise self._damaged(str(err)) from err
        self._position += len(data)
        return data

    def close(self) -> None:
        """Go back to the beginning, with nothing open."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._position = None, 0

    def _open(self) -> DecompressedReader:
        head = self._archive.read(8, 0)
        opens = [opener for magic, opener in FORMATS.items() if head.startswith(magic)]
        if not opens:
            raise self._damaged("not compressed by gzip, zstd, bzip2 or xz")
        packed = io.BufferedReader(Window(self._archive), BUFFER_BYTES)
        return opens[0](cast("IO[bytes]", packed))

    def _damaged(self, what: str) -> SourceError:
        return SourceError(
            f"cannot be decompressed: {what}",
            where=Where(file=str(self._archive.path)),
            hint="copy or download it again",
        )
