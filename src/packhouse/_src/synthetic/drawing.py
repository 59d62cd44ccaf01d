"""One picture: the garment of an article, drawn, shaded and photographed before a wall.

All that is sharp (outlines, seams) is drawn three times larger and averaged down; all that is soft
(light, folds, shadows, the wall) is computed three times smaller and scaled up.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from packhouse._src.synthetic.articles import Article
from packhouse._src.synthetic.backdrops import backdrop
from packhouse._src.synthetic.palette import Rgb, lightness, mixed
from packhouse._src.synthetic.patterns import accent, cloth, front_print
from packhouse._src.synthetic.sketches import Mark, Paint, Points, Sketch, corners_of, lines_of
from packhouse._src.synthetic.surfaces import SHRINK, Surfaces, window

WIDTHS = (380, 430)
HEIGHTS = (560, 640)
"""Smallest and largest picture, pixels, both included."""

QUALITIES = (85, 90)

_FINE = 3
"""Sharp things are drawn this many times larger."""

_NEUTRAL = 128
_MARGIN = 12

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

    def place(self, points: Points) -> Points:
        """Return points of the sheet as x, y in pixels."""
        cos, sin = self.scale * math.cos(self.turn), self.scale * math.sin(self.turn)
        x = points[:, 0] * (self.stretch[0] + self.stretch[0] * self.flare / 100 * points[:, 1])
        y = points[:, 1] * self.stretch[1]
        placed = np.empty_like(points)
        placed[:, 0] = self.centre[0] + cos * x - sin * y
        placed[:, 1] = self.centre[1] + sin * x + cos * y
        return placed


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
    box = _box(sketch, fit, size)
    inner = replace(fit, centre=(fit.centre[0] - box.left, fit.centre[1] - box.top))
    layers = _paint(sketch, inner, box)
    rgb = article.colour.rgb

    shade = _shade(sketch, layers, surfaces, rng)
    shade += window(surfaces.textures[_texture(article, sketch)], (box.height, box.width), rng)
    lit = _lit(_colours(article, sketch, inner, layers, rng), shade, rgb)
    small = Image.new("L", (-(-width // SHRINK), -(-height // SHRINK)))
    small.paste(layers["small"], (box.left // SHRINK, box.top // SHRINK))
    picture = backdrop(small, size, rgb, stands=sketch.stands, rng=rng)
    picture.paste(lit, (box.left, box.top), layers["outline"])
    grain = surfaces.grains[int(rng.integers(len(surfaces.grains)))]
    left, top = (int(rng.integers(a - b + 1)) for a, b in zip(grain.size, picture.size, strict=True))
    return ImageChops.add(picture, grain.crop((left, top, left + width, top + height)), 1, -_NEUTRAL)


@dataclass(frozen=True, slots=True)
class Box:
    """The part of the picture that holds the garment, pixels; all four are multiples of SHRINK."""

    left: int
    top: int
    width: int
    height: int


def _box(sketch: Sketch, fit: Fit, size: tuple[int, int]) -> Box:
    """Return where the garment lies, with a margin for its blurred edges: the rest need not be drawn."""
    corners = fit.place(corners_of(sketch))
    low = np.maximum(0, (corners.min(axis=0) - _MARGIN) // SHRINK)
    high = np.minimum((size[1], size[0]), corners.max(axis=0) + _MARGIN)
    left, top = (int(low[axis]) * SHRINK for axis in (0, 1))
    width, height = (
        -(-(int(high[axis]) - start) // SHRINK) * SHRINK for axis, start in ((0, left), (1, top))
    )
    return Box(left, top, width, height)


def _fit(sketch: Sketch, size: tuple[int, int], rng: Rng) -> Fit:
    height, width = size
    scale = min(width / 200, height / 300) * rng.uniform(0.91, 0.98) * sketch.zoom
    if sketch.stands:
        scale *= rng.uniform(0.92, 1)
        stretch, flare, turn = (
            (rng.uniform(0.97, 1.03), rng.uniform(0.94, 1.06)),
            0.0,
            rng.normal(0, 0.008),
        )
    else:
        stretch = (rng.uniform(0.96, 1.04), rng.uniform(0.88, 1.0))
        flare, turn = rng.uniform(-0.05, 0.06), rng.normal(0, 0.018)
    down = 0.56 if sketch.stands else 0.5
    centre = (width * (0.5 + rng.normal(0, 0.008)), height * (down + rng.normal(0, 0.008)))
    return Fit(stretch=stretch, flare=flare, turn=float(turn), scale=scale, centre=centre)


def _paint(sketch: Sketch, fit: Fit, box: Box) -> Layers:
    """Draw all marks: who covers what (outline, trim, light), sharp and soft shading (detail, folds)."""
    large = (box.width * _FINE, box.height * _FINE)
    small = (box.width // SHRINK, box.height // SHRINK)
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
    reduced["folds"] = layers["folds"].filter(ImageFilter.GaussianBlur(1.3))
    reduced["small"] = reduced["outline"].reduce(SHRINK)
    return reduced


def _draw_mark(mark: Mark, points: Points, fit: Fit, pens: dict[str, ImageDraw.ImageDraw]) -> None:
    placed = fit.place(points).ravel()
    thick = mark.width * fit.scale
    if mark.soft:
        low = (placed / SHRINK).tolist()
        pens["folds"].line(low, fill=_NEUTRAL + mark.tone, width=max(1, round(thick / SHRINK)))
        return
    fine = (placed * _FINE).tolist()
    if mark.paint is None:
        pens["detail"].line(fine, fill=_NEUTRAL + mark.tone, width=max(2, round(thick * _FINE)))
        return
    inks = {"outline": 255, "detail": _NEUTRAL + mark.tone, **_covers(mark.paint, pens)}
    for name, ink in inks.items():
        if mark.width:
            pens[name].line(fine, fill=ink, width=round(thick * _FINE), joint="curve")
        else:
            pens[name].polygon(fine, fill=ink)
    if not mark.width:
        pens["folds"].polygon((placed / SHRINK).tolist(), fill=_NEUTRAL)


def _covers(paint: Paint, pens: dict[str, ImageDraw.ImageDraw]) -> dict[str, int]:
    return {name: 255 * (name == paint) for name in ("trim", "light") if name in pens}


def _shade(sketch: Sketch, layers: Layers, surfaces: Surfaces, rng: Rng) -> npt.NDArray[np.int16]:
    """Return the light on the garment, 128 where it shows its own colour."""
    outline = layers["outline"]
    folds = layers["folds"]
    small = layers["small"]
    broad = _share(small.filter(ImageFilter.GaussianBlur(6.8)))
    narrow = _share(small.filter(ImageFilter.GaussianBlur(1.9)))
    height, width = broad.shape
    creases = window(surfaces.creases[int(rng.integers(len(surfaces.creases)))], (height, width), rng)
    light = np.float32(rng.uniform(0.75, 1.25))
    # The blurred outline is a cushion; light from the upper left falls on its slopes.
    shade = np.full((height, width), 131, np.float32)
    for cushion, strength in ((broad, 315), (narrow, 46)):
        down, right = _slopes(cushion)
        shade += (right * (0.8 * strength) + down * (0.6 * strength)) * light
    shade -= 34 * (1 - np.minimum(1, broad * 1.25))
    shade += creases * _CREASED[sketch.texture] * np.float32(rng.uniform(0.6, 1.3))
    shade += np.asarray(folds, dtype=np.float32) - _NEUTRAL
    smooth = Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8))
    large = smooth.resize(outline.size, Image.Resampling.BILINEAR)
    detail = np.asarray(layers["detail"]).astype(np.int16) - _NEUTRAL
    detail += np.asarray(large)
    return detail


_CREASED = {"weave": 5.5, "knit": 3.5, "leather": 2.5}


def _share(layer: Image.Image) -> npt.NDArray[np.float32]:
    """Return a layer as numbers from 0 to 1."""
    share: npt.NDArray[np.float32] = np.array(layer, dtype=np.float32)
    share /= 255
    return share


def _slopes(
    height: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    down, right = np.zeros_like(height), np.zeros_like(height)
    down[1:-1] = (height[2:] - height[:-2]) / 2
    right[:, 1:-1] = (height[:, 2:] - height[:, :-2]) / 2
    return down, right


def _texture(article: Article, sketch: Sketch) -> str:
    if article.pattern == "Melange":
        return "heather"
    if article.kind.name == "Trousers" and article.colour.master[1] == "Blue":
        return "denim"
    return sketch.texture


Cloth = list[tuple[Rgb | Image.Image, Image.Image | None]]
"""Colours laid over each other: one colour or a picture of cloth, and where it lies (None: everywhere)."""


def _colours(article: Article, sketch: Sketch, fit: Fit, layers: Layers, rng: Rng) -> Cloth:
    """Return the colours of the garment, before light falls on them."""
    rgb = article.colour.rgb
    width, height = layers["outline"].size
    colours: Cloth = [(cloth(article.pattern, rgb, (height, width), rng) or rgb, None)]
    if article.pattern == "Front print":
        side = round(fit.scale * rng.uniform(50, 64))
        motif = front_print(rgb, side, rng)
        x, y = fit.place(np.array([[0.0, sketch.print_at]]))[0] - side / 2
        sheet = Image.new("RGB", (width, height), rgb)
        sheet.paste(motif, (round(x), round(y)), motif)
        colours = [(sheet, None)]
    for paint, ink in (("trim", _trim(rgb, article.pattern, rng)), ("light", _bright(rgb))):
        if paint in layers:
            colours.append((ink, layers[paint]))
    return colours


def _trim(rgb: Rgb, pattern: str, rng: Rng) -> Rgb:
    """Return the colour of buttons, heels and handles: near the cloth's, or a contrast."""
    if pattern == "Colour blocking" or rng.random() < _CONTRAST:
        return accent(rgb, rng)
    return mixed(rgb, (220, 214, 206) if lightness(rgb) < _DARK else (30, 26, 28), 0.3)


