"""Sums over pixels, in whole numbers, and what follows from them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHITE = 255
CHANNELS = 3


@dataclass(slots=True)
class PixelSums:
    """Sums over the pixels of images, by channel (red, green, blue)."""

    pixels: list[int] = field(default_factory=list)
    """Of each image."""

    sums: list[list[int]] = field(default_factory=list)
    """Of each image and channel, of the values 0 to 255."""

    squares: list[list[int]] = field(default_factory=list)
    """Of each image and channel, of the squares of the values."""

    def add(self, images: Iterable[NDArray[Any]]) -> None:
        """Add images, each (height, width, 3) uint8."""
        for image in images:
            rows = image.reshape(len(image), -1).astype(np.uint16)
            self.pixels.append(image.shape[0] * image.shape[1])
            self.sums.append(_by_channel(rows))
            rows *= rows  # 255 * 255 fits
            self.squares.append(_by_channel(rows))

    def moments(self, population: int) -> Moments:
        """Return mean and standard deviation.

        Args:
            population: Number of images that these are a sample of; their own number means all.
        """
        n, count = sum(self.pixels), len(self.pixels)
        if not n:
            return Moments(0, (), (), None, None)
        sums = [sum(one[channel] for one in self.sums) for channel in range(CHANNELS)]
        squares = [sum(one[channel] for one in self.squares) for channel in range(CHANNELS)]
        means = tuple(total / n / WHITE for total in sums)
        # in whole numbers until the root: differences of large sums would lose digits
        deviations = tuple(
            math.sqrt(n * square - total * total) / n / WHITE
            for total, square in zip(sums, squares, strict=True)
        )
        if count >= population or count < 2:  # noqa: PLR2004  # one image has no spread
            return Moments(n, means, deviations, None, None)
        errors = [self._errors(channel, population) for channel in range(CHANNELS)]
        return Moments(
            n, means, deviations, tuple(one for one, _ in errors), tuple(other for _, other in errors)
        )

    def _errors(self, channel: int, population: int) -> tuple[float, float]:
        """Return the standard errors of mean and deviation of one channel.

        Source: W. Cochran, "Sampling Techniques", 3rd edition, 2.11 (ratio estimates, with the correction
        for a finite population); that of the deviation by its derivative.
        """
        pixels = np.array(self.pixels, float)
        values = np.array([one[channel] for one in self.sums], float) / WHITE
        squares = np.array([one[channel] for one in self.squares], float) / WHITE**2
        count, mean_pixels = len(pixels), pixels.mean()
        mean, square = values.sum() / pixels.sum(), squares.sum() / pixels.sum()
        deviation = math.sqrt(max(square - mean * mean, 0.0))
        correction = math.sqrt((1 - count / population) / count) / mean_pixels
        of_mean = values - mean * pixels
        of_variance = (squares - square * pixels) - 2 * mean * of_mean
        error = float(of_mean.std(ddof=1)) * correction
        of_deviation = float(of_variance.std(ddof=1)) * correction / (2 * deviation) if deviation else 0.0
        return error, of_deviation


def _by_channel(rows: NDArray[np.uint16]) -> list[int]:
    """Sum up rows of pixels; whole rows first, since NumPy is slow at summing threes."""
    columns = rows.sum(axis=0, dtype=np.uint64)
    sums: list[int] = columns.reshape(-1, CHANNELS).sum(axis=0).tolist()
    return sums


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and standard deviation of pixels, by channel (red, green, blue), on a scale from 0 to 1."""

    pixels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mean_error: tuple[float, ...] | None
    """Standard errors, if the images were a sample; None if they were all."""

    std_error: tuple[float, ...] | None
