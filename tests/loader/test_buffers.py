"""Memory of batches comes back, from wherever the interpreter frees an array."""

from __future__ import annotations

import errno
import gc
import mmap
import subprocess
import sys

import numpy as np
import pytest

from packhouse._src.loader.decode.buffers import LEAST_BYTES, MOST_KEPT, Buffers

_IN_CYCLES = """
import gc
from packhouse._src.loader.decode.buffers import Buffers
buffers = Buffers()
for threshold in (3, 5, 11, 17, 50, 200, 700):
    gc.set_threshold(threshold)
    for _ in range(3000):
        cycle = [buffers.take((1 << 20,))]
        cycle.append(cycle)
        del cycle
"""


def test_arrays_in_cycles_are_freed_at_any_moment() -> None:
    """The garbage collector may give memory back while the same thread takes some: none waits for itself."""
    subprocess.run([sys.executable, "-c", _IN_CYCLES], check=True, timeout=60)


def test_memory_is_given_again_when_it_has_the_length() -> None:
    """The values of the one before are still there; another length takes nothing away from it."""
    buffers = Buffers()
    array = buffers.take((2, LEAST_BYTES))
    array[:] = 7
    view = array[1:]
    del array
    assert not (buffers.take((2, LEAST_BYTES)) == 7).all()  # the view has it
    del view

    assert not buffers.take((3, LEAST_BYTES)).any()
    assert (buffers.take((2 * LEAST_BYTES,)) == 7).all()


def test_only_a_few_are_kept() -> None:
    """Of many that come back at once."""
    buffers = Buffers()
    arrays = [buffers.take((LEAST_BYTES,)) for _ in range(MOST_KEPT + 5)]
    for array in arrays:
        array[:] = 7
    del array
    arrays.clear()
    gc.collect()

    again = [buffers.take((LEAST_BYTES,)) for _ in range(MOST_KEPT + 5)]

    assert sum(bool(array.any()) for array in again) == MOST_KEPT


def test_a_kernel_without_huge_pages_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """madvise(2): EINVAL where they are not configured."""

    class Plain(mmap.mmap):
        def madvise(self, option: int, *_args: int) -> None:
            raise OSError(errno.EINVAL, f"advice {option}")

    monkeypatch.setattr(mmap, "mmap", Plain)

    assert np.array_equal(Buffers().take((LEAST_BYTES,)), np.zeros(LEAST_BYTES, np.uint8))
