"""Which sample comes at which position of an epoch: here each one once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import shake_128
from typing import Self

import numpy as np
from numpy.typing import NDArray

from packhouse._src.loader.order.order import Numbers, Order


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawing:
    """The samples of an epoch, each once, in the order given."""

    order: Order
    """Of the positions of the epoch; its count is their number."""

    @property
    def name(self) -> str | None:
        """What a state says about it; None for samples that come once each."""
        return None

    def in_epoch(self, epoch: int) -> Self:
        """Return the same for another epoch."""
        return replace(self, order=replace(self.order, epoch=epoch))

    def places_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of the samples that come at some positions of the epoch."""
        return self.order.rows_at(positions)

    def draws_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return a number for each draw, no other draw of any epoch has it; None where an image comes once.

        Crops and flips depend on it: an image that is drawn twice gets two crops.
        """
        del positions
        return None


def draw_numbers(order: Order, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the draws of all epochs, one after the other."""
    numbers: NDArray[np.int64] = np.asarray(positions, np.int64) + order.epoch * order.count
    return numbers


def sampling_keys(purpose: str, order: Order, *numbers: int) -> Numbers:
    """Return the keys of a permutation that goes on from epoch to epoch; the seed is in them."""
    text = f"packhouse {purpose} {order.seed:d} {' '.join(map(str, numbers))}"
    return np.frombuffer(shake_128(text.encode("ascii")).digest(200), "<u8").astype(np.uint64)
