"""Sketches of what is worn below the waist, and of dresses, which reach there."""

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

_WAISTBAND = (
    inside("M 0 -126 Q 22 -126 37 -129 L 37 -120 L 0 -116"),
    shape("M 0 -121 Q 20 -121 37.5 -128 L 39 -115 Q 20 -108 0 -108", tone=3),
    seam("M 0 -108 Q 20 -108 39 -115", "half"),
    fold("M 0 -106 Q 20 -106 39 -113", "half", width=4, tone=-26),
    shape("M 21 -124 L 25 -125 L 26 -109 L 22 -108", "pair", tone=8),
    seam("M 21 -124 L 22 -108", tone=-30),
    seam("M 25 -125 L 26 -109", tone=-40),
)
_POCKETS = (
    seam("M 24 -109 Q 27 -92 42 -88", tone=-54),
    seam("M 22 -107 Q 25 -89 42.5 -85", tone=-24),
    fold("M 25 -108 Q 29 -90 43 -86", width=4, tone=-24),
)
_FLY = (
    seam("M 0 -108 L 0 -54", "once", tone=-56),
    seam("M 8 -107 L 8 -76 Q 8 -64 1 -60", "once", tone=-32),
    fold("M -2 -100 L -2 -56", "once", width=4, tone=-22),
    *button(1, -114, radius=2.2),
)


def _trousers(leg: str, inner: str, *marks: Mark) -> Sketch:
    return Sketch(
        marks=(
            shape(f"M 0 -112 L 38.5 -118 {leg} {inner} L 0 -54"),
            fold("M 2 -48 Q 16 -52 34 -40", tone=-30),
            fold("M 2 -50 Q 14 -64 34 -70", tone=-22),
            fold("M 4 -40 Q 9 20 11 90", tone=-26, width=8),
            fold("M 30 -80 Q 34 0 32 110", tone=22, width=10),
            *marks,
            *_FLY,
            *_POCKETS,
            *_WAISTBAND,
            *button(1, -114, radius=2.2),
        )
    )


_KNEE = (
    fold("M 14 28 Q 26 36 40 30", tone=-22),
    fold("M 16 42 Q 28 36 42 44", tone=-18),
    fold("M 14 112 Q 26 104 38 112", tone=-24, width=6),
)
TROUSERS = (
    _trousers(
        "Q 48 -70 50 -30 Q 48 50 43 128",
        "L 13 129 Q 10 30 2 -50",
        *_KNEE,
        seam("M 13 123 L 43.3 122", tone=-26),
    ),
    _trousers(
        "Q 50 -70 54 -20 Q 62 60 64 128",
        "L 13 130 Q 12 20 2 -50",
        seam("M 29 -106 Q 34 0 37 128", tone=-32),
        fold("M 44 0 Q 48 60 50 126", tone=-22, width=8),
        fold("M 24 10 Q 24 60 25 126", tone=-22, width=8),
    ),
)

_ELASTIC = (
    inside("M 0 -124 Q 20 -124 34 -126 L 35 -118 L 0 -114"),
    shape("M 0 -119 Q 20 -119 34.5 -125 L 36 -110 Q 20 -105 0 -105", tone=2),
    *ribs(-32, 32, -118, -107, 20),
    seam("M 0 -105 Q 20 -105 36 -110", "half"),
    fold("M 0 -103 Q 20 -103 36 -108", "half", width=4, tone=-26),
)
LEGGINGS = (
    Sketch(
        marks=(
            shape(
                "M 0 -110 L 35.5 -114 Q 46 -70 45 -40 Q 40 20 34 60 Q 30 100 27 128 "
                "L 12 128 Q 14 20 2 -52 L 0 -54"
            ),
            seam("M 0 -105 L 0 -54", "once"),
            fold("M 2 -50 Q 14 -54 30 -46", tone=-26),
            fold("M 18 36 Q 26 42 36 36", tone=-22),
            fold("M 16 110 Q 22 106 28 112", tone=-22, width=5),
            fold("M 28 -80 Q 30 0 24 110", tone=24, width=8),
            seam("M 12.5 123 L 27.5 123", tone=-26),
            *_ELASTIC,
        )
    ),
)

