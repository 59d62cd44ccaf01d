"""What a garment is photographed before: a wall, or a wall and a floor, with its shadow on them."""

# ruff: noqa: PLR2004  # the numbers are what a photographer tunes by eye

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from packhouse._src.synthetic.palette import Rgb, lightness

Light = npt.NDArray[np.float32]

_WALLS: tuple[Rgb, ...] = (
    (236, 235, 233),
    (228, 229, 231),
    (238, 234, 227),
    (232, 226, 217),
    (222, 228, 232),
    (236, 228, 226),
    (224, 230, 222),
    (215, 214, 214),
)
_DEEP_WALLS: tuple[Rgb, ...] = (
    (190, 192, 196),
    (200, 190, 176),
    (176, 190, 200),
    (204, 182, 174),
    (178, 190, 176),
    (186, 182, 194),
)
"""For light garments, which would be lost before a light wall."""


def backdrop(
    small: Image.Image, size: tuple[int, int], rgb: Rgb, *, stands: bool, rng: np.random.Generator
) -> Image.Image:
    """Draw what is behind a garment, with the shadow it throws.

    Args:
        small: The garment, 255 where it covers; mode L, SHRINK times smaller than the picture.
        size: Height and width of the picture, pixels.
        rgb: Colour of the garment, which the wall must set off.
        stands: It stands on a floor; else it hangs before the wall.
        rng: Decides wall, light and vignette.

    Returns:
        RGB, width x height.
    """
    width, height = small.size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y /= height
    x /= width
    walls = _DEEP_WALLS if lightness(rgb) > rng.uniform(0.66, 0.78) else _WALLS
    wall = np.array(walls[int(rng.integers(len(walls)))], np.float32)
    light = _lamp(x, y, rng)
    if stands or rng.random() < 0.18:
        light = light * _floor(y, rng)
    light = light * (1 - _shadow(small, stands=stands, rng=rng))
    tint = np.array([1.0, 1.0, 1.0], np.float32) + rng.normal(0, 0.006, 3).astype(np.float32)
    # Shadows are a little cooler than light.
    cool = np.array([1.06, 1.02, 0.94], np.float32)
    pixels = wall * tint * light[..., None] ** cool
    sheet = Image.fromarray(np.clip(pixels, 0, 252).astype(np.uint8))
    return sheet.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def _lamp(x: Light, y: Light, rng: np.random.Generator) -> Light:
    """A soft lamp from above with a vignette: darker corners."""
    at_x, at_y = rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.45)
    distance = (x - np.float32(at_x)) ** 2 + (y - np.float32(at_y)) ** 2
    strength = rng.uniform(0.16, 0.34)
    fall = rng.uniform(-0.03, 0.05)
    light: Light = 1.03 - np.float32(strength) * distance - np.float32(fall) * y
    return light


def _floor(y: Light, rng: np.random.Generator) -> Light:
    """A floor that is a little darker behind and lighter in front, with a soft edge to the wall."""
    edge = rng.uniform(0.7, 0.78)
    step = (1 + np.tanh((y - np.float32(edge)) * np.float32(rng.uniform(30, 80)))) / 2
    floor: Light = 1 - step * (0.16 - 0.35 * (y - np.float32(edge)))
    return floor


def _shadow(small: Image.Image, *, stands: bool, rng: np.random.Generator) -> Light:
    """Return the share of light the garment takes away behind it, 0..1."""
    depth = rng.uniform(0.24, 0.42)
    soft = _blurred(small, rng.uniform(2.2, 4.5))
    near = _blurred(small, 1)
    right, down = (2, 2) if not stands else (1, 1)
    shadow: Light = np.float32(depth) * np.roll(soft, (down, right), (0, 1))
    shadow += 0.16 * np.roll(near, (1, 1), (0, 1))
    if stands:
        np.maximum(shadow, 0.55 * _contact(small), out=shadow)
    return shadow


def _contact(small: Image.Image) -> Light:
    """The dark pool under what stands on the floor: its lower rim, pressed flat."""
    mask = np.asarray(small, dtype=np.float32) / 255
    rows = np.flatnonzero(mask.max(axis=1) > 0.5)
    pool = np.zeros_like(mask)
    if len(rows):
        bottom = int(rows[-1])
        columns = mask[max(0, bottom - 8) : bottom + 1].max(axis=0)
        pool[max(0, bottom - 3) : bottom + 3] = columns
    return _blurred(Image.fromarray((pool * 255).astype(np.uint8)), 2.6)


def _blurred(layer: Image.Image, radius: float) -> Light:
    light: Light = np.array(layer.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32)
    light /= 255
    return light
