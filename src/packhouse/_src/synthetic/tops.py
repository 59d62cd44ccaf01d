"""Sketches of what is worn above the waist."""

from __future__ import annotations

from packhouse._src.synthetic.sketches import (
    Mark,
    Sketch,
    button,
    fold,
    inside,
    ribs,
    seam,
    shape,
    strap,
)

_LABEL = shape("M 0 -104 L 6 -104 L 6 -97 L 0 -97", paint="light")

_SHORT_SLEEVES = (
    shape("M 52 -104 Q 70 -98 78 -82 L 95 -38 Q 82 -30 67 -26 L 50 -62", "pair"),
    seam("M 92.5 -43 Q 80 -35 65 -31", tone=-24),
    fold("M 60 -60 Q 72 -56 84 -62", tone=-22),
    fold("M 66 -90 Q 78 -70 84 -48", tone=18, width=9),
)
_TEE_SIDES = "L 56 -102 Q 50 -78 57 -48 Q 54 20 58 106 Q 30 112 0 112"
_TEE_LINES = (
    seam("M 56 -102 Q 49 -78 57 -48"),
    fold("M 56 -102 Q 49 -78 57 -50", width=5, tone=-26),
    seam("M 0 106 Q 30 106 57.5 100.5", "half", tone=-24),
    fold("M 55 -46 Q 42 -30 20 -26", tone=-26),
    fold("M 54 -40 Q 46 -10 34 14", tone=-20),
    fold("M 52 60 Q 36 40 16 44", tone=-18),
    fold("M 24 -90 Q 34 -40 30 20", tone=16, width=16),
)
_ROUND_COLLAR = (
    shape("M 0 -86 Q 22 -88 28 -113 L 33.5 -111.5 Q 27 -79 0 -78", tone=-4),
    seam("M 0 -78 Q 27 -79 33.5 -111.5", "half"),
    seam("M 0 -86 Q 22 -88 28 -113", "half", tone=-30),
    fold("M 0 -76 Q 28 -77 35 -110", "half", width=4, tone=-24),
)
_BACK_NECK = (
    inside("M 0 -109 Q 18 -109 29 -114 L 30 -100 Q 20 -80 0 -80"),
    shape("M 0 -109 Q 18 -109 29 -114 L 27 -107 Q 15 -102 0 -102", tone=-22),
    seam("M 0 -102 Q 15 -102 27 -107", "half"),
)

T_SHIRTS = (
    Sketch(
        marks=(
            *_BACK_NECK,
            _LABEL,
            *_SHORT_SLEEVES,
            shape("M 0 -86 Q 22 -88 28 -113 " + _TEE_SIDES),
            *_TEE_LINES,
            *_ROUND_COLLAR,
        )
    ),
    Sketch(
        marks=(
            inside("M 0 -109 Q 18 -109 29 -114 L 30 -100 L 0 -50"),
            *_BACK_NECK,
            _LABEL,
            *_SHORT_SLEEVES,
            shape("M 0 -62 L 27 -113 " + _TEE_SIDES),
            *_TEE_LINES,
            shape("M 0 -62 L 27 -113 L 33 -111.5 L 0 -52", tone=-4),
            seam("M 0 -52 L 33 -111.5", "half"),
            seam("M 0 -62 L 0 -52", "once"),
            fold("M 0 -49 L 35 -110", "half", width=4, tone=-24),
        ),
        print_at=-12,
    ),
)

_VEST_SIDES = "Q 40 -72 60 -50 Q 53 10 60 102 Q 30 110 0 110"
_VEST_LINES = (
    seam("M 0 104 Q 30 104 59.5 96", "half", tone=-24),
    fold("M 58 -46 Q 40 -34 18 -36", tone=-24),
    fold("M 56 20 Q 36 10 18 24", tone=-18),
    fold("M 58 80 Q 40 60 22 58", tone=-16),
    fold("M 26 -50 Q 34 0 30 60", tone=16, width=16),
)

