"""How the memory for a conversion is shared out: chunks under way, the row group being written, spellings."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse._src.concurrency.memory_gate import MemoryGate
from packhouse._src.delimited.spelling.collisions import MOST_IN_MEMORY
from packhouse._src.delimited.text_stream import LONGEST_RECORD_BYTES
from packhouse._src.system.resident_memory import resident_bytes

CHUNK_BYTES = 4 << 20
"""Measured: pyarrow parses 4 MiB at 1.2 GB/s a core, 256 KiB at 0.7; far larger ones leave the caches."""

COMFORTABLE_BYTES = 2_000_000_000
"""The limit when none was set."""

TIMES_READ = 3
"""Its own bytes, and the text of its cells while the parser has another copy of them."""

TIMES_READ_IN_PYTHON = 20
"""The same where each cell becomes a Python object, as for JSON Lines."""

CELL_BYTES = 20
"""A cell's place in that text, its value, and what proves it."""

TIMES_WRITTEN = 5
"""So often a long row is there beside that, while it is encoded. Measured with cells of 20 to 180 MB: 6.4
to 8 times in all, with what the allocators give back late."""

OTHER_BYTES = 64 << 20
"""For the chunks around a long row."""

WRITER_SHARE = 0.45
"""Of what is free, for the row group under way: at most 32 MiB, at its end there four times."""

WRITER_BYTES = 128 << 20
SPELLING_SHARE = 0.2
PAIR_BYTES = 16
SORTED_PAIR_BYTES = 72
"""A pair while those of a column are sorted, of one column at a time."""

FEWEST_PAIRS = 1 << 14


@dataclass(frozen=True, slots=True)
class MemoryShares:
    """Who may have how much of it."""

    free_bytes: int
    """What is left of the limit."""

    columns: int
    times_read: int = TIMES_READ
    """How often the bytes of a chunk are there while it is read."""

    @classmethod
    def of(cls, limit_bytes: int, *, columns: int, in_python: bool = False) -> MemoryShares:
        """Share out what a limit leaves beside what this process has already."""
        times = TIMES_READ_IN_PYTHON if in_python else TIMES_READ
        return cls(max(0, limit_bytes - resident_bytes()), columns, times)

    @property
    def longest_row(self) -> int:
        """The longest row that can be read and written, in bytes."""
        most = (self.free_bytes - OTHER_BYTES) // (self.times_read + TIMES_WRITTEN)
        return max(CHUNK_BYTES, min(LONGEST_RECORD_BYTES, most))

    def gate(self) -> MemoryGate:
        """Return what lets chunks in."""
        return MemoryGate(self.free_bytes - min(WRITER_BYTES, int(self.free_bytes * WRITER_SHARE)))

    def cost(self, size: int, records: int) -> int:
        """Return the memory that a chunk of so many bytes and records takes until it is written."""
        cost = self.times_read * size + CELL_BYTES * records * self.columns
        return cost if size <= 2 * CHUNK_BYTES else cost + TIMES_WRITTEN * size

    def pairs_of(self, columns: int) -> int:
        """Return how many spellings each of so many columns may keep in memory."""
        share = int(self.free_bytes * SPELLING_SHARE)
        return max(FEWEST_PAIRS, min(MOST_IN_MEMORY, share // (PAIR_BYTES * columns + SORTED_PAIR_BYTES)))
