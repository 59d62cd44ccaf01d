"""Cloth as the camera sees it flat: one colour, stripes, checks, dots, prints; drawn as tiles that repeat."""

# ruff: noqa: PLR2004  # the numbers are what a designer tunes by eye

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from packhouse._src.synthetic.palette import Rgb, lightness, mixed

Rng = np.random.Generator

_FINE = 4
"""Tiles are drawn this many times larger and averaged down, so that edges are smooth."""

_LIGHT, _DARK = (244, 242, 236), (34, 36, 44)
_ACCENTS: tuple[Rgb, ...] = (
    (222, 84, 72),
    (238, 186, 74),
    (58, 96, 152),
    (70, 138, 110),
    (226, 152, 168),
    (236, 226, 204),
)


def accent(rgb: Rgb, rng: Rng) -> Rgb:
    """Return a second colour that stands out from the first."""
    if rng.random() < 0.55:
        return _DARK if lightness(rgb) > 0.6 else _LIGHT
    far = [one for one in _ACCENTS if sum(abs(a - b) for a, b in zip(one, rgb, strict=True)) > 150]
    return far[int(rng.integers(len(far)))]


def cloth(pattern: str, rgb: Rgb, size: tuple[int, int], rng: Rng) -> Image.Image | None:
    """Draw flat cloth of a pattern, mostly in one colour.

    Args:
        pattern: Name of the graphical appearance.
        rgb: The leading colour.
        size: Height and width, pixels.
        rng: Decides the second colour, sizes and places.

    Returns:
        RGB, width x height; None for cloth of that one colour and no other.
    """
    if pattern == "Colour blocking":
        return _blocks(rgb, size, rng)
    draw = _TILES.get(pattern)
    return _repeated(draw(rgb, accent(rgb, rng), rng), size, rng) if draw else None


def _sheet(size: int, rgb: Rgb) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("RGB", (size * _FINE, size * _FINE), rgb)
    return sheet, ImageDraw.Draw(sheet)


def _repeated(tile: Image.Image, size: tuple[int, int], rng: Rng) -> Image.Image:
    """Fill the size with the tile, bent a little, as cloth never hangs straight."""
    # With a fourth byte a pixel is one number, which NumPy gathers three times faster than three.
    small = np.asarray(tile.reduce(_FINE).convert("RGBX")).view(np.uint32)[..., 0]
    height, width = size
    y, x = np.arange(height), np.arange(width)
    sag = rng.uniform(-5, 9) * np.cos((x / width - 0.5) * np.pi)
    sway = 2.2 * np.sin(y / rng.uniform(45, 90) + rng.uniform(0, 6))
    rows = (y[:, None] + np.rint(sag).astype(np.intp)[None, :]) % small.shape[0]
    columns = (x[None, :] + np.rint(sway).astype(np.intp)[:, None]) % small.shape[1]
    pixels = small[rows, columns].view(np.uint8).reshape(height, width, 4)
    return Image.frombuffer("RGBX", (width, height), pixels.tobytes()).convert("RGB")


def _stripes(rgb: Rgb, second: Rgb, rng: Rng) -> Image.Image:
    period = int(rng.choice([14, 20, 28, 40, 56]))
    share = rng.uniform(0.22, 0.42) if period > 20 else rng.uniform(0.2, 0.32)
    sheet, pen = _sheet(period, rgb)
    end = period * _FINE
    pen.rectangle((0, 0, end, round(end * share)), fill=second)
    if period >= 40:
        middle = round(end * (share + (1 - share) / 2))
        third = mixed(second, accent(rgb, rng), 0.8)
        pen.rectangle((0, middle - 3 * _FINE, end, middle + _FINE), fill=third)
    upright = period < 40 and rng.random() < 0.3
    return sheet.transpose(Image.Transpose.ROTATE_90) if upright else sheet


def _checks(rgb: Rgb, second: Rgb, rng: Rng) -> Image.Image:
    period = int(rng.choice([18, 26, 44, 60]))
    sheet, _ = _sheet(period, rgb)
    end = period * _FINE
    bands = Image.new("L", sheet.size, 0)
    pen = ImageDraw.Draw(bands)
    broad = round(end * (0.42 if period < 30 else 0.34))
    pen.rectangle((0, 0, end, broad), fill=120)
    across = bands.transpose(Image.Transpose.ROTATE_90)
    sheet.paste(Image.new("RGB", sheet.size, second), mask=bands)
    sheet.paste(Image.new("RGB", sheet.size, second), mask=across)
    if period >= 30:
        fine = Image.new("L", sheet.size, 0)
        pen = ImageDraw.Draw(fine)
        at = round(end * 0.66)
        pen.rectangle((0, at, end, at + 2 * _FINE), fill=190)
        pen.rectangle((at, 0, at + 2 * _FINE, end), fill=190)
        sheet.paste(Image.new("RGB", sheet.size, accent(rgb, rng)), mask=fine)
    return sheet


