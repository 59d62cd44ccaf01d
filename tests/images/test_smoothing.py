"""How much is smoothed: the variance that was asked for, more for larger steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse._src.images.smoothing import BINOMIAL, Smoothing, smoothing_for


def variance(smoothing: Smoothing | None) -> float:
    """Return the variance of the kernel, summed up pixel by pixel."""
    if smoothing is None:
        return 0.0
    if smoothing.larger == BINOMIAL:
        return sum(weight * at**2 for weight, at in ((0.25, -1), (0.5, 0), (0.25, 1)))
    total = 0.0
    for side, share in ((smoothing.larger, smoothing.weight), (smoothing.larger - 2, 1 - smoothing.weight)):
        total += share * sum(at * at for at in range(-(side // 2), side // 2 + 1)) / side
    return total


@given(st.floats(1.0, 40.0))
def test_the_kernel_has_the_variance_that_is_needed(step: float) -> None:
    """As `smoothing` states it; where one kernel stands for neighbours, within a third of a box's step."""
    needed = 0.2 * (step**2 - 1)
    found = smoothing_for(step)

    if found is None:
        assert needed < 0.05
    elif found.larger == BINOMIAL:
        assert abs(variance(found) - needed) < 0.18
    elif found.weight < 1:
        assert variance(found) == pytest.approx(needed)
    else:
        step_of_boxes = variance(found) - variance(Smoothing(found.larger - 2))
        assert 0 <= variance(found) - needed <= 0.26 * step_of_boxes


@given(st.floats(0.01, 1.0))
def test_what_is_enlarged_is_not_smoothed(step: float) -> None:
    """Nor what keeps its size."""
    assert smoothing_for(step) is None


def test_boxes_are_odd_and_grow() -> None:
    """A box lies about its pixel, and larger steps take larger ones."""
    found = [smoothing for step in range(30, 600) if (smoothing := smoothing_for(step / 10)) is not None]
    sides = [smoothing.larger for smoothing in found]

    assert len(found) == 570
    assert all(side % 2 for side in sides)
    assert sides == sorted(sides)
    assert all(0 < smoothing.weight <= 1 for smoothing in found)