VEST_TOPS = (
    Sketch(
        marks=(
            inside("M 0 -88 Q 22 -90 30 -114 L 33 -100 Q 24 -62 0 -62"),
            seam("M 0 -83 Q 24 -85 31 -108", "half", tone=-30),
            shape("M 0 -68 Q 24 -70 28 -115 L 41 -115 " + _VEST_SIDES),
            *_VEST_LINES,
            seam("M 0 -64 Q 28 -66 31.5 -114", "half"),
            seam("M 37.5 -114 Q 36 -68 58 -45"),
            fold("M 0 -66 Q 26 -68 30 -112", "half", width=4, tone=-20),
        )
    ),
    Sketch(
        marks=(
            inside("M 0 -66 Q 30 -66 36 -70 L 30 -58 L 0 -54"),
            strap("M 33 -62 Q 31 -98 25 -117 Q 22 -122 20 -114 Q 20 -90 27 -60", 2.8),
            shape("M 0 -54 Q 16 -66 34 -66 Q 44 -52 55 -46 Q 50 10 58 102 Q 30 110 0 110"),
            *_VEST_LINES,
            seam("M 0 -50 Q 16 -61.5 34 -62", "half"),
            fold("M 10 -44 Q 24 -26 44 -30", tone=-24),
        )
    ),
)

_LONG_SLEEVES = (
    shape("M 52 -105 Q 70 -99 76 -80 Q 89 0 92 62 L 72 65 Q 64 10 50 -50", "pair"),
    fold("M 62 -50 Q 72 -44 80 -48", tone=-26),
    fold("M 68 -4 Q 76 6 86 0", tone=-26),
    fold("M 70 20 Q 78 28 88 22", tone=-22),
    fold("M 66 -90 Q 78 -30 82 50", tone=18, width=8),
)
_CUFFS = (
    shape("M 72 63 L 92.5 60 L 91 84 L 76 86", "pair", tone=-6),
    seam("M 72 63 L 92.5 60"),
    fold("M 72 62 L 92 59", width=4, tone=-24),
    *(seam(f"M {75 + 3.4 * n} {63} L {77.5 + 2.6 * n} {85}", tone=-24) for n in range(6)),
)
_SLEEVE_SEAMS = (
    seam("M 55 -103 Q 49 -78 56 -42"),
    fold("M 55 -103 Q 49 -78 56 -20", width=5, tone=-30),
)
_SWEATER_FOLDS = (
    fold("M 54 -38 Q 40 -20 18 -22", tone=-26),
    fold("M 54 -20 Q 46 10 32 24", tone=-20),
    fold("M 54 76 Q 40 54 20 60", tone=-22),
    fold("M 26 -80 Q 36 -20 30 60", tone=16, width=16),
)
_SWEATER_SIDES = "L 55 -103 Q 49 -78 56 -42 Q 55 40 58 92 Q 28 97 0 97"
_HEM = (
    shape("M 0 97 Q 28 97 58 91 L 53 110 Q 28 114 0 114", tone=-6),
    seam("M 0 97 Q 28 97 58 91", "half"),
    fold("M 0 95 Q 28 95 57 89", "half", width=4, tone=-24),
    *ribs(-50, 50, 98, 111, 26),
)

SWEATERS = (
    Sketch(
        marks=(
            *_BACK_NECK,
            _LABEL,
            *_LONG_SLEEVES,
            *_CUFFS,
            shape("M 0 -86 Q 22 -88 28 -113 " + _SWEATER_SIDES),
            *_SLEEVE_SEAMS,
            *_SWEATER_FOLDS,
            *_HEM,
            *_ROUND_COLLAR,
        ),
        texture="knit",
    ),
    Sketch(
        marks=(
            *_LONG_SLEEVES,
            *_CUFFS,
            shape("M 0 -98 L 24 -108 " + _SWEATER_SIDES),
            *_SLEEVE_SEAMS,
            *_SWEATER_FOLDS,
            *_HEM,
            shape("M 0 -128 Q 14 -128 22 -124 Q 23 -112 27 -104 Q 14 -94 0 -94"),
            fold("M 0 -93 Q 15 -93 28 -103", "half", width=5, tone=-34),
            seam("M 0 -94 Q 14 -94 27 -104", "half"),
            fold("M 0 -112 Q 14 -112 22 -116", "half", width=5, tone=-20),
            *ribs(-19, 19, -126, -98, 12),
        ),
        texture="knit",
    ),
)

