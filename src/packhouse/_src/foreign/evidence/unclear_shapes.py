"""What is said of arrays whose shape alone does not tell whether they are images. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isqrt

LEAST_SIDE = 4
"""Pixels; an array with a shorter side is no image unless its name says so."""

LEAST_NUMBERED_SIDE = 8
MOST_ASPECT = 32
RGB = 3


def is_numbered_picture(path: str, shape: Sequence[int]) -> bool:
    """Say whether a table of bytes is one of many in a group, as cat/0001 is, with the sides of an image."""
    group, _, name = path.rpartition("/")
    has_sides = min(shape) >= LEAST_NUMBERED_SIDE and max(shape) <= MOST_ASPECT * min(shape)
    return bool(group) and any(letter.isdigit() for letter in name) and has_sides


def flattened(shape: Sequence[int], counts: Collection[int]) -> str:
    """Say how rows of numbers become images again, with an example where they may be square."""
    is_transposed = shape[1] in counts and shape[0] not in counts
    rows, numbers = reversed(shape) if is_transposed else shape
    sides = {channels: isqrt(numbers // channels) for channels in (1, RGB)}
    fitting = [
        f"({rows}, {side}, {side}{', 3' if channels > 1 else ''})"
        for channels, side in sides.items()
        if side >= LEAST_SIDE and side * side * channels == numbers
    ]
    first = "transpose it, then give" if is_transposed else "give"
    return (
        f"{first} flattened images their shape back, {' or '.join(fitting) or '(N, height, width, channels)'}"
    )


def unclear(path: str, shape: Sequence[int], layouts: Sequence[str]) -> str:
    choices = " or ".join(f"--layout {one}" for one in layouts)
    what = "may be images" if len(layouts) == 1 else f"may be images as {' or '.join(layouts)}"
    return (
        f"its shape {tuple(shape)} {what}, and nothing else says so: --images-from {path} {choices} takes it"
    )


def misshapen(shape: Sequence[int]) -> str:
    """Say that no layout fits."""
    if len(shape) == len("HWCN") and shape[2] in {1, RGB, RGB + 1}:
        may_be = f"its shape {tuple(shape)} may be (height, width, channels, N)"
        return f"{may_be}: transpose it to (N, height, width, channels)"
    return (
        f"its shape {tuple(shape)} is neither the bytes of one image nor pixels as (N, height, width), "
        "(N, height, width, 1 or 3 or 4), (N, 1 or 3 or 4, height, width) or (height, width, 1 or 3 or 4)"
    )
