"""OpenCV's resize behind our smoothing against Pillow's, which is the reference."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from packhouse._src.images import opencv_, pillow_
from packhouse._src.images.resizing import resizer_name
from packhouse._src.images.scratch import Scratch
from small_dataset import jpeg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEAN, DECIBELS = 0.6, 45.0
"""Of the soft pictures here: levels on average, and the least of PSNR. `resizing.resize` has photographs'."""


def picture(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return something like a photograph: soft shapes, an edge, a little grain."""
    rng = np.random.default_rng(seed)
    soft = np.asarray(Image.open(io.BytesIO(jpeg(seed, width=width, height=height))), np.float64)
    soft[:, width // 3 : width // 2] *= 0.6
    return np.clip(soft + rng.normal(0, 2, soft.shape), 0, 255).astype(np.uint8)


def both(
    pixels: NDArray[np.uint8], size: tuple[int, int], *, flipped: bool = False
) -> list[NDArray[np.uint8]]:
    """Return the picture scaled by OpenCV and by Pillow."""
    ours, theirs = (np.empty((*size, pixels.shape[2]), np.uint8) for _ in range(2))
    opencv_.resize(pixels, ours, Scratch(), flipped=flipped)
    pillow_.resize(pixels, theirs, flipped=flipped)
    return [ours, theirs]


@pytest.mark.parametrize("ratio", [0.5, 0.9, 1.0, 1.1, 1.3, 1.74, 2.0, 2.6, 3.3, 5.2, 8.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_two_agree_within_the_stated_tolerance(ratio: float, channels: int) -> None:
    """0.6 levels on average, and 45 dB, for steps up and down."""
    assert resizer_name() == "OpenCV"
    size = (64, 48)
    for seed in range(3):
        pixels = picture(seed, round(64 * ratio), round(48 * ratio))[:, :, :channels]
        ours, theirs = both(np.ascontiguousarray(pixels), size)

        difference = ours.astype(np.float64) - theirs
        assert np.abs(difference).mean() <= MEAN
        assert 10 * np.log10(255**2 / max(1e-9, np.square(difference).mean())) >= DECIBELS


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 3), (33, 65)])
@pytest.mark.parametrize("stored", [(1, 1), (1, 50), (50, 1), (31, 17)])
def test_odd_sizes_are_scaled_too(stored: tuple[int, int], size: tuple[int, int]) -> None:
    """One colour stays that colour, whatever the sizes."""
    pixels = np.full((*stored, 3), (10, 120, 250), np.uint8)

    for scaled in both(pixels, size):
        assert (scaled == (10, 120, 250)).all()


def test_a_part_of_a_picture_goes_to_a_part_of_another() -> None:
    """Rows may lie apart; nothing beside the place is written."""
    whole = picture(1, 90, 80)
    part = whole[10:70, 20:60]
    alone = both(np.ascontiguousarray(part), (20, 30))
    resizers: tuple[Callable[[NDArray[np.uint8]], None], ...] = (
        lambda out: opencv_.resize(part, out, Scratch(), flipped=False),
        lambda out: pillow_.resize(part, out, flipped=False),
    )
    for resize, expected in zip(resizers, alone, strict=True):
        canvas = np.full((40, 50, 3), 77, np.uint8)
        resize(canvas[5:25, 10:40])
        assert np.array_equal(canvas[5:25, 10:40], expected)
        canvas[5:25, 10:40] = 77
        assert (canvas == 77).all()


@pytest.mark.parametrize("size", [(20, 30), (60, 40), (80, 90)])
def test_flipped_is_the_mirror_image(size: tuple[int, int]) -> None:
    """Of what it is otherwise, to a level of rounding."""
    pixels = picture(2, 60, 40)
    for plain, flipped in zip(both(pixels, size), both(pixels, size, flipped=True), strict=True):
        assert np.abs(plain[:, ::-1].astype(int) - flipped).max() <= 1


def test_memory_is_used_again() -> None:
    """The same scratch gives the same result as a fresh one, after pictures of other sizes."""
    scratch = Scratch()
    for seed, (height, width) in enumerate([(90, 80), (200, 300), (70, 60), (200, 300)]):
        pixels = picture(seed, height, width)
        out = np.empty((32, 32, 3), np.uint8)
        opencv_.resize(pixels, out, scratch, flipped=False)
        assert np.array_equal(out, both(pixels, (32, 32))[0])


_NAMED = """
import sys, warnings
{before}
from packhouse._src.images.resizing import resizer_name
paths = list(sys.path)
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    print(resizer_name())
print([str(one.message) for one in warned])
print(sys.path == paths)
"""


def test_an_opencv_that_breaks_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Pillow scales, a warning says why, and processes started later do not look in OpenCV's folder."""
    broken = tmp_path / "cv2"
    broken.mkdir()
    (broken / "__init__.py").write_text(
        "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\n"
        "raise ImportError('libGL.so.1: cannot open shared object file')\n"
    )
    script = _NAMED.format(before=f"sys.path.insert(0, {str(tmp_path)!r})")

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    name, warned, is_same = done.stdout.splitlines()
    assert (name, is_same) == ("Pillow", "True")
    assert warned.count("libGL.so.1") == 1
    assert "packhouse[fast]" in warned


def test_without_opencv_nothing_is_said() -> None:
    """Pillow is no fault."""
    script = _NAMED.format(before='sys.modules["cv2"] = None')

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["Pillow", "[]", "True"]
