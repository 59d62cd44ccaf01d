"""How many pixels an image may have: checked before memory is allocated for them."""

from __future__ import annotations

from packhouse.errors import ImageError

MOST_PIXELS = 89_478_485
"""Decoded by default: as many as Pillow opens without a warning (256 MiB of RGB)."""

MOST_DECLARED = 500_000_000
"""Of an image that is decoded at a fraction of its size: its decoder goes through all of them."""


def refuse_bomb(width: int, height: int, *, divisor: int = 1, max_pixels: int = MOST_PIXELS) -> None:
    """Raise for an image of too many pixels, before anything is allocated for it.

    Args:
        width: Stored columns in pixels, as the header declares them.
        height: Stored rows in pixels.
        divisor: The image is decoded at this fraction of its width and height.
        max_pixels: Most pixels to decode.

    Raises:
        ImageError: More than `max_pixels` would be decoded; or it has more than `max_pixels` and more than
            500 million, whatever of them is wanted.
    """
    most = min(max_pixels * divisor**2, max(MOST_DECLARED, max_pixels))
    if width * height > most:
        mib = width * height * 3 >> 20
        raise ImageError(
            f"the image declares {width} x {height} pixels; max_pixels={max_pixels} allows {most:,}",
            hint=f"max_pixels={width * height} allows it, and needs {mib:,} MiB of memory or more for it",
        )