def _dots(rgb: Rgb, second: Rgb, rng: Rng) -> Image.Image:
    period = int(rng.choice([14, 20, 30, 42]))
    sheet, pen = _sheet(period, rgb)
    end = period * _FINE
    radius = end * rng.uniform(0.13, 0.19)
    places = [(0, 0), (0, end), (end, 0), (end, end), (end / 2, end / 2)]
    for x, y in places:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=second)
    return sheet


def _all_over(rgb: Rgb, second: Rgb, rng: Rng) -> Image.Image:
    period = int(rng.choice([72, 96, 120]))
    sheet, pen = _sheet(period, rgb)
    end = period * _FINE
    motif = _MOTIFS[int(rng.integers(len(_MOTIFS)))]
    inks = (second, mixed(rgb, second, 0.55), accent(rgb, rng))
    cells = 4
    step = end / cells
    for row in range(cells):
        for column in range(cells):
            x = (column + 0.5 * (row % 2) + rng.uniform(-0.16, 0.16)) * step
            y = (row + 0.5 + rng.uniform(-0.16, 0.16)) * step
            turn, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.46) * step
            ink = inks[int(rng.choice(3, p=[0.55, 0.25, 0.2]))]
            for dx in (-end, 0, end):
                for dy in (-end, 0, end):
                    motif(pen, (x + dx, y + dy, scale, turn), ink, inks[2])
    return sheet


Place = tuple[float, float, float, float]
"""x, y and radius in pixels of the fine tile, turn in radians."""


def _outline(place: Place, radii: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return the closed outline whose distance from the middle is given for evenly spaced angles."""
    x, y, scale, turn = place
    angles = turn + np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    xs, ys = x + scale * radii * np.cos(angles), y + scale * radii * np.sin(angles)
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def _blob(pen: ImageDraw.ImageDraw, place: Place, radii: npt.NDArray[np.float64], ink: Rgb) -> None:
    pen.polygon(_outline(place, radii), fill=ink)


_ROUND = np.linspace(0, 2 * np.pi, 40, endpoint=False)


def _flower(pen: ImageDraw.ImageDraw, place: Place, ink: Rgb, heart: Rgb) -> None:
    _blob(pen, place, 0.68 + 0.32 * np.cos(5 * _ROUND), ink)
    _blob(pen, place, np.full(20, 0.26), heart if heart != ink else _LIGHT)


def _leaf(pen: ImageDraw.ImageDraw, place: Place, ink: Rgb, _heart: Rgb) -> None:
    _blob(pen, place, 0.16 + np.abs(np.cos(_ROUND)) ** 2.4 * 1.0, ink)


def _spot(pen: ImageDraw.ImageDraw, place: Place, ink: Rgb, heart: Rgb) -> None:
    """A leopard's ring with a warm middle, open on two sides."""
    _blob(pen, place, 0.82 + 0.16 * np.cos(3 * _ROUND), ink)
    _blob(pen, place, 0.46 + 0.34 * np.cos(2 * _ROUND) ** 2, heart)


def _star(pen: ImageDraw.ImageDraw, place: Place, ink: Rgb, _heart: Rgb) -> None:
    _blob(pen, place, np.array([1, 0.42] * 5), ink)


def _brush(pen: ImageDraw.ImageDraw, place: Place, ink: Rgb, _heart: Rgb) -> None:
    _blob(pen, place, 0.24 + 0.9 * np.abs(np.cos(_ROUND)) ** 5 + 0.06 * np.sin(9 * _ROUND), ink)


_MOTIFS = (_flower, _flower, _leaf, _spot, _star, _brush)


def _blocks(rgb: Rgb, size: tuple[int, int], rng: Rng) -> Image.Image:
    """Lay fields of cloth side by side: the leading colour keeps the middle."""
    height, width = size
    sheet = Image.new("RGB", (width, height), rgb)
    pen = ImageDraw.Draw(sheet)
    first, second = accent(rgb, rng), accent(rgb, rng)
    if rng.random() < 0.6:
        top, bottom = height * rng.uniform(0.24, 0.36), height * rng.uniform(0.64, 0.74)
        pen.rectangle((0, 0, width, top), fill=first)
        pen.rectangle((0, bottom, width, height), fill=second)
    else:
        edge = width * rng.uniform(0.55, 0.62)
        lean = width * rng.uniform(-0.12, 0.12)
        pen.polygon([(edge + lean, 0), (width, 0), (width, height), (edge - lean, height)], fill=first)
    return sheet


_TILES: dict[str, Callable[[Rgb, Rgb, Rng], Image.Image]] = {
    "Stripe": _stripes,
    "Check": _checks,
    "Dot": _dots,
    "All over pattern": _all_over,
}


def front_print(rgb: Rgb, side: int, rng: Rng) -> Image.Image:
    """Draw a print for the front of a garment.

    Args:
        rgb: Colour of the cloth, which the print must stand out from.
        side: Height and width, pixels.
        rng: Decides motif and colours.

    Returns:
        RGBA of side x side pixels, transparent where the cloth shows.
    """
    big = side * _FINE
    sheet = Image.new("RGBA", (big, big), (*rgb, 0))
    pen = ImageDraw.Draw(sheet)
    first, second = accent(rgb, rng), accent(rgb, rng)
    if second == first:
        second = mixed(first, rgb, 0.4)
    picture = _PRINTS[int(rng.integers(len(_PRINTS)))]
    picture(pen, big, first, second)
    _letters(pen, big, first, rng)
    return sheet.reduce(_FINE)


def _sunset(pen: ImageDraw.ImageDraw, side: int, first: Rgb, second: Rgb) -> None:
    s = side / 100
    pen.ellipse((22 * s, 4 * s, 78 * s, 60 * s), fill=second)
    pen.polygon(
        [(8 * s, 66 * s), (34 * s, 28 * s), (52 * s, 52 * s), (66 * s, 36 * s), (92 * s, 66 * s)],
        fill=first,
    )


def _starburst(pen: ImageDraw.ImageDraw, side: int, first: Rgb, second: Rgb) -> None:
    middle = (side * 0.5, side * 0.36)
    _blob(pen, (*middle, side * 0.35, -np.pi / 2), np.array([1, 0.42] * 5), first)
    _blob(pen, (*middle, side * 0.18, -np.pi / 2), np.array([1, 0.42] * 5), second)


def _heart(pen: ImageDraw.ImageDraw, side: int, first: Rgb, _second: Rgb) -> None:
    t = _ROUND
    xs = side * (0.5 + 0.021 * 16 * np.sin(t) ** 3)
    ys = side * (0.36 - 0.021 * (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)))
    pen.polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=first)


