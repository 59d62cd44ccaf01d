"""What is drawn, counted by `Counter`: exact counts, no repeats too early, the same for any ranks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from packhouse._src.loader.order.order import Order
from packhouse._src.loader.order.sharding import Sharding
from packhouse._src.loader.sampling.epoch_draws import Drawing
from packhouse._src.loader.sampling.many_orders import permuted
from packhouse._src.loader.sampling.sampler_options import SamplerOptions, drawing_of
from packhouse.errors import UsageError


@dataclass(frozen=True, eq=False)
class Labelled:
    """Samples with labels, and a column of numbers."""

    labels: NDArray[np.int64] | None
    count: int

    def __len__(self) -> int:
        """Return how many."""
        return self.count

    def numbers_of(self, _column: str) -> NDArray[Any]:
        """Return the numbers 0, 1, 2, ..."""
        return np.arange(self.count)


def drawing(labels: list[int], *, seed: int = 0, **options: Any) -> Drawing:  # noqa: ANN401  # options
    """Make a drawing from labels."""
    samples = Labelled(np.array(labels, np.int64), len(labels))
    return drawing_of(samples, SamplerOptions(**options), Order(count=len(labels), seed=seed))


def drawn(made: Drawing, epoch: int = 0) -> list[int]:
    """Return the places of all draws of an epoch."""
    return made.in_epoch(epoch).places_at(np.arange(made.order.count)).tolist()  # type: ignore[no-any-return]


LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=60)


@settings(deadline=None)
@given(labels=LABELS, seed=st.integers(), size=st.none() | st.integers(1, 150))
def test_classes_come_equally_often(labels: list[int], seed: int, size: int | None) -> None:
    """To within one in every epoch; within a class each image comes before any comes again."""
    made = drawing(labels, seed=seed, sampler="balanced", epoch_size=size)
    assert made.order.count == (size or len(labels))
    came = Counter[int]()
    of_class = {one: [at for at, label in enumerate(labels) if label == one] for one in set(labels)}
    for epoch in range(4):
        places = drawn(made, epoch)
        counts = Counter(labels[place] for place in places)
        assert max(counts.values()) - min(counts[one] for one in of_class) <= 1
        for place in places:
            came[place] += 1
            assert min(came[other] for other in of_class[labels[place]]) >= came[place] - 1


@settings(deadline=None)
@given(labels=LABELS, seed=st.integers(), data=st.data())
def test_without_replacement_no_image_comes_twice(labels: list[int], seed: int, data: st.DataObject) -> None:
    """An epoch has the size of the smallest class from every class; all images come in turn."""
    sizes = Counter(labels)
    most = min(sizes.values()) * len(sizes)
    size = data.draw(st.none() | st.integers(1, most))
    made = drawing(labels, seed=seed, sampler="balanced", replacement=False, epoch_size=size)
    assert made.order.count == (size or most)
    came = Counter[int]()
    for epoch in range(6):
        places = drawn(made, epoch)
        assert len(set(places)) == len(places)
        counts = Counter(labels[place] for place in places)
        assert max(counts.values()) - min(counts[one] for one in sizes) <= 1
        came.update(places)
        for one in sizes:
            times = [came[place] for place, label in enumerate(labels) if label == one]
            assert max(times) - min(times) <= 1
    with pytest.raises(UsageError, match="too large without replacement"):
        drawing(labels, sampler="balanced", replacement=False, epoch_size=most + 1)


WEIGHTS = st.lists(
    st.floats(0, 1e300, allow_subnormal=False) | st.integers(0, 5) | st.just(0), min_size=1, max_size=40
).filter(any)


@settings(deadline=None)
@given(weights=WEIGHTS, seed=st.integers(), size=st.integers(1, 200))
def test_counts_are_those_of_the_weights(weights: list[float], seed: int, size: int) -> None:
    """Rounded up or down, in every epoch."""
    made = drawing([0] * len(weights), seed=seed, weights=weights, epoch_size=size)
    largest = max(weights)
    total = sum(weight / largest for weight in weights)
    for epoch in range(3):
        counts = Counter(drawn(made, epoch))
        assert sum(counts.values()) == size
        for place, weight in enumerate(weights):
            assert abs(counts[place] - size * (weight / largest) / total) < 1 + 1e-6
            assert weight or not counts[place]


def test_rare_images_come_as_often_as_they_should_over_many_epochs() -> None:
    """An image that is due every third epoch comes in a third of them, evenly."""
    weights = [1.0] * 90 + [0.1] * 30
    made = drawing([0] * 120, weights=weights, epoch_size=31)
    counts = Counter[int]()
    for epoch in range(300):
        counts.update(drawn(made, epoch))
    for place, weight in enumerate(weights):
        assert abs(counts[place] - 300 * 31 * weight / 93) < 6


@settings(deadline=None)
@given(weights=WEIGHTS, seed=st.integers())
def test_weights_without_replacement(weights: list[float], seed: int) -> None:
    """The largest epoch in which no image has to come twice; one more is refused."""
    made = drawing([0] * len(weights), seed=seed, weights=weights, replacement=False)
    for epoch in range(3):
        places = drawn(made, epoch)
        assert len(set(places)) == len(places)
    with pytest.raises(UsageError, match="too large without replacement"):
        drawing([0] * len(weights), weights=weights, replacement=False, epoch_size=made.order.count + 1)


@pytest.mark.parametrize("world_size", [1, 2, 3, 8])
@pytest.mark.parametrize(
    "options",
    [
        {"sampler": "balanced"},
        {"sampler": "balanced", "replacement": False},
        {"weights": [1 + place % 9 for place in range(500)], "epoch_size": 777},
    ],
    ids=["balanced", "once", "weights"],
)
def test_no_draw_is_lost_or_repeated_at_random_stops(world_size: int, options: dict[str, Any]) -> None:
    """A hundred times, and gone on with other ranks and batch sizes: the same draws in order."""
    rng = np.random.default_rng(world_size)
    made = drawing([place % 7 * (place % 3) for place in range(500)], seed=4, **options)
    expected = drawn(made, 2)
    for _ in range(100):
        found: list[int] = []
        consumed, after, ranks = 0, 0, world_size
        while consumed < made.order.count:
            batch_size = int(rng.integers(1, 50))
            shares = [
                Sharding(count=made.order.count, batch_size=batch_size, rank=rank, world_size=ranks)
                for rank in range(ranks)
            ]
            stop = int(rng.integers(1, 8))
            for number, steps in enumerate(zip(*(share.steps(consumed) for share in shares), strict=True)):
                if number == stop:
                    break
                for step in steps:
                    found += made.in_epoch(2).places_at(step.positions).tolist()
                after = steps[0].consumed
            consumed, ranks = after, int(rng.choice([1, 2, 3, 8]))
        assert found == expected


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 9),
)
def test_many_permutations_at_once(sizes: list[int], seed: int, epoch: int) -> None:
    """Each a permutation of its own size."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 2**63, 25, dtype=np.uint64)
    values = np.concatenate([np.arange(size, dtype=np.uint64) for size in sizes])
    each = np.repeat(np.array(sizes, np.uint64), sizes)
    which = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes) + np.uint64(epoch)
    sent = permuted(values, each, keys, which)
    for number, size in enumerate(sizes):
        begin = sum(sizes[:number])
        assert sorted(sent[begin : begin + size].tolist()) == list(range(size))


