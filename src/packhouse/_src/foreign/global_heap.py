"""Finds where the values of variable length lie: HDF5's global heap, read without the HDF5 library.

Source: HDF5 File Format Specification 3.0, III.E (global heap) and VIII.A.2 (references to it).
"""

from __future__ import annotations

from packhouse._src.foreign.found import HostFile, RefusedError

MAGIC = b"GCOL"
VERSION = 1
FIXED_BYTES = 8
"""Before the size of a collection (magic, version, reserved) and of an object (index, count, reserved)."""

WINDOW_BYTES = 4096
"""The smallest collection, read at once."""

FREE_SPACE = 0


class GlobalHeap:
    """The collections of one file; each is parsed once, and only its objects' headers are read.

    Args:
        file: The file.
    """

    def __init__(self, file: HostFile) -> None:
        self._file = file
        self._header_bytes = FIXED_BYTES + file.length_bytes
        self._collections: dict[int, dict[int, tuple[int, int]]] = {}
        # sound collections do not overlap; those of a file that was made to keep us busy do
        self._objects_left = file.size // self._header_bytes + 1

    @property
    def reference_bytes(self) -> int:
        """Size of one reference in a dataset: length, address of the collection, index of the object."""
        return 4 + self._file.address_bytes + 4

    def locate(self, reference: bytes) -> tuple[int, int]:
        """Return where the bytes of one value lie.

        Args:
            reference: As it stands in the dataset.

        Returns:
            Offset and length in bytes.

        Raises:
            RefusedError: There is no such object, or it lies outside of its collection or the file.
        """
        width = self._file.address_bytes
        length = int.from_bytes(reference[:4], "little")
        address = int.from_bytes(reference[4 : 4 + width], "little")
        if not length:
            return 0, 0
        found = self._collection(address).get(int.from_bytes(reference[4 + width :], "little"))
        if found is None:
            raise RefusedError("refers to a value that is not in the global heap")
        offset, stored = found
        if length > stored:
            raise RefusedError(f"says that a value has {length:,} bytes, the global heap holds {stored:,}")
        return offset, length

    def _collection(self, address: int) -> dict[int, tuple[int, int]]:
        found = self._collections.get(address)
        if found is None:
            found = self._collections[address] = self._parse(self._file.base + address)
        return found

    def _parse(self, start: int) -> dict[int, tuple[int, int]]:
        header = self._file.read(start, self._header_bytes)
        if header[:4] != MAGIC or header[4] != VERSION:
            raise RefusedError("refers to a global heap that does not exist")
        size = int.from_bytes(header[FIXED_BYTES:], "little")
        self._file.check(start, size)
        end = start + size
        found: dict[int, tuple[int, int]] = {}
        at, window, window_at = start + self._header_bytes, b"", 0
        while at + self._header_bytes <= end:
            if not window_at <= at <= window_at + len(window) - self._header_bytes:
                window, window_at = self._file.read(at, min(WINDOW_BYTES, end - at)), at
            place = at - window_at
            index = int.from_bytes(window[place : place + 2], "little")
            stored = int.from_bytes(window[place + FIXED_BYTES : place + self._header_bytes], "little")
            if index == FREE_SPACE:
                break
            at += self._header_bytes
            self._objects_left -= 1
            if stored > end - at or self._objects_left < 0 or index in found:
                raise RefusedError("its global heap is damaged")
            found[index] = at, stored
            at += (stored + 7) // 8 * 8
        return found
