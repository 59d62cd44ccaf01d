"""One policy for every format: "RGB", "L" and "raw" against Pillow; crops; bombs."""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from packhouse._src.images.cropping import CROPS, DRAWS
from packhouse._src.images.decoding import DecodeOptions, decode, decode_into
from packhouse._src.images.scratch import Scratch
from packhouse.errors import ImageError
from small_dataset import jpeg

BASE = Image.open(io.BytesIO(jpeg(3, width=60, height=44))).convert("RGB")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return a picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_alpha(mode: str) -> Image.Image:
    """Return the picture with a slope of transparency."""
    image = BASE.convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(BASE.size))
    return image


FILES = {
    "jpeg": saved(BASE, "JPEG", quality=92),
    "jpeg grey": saved(BASE.convert("L"), "JPEG", quality=92),
    "jpeg cmyk": saved(BASE.convert("CMYK"), "JPEG", quality=92),
    "jpeg progressive": saved(BASE, "JPEG", quality=92, progressive=True),
    "png": saved(BASE, "PNG"),
    "png grey": saved(BASE.convert("L"), "PNG"),
    "png 1 bit": saved(BASE.convert("1"), "PNG"),
    "png palette": saved(BASE.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
    "png alpha": saved(with_alpha("RGB"), "PNG"),
    "png grey alpha": saved(with_alpha("L"), "PNG"),
    "gif": saved(BASE.convert("P"), "GIF", save_all=True, append_images=[ImageOps.invert(BASE).convert("P")]),
    "webp": saved(BASE, "WEBP", lossless=True),
    "webp animated": saved(BASE, "WEBP", lossless=True, save_all=True, append_images=[ImageOps.invert(BASE)]),
    "tiff": saved(BASE, "TIFF"),
    "bmp": saved(BASE, "BMP"),
}


def reference(data: bytes) -> Image.Image:
    """Return what Pillow makes of the first frame: upright, transparency on white."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        flat = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(flat, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


@pytest.mark.parametrize("name", FILES)
def test_every_format_follows_one_policy(name: str) -> None:
    """As Pillow, within what two JPEG decoders and two roundings may differ; exact without loss."""
    data, wanted = FILES[name], reference(FILES[name])
    most = 2 if name.startswith("jpeg") else 0

    rgb, grey = decode(data), decode(data, mode="L")

    assert (rgb.shape, rgb.dtype.name) == ((44, 60, 3), "uint8")
    assert np.abs(rgb.astype(int) - np.asarray(wanted)).max() <= most
    assert (grey.shape, grey.dtype.name) == ((44, 60, 1), "uint8")
    assert np.abs(grey[:, :, 0].astype(int) - np.asarray(wanted.convert("L"))).max() <= most + 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_the_same_picture_is_the_same_pixels(kind: str) -> None:
    """Whatever lossless format it comes in, cut and scaled too."""
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(BASE, kind, **options)

    assert np.array_equal(decode(data), np.asarray(BASE))
    assert np.array_equal(decode(data, size=(20, 16)), decode(FILES["png"], size=(20, 16)))


def test_sixteen_bits_keep_the_high_byte_and_raw_keeps_all() -> None:
    """Grey of 16 bits; palette indices and bilevel images as they are stored."""
    values = (np.arange(44 * 60, dtype=np.uint32).reshape(44, 60) * 24 % 65536).astype(np.uint16)
    data = saved(Image.fromarray(values), "PNG")

    raw = decode(data, mode="raw")
    assert (raw.dtype.name, raw.shape) == ("uint16", (44, 60, 1))
    assert np.array_equal(raw[:, :, 0], values)
    assert np.array_equal(decode(data, mode="L")[:, :, 0], (values >> 8).astype(np.uint8))
    assert np.array_equal(decode(data), np.repeat((values >> 8).astype(np.uint8)[:, :, None], 3, axis=2))
    palette = Image.open(io.BytesIO(FILES["png palette"]))
    assert np.array_equal(decode(FILES["png palette"], mode="raw")[:, :, 0], np.asarray(palette))
    assert np.array_equal(decode(FILES["png alpha"], mode="raw"), np.asarray(with_alpha("RGB")))
    assert decode(FILES["jpeg cmyk"], mode="raw").shape[2] == 4
    assert decode(FILES["jpeg grey"], mode="raw").shape[2] == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_format_is_turned_as_exif_says(kind: str, orientation: int) -> None:
    """As Pillow's exif_transpose; the centre that is cut out is that of the upright picture."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(BASE, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}), **_lossless(kind))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")

    for mode in ("RGB", "raw"):
        ours = decode(data, mode=mode)
        assert ours.shape == (upright.height, upright.width, 3)
        assert np.abs(ours.astype(int) - np.asarray(upright)).max() <= (2 if kind == "JPEG" else 0)
    cut = decode(data, size=(30, 12))
    whole = decode(saved(upright, "PNG"), size=(30, 12))
    assert np.abs(cut.astype(int) - whole).mean() < 2


def _lossless(kind: str) -> dict[str, bool]:
    return {"lossless": True} if kind == "WEBP" else {}


@pytest.mark.parametrize("crop", CROPS)
def test_a_crop_of_a_large_jpeg_is_that_of_its_pixels(crop: str) -> None:
    """Decoded at a fraction or whole, JPEG or PNG: the same part, near enough; nothing is left unwritten."""
    large = BASE.resize((1200, 880), Image.Resampling.BICUBIC)
    lossy, whole = saved(large, "JPEG", quality=97, subsampling=0), saved(large, "PNG")
    for seed in range(8):
        chances = np.random.default_rng(seed).random(DRAWS).tolist()
        results = list[NDArray[np.uint8]]()
        for data, value in ((lossy, 0), (whole, 255)):
            out = np.full((32, 40, 3), value, np.uint8)
            decode_into(data, out, DecodeOptions(CROPS[crop], "RGB", flip=True), chances, Scratch())
            results.append(out)
        assert np.abs(results[0].astype(int) - results[1]).mean() < 3


def _png_of(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def _bomb(kind: str) -> bytes:
    if kind == "png":
        return _png_of(50_000, 50_000)
    if kind == "gif":
        return b"GIF89a" + struct.pack("<HH", 50_000, 50_000) + FILES["gif"][10:]
    if kind == "bmp":
        return FILES["bmp"][:18] + struct.pack("<ii", 50_000, 50_000) + FILES["bmp"][26:]
    data = bytearray(FILES[kind])
    at = next(place for marker in (b"\xff\xc0", b"\xff\xc2") if (place := data.find(marker)) > 0) + 5
    data[at : at + 4] = struct.pack(">HH", 50_000, 50_000)
    return bytes(data)


BOUNDED = """
import resource, sys
from packhouse.errors import ImageError
from packhouse._src.images.decoding import decode
data = sys.stdin.buffer.read()
decode({small!r}, size=(8, 8))  # libraries are loaded
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (48 << 20), used + (48 << 20)))
for size in (None, (8, 8), (224, 224)):
    try:
        decode(data, size=size)
    except ImageError as err:
        assert "50000 x 50000" in str(err), err
    else:
        sys.exit("it was decoded")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("kind", ["jpeg", "jpeg progressive", "png", "bmp", "gif"])
def test_a_bomb_is_refused_before_memory_is_taken(kind: str) -> None:
    """In a process that may not have 48 MiB more; decoded it would be 7.5 GB."""
    assert resource.getpagesize()
    with pytest.raises(ImageError):
        decode(_bomb(kind))
    script = BOUNDED.format(small=FILES["png"])
    done = subprocess.run([sys.executable, "-c", script], input=_bomb(kind), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
