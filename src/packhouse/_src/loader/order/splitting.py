"""Train, validation, test: which split a sample is in follows from its key and the seed alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.digest import digest_of
from packhouse.errors import UsageError

BYTES_TAKEN = 7


def split_of(
    keys: Iterable[str | bytes], fractions: Mapping[str, float], *, seed: int = 0, rest: str = "train"
) -> dict[str, NDArray[np.int64]]:
    """Split samples by the content of their keys.

    The rule: the first 7 bytes of XXH3-128(seed in decimal digits, a zero byte, key in UTF-8) are a number
    below 2**56, the highest byte first. The splits lie side by side from 0 on, in the order of `fractions`,
    each as long as its fraction of 2**56 (ends are rounded down); the sample is in the split that its number
    falls into, behind them all in `rest`. So other samples do not matter, nor does the order: what is added
    moves nothing, and a larger fraction for the first split takes samples from the next ones without giving
    any away. Fractions are met on average: of n samples, some sqrt(fraction * (1 - fraction) * n) more or
    fewer.

    Args:
        keys: One a sample. Samples with the same key are in the same split: give the images' digests to keep
            copies of one picture together, a customer's number to keep a customer together.
        fractions: Split -> its part of all, 0 to 1, such as {"val": 0.1}; all but `rest`.
        seed: Any integer; another seed is another split.
        rest: Name of the split that gets what the fractions leave.

    Returns:
        Split -> numbers of its samples, ascending int64, counted from 0 in the order of the keys; in the
        order of the fractions, `rest` last.

    Raises:
        UsageError: Fractions that are none, or more than 1 together, or that name `rest`.

    Cost: some 0.3 us per key.
    """
    ends = np.array(_ends(fractions, rest), dtype=np.int64)
    numbers = hash_numbers(keys, seed=seed)
    which = np.searchsorted(ends, numbers, side="right")
    return {name: np.flatnonzero(which == at) for at, name in enumerate((*fractions, rest))}


def hash_numbers(keys: Iterable[str | bytes], *, seed: int = 0) -> NDArray[np.int64]:
    """Return the number below 2**56 that the split of each key follows from, as of `split_of`."""
    salt = f"{seed:d}\0".encode("ascii")
    return np.fromiter((_number(salt, key) for key in keys), dtype=np.int64)


def _number(salt: bytes, key: str | bytes) -> int:
    # surrogatepass: a file name that is no UTF-8 reaches Python as lone surrogates
    data = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    return int.from_bytes(digest_of(salt + data)[:BYTES_TAKEN], "big")


def _ends(fractions: Mapping[str, float], rest: str) -> list[int]:
    if rest in fractions:
        raise UsageError(
            f"a fraction for {rest!r}, which gets what the others leave", hint=f"leave {rest!r} out"
        )
    ends, total = list[int](), Fraction(0)
    for name, fraction in fractions.items():
        if not 0 <= fraction <= 1:
            raise UsageError(f"{name}={fraction}: a fraction is 0 to 1", hint=f"{name}=0.1 for a tenth")
        # by its decimal digits: 0.7 + 0.2 + 0.1 is 1, as it is read, not as binary fractions add up
        total += Fraction(repr(float(fraction)))
        ends.append(int(total * (1 << 8 * BYTES_TAKEN)))
    if total > 1:
        raise UsageError(f"the fractions add up to {float(total)}, more than 1: {dict(fractions)}")
    return ends
