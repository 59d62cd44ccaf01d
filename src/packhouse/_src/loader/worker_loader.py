"""Processes that share the batches of one rank, as PyTorch's workers do: they take turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from packhouse._src.loader.batch import Batch
from packhouse._src.loader.loader import Loader
from packhouse._src.loader.order.sharding import Sharding, Step
from packhouse._src.loader.order.state import Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSharding(Sharding):
    """Every n-th step of a rank: those of all turns, one after the other, are the steps of the rank.

    What is consumed counts in rounds of all turns, so that each can go on from its own number, whichever of
    them was asked last.
    """

    turn: int
    """Which turn, from 0."""

    n_turns: int
    """How many there are."""

    def steps(self, consumed: int = 0) -> Iterator[Step]:
        """Yield the steps of this turn that are to come.

        Args:
            consumed: As of `Sharding.steps`: where the first turn goes on.

        Yields:
            Its steps.
        """
        n_steps = self.n_steps(consumed)
        for number, step in enumerate(Sharding.steps(self, consumed)):  # no super(): slots make a new class
            if number % self.n_turns == self.turn:
                done = number - self.turn + self.n_turns
                end = self.count if done >= n_steps else consumed + done * self.global_batch_size
                yield step._replace(consumed=end)


class WorkerLoader:
    """The loader of one process of several that share its batches.

    Args:
        loader: This process's copy of it, at the same place in all of them; for nothing else from now on.
        turn: Which process, from 0.
        n_turns: How many there are.
    """

    def __init__(self, loader: Loader, turn: int, n_turns: int) -> None:
        self._loader = loader
        self._epoch = loader.epoch
        loader.sharding = WorkerSharding(**asdict(loader.sharding), turn=turn, n_turns=n_turns)

    def __iter__(self) -> Iterator[Batch]:
        """Begin an epoch, or go on where a loaded state says."""
        batches = iter(self._loader)
        self._epoch = self._loader.epoch
        return batches

    @property
    def epoch(self) -> int:
        """The epoch under way."""
        return self._epoch

    @property
    def next_epoch(self) -> int:
        """The epoch that the next loop begins."""
        return self._loader.next_place[0]

    def go_to(self, epoch: int, consumed: int) -> None:
        """Begin the next loop there: as of `Loader.next_place`."""
        self.load_state_dict({**self._loader.state_dict(), "epoch": epoch, "consumed": consumed})

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next: as of the loader."""
        self._loader.set_epoch(epoch)
        self._epoch = self._loader.epoch

    def state_dict(self) -> dict[str, Plain]:
        """Return where this process stands; only the same turn of as many can go on from there.

        Returns:
            As of the loader, but at the end of an epoch it says so instead of naming the next one: others may
            still be in it, and nobody is to give the next one's batches in between.
        """
        state = self._loader.state_dict()
        if state["epoch"] != self._epoch:
            state.update(epoch=self._epoch, consumed=state["count"])
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where this turn stood: as of the loader."""
        self._loader.load_state_dict(state)
        self._epoch = self._loader.epoch
