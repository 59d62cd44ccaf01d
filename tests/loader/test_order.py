"""The order is a bijection, the same everywhere, and as good as chance."""

from __future__ import annotations

from hashlib import shake_128
from itertools import pairwise, permutations
from math import factorial, isqrt, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from packhouse._src.loader.order.order import Order, Shuffle, _keys, _walked
from packhouse.errors import UsageError

LARGE = [2**31 - 1, 2**31, 2**31 + 1, 2**40 - 87, 2**40, 2**62]
COUNTS = st.integers(1, 5000) | st.integers(1, 2**62) | st.sampled_from(LARGE)
WINDOWS = st.none() | st.integers(1, 300) | st.integers(1, 2**62)
WORD = (1 << 64) - 1
GOLDEN = {
    "ten": [2, 9, 8, 6, 7, 1, 4, 5],
    "million": [755509, 265350, 673567, 154679, 151624, 410300, 760197, 396940],
    "large": [
        191269207332,
        64300725234,
        412471205255,
        266116807047,
        795772275620,
        558494264028,
        369237374118,
        705655667736,
    ],
    "window": [367548, 613820, 367710, 405535, 181417, 712526, 712567, 425359],
    "end": [16, 87, 73, 81, 68, 27, 28, 67],
}


def all_rows(order: Order) -> NDArray[np.int64]:
    """Return the whole order."""
    return order.rows_at(np.arange(order.count))


def row_by_the_book(position: int, *, count: int, seed: int, epoch: int) -> int:
    """Compute one row of a global shuffle with Python's integers, which do not wrap and have no bytes."""
    text = f"packhouse rows {count} {seed} {epoch}".encode()
    digest = shake_128(text).digest(200)
    *keys, last = (int.from_bytes(digest[at : at + 8], "little") for at in range(0, 200, 8))
    if position < 2 <= count:
        position ^= last >> 63
    tall = isqrt(count - 1) + 1
    wide = -(-count // tall)
    while True:
        left, right = divmod(position, wide)
        for number, key in enumerate(keys[: 8 if tall * wide >= 1024 else 24]):
            mixed = ((left if number % 2 else right) + key) * 0xBF58476D1CE4E5B9 & WORD
            mixed = (mixed ^ mixed >> 32) * 0x94D049BB133111EB & WORD
            if number % 2:
                right = (right + (mixed >> 32) * wide // 2**32) % wide
            else:
                left = (left + (mixed >> 32) * tall // 2**32) % tall
        position = left * wide + right
        if position < count:
            return position


def excess(
    observed: NDArray[np.int64], expected: NDArray[np.float64] | float, *, free: int | None = None
) -> float:
    """Return by how many standard deviations chi-square exceeds its mean; below 0 is evener than chance."""
    square = float((np.square(observed - expected) / expected).sum())
    free = free or observed.size - 1
    return (square - free) / sqrt(2 * free)


@pytest.mark.parametrize("shuffle", [True, "window", False])
def test_every_count_to_400_and_some_to_2000_are_bijections(shuffle: Shuffle) -> None:
    """Every row comes exactly once, and the inverse leads back."""
    for count in (*range(400), *range(400, 2001, 23)):
        window = 1 + count * 7 % 150 if shuffle == "window" else None
        order = Order(count=count, seed=count, epoch=count % 3, shuffle=shuffle, window=window)

        rows = all_rows(order)

        assert np.array_equal(np.sort(rows), np.arange(count)), order
        assert np.array_equal(order.positions_of(rows), np.arange(count)), order


@given(
    count=COUNTS,
    seed=st.integers(-(2**70), 2**70),
    epoch=st.integers(0, 2**40),
    shuffle=st.booleans(),
    window=WINDOWS,
    fractions=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40),
)
@example(count=2**62, seed=0, epoch=0, shuffle=True, window=None, fractions=[0.0, 0.999999])
@example(count=2**62, seed=0, epoch=0, shuffle=True, window=2**62, fractions=[0.0, 0.999999])
def test_any_count_is_a_bijection(
    count: int, seed: int, epoch: int, *, shuffle: bool, window: int | None, fractions: list[float]
) -> None:
    """Rows are in range and lead back to their positions: so no row comes twice."""
    kind: Shuffle = "window" if window is not None else shuffle
    order = Order(count=count, seed=seed, epoch=epoch, shuffle=kind, window=window)
    positions = np.array([0, count - 1, *(min(int(part * count), count - 1) for part in fractions)])

    rows = order.rows_at(positions)

    assert rows.dtype == np.int64
    assert 0 <= rows.min() <= rows.max() < count
    assert np.array_equal(order.positions_of(rows), positions)
    assert np.array_equal(order.rows_at(order.positions_of(positions)), positions)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 127, 128, 129, 992, 1024, 7919, 65536, 65537, *LARGE])
