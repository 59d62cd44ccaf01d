"""A pack of odd pictures that the tests of the loader share."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import packhouse
from small_dataset import jpeg

COUNT = 47


def write_pictures(folder: Path, count: int = COUNT) -> Path:
    """Write pictures of all shapes, JPEG and PNG, into three folders."""
    rng = np.random.default_rng(5)
    for number in range(count):
        place = folder / "abc"[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        width, height = (int(side) for side in rng.integers(20, 90, 2))
        data = jpeg(number, width=width, height=height)
        if number % 5 == 0:
            buffer = io.BytesIO()
            Image.open(io.BytesIO(data)).save(buffer, "PNG")
            data = buffer.getvalue()
        suffix = "png" if number % 5 == 0 else "jpg"
        (place / f"{number:03d}.{suffix}").write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of 47 pictures of their own sizes, in the groups a, b and c."""
    folder = tmp_path_factory.mktemp("pictures")
    packhouse.pack(write_pictures(folder / "src"), folder / "pictures.pack")
    return folder / "pictures.pack"


@pytest.fixture(scope="session")
def broken_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of 12 pictures, of which a/003.jpg is cut, a/006.jpg is text and b/004.jpg is a bomb."""
    folder = tmp_path_factory.mktemp("broken")
    source = write_pictures(folder / "src", 12)
    cut = source / "a/003.jpg"
    cut.write_bytes(cut.read_bytes()[:-200])
    (source / "a/006.jpg").write_text("no picture")
    huge = bytearray(jpeg(4))
    at = huge.index(b"\xff\xc0") + 5  # height and width, two bytes each (ITU-T T.81, B.2.2)
    huge[at : at + 4] = (50_000).to_bytes(2, "big") * 2
    (source / "b/004.jpg").write_bytes(huge)
    packhouse.pack(source, folder / "broken.pack")
    return folder / "broken.pack"
