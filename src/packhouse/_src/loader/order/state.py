"""Where a loader stands, as a small dict of plain JSON values, and whether it is a place in this data.

Ranks, batch sizes and threads are no part of it: it may be restored into any (`sharding`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from packhouse._src.loader.order.order import Order
from packhouse.errors import StateMismatchError, UsageError

Plain: TypeAlias = int | str | None

VERSION = 1
SAMPLER = "sampler"
"""Only in states of loaders that draw samples."""

_TYPES: dict[str, tuple[type, ...]] = {
    "version": (int,),
    "seed": (int,),
    "epoch": (int,),
    "consumed": (int,),
    "count": (int,),
    "shuffle": (bool, str),
    "window": (int, type(None)),
    "fingerprint": (str,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a loader stands after a step of all ranks.

    Raises:
        UsageError: More consumed than there is.
    """

    order: Order
    """The order of the epoch, its seed and number in it."""

    consumed: int
    """How many positions of the order are consumed, by all ranks together."""

    fingerprint: str
    """What is loaded: a digest of the data set and of the choice of rows from it."""

    sampler: str | None = None
    """How samples are drawn, with a digest of classes or weights; None where each comes once."""

    def __post_init__(self) -> None:
        """Check the place."""
        if not 0 <= self.consumed <= self.order.count:
            raise UsageError(f"consumed={self.consumed}: the epoch has {self.order.count:,} samples")

    def to_dict(self) -> dict[str, Plain]:
        """Return the state as plain values, some 150 bytes of JSON.

        Returns:
            A new dict; `from_dict` takes it.
        """
        order = self.order
        return {
            "version": VERSION,
            "seed": int(order.seed),
            "epoch": int(order.epoch),
            "consumed": int(self.consumed),
            "count": int(order.count),
            "shuffle": order.shuffle,
            "window": None if order.window is None else int(order.window),
            "fingerprint": self.fingerprint,
            **({} if self.sampler is None else {SAMPLER: self.sampler}),
        }

    @classmethod
    def from_dict(cls, values: object) -> State:
        """Read a state back; whether it fits is for `check` to say.

        Args:
            values: What `to_dict` gave, perhaps by way of JSON.

        Returns:
            The state.

        Raises:
            UsageError: That is no state of a loader.
            StateMismatchError: It is one of another version of packhouse.
        """
        if not isinstance(values, Mapping):
            raise UsageError(f"a state must be a dict, not {type(values).__name__}")
        if values.get("version", VERSION) != VERSION:  # first of all: another one may have other names
            raise StateMismatchError(
                f"the state has version {values['version']!r}, this packhouse reads version {VERSION}",
                hint="load it with the version that made it",
            )
        wrong = _faults(values)
        if wrong:
            raise UsageError(
                f"not a loader state: {'; '.join(wrong)}", hint="pass what loader.state_dict() returned"
            )
        taken = {name: values[name] for name in _TYPES}
        consumed, fingerprint = taken.pop("consumed"), taken.pop("fingerprint")
        del taken["version"]
        order = Order(**taken)
        return cls(order=order, consumed=consumed, fingerprint=fingerprint, sampler=values.get(SAMPLER))


def _faults(values: Mapping[object, object]) -> list[str]:
    faults = [f"{name!r} is missing" for name in _TYPES if name not in values]
    faults += [f"{name!r} is unknown" for name in values if name not in {**_TYPES, SAMPLER: ()}]
    for name, types in {**_TYPES, SAMPLER: (str, type(None))}.items():
        # type(), not isinstance: True is no number of samples, though Python says so
        if name in values and type(values[name]) not in types:
            faults.append(f"{name!r} is {values[name]!r}")
    return faults


def check(state: State, *, order: Order, fingerprint: str, sampler: str | None = None) -> None:
    """Refuse a state that does not belong to what is loaded here; its epoch and how far it is are its own.

    Args:
        state: The state.
        order: The order that the loader has, of any epoch.
        fingerprint: What the loader loads.
        sampler: How it draws samples.

    Raises:
        StateMismatchError: It is of other data, another choice of rows, another seed or another shuffle;
            names each thing that differs, with both values.
    """
    pairs = {
        "seed": (state.order.seed, order.seed),
        "count": (state.order.count, order.count),
        "shuffle": (state.order.shuffle, order.shuffle),
        "window": (state.order.window, order.window),
        "fingerprint": (state.fingerprint, fingerprint),
        SAMPLER: (state.sampler, sampler),
    }
    differing = [
        f"{name} is {theirs!r} in the state and {ours!r} here"
        for name, (theirs, ours) in pairs.items()
        if theirs != ours
    ]
    if differing:
        raise StateMismatchError(
            f"the state belongs to another loader: {'; '.join(differing)}",
            hint="use the same data, selection, seed and shuffle; ranks, batch size and threads may differ",
        )