_CONTRAST = 0.35
_DARK, _BRIGHT = 0.35, 0.85
"""Lightness below and above which things are drawn differently."""


def _bright(rgb: Rgb) -> Rgb:
    """Return the colour of laces, labels and soles."""
    return (240, 239, 234) if lightness(rgb) < _BRIGHT else (214, 208, 198)


def _lit(colours: Cloth, shade: npt.NDArray[np.int16], rgb: Rgb) -> Image.Image:
    """Let light fall on the colours: shadows multiply, and dark cloth shines a little where it is bright."""
    light = np.clip(shade, 24, 232).astype(np.uint8)
    levels = Image.fromarray(light)
    lit = Image.new("RGB", levels.size)
    for colour, mask in colours:
        if isinstance(colour, tuple):
            bands = [levels.point(_lit_table(value, dark=lightness(rgb) < _DARK)) for value in colour]
        else:
            # Plane by plane: NumPy is slow where the last axis has three elements.
            factor = light.astype(np.uint16)
            bands = [_lit_band(band, factor) for band in colour.split()]
        lit.paste(Image.merge("RGB", bands), (0, 0), mask)
    return lit


def _lit_table(value: int, *, dark: bool) -> list[int]:
    """Return what becomes of a value under every light, 0..255."""
    light = np.arange(256)
    shine = np.maximum(light, 100) - 128 >> 2 if dark else 0
    table: list[int] = np.clip((value * light >> 7) + shine, 0, 255).tolist()
    return table


def _lit_band(band: Image.Image, factor: npt.NDArray[np.uint16]) -> Image.Image:
    return Image.fromarray(np.minimum((np.asarray(band) * factor) >> 7, 255).astype(np.uint8))