_SHORTS_LEG = "L 74 44 Q 42 56 8 56 Q 6 20 1 4 L 0 2"
SHORTS = (
    Sketch(
        marks=(
            inside("M 0 -70 Q 26 -70 46 -74 L 46 -62 L 0 -58"),
            shape("M 0 -56 L 48 -62 Q 62 -20 " + _SHORTS_LEG.removeprefix("L ")),
            seam("M 0 -50 L 0 2", "once", tone=-48),
            seam("M 8.5 49 Q 42 49 73 37.5", tone=-28),
            fold("M 2 4 Q 20 0 44 10", tone=-28),
            fold("M 4 10 Q 12 30 13 50", tone=-24),
            fold("M 34 -40 Q 46 0 48 44", tone=20, width=14),
            seam("M 34 -52 Q 40 -34 57 -28", tone=-50),
            fold("M 36 -50 Q 42 -32 58 -26", width=4, tone=-24),
            shape("M 0 -65 Q 24 -65 46.5 -72 L 49 -56 Q 24 -48 0 -48", tone=2),
            *ribs(-43, 43, -64, -51, 22),
            seam("M 0 -48 Q 24 -48 49 -56", "half"),
            fold("M 0 -46 Q 24 -46 49 -54", "half", width=4, tone=-26),
            strap("M 5 -54 Q 10 -40 7 -22", 2, paint="light"),
        ),
        zoom=1.22,
    ),
)

_SKIRT_BAND = (
    inside("M 0 -96 Q 20 -96 34 -99 L 35 -90 L 0 -86"),
    shape("M 0 -91 Q 20 -91 34.5 -98 L 36.5 -84 Q 20 -77 0 -77", tone=3),
    seam("M 0 -77 Q 20 -77 36.5 -84", "half"),
    fold("M 0 -75 Q 20 -75 37 -82", "half", width=4, tone=-28),
)
SKIRTS = (
    Sketch(
        marks=(
            shape("M 0 -84 L 36 -88 Q 52 -40 74 82 Q 66 88 56 84 Q 46 96 34 90 Q 22 100 12 93 Q 6 96 0 96"),
            *(
                fold(f"M {x} -72 Q {x * 1.4} -10 {end} 86", tone=-32, width=7)
                for x, end in ((8, 12), (17, 34), (27, 56))
            ),
            *(
                fold(f"M {x} -70 Q {x * 1.5} -10 {end} 88", tone=24, width=8)
                for x, end in ((3, 2), (13, 23), (23, 45), (31, 66))
            ),
            *_SKIRT_BAND,
        ),
        zoom=1.12,
    ),
    Sketch(
        marks=(
            shape("M 0 -84 L 36 -88 Q 56 -40 54 0 L 50 78 Q 26 84 0 84"),
            seam("M 0 79 Q 26 79 50.5 73", "half", tone=-26),
            seam("M 16 -77 L 19 -40", tone=-34),
            fold("M 40 -60 Q 30 -30 8 -26", tone=-22),
            fold("M 48 20 Q 30 14 12 26", tone=-22),
            fold("M 24 -60 Q 32 0 28 70", tone=20, width=14),
            *_SKIRT_BAND,
            *button(0, -84, radius=2.4),
            *(mark for y in (-58, -32, -6, 20, 46) for mark in button(0, y, radius=2.2)),
            seam("M -5.5 -77 L -5.5 84", "once", tone=-28),
            seam("M 5.5 -77 L 5.5 84", "once", tone=-36),
        ),
        zoom=1.18,
    ),
)

