"""A loader goes on where it stood: after any step, into any number of ranks and batch size, or not at all."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest

from packhouse._src.loader.order.order import Order, Shuffle
from packhouse._src.loader.order.sharding import Sharding
from packhouse._src.loader.order.state import State, check
from packhouse.errors import StateMismatchError, UsageError

FINGERPRINT = "00112233445566778899aabbccddeeff"
SHAPES = [(1, 1), (1, 7), (2, 3), (3, 4), (4, 2), (5, 16)]


def epoch_of(
    order: Order, world_size: int, batch_size: int, saved: str | None = None
) -> list[tuple[set[int], str]]:
    """Run what is left of an epoch: for each step, the rows of all ranks and the state after it."""
    consumed = 0
    if saved is not None:
        state = State.from_dict(json.loads(saved))
        check(
            state,
            order=Order(count=order.count, seed=order.seed, shuffle=order.shuffle),
            fingerprint=FINGERPRINT,
        )
        order, consumed = state.order, state.consumed
    ranks = [
        Sharding(count=order.count, batch_size=batch_size, rank=rank, world_size=world_size).steps(consumed)
        for rank in range(world_size)
    ]
    done = []
    for step in zip(*ranks, strict=True):
        rows = np.concatenate([order.rows_at(part.positions) for part in step]).tolist()
        assert len(rows) == len(set(rows))
        (after,) = {part.consumed for part in step}
        state = State(order=order, consumed=after, fingerprint=FINGERPRINT)
        done.append((set(rows), json.dumps(state.to_dict())))
    return done


@pytest.mark.parametrize("shuffle", [True, "window", False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_restored_at_every_step_into_everything(shuffle: Shuffle, shape: tuple[int, int]) -> None:
    """What was taken before and what is taken after are the epoch, each row once; same shape, same steps."""
    order = Order(count=43, seed=4, epoch=2, shuffle=shuffle)
    whole = epoch_of(order, *shape)
    assert set.union(*(rows for rows, _ in whole)) == set(range(43))

    for number, other in product(range(len(whole)), SHAPES):
        after = epoch_of(order, *other, saved=whole[number][1])

        parts = [rows for rows, _ in (*whole[: number + 1], *after)]
        assert sum(map(len, parts)) == 43
        assert set.union(*parts) == set(range(43))
        if other == shape:
            assert after == whole[number + 1 :]


def test_restored_again_and_again() -> None:
    """Another shape after each step: still every row once."""
    order = Order(count=200, seed=1, epoch=9)
    seen, saved = list[int](), None

    for number in range(200):
        steps = epoch_of(order, *SHAPES[number % len(SHAPES)], saved=saved)
        if not steps:
            break
        rows, saved = steps[0]
        seen += rows

    assert sorted(seen) == list(range(200))


def test_a_state_is_small_and_plain() -> None:
    """JSON and back gives the same state; it is some 150 bytes, numbers of NumPy or not."""
    order = Order(count=int(1e6), seed=2**31, epoch=17, shuffle="window")
    state = State(order=order, consumed=123_456, fingerprint=FINGERPRINT)

    text = json.dumps(state.to_dict())

    assert State.from_dict(json.loads(text)) == state
    assert len(text) < 180
    numpy = State(
        order=Order(count=np.int64(9), seed=np.int64(2), epoch=np.int32(1)),  # type: ignore[arg-type]
        consumed=np.int64(3),  # type: ignore[arg-type]
        fingerprint="",
    )
    assert json.loads(json.dumps(numpy.to_dict()))["consumed"] == 3


def test_a_state_of_another_place_in_the_same_data_fits() -> None:
    """Epoch and what is consumed are the state's own."""
    state = State(order=Order(count=9, seed=2, epoch=5), consumed=4, fingerprint="a")

    check(state, order=Order(count=9, seed=2, epoch=0), fingerprint="a")


@pytest.mark.parametrize(
    ("order", "fingerprint", "words"),
    [
        (Order(count=9, seed=3), "a", ["seed is 2 in the state and 3 here"]),
        (Order(count=9, seed=2), "b", ["fingerprint is 'a' in the state and 'b' here"]),
        (Order(count=9, seed=2, shuffle=False), "a", ["shuffle is True in the state and False here"]),
        (
            Order(count=8, seed=1, shuffle="window", window=32),
            "b",
            [
                "seed is 2 in the state and 1 here",
                "count is 9 in the state and 8 here",
                "shuffle is True in the state and 'window' here",
                "window is None in the state and 32 here",
                "fingerprint is 'a' in the state and 'b' here",
            ],
        ),
    ],
)
def test_a_state_of_something_else_is_refused(order: Order, fingerprint: str, words: list[str]) -> None:
    """Each thing that differs is named, with both values, and nothing else."""
    state = State(order=Order(count=9, seed=2, epoch=5), consumed=4, fingerprint="a")

    with pytest.raises(StateMismatchError) as caught:
        check(state, order=order, fingerprint=fingerprint)

    assert caught.value.problem == f"the state belongs to another loader: {'; '.join(words)}"
    assert isinstance(caught.value, ValueError)


def test_windows_of_another_size_are_another_order() -> None:
    """The window is part of the shuffle."""
    state = State(order=Order(count=99, shuffle="window"), consumed=4, fingerprint="a")

    with pytest.raises(StateMismatchError, match="window is 8192 in the state and 64 here"):
        check(state, order=Order(count=99, shuffle="window", window=64), fingerprint="a")


def test_a_state_of_another_version_is_refused() -> None:
    """Its other names are not complained of."""
    with pytest.raises(StateMismatchError, match=r"version 2, this packhouse reads version 1"):
        State.from_dict({"version": 2, "place": 7})


GOOD = State(order=Order(count=9, shuffle="window"), consumed=4, fingerprint="a").to_dict()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, 2], "not list"),
        ({}, "'version' is missing; 'seed' is missing"),
        ({**GOOD, "more": 1}, "'more' is unknown"),
        ({**GOOD, "count": "9"}, "'count' is '9'"),
        ({**GOOD, "consumed": True}, "'consumed' is True"),
        ({**GOOD, "version": True}, "'version' is True"),
        ({**GOOD, "shuffle": 1}, "'shuffle' is 1"),
        ({**GOOD, "seed": 1.0}, "'seed' is 1.0"),
        ({**GOOD, "shuffle": "all"}, "'all'"),
        ({**GOOD, "shuffle": True}, "window=8192 has no effect"),
        ({**GOOD, "epoch": -1}, "epoch=-1"),
        ({**GOOD, "consumed": 10}, "consumed=10"),
        ({**GOOD, "consumed": -1}, "consumed=-1"),
    ],
)
def test_what_is_no_state_is_refused(values: object, words: str) -> None:
    """The error says what is wrong with it."""
    with pytest.raises(UsageError, match=words):
        State.from_dict(values)