def _rainbow(pen: ImageDraw.ImageDraw, side: int, first: Rgb, second: Rgb) -> None:
    for step, ink in enumerate((first, second, mixed(first, second, 0.5), first)):
        radius = side * (0.44 - 0.085 * step)
        box = (side * 0.5 - radius, side * 0.6 - radius, side * 0.5 + radius, side * 0.6 + radius)
        pen.arc(box, 180, 360, fill=ink, width=round(side * 0.065))


def _rings(pen: ImageDraw.ImageDraw, side: int, first: Rgb, second: Rgb) -> None:
    for x, ink in ((0.36, first), (0.64, second)):
        radius = side * 0.25
        box = (side * x - radius, side * 0.36 - radius, side * x + radius, side * 0.36 + radius)
        pen.ellipse(box, outline=ink, width=round(side * 0.07))


_PRINTS = (_sunset, _starburst, _heart, _rainbow, _rings)

_STROKES = {
    "A": "0,4 0,1 1,0 2,1 2,4;0,2 2,2",
    "E": "2,0 0,0 0,4 2,4;0,2 2,2",
    "H": "0,0 0,4;2,0 2,4;0,2 2,2",
    "I": "1,0 1,4",
    "L": "0,0 0,4 2,4",
    "N": "0,4 0,0 2,4 2,0",
    "O": "0,0 2,0 2,4 0,4 0,0",
    "R": "0,4 0,0 2,0 2,2 0,2 2,4",
    "S": "2,0 0,0 0,2 2,2 2,4 0,4",
    "T": "0,0 2,0;1,0 1,4",
    "V": "0,0 1,4 2,0",
    "W": "0,0 0,4 1,2 2,4 2,0",
}
_WORDS = ("NORTH", "WAVES", "LATE", "SLOW", "EAST", "HELLO", "TRAVEL")


def _letters(pen: ImageDraw.ImageDraw, side: int, ink: Rgb, rng: Rng) -> None:
    """Write a word below the picture in strokes of our own: a font would have to be installed."""
    word = _WORDS[int(rng.integers(len(_WORDS)))]
    unit = side * 0.9 / (len(word) * 3.2)
    unit = min(unit, side * 0.055)
    left = side / 2 - unit * (len(word) * 3 - 1) / 2
    for number, letter in enumerate(word):
        for stroke in _STROKES[letter].split(";"):
            points = [
                (left + unit * (3 * number + float(x)), side * 0.74 + unit * float(y))
                for x, y in (pair.split(",") for pair in stroke.split())
            ]
            pen.line(points, fill=ink, width=round(unit * 0.55), joint="curve")
