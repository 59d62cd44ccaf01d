"""The order of an epoch: which row comes at which position, computed from (seed, epoch, position).

A row is the place of a sample in storage, a position its place in the epoch; both count from 0. An order is a
bijection between them, computed in either direction, for any number of samples; nothing is stored. It is the
same on every machine, so ranks need not talk to each other, and to resume is arithmetic.

Source: J. Black, P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002 (the generalized Feistel
network on a rectangle, and cycle walking); the round function is ours, a multiply-xorshift-multiply hash of
64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import shake_128
from math import isqrt
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from packhouse.errors import UsageError

Shuffle: TypeAlias = bool | Literal["window"]
Numbers: TypeAlias = NDArray[np.uint64]
Sides: TypeAlias = tuple[np.uint64, np.uint64] | tuple[Numbers, Numbers]

WINDOW = 8192
STRETCHES = 16
MOST_ROWS = 1 << 62
MANY = 1024
ROUNDS = 8
ROUNDS_OF_FEW = 24  # two rounds leave two rows together with a chance of 1/side: 8 make 5 rows a loaded die

SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: neighbouring numbers end far apart
_FIRST = np.uint64(0xBF58476D1CE4E5B9)  # both multipliers are those of SplitMix64
_SECOND = np.uint64(0x94D049BB133111EB)
_HALF, _TOP, _TWO = np.uint64(32), np.uint64(63), np.uint64(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order of one epoch.

    `shuffle=True` is a true global shuffle: any row may come at any position, whatever came before.
    `shuffle=False` is the order of storage. `shuffle="window"` is for storage that is slow at jumping
    (spinning disks, remote packs): storage is cut into stretches of `window / 16` consecutive rows, where the
    cuts fall changes with every epoch; 16 stretches from anywhere make a window, and their rows are shuffled
    among themselves before the next window begins. So a window is read with about 16 jumps (8,192 images of
    50 kB are 400 MB; whoever reads a window ahead must have that much memory). Ranks are in the same window
    at the same time, each with its part of every stretch: on one machine they share what is read, on several
    each machine reads everything, so there a window wants to be larger.

    What a window costs in randomness: all rows of a stretch come within `window` positions of each other, so
    the rows of one batch are from 16 places of storage instead of everywhere. That matters where neighbours
    are alike: of 100,000 rows stored class after class, 100 classes of 1,000, a batch of 256 holds 92 classes
    with `True`, 21 with "window" (as few as 4 in the last window of an epoch, which is short), 1 with
    `False`.

    Raises:
        UsageError: A count, epoch or window that is none, an unknown shuffle, or a window where none is used.
    """

    count: int
    """How many rows there are."""

    seed: int = 0
    """Any integer; another seed is another order."""

    epoch: int = 0
    """From 0; every epoch has an order of its own, unless nothing is shuffled."""

    shuffle: Shuffle = True
    """True for all rows, "window" for windows of neighbours, False for the order of storage."""

    window: int | None = None
    """Rows in a window, rounded up to a multiple of 16; None is 8,192 where there are windows."""

    def __post_init__(self) -> None:
        """Check the numbers and round the window."""
        if not 0 <= self.count <= MOST_ROWS:
            raise UsageError(f"count={self.count} must be from 0 to 2**62")
        if self.epoch < 0:
            raise UsageError(f"epoch={self.epoch} must be at least 0")
        if not (isinstance(self.shuffle, bool) or self.shuffle == "window"):
            raise UsageError(f"shuffle={self.shuffle!r} is unknown", hint='use True, False or "window"')
        if self.shuffle != "window":
            if self.window is not None:
                raise UsageError(
                    f"window={self.window} has no effect with shuffle={self.shuffle}",
                    hint='use shuffle="window", or leave window out',
                )
            return
        window = WINDOW if self.window is None else self.window
        if not 1 <= window <= MOST_ROWS:
            raise UsageError(f"window={window}: must be from 1 to 2**62")
        object.__setattr__(self, "window", -(-window // STRETCHES) * STRETCHES)

    def rows_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows that come at some positions.

        Args:
            positions: Any number, in any order and shape.

        Returns:
            int64 of the same shape, owned.

        Raises:
            UsageError: A position that the epoch does not have.

        Cost: 65 us for one position, 20-45 ns each for many (with windows 200 us, 60-120 ns); memory of some
        ten copies of them.
        """
        return self._across(positions, back=False)

    def positions_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions at which some rows come: the inverse of `rows_at`.

        Args:
            rows: Any number, in any order and shape.

        Returns:
            int64 of the same shape, owned.

        Raises:
            UsageError: A row that is not there.
        """
        return self._across(rows, back=True)

    def _across(self, values: NDArray[np.int64], *, back: bool) -> NDArray[np.int64]:
        numbers = _checked(values, self.count)
        if not numbers.size:
            across = numbers
        elif self.window is not None:
            walk = _from_windows if back else _into_windows
            across = walk(numbers, self, self.window)
        elif self.shuffle:
            across = _walked(numbers, self.count, _keys("rows", self), back=back)
        else:
            across = numbers
        return across.astype(np.int64).reshape(np.shape(values))


def _checked(values: NDArray[np.int64], count: int) -> Numbers:
    """Return the values in one row, so that NumPy's arithmetic wraps: it warns for single numbers."""
    flat = np.atleast_1d(np.asarray(values)).ravel()
    if flat.size and flat.dtype.kind not in "iu":
        raise UsageError(f"positions and rows must be integers, not {flat.dtype}")
    outside = (flat < 0) | (flat >= count)
    if outside.any():
        raise UsageError(f"{flat[outside][0]} is out of range: there are {count:,} rows")
    return flat.astype(np.uint64)


def _keys(purpose: str, order: Order) -> Numbers:
    """Return a key a round and one more; the count is in them, so one row more is another order."""
    text = f"packhouse {purpose} {order.count:d} {order.seed:d} {order.epoch:d}"
    digest = shake_128(text.encode("ascii")).digest(8 * (ROUNDS_OF_FEW + 1))
    return np.frombuffer(digest, "<u8").astype(np.uint64)


def _walked(
    values: Numbers, count: int, keys: Numbers, *, which: Numbers | None = None, back: bool
) -> Numbers:
    """Permute values below count; `which` numbers the permutation that is meant for each value.

    The network works on the least rectangle of almost square sides that holds count cells; what it sends
    beyond the count goes through it again until it is back. That is one value in some sqrt(count). Shifts
    along odd sides are even permutations: an exchange of 0 and 1, made or not, gives the odd ones too.
    """
    if not values.size:
        return values
    tall = isqrt(count - 1) + 1
    wide = -(-count // tall)
    sides = (np.uint64(tall), np.uint64(wide))
    tweaks = np.zeros_like(values) if which is None else which * SPREAD
    exchanged = (tweaks ^ keys[-1]) >> _TOP if count > 1 else np.zeros_like(values)
    walked = values if back else values ^ (exchanged * (values < _TWO))
    rounds = range(ROUNDS if tall * wide >= MANY else ROUNDS_OF_FEW)
    walked = through(walked, sides, keys, tweaks, rounds=rounds, back=back)
    beyond = np.flatnonzero(walked >= np.uint64(count))
    while beyond.size:
        walked[beyond] = through(walked[beyond], sides, keys, tweaks[beyond], rounds=rounds, back=back)
        beyond = beyond[walked[beyond] >= np.uint64(count)]
    return walked ^ (exchanged * (walked < _TWO)) if back else walked


def through(  # what is sent, and through what
    values: Numbers, sides: Sides, keys: Numbers, tweaks: Numbers, *, rounds: range, back: bool = False
) -> Numbers:
    """Send values once through the network: each coordinate in turn is shifted by a hash of the other.

    Args:
        values: Below the product of the sides.
        sides: Rows and columns of the rectangle; of all values, or of each.
        keys: One a round.
        tweaks: Of each value, what its permutation is told apart by.
        rounds: How many.
        back: Whether the other way.
    """
    halves = list(np.divmod(values, sides[1]))
    for number in reversed(rounds) if back else rounds:
        near, far = number % 2, 1 - number % 2
        mixed = (halves[far] + (tweaks ^ keys[number])) * _FIRST
        mixed ^= mixed >> _HALF
        mixed *= _SECOND
        mixed >>= _HALF
        mixed *= sides[near]
        mixed >>= _HALF  # 0 to side - 1, without a division
        moved = halves[near] + (sides[near] - mixed if back else mixed)
        # below the side the difference wraps to the top of 64 bits
        halves[near] = np.minimum(moved, moved - sides[near])
    across: Numbers = halves[0] * sides[1] + halves[1]
    return across


def _into_windows(positions: Numbers, order: Order, window: int) -> Numbers:
    """Return the rows at some positions: out of the window, to the stretch's place in storage."""
    places = _inside(positions, order, window, back=False)
    turned = _stretches(places, order, window, back=False)
    turned += _turn(order)
    rows: Numbers = np.minimum(turned, turned - np.uint64(order.count))
    return rows


def _from_windows(rows: Numbers, order: Order, window: int) -> Numbers:
    """Return the positions of some rows: the same ways, backwards."""
    turned = rows + (np.uint64(order.count) - _turn(order))
    turned = np.minimum(turned, turned - np.uint64(order.count))
    places = _stretches(turned, order, window, back=True)
    return _inside(places, order, window, back=True)


def _turn(order: Order) -> np.uint64:
    """Return the row at which the first stretch begins.

    So the rows that are left over for the last, short stretch, which comes last, are others in every epoch.
    """
    return np.uint64(int(_keys("turn", order)[0]) % order.count)


def _inside(places: Numbers, order: Order, window: int, *, back: bool) -> Numbers:
    """Shuffle the places of each window among themselves; the last window may be short."""
    number, place = np.divmod(places, np.uint64(window))
    keys = _keys("windows", order)
    whole = number < np.uint64(order.count // window)
    for chosen, size in ((whole, window), (~whole, order.count % window)):
        place[chosen] = _walked(place[chosen], size, keys, which=number[chosen], back=back)
    return number * np.uint64(window) + place


def _stretches(places: Numbers, order: Order, window: int, *, back: bool) -> Numbers:
    """Shuffle the whole stretches among themselves; the short one stays at the end."""
    stretch = window // STRETCHES
    number, place = np.divmod(places, np.uint64(stretch))
    n_whole = order.count // stretch
    whole = number < np.uint64(n_whole)
    number[whole] = _walked(number[whole], n_whole, _keys("stretches", order), back=back)
    return number * np.uint64(stretch) + place
