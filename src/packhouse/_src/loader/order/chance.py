"""Random numbers for crops and flips: a function of (seed, epoch, row of the image), the same everywhere."""

from __future__ import annotations

from hashlib import shake_128

import numpy as np
from numpy.typing import NDArray

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_TO_53_BITS, _STEP = np.uint64(11), 2.0**-53


def draws(rows: NDArray[np.int64], count: int, *, seed: int, epoch: int) -> NDArray[np.float64]:
    """Draw numbers for some images.

    Args:
        rows: Their rows in the index.
        count: How many for each; the first ones are the same whatever the count.
        seed: Any integer.
        epoch: From 0.

    Returns:
        (rows, count) float64, 0 to below 1; those of one image do not depend on the others.

    Cost: 10 ns a number.
    Source: S. Vigna, "SplitMix64", public domain (the finalizer); the rest is a counter in its place.
    """
    text = f"packhouse draws {seed:d} {epoch:d}"
    keys = np.frombuffer(shake_128(text.encode("ascii")).digest(16), "<u8").astype(np.uint64)
    of_rows = _mixed(rows.astype(np.uint64) * _SPREAD + keys[0])
    of_places = np.arange(1, count + 1, dtype=np.uint64) * _SPREAD + keys[1]
    mixed = _mixed(of_rows[:, np.newaxis] + of_places)
    return (mixed >> _TO_53_BITS).astype(np.float64) * _STEP


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = (values ^ (values >> _SHIFTS[0])) * _FIRST
    values = (values ^ (values >> _SHIFTS[1])) * _SECOND
    return values ^ (values >> _SHIFTS[2])
