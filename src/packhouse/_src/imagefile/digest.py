"""The one module that imports xxhash: the digest that every image carries."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import xxhash

from packhouse._src.table_records import PARTS

DIGEST_BYTES = 16
READ_BYTES = 1 << 20

digest_of = xxhash.xxh3_128_digest
"""(bytes) -> 16 bytes, XXH3-128 in canonical (big-endian) order. Releases the interpreter lock.

Source: xxHash specification, "Canonical representation".
"""


def digest_of_all(parts: Iterable[bytes]) -> str:
    """Return the digest of a sequence of byte strings as 32 hex digits; the cuts between them count.

    Args:
        parts: The byte strings, in order.

    Returns:
        Lower-case hex.
    """
    state = xxhash.xxh3_128()
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return str(state.hexdigest())


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
    """Return the digest of a table: of its file, or of the names and digests of its parts.

    Args:
        path: The file, or the folder of the parts.

    Returns:
        Lower-case hex.
    """
    if not path.is_dir():
        return digest_of_file(path)
    return digest_of_parts((part.name, digest_of_file(part)) for part in sorted(path.glob(PARTS)))


def digest_of_parts(parts: Iterable[tuple[str, str]]) -> str:
    """Return the digest of a table of parts.

    Args:
        parts: Name and digest of each, in order.
    """
    return digest_of_all(text.encode() for part in parts for text in part)


class DigestSoFar:
    """A digest of bytes that come piece by piece."""

    def __init__(self) -> None:
        self._state = xxhash.xxh3_128()

    def add(self, piece: bytes) -> None:
        """Take in the next bytes."""
        self._state.update(piece)

    def hex(self) -> str:
        """Return the digest of all bytes so far, as 32 hex digits."""
        return str(self._state.hexdigest())
