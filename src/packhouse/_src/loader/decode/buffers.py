"""Memory of batches, used again: fresh memory of this size costs more page faults than a decode is worth."""

from __future__ import annotations

import math
import mmap
import weakref
from collections import deque
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

LEAST_BYTES = 1 << 20
"""Smaller ones come from the allocator, which keeps them itself."""

MOST_KEPT = 4


class Buffers:
    """Gives arrays, and takes their memory back when nothing refers to them any more.

    Safe to share between threads, without a lock: memory comes back whenever the interpreter frees an array,
    in the midst of `take` too, where the same thread would wait for itself.
    """

    def __init__(self) -> None:
        self._free: deque[mmap.mmap] = deque(maxlen=MOST_KEPT)

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
        weakref.finalize(owner, self._free.append, memory).atexit = False
        return array

    def _kept(self, length: int) -> mmap.mmap | None:
        for _ in range(len(self._free)):
            try:
                memory = self._free.pop()
            except IndexError:  # another thread was faster
                return None
            if len(memory) == length:
                return memory
            self._free.appendleft(memory)
        return None


def _mapped(length: int) -> mmap.mmap:
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
        return mmap.mmap(-1, length)
    # private: a forked process must not write into the batches of the one that made it
    memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them: it was only advice
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
