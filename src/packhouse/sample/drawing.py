"""One picture: the garment of an article, drawn, shaded and photographed before a wall.

All that is sharp (outlines, seams) is drawn three times larger and averaged down; all that is soft
(light, folds, shadows, the wall) is computed three times smaller and scaled up.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from packhouse.sample.articles import Article
from packhouse.sample.backdrops import backdrop
from packhouse.sample.palette import Rgb, lightness, mixed
from packhouse.sample.patterns import accent, cloth, front_print
from packhouse.sample.sketches import Mark, Paint, Points, Sketch, lines_of
from packhouse.sample.surfaces import SHRINK, Surfaces, window

WIDTHS = (380, 430)
HEIGHTS = (560, 640)
"""Smallest and largest picture, pixels, both included."""

QUALITIES = (85, 90)

_FINE = 3
"""Sharp things are drawn this many times larger."""

_NEUTRAL = 128
_CANVAS = 160
"""Half the height of the sheet that has to fit into a picture, units."""

Rng = np.random.Generator
Layers = dict[str, Image.Image]


@dataclass(frozen=True, slots=True)
class Fit:
    """How the sheet of a sketch lies in the picture: stretched, flared, turned, scaled, shifted."""

    stretch: tuple[float, float]
    flare: float
    turn: float
    """Radians."""

    scale: float
    """Pixels per unit."""

    centre: tuple[float, float]
    """Where the sheet's middle comes to lie: x, y in pixels."""

    def place(self, points: Points, zoom: float) -> list[float]:
        """Return x, y, x, y, ... in pixels of a picture `zoom` times as large."""
        x = points[:, 0] * self.stretch[0] * (1 + self.flare * points[:, 1] / 100)
        y = points[:, 1] * self.stretch[1]
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        scale = self.scale * zoom
        left, top = self.centre[0] * zoom, self.centre[1] * zoom
        placed = np.stack([left + scale * (x * cos - y * sin), top + scale * (x * sin + y * cos)], axis=1)
        flat: list[float] = placed.ravel().tolist()
        return flat


def draw_jpeg(article: Article, seed: int, surfaces: Surfaces) -> bytes:
    """Draw an article and compress it: a pure function of seed and article.

    Args:
        article: What to draw.
        seed: Not negative.
        surfaces: Those of the same seed.

    Returns:
        A JPEG file, RGB, WIDTHS x HEIGHTS.
    """
    rng = np.random.default_rng([seed, int(article.article_id)])
    picture = draw(article, surfaces, rng)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(rng.integers(QUALITIES[0], QUALITIES[1] + 1)))
    return file.getvalue()


def draw(article: Article, surfaces: Surfaces, rng: Rng) -> Image.Image:
    """Draw an article.

    Args:
        article: What to draw.
        surfaces: Noise.
        rng: Decides everything the article leaves open.

    Returns:
        RGB, width in WIDTHS, height in HEIGHTS.
    """
    width = int(rng.integers(WIDTHS[0], WIDTHS[1] + 1))
    height = int(rng.integers(HEIGHTS[0], HEIGHTS[1] + 1))
    size = (height, width)
    sketches = article.kind.sketches
    sketch = sketches[int(rng.integers(len(sketches)))]
    fit = _fit(sketch, size, rng)
    layers = _paint(sketch, fit, size)
    rgb = article.colour.rgb

    shade = _shade(sketch, fit, layers, surfaces, rng)
    shade += _texture(article, sketch, size, surfaces, rng)
    flat = _colours(article, sketch, fit, layers, rng)
    lit = _lit(flat, shade, rgb)

    wall = backdrop(layers["outline"], rgb, stands=sketch.stands, rng=rng)
    picture = Image.composite(Image.fromarray(lit), wall, layers["outline"])
    grain = window(surfaces.grains[int(rng.integers(len(surfaces.grains)))], size, rng)
    return _grained(picture, grain)


