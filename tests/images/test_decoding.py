"""Decoding gives what Pillow gives, upright and in the wanted shape, or an ImageError."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, features

from packhouse._src.images.cropping import centre
from packhouse._src.images.decoding import decode
from packhouse._src.images.probing import probe
from packhouse.errors import ImageError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MOST_LEVELS_APART = 2  # of one sample, between two builds of libjpeg-turbo at full size
MOST_MEAN_LEVELS_APART = 1.5  # on a smooth picture
# A JPEG is cut to whole pixels after its DCT made them 2 to 8 stored ones wide.
MOST_MEAN_LEVELS_APART_SCALED = 4.5
FORMATS = [
    "JPEG",
    "PNG",
    "GIF",
    "WEBP",
    "BMP",
    "TIFF",
    *(["AVIF"] if features.check("avif") else []),
]


def photo(height: int, width: int) -> Image.Image:
    """Return a smooth picture without symmetry, as photographs are, with a little noise."""
    rng = np.random.default_rng(height * 10_007 + width)
    rows, columns = np.mgrid[0:height, 0:width]
    channels = [
        128
        + 70 * np.sin(columns / (11 + 4 * k) + rows / (19 - 3 * k) + k)
        + 40 * (columns / width - rows / height) * (k + 1) / 3
        for k in range(3)
    ]
    noisy = np.stack(channels, axis=-1) + rng.normal(0, 2, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def saved(image: Image.Image, name: str = "JPEG", **options: object) -> bytes:
    """Return an image as a file of a format of Pillow."""
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def turned(orientation: int) -> Image.Exif:
    """Return an Exif block that states an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def reference(data: bytes, size: tuple[int, int] | None = None) -> NDArray[np.int16]:
    """Return what Pillow alone makes of a file: upright, RGB, cut and scaled with its bilinear filter."""
    with Image.open(io.BytesIO(data)) as stored:
        image = ImageOps.exif_transpose(stored).convert("RGB")
    if size is not None:
        top, left, height, width = centre((image.height, image.width), size).box
        image = image.crop((left, top, left + width, top + height))
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image).astype(np.int16)


def assert_sound(pixels: NDArray[np.uint8]) -> None:
    """Assert what is promised of every result besides its values."""
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.owndata
    assert pixels.flags.writeable


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(photo(75, 101), quality=90), id="baseline"),
        pytest.param(saved(photo(75, 101), progressive=True), id="progressive"),
        pytest.param(saved(photo(75, 101), subsampling=0), id="444"),
        pytest.param(saved(photo(75, 101), subsampling=1), id="422"),
        pytest.param(saved(photo(75, 101), keep_rgb=True), id="rgb"),
        pytest.param(saved(photo(75, 101), restart_marker_blocks=3), id="restarts"),
        pytest.param(saved(photo(75, 101).convert("L")), id="grey"),
        pytest.param(saved(photo(75, 101).convert("CMYK")), id="cmyk"),
        pytest.param(saved(photo(5, 3)), id="five by three"),
        pytest.param(saved(photo(1, 1)), id="one pixel"),
    ],
)
def test_full_jpeg_is_that_of_pillow(data: bytes) -> None:
    """At the stored size no sample is more than two levels from Pillow's."""
    pixels = decode(data)

    assert np.abs(pixels - reference(data)).max() <= MOST_LEVELS_APART
    assert_sound(pixels)


