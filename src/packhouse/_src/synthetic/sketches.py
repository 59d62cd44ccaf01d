"""The language garments are sketched in: marks with short SVG-like paths, mirrored about the middle.

A sketch lies on a sheet 200 units wide (x from -100 to 100, 0 in the middle) and 300 high (y from -150
at the top to 150). Marks are painted in order; a later one covers the earlier ones.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Paint = Literal["fabric", "trim", "light"]
Side = Literal["once", "half", "pair"]
Texture = Literal["weave", "knit", "leather"]

_STEPS = 14
"""Straight pieces one curve is cut into; at three-fold oversampling no corner shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One filled shape or one line."""

    path: str
    """M x y, L x y and Q cx cy x y, as in SVG."""

    side: Side = "once"
    """half: the right half of one symmetric shape; pair: the right one of two mirrored shapes."""

    paint: Paint | None = None
    """What fills it; None for a line that only shades what is there."""

    tone: int = 0
    """Lighter (positive) or darker than the cloth, -128..127."""

    width: float = 0
    """Of the line, units; 0 for a filled shape."""

    soft: bool = False
    """Blurred, as a fold; else sharp, as a seam."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """All marks of a garment, and what the photographer must know of it."""

    marks: tuple[Mark, ...]
    texture: Texture = "weave"
    stands: bool = False
    """It stands on the floor; else it hangs or lies before the wall."""

    print_at: float = -28
    """Height of the middle of a front print, units."""

    zoom: float = 1
    """Small things are photographed from nearer."""


def shape(path: str, side: Side = "half", *, paint: Paint = "fabric", tone: int = 0) -> Mark:
    """Return a filled shape."""
    return Mark(path=path, side=side, paint=paint, tone=tone)


def strap(path: str, width: float, side: Side = "pair", *, paint: Paint = "fabric") -> Mark:
    """Return a band of cloth along a line: a strap, a handle, a lace."""
    return Mark(path=path, side=side, paint=paint, width=width)


def seam(path: str, side: Side = "pair", *, tone: int = -32) -> Mark:
    """Return a thin sharp line: a seam, an edge, a row of stitches."""
    return Mark(path=path, side=side, tone=tone, width=0.9)


def fold(path: str, side: Side = "pair", *, tone: int = -28, width: float = 7) -> Mark:
    """Return a broad blurred line: a fold or a soft shadow."""
    return Mark(path=path, side=side, tone=tone, width=width, soft=True)


def inside(path: str, side: Side = "half") -> Mark:
    """Return the far inner side of a garment, seen through its opening."""
    return Mark(path=path, side=side, paint="fabric", tone=-52)


def ribs(left: float, right: float, top: float, bottom: float, number: int) -> tuple[Mark, ...]:
    """Return the upright grooves of a knitted cuff."""
    places = np.linspace(left, right, number)
    return tuple(seam(f"M {x:.1f} {top} L {x:.1f} {bottom}", "once", tone=-26) for x in places)


def button(x: float, y: float, *, radius: float = 2.4) -> tuple[Mark, Mark]:
    """Return a round button with two holes' worth of shadow in its middle."""
    top, bottom = y - radius, y + radius
    far = radius * 1.35
    path = (
        f"M {x} {top} Q {x + far} {top} {x + far * 0.75} {y} Q {x + far} {bottom} {x} {bottom} "
        f"Q {x - far} {bottom} {x - far * 0.75} {y} Q {x - far} {top} {x} {top}"
    )
    dot = f"M {x - 0.8} {y} L {x + 0.8} {y}"
    return shape(path, "once", paint="trim", tone=-10), seam(dot, "once", tone=-70)


def moved(marks: tuple[Mark, ...], dx: float, dy: float, *, tone: int = 0) -> tuple[Mark, ...]:
    """Return the marks shifted by (dx, dy) units and shaded by `tone`; only marks that are not mirrored."""
    return tuple(
        replace(mark, path=_shifted(mark.path, dx, dy), tone=mark.tone + (tone if mark.paint else 0))
        for mark in marks
    )


def _shifted(path: str, dx: float, dy: float) -> str:
    steps = (dx, dy)
    words: list[str] = []
    number = 0
    for word in path.split():
        if word in {"M", "L", "Q"}:
            words.append(word)
            continue
        words.append(f"{float(word) + steps[number % 2]:g}")
        number += 1
    return " ".join(words)


@functools.cache
def lines_of(mark: Mark) -> tuple[Points, ...]:
    """Return the points of a mark, mirrored as it asks.

    Returns:
        One array (points, 2) of float64 per shape, columns x and y in units; shared, so never to be changed.
    """
    points = _points(mark.path)
    mirrored = points[::-1] * (-1, 1)
    if mark.side == "once":
        return (points,)
    if mark.side == "pair":
        return points, mirrored
    return (np.concatenate([mirrored, points]),)


@functools.cache
def corners_of(sketch: Sketch) -> Points:
    """Return the four corners of the smallest upright box that holds a sketch, shape (4, 2), in units."""
    every = np.concatenate([points for mark in sketch.marks if mark.paint for points in lines_of(mark)])
    (left, top), (right, bottom) = every.min(axis=0), every.max(axis=0)
    return np.array([(left, top), (right, top), (left, bottom), (right, bottom)])


def _points(path: str) -> Points:
    words = path.split()
    found: list[tuple[float, float]] = []
    at = 0
    while at < len(words):
        command = words[at]
        if command == "Q":
            cx, cy, x, y = map(float, words[at + 1 : at + 5])
            x0, y0 = found[-1]
            for step in range(1, _STEPS + 1):
                t = step / _STEPS
                a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
                found.append((a * x0 + b * cx + c * x, a * y0 + b * cy + c * y))
            at += 5
        else:
            found.append((float(words[at + 1]), float(words[at + 2])))
            at += 3
    return np.array(found)
