"""The one module that imports xxhash: the digest that images, tables, indexes and footers carry."""

from __future__ import annotations

import xxhash

DIGEST_BYTES = 16

digest_of = xxhash.xxh3_128_digest
"""(bytes) -> 16 bytes, XXH3-128 in canonical (big-endian) order. Releases the interpreter lock.

Source: xxHash specification, "Canonical representation".
"""


class DigestSoFar:
    """A digest of bytes that come piece by piece."""

    def __init__(self) -> None:
        self._state = xxhash.xxh3_128()

    def add(self, piece: bytes | memoryview) -> None:
        """Take in the next bytes."""
        self._state.update(piece)

    def hex(self) -> str:
        """Return the digest of all bytes so far, as 32 hex digits."""
        return str(self._state.hexdigest())
