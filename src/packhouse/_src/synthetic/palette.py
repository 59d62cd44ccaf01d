"""The colours of the sample: code and names as articles.csv spells them, and the RGB they are drawn in."""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour group of the retailer."""

    code: str
    """Two digits; a leading zero is part of it."""

    name: str
    rgb: Rgb
    """What a garment of this colour is drawn in, sRGB."""

    value: tuple[int, str]
    """Number and name of the perceived value: how light or dusty it is."""

    master: tuple[int, str]
    """Number and name of the perceived colour family."""

    weight: float
    """Share of the articles, up to a common factor."""


_DUSTY_LIGHT = (1, "Dusty Light")
_DUSTY = (2, "Medium Dusty")
_LIGHT = (3, "Light")
_DARK = (4, "Dark")
_BRIGHT = (5, "Bright")
_MEDIUM = (7, "Medium")

_BLUE = (2, "Blue")
_ORANGE = (3, "Orange")
_PINK = (4, "Pink")
_BLACK = (5, "Black")
_LILAC = (6, "Lilac Purple")
_TURQUOISE = (7, "Turquoise")
_YELLOW = (8, "Yellow")
_WHITE = (9, "White")
_BEIGE = (11, "Beige")
_GREY = (12, "Grey")
_BROWN = (13, "Brown")
_RED = (18, "Red")
_GREEN = (19, "Green")
_KHAKI = (20, "Khaki green")

COLOURS = (
    Colour("06", "Light Grey", (188, 190, 194), _DUSTY_LIGHT, _GREY, 3),
    Colour("07", "Grey", (142, 144, 149), _DUSTY, _GREY, 4),
    Colour("08", "Dark Grey", (84, 87, 93), _DARK, _GREY, 3),
    Colour("09", "Black", (36, 36, 40), _DARK, _BLACK, 14),
    Colour("10", "White", (238, 238, 237), _LIGHT, _WHITE, 9),
    Colour("11", "Off White", (231, 224, 208), _DUSTY_LIGHT, _WHITE, 4),
    Colour("12", "Light Beige", (221, 203, 177), _DUSTY_LIGHT, _BEIGE, 4),
    Colour("13", "Beige", (200, 174, 140), _DUSTY, _BEIGE, 4),
    Colour("14", "Dark Beige", (168, 136, 101), _DUSTY, _BEIGE, 2),
    Colour("17", "Yellowish Brown", (146, 96, 52), _DARK, _BROWN, 3),
    Colour("19", "Greenish Khaki", (112, 112, 76), _DUSTY, _KHAKI, 3),
    Colour("21", "Light Yellow", (244, 226, 150), _LIGHT, _YELLOW, 1.5),
    Colour("22", "Yellow", (240, 198, 62), _BRIGHT, _YELLOW, 2),
    Colour("23", "Dark Yellow", (206, 152, 42), _MEDIUM, _YELLOW, 2),
    Colour("31", "Light Orange", (244, 182, 138), _LIGHT, _ORANGE, 1.5),
    Colour("32", "Orange", (228, 120, 52), _BRIGHT, _ORANGE, 2),
    Colour("42", "Red", (198, 44, 50), _BRIGHT, _RED, 4),
    Colour("43", "Dark Red", (124, 32, 46), _DARK, _RED, 2.5),
    Colour("51", "Light Pink", (240, 200, 203), _DUSTY_LIGHT, _PINK, 4),
    Colour("52", "Pink", (232, 146, 164), _MEDIUM, _PINK, 3),
    Colour("53", "Dark Pink", (196, 74, 114), _BRIGHT, _PINK, 2),
    Colour("61", "Light Purple", (194, 176, 214), _LIGHT, _LILAC, 2),
    Colour("62", "Purple", (124, 86, 154), _MEDIUM, _LILAC, 1.5),
    Colour("71", "Light Blue", (164, 196, 224), _DUSTY_LIGHT, _BLUE, 5),
    Colour("72", "Blue", (64, 112, 180), _MEDIUM, _BLUE, 5),
    Colour("73", "Dark Blue", (38, 52, 90), _DARK, _BLUE, 8),
    Colour("81", "Light Turquoise", (152, 212, 206), _LIGHT, _TURQUOISE, 1.5),
    Colour("82", "Turquoise", (46, 152, 156), _BRIGHT, _TURQUOISE, 2),
    Colour("91", "Light Green", (176, 206, 166), _DUSTY_LIGHT, _GREEN, 2),
    Colour("92", "Green", (66, 142, 94), _MEDIUM, _GREEN, 2.5),
    Colour("93", "Dark Green", (38, 78, 62), _DARK, _GREEN, 3),
)

BY_CODE = {colour.code: colour for colour in COLOURS}


def lightness(rgb: Rgb) -> float:
    """Return how light a colour looks, 0 (black) to 1 (white).

    Source: ITU-R BT.601, the weights of red, green and blue in luma.
    """
    red, green, blue = rgb
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Return `first` with a share (0..1) of `second` stirred in."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