@pytest.mark.parametrize("name", FORMATS[1:])
def test_other_full_format_is_that_of_pillow(name: str) -> None:
    """Formats that Pillow decodes are exactly as Pillow decodes them."""
    data = saved(photo(75, 101), name)

    pixels = decode(data)

    assert np.array_equal(pixels, reference(data))
    assert_sound(pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", [name for name in FORMATS if name not in {"GIF", "BMP"}])
def test_every_orientation_is_turned_upright(name: str, orientation: int) -> None:
    """All eight orientations come out as Pillow's `exif_transpose` turns them, cut or not."""
    data = saved(photo(61, 110), name, exif=turned(orientation))

    pixels, cut = decode(data), decode(data, size=(40, 30))

    assert pixels.shape == ((61, 110, 3) if orientation < 5 else (110, 61, 3))
    assert np.abs(pixels - reference(data)).max() <= MOST_LEVELS_APART
    assert np.abs(cut - reference(data, (40, 30))).mean() <= MOST_MEAN_LEVELS_APART_SCALED
    assert_sound(pixels)
    assert_sound(cut)


@pytest.mark.parametrize(
    "size",
    [
        pytest.param((224, 224), id="square"),
        pytest.param((37, 91), id="odd"),
        pytest.param((150, 200), id="exactly one half"),
        pytest.param((38, 50), id="one eighth, rounded up"),
        pytest.param((301, 401), id="a little larger"),
        pytest.param((640, 500), id="larger"),
        pytest.param((1, 1), id="one pixel"),
        pytest.param((290, 4), id="a pillar"),
        pytest.param((3, 390), id="a beam"),
    ],
)
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_cut_to_size_is_like_pillows_fit(name: str, size: tuple[int, int]) -> None:
    """Any size comes back exactly, and close to Pillow's own bilinear scaling of the full image."""
    data = saved(photo(300, 401), name)

    pixels = decode(data, size=size)

    assert pixels.shape == (*size, 3)
    is_scaled = name == "JPEG" or size == (1, 1)
    most = MOST_MEAN_LEVELS_APART_SCALED if is_scaled else MOST_MEAN_LEVELS_APART
    assert np.abs(pixels - reference(data, size)).mean() <= most
    assert_sound(pixels)


@pytest.mark.parametrize("stored", [(1, 900), (900, 1), (2, 2), (7, 8), (9, 17), (400, 3)])
@pytest.mark.parametrize("size", [(10, 10), (1, 30), (5, 2)])
def test_extreme_shapes_have_the_wanted_shape(stored: tuple[int, int], size: tuple[int, int]) -> None:
    """Threads and specks are cut to size like everything else."""
    data = saved(photo(*stored), subsampling=0, quality=95)

    pixels = decode(data, size=size)

    assert pixels.shape == (*size, 3)
    assert np.abs(pixels - reference(data, size)).mean() <= 2 * MOST_MEAN_LEVELS_APART


@settings(max_examples=60, deadline=None)
@given(
    stored=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    orientation=st.integers(1, 8),
)
def test_shape_is_always_the_wanted_one(
    stored: tuple[int, int], size: tuple[int, int], orientation: int
) -> None:
    """Whatever is stored and however it lies, the result has the shape that was asked for."""
    data = saved(photo(*stored), exif=turned(orientation))

    assert decode(data, size=size).shape == (*size, 3)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5)])
def test_size_must_be_positive(size: tuple[int, int]) -> None:
    """A size without pixels is refused before anything is decoded."""
    with pytest.raises(UsageError, match="positive"):
        decode(saved(photo(9, 9)), size=size)