def test_permutations_are_near_to_chance() -> None:
    """Of 3 values all 6 orders come, about equally often."""
    keys = np.random.default_rng(1).integers(0, 2**63, 25, dtype=np.uint64)
    orders = Counter[tuple[int, ...]]()
    for which in range(6000):
        sent = permuted(
            np.arange(3, dtype=np.uint64),
            np.full(3, 3, np.uint64),
            keys,
            np.full(3, which, np.uint64),
        )
        orders[tuple(sent.tolist())] += 1
    assert len(orders) == 6
    assert all(800 < count < 1200 for count in orders.values())


def test_rounds_have_orders_of_their_own() -> None:
    """Which class comes first in a round is chance."""
    made = drawing([0, 1, 2] * 200, sampler="balanced")
    firsts = Counter(place % 3 for place in drawn(made)[::3])
    assert all(40 < count < 90 for count in firsts.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sampler": "balance"}, 'sampler="balanced"'),
        ({"sampler": "balanced", "weights": [1] * 6}, "contradict"),
        ({"replacement": True}, "needs sampler"),
        ({"epoch_size": 5}, "needs sampler"),
        ({"sampler": "balanced", "epoch_size": 0}, "from 1"),
        ({"sampler": "balanced", "epoch_size": 2.5}, "whole number"),
        ({"sampler": "balanced", "replacement": "no"}, "True or False"),
        ({"weights": [1] * 5}, "5 weights for 6 images"),
        ({"weights": [[1] * 6]}, "1 x 6 weights"),
        ({"weights": 3}, "one weights for 6 images"),
        ({"weights": [1, 1, 1, -1, 1, 1]}, r"-1 \(image 3\)"),
        ({"weights": [1, float("nan"), 1, 1, 1, 1]}, "nan"),
        ({"weights": [1, float("inf"), 1, 1, 1, 1]}, "inf"),
        ({"weights": [0] * 6}, "all are 0"),
        ({"weights": ["a"] * 6}, "not numbers"),
        ({"weights": [None] * 6}, "not numbers"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, Any], words: str) -> None:
    """With what is wrong."""
    with pytest.raises(UsageError, match=words):
        drawing([0, 0, 0, 1, 1, 2], **options)


def test_balance_needs_labels_and_a_full_shuffle() -> None:
    """And says how to give them."""
    unlabelled = Labelled(None, 5)
    with pytest.raises(UsageError, match="label="):
        drawing_of(unlabelled, SamplerOptions(sampler="balanced"), Order(count=5))
    labelled = Labelled(np.zeros(5, np.int64), 5)
    for shuffle in (False, "window"):
        order = Order(count=5, shuffle=shuffle)
        with pytest.raises(UsageError, match="leave shuffle out"):
            drawing_of(labelled, SamplerOptions(sampler="balanced"), order)
