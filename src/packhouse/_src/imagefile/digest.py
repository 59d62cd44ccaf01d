"""Digests of byte strings, files and tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from packhouse._src.footers.xxhash_ import DIGEST_BYTES, DigestSoFar, digest_of
from packhouse._src.table_records import files_of_parts

__all__ = [
    "DIGEST_BYTES",
    "READ_BYTES",
    "DigestSoFar",
    "digest_of",
    "digest_of_all",
    "digest_of_file",
    "digest_of_parts",
    "digest_of_table",
]

READ_BYTES = 1 << 20


def digest_of_all(parts: Iterable[bytes]) -> str:
    """Return the digest of a sequence of byte strings as 32 hex digits; the cuts between them count.

    Args:
        parts: The byte strings, in order.

    Returns:
        Lower-case hex.
    """
    state = DigestSoFar()
    for part in parts:
        state.add(len(part).to_bytes(8, "little"))
        state.add(part)
    return state.hex()


def digest_of_file(path: Path) -> str:
    """Return the digest of a whole file as 32 hex digits.

    Args:
        path: The file.

    Returns:
        Lower-case hex.
    """
    state = DigestSoFar()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            state.add(piece)
    return state.hex()


def digest_of_table(path: Path) -> str:
    """Return the digest of a table: of its file, or of the paths and digests of its parts.

    Args:
        path: The file, or the folder of the parts.

    Returns:
        Lower-case hex.
    """
    if not path.is_dir():
        return digest_of_file(path)
    return digest_of_parts(
        (part.relative_to(path).as_posix(), digest_of_file(part)) for part in files_of_parts(path)
    )


def digest_of_parts(parts: Iterable[tuple[str, str]]) -> str:
    """Return the digest of a table of parts.

    Args:
        parts: Path and digest of each, in order.
    """
    return digest_of_all(text.encode() for part in parts for text in part)
