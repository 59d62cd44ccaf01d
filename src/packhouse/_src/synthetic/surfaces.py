"""Noise that is made once and reused for every picture: grain, weave, knit, leather and creases.

Noise of its own for every picture would cost more than all the drawing; a random window of a larger
tile looks no different.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Number = TypeVar("Number", bound=np.generic)

TILE = (860, 640)
"""Height and width of the tiles, pixels; a window of the largest picture fits in with room to roam."""

SHRINK = 4
"""Light and shadow are computed on a sheet this many times smaller than the picture: they are soft."""

_CREASE_TILES = 4
_GRAIN_TILES = 3
_TAG = 0x5EED
"""Sets the stream of random numbers apart from those of pictures and tables."""


@dataclass(frozen=True, slots=True)
class Surfaces:
    """The tiles; read only, so threads may share them."""

    grains: tuple[Image.Image, ...]
    """RGB: camera noise about 128."""

    textures: dict[str, npt.NDArray[np.int16]]
    """(height, width): shading of each cloth about 0, by its name."""

    creases: tuple[npt.NDArray[np.float32], ...]
    """(height, width) shrunk: slopes of creased cloth about 0, standard deviation 1."""


def make_surfaces(seed: int) -> Surfaces:
    """Return the tiles for a seed, always the same ones.

    Args:
        seed: Not negative.

    Returns:
        The tiles, about 10 MB.
    """
    rng = np.random.default_rng([seed, _TAG])
    return Surfaces(
        grains=tuple(_grain(rng) for _ in range(_GRAIN_TILES)),
        textures={
            "weave": _weave(rng),
            "knit": _knit(rng),
            "leather": _leather(rng),
            "heather": _heather(rng),
            "denim": _denim(rng),
        },
        creases=tuple(_creases(rng) for _ in range(_CREASE_TILES)),
    )


def window(tile: npt.NDArray[Number], size: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[Number]:
    """Return a random window of a tile: a view of shape size, plus the tile's further axes."""
    top = int(rng.integers(tile.shape[0] - size[0] + 1))
    left = int(rng.integers(tile.shape[1] - size[1] + 1))
    return tile[top : top + size[0], left : left + size[1]]


def _noise(rng: np.random.Generator, *shape: int) -> npt.NDArray[np.float32]:
    return rng.standard_normal(shape, dtype=np.float32)


def _blurred(noise: npt.NDArray[np.float32], radius: float) -> npt.NDArray[np.float32]:
    """Blur and bring back to mean 0 and standard deviation 1."""
    scaled = np.clip(noise * 40 + 128, 0, 255).astype(np.uint8)
    soft = Image.fromarray(scaled).filter(ImageFilter.GaussianBlur(radius))
    return _level(np.asarray(soft, dtype=np.float32))


def _level(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    spread: npt.NDArray[np.float32] = (values - values.mean()) / values.std()
    return spread


def _grain(rng: np.random.Generator) -> Image.Image:
    luma = 1.6 * _noise(rng, *TILE) + 1.1 * _blurred(_noise(rng, *TILE), 0.8)
    chroma = 0.5 * _noise(rng, *TILE, 3)
    noise = np.rint(luma[..., None] + chroma + 128)
    return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))


def _shading(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    return np.rint(values).astype(np.int16)


def _grid() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    y, x = np.mgrid[0 : TILE[0], 0 : TILE[1]].astype(np.float32)
    return y, x


def _weave(rng: np.random.Generator) -> npt.NDArray[np.int16]:
    threads = _noise(rng, TILE[0], 1) + _noise(rng, 1, TILE[1])
    return _shading(0.9 * threads + 3.0 * _noise(rng, *TILE))


def _knit(rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Rows of V-shaped stitches."""
    y, x = _grid()
    slant = np.abs((x % 6) - 3)
    stitches = np.sin((y + slant * 1.2) * (2 * np.pi / 5)) + 0.8 * np.cos(x * (2 * np.pi / 6))
    return _shading(4.6 * stitches.astype(np.float32) + 3 * _noise(rng, *TILE))


def _leather(rng: np.random.Generator) -> npt.NDArray[np.int16]:
    pores = np.abs(_blurred(_noise(rng, *TILE), 1.6))
    return _shading(3.4 * _level(pores) + 1.4 * _noise(rng, *TILE))


def _heather(rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Melange: short lighter and darker fibres, more of them along the rows."""
    fibres = _noise(rng, *TILE)
    along = fibres + np.roll(fibres, 1, axis=1) + np.roll(fibres, 2, axis=1) + np.roll(fibres, 3, axis=1)
    patches = _blurred(_noise(rng, *TILE), 3)
    return _shading(np.clip(8.5 * along + 6 * patches, -60, 60))


def _denim(rng: np.random.Generator) -> npt.NDArray[np.int16]:
    y, x = _grid()
    twill = np.sin((x + y) * (2 * np.pi / 4.3)).astype(np.float32)
    slubs = _blurred(_noise(rng, *TILE), 1.2) + _noise(rng, TILE[0], 1) * 0.4
    return _shading(4 * twill + 5 * slubs + 3 * _noise(rng, *TILE))


def _creases(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Slopes of a few dozen long waves that bend each other."""
    height, width = TILE[0] // SHRINK, TILE[1] // SHRINK
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bent_x = x + 7 * np.sin(y / rng.uniform(13, 20) + rng.uniform(0, 6))
    bent_y = y + 7 * np.sin(x / rng.uniform(13, 20) + rng.uniform(0, 6))
    slopes = np.zeros((height, width), np.float32)
    for _ in range(9):
        angle = rng.normal(0, 0.75)
        wave = rng.uniform(7, 26)
        along = bent_x * np.cos(angle) + bent_y * np.sin(angle)
        phase = along * (2 * np.pi / wave) + rng.uniform(0, 6)
        ridge = np.sin(phase) * np.exp(1.4 * (np.cos(phase / 2.7 + rng.uniform(0, 6)) - 1))
        slopes += (ridge * np.sqrt(wave)).astype(np.float32)
    return _level(slopes)