def test_rows_are_those_of_the_book(count: int) -> None:
    """Arithmetic of 64 bits in NumPy gives what Python's integers give."""
    positions = np.unique(np.linspace(0, count - 1, 40).astype(np.int64).clip(0, count - 1))

    rows = Order(count=count, seed=-5, epoch=3).rows_at(positions)

    expected = [row_by_the_book(int(at), count=count, seed=-5, epoch=3) for at in positions]
    assert rows.tolist() == expected


def test_golden_values() -> None:
    """A saved state means the same rows in every release: these numbers may never change."""
    first = np.arange(8)

    assert Order(count=10).rows_at(first).tolist() == GOLDEN["ten"]
    assert Order(count=1_000_003, seed=7, epoch=2).rows_at(first).tolist() == GOLDEN["million"]
    assert Order(count=2**40, seed=7).rows_at(first).tolist() == GOLDEN["large"]
    order = Order(count=1_000_003, seed=7, epoch=2, shuffle="window")
    assert order.rows_at(first).tolist() == GOLDEN["window"]
    order = Order(count=100, shuffle="window", window=20)
    assert order.rows_at(first + 92).tolist() == GOLDEN["end"]


@settings(max_examples=30)
@given(count=st.integers(1, 3000), shuffle=st.sampled_from([True, "window"]), data=st.data())
def test_a_position_has_its_row_whatever_is_asked_with_it(
    count: int, shuffle: Shuffle, data: st.DataObject
) -> None:
    """One, some in any order, twice, or all: the answer for a position is the same."""
    order = Order(count=count, shuffle=shuffle)
    rows = all_rows(order)
    some = np.array(data.draw(st.lists(st.integers(0, count - 1), max_size=9)), dtype=np.int64)

    assert np.array_equal(order.rows_at(some), rows[some])
    assert order.rows_at(np.array(count - 1)) == rows[-1]


@pytest.mark.parametrize("dtype", ["<i8", ">i8", "<i4", ">u2", "u1", "<u8"])
def test_any_integers_in_any_shape(dtype: str) -> None:
    """Bytes may be swapped and numbers narrow; the shape is kept, what comes back is int64 and new."""
    for shuffle in (True, False):
        order = Order(count=200, shuffle=shuffle)
        grid = np.arange(200).reshape(2, 25, 4).astype(dtype)[:, ::-1]

        rows = order.rows_at(grid)

        assert rows.dtype == np.dtype("int64")
        assert np.array_equal(rows, all_rows(order).reshape(2, 25, 4)[:, ::-1])
        assert not np.shares_memory(rows, grid)


def test_no_rows_and_no_positions() -> None:
    """Nothing is asked, nothing is answered."""
    nothing = np.empty((0, 3), dtype=np.int64)
    for shuffle in (True, "window", False):
        for count in (0, 5):
            assert Order(count=count, shuffle=shuffle).rows_at(nothing).shape == (0, 3)


