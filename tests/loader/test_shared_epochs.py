"""Processes of one generation begin the same epoch, whichever comes first; the next one the epoch after."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packhouse
from packhouse._src.loader.shared_epochs import MOST_EPOCHS, SLOTS, UNKNOWN, SharedEpochs
from packhouse._src.loader.worker_loader import WorkerLoader
from packhouse._src.opening import Pack
from packhouse.errors import UsageError


@pytest.fixture(scope="module")
def pack(pictures: Path) -> Pack:
    """The pack of 47 pictures."""
    return packhouse.open(pictures)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_order_of_processes_begins_one_epoch_after_the_other(pack: Pack, data: st.DataObject) -> None:
    """They begin and note in any order; what was loaded before is gone on with once."""
    shared = [UNKNOWN] * SLOTS
    loader = pack.loader(batch_size=5, size=8)
    owner = SharedEpochs(shared)
    place = data.draw(st.tuples(st.integers(0, 5), st.integers(0, 46)), label="place")
    loader.load_state_dict({**loader.state_dict(), "epoch": place[0], "consumed": place[1]})
    owner.tell(*place)

    for epoch in range(place[0], place[0] + 4):
        generation = epoch + 100 * data.draw(st.integers(0, MOST_EPOCHS // 100 - 1), label="generation")
        count = data.draw(st.integers(1, 4), label="processes")
        here = [copy.copy(owner) for _ in range(count)]  # what each was forked with
        turns = [WorkerLoader(pickle.loads(pickle.dumps(loader)), turn, count) for turn in range(count)]  # noqa: S301
        steps = [turn for turn in range(count) for _ in range(2)]
        settled = set[int]()
        for turn in data.draw(st.permutations(steps), label="order"):
            if turn not in settled:
                here[turn].begin_next(turns[turn], generation)
                settled.add(turn)
            else:
                iter(turns[turn])
                here[turn].note(turns[turn].epoch, generation)
        consumed = {turn.state_dict()["consumed"] for turn in turns}
        assert {turn.epoch for turn in turns} == {epoch}
        assert consumed == {place[1] if epoch == place[0] else 0}


def test_what_is_told_is_heard_by_those_that_run_on(pack: Pack) -> None:
    """Once each."""
    shared = [UNKNOWN] * SLOTS
    owner = SharedEpochs(shared)
    owner.tell(0, 0)
    here, turn = copy.copy(owner), WorkerLoader(pack.loader(batch_size=5, size=8), 0, 1)
    found = []
    for told in (None, None, (7, 10), None, (2, 0), None):
        if told is not None:
            owner.tell(*told)
        here.begin_next(turn, 5)
        batches = iter(turn)
        here.note(turn.epoch, 5)
        consumed = int(turn.state_dict()["consumed"] or 0)
        found.append((turn.epoch, consumed))
        assert sum(map(len, batches)) == 47 - consumed

    assert found == [(0, 0), (1, 0), (7, 10), (8, 0), (2, 0), (3, 0)]


def test_an_epoch_that_does_not_fit_is_refused() -> None:
    """It would be another one."""
    with pytest.raises(UsageError, match="below"):
        SharedEpochs([UNKNOWN] * SLOTS).tell(MOST_EPOCHS, 0)
