"""The only file in a zip archive, such as labels.csv.zip."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from packhouse.errors import CsvError, Where

ZIP_MAGIC = (b"PK\3\4", b"PK\5\6", b"PK\7\x08PK\3\4")
"""First bytes of an archive, of an empty one, and of one that was meant to be split."""

DAMAGE = (
    zipfile.BadZipFile,
    NotImplementedError,
    OSError,
    EOFError,
    OverflowError,
    UnicodeError,
    struct.error,
)
"""What zipfile raises of archives that are damaged, or compressed in a way that it does not know."""

MOST_NAMED = 4
ENCRYPTED = 1
"""Bit of the flags (APPNOTE.TXT, 4.4.4)."""


@contextmanager
def open_member(raw: IO[bytes], *, shown_as: str) -> Iterator[IO[bytes]]:
    """Open the only file of a zip archive.

    Args:
        raw: The archive.
        shown_as: Path of the table, for errors.

    Yields:
        Its bytes; reading raises BadZipFile at the end when the checksum is another one.

    Raises:
        CsvError: It has none or several, or that one cannot be read.
    """
    where = Where(file=shown_as)
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(zipfile.ZipFile(raw))
            file = opened.enter_context(archive.open(_only_member(archive, where)))
        except DAMAGE as err:
            raise CsvError(
                f"cannot be unpacked: {err}", where=where, hint="unpack it, or copy or download it again"
            ) from err
        yield file


def is_zip(path: Path) -> bool:
    """Say whether a file is a zip archive, by its first bytes."""
    with path.open("rb") as file:
        return file.read(len(max(ZIP_MAGIC, key=len))).startswith(ZIP_MAGIC)


def _only_member(archive: zipfile.ZipFile, where: Where) -> zipfile.ZipInfo:
    files = [info for info in archive.infolist() if not (info.is_dir() or _is_junk(info.filename))]
    if len(files) != 1:
        names = ", ".join(info.filename for info in files[:MOST_NAMED])
        more = ", ..." if len(files) > MOST_NAMED else ""
        stem = Path(where.file or "").name.partition(".")[0]
        raise CsvError(
            f"has {len(files):,} files in it, a compressed table has one: {names}{more}"
            if files
            else "is an archive without files",
            where=where,
            hint=f"rename it to {stem}.zip: it is then packed as a folder"
            if files
            else "exclude it with --tables",
        )
    if files[0].flag_bits & ENCRYPTED:
        raise CsvError("is encrypted", where=where, hint="unpack it with its password")
    return files[0]


def _is_junk(name: str) -> bool:
    """Say whether a member was left behind by an operating system."""
    parts = name.replace("\\", "/").split("/")
    return parts[0].lower() == "__macosx" or parts[-1].startswith(".")
