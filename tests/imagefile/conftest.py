"""One small data set and its pack, shared by the tests of the store; its row groups hold 16 images."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path

import pytest
from PIL import Image

import packhouse

ROW_GROUP_ROWS = 16


def _picture(size: tuple[int, int], name: str, orientation: int | None = None) -> bytes:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, name, exif=exif)
    return file.getvalue()


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of 110 files named .jpg: noise, four empty ones, some pictures, one cut."""
    root = tmp_path_factory.mktemp("store") / "source"
    rng = random.Random(7)
    files = {
        f"{group}/{row:010d}": rng.randbytes(rng.randrange(1, 3000))
        for group in ("010", "011")
        for row in range(45)
    }
    files |= {f"{row}": rng.randbytes(40 + row) for row in range(8)}
    files |= {f"empty/e{row}": b"" for row in range(4)}
    files |= {"010/same": b"first of that name", "011/deep/er/same": b"second of that name"}
    files |= {
        "pictures/jpeg": _picture((40, 30), "JPEG"),
        "pictures/turned": _picture((31, 17), "JPEG", orientation=6),
        "pictures/png": _picture((9, 5), "PNG"),
        "pictures/cut": _picture((64, 64), "JPEG")[:-40],
        "pictures/größe ü": _picture((3, 2), "WEBP"),
        "pictures/with space": _picture((3, 2), "BMP"),
    }
    for key, data in files.items():
        path = root / f"{key}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


@pytest.fixture(scope="session")
def truth(source: Path) -> dict[str, bytes]:
    """Key -> the bytes of the file, as the operating system gives them."""
    found = {}
    for folder, _, names in os.walk(source):
        for name in names:
            path = Path(folder, name)
            found[path.relative_to(source).with_suffix("").as_posix()] = path.read_bytes()
    return found


@pytest.fixture(scope="session")
def pack(source: Path) -> Path:
    """The pack of that tree; not to be changed."""
    dest = source.with_name("images.pack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("packhouse._src.imagefile.index_file.INDEX_ROW_GROUP_ROWS", ROW_GROUP_ROWS)
        packhouse.pack(source, dest)
    return dest
