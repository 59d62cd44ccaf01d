"""Looks for two spellings of one value in a column of any length, in bounded memory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

MOST_IN_MEMORY = 2 << 20
"""Pairs of a column; more go to temporary files. A pair takes 16 bytes, and as much again while sorted."""

FILES = 64


@dataclass(frozen=True, slots=True)
class Pairs:
    """Values of some cells, and a code of how each is spelled; in any order, repeated or not."""

    keys: Numbers
    codes: Numbers


class Spellings:
    """The distinct pairs of value and spelling of a column; a context manager, which removes its files.

    Args:
        folder: Where to put what does not fit in memory.
        most: Pairs to keep in memory.
    """

    def __init__(self, folder: Path, *, most: int = MOST_IN_MEMORY) -> None:
        self._folder = folder
        self._most = most
        self._pairs: list[Pairs] = []
        self._size = 0
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove the files."""
        self.close()

    def close(self) -> None:
        """Remove the files."""
        for file in self._files:
            file.close()

    def add(self, pairs: Pairs) -> None:
        """Take in the cells of a chunk."""
        distinct = _distinct([pairs])
        self._pairs.append(distinct)
        self._size += len(distinct.keys)
        if self._size > self._most:
            self._pairs = [_distinct(self._pairs)]
            self._size = len(self._pairs[0].keys)
            if 2 * self._size > self._most:
                self._spill()

    def _spill(self) -> None:
        if not self._files:
            self._files = [tempfile.TemporaryFile(dir=self._folder) for _ in range(FILES)]  # noqa: SIM115
        (pairs,) = self._pairs
        # all pairs of one value go to one file; the high bits of a product depend on all bits of the key
        with np.errstate(over="ignore"):
            place = (pairs.keys.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)
        for number, file in enumerate(self._files):
            chosen = place == number
            np.stack([pairs.keys[chosen], pairs.codes[chosen]], axis=1).tofile(file)
        self._pairs, self._size = [], 0

    def clash(self) -> tuple[int, int, int] | None:
        """Return a value with two of its spellings, when one has two: key, code, other code."""
        if not self._files:
            return _clash(_distinct(self._pairs)) if self._pairs else None
        if self._pairs:
            self._pairs = [_distinct(self._pairs)]
            self._spill()
        found = []
        for file in self._files:
            file.seek(0)
            read = np.fromfile(file, np.int64).reshape(-1, 2)
            clash = _clash(_distinct([Pairs(read[:, 0], read[:, 1])]))
            if clash is not None:
                found.append(clash)
        return min(found, default=None)  # the same one, whatever went to which file


def _distinct(parts: list[Pairs]) -> Pairs:
    keys = np.concatenate([part.keys for part in parts])
    codes = np.concatenate([part.codes for part in parts])
    order = np.lexsort((codes, keys))
    keys, codes = keys[order], codes[order]
    fresh = np.ones(len(keys), bool)
    fresh[1:] = (keys[1:] != keys[:-1]) | (codes[1:] != codes[:-1])
    return Pairs(keys[fresh], codes[fresh])


def _clash(distinct: Pairs) -> tuple[int, int, int] | None:
    same = np.flatnonzero(distinct.keys[1:] == distinct.keys[:-1])
    if not len(same):
        return None
    place = int(same[0])
    return int(distinct.keys[place]), int(distinct.codes[place]), int(distinct.codes[place + 1])
