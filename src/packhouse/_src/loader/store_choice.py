"""Which store the pixels come from: the originals, or a derived one that is large enough."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.loader.sample_options import SampleOptions
from packhouse.errors import UsageError

COVERING = frozenset({"center", "random"})
"""Crops that take the largest part of the wanted shape: the shorter side of it is that of the image."""


def store_for(originals: ImageStore, derived: Mapping[int, ImageStore], options: SampleOptions) -> ImageStore:
    """Choose the store.

    With "auto" that is the smallest derived one whose images, cut to the wanted shape, need not be enlarged
    by more than the originals. A random-resized crop may take a small part of an image, so it takes the
    originals unless told otherwise.

    Args:
        originals: Of the pack.
        derived: Pixels of the shorter side -> store.
        options: What is wanted.

    Returns:
        One of them.

    Raises:
        UsageError: The store that was asked for is not there.
    """
    choice = options.derived
    if choice is False:
        return originals
    if choice == "auto":
        return next((derived[side] for side in sorted(derived) if _covers(side, options)), originals)
    if choice not in derived:
        there = ", ".join(map(str, sorted(derived))) or "none"
        raise UsageError(
            f"derived={choice}: the pack has no such store, but {there}",
            hint=f"packhouse derive PACK --size {choice}",
        )
    return derived[choice]


def _covers(side: int, options: SampleOptions) -> bool:
    return options.size is not None and options.crop in COVERING and max(options.size) <= side
