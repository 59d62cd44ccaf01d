"""Which image formats there are: told by which names, and decoded by what; docs/sources.md has this table."""

from __future__ import annotations

from typing import NamedTuple

from packhouse._src.images import sniffing


class Format(NamedTuple):
    """One image format."""

    media_type: str
    extensions: tuple[str, ...]
    """Of files that are packed as images; the first is that of a file which has none."""

    decoder: str
    """What decodes it, in words."""


LIBJPEG, PILLOW = "libjpeg-turbo, else Pillow", "Pillow"

FORMATS = (
    Format(sniffing.JPEG, (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), LIBJPEG),
    Format(sniffing.PNG, (".png",), PILLOW),
    Format(sniffing.GIF, (".gif",), PILLOW),
    Format(sniffing.WEBP, (".webp",), PILLOW),
    Format(sniffing.BMP, (".bmp", ".dib"), PILLOW),
    Format(sniffing.TIFF, (".tif", ".tiff"), PILLOW),
    Format(sniffing.AVIF, (".avif",), PILLOW),
    Format(sniffing.JPEG_2000, (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"), PILLOW),
    Format(sniffing.NETPBM, (".ppm", ".pgm", ".pbm", ".pnm"), PILLOW),
    Format(sniffing.HEIC, (".heic", ".heif"), "pillow-heif, where it is installed"),
)

IMAGE_EXTENSIONS = frozenset(extension for one in FORMATS for extension in one.extensions)
EXTENSIONS_OF = {one.media_type: one.extensions for one in FORMATS}

NO_DECODER = "no decoder"
"""The problem of an image that needs a library which packhouse does not install."""