def test_grey_of_16_bits_keeps_its_high_byte() -> None:
    """16-bit grey becomes 8-bit by dropping the low byte, in PNG, in both byte orders of TIFF."""
    wide = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    wanted = np.repeat((wide >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    image = Image.fromarray(wide)
    big_endian = Image.frombytes("I;16B", (64, 64), wide.astype(">u2").tobytes())

    assert np.array_equal(decode(saved(image, "PNG")), wanted)
    assert np.array_equal(decode(saved(image, "TIFF")), wanted)
    assert np.array_equal(decode(saved(big_endian, "TIFF")), wanted)


def test_grey_of_32_bits_is_clipped_to_16() -> None:
    """Grey of 32 bits counts as 16-bit; what lies outside is black or white."""
    wide = np.array([[-5, 0, 255, 256, 65535, 70_000]], dtype=np.int32)

    pixels = decode(saved(Image.fromarray(wide), "TIFF"))

    assert pixels[0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


def test_transparent_value_of_16_bit_grey_is_white() -> None:
    """The one transparent value that a 16-bit PNG may name is laid on white."""
    image = Image.fromarray(np.array([[0, 513, 40_000]], dtype=np.uint16))

    pixels = decode(saved(image, "PNG", transparency=513))

    assert pixels[0, :, 0].tolist() == [0, 255, 40_000 >> 8]


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(name: str) -> None:
    """Clear pixels are white, solid ones keep their colour, and half-clear ones lie between."""
    rgba = np.array([[[200, 0, 0, 0], [200, 0, 0, 255], [200, 0, 0, 128]]], dtype=np.uint8)

    pixels = decode(saved(Image.fromarray(rgba), name, lossless=True))

    assert pixels[0, :2].tolist() == [[255, 255, 255], [200, 0, 0]]
    assert np.abs(pixels[0, 2].astype(int) - [227, 127, 127]).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_png_may_say_behind_its_pixels_how_it_is_turned(orientation: int) -> None:
    """The eXIf chunk may stand anywhere; Pillow comes to it when the pixels are read."""
    before = saved(photo(61, 110), "PNG", exif=turned(orientation))
    start = before.index(b"eXIf") - 4
    chunk = before[start : start + 12 + int.from_bytes(before[start : start + 4], "big")]
    end = before.rindex(b"IEND") - 4
    behind = before[:start] + before[start + len(chunk) : end] + chunk + before[end:]
    assert behind.index(b"eXIf") > behind.index(b"IDAT")

    image = Image.open(io.BytesIO(behind))
    image.load()
    assert np.array_equal(decode(behind), np.asarray(ImageOps.exif_transpose(image)))
    assert probe(behind) == probe(before)
    assert probe(behind).orientation == orientation


def test_transparency_of_grey_and_palette_is_laid_on_white() -> None:
    """LA, a palette with a clear entry, and a clear colour of grey or RGB are laid on white too."""
    grey_alpha = Image.frombytes("LA", (2, 1), bytes([9, 0, 9, 255]))
    palette = Image.frombytes("P", (2, 1), bytes([0, 1]))
    palette.putpalette([9, 9, 9, 9, 9, 9])
    grey = Image.fromarray(np.array([[7, 9]], dtype=np.uint8))
    wanted = [[[255] * 3, [9] * 3]]

    assert decode(saved(grey_alpha, "PNG")).tolist() == wanted
    assert decode(saved(palette, "PNG", transparency=0)).tolist() == wanted
    assert decode(saved(palette, "PNG", transparency=b"\0\xff")).tolist() == wanted
    assert decode(saved(palette, "GIF", transparency=0)).tolist() == wanted
    assert decode(saved(grey, "PNG", transparency=7)).tolist() == wanted
    assert decode(saved(grey.convert("RGB"), "PNG", transparency=(7, 7, 7))).tolist() == wanted


@pytest.mark.parametrize("mode", ["1", "L", "P"])
@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF"])
def test_bilevel_grey_and_palette_become_rgb(name: str, mode: str) -> None:
    """Modes of one channel come out in three, with the colours they stand for."""
    data = saved(photo(33, 20).convert(mode), name)

    assert np.array_equal(decode(data), reference(data))


def test_floating_point_is_refused() -> None:
    """Floating-point pixels have no range, so they are not guessed at."""
    data = saved(Image.fromarray(np.ones((4, 4), dtype=np.float32)), "TIFF")

    with pytest.raises(ImageError, match="floating-point"):
        decode(data)


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_an_animation_counts(name: str) -> None:
    """Of several frames the first is decoded."""
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("#ff0000", "#0000ff")]
    data = saved(frames[0], name, save_all=True, append_images=frames[1:])

    red = decode(data).reshape(-1, 3).mean(axis=0)

    assert np.abs(red - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("name", FORMATS)
def test_cut_image_is_never_silently_grey(name: str) -> None:
    """The beginning of a file is an error, or holds all pixels of the whole; a JPEG is an error."""
    data = saved(photo(64, 48), name)
    whole = decode(data)
    places = [*range(0, len(data), 97), *range(len(data) - 30, len(data))]

    for place in places:
        try:
            pixels = decode(data[:place])
        except ImageError:
            continue
        assert name != "JPEG"
        assert np.array_equal(pixels, whole)


@pytest.mark.parametrize("size", [None, (12, 9)])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_with_a_hole_is_refused(*, progressive: bool, size: tuple[int, int] | None) -> None:
    """A JPEG that lost its middle and kept its end is an error at every scale."""
    data = saved(photo(300, 200), progressive=progressive)

    with pytest.raises(ImageError, match="truncated or damaged"):
        decode(data[: len(data) // 3] + data[-2:], size=size)


def test_harmless_oddity_is_left_to_pillow() -> None:
    """A JPEG that only offends libjpeg's strict mode is decoded as every viewer does."""
    data = bytearray(saved(photo(300, 200), exif=turned(6)))
    data[data.index(b"JFIF\0") + 5] = 9

    assert np.array_equal(decode(bytes(data)), reference(bytes(data)))
    assert decode(bytes(data), size=(20, 30)).shape == (20, 30, 3)


def test_twelve_bit_jpeg_is_an_image_error() -> None:
    """What neither decoder reads is an ImageError that says what Pillow said."""
    data = bytearray(saved(photo(30, 20)))
    data[data.index(b"\xff\xc0") + 4] = 12

    with pytest.raises(ImageError, match="12-bit"):
        decode(bytes(data))


@pytest.mark.parametrize(
    "data",
    [b"", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"a,b\n1,2\n", b"\xff\xd8\xff"],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    """Nothing, EPS, text and a mere beginning are ImageErrors."""
    with pytest.raises(ImageError):
        decode(data)


def bombs() -> dict[str, bytes]:
    """Return small files that declare 50,000 x 50,000 pixels."""
    side = (50_000).to_bytes(2, "big")
    made = {}
    for name, marker in (("baseline", b"\xff\xc0"), ("progressive", b"\xff\xc2")):
        jpeg = bytearray(saved(photo(30, 20), progressive=name == "progressive"))
        at = jpeg.index(marker)
        jpeg[at + 5 : at + 9] = side + side
        made[name] = bytes(jpeg)
    gif = bytearray(saved(photo(30, 20), "GIF"))
    gif[6:10] = (side + side)[::-1]
    bmp = bytearray(saved(photo(30, 20), "BMP"))
    bmp[18:26] = 2 * (50_000).to_bytes(4, "little")
    return made | {"gif": bytes(gif), "bmp": bytes(bmp)}


@pytest.mark.parametrize("data", bombs().values(), ids=bombs())
def test_bomb_is_refused_by_its_declared_size(data: bytes) -> None:
    """A header of 50,000 x 50,000 pixels is refused, with the size in the message."""
    with pytest.raises(ImageError, match="declares 50000 x 50000 pixels"):
        decode(data)


def test_webp_bomb_is_refused_before_pillow_opens_it() -> None:
    """Opening a WebP makes its canvas, so even the largest is refused by its header."""
    data = bytearray(saved(photo(30, 20), "WEBP", lossless=True))
    data[21:25] = (16_382 | 16_382 << 14).to_bytes(4, "little")

    with pytest.raises(ImageError, match="declares 16383 x 16383 pixels"):
        decode(bytes(data))


CHILD = """
import resource, sys
from pathlib import Path
from packhouse.errors import ImageError
from packhouse._src.images.decoding import decode
from packhouse._src.images.probing import probe
*bombs, sound = [Path(path).read_bytes() for path in sys.argv[1:]]
decode(sound)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 40_000_000,) * 2)
for bomb in bombs:
    for size in (None, (7000, 7000)):
        try:
            decode(bomb, size=size)
        except ImageError as err:
            print("declares" in err.problem)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures address space as Linux tells it")
def test_bomb_allocates_nothing(tmp_path: Path) -> None:
    """Refusing a bomb takes less than 40 MB of address space, at full size and at a large one."""
    files = {**bombs(), "sound": saved(photo(30, 20))}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    run = subprocess.run(
        [sys.executable, "-c", CHILD, *(str(tmp_path / name) for name in files)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.split() == ["True"] * 2 * len(bombs())


def test_large_baseline_jpeg_is_decoded_small_and_refused_whole() -> None:
    """The limit counts pixels after the DCT scale, but all of a progressive JPEG."""
    image = Image.new("RGB", (9000, 6000), "#336699")
    baseline, progressive = saved(image, quality=1), saved(image, quality=1, progressive=True)

    pixels = decode(baseline, size=(30, 45), max_pixels=50_000_000)

    assert np.abs(pixels.astype(int) - [0x33, 0x66, 0x99]).max() < 30
    with pytest.raises(ImageError, match="9000 x 6000"):
        decode(baseline, max_pixels=50_000_000)
    with pytest.raises(ImageError, match="9000 x 6000"):
        decode(progressive, size=(30, 45), max_pixels=50_000_000)