HOODIES = (
    Sketch(
        marks=(
            shape("M 0 -132 Q 36 -132 40 -104 Q 40 -92 34 -86 L 0 -76"),
            fold("M 34 -122 Q 40 -110 36 -92", tone=-22),
            inside("M 0 -124 Q 24 -122 26 -102 Q 20 -84 0 -72"),
            seam("M 0 -124 Q 24 -122 26 -102", "half", tone=-40),
            seam("M 0 -120 Q 21 -118 23 -102", "half", tone=-24),
            *_LONG_SLEEVES,
            *_CUFFS,
            shape("M 0 -72 Q 20 -84 28 -104 L 40 -104 " + _SWEATER_SIDES),
            *_SLEEVE_SEAMS,
            *_SWEATER_FOLDS,
            *_HEM,
            shape("M 0 -74 Q 18 -86 25 -106 Q 36 -104 40 -98 Q 34 -76 0 -62", tone=4),
            seam("M 0 -62 Q 34 -76 40 -98", "half"),
            fold("M 0 -59 Q 36 -74 42 -96", "half", width=5, tone=-34),
            seam("M 0 -74 L 0 -62", "once"),
            shape("M 0 36 L 25 36 L 39 76 L 39 88 L 0 90", tone=3),
            fold("M 25 36 L 40 76", width=5, tone=-30),
            seam("M 0 36 L 25 36 L 39 76 L 39 88 L 0 90", "half"),
            strap("M 11 -70 Q 14 -50 12 -34", 2.2, paint="light"),
            strap("M 12 -36 L 12 -29", 3, paint="trim"),
        ),
        print_at=-12,
    ),
)

_PLACKET = tuple(mark for y in (-76, -52, -28, -4, 20, 44, 68, 92) for mark in button(0, y, radius=1.9))

SHIRTS = (
    Sketch(
        marks=(
            inside("M 0 -116 Q 14 -116 22 -114 L 14 -92 L 0 -86"),
            _LABEL,
            *_LONG_SLEEVES,
            shape("M 72 62 L 92.5 59 L 92 86 L 75 88", "pair", tone=3),
            seam("M 72 62 L 92.5 59"),
            fold("M 72 61 L 92 58", width=4),
            shape("M 0 -90 L 22 -112 L 55 -103 Q 49 -78 56 -42 Q 54 30 58 88 Q 48 104 30 110 Q 12 114 0 118"),
            *_SLEEVE_SEAMS,
            *_SWEATER_FOLDS,
            seam("M -5 -88 L -5 116", "once", tone=-26),
            seam("M 5 -88 L 5 116", "once", tone=-34),
            fold("M 7 -80 L 7 110", "once", width=4, tone=-18),
            *_PLACKET,
            shape("M 20 -50 L 42 -50 L 42 -26 L 31 -20 L 20 -26", "once", tone=3),
            seam("M 20 -50 L 42 -50 L 42 -26 L 31 -20 L 20 -26 L 20 -50", "once"),
            seam("M 20 -45 L 42 -45", "once", tone=-24),
            shape(
                "M 0 -92 Q 12 -104 20 -120 Q 27 -116 29 -110 L 25 -80 Q 12 -84 0 -92",
                "pair",
                tone=5,
            ),
            seam("M 0 -92 Q 12 -84 25 -80 L 29 -110"),
            fold("M 0 -90 Q 12 -82 26 -77 L 31 -108", width=4, tone=-32),
            shape("M 0 -114 Q 12 -114 20 -120 L 22 -112 Q 12 -106 0 -106", tone=-16),
        )
    ),
)

_SUIT_SLEEVES = (
    shape("M 52 -107 Q 72 -102 77 -82 Q 88 0 90 82 Q 80 88 70 86 Q 66 10 52 -50", "pair"),
    fold("M 62 -44 Q 72 -38 82 -42", tone=-20),
    fold("M 68 6 Q 76 14 87 8", tone=-22),
    fold("M 66 -90 Q 78 -30 80 60", tone=16, width=8),
    *(mark for x in (73, -73) for y in (66, 73, 80) for mark in button(x, y, radius=1.3)),
)


