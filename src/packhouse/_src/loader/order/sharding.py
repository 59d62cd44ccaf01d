"""Who gets what of an epoch: one step gives every rank its batch, and one number says how far the epoch is.

A step takes the next `world_size * batch_size` positions of the order; rank r takes the r-th `batch_size` of
them. So all ranks together have consumed a beginning of the order and nothing else, and any number of ranks
with any batch size can go on from there: no sample twice, none missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from packhouse.errors import UsageError


class Step(NamedTuple):
    """What one rank takes in one step."""

    positions: NDArray[np.int64]
    """Positions of the order, (batch,) int64; fewer than a batch, or none, only in a short last step."""

    consumed: int
    """Positions that all ranks have consumed after this step; the count of samples after the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharding:
    """The share of one rank.

    Every rank takes the same number of steps, so ranks that wait for each other in each step stay in step.
    Where the samples run out within the last step there are three ways:

    - by default the rest is spread over the ranks as evenly as can be, in order: batches are short and differ
      by at most one sample, and where fewer samples than ranks are left, the last ranks get an empty batch.
      They take the step all the same; a rank whose work cannot be empty wants one of the other two;
    - `drop_last` leaves that step out, on all ranks;
    - `pad` fills it up from the beginning of the order, so those samples come twice, and every batch is full.

    Raises:
        UsageError: Numbers that are out of range, or drop_last together with pad.
    """

    count: int
    """Samples in the epoch, of all ranks together."""

    batch_size: int
    """Samples a rank takes in a step."""

    rank: int = 0
    """Which rank, from 0."""

    world_size: int = 1
    """How many ranks there are."""

    drop_last: bool = False
    """Leave out the last step where it is not full."""

    pad: bool = False
    """Fill up the last step from the beginning."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.count < 0:
            raise UsageError(f"count={self.count} must be at least 0")
        for name in ("batch_size", "world_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name}={getattr(self, name)}: at least 1")
        if not 0 <= self.rank < self.world_size:
            raise UsageError(
                f"rank={self.rank} of world_size={self.world_size}: ranks go from 0 to world_size - 1"
            )
        if self.drop_last and self.pad:
            raise UsageError("drop_last and pad contradict each other", hint="use only one of them")

    @property
    def global_batch_size(self) -> int:
        """Samples that all ranks take in a step."""
        return self.batch_size * self.world_size

    def n_steps(self, consumed: int = 0) -> int:
        """Return how many steps are to come, the same number on every rank.

        Args:
            consumed: Positions that are consumed already, by whatever ranks and batch sizes.

        Returns:
            The number.

        Raises:
            UsageError: More consumed than there is.
        """
        if not 0 <= consumed <= self.count:
            raise UsageError(f"consumed={consumed}: the epoch has {self.count:,} samples")
        whole, rest = divmod(self.count - consumed, self.global_batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def steps(self, consumed: int = 0) -> Iterator[Step]:
        """Yield the steps that are to come.

        Args:
            consumed: As for `n_steps`.

        Yields:
            The steps of this rank.

        Raises:
            UsageError: More consumed than there is.
        """
        n_steps = self.n_steps(consumed)
        for number in range(n_steps):
            begin = consumed + number * self.global_batch_size
            # What drop_last leaves out is done with: a state of the end means the end for every batch size.
            end = self.count if number + 1 == n_steps else begin + self.global_batch_size
            yield Step(self._positions(begin), end)

    def _positions(self, begin: int) -> NDArray[np.int64]:
        rest = self.count - begin
        if rest >= self.global_batch_size or self.pad:
            first = begin + self.rank * self.batch_size
            return np.arange(first, first + self.batch_size, dtype=np.int64) % self.count
        each, more = divmod(rest, self.world_size)
        first = begin + self.rank * each + min(self.rank, more)
        return np.arange(first, first + each + (self.rank < more), dtype=np.int64)
