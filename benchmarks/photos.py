"""Trees of photo-like JPEGs: drawn garments under texture and noise, which cost what photos cost to decode.

Photographs of garments have 37 KB at 390 x 585 pixels and 264 KB at 1166 x 1750. Quality and noise are set so
that these have as many, and take as long to decode, to within a tenth.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from measuring import OUT
from PIL import Image

import packhouse

DRAWN = 100
QUALITY = {96: 75, 390: 75, 1166: 82}
NOISE = {96: 5.0, 390: 5.0, 1166: 3.0}


def photo_tree(size: tuple[int, int], count: int) -> Path:
    """Write JPEGs, each unlike the others in its bytes, or leave them as they are if there.

    Args:
        size: (width, height) in pixels.
        count: How many.

    Returns:
        The folder.
    """
    folder = OUT / f"photos-{count}-of-{size[0]}"
    if folder.exists() and sum(1 for _ in folder.rglob("*.jpg")) == count:
        return folder
    files = _photos(size)
    for number in range(count):
        target = folder / f"{number % 86:03d}" / f"{number:07d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files[number % len(files)] + b"%07d" % number)  # behind the end marker
    return folder


def _photos(size: tuple[int, int]) -> list[bytes]:
    rng, files = np.random.default_rng(0), list[bytes]()
    with tempfile.TemporaryDirectory() as place:
        packhouse.sample(Path(place) / "shop", images=DRAWN, customers=1, transactions=0)
        for path in sorted((Path(place) / "shop").rglob("*.jpg")):
            with Image.open(path) as drawn:
                pixels = np.asarray(drawn.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.float64)
            coarse = rng.normal(0, 1, (size[1] // 4 + 1, size[0] // 4 + 1))
            cloth = np.kron(coarse, np.ones((4, 4)))[: size[1], : size[0], None]
            fine = rng.normal(0, NOISE[size[0]], (size[1], size[0], 1))
            noisy = np.clip(pixels + 4 * cloth + fine, 0, 255).astype(np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(noisy).save(buffer, "JPEG", quality=QUALITY[size[0]], subsampling="4:2:0")
            files.append(buffer.getvalue())
    return files
