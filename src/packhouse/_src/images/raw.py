"""Raw pixels, as decoded arrays in HDF5 hold them: uint8, row by row, of one, three or four channels."""

from __future__ import annotations

from typing import NamedTuple

RAW_TYPES = {1: "image/x-raw-gray", 3: "image/x-raw-rgb", 4: "image/x-raw-rgba"}
"""Channels -> media type; width and height are not in the bytes, so they have to be kept beside them."""

RAW_CHANNELS = {media_type: channels for channels, media_type in RAW_TYPES.items()}


def is_raw(media_type: str | None) -> bool:
    """Say whether a media type is one of raw pixels."""
    return media_type in RAW_CHANNELS


class RawForm(NamedTuple):
    """How an image lies there that is stored as pixels."""

    media_type: str
    """One of RAW_TYPES."""

    size: tuple[int, int]
    """(height, width)."""
