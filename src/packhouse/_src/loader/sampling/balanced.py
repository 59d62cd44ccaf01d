"""Every class as often as every other one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.digest import digest_of
from packhouse._src.loader.order.order import Numbers
from packhouse._src.loader.sampling.epoch_draws import Drawing, draw_numbers, sampling_keys
from packhouse._src.loader.sampling.many_orders import permuted


@dataclass(frozen=True, slots=True, eq=False)
class ClassMembers:
    """Which samples are of which class; classes without a sample are left out."""

    places: NDArray[np.int64]
    """(samples,) places of the samples, class after class."""

    starts: Numbers
    """(classes,) where each class begins in `places`."""

    sizes: Numbers
    """(classes,) number of samples of each class."""

    @property
    def digest(self) -> str:
        """Eight hex digits that tell other classes or members apart."""
        return digest_of(self.places.astype("<i8").tobytes() + self.sizes.astype("<u8").tobytes()).hex()[:8]


def members_of(labels: NDArray[np.int64]) -> ClassMembers:
    """Sort samples by class."""
    places = np.argsort(labels, kind="stable").astype(np.int64)
    sizes = np.unique(labels, return_counts=True)[1].astype(np.uint64)
    return ClassMembers(places, np.cumsum(sizes, dtype=np.uint64) - sizes, sizes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BalancedDrawing(Drawing):
    """Rounds in which every class comes once, in an order of its own.

    An epoch of N draws of K classes has N // K rounds, and one of N % K classes: which ones those are goes
    around from epoch to epoch. So the draws of a class are counted through all epochs by arithmetic. The
    n-th draw of a class takes the n-th of its samples in an order that is another one whenever all of them
    have come.

    With `once` no sample comes twice in an epoch: each class goes around in one order for ever, an epoch
    takes a stretch of it, at most the whole, and shuffles that.
    """

    members: ClassMembers
    once: bool

    @property
    def name(self) -> str:
        """Way of drawing, and a digest of the classes."""
        return f"balanced {'once ' if self.once else ''}{self.members.digest}"

    def draws_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each draw."""
        return draw_numbers(self.order, positions)

    def places_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of the samples that are drawn at some positions of the epoch."""
        order, members = self.order, self.members
        n_classes = np.uint64(len(members.sizes))
        rounds, rest = divmod(order.count, int(n_classes))
        epoch, whole_rounds, left = np.uint64(order.epoch), np.uint64(rounds), np.uint64(rest)
        turn, seat = np.divmod(np.asarray(positions).astype(np.uint64), n_classes)
        is_last = turn == whole_rounds  # the round of some classes only
        seats = np.where(is_last, max(left, np.uint64(1)), n_classes)
        number = epoch * np.uint64(rounds + 1) + turn
        seat = permuted(seat, seats, sampling_keys("classes", order, int(n_classes)), number)
        before = epoch * left  # classes of such rounds, of all epochs until now
        one = np.where(is_last, (before + seat) % n_classes, seat)
        extra = (before + n_classes - np.uint64(1) - one) // n_classes
        if self.once:
            at = self._in_stretch(turn, one, extra, whole_rounds, is_last=is_last)
        else:
            at = self._in_cycles(epoch * whole_rounds + extra + turn, one)
        return members.places[(members.starts[one] + at).astype(np.int64)]

    def _in_cycles(self, draw: Numbers, one: Numbers) -> Numbers:
        """Return which sample of its class the n-th draw takes; each comes once in a cycle."""
        sizes = self.members.sizes[one]
        cycle, place = np.divmod(draw, sizes)
        n_classes = np.uint64(len(self.members.sizes))
        return permuted(place, sizes, sampling_keys("members", self.order), cycle * n_classes + one)

    def _in_stretch(
        self, turn: Numbers, one: Numbers, extra: Numbers, rounds: np.uint64, *, is_last: NDArray[np.bool_]
    ) -> Numbers:
        """Return which sample of its class comes in a round, none twice in an epoch."""
        order, n_classes = self.order, np.uint64(len(self.members.sizes))
        epoch = np.uint64(order.epoch)
        within = np.where(is_last, np.uint64(0), turn)
        size = np.full_like(turn, max(rounds, np.uint64(1)))
        shuffled = permuted(within, size, sampling_keys("stretch", order), epoch * n_classes + one)
        draw = epoch * rounds + extra + np.where(is_last, rounds, shuffled)
        sizes = self.members.sizes[one]
        return permuted(draw % sizes, sizes, sampling_keys("members once", order), one)