def _fit(sketch: Sketch, size: tuple[int, int], rng: Rng) -> Fit:
    height, width = size
    scale = min(width / 200, height / 300) * rng.uniform(0.9, 0.98)
    if sketch.stands:
        scale *= rng.uniform(0.92, 1)
        stretch, flare, turn = (
            (rng.uniform(0.97, 1.03), rng.uniform(0.94, 1.06)),
            0.0,
            rng.normal(0, 0.008),
        )
    else:
        stretch = (rng.uniform(0.92, 1.02), rng.uniform(0.92, 1.04))
        flare, turn = rng.uniform(-0.05, 0.06), rng.normal(0, 0.018)
    down = 0.56 if sketch.stands else 0.5
    centre = (width * (0.5 + rng.normal(0, 0.008)), height * (down + rng.normal(0, 0.008)))
    return Fit(stretch=stretch, flare=flare, turn=float(turn), scale=scale, centre=centre)


def _paint(sketch: Sketch, fit: Fit, size: tuple[int, int]) -> Layers:
    """Draw all marks: who covers what (outline, trim, light), sharp shading (detail), soft shading (folds)."""
    height, width = size
    large = (width * _FINE, height * _FINE)
    small = (-(-width // SHRINK), -(-height // SHRINK))
    layers = {"outline": Image.new("L", large, 0), "detail": Image.new("L", large, _NEUTRAL)}
    for mark in sketch.marks:
        if mark.paint in {"trim", "light"} and mark.paint not in layers:
            layers[mark.paint] = Image.new("L", large, 0)
    layers["folds"] = Image.new("L", small, _NEUTRAL)
    pens = {name: ImageDraw.Draw(layer) for name, layer in layers.items()}
    for mark in sketch.marks:
        for points in lines_of(mark):
            _draw_mark(mark, points, fit, pens)
    reduced = {name: layer.reduce(_FINE) for name, layer in layers.items() if name != "folds"}
    reduced["folds"] = layers["folds"].filter(ImageFilter.GaussianBlur(1.7))
    return reduced


def _draw_mark(mark: Mark, points: Points, fit: Fit, pens: dict[str, ImageDraw.ImageDraw]) -> None:
    low = fit.place(points, 1 / SHRINK)
    thick = mark.width * fit.scale
    if mark.soft:
        pens["folds"].line(low, fill=_NEUTRAL + mark.tone, width=max(1, round(thick / SHRINK)), joint="curve")
        return
    fine = fit.place(points, _FINE)
    if mark.paint is None:
        pens["detail"].line(
            fine, fill=_NEUTRAL + mark.tone, width=max(2, round(thick * _FINE)), joint="curve"
        )
        return
    inks = {"outline": 255, "detail": _NEUTRAL + mark.tone, **_covers(mark.paint, pens)}
    for name, ink in inks.items():
        if mark.width:
            pens[name].line(fine, fill=ink, width=round(thick * _FINE), joint="curve")
        else:
            pens[name].polygon(fine, fill=ink)
    if not mark.width:
        pens["folds"].polygon(low, fill=_NEUTRAL)


def _covers(paint: Paint, pens: dict[str, ImageDraw.ImageDraw]) -> dict[str, int]:
    return {name: 255 * (name == paint) for name in ("trim", "light") if name in pens}


def _shade(sketch: Sketch, fit: Fit, layers: Layers, surfaces: Surfaces, rng: Rng) -> npt.NDArray[np.int16]:
    """Return the light on the garment, 128 where it shows its own colour."""
    outline = layers["outline"]
    folds = layers["folds"]
    small = outline.resize(folds.size, Image.Resampling.BOX)
    broad = _floats(small.filter(ImageFilter.GaussianBlur(9))) / 255
    narrow = _floats(small.filter(ImageFilter.GaussianBlur(2.5))) / 255
    height, width = broad.shape
    creases = window(surfaces.creases[int(rng.integers(len(surfaces.creases)))], (height, width), rng)
    light = np.float32(rng.uniform(0.75, 1.25))
    # The blurred outline is a cushion; light from the upper left falls on its slopes.
    shade = np.full((height, width), 131, np.float32)
    for cushion, strength in ((broad, 420), (narrow, 62)):
        down, right = _slopes(cushion)
        shade += (right * (0.8 * strength) + down * (0.6 * strength)) * light
    shade -= 34 * (1 - np.minimum(1, broad * 1.25))
    shade += creases * _CREASED[sketch.texture] * np.float32(rng.uniform(0.6, 1.3))
    shade += _floats(folds) - _NEUTRAL
    smooth = Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8))
    large = smooth.resize(outline.size, Image.Resampling.BICUBIC)
    detail = np.asarray(layers["detail"]).astype(np.int16) - _NEUTRAL
    detail += np.asarray(large)
    return detail