def test_without_shuffle_rows_come_as_they_lie() -> None:
    """The order of storage, in every epoch."""
    assert np.array_equal(all_rows(Order(count=50, shuffle=False, epoch=4, seed=9)), np.arange(50))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_all_permutations_of_few_rows_are_alike(count: int) -> None:
    """Over many epochs each of the permutations comes as often as chance would have it."""
    kinds = {one: number for number, one in enumerate(permutations(range(count)))}
    n_epochs = 60 * len(kinds)

    seen = [kinds[tuple(all_rows(Order(count=count, epoch=epoch)).tolist())] for epoch in range(n_epochs)]

    observed = np.bincount(seen, minlength=len(kinds))
    assert abs(excess(observed, 60.0)) < 3.5


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7])
def test_all_permutations_of_small_windows_are_alike(count: int) -> None:
    """Permutations that only a number tells apart are as good: odd ones and even ones, none favoured."""
    n_windows = 60 * factorial(count)
    places = np.tile(np.arange(count, dtype=np.uint64), n_windows)
    which = np.repeat(np.arange(n_windows, dtype=np.uint64), count)

    rows = _walked(places, count, _keys("windows", Order(count=count)), which=which, back=False)

    spelled = rows.reshape(-1, count) @ (np.uint64(count) ** np.arange(count, dtype=np.uint64))
    kinds, observed = np.unique(spelled, return_counts=True)
    assert kinds.size == factorial(count)
    assert abs(excess(observed, 60.0)) < 3.5


