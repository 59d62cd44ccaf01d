"""Silhouettes of the garments: marks with short SVG-like paths, mirrored about the middle.

A garment is drawn on a sheet 200 units wide (x from -100 to 100, 0 in the middle) and 300 high (y from -150
at the top to 150). Its marks are painted in order; a later one covers the earlier ones.
"""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Paint = Literal["cloth", "inside", "trim", "line"]
Side = Literal["once", "half", "pair"]

_CURVE_STEPS = 10
"""Straight pieces that a curve is cut into."""


class Mark(NamedTuple):
    """One filled shape or one line."""

    path: str
    """M x y, L x y and Q cx cy x y, as in SVG."""

    side: Side = "half"
    """half: the right half of a symmetric shape; pair: the right one of two mirrored shapes."""

    paint: Paint = "cloth"
    """trim: the second colour; inside: cloth in the shade; line: a seam or an edge, darker than the cloth."""

    width: float = 0
    """Of a line or band, units; 0 for a filled shape."""


def _trim(path: str, side: Side = "half", width: float = 0) -> Mark:
    return Mark(path, side, "trim", width)


def _inside(path: str) -> Mark:
    return Mark(path, "half", "inside")


def _line(path: str, side: Side = "half") -> Mark:
    return Mark(path, side, "line", 1.3)


def _buttons(top: int, bottom: int, step: int) -> tuple[Mark, ...]:
    return tuple(_trim(f"M 0 {y} L 0 {y + 4}", "once", 4) for y in range(top, bottom, step))


_BACK_NECK = _inside("M 0 -109 Q 18 -109 29 -114 L 30 -100 Q 20 -80 0 -80")
_COLLAR = (_line("M 0 -78 Q 27 -79 34 -111"), _line("M 0 -84 Q 23 -86 29 -112"))
_LONG_SLEEVES = (
    Mark("M 52 -105 Q 70 -99 76 -80 Q 89 0 92 84 L 75 87 Q 64 10 50 -50", "pair"),
    _line("M 73 66 L 92 63", "pair"),
)
_BODY = "L 55 -103 Q 49 -78 56 -42 Q 55 40 58 108 Q 28 114 0 114"
_ARMHOLES = _line("M 55 -103 Q 49 -78 56 -42", "pair")
_RIBBED_HEM = _line("M 0 98 Q 28 98 58 92")
_WAISTBAND = (
    _inside("M 0 -124 Q 22 -124 37 -128 L 37 -118 L 0 -114"),
    Mark("M 0 -119 Q 20 -119 37 -126 L 39 -113 Q 20 -106 0 -106"),
    _line("M 0 -106 Q 20 -106 39 -113"),
)


def _folds(top: int, hem: int) -> tuple[Mark, ...]:
    """Return the folds of a wide skirt from its waist to near its hem."""
    places = ((7, 12), (17, 34), (27, 55))
    return tuple(
        _line(f"M {x} {top} Q {x * 1.4:g} {(top + hem) // 2} {x2} {hem}", "pair") for x, x2 in places
    )


def _laces() -> tuple[Mark, ...]:
    ends = ((-21 + 12 * n, -1 + 7 * n) for n in range(4))
    return tuple(_trim(f"M {x} {y} L {x + 14} {y - 6}", "once", 3.2) for x, y in ends)


