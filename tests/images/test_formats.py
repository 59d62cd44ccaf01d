"""Which formats are images: by name, by bytes, decoded as Pillow does; the docs have the same table."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import packhouse
from packhouse._src.images.decoding import decode
from packhouse._src.images.formats import FORMATS, IMAGE_EXTENSIONS
from packhouse._src.images.probing import probe
from packhouse._src.images.sniffing import media_type_of
from packhouse.errors import ImageError
from small_dataset import jpeg

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)


def encoded(name: str, mode: str = "RGB", **options: object) -> bytes:
    """Return a picture of 21 x 13 as Pillow writes it."""
    pixels = np.random.default_rng(4).integers(0, 256, (13, 21, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, name, **options)
    return buffer.getvalue()


PICTURES = {
    "jp2": encoded("JPEG2000", irreversible=False),
    "j2k": encoded("JPEG2000", no_jp2=True),
    "grey jp2": encoded("JPEG2000", "L"),
    "ppm": encoded("PPM"),
    "pgm": encoded("PPM", "L"),
    "pbm": encoded("PPM", "1"),
    "ppm with a comment": encoded("PPM").replace(b"P6\n", b"P6\n# by hand\n", 1),
    "mpo": encoded("MPO"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pixels_and_size_are_those_of_pillow(name: str) -> None:
    """Told by their bytes, sized by their header, decoded as Pillow does; cut ones are flagged."""
    data = PICTURES[name]

    facts = probe(data)

    assert facts[1:] == (21, 13, None, None)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(decode(data).astype(int) - expected).max() <= 2
    assert probe(data[: len(data) * 2 // 3]).problem == "truncated"


def test_text_that_begins_alike_is_no_picture() -> None:
    """The first two letters of a Netpbm file are not enough."""
    for text in (b"P6", b"P5 was the name of a road", b"P1", b"P6 12", b"P7 332 3"):
        assert media_type_of(text.ljust(80)) is None or text == b"P6 12"


def test_heic_is_stored_and_flagged(tmp_path: Path) -> None:
    """Without a plugin it is packed, flagged, and the error of decoding names the plugin."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.heic").write_bytes(HEIC)
    (tmp_path / "src" / "b.jp2").write_bytes(PICTURES["jp2"])
    (tmp_path / "src" / "c.jpg").write_bytes(b"8BPS" + bytes(80))

    packhouse.pack(tmp_path / "src", tmp_path / "a.pack")

    images = packhouse.open(tmp_path / "a.pack").images
    assert {key: images[key].problem for key in images} == {
        "a": "no decoder", "b": None, "c": "not an image",
    }  # fmt: skip
    assert images["a"].bytes == HEIC
    assert "pillow_heif" not in sys.modules
    with pytest.raises(ImageError, match="pip install pillow-heif"):
        images["a"].decode()


def test_every_extension_is_packed_as_an_image(tmp_path: Path) -> None:
    """Files are images by their names, whatever the case."""
    (tmp_path / "src").mkdir()
    for number, extension in enumerate(sorted(IMAGE_EXTENSIONS)):
        (tmp_path / "src" / f"{number}{extension.upper()}").write_bytes(jpeg(number))

    assert packhouse.pack(tmp_path / "src", tmp_path / "a.pack").totals.images == len(IMAGE_EXTENSIONS)


def test_the_docs_have_the_same_table() -> None:
    """docs/sources.md lists each format with its extensions and what decodes it."""
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")

    for one in FORMATS:
        names = ", ".join(f"`{extension}`" for extension in one.extensions)
        assert f"| `{one.media_type}` | {names} | {one.decoder} |" in page
