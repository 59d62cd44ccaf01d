"""Trees of JPEG files to measure on: a few drawn ones under many names, each with a tail of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from measuring import OUT

import packhouse

DRAWN = 100
GROUPS = 86


def jpeg_tree(*, images: int, size: int) -> Path:
    """Write `images` files of about `size` bytes into 86 folders, or leave them as they are if there.

    A JPEG ends at its end marker; what follows is ignored by decoders, and makes every file unlike the
    others. Files smaller than a drawn image are its head and the end marker.

    Args:
        images: How many.
        size: Mean size in bytes; single files differ by up to a fifth.

    Returns:
        The folder.
    """
    folder = OUT / f"tree-{images}-of-{size}"
    if folder.exists() and sum(1 for _ in folder.rglob("*.jpg")) == images:
        return folder
    with tempfile.TemporaryDirectory() as place:
        packhouse.sample(Path(place) / "shop", images=DRAWN, customers=1, transactions=0)
        drawn = [path.read_bytes() for path in sorted((Path(place) / "shop").rglob("*.jpg"))]
    rng = np.random.default_rng(0)
    for number in range(images):
        name = f"0{10 + number % GROUPS}{number:07d}"
        wanted = int(size * rng.uniform(0.8, 1.2))
        data = drawn[number % DRAWN][: wanted - 10] + b"\xff\xd9"
        target = folder / "images" / name[:3] / f"{name}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data + rng.bytes(max(8, wanted - len(data))))
    return folder


def warm(folder: Path) -> None:
    """Read every file once, so that the page cache has it."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 20):
                    pass
