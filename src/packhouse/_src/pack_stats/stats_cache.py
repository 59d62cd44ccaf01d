"""Sums over pixels are kept in the user's cache folder, by the digest of the images and of the choice."""

from __future__ import annotations

import json
import math
import secrets
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from packhouse._src.cache_folder import cache_folder
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.images.resizing import resizer_name
from packhouse._src.loader.samples import Samples
from packhouse._src.pack_stats.pixel_sums import CHANNELS, Moments
from packhouse._src.version import __version__


def load_moments(samples: Samples, places: NDArray[np.int64]) -> tuple[Moments, dict[str, str]] | None:
    """Return what an earlier call has found for the same images; None if nothing is known."""
    try:
        text = _place(samples, places).read_text(encoding="utf-8")
        document = json.loads(text)
        broken = {str(key): str(problem) for key, problem in document["broken"].items()}
        values = {name: _channels(document[name]) for name in ("mean", "std", "mean_error", "std_error")}
        pixels = int(document["pixels"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    mean, std, mean_error, std_error = values.values()
    if mean is None or std is None or (mean_error is None) != (std_error is None):
        return None
    return Moments(pixels, mean, std, mean_error, std_error), broken


def _channels(values: Any) -> tuple[float, ...] | None:  # noqa: ANN401  # from JSON
    """Return one number for each channel; None for none.

    Raises:
        ValueError: There are more or fewer, or one of them is no mean or deviation.
    """
    if values is None:
        return None
    numbers = tuple(map(float, values))
    if len(numbers) != CHANNELS or not all(0 <= one < math.inf for one in numbers):
        raise ValueError(numbers)
    return numbers


def save_moments(
    samples: Samples, places: NDArray[np.int64], moments: Moments, broken: dict[str, str]
) -> None:
    """Keep what was found; where that is not possible, it is found again next time."""
    place = _place(samples, places)
    temporary = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({**asdict(moments), "broken": broken}), encoding="utf-8")
        temporary.replace(place)


def _place(samples: Samples, places: NDArray[np.int64]) -> Path:
    options = samples.options
    chosen = digest_of(places.astype("<i8").tobytes()).hex()
    pixels = [options.size, options.max_pixels, resizer_name()]
    said = [__version__, samples.fingerprint, samples.store_name, pixels, chosen]
    return cache_folder() / "stats" / f"{digest_of(json.dumps(said).encode()).hex()}.json"