GARMENTS: dict[str, tuple[Mark, ...]] = {
    "T-shirt": (
        _BACK_NECK,
        Mark("M 52 -104 Q 70 -98 78 -82 L 95 -38 Q 82 -30 67 -26 L 50 -62", "pair"),
        _line("M 92.5 -43 Q 80 -35 65 -31", "pair"),
        Mark("M 0 -84 Q 23 -86 29 -113 " + _BODY),
        _ARMHOLES,
        _line("M 0 107 Q 30 107 57.5 101"),
        *_COLLAR,
    ),
    "Sweater": (
        _BACK_NECK,
        *_LONG_SLEEVES,
        Mark("M 0 -84 Q 23 -86 29 -113 " + _BODY),
        _ARMHOLES,
        _RIBBED_HEM,
        *(_line(f"M {x} {99 - x * x // 500} L {x} 111", "pair") for x in range(3, 56, 5)),
        *(_line(f"M {x} {71 - x // 8} L {x + 2} 85", "pair") for x in range(76, 92, 4)),
        *_COLLAR,
    ),
    "Shirt": (
        _inside("M 0 -116 Q 14 -116 22 -114 L 14 -92 L 0 -86"),
        *_LONG_SLEEVES,
        Mark("M 0 -90 L 22 -112 L 55 -103 Q 49 -78 56 -42 Q 54 30 58 88 Q 48 104 30 110 Q 12 114 0 118"),
        _ARMHOLES,
        _line("M 6 -88 L 6 116", "pair"),
        *_buttons(-76, 100, 24),
        _line("M 20 -50 L 42 -50 L 42 -26 L 31 -20 L 20 -26 L 20 -50", "once"),
        Mark("M 0 -92 Q 12 -104 20 -120 Q 27 -116 29 -110 L 25 -80 Q 12 -84 0 -92", "pair"),
        _line("M 0 -92 Q 12 -84 25 -80 L 29 -110", "pair"),
        _line("M 0 -92 Q 12 -104 20 -120", "pair"),
    ),
    "Jacket": (
        _inside("M 0 -116 Q 14 -116 24 -112 L 16 -92 L 0 -86"),
        *_LONG_SLEEVES,
        Mark("M 0 -96 L 24 -110 " + _BODY),
        _ARMHOLES,
        _RIBBED_HEM,
        _trim("M 0 -96 L 0 113", "once", 5),
        _line("M 5 -92 L 5 112", "pair"),
        *(_line(f"M {x} 20 L {x + 15} 58", "pair") for x in (24, 28)),
        Mark("M 0 -96 Q 12 -106 21 -123 L 33 -112 Q 24 -88 4 -78 L 0 -82", "pair"),
        _line("M 0 -82 L 4 -78 Q 24 -88 33 -112", "pair"),
        _line("M 0 -96 Q 12 -106 21 -123", "pair"),
    ),
    "Trousers": (
        Mark("M 0 -112 L 38.5 -118 Q 48 -70 50 -30 Q 49 50 45 130 L 13 131 Q 10 30 2 -50 L 0 -54"),
        _line("M 0 -106 L 0 -54", "once"),
        _line("M 8 -106 L 8 -76 Q 8 -64 0 -60", "once"),
        _line("M 24 -109 Q 27 -92 43 -88", "pair"),
        _line("M 30 -70 Q 32 20 30 128", "pair"),
        _line("M 13 123 L 45.3 122", "pair"),
        *_WAISTBAND,
        *_buttons(-115, -114, 1),
    ),
    "Skirt": (
        Mark("M 0 -102 L 36 -106 Q 54 -50 78 82 Q 68 88 58 84 Q 46 96 34 90 Q 22 100 12 93 Q 6 96 0 96"),
        *_folds(-94, 86),
        _inside("M 0 -114 Q 20 -114 34 -117 L 35 -108 L 0 -104"),
        Mark("M 0 -109 Q 20 -109 34.5 -116 L 37 -101 Q 20 -94 0 -94"),
        _line("M 0 -94 Q 20 -94 37 -101"),
    ),
    "Dress": (
        _inside("M 0 -104 Q 20 -106 26 -124 L 30 -110 Q 20 -86 0 -86"),
        Mark(
            "M 0 -90 Q 22 -92 26 -125 L 38 -123 Q 36 -88 49 -74 Q 42 -48 35 -24 "
            "Q 52 40 74 122 Q 62 132 50 126 Q 38 136 26 129 Q 14 136 0 133"
        ),
        _line("M 0 -85 Q 25 -87 30 -124"),
        _line("M 35 -123 Q 33 -86 46.5 -70", "pair"),
        _trim("M 0 -22 Q 18 -22 36 -26", "half", 6),
        *_folds(-16, 124),
    ),
    "Sneakers": (
        Mark("M -66 -4 Q -48 -4 -28 -20 L -8 -18 L -20 16", "once", "inside"),
        Mark("M -30 -18 Q -20 -28 -8 -24 L 34 20 L 8 24 L -30 -2", "once", "inside"),
        Mark(
            "M -76 58 Q -82 26 -72 -9 Q -64 -14 -58 -7 Q -46 1 -30 -4 Q -24 -7 -20 -10 "
            "L -8 0 Q 10 20 44 26 Q 80 32 86 58",
            "once",
        ),
        _line("M -58 -6 Q -56 24 -50 56", "once"),
        _line("M 46 56 Q 42 40 54 29", "once"),
        _line("M -22 -9 Q -26 12 -4 28 Q 10 33 38 26", "once"),
        _trim("M -40 56 L -20 22 L -10 28 L -26 56", "once"),
        _trim("M -14 56 L -4 32 L 7 34 L 0 56", "once"),
        *_laces(),
        _trim("M -79 54 Q 0 58 88 52 Q 93 68 82 72 L -70 75 Q -82 73 -79 54", "once"),
        Mark("M -79 65 L 90 62", "once", "line", 1.3),
    ),
    "Hat/beanie": (
        _trim("M 0 -122 Q 26 -122 26 -96 Q 26 -70 0 -70"),
        Mark("M 0 -82 Q 38 -82 56 -46 Q 70 -16 70 24 L 0 28"),
        *(_line(f"M {x * 0.3:g} -78 Q {x} -46 {x * 1.25:g} 18", "pair") for x in range(4, 56, 8)),
        Mark("M 0 18 Q 42 18 73 10 Q 77 32 73 58 Q 38 66 0 66"),
        _line("M 0 18 Q 42 18 73 10"),
        *(_line(f"M {x} {21 - x // 10} L {x} {64 - x // 12}", "pair") for x in range(3, 72, 6)),
    ),
    "Bag": (
        _inside("M 0 -26 Q 40 -26 62 -28 L 60 -14 L 0 -10"),
        Mark("M 0 -16 Q 40 -16 62 -26 Q 68 30 74 92 Q 74 104 62 104 Q 30 107 0 107"),
        _line("M 0 -8 Q 40 -8 63 -18"),
        _line("M 0 98 Q 34 98 73 94"),
        _trim("M -30 12 L -30 -20 Q -30 -100 0 -100 Q 30 -100 30 -20 L 30 12", "once", 6),
    ),
}
"""By product type name."""


@functools.cache
def outlines(mark: Mark) -> tuple[Points, ...]:
    """Return the points of a mark, mirrored as it asks.

    Returns:
        One array (points, 2) of float64 per shape, columns x and y in units; shared, so never to be changed.
    """
    points = _points(mark.path)
    mirrored = points[::-1] * (-1, 1)
    shapes = {"once": (points,), "pair": (points, mirrored), "half": (np.concatenate([mirrored, points]),)}
    return shapes[mark.side]


def _points(path: str) -> Points:
    words = path.split()
    found: list[tuple[float, float]] = []
    at = 0
    while at < len(words):
        if words[at] == "Q":
            cx, cy, x, y = map(float, words[at + 1 : at + 5])
            x0, y0 = found[-1]
            for step in range(1, _CURVE_STEPS + 1):
                t = step / _CURVE_STEPS
                a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
                found.append((a * x0 + b * cx + c * x, a * y0 + b * cy + c * y))
            at += 5
        else:
            found.append((float(words[at + 1]), float(words[at + 2])))
            at += 3
    return np.array(found)
