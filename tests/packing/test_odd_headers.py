"""What an image says of itself never stops a pack: absurd sizes are a problem of that image alone."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

import packhouse
from packhouse.errors import ImageError
from small_dataset import jpeg

MOST, LEAST = 2**32 - 1, 2**31
BMP = b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 3, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0)


def tiff(width: int, height: int) -> bytes:
    """Return a TIFF that declares some size."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 24)).save(buffer, "TIFF")
    data = bytearray(buffer.getvalue())
    for tag, old, new in ((0x100, 40, width), (0x101, 24, height)):
        at = data.index(struct.pack("<HHII", tag, 4, 1, old))
        data[at + 8 : at + 12] = struct.pack("<I", new)
    return bytes(data)


def jpeg_2000(width: int, height: int) -> bytes:
    """Return a bare codestream that declares some size."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 24)).save(buffer, "JPEG2000", no_jp2=True)
    data = bytearray(buffer.getvalue())
    data[8:16] = struct.pack(">II", width, height)
    return bytes(data)


ABSURD = {
    "minus.bmp": BMP,
    "wide.tif": tiff(MOST, 1),
    "high.tif": tiff(1, LEAST),
    "both.j2k": jpeg_2000(MOST, MOST),
}


def test_absurd_sizes_are_a_problem_of_their_image(tmp_path: Path) -> None:
    """Each is packed byte for byte, without a size and with a problem; the others are as always."""
    (tmp_path / "src").mkdir()
    for name, data in {**ABSURD, "sound.jpg": jpeg(1)}.items():
        (tmp_path / "src" / name).write_bytes(data)

    packhouse.pack(tmp_path / "src", tmp_path / "a.pack")

    images = packhouse.open(tmp_path / "a.pack").images
    assert {images[key].file_name: images[key].bytes for key in images} == {**ABSURD, "sound.jpg": jpeg(1)}
    for name in ABSURD:
        image = images[name.partition(".")[0]]
        assert (image.width, image.height, image.problem) == (None, None, "unreadable header")
        with pytest.raises(ImageError):
            image.decode()
    assert images["sound"].problem is None
    assert packhouse.verify(tmp_path / "a.pack").is_sound
