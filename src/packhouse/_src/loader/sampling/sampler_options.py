"""`sampler=`, `weights=`, `replacement=` and `epoch_size=` of a loader, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from packhouse._src.loader.order.order import Order
from packhouse._src.loader.sample_options import flag, whole
from packhouse._src.loader.sampling.balanced import BalancedDrawing, members_of
from packhouse._src.loader.sampling.epoch_draws import Drawing
from packhouse._src.loader.sampling.weighted import MOST_DRAWS, WeightedDrawing, weight_line
from packhouse.errors import UsageError

SamplerName: TypeAlias = Literal["balanced"]
Weights: TypeAlias = str | Sequence[float] | NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SamplerOptions:
    """How samples are drawn; `Pack.loader` explains it."""

    sampler: SamplerName | None = None
    weights: Weights | None = None
    replacement: bool | None = None
    epoch_size: int | None = None


class Drawable(Protocol):
    """What is drawn from."""

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """(samples,) numbers of classes."""

    def __len__(self) -> int: ...
    def numbers_of(self, column: str) -> NDArray[Any]:
        """Return one number for each sample."""


def drawing_of(samples: Drawable, options: SamplerOptions, order: Order) -> Drawing:
    """Decide which sample comes at which position.

    Args:
        samples: What is drawn from.
        options: How.
        order: Of samples that come once each.

    Returns:
        The drawing, of the epoch of the order.

    Raises:
        UsageError: An option is unknown, contradicts another one, or cannot be met.
        ColumnNotFoundError: There is no such column of weights.
    """
    if options.sampler is None and options.weights is None:
        _refuse_without_sampler(options)
        return Drawing(order=order)
    if options.sampler is not None and options.weights is not None:
        raise UsageError("sampler and weights contradict each other", hint="use one of them")
    if order.shuffle is not True:
        raise UsageError(
            f"shuffle={order.shuffle!r} has no effect on samples that are drawn", hint="leave shuffle out"
        )
    once = False
    if options.replacement is not None:
        flag("replacement", options.replacement)
        once = not options.replacement
    size = None if options.epoch_size is None else whole("epoch_size", options.epoch_size)
    if size is not None and not 1 <= size <= MOST_DRAWS:
        raise UsageError(f"epoch_size={size}: must be from 1 to 2**31")
    if options.weights is not None:
        return _weighted(samples, options.weights, order, size, once=once)
    if options.sampler not in get_args(SamplerName):
        raise UsageError(
            f"sampler={options.sampler!r} is unknown", hint='use sampler="balanced", or weights='
        )
    return _balanced(samples, order, size, once=once)


def _refuse_without_sampler(options: SamplerOptions) -> None:
    for name in ("replacement", "epoch_size"):
        value = getattr(options, name)
        if value is not None:
            raise UsageError(
                f'{name}={value!r} needs sampler="balanced" or weights=',
                hint=f"without them each image comes once; leave {name} out",
            )


def _balanced(samples: Drawable, order: Order, size: int | None, *, once: bool) -> Drawing:
    if samples.labels is None:
        raise UsageError('sampler="balanced" needs classes', hint='add label="group" or label="table.column"')
    members = members_of(samples.labels)
    smallest, count = int(members.sizes.min()), len(members.sizes)
    most = smallest * count
    size = size or (most if once else len(samples))
    if once and size > most:
        raise UsageError(
            f"epoch_size={size:,} is too large without replacement: the smallest of {count:,} classes has "
            f"{smallest:,} images",
            hint=f"at most epoch_size={most}; or replacement=True",
        )
    return BalancedDrawing(order=replace(order, count=size), members=members, once=once)


def _weighted(samples: Drawable, weights: Weights, order: Order, size: int | None, *, once: bool) -> Drawing:
    name = f"weights={weights!r}" if isinstance(weights, str) else "weights"
    values = samples.numbers_of(weights) if isinstance(weights, str) else np.asarray(weights)
    _check_weights(name, values, len(samples))
    line = weight_line(values, seed=order.seed)
    most = line.total // line.longest
    size = size or (min(most, MOST_DRAWS) if once else len(samples))
    if once and size > most:
        raise UsageError(
            f"epoch_size={size:,} is too large without replacement: an image with the largest weight would "
            f"come {size * line.longest / line.total:.2f} times",
            hint=f"at most epoch_size={most}; or replacement=True",
        )
    return WeightedDrawing(order=replace(order, count=size), line=line, once=once)


def _check_weights(name: str, values: NDArray[Any], count: int) -> None:
    if values.dtype.kind not in "iufb":
        raise UsageError(f"{name} are not numbers, but {values.dtype}")
    if values.shape != (count,):
        raise UsageError(
            f"{name}: {' x '.join(map(str, values.shape)) or 'one'} weights for {count:,} images",
            hint="one weight for each chosen image, in the order of loader.samples.keys",
        )
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(wrong):
        raise UsageError(
            f"{name}: {values[wrong[0]]} (image {wrong[0]:,}) is not a weight",
            hint="weights are numbers from 0; 0 leaves an image out",
        )
    if not values.any():
        raise UsageError(f"{name}: all are 0, so nothing can be drawn")
