"""Sketches of shoes, socks, hats and bags."""

from __future__ import annotations

from packhouse._src.synthetic.sketches import (
    Mark,
    Sketch,
    button,
    fold,
    inside,
    moved,
    ribs,
    seam,
    shape,
    strap,
)

_SHOE: tuple[Mark, ...] = (
    inside("M -66 -26 Q -48 -24 -28 -38 L -12 -34 L -34 -8", "once"),
    shape("M -30 -40 Q -20 -48 -8 -42 L 30 -4 L 8 2 L -30 -22", "once", tone=-14),
    shape(
        "M -76 36 Q -80 4 -70 -29 Q -64 -34 -58 -27 Q -46 -19 -30 -24 Q -24 -27 -20 -30 "
        "L -8 -20 Q 10 -2 42 6 Q 78 12 84 36",
        "once",
    ),
    shape("M -76 36 Q -80 4 -70 -29 Q -64 -34 -58 -26 Q -56 4 -50 36", "once", paint="trim"),
    seam("M -58 -26 Q -56 4 -50 36", "once", tone=-50),
    shape("M 46 36 Q 42 20 52 9 Q 78 14 84 36", "once", tone=6),
    seam("M 46 36 Q 42 20 52 9", "once", tone=-46),
    seam("M 49 36 Q 45 21 55 10", "once", tone=-24),
    seam("M -57 -22 Q -44 -14 -28 -19", "once", tone=-34),
    fold("M -57 -20 Q -44 -11 -27 -16", "once", tone=-26, width=5),
    seam("M -22 -29 Q -26 -8 -4 8 Q 10 13 38 6", "once", tone=-46),
    fold("M -26 -24 Q -30 -4 -8 14 Q 10 18 40 10", "once", tone=-22, width=5),
    fold("M -44 6 Q -10 24 40 24", "once", tone=20, width=12),
    fold("M -70 30 L 80 30", "once", tone=-34, width=8),
    shape("M -40 36 L -22 2 L -12 9 L -26 36", "once", paint="trim"),
    seam("M -40 36 L -22 2 L -12 9 L -26 36", "once", tone=-30),
    shape("M -16 36 L -6 12 L 5 14 L -2 36", "once", paint="trim"),
    seam("M -16 36 L -6 12 L 5 14 L -2 36", "once", tone=-30),
    *(
        mark
        for n in range(4)
        for mark in (
            strap(
                f"M {-21 + 12 * n} {-21 + 7 * n} L {-7 + 12 * n} {-27 + 7 * n}", 3.2, "once", paint="light"
            ),
            seam(f"M {-20 + 12 * n} {-19 + 7 * n} L {-6 + 12 * n} {-25 + 7 * n}", "once", tone=-44),
        )
    ),
    shape("M -79 34 Q 0 38 86 32 Q 91 46 80 50 L -70 53 Q -80 51 -79 34", "once", paint="light"),
    seam("M -79 34 Q 0 38 86 32", "once", tone=-60),
    seam("M -78 44 Q 0 47 87 42", "once", tone=-34),
    fold("M -74 53 L 80 50", "once", tone=-40, width=4),
)
SNEAKERS = (
    Sketch(
        marks=(
            *moved(_SHOE, 9, -30, tone=-12),
            fold("M -74 -6 Q -30 -4 60 26", "once", tone=-26, width=8),
            *moved(_SHOE, -8, 24),
        ),
        texture="leather",
        stands=True,
    ),
)