@pytest.mark.parametrize("count", [1 << 17, 100_003, 250_000])
def test_rows_come_from_everywhere(count: int) -> None:
    """Where a row lies tells nothing of when it comes: coarsely, by the last bits, in the next epoch."""
    rows, later = (all_rows(Order(count=count, seed=11, epoch=epoch)) for epoch in (0, 1))
    positions = np.arange(count)

    for one, other, bins in (
        (rows * 32 // count, positions * 32 // count, 32),
        (rows % 32, positions % 32, 32),
        (rows % 37, positions * 37 // count, 37),
        (rows * 32 // count, later * 32 // count, 32),
        ((later - rows) % count * 32 // count, positions * 32 // count, 32),
    ):
        observed = np.bincount(one * bins + other, minlength=bins * bins)
        sides = np.bincount(one, minlength=bins), np.bincount(other, minlength=bins)
        expected = np.outer(*sides).ravel() / count
        assert abs(excess(observed, expected, free=(bins - 1) ** 2)) < 4


@pytest.mark.parametrize("count", [1 << 17, 100_003, 250_000])
def test_neighbours_in_time_are_strangers(count: int) -> None:
    """The way from a row to the next is as long as chance would have it, and goes up as often as down."""
    rows = all_rows(Order(count=count, seed=5))

    for apart in (1, 2, isqrt(count - 1) + 1):
        ways = (rows[apart:] - rows[:-apart]) % count * 500 // count
        assert abs(excess(np.bincount(ways, minlength=500), ways.size / 500)) < 4
    rises = int((rows[1:] > rows[:-1]).sum())
    assert abs(rises - (count - 1) / 2) < 4 * sqrt((count + 1) / 12)  # Knuth, vol. 2, 3.3.2 G
    turns = int(((rows[1:-1] > rows[:-2]) == (rows[1:-1] > rows[2:])).sum())
    assert abs(turns - 2 * (count - 2) / 3) < 4 * sqrt((16 * count - 29) / 90)  # Kendall, Stuart, 45.18


def test_epochs_seeds_and_counts_have_orders_of_their_own() -> None:
    """A row stays where it was once in an order, on average, and no two orders are alike."""
    orders = [Order(count=1000, seed=seed, epoch=epoch) for seed in range(20) for epoch in range(20)]

    rows = [all_rows(order) for order in orders]

    stayed = [int((one == other).sum()) for one, other in pairwise(rows)]
    assert abs(np.mean(stayed) - 1) < 4 / sqrt(len(stayed))
    assert max(stayed) < 8
    assert int((all_rows(Order(count=1001))[:1000] == rows[0]).sum()) < 8


def runs_of(rows: NDArray[np.int64]) -> int:
    """Return from how many places of storage rows come."""
    return 1 + int((np.diff(np.sort(rows)) > 1).sum())


@pytest.mark.parametrize(("count", "window"), [(100_000, 1600), (99_991, 1600), (8192, 1024), (500, 16)])
def test_a_window_is_read_with_few_jumps(count: int, window: int) -> None:
    """Its rows are those of 16 stretches, one of which may go over the end of storage."""
    order = Order(count=count, seed=3, shuffle="window", window=window)

    rows = all_rows(order)

    jumps = [runs_of(rows[begin : begin + window]) for begin in range(0, count, window)]
    assert max(jumps) <= 17
    assert np.mean(jumps[:-1]) > 13  # stretches that happen to be neighbours count once


def test_inside_a_window_rows_are_shuffled() -> None:
    """A batch takes from all stretches of its window, and no two windows are shuffled alike."""
    order = Order(count=160_000, seed=3, shuffle="window", window=1600)

    rows = all_rows(order).reshape(100, 1600)

    ranks = rows.argsort(axis=1).argsort(axis=1)
    halves = np.bincount((ranks * 16 // 1600 * 16 + np.arange(1600) * 16 // 1600).ravel())
    assert abs(excess(halves, 160_000 / 256, free=15 * 15)) < 4
    alike = [int((one == other).sum()) for one, other in pairwise(ranks)]
    assert max(alike) < 9


def test_no_row_is_always_left_for_the_end() -> None:
    """What does not fill a stretch comes last, but those are other rows in every epoch."""
    ends = [
        all_rows(Order(count=1010, epoch=epoch, shuffle="window", window=320))[-10:] for epoch in range(200)
    ]

    seen = np.bincount(np.concatenate(ends) * 10 // 1010, minlength=10)

    assert seen.min() > 100
    assert seen.max() < 300


@pytest.mark.parametrize(("shuffle", "classes"), [(True, 92), ("window", 21), (False, 1)])
def test_a_batch_of_neighbours_holds_few_classes(shuffle: Shuffle, classes: int) -> None:
    """The figures of the docstring: classes in a batch of 256, of 100 classes that lie one after another."""
    assert f"{classes} " in (Order.__doc__ or "")

    held = [
        len(np.unique(batch // 1000))
        for epoch in range(5)
        for batch in np.split(
            all_rows(Order(count=100_000, shuffle=shuffle, epoch=epoch)), range(256, 100_000, 256)
        )
    ]

    assert round(float(np.mean(held))) == pytest.approx(classes, abs=1)


def test_a_window_as_large_as_all_is_a_global_shuffle() -> None:
    """All rows in one window: they come from everywhere."""
    rows = all_rows(Order(count=5000, shuffle="window"))

    observed = np.bincount(rows * 10 // 5000 * 10 + np.arange(5000) * 10 // 5000, minlength=100)
    assert abs(excess(observed, 50.0, free=9 * 9)) < 4


def test_windows_are_rounded_and_set() -> None:
    """A window is 16 whole stretches, 8,192 rows if nothing is said, and none where none is used."""
    assert Order(count=9, shuffle="window", window=17).window == 32
    assert Order(count=9, shuffle="window").window == 8192
    assert Order(count=9).window is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": -1}, "count=-1"),
        ({"count": 2**62 + 1}, "count="),
        ({"count": 5, "epoch": -1}, "epoch=-1"),
        ({"count": 5, "shuffle": "global"}, "'global'"),
        ({"count": 5, "shuffle": 1}, "shuffle=1"),
        ({"count": 5, "window": 3}, "window=3 has no effect"),
        ({"count": 5, "shuffle": "window", "window": 0}, "window=0"),
    ],
)
def test_numbers_that_are_none_are_refused(options: dict[str, Any], words: str) -> None:
    """The error names the argument and its value."""
    with pytest.raises(UsageError, match=words):
        Order(**options)


@pytest.mark.parametrize(
    ("value", "words"),
    [(5, "5 is out of range: there are 5 rows"), (-1, "-1 is out of range"), (0.5, "float64")],
)
def test_positions_that_are_none_are_refused(value: float, words: str) -> None:
    """What lies outside would come back as some row or other."""
    with pytest.raises(UsageError, match=words):
        Order(count=5).rows_at(np.array([1, value]))
    with pytest.raises(UsageError, match=words):
        Order(count=5, shuffle=False).positions_of(np.array([1, value]))
