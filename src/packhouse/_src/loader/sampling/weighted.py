"""Every sample as often as its weight says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.digest import digest_of
from packhouse._src.loader.order.order import Order
from packhouse._src.loader.sampling.epoch_draws import Drawing, draw_numbers, sampling_keys

TOTAL = 1 << 61
MOST_DRAWS = 1 << 31
"""Products of two such numbers, and a total, fit into 64 bits."""

_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: its multiples lie evenly between 0 and 2**64


@dataclass(frozen=True, slots=True, eq=False)
class WeightLine:
    """All samples side by side on a line, each as long as its weight."""

    places: NDArray[np.int64]
    """(samples,) places of the samples, shuffled once: neighbours of the file are not neighbours here."""

    ends: NDArray[np.int64]
    """(samples,) where each one ends; whole numbers."""

    @property
    def total(self) -> int:
        """Length of the line, about 2**61."""
        return int(self.ends[-1])

    @property
    def longest(self) -> int:
        """Length of the longest part."""
        return int(np.diff(self.ends, prepend=0).max())

    @property
    def digest(self) -> str:
        """Eight hex digits that tell other weights apart."""
        return digest_of(self.ends.astype("<i8").tobytes()).hex()[:8]


def weight_line(weights: NDArray[Any], *, seed: int) -> WeightLine:
    """Lay samples side by side.

    Args:
        weights: (samples,) numbers from 0, not all 0.
        seed: Decides in which order.
    """
    values = weights.astype(np.float64) / float(weights.max())  # so that no sum overflows
    lengths = np.floor(values * (TOTAL / math.fsum(values))).astype(np.int64)
    lengths[(values > 0) & (lengths == 0)] = 1
    places = Order(count=len(values), seed=seed).rows_at(np.arange(len(values)))
    return WeightLine(places, np.cumsum(lengths[places]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedDrawing(Drawing):
    """Systematic sampling: an epoch of N draws looks at N points of the line, all at the same distance.

    So a sample comes as often as N * weight / total says, rounded up or down. Where the first point lies is
    another place in every epoch, evenly over the distance: a sample that is due every third epoch comes
    about every third epoch. The draws of an epoch are shuffled.

    Source: W. Madow, L. Madow, "On the theory of systematic sampling", 1944; the first points are multiples
    of the golden ratio (a Kronecker sequence).
    """

    line: WeightLine
    once: bool

    @property
    def name(self) -> str:
        """Way of drawing, and a digest of the weights."""
        return f"weights {'once ' if self.once else ''}{self.line.digest}"

    def draws_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each draw."""
        return draw_numbers(self.order, positions)

    def places_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of the samples that are drawn at some positions of the epoch."""
        order, total = self.order, self.line.total
        draws = order.rows_at(positions)
        distance, rest = divmod(total, order.count)
        first = (int(sampling_keys("first point", order)[0]) + order.epoch * _GOLDEN) % (1 << 64)
        begin = (first * total) >> 64  # below the total; divided by the count, below the distance
        points = draws * distance + (draws * rest + begin) // order.count
        return self.line.places[np.searchsorted(self.line.ends, points, side="right")]