_CREASED = {"weave": 7.0, "knit": 4.0, "leather": 3.0}


def _floats(layer: Image.Image) -> npt.NDArray[np.float32]:
    return np.asarray(layer, dtype=np.float32)


def _slopes(
    height: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    down, right = np.zeros_like(height), np.zeros_like(height)
    down[1:-1] = (height[2:] - height[:-2]) / 2
    right[:, 1:-1] = (height[:, 2:] - height[:, :-2]) / 2
    return down, right


def _texture(
    article: Article, sketch: Sketch, size: tuple[int, int], surfaces: Surfaces, rng: Rng
) -> npt.NDArray[np.int16]:
    name: str = sketch.texture
    if article.pattern == "Melange":
        name = "heather"
    elif article.kind.name == "Trousers" and article.colour.master[1] == "Blue":
        name = "denim"
    return window(surfaces.textures[name], size, rng)


def _colours(article: Article, sketch: Sketch, fit: Fit, layers: Layers, rng: Rng) -> npt.NDArray[np.uint8]:
    """Return the flat colours of the garment, before light falls on it."""
    rgb = article.colour.rgb
    width, height = layers["outline"].size
    flat = cloth(article.pattern, rgb, (height, width), rng)
    if not ({"trim", "light"} & layers.keys() or article.pattern == "Front print"):
        return flat
    sheet = Image.fromarray(flat)
    if article.pattern == "Front print":
        side = round(fit.scale * rng.uniform(50, 64))
        motif = front_print(rgb, side, rng)
        x, y = fit.place(np.array([[0.0, sketch.print_at]]), 1)
        sheet.paste(motif, (round(x - side / 2), round(y - side / 2)), motif)
    for paint, ink in (("trim", _trim(rgb, article.pattern, rng)), ("light", _bright(rgb))):
        if paint in layers:
            sheet.paste(ink, (0, 0), layers[paint])
    return np.asarray(sheet)


def _trim(rgb: Rgb, pattern: str, rng: Rng) -> Rgb:
    """Return the colour of buttons, heels and handles: near the cloth's, or a contrast."""
    if pattern == "Colour blocking" or rng.random() < 0.35:
        return accent(rgb, rng)
    return mixed(rgb, (30, 26, 28) if lightness(rgb) > 0.4 else (220, 214, 206), 0.3)


def _bright(rgb: Rgb) -> Rgb:
    """Return the colour of laces, labels and soles."""
    return (240, 239, 234) if lightness(rgb) < 0.85 else (214, 208, 198)


def _lit(flat: npt.NDArray[np.uint8], shade: npt.NDArray[np.int16], rgb: Rgb) -> npt.NDArray[np.uint8]:
    """Let light fall on the colours: shadows multiply, and dark cloth shines a little where it is bright."""
    factor = np.clip(shade, 24, 232).astype(np.uint16)[..., None]
    lit = (flat * factor) >> 7
    if lightness(rgb) < 0.35:
        lit += np.maximum(factor, 100) - 100 >> 2
        lit -= np.minimum(lit, 7)
    return np.minimum(lit, 255).astype(np.uint8)


def _grained(picture: Image.Image, grain: npt.NDArray[np.uint8]) -> Image.Image:
    noisy = np.asarray(picture).astype(np.int16)
    noisy += grain
    noisy -= _NEUTRAL
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
