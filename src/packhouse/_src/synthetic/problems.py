"""What real image folders contain besides sound images: broken, mislabelled and odd files."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

PROBLEM_IDS = 8
"""How many articles have one of these files for an image."""

_ORIENTATION = 0x0112
"""Tag of the rotation in EXIF 2.32, 4.6.4."""

_TURNED = 6
"""The stored rows have to be turned by a quarter clockwise to stand upright."""


def problem_files(ids: tuple[str, ...], pictures: tuple[bytes, ...]) -> Iterator[tuple[str, bytes]]:
    """Return the files that are broken or odd on purpose.

    Args:
        ids: PROBLEM_IDS article ids.
        pictures: A sound JPEG of each of them.

    Yields:
        Path below the image folder, parts joined by "/", and contents.
    """
    stems = [f"{one[:3]}/{one}" for one in ids]
    upright = [Image.open(io.BytesIO(picture)) for picture in pictures]
    yield f"{stems[0]}.jpg", b""
    yield f"{stems[1]}.jpg", pictures[1][: len(pictures[1]) * 3 // 5]
    yield f"{stems[2]}.jpg", _saved(upright[2], "PNG")
    yield f"{stems[3]}.jpg", b"404 Not Found: the download of this image failed.\n"
    yield f"{stems[4]}.jpg", _saved(upright[4].convert("CMYK"), "JPEG")
    yield f"{stems[5]}.png", _saved(_deep(upright[5]), "PNG")
    yield f"{stems[6]}.jpg", _turned(upright[6])
    yield f"{stems[7]}.jpg", pictures[7]
    yield f"{stems[7]}.png", _saved(upright[7], "PNG")
    yield ".DS_Store", b"\0\0\0\1Bud1\0\0\x10\0\0\0\x08\0"
    yield f"{ids[0][:3]}/Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    yield f"{ids[-1][:3]}/notes.txt", b"Retake these with better light.\n"


def _saved(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def _deep(picture: Image.Image) -> Image.Image:
    """Return 16-bit grey: 257 maps 255 to 65535."""
    grey = np.asarray(picture.convert("L")).astype(np.uint16)
    return Image.fromarray(grey * np.uint16(257))


def _turned(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED
    file = io.BytesIO()
    # ROTATE_90 turns counter-clockwise, so that orientation 6 undoes it.
    picture.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=88, exif=exif)
    return file.getvalue()
