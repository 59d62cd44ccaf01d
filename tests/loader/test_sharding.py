"""Ranks share an epoch: every sample once, in step, whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse._src.loader.order.sharding import Sharding, Step
from packhouse.errors import UsageError

COUNTS = st.integers(0, 200)
WORLDS = st.integers(1, 9)
BATCHES = st.integers(1, 12)
ENDS = st.sampled_from(["short", "drop_last", "pad"])


def all_ranks(count: int, world_size: int, batch_size: int, end: str = "short") -> list[Sharding]:
    """Return the share of each rank."""
    return [
        Sharding(
            count=count,
            batch_size=batch_size,
            rank=rank,
            world_size=world_size,
            drop_last=end == "drop_last",
            pad=end == "pad",
        )
        for rank in range(world_size)
    ]


def taken(shares: list[Sharding], consumed: int = 0) -> list[list[Step]]:
    """Return the steps, of all ranks each."""
    return [list(step) for step in zip(*(share.steps(consumed) for share in shares), strict=True)]


@given(COUNTS, WORLDS, BATCHES, ENDS, st.data())
def test_every_sample_once_over_all_ranks(
    count: int, world_size: int, batch_size: int, end: str, data: st.DataObject
) -> None:
    """From anywhere on: the rest in order; drop_last lacks less than a step, pad adds the beginning."""
    consumed = data.draw(st.integers(0, count))
    shares = all_ranks(count, world_size, batch_size, end)

    steps = taken(shares, consumed)

    positions = [int(at) for step in steps for part in step for at in part.positions]
    rest = list(range(consumed, count))
    together = world_size * batch_size
    if end == "drop_last":
        assert positions == rest[: len(rest) // together * together]
    elif end == "pad":
        more = -len(rest) % together
        assert positions == rest + (list(range(count)) * (more + 1))[:more]
    else:
        assert positions == rest


@given(COUNTS, WORLDS, BATCHES, ENDS, st.data())
def test_ranks_stay_in_step(
    count: int, world_size: int, batch_size: int, end: str, data: st.DataObject
) -> None:
    """All ranks take as many steps as was said, agree on what is consumed, and only a last step is short."""
    consumed = data.draw(st.integers(0, count))
    shares = all_ranks(count, world_size, batch_size, end)

    steps = taken(shares, consumed)

    assert {share.n_steps(consumed) for share in shares} == {len(steps)}
    for number, step in enumerate(steps):
        sizes = [part.positions.size for part in step]
        assert {part.positions.dtype for part in step} == {np.dtype("int64")}
        last = number == len(steps) - 1
        done = count if last else consumed + (number + 1) * world_size * batch_size
        assert {part.consumed for part in step} == {done}
        if last and end == "short":
            assert max(sizes) - min(sizes) <= 1
            assert sizes == sorted(sizes, reverse=True)
            assert 0 < max(sizes) <= batch_size
        else:
            assert set(sizes) == {batch_size}


def test_a_rank_takes_its_block_of_the_step() -> None:
    """The r-th batch of a step is rank r's; of three left for four ranks one gets none."""
    first, last = taken(all_ranks(count=11, world_size=4, batch_size=2))

    assert [part.positions.tolist() for part in first] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [part.positions.tolist() for part in last] == [[8], [9], [10], []]
    assert [part.consumed for part in (*first, *last)] == [8] * 4 + [11] * 4


def test_the_end_is_the_end_for_every_batch_size() -> None:
    """Restored after the last step of drop_last, a smaller batch does not begin with what was dropped."""
    *_, last = Sharding(count=10, batch_size=4, drop_last=True).steps()

    assert last.consumed == 10
    assert Sharding(count=10, batch_size=1, drop_last=True).n_steps(last.consumed) == 0


def test_an_epoch_of_less_than_a_step() -> None:
    """Dropped whole, padded by going round several times, or spread."""
    assert taken(all_ranks(3, 2, 5, "drop_last")) == []
    padded = taken(all_ranks(3, 2, 5, "pad"))
    assert [part.positions.tolist() for part in padded[0]] == [[0, 1, 2, 0, 1], [2, 0, 1, 2, 0]]
    spread = taken(all_ranks(3, 2, 5))
    assert [part.positions.tolist() for part in spread[0]] == [[0, 1], [2]]


@pytest.mark.parametrize("end", ["short", "drop_last", "pad"])
def test_an_empty_epoch_has_no_steps(end: str) -> None:
    """Nothing to take, nothing to pad with."""
    assert taken(all_ranks(0, 3, 2, end)) == []


def test_large_epochs_take_no_memory() -> None:
    """The last steps of 2**40 samples are arithmetic too."""
    share = Sharding(count=2**40, batch_size=256, rank=7, world_size=8)

    assert share.n_steps() == 2**29
    (step,) = share.steps(2**40 - 2048)
    assert step.positions.tolist() == list(range(2**40 - 256, 2**40))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": -1}, "count=-1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"world_size": 0}, "world_size=0"),
        ({"rank": 2, "world_size": 2}, "rank=2 of world_size=2"),
        ({"rank": -1}, "rank=-1"),
        ({"drop_last": True, "pad": True}, "pad contradict"),
    ],
)
def test_numbers_that_are_none_are_refused(options: dict[str, int], words: str) -> None:
    """The error names the argument and its value."""
    with pytest.raises(UsageError, match=words):
        Sharding(**{"count": 5, "batch_size": 2, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("consumed", [-1, 6])
def test_more_consumed_than_there_is(consumed: int) -> None:
    """A place outside of the epoch is refused."""
    with pytest.raises(UsageError, match=f"consumed={consumed}"):
        Sharding(count=5, batch_size=2).n_steps(consumed)
