"""The one module that imports OpenCV: the resize that is used where it is installed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from packhouse._src.images.scratch import Scratch
from packhouse._src.images.smoothing import BINOMIAL, Smoothing, smoothing_for

_Pixels = NDArray[np.uint8]

MOST_STRETCH = 1.5
"""Steps of the two axes that differ by no more are smoothed as one."""

_LEFT_AND_RIGHT = 1

# one image a thread: threads of OpenCV's own inside of ours only wait for each other
cv2.setNumThreads(1)


def resize(pixels: _Pixels, out: _Pixels, scratch: Scratch, *, flipped: bool = False) -> None:
    """Scale a picture into a place of that size, as `resizing.resize` says.

    Args:
        pixels: (height, width, channels) uint8; the pixels of a row lie together.
        out: Where to, likewise.
        scratch: Memory of this thread.
        flipped: Exchange left and right.
    """
    source, target = (pixels[:, :, 0], out[:, :, 0]) if pixels.shape[2] == 1 else (pixels, out)
    height, width = target.shape[:2]
    steps = source.shape[0] / height, source.shape[1] / width
    if steps == (1, 1):
        np.copyto(target, source)
    else:
        smooth = _smoothed(source, steps, scratch)
        cv2.resize(smooth, (width, height), dst=target, interpolation=cv2.INTER_LINEAR)
    if flipped:
        cv2.flip(target, _LEFT_AND_RIGHT, dst=target)


def _smoothed(source: _Pixels, steps: tuple[float, float], scratch: Scratch) -> _Pixels:
    down, right = max(1.0, steps[0]), max(1.0, steps[1])
    if max(down, right) <= MOST_STRETCH * min(down, right):
        smoothing = smoothing_for((down * right) ** 0.5)
        return source if smoothing is None else _blended(source, smoothing, (True, True), scratch)
    for step, axes in ((down, (True, False)), (right, (False, True))):
        if (smoothing := smoothing_for(step)) is not None:
            source = _blended(source, smoothing, axes, scratch)
    return source


def _blended(source: _Pixels, smoothing: Smoothing, axes: tuple[bool, bool], scratch: Scratch) -> _Pixels:
    # of two passes the second finds its source in the scratch: so each has one of its own
    name = f"smoothed {axes}"
    larger = scratch.take(name, source.shape)
    side = 3 if smoothing.larger == BINOMIAL else smoothing.larger
    kernel = (side if axes[1] else 1, side if axes[0] else 1)
    if smoothing.larger == BINOMIAL:
        cv2.GaussianBlur(source, kernel, 0, dst=larger, borderType=cv2.BORDER_REPLICATE)
        return larger
    cv2.blur(source, kernel, dst=larger, borderType=cv2.BORDER_REPLICATE)
    if smoothing.weight < 1:
        smaller = source
        if side > 3:  # noqa: PLR2004  # below it is the picture itself
            smaller = scratch.take(name + " less", source.shape)
            kernel = (max(1, kernel[0] - 2), max(1, kernel[1] - 2))
            cv2.blur(source, kernel, dst=smaller, borderType=cv2.BORDER_REPLICATE)
        cv2.addWeighted(larger, smoothing.weight, smaller, 1 - smoothing.weight, 0, dst=larger)
    return larger
