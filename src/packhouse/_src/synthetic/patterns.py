"""Patterns of cloth: masks that say where the second colour is, 0 (nowhere) to 255."""

# ruff: noqa: PLR2004  # the numbers are tuned by eye

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageDraw

_FINE = 4
"""Patterns are drawn this many times larger and averaged down, so that edges are smooth."""


def pattern_mask(pattern: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Draw a pattern for a garment.

    Args:
        pattern: Name of a graphical appearance that is drawn in two colours.
        size: Width and height of the garment, pixels.
        rng: Decides widths, distances and shapes.

    Returns:
        L, of that size.
    """
    if pattern == "Front print":
        return _front_print(size, rng)
    if pattern == "Colour blocking":
        return _block(size, rng)
    tile = {"Stripe": _stripes, "Check": _checks, "Dot": _dots, "All over pattern": _motifs}[pattern](rng)
    small = np.asarray(tile.reduce(_FINE))
    repeats = (-(-size[1] // small.shape[0]), -(-size[0] // small.shape[1]))
    return Image.fromarray(np.ascontiguousarray(np.tile(small, repeats)[: size[1], : size[0]]))


def _sheet(side: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    sheet = Image.new("L", (side * _FINE, side * _FINE))
    return sheet, ImageDraw.Draw(sheet)


def _stripes(rng: random.Random) -> Image.Image:
    sheet, pen = _sheet(rng.choice((14, 20, 28, 40)))
    pen.rectangle((0, 0, sheet.width, round(sheet.height * rng.uniform(0.28, 0.42))), fill=255)
    return sheet.transpose(Image.Transpose.ROTATE_90) if rng.random() < 0.25 else sheet


def _checks(rng: random.Random) -> Image.Image:
    side = rng.choice((22, 34, 48))
    rows, pen = _sheet(side)
    pen.rectangle((0, 0, side * _FINE, side * _FINE * 2 // 5), fill=90)
    pen.rectangle((0, side * 3, side * _FINE, side * 3 + 6), fill=140)
    sheet = np.asarray(rows).astype(np.uint16)
    return Image.fromarray(np.minimum(255, sheet + sheet.T).astype(np.uint8))


def _dots(rng: random.Random) -> Image.Image:
    sheet, pen = _sheet(rng.choice((16, 22, 30)))
    end, radius = sheet.width, sheet.width * rng.uniform(0.14, 0.2)
    for x, y in ((0, 0), (0, end), (end, 0), (end, end), (end / 2, end / 2)):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return sheet


def _motifs(rng: random.Random) -> Image.Image:
    """Draw flowers or stars, two in a tile."""
    sheet, pen = _sheet(rng.choice((36, 44, 56)))
    draw = rng.choice((_flower, _star))
    for place, share in ((0.27, 0.22), (0.76, 0.16)):
        middle = sheet.width * place
        draw(pen, (middle, middle), sheet.width * share, rng.uniform(0, 6))
    return sheet


def _front_print(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Draw one large motif on the chest, with a bar below."""
    side = size[0] * 2 // 5
    sheet, pen = _sheet(side)
    end = sheet.width
    draw = rng.choice((_flower, _star))
    draw(pen, (end / 2, end * 0.4), end * 0.38, -math.pi / 2)
    pen.rectangle((end * 0.15, end * 0.86, end * 0.85, end * 0.94), fill=255)
    mask = Image.new("L", size)
    mask.paste(sheet.reduce(_FINE), ((size[0] - side) // 2, round(size[1] * 0.3)))
    return mask


def _block(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Fill the lower part, or a broad band."""
    mask = Image.new("L", size)
    top = round(size[1] * rng.uniform(0.5, 0.6))
    bottom = rng.choice((size[1], top + round(size[1] * 0.12)))
    mask.paste(255, (0, top, size[0], bottom))
    return mask


Point = tuple[float, float]


def _flower(pen: ImageDraw.ImageDraw, middle: Point, radius: float, turn: float) -> None:
    for petal in range(5):
        angle = turn + petal * math.tau / 5
        x, y = middle[0] + 0.6 * radius * math.cos(angle), middle[1] + 0.6 * radius * math.sin(angle)
        pen.circle((x, y), radius * 0.38, fill=255)
    pen.circle(middle, radius * 0.25, fill=60)


def _star(pen: ImageDraw.ImageDraw, middle: Point, radius: float, turn: float) -> None:
    angles = [turn + corner * math.tau / 10 for corner in range(10)]
    far = [radius, radius * 0.42] * 5
    x, y = middle
    pen.polygon(
        [(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(far, angles, strict=True)], fill=255
    )
