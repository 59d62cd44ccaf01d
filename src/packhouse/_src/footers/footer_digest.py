"""A digest over the footer of each Parquet file of a pack, which Parquet itself leaves unprotected.

Pages carry checksums, the footer carries none: one flipped bit in it can make the Parquet library abort the
whole process, or silently rename a column. So the digest lies right before the footer, in a gap that other
readers step over, and is checked before the library sees a byte.

    PAR1 <pages> | digest: 16 bytes | <footer> <its length: 4 bytes> PAR1
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from packhouse._src.footers.xxhash_ import DIGEST_BYTES, digest_of
from packhouse.errors import CorruptStoreError, Where

MAGIC = b"PAR1"
LENGTH_BYTES = 4
MOST_BYTES, MOST_SHARE = 4 << 20, 8
"""A footer may have so many bytes and so much of the file: it takes ten times as much memory."""

RESTORE = "pack the data set again, or restore this file from a copy"
TAIL_BYTES = LENGTH_BYTES + len(MAGIC)


def add_footer_digest(path: Path) -> None:
    """Put the digest into a Parquet file that has none, and flush it to the disk (fsync).

    Args:
        path: A whole Parquet file.
    """
    with path.open("r+b") as file:
        footer = _read_footer(file)
        file.seek(-len(footer), os.SEEK_END)
        file.write(digest_of(footer) + footer)
        file.flush()
        os.fsync(file.fileno())


def check_footer_digest(path: Path) -> bytes:
    """See that the footer of a file with such a digest is whole.

    Args:
        path: The file.

    Returns:
        The digest.

    Raises:
        CorruptStoreError: It is not, or there is no digest.

    Cost: reads the footer, some 15 KB for a hundred thousand images.
    """
    digest = read_footer_digest(path)
    if digest is None:
        raise CorruptStoreError(
            "its footer does not match its digest: the file was damaged or truncated",
            where=Where(file=str(path)),
            hint=RESTORE,
        )
    return digest


def read_footer_digest(path: Path) -> bytes | None:
    """Return the digest of a footer; None when the footer is damaged, or has no digest.

    Raises:
        CorruptStoreError: The file is missing or cannot be read; it may have been there a moment ago.
    """
    with _opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        footer = _read_footer(file, most=MOST_BYTES + size // MOST_SHARE)
        start = size - len(footer) - DIGEST_BYTES
        file.seek(max(0, start))
        digest = file.read(DIGEST_BYTES)
    return digest if footer and start >= len(MAGIC) and digest == digest_of(footer) else None


def check_footer_size(path: Path) -> None:
    """See that a footer is no larger than it may be, with a digest or without.

    Raises:
        CorruptStoreError: It is, or the file cannot be read.
    """
    with _opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        if size and not _read_footer(file, most=MOST_BYTES + size // MOST_SHARE):
            raise CorruptStoreError(
                "its footer is damaged, or larger than packhouse writes",
                where=Where(file=str(path)),
                hint=RESTORE,
            )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file that may have been there a moment ago."""
    try:
        with path.open("rb") as file:
            yield file
    except CorruptStoreError:
        raise
    except OSError as err:
        raise CorruptStoreError(
            f"a file of the pack cannot be read: {err.strerror}", where=Where(file=str(path)), hint=RESTORE
        ) from err


def _read_footer(file: BinaryIO, *, most: int | None = None) -> bytes:
    """Return the footer, its length and the closing magic; nothing when they are not there."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read(TAIL_BYTES)
    whole = int.from_bytes(tail[:LENGTH_BYTES], "little") + TAIL_BYTES
    if tail[LENGTH_BYTES:] != MAGIC or whole > min(size, size if most is None else most):
        return b""
    file.seek(size - whole)
    return file.read(whole)
