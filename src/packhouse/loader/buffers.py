"""Memory of batches, used again: fresh memory of this size costs more page faults than a decode is worth."""

from __future__ import annotations

import math
import mmap
import threading
import weakref

import numpy as np
from numpy.typing import NDArray

LEAST_BYTES = 1 << 20
"""Smaller ones come from the allocator, which keeps them itself."""

MOST_KEPT = 4


class Buffers:
    """Gives arrays, and takes their memory back when nothing refers to them any more.

    Safe to share between threads; a forked process begins with none.
    """

    def __init__(self) -> None:
        self._free: list[mmap.mmap] = []
        self._lock = threading.Lock()

    def take(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return an array whose values are whatever they are.

        Args:
            shape: Its shape.

        Returns:
            uint8 of that shape, C-contiguous, writable.
        """
        length = math.prod(shape)
        if length < LEAST_BYTES:
            return np.empty(shape, np.uint8)
        memory = self._kept(length) or _mapped(length)
        # The array's base is no array, so every view of it, a tensor too, keeps the array itself alive.
        array = np.frombuffer(memory, np.uint8, length).reshape(shape)
        owner = array.base
        weakref.finalize(owner, self._give_back, memory).atexit = False
        return array

    def _kept(self, length: int) -> mmap.mmap | None:
        with self._lock:
            for place, memory in enumerate(self._free):
                if len(memory) == length:
                    return self._free.pop(place)
        return None

    def _give_back(self, memory: mmap.mmap) -> None:
        with self._lock:
            self._free.append(memory)
            del self._free[:-MOST_KEPT]


def _mapped(length: int) -> mmap.mmap:
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
        return mmap.mmap(-1, length)
    # private: a forked process must not write into the batches of the one that made it
    memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
