"""Turns what a third-party HDF5 file stores of an image into an image file. Pure."""

from __future__ import annotations

import numpy as np

from packhouse._src.foreign.datasets.pictures import decoded, range_problem
from packhouse._src.foreign.found import Picture, PictureForm
from packhouse._src.images.stored_png import fits_png, png_size, write_png

LEVELS = 255
VERSION = 1
"""Of what is made of pixels; raised when other bytes come of the same ones."""


def size_of_file(form: PictureForm, picture: Picture) -> int:
    """Return the size of the image file that `image_file` makes, bytes."""
    return png_size(*_sides(form)) if form.form == "pixels" else picture.n_bytes


def can_be_made(form: PictureForm) -> bool:
    """Say whether there is an image file for such pixels: they are neither too many nor of odd channels."""
    return form.form != "pixels" or fits_png(*_sides(form))


def image_file(form: PictureForm, data: bytes | memoryview) -> bytes:
    """Make the image file.

    Args:
        form: How the image is stored.
        data: As stored.

    Returns:
        Pixels become a PNG file of 8 bits, without compression; base64 text the file that it holds; bytes
        stay as they are.

    Raises:
        ValueError: It cannot be converted; says why.
    """
    if form.form == "bytes":
        return bytes(data)
    if form.form == "base64":
        found = decoded(bytes(data))
        if found is None:
            raise ValueError("is not base64 text of an image")
        return found
    stored = np.frombuffer(data, dtype=form.unit).reshape(form.shape)
    pixels = stored.transpose([form.layout.index(axis) for axis in "HWC" if axis in form.layout])
    if pixels.dtype.kind == "f":
        values = pixels.astype(np.float64)
        problem = range_problem(values)
        if problem:
            raise ValueError(problem)
        pixels = np.rint(values * LEVELS)  # gives back the bytes that were divided by 255
    return write_png(np.ascontiguousarray(pixels, dtype=np.uint8))


def _sides(form: PictureForm) -> tuple[int, int, int]:
    sides = dict(zip(form.layout, form.shape, strict=True))
    return sides["H"], sides["W"], sides.get("C", 1)