_DRESS_FOLDS = (
    seam("M 0 -20 Q 18 -20 35 -24", "half"),
    fold("M 0 -18 Q 18 -18 36 -22", "half", width=5, tone=-32),
    *(
        fold(f"M {x} -16 Q {x * 1.4} 50 {end} 126", tone=-30, width=7)
        for x, end in ((8, 13), (18, 36), (28, 57))
    ),
    *(
        fold(f"M {x} -14 Q {x * 1.5} 50 {end} 128", tone=22, width=8)
        for x, end in ((3, 2), (13, 24), (24, 46))
    ),
    fold("M 42 -70 Q 30 -56 14 -58", tone=-24),
    fold("M 36 -28 Q 26 -44 14 -46", tone=-22),
)
_DRESS_SKIRT = "Q 42 -48 35 -24 Q 52 40 72 122 Q 60 132 50 126 Q 38 136 26 129 Q 14 136 0 133"
DRESSES = (
    Sketch(
        marks=(
            inside("M 0 -104 Q 20 -106 26 -124 L 30 -110 Q 20 -86 0 -86"),
            _label := shape("M 0 -101 L 5 -101 L 5 -95 L 0 -95", paint="light"),
            shape("M 0 -90 Q 22 -92 26 -125 L 38 -123 Q 36 -88 49 -74 " + _DRESS_SKIRT),
            *_DRESS_FOLDS,
            seam("M 0 -86 Q 25 -88 29.5 -124.5", "half"),
            seam("M 35 -123 Q 33 -86 46.5 -70"),
            fold("M 0 -88 Q 24 -90 28 -122", "half", width=4, tone=-22),
        ),
        print_at=-52,
    ),
    Sketch(
        marks=(
            inside("M 0 -112 Q 16 -112 26 -117 L 28 -104 L 0 -72"),
            _label,
            shape("M 42 -114 Q 66 -112 78 -88 Q 84 -70 78 -56 Q 66 -46 56 -52 L 44 -74", "pair"),
            fold("M 52 -104 Q 66 -90 66 -58", tone=-26, width=5),
            fold("M 50 -106 Q 72 -92 74 -62", tone=20, width=5),
            fold("M 50 -96 Q 58 -80 58 -60", tone=-26, width=5),
            seam("M 79 -60 Q 67 -50 55 -57", tone=-40),
            shape("M 0 -82 L 25 -117 L 46 -113 Q 42 -92 49 -72 " + _DRESS_SKIRT),
            seam("M 46 -113 Q 42 -92 49 -72"),
            fold("M 46 -113 Q 42 -92 49 -72", width=5, tone=-30),
            *_DRESS_FOLDS,
            seam("M 0 -77 L 29 -117", "half"),
            strap("M -36 -22 L 36 -22", 4.5, "once"),
            seam("M 0 -20 Q 18 -20 35.5 -24", "half"),
            seam("M 0 -25 Q 18 -25 36 -26", "half"),
        ),
        print_at=-52,
    ),
    Sketch(
        marks=(
            inside("M 0 -80 Q 24 -80 32 -84 L 30 -70 L 0 -64"),
            strap("M 30 -76 Q 28 -104 22 -125 Q 19 -130 17 -122 Q 17 -100 24 -74", 2.4),
            shape("M 0 -66 Q 14 -80 31 -80 Q 40 -68 47 -62 Q 42 -20 48 20 Q 56 80 54 130 Q 28 136 0 136"),
            seam("M 0 -62 Q 14 -75.5 31 -76", "half"),
            fold("M 45 -58 Q 30 -44 12 -46", tone=-24),
            fold("M 46 0 Q 30 -14 12 -4", tone=-26),
            fold("M 50 60 Q 34 40 14 52", tone=-24),
            fold("M 26 -60 Q 32 20 30 124", tone=22, width=14),
            seam("M 0 130 Q 28 130 54 124", "half", tone=-26),
        ),
        print_at=-36,
    ),
)
