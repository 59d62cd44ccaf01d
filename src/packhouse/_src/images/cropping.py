"""Which part of a picture is taken, and where it goes: arithmetic on sizes, without pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import NamedTuple, TypeAlias

from packhouse.errors import UsageError

Size: TypeAlias = tuple[int, int]
"""(height, width) in pixels."""

DRAWS = 23
"""Random numbers one image may ask for: the flip, the place of a crop, ten tries of an area and a shape."""

TRIES = 10
LEAST_AREA = 0.08
WIDEST = 4 / 3
_HALF = 0.5
_MOST_DIVISOR = 8


def size_of(size: object) -> Size | None:
    """Return a size as (height, width).

    Args:
        size: A pair, one number for a square, or None.

    Raises:
        UsageError: It is something else.
    """
    if size is None:
        return None
    if type(size) is not bool and isinstance(size, Integral):
        return (int(size), int(size))
    if isinstance(size, Sequence) and len(size) == len(("height", "width")):
        height, width = size
        if isinstance(height, Integral) and isinstance(width, Integral):
            return (int(height), int(width))
    raise UsageError(f"size={size!r} is not a size", hint="(height, width), one number for a square, or None")


class Box(NamedTuple):
    """A rectangle in pixels, counted from the upper left corner."""

    top: int
    left: int
    height: int
    width: int


class Cut(NamedTuple):
    """What is taken of a picture and where it goes."""

    box: Box
    """The part, in pixels of the upright picture at its stored size."""

    into: Box
    """Its place in the result; what lies around it is black."""

    flipped: bool = False
    """Whether left and right are exchanged."""


Crop: TypeAlias = Callable[[Size, Size, Sequence[float]], Cut]
"""Takes the upright size of a picture, the wanted size, and random numbers of 0 to 1; gives the cut."""


def centre(stored: Size, wanted: Size, _draws: Sequence[float] = ()) -> Cut:
    """Take the largest part of the wanted shape, from the middle.

    Args:
        stored: Of the upright picture.
        wanted: Of the result.

    Returns:
        The cut.
    """
    return Cut(_shaped(stored, wanted, _HALF, _HALF), _all_of(wanted))


def somewhere(stored: Size, wanted: Size, draws: Sequence[float]) -> Cut:
    """Take the largest part of the wanted shape, from anywhere; otherwise as `centre`.

    Args:
        stored: Of the upright picture.
        wanted: Of the result.
        draws: Random numbers; two are used.

    Returns:
        The cut.
    """
    return Cut(_shaped(stored, wanted, draws[0], draws[1]), _all_of(wanted))


def somewhere_resized(stored: Size, wanted: Size, draws: Sequence[float]) -> Cut:
    """Take a part of random area (8 % to all), shape (3/4 to 4/3 of the wanted one) and place.

    For a square result that is the random-resized crop of the Inception papers as torchvision has it: areas
    evenly, shapes evenly by their logarithm, ten tries, then the largest part of an allowed shape from the
    middle. For other results the wanted shape is the middle of the range.

    Args:
        stored: Of the upright picture.
        wanted: Of the result.
        draws: Random numbers; DRAWS - 1 of them at most.

    Returns:
        The cut.

    Source: C. Szegedy et al., "Going Deeper with Convolutions", 2014, section 6.
    """
    height, width = stored
    shape = wanted[1] / wanted[0]
    for chance in range(2, 2 + 2 * TRIES, 2):
        area = height * width * (LEAST_AREA + (1 - LEAST_AREA) * draws[chance])
        ratio = shape * WIDEST ** (2 * draws[chance + 1] - 1)
        part = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < part[0] <= height and 0 < part[1] <= width:
            return Cut(_placed(stored, part, draws[0], draws[1]), _all_of(wanted))
    ratio = min(max(width / height, shape / WIDEST), shape * WIDEST)
    part = min(height, round(width / ratio)), min(width, round(height * ratio))
    return Cut(_placed(stored, (max(1, part[0]), max(1, part[1])), _HALF, _HALF), _all_of(wanted))


def exact(stored: Size, wanted: Size, _draws: Sequence[float] = ()) -> Cut:
    """Take all of it, squeezed to the wanted shape.

    Args:
        stored: Of the upright picture.
        wanted: Of the result.

    Returns:
        The cut.
    """
    return Cut(_all_of(stored), _all_of(wanted))


def fit(stored: Size, wanted: Size, _draws: Sequence[float] = ()) -> Cut:
    """Take all of it in its own shape, in the middle of a black result.

    Args:
        stored: Of the upright picture.
        wanted: Of the result.

    Returns:
        The cut.
    """
    step = max(stored[0] / wanted[0], stored[1] / wanted[1])
    part = max(1, min(wanted[0], round(stored[0] / step))), max(1, min(wanted[1], round(stored[1] / step)))
    return Cut(_all_of(stored), _placed(wanted, part, _HALF, _HALF))


CROPS: dict[str, Crop] = {
    "center": centre,
    "random": somewhere,
    "random-resized": somewhere_resized,
    "exact": exact,
    "fit": fit,
}

RANDOM = frozenset({"random", "random-resized"})
"""Crops that differ from epoch to epoch."""


def divisor_for(cut: Cut) -> int:
    """Return the largest of 1, 2, 4, 8 by which a picture may shrink before no side need be enlarged.

    Args:
        cut: What is taken of it; the size of the part counts, not that of the picture.

    Returns:
        The divisor of a JPEG's inverse DCT.
    """
    room = min(cut.box.height // cut.into.height, cut.box.width // cut.into.width)
    return next((divisor for divisor in (_MOST_DIVISOR, 4, 2) if divisor <= room), 1)


def shrunk(box: Box, divisor: int, present: Size) -> Box:
    """Return a box in pixels of a picture decoded at a fraction of its size.

    Args:
        box: In pixels of the stored size; no side below the divisor.
        divisor: As of `divisor_for`.
        present: (height, width) of the decoded picture.

    Returns:
        The nearest box of whole pixels, at least one.
    """
    if divisor == 1:
        return box
    top, height = _edges(box.top, box.height, divisor, present[0])
    left, width = _edges(box.left, box.width, divisor, present[1])
    return Box(top, left, height, width)


def _edges(start: int, length: int, divisor: int, present: int) -> tuple[int, int]:
    end = min(present, (start + length + divisor // 2) // divisor)
    begin = min((start + divisor // 2) // divisor, end - 1)
    return begin, end - begin


def _all_of(size: Size) -> Box:
    return Box(0, 0, *size)


def _shaped(stored: Size, wanted: Size, down: float, right: float) -> Box:
    """Return the largest box of the wanted shape, so far down and right of what room there is."""
    step = min(stored[0] / wanted[0], stored[1] / wanted[1])
    part = min(stored[0], max(1, round(wanted[0] * step))), min(stored[1], max(1, round(wanted[1] * step)))
    return _placed(stored, part, down, right)


def _placed(stored: Size, part: Size, down: float, right: float) -> Box:
    # every place is as likely as another: so the last one needs a whole share too, save of the middle
    rooms = stored[0] - part[0], stored[1] - part[1]
    top, left = (
        room // 2 if at == _HALF else min(room, int(at * (room + 1)))
        for room, at in zip(rooms, (down, right), strict=True)
    )
    return Box(top, left, *part)
