"""One picture: the garment of an article in its colour and pattern, before a plain wall.

Sharp things (outlines, seams) are drawn twice as large and averaged down; soft ones (light, shadow) are
computed at an eighth of the size and scaled up. Light is added to the colours last, with the grain.
"""

# ruff: noqa: PLR2004  # the numbers are tuned by eye

from __future__ import annotations

import io
import math
import random
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from packhouse._src.synthetic.articles import Article
from packhouse._src.synthetic.catalogue import Rgb
from packhouse._src.synthetic.garments import GARMENTS, outlines
from packhouse._src.synthetic.patterns import pattern_mask

WIDTHS, HEIGHTS = (380, 430), (560, 640)
"""Smallest and largest picture, pixels, both included."""

_FINE, _COARSE = 2, 8
_MARGIN = 6
"""Pixels around a garment: more than half the width of its widest line."""

_NEUTRAL = 128
_LIGHTS = {"cloth": _NEUTRAL, "trim": _NEUTRAL, "inside": _NEUTRAL - 42, "line": _NEUTRAL - 34}
_WALLS = ((233, 232, 229), (228, 230, 233), (236, 231, 224))
_WALL_BEHIND_WHITE = (190, 193, 197)
_SECOND_COLOURS: tuple[Rgb, ...] = (
    (244, 242, 236),
    (34, 36, 44),
    (222, 84, 72),
    (238, 186, 74),
    (58, 96, 152),
    (70, 138, 110),
)


class Textures(NamedTuple):
    """Noise that all pictures of a seed share: each takes a piece from a random place."""

    grain: Image.Image
    """Of the camera; L, 128 in the middle."""

    fibres: Image.Image
    """Of mottled yarn; L, a share of the second colour."""