_SOCK: tuple[Mark, ...] = (
    shape(
        "M -56 -100 L -16 -100 Q -15 -30 -13 14 Q -8 38 18 54 Q 42 68 40 84 Q 36 102 12 100 "
        "Q -14 94 -36 70 Q -54 46 -54 8",
        "once",
    ),
    shape("M -54 22 Q -32 28 -30 56 Q -28 66 -36 70 Q -53 48 -54 22", "once", paint="trim"),
    seam("M -54 22 Q -32 28 -30 56 Q -28 66 -36 70", "once", tone=-34),
    shape("M 16 53 Q 4 74 8 99 Q 36 102 40 84 Q 42 68 16 53", "once", paint="trim"),
    seam("M 16 53 Q 4 74 8 99", "once", tone=-34),
    shape("M -57 -104 Q -36 -108 -15 -104 L -16 -78 Q -36 -74 -56 -78", "once", tone=3),
    *ribs(-54, -19, -103, -78, 13),
    seam("M -56 -78 Q -36 -74 -16 -78", "once", tone=-40),
    fold("M -56 -75 Q -36 -71 -16 -75", "once", width=4, tone=-22),
    fold("M -38 -70 Q -38 -10 -34 24", "once", tone=20, width=10),
    fold("M -14 12 Q -30 18 -40 14", "once", tone=-28, width=5),
    fold("M -12 20 Q -24 32 -32 32", "once", tone=-24, width=5),
)
SOCKS = (
    Sketch(
        marks=(
            *moved(_SOCK, 36, -8, tone=-10),
            fold("M -12 -90 Q -10 -20 -6 20 Q 0 40 24 56", "once", tone=-40, width=9),
            *moved(_SOCK, -6, 10),
        ),
        texture="knit",
    ),
)

_CUFF = (
    shape("M 0 14 Q 40 14 69 6 Q 73 26 69 50 Q 36 58 0 58", tone=4),
    *ribs(-62, 62, 15, 55, 34),
    seam("M 0 14 Q 40 14 69 6", "half", tone=-50),
    fold("M 0 11 Q 40 11 68 3", "half", width=7, tone=-44),
    fold("M 0 34 Q 36 34 60 28", "half", width=14, tone=18),
)
_DOME = (
    shape("M 0 -78 Q 34 -78 52 -44 Q 66 -16 66 20 L 0 24"),
    *(
        seam(f"M {x * 0.28:.1f} -76 Q {x} -46 {x * 1.22:.1f} 14", tone=-28)
        for x in (4, 12, 20, 28, 36, 44, 50)
    ),
    fold("M 16 -66 Q 30 -30 30 8", tone=22, width=14),
    fold("M 52 -36 Q 60 -10 60 10", tone=-24, width=9),
)
_POMPON = (
    shape("M 0 -118 Q 25 -118 25 -94 Q 25 -70 0 -70", paint="trim"),
    fold("M 18 -108 Q 25 -94 18 -78", tone=-24),
    fold("M -10 -108 Q -4 -112 4 -110", "once", tone=26, width=8),
    *(
        seam(f"M {x} {y} L {x * 1.25:.1f} {y + 5}", tone=-34)
        for x, y in ((3, -112), (9, -104), (16, -96), (5, -96), (12, -86), (4, -82), (19, -86))
    ),
)
BEANIES = (
    Sketch(marks=(*_DOME, *_CUFF, *_POMPON), texture="knit", zoom=1.1),
    Sketch(marks=(*_DOME, *_CUFF), texture="knit", zoom=1.14),
)

CAPS = (
    Sketch(
        marks=(
            shape("M 0 -66 Q 30 -66 48 -44 Q 64 -22 64 22 Q 30 14 0 14"),
            seam("M 0 -64 L 0 14", "once", tone=-36),
            seam("M 6 -65 Q 40 -40 45 15", tone=-36),
            fold("M 8 -60 Q 42 -38 47 14", tone=-18, width=5),
            fold("M 20 -48 Q 26 -20 24 6", tone=24, width=14),
            fold("M 58 -20 Q 62 0 62 16", tone=-28, width=8),
            shape("M 0 -71 Q 6 -71 6 -66 Q 4 -63 0 -63", paint="trim"),
            seam("M 18 -34 L 19 -32", tone=-80),
            shape("M 0 6 Q 40 6 65 22 Q 84 46 78 60 Q 70 64 62 56 Q 34 38 0 38", paint="trim"),
            seam("M 0 6 Q 40 6 65 22", "half", tone=-60),
            fold("M 0 4 Q 40 4 64 20", "half", tone=-34, width=5),
            *(
                seam(
                    f"M 0 {13 + 6 * n} Q {38 - n} {14 + 6 * n} {67 + 1.6 * n:.1f} {34 + 5 * n}",
                    "half",
                    tone=-24,
                )
                for n in range(4)
            ),
            fold("M 0 18 Q 34 18 60 34", "half", tone=18, width=10),
            fold("M 0 36 Q 34 36 66 56", "half", tone=-30, width=5),
        ),
        zoom=1.06,
    ),
)

