"""Probing agrees with Pillow on sound files and never raises on any others."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from packhouse._src.images.probing import probe
from packhouse._src.records import HeaderFacts

PROBLEMS = {None, "empty", "not an image", "truncated", "unreadable header"}
EXIF_THUMBNAIL_BYTES = b"\xff\xd8\xff\xdb\0\4ab\xff\xd9"
HAS_AVIF = features.check("avif")


def encoded(name: str, mode: str = "RGB", size: tuple[int, int] = (24, 40), **options: object) -> bytes:
    """Encode seeded noise of (height, width) in a format of Pillow."""
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    if mode == "I;16":
        image = Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257)
    elif mode != "RGB":
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def exif_of(orientation: int, *, thumbnail: bool = False) -> bytes:
    """Return an Exif block, with something like a JPEG thumbnail behind its tags on demand."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a camera"
    return exif.tobytes() + (EXIF_THUMBNAIL_BYTES if thumbnail else b"")


ICC = np.random.default_rng(2).bytes(150_000)

JPEGS = {
    "baseline": encoded("JPEG"),
    "progressive": encoded("JPEG", progressive=True),
    "optimized": encoded("JPEG", optimize=True),
    "grey": encoded("JPEG", "L"),
    "cmyk": encoded("JPEG", "CMYK"),
    "444": encoded("JPEG", subsampling=0),
    "422": encoded("JPEG", subsampling=1),
    "rgb": encoded("JPEG", keep_rgb=True),
    "one pixel": encoded("JPEG", size=(1, 1)),
    "wide": encoded("JPEG", size=(1, 3000), quality=5),
    "restarts": encoded("JPEG", restart_marker_blocks=2),
    "comment": encoded("JPEG", comment=b"made \xff\xd9 by hand \xff\xda"),
    "xmp": encoded("JPEG", xmp=b"<x:xmpmeta>tiff:Orientation=7</x:xmpmeta>"),
    "thumbnail": encoded("JPEG", exif=exif_of(3, thumbnail=True)),
    **{f"exif {n}": encoded("JPEG", exif=exif_of(n)) for n in range(1, 9)},
}
LARGE_JPEGS = {"icc": encoded("JPEG", icc_profile=ICC)}
OTHERS = {
    **{f"png {mode}": encoded("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    "png exif": encoded("PNG", exif=exif_of(5)),
    "gif": encoded("GIF", "P"),
    "gif animated": encoded("GIF", "L", save_all=True, append_images=[Image.new("L", (40, 24))]),
    "webp": encoded("WEBP"),
    "webp lossless": encoded("WEBP", lossless=True),
    "webp RGBA": encoded("WEBP", "RGBA"),
    "webp exif": encoded("WEBP", exif=exif_of(7), icc_profile=b"p" * 33),
    "bmp": encoded("BMP"),
    "bmp P": encoded("BMP", "P"),
    "tiff": encoded("TIFF"),
    "tiff lzw": encoded("TIFF", compression="tiff_lzw"),
    "tiff big": encoded("TIFF", big_tiff=True),
    "tiff turned": encoded("TIFF", tiffinfo={0x0112: 6}),
}
OTHERS["jp2"] = encoded("JPEG2000")
OTHERS["j2k"] = encoded("JPEG2000", no_jp2=True)
OTHERS["ppm"] = encoded("PPM")
OTHERS["pgm"] = encoded("PPM", "L")
OTHERS["pbm"] = encoded("PPM", "1")
if HAS_AVIF:
    OTHERS["avif"] = encoded("AVIF")
    OTHERS["avif exif"] = encoded("AVIF", exif=exif_of(8))
ALL = JPEGS | OTHERS


def pillow_facts(data: bytes) -> HeaderFacts:
    """Return what Pillow says of a sound file."""
    with Image.open(io.BytesIO(data)) as image:
        orientation = image.getexif().get(0x0112)
        width, height = image.size
        if image.format == "TIFF" and orientation in {5, 6, 7, 8}:
            width, height = height, width  # Pillow gives a TIFF's turned size
        return HeaderFacts(Image.MIME[image.format or ""], width, height, orientation, None)


@pytest.mark.parametrize("name", [*ALL, *LARGE_JPEGS])
def test_facts_are_those_of_pillow(name: str) -> None:
    """Format, size and orientation of a sound file are what Pillow reads, and nothing is wrong."""
    data = (ALL | LARGE_JPEGS)[name]

    assert probe(data) == pillow_facts(data)


@pytest.mark.parametrize("junk", [b"\0", b"\n", b"\0" * 100, b"left by a camera" * 50])
@pytest.mark.parametrize("name", ["baseline", "thumbnail", "png RGB", "webp", "bmp", "tiff"])
def test_junk_after_the_end_does_no_harm(name: str, junk: bytes) -> None:
    """What follows the end of an image is no problem of the image."""
    assert probe(ALL[name] + junk) == probe(ALL[name])


def test_gif_may_be_padded() -> None:
    """Zeros after a GIF's trailer are padding."""
    assert probe(OTHERS["gif"] + b"\0\0\0").problem is None


def test_empty_and_foreign_bytes_are_named() -> None:
    """No bytes and no image are told apart, and neither has a media type."""
    assert probe(b"") == HeaderFacts(None, None, None, None, "empty")
    assert probe(b"%!PS-Adobe-3.0 EPSF-3.0") == HeaderFacts(None, None, None, None, "not an image")


@pytest.mark.parametrize("name", JPEGS)
def test_every_cut_jpeg_is_a_problem(name: str) -> None:
    """However short a JPEG is cut before its EOI, something is said to be wrong."""
    data = JPEGS[name]

    sound = [n for n in range(len(data)) if probe(data[:n]).problem is None]

    assert sound == []


def test_cut_jpeg_keeps_its_size() -> None:
    """A JPEG cut inside its pixels is truncated, and its size is still known."""
    data = JPEGS["baseline"]

    assert probe(data[:-20]) == HeaderFacts("image/jpeg", 40, 24, None, "truncated")


@pytest.mark.parametrize("name", [name for name in OTHERS if not name.startswith("tiff")])
def test_other_formats_tell_that_they_are_cut(name: str) -> None:
    """Half a PNG, GIF, WebP, BMP or AVIF is truncated, a complete header or not."""
    data = OTHERS[name]

    assert probe(data[: len(data) // 2]).problem == "truncated"


def test_tiff_without_its_directory_is_truncated() -> None:
    """A TIFF whose directory lies behind the pixels, and is cut off, is truncated."""
    data = OTHERS["tiff lzw"]

    facts = probe(data[: len(data) // 2])

    assert facts == HeaderFacts("image/tiff", None, None, None, "truncated")


@pytest.mark.parametrize(
    ("name", "at"),
    [("png RGB", 12), ("webp", 23), ("webp", 26), ("webp lossless", 20), ("tiff", 8), ("bmp", 27)],
)
def test_broken_header_is_unreadable(name: str, at: int) -> None:
    """A complete file whose header makes no sense, or declares no pixels, has no size."""
    data = bytearray(OTHERS[name])
    data[at : at + 2] = b"\0\0"

    facts = probe(bytes(data))

    assert (facts.width, facts.height, facts.problem) == (None, None, "unreadable header")


def test_broken_exif_is_no_problem() -> None:
    """An Exif block that cannot be read states no orientation and breaks nothing else."""
    data = JPEGS["exif 6"].replace(b"Exif\0\0MM", b"Exif\0\0??")

    assert probe(data) == HeaderFacts("image/jpeg", 40, 24, None, None)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientation_out_of_range_is_none(value: int) -> None:
    """Only 1 to 8 are orientations."""
    assert probe(encoded("JPEG", exif=exif_of(value))).orientation is None


def bombs() -> dict[str, bytes]:
    """Return files of a few kilobytes that declare 50,000 x 50,000 pixels."""
    side = 50_000
    jpeg = bytearray(JPEGS["baseline"])
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", side, side)
    png = bytearray(OTHERS["png RGB"])
    png[16:24] = struct.pack(">II", side, side)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    gif = bytearray(OTHERS["gif"])
    gif[6:10] = struct.pack("<HH", side, side)
    bmp = bytearray(OTHERS["bmp"])
    bmp[18:26] = struct.pack("<II", side, side)
    webp = bytearray(OTHERS["webp exif"])
    webp[24:30] = 2 * (side - 1).to_bytes(3, "little")
    tiff = bytearray(OTHERS["tiff"])
    for tag, old in ((0x100, 40), (0x101, 24)):
        at = tiff.index(struct.pack("<HHII", tag, 4, 1, old))
        tiff[at + 8 : at + 12] = struct.pack("<I", side)
    made = {"jpeg": jpeg, "png": png, "gif": gif, "bmp": bmp, "webp": webp, "tiff": tiff}
    return {name: bytes(data) for name, data in made.items()}


@pytest.mark.parametrize(("name", "data"), bombs().items())
def test_bomb_is_measured_and_not_feared(name: str, data: bytes) -> None:
    """A header of 50,000 x 50,000 pixels is read like any other, without a warning."""
    facts = probe(data)

    assert (facts.width, facts.height) == (50_000, 50_000), name


def test_ordinary_jpeg_needs_no_pillow() -> None:
    """Probing a JPEG without EXIF imports neither Pillow nor NumPy; other files import Pillow."""
    code = (
        "import sys; from packhouse._src.images.probing import probe;"
        f"print(probe({JPEGS['baseline']!r}).width, 'PIL' in sys.modules, 'numpy' in sys.modules);"
        f"print(probe({JPEGS['exif 6']!r}).orientation, 'PIL' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["40", "False", "False", "6", "True"]


def check(facts: HeaderFacts) -> None:
    """Assert what holds of the facts of any bytes whatever."""
    assert facts.problem in PROBLEMS
    assert (facts.width is None) == (facts.height is None)
    assert (facts.media_type is None) == (facts.problem in {"empty", "not an image"})
    assert facts.width is not None or facts.problem is not None
    assert facts.width is None or 0 < facts.width < 2**31  # what the index can hold
    assert facts.height is None or 0 < facts.height < 2**31
    assert facts.orientation in {None, *range(1, 9)}


STARTS = sorted({data[:n] for data in ALL.values() for n in (4, 12, 30)})
BUDGET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@BUDGET
@given(start=st.sampled_from([b"", *STARTS]), rest=st.binary(max_size=300))
def test_probe_never_raises_on_arbitrary_bytes(start: bytes, rest: bytes) -> None:
    """Any bytes, with the beginning of an image or without, give facts."""
    check(probe(start + rest))


@BUDGET
@given(name=st.sampled_from(sorted(ALL)), fraction=st.floats(0, 1))
def test_probe_never_raises_on_a_prefix(name: str, fraction: float) -> None:
    """The beginning of any image gives facts."""
    data = ALL[name]

    check(probe(data[: int(fraction * len(data))]))


@BUDGET
@given(name=st.sampled_from(sorted(ALL)), at=st.integers(0, 700), byte=st.integers(0, 255))
def test_probe_never_raises_on_a_mutation(name: str, at: int, byte: int) -> None:
    """An image with one byte changed gives facts."""
    data = bytearray(ALL[name])
    data[at % len(data)] = byte

    check(probe(bytes(data)))


EXTREMES = sorted({
    value.to_bytes(size, order)
    for size in (2, 4)
    for value in (0, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)
    for order in ("little", "big")
})  # fmt: skip
HEADER_BYTES = 64
FIELDS = {"jpeg": JPEGS["exif 6"]} | {
    name: data for name, data in OTHERS.items() if not name.startswith("png ") or name == "png exif"
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_at_its_extremes(name: str) -> None:
    """Zero, and the largest and smallest numbers of 2 and 4 bytes, at every place of a header."""
    data = FIELDS[name]
    for at in range(min(len(data), HEADER_BYTES)):
        for value in EXTREMES:
            check(probe(data[:at] + value + data[at + len(value) :]))


def test_a_bmp_of_minus_two_to_the_31_rows() -> None:
    """Its height has no positive counterpart in 32 bits: the image has a problem, and no size."""
    bmp = b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 3, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0)

    assert probe(bmp) == HeaderFacts("image/bmp", None, None, None, "unreadable header")