def make_textures(seed: int) -> Textures:
    """Make the noise of a seed: 0.1 s, 1 MB."""
    rng = np.random.default_rng([seed, 31])
    size = (800, 600)
    grain = rng.normal(_NEUTRAL, 3.1, size)
    fibres = Image.fromarray(np.clip(rng.normal(70, 90, (size[0], size[1] // 5)), 0, 255).astype(np.uint8))
    return Textures(
        grain=Image.fromarray(np.rint(grain).astype(np.uint8)),
        fibres=fibres.resize((size[1], size[0]), Image.Resampling.BILINEAR),
    )


def draw_jpeg(article: Article, seed: int, textures: Textures) -> bytes:
    """Draw an article and compress it: a pure function of seed and article.

    Args:
        article: What to draw.
        seed: Not negative.
        textures: Those of the same seed.

    Returns:
        A JPEG file, RGB, WIDTHS x HEIGHTS.
    """
    rng = random.Random(f"picture {seed} {article.article_id}")
    file = io.BytesIO()
    _draw(article, textures, rng).save(file, "JPEG", quality=rng.randint(85, 90))
    return file.getvalue()


def _draw(article: Article, textures: Textures, rng: random.Random) -> Image.Image:
    size = (rng.randint(*WIDTHS), rng.randint(*HEIGHTS))
    box, (outline, trim, detail) = _sketch(article.product_type.name, size, rng)
    rgb, white = article.colour.rgb, min(article.colour.rgb) > 200
    second = _second_colour(rgb, rng)
    cloth = Image.new("RGB", outline.size, rgb)
    if article.pattern == "Melange":
        cloth.paste(_mixed(rgb, second, 0.6), mask=_piece(textures.fibres, outline.size, rng))
    elif article.pattern != "Solid":
        cloth.paste(second, mask=pattern_mask(article.pattern, outline.size, rng))
    trimmed = trim.getbbox()
    if trimmed:
        cloth.paste(_mixed(rgb, second, 0.8), trimmed, trim.crop(trimmed))
    picture = Image.new("RGB", size, _WALL_BEHIND_WHITE if white else rng.choice(_WALLS))
    picture.paste(cloth, box, outline)

    on_cloth, light = _soft_light(outline, box, size, rng.uniform(0.12, 0.25))
    light.paste(ImageChops.add(on_cloth, detail, 1, -_NEUTRAL), box, outline)
    light = ImageChops.add(light, _piece(textures.grain, size, rng), 1, -_NEUTRAL)
    return ImageChops.add(picture, Image.merge("RGB", (light, light, light)), 1, -_NEUTRAL)


Box = tuple[int, int, int, int]


def _sketch(garment: str, size: tuple[int, int], rng: random.Random) -> tuple[Box, tuple[Image.Image, ...]]:
    """Draw a garment a little stretched, scaled and turned.

    Args:
        garment: Key of GARMENTS.
        size: Width and height of the picture, pixels.
        rng: Decides the place.

    Returns:
        The part of the picture that holds the garment, from a multiple of _COARSE on, and three layers of
        that size: where the garment is, where its trim is, and its light (all L).
    """
    turn, scale = rng.gauss(0, 0.018), min(size[0] / 200, size[1] / 300) * rng.uniform(0.88, 0.95)
    right, down = scale * rng.uniform(0.95, 1.04), scale * rng.uniform(0.92, 1.02)
    cos, sin = math.cos(turn), math.sin(turn)
    place = np.array([(right * cos, right * sin), (-down * sin, down * cos)])
    middle = (size[0] * rng.uniform(0.49, 0.51), size[1] * rng.uniform(0.49, 0.51))
    shapes = [(mark, one @ place + middle) for mark in GARMENTS[garment] for one in outlines(mark)]
    every = np.concatenate([points for _, points in shapes])
    low = np.maximum(0, (every.min(axis=0) - _MARGIN) // _COARSE * _COARSE)
    high = np.minimum(size, every.max(axis=0) + _MARGIN)
    left, top, width, height = (int(number) for number in (*low, *(high - low)))
    # three layers in one image: drawing and averaging down cost a third
    canvas = Image.new("RGB", (width * _FINE, height * _FINE), (0, 0, _NEUTRAL))
    pen = ImageDraw.Draw(canvas)
    for mark, points in shapes:
        ink = (255, 255 * (mark.paint == "trim"), _LIGHTS[mark.paint])
        fine = ((points - low) * _FINE).ravel().tolist()
        if mark.width:
            pen.line(fine, fill=ink, width=max(2, round(mark.width * scale * _FINE)), joint="curve")
        else:
            pen.polygon(fine, fill=ink)
    return (left, top, left + width, top + height), canvas.reduce(_FINE).split()


def _soft_light(
    outline: Image.Image, box: Box, size: tuple[int, int], depth: float
) -> tuple[Image.Image, Image.Image]:
    """Return the light on a garment, a cushion lit from the upper left, and on the wall behind it (L)."""
    small = Image.new("L", (-(-size[0] // _COARSE), -(-size[1] // _COARSE)))
    small.paste(outline.reduce(_COARSE), (box[0] // _COARSE, box[1] // _COARSE))
    cushion = small.filter(ImageFilter.GaussianBlur(3.5))
    slope = ImageChops.subtract(cushion, ImageChops.offset(cushion, 2, 2), 2.4, _NEUTRAL)
    shadow = ImageChops.offset(small.filter(ImageFilter.GaussianBlur(1.8)), 1, 1)
    on_wall = shadow.point([round(_NEUTRAL - depth * value) for value in range(256)])
    left, top, right, bottom = (edge / _COARSE for edge in box)
    soft = Image.Resampling.BILINEAR
    return slope.resize(outline.size, soft, (left, top, right, bottom)), on_wall.resize(size, soft)


def _piece(texture: Image.Image, size: tuple[int, int], rng: random.Random) -> Image.Image:
    left, top = rng.randint(0, texture.width - size[0]), rng.randint(0, texture.height - size[1])
    return texture.crop((left, top, left + size[0], top + size[1]))


def _second_colour(rgb: Rgb, rng: random.Random) -> Rgb:
    """Return a colour that stands out from the first: of patterns, buttons, soles."""
    return rng.choice([one for one in _SECOND_COLOURS if abs(_lightness(one) - _lightness(rgb)) > 70])


def _lightness(rgb: Rgb) -> float:
    """Return how light a colour looks, 0..255 (ITU-R BT.601)."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def _mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