BAGS = (
    Sketch(
        marks=(
            strap("M -26 -8 Q -26 -108 0 -108 Q 26 -108 26 -8", 5.5, "once", paint="trim"),
            fold("M -26 -8 Q -26 -108 0 -108 Q 26 -108 26 -8", "once", tone=-40, width=6),
            inside("M 0 -26 Q 40 -26 62 -28 L 60 -14 L 0 -10"),
            shape("M 0 -16 Q 40 -16 62 -26 Q 68 30 72 92 Q 72 102 62 102 Q 30 105 0 105"),
            seam("M 0 -9 Q 40 -9 62.5 -19", "half", tone=-30),
            seam("M 0 98 Q 34 98 71 94", "half", tone=-30),
            fold("M 58 -10 Q 50 30 58 90", tone=-24, width=9),
            fold("M 20 10 Q 24 50 22 90", tone=20, width=18),
            fold("M 0 102 L 66 98", "half", tone=-30, width=8),
            strap(
                "M -30 12 L -30 -20 Q -30 -92 0 -92 Q 30 -92 30 -20 L 30 12",
                5.5,
                "once",
                paint="trim",
            ),
            seam(
                "M -32.8 14 L -32.8 -20 Q -32.8 -95 0 -95 Q 32.8 -95 32.8 -20 L 32.8 14",
                "once",
                tone=-40,
            ),
            seam(
                "M -27.2 14 L -27.2 -20 Q -27.2 -89 0 -89 Q 27.2 -89 27.2 -20 L 27.2 14",
                "once",
                tone=-40,
            ),
            *button(30, 8, radius=1.8),
            *button(-30, 8, radius=1.8),
        ),
        texture="leather",
        stands=True,
        print_at=48,
    ),
    Sketch(
        marks=(
            strap("M -60 0 Q -66 -112 0 -112 Q 66 -112 60 0", 3.6, "once", paint="trim"),
            seam("M -62 0 Q -68 -114 0 -114 Q 68 -114 62 0", "once", tone=-30),
            shape("M 0 -18 L 62 -18 Q 72 -16 72 -6 L 74 66 Q 74 82 60 83 L 0 84"),
            fold("M 0 80 L 66 78", "half", tone=-34, width=8),
            fold("M 66 0 L 68 70", tone=-26, width=8),
            shape("M 0 -22 L 62 -22 Q 74 -22 74 -10 Q 74 34 44 40 L 0 42", tone=8),
            seam("M 74 -10 Q 74 34 44 40 L 0 42", "half", tone=-56),
            seam("M 70.5 -10 Q 70 31 43 36.5 L 0 38.5", "half", tone=-26),
            fold("M 75 -6 Q 76 38 44 44 L 0 46", "half", tone=-46, width=6),
            fold("M 0 -4 L 50 -4", "half", tone=22, width=14),
            shape("M 0 34 L 9 34 L 9 52 L 0 52", paint="light", tone=-20),
            seam("M 0 34 L 9 34 L 9 52 L 0 52", "half", tone=-50),
            seam("M -3 43 L 3 43", "once", tone=-70),
            *button(58, -8, radius=2.6),
            *button(-58, -8, radius=2.6),
        ),
        texture="leather",
        stands=True,
        print_at=12,
    ),
)