def _suit(length: float, buttons: tuple[tuple[Mark, Mark], ...]) -> Sketch:
    end = length + 8
    return Sketch(
        marks=(
            inside("M 0 30 L 26 -112 Q 12 -117 0 -117"),
            seam("M 0 -108 Q 12 -108 24 -104", "half", tone=-34),
            _LABEL,
            *_SUIT_SLEEVES,
            shape(
                f"M 0 24 L 20 -110 L 57 -105 Q 51 -78 57 -44 Q 48 -6 52 24 Q 58 60 60 {length} "
                f"Q 34 {length + 4} 20 {end} Q 8 {end} -1 {length - 14}",
                "pair",
            ),
            seam("M 57 -105 Q 51 -78 57 -44"),
            fold("M 57 -104 Q 51 -78 56 -20", width=5, tone=-30),
            fold("M 34 -40 Q 30 10 34 80", tone=-14, width=8),
            fold("M 52 -30 Q 40 0 28 16", tone=-22),
            fold("M 24 -60 Q 22 20 24 90", tone=14, width=12),
            seam(f"M -1 22 Q 0 60 -3 {length - 20} Q -8 {end - 6} -20 {end}", "once", tone=-60),
            fold(f"M -3 22 Q -2 60 -5 {length - 20}", "once", width=5, tone=-40),
            shape("M 22 46 L 50 42 L 51 53 L 23 57", "pair", tone=2),
            seam("M 22 46 L 50 42 L 51 53 L 23 57 L 22 46", tone=-44),
            fold("M 23 59 L 52 55", width=4, tone=-26),
            seam("M 28 -34 L 44 -38", "once", tone=-50),
            shape("M 0 24 Q 10 -30 17 -100 L 24 -84 L 41 -80 L 37 -64 Q 26 -18 2 24", "pair", tone=6),
            seam("M 0 24 Q 26 -18 37 -64 L 41 -80 L 24 -84", tone=-50),
            fold("M 2 26 Q 29 -16 40 -62", width=5, tone=-36),
            shape("M 15 -104 L 22 -119 Q 30 -114 32 -110 L 37 -88 L 24 -84", "pair", tone=8),
            seam("M 15 -104 L 24 -84 L 37 -88 L 32 -110", tone=-48),
            shape("M 0 -112 Q 13 -112 22 -119 L 17 -103 Q 9 -106 0 -106", tone=-12),
            *(mark for pair in buttons for mark in pair),
        )
    )


BLAZERS = (
    _suit(96, (button(3, 28, radius=3), button(3, 52, radius=3))),
    _suit(
        104,
        tuple(button(x, y, radius=2.8) for x in (-11, 13) for y in (30, 52)),
    ),
)
COATS = (
    _suit(128, tuple(button(3, y, radius=3.2) for y in (28, 54, 80))),
    _suit(132, tuple(button(x, y, radius=3) for x in (-12, 14) for y in (30, 56, 82))),
)

JACKETS = (
    Sketch(
        marks=(
            inside("M 0 -116 Q 14 -116 24 -112 L 16 -92 L 0 -86"),
            *_LONG_SLEEVES,
            *_CUFFS,
            shape("M 0 -96 L 24 -110 " + _SWEATER_SIDES),
            *_SLEEVE_SEAMS,
            *_SWEATER_FOLDS,
            *_HEM,
            fold("M 10 -80 L 10 90", width=8, tone=-18),
            shape("M 0 -96 L 1.8 -96 L 1.8 114 L 0 114", paint="light", tone=-30),
            seam("M 0 -94 L 0 113", "once", tone=-70),
            seam("M 4.5 -92 L 4.5 112", tone=-34),
            seam("M 26 20 L 42 58", tone=-64),
            fold("M 29 20 L 45 58", width=5, tone=-30),
            seam("M 23 21 L 39 59", tone=-24),
            shape("M 0 -98 Q 12 -106 21 -121 L 31 -112 Q 22 -90 2 -82 L 0 -84", "pair", tone=-6),
            *(
                seam(f"M {2 + 3.6 * n} {-96 - 3.4 * n} L {5 + 3.9 * n} {-85 - 3.4 * n}", tone=-26)
                for n in range(7)
            ),
            seam("M 2 -82 Q 22 -90 31 -112"),
            fold("M 2 -79 Q 24 -88 33 -110", width=4, tone=-30),
            shape("M 0 -112 Q 12 -112 21 -121 L 18 -110 Q 10 -105 0 -105", tone=-18),
        ),
    ),
)
