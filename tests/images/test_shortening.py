"""A JPEG decoded as far down as it is wanted gives the pixels of one that is decoded whole."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from packhouse._src.images.cropping import CROPS, DRAWS, Box, Cut
from packhouse._src.images.decoding import DecodeOptions, decode, decode_into
from packhouse._src.images.jpeg import partial_decode as partial
from packhouse._src.images.jpeg.markers import read_header
from packhouse._src.images.jpeg.shortening import rows_to_decode, shortened
from packhouse._src.images.scratch import Scratch
from packhouse.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def photo(height: int, width: int, seed: int = 0) -> Image.Image:
    """Return a picture of slopes and noise."""
    rng = np.random.default_rng(seed + 31 * height + width)
    slope = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 80, width))[:, :, None]
    return Image.fromarray((slope + rng.integers(0, 55, (height, width, 3))).astype(np.uint8))


def saved(image: Image.Image, **options: object) -> bytes:
    """Return it as a JPEG."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def turned(orientation: int) -> Image.Exif:
    """Return an Exif segment that states an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def cut_out(
    data: bytes, crop: str, size: tuple[int, int], draws: Sequence[float], background: int = 0
) -> NDArray[np.uint8]:
    """Decode what a crop takes, into memory that held something else before."""
    scratch = Scratch()
    scratch.take("decoded", (2_000_000,))[...] = background
    out = np.zeros((*size, 3), np.uint8)
    decode_into(data, out, DecodeOptions(CROPS[crop]), draws, scratch)
    return out


def decoded_whole(
    monkeypatch: pytest.MonkeyPatch, data: bytes, crop: str, size: tuple[int, int], draws: Sequence[float]
) -> NDArray[np.uint8]:
    """Decode what a crop takes of a picture that is decoded to its end."""
    with monkeypatch.context() as patch:
        patch.setattr(partial, "rows_to_decode", lambda _data, header, _wanted, **_how: header.height)
        return cut_out(data, crop, size, draws)


@given(data=st.data())
def test_same_pixels_whatever_lies_below(data: st.DataObject) -> None:
    """For every sampling, orientation, fraction, crop and place; and nothing is taken from below."""
    height, width = data.draw(st.tuples(st.integers(17, 400), st.integers(17, 200)))
    if data.draw(st.booleans()):
        height, width = width, height
    options = {"subsampling": SAMPLINGS[data.draw(st.sampled_from(sorted(SAMPLINGS)))]}
    exif = turned(data.draw(st.integers(1, 8)))
    file = saved(photo(height, width), exif=exif, **options)
    crop = data.draw(st.sampled_from(sorted(CROPS)))
    size = data.draw(st.tuples(st.integers(1, 60), st.integers(1, 60)))
    draws = np.random.default_rng(data.draw(st.integers(0, 1 << 30))).random(DRAWS).tolist()

    with pytest.MonkeyPatch.context() as patch:
        whole = decoded_whole(patch, file, crop, size, draws)

    assert np.array_equal(cut_out(file, crop, size, draws, background=0x55), whole)
    assert np.array_equal(cut_out(file, crop, size, draws, background=0xAA), whole)


@pytest.mark.parametrize("options", [{"subsampling": s} for s in range(3)] + [{"mode": "L"}])
def test_first_rows_are_those_of_pillow(options: dict[str, object]) -> None:
    """Cut out without scaling: the top of a tall picture, as Pillow decodes it."""
    options = dict(options)
    image = photo(300, 40).convert(str(options.pop("mode", "RGB")))
    data = saved(image, **options)
    wanted = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)

    for top in (0, 7, 50, 111):
        out = np.zeros((90, 40, 3), np.uint8)
        cut = Cut(Box(top, 0, 90, 40), Box(0, 0, 90, 40))
        decode_into(data, out, DecodeOptions(lambda *_, cut=cut: cut), (), Scratch())
        assert np.abs(out - wanted[top : top + 90]).max() <= 2


@pytest.mark.parametrize("at", [0.0, 0.9])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_part_of_a_turned_picture_is_that_of_pillow(orientation: int, at: float) -> None:
    """Which end of the stored picture is left out depends on the orientation."""
    data = saved(photo(160, 60), exif=turned(orientation))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))

    ours = cut_out(data, "random", (60, 60), [0.0, at, at, *[0.0] * DRAWS])

    room = upright.height - 60, upright.width - 60
    top, left = (min(one, int(at * (one + 1))) for one in room)
    wanted = np.asarray(upright.convert("RGB")).astype(int)[top : top + 60, left : left + 60]
    assert np.abs(ours - wanted).max() <= 2


def test_pixels_of_a_fraction_are_counted_from_the_other_end_when_turned() -> None:
    """An eighth of 801 rows is 101 pixels, the last of one row: upside down they come first."""
    data = saved(photo(801, 100), exif=turned(3))
    cut = Cut(Box(385, 0, 320, 96), Box(0, 0, 24, 9))
    wanted = DecodeOptions(lambda *_: cut)
    scratch, fresh, again = Scratch(), np.zeros((24, 9, 3), np.uint8), np.zeros((24, 9, 3), np.uint8)

    decode_into(data, fresh, wanted, (), scratch)
    scratch.take("decoded", (101, 13, 3))[...] = 255
    decode_into(data, again, wanted, (), scratch)

    assert np.array_equal(fresh, again)


def test_a_header_that_cannot_be_is_an_error() -> None:
    """What stops the decoder before the first row leaves no pixels to take."""
    data = bytearray(saved(photo(300, 60)))
    data[data.index(b"\xff\xc4") + 4] = 0x7F

    with pytest.raises(ImageError):
        cut_out(bytes(data), "center", (60, 60), ())


def test_rows_end_with_the_blocks_below() -> None:
    """A row of blocks more than is wanted; all of it where little is saved, or where it does not help."""
    picture = photo(400, 40)
    tall = saved(picture, subsampling=2)
    header = read_header(tall)

    assert [rows_to_decode(tall, header, n) for n in (1, 16, 17, 200)] == [32, 32, 48, 224]
    assert [rows_to_decode(tall, header, n) for n in (358, 359, 400, 5000)] == [400] * 4
    assert rows_to_decode(tall, header, 352) == 368
    assert rows_to_decode(tall, header, 200, fast_chroma=True) == 208
    for whole in (
        saved(picture, progressive=True),
        saved(picture, restart_marker_rows=1),
        saved(picture, restart_marker_blocks=3),
    ):
        assert rows_to_decode(whole, read_header(whole), 10) == 400


def test_shortened_says_so_to_every_reader() -> None:
    """Pillow finds the stated rows, and their pixels are the first of the whole."""
    data = saved(photo(300, 40))
    short = shortened(data, read_header(data), 112)

    with Image.open(io.BytesIO(short)) as image, Image.open(io.BytesIO(data)) as whole:
        assert image.size == (40, 112)
        assert np.array_equal(np.asarray(image)[:96], np.asarray(whole)[:96])
    assert len(short) == len(data)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.99])
def test_a_file_that_ends_too_early_is_still_an_error(kept: float) -> None:
    """Even where all wanted rows are there: what was lost is said."""
    data = saved(photo(400, 60))

    with pytest.raises(ImageError, match="truncated"):
        cut_out(data[: int(kept * len(data))], "center", (50, 60), ())


@given(place=st.floats(0.02, 0.98), value=st.integers(0, 255))
def test_damage_above_is_treated_as_in_a_whole_picture(place: float, value: int) -> None:
    """The same error or pixels that are as close as two decoders come; damage below may pass unseen."""
    data = bytearray(saved(photo(300, 60)))
    scan = read_header(bytes(data)).scan_at + 14
    data[scan + int(place * (len(data) - scan - 2))] = value

    def outcome(*, short: bool) -> NDArray[np.uint8] | str:
        with pytest.MonkeyPatch.context() as patch:
            try:
                if short:
                    return cut_out(bytes(data), "center", (60, 60), ())
                return decoded_whole(patch, bytes(data), "center", (60, 60), ())
            except ImageError as err:
                return str(err)

    ours, whole = outcome(short=True), outcome(short=False)
    if isinstance(ours, str):
        assert isinstance(whole, str)
    elif isinstance(whole, str):
        assert place > 0.5
    else:
        assert np.abs(ours.astype(int) - whole.astype(int)).max() <= 2


def test_all_of_it_is_decoded_when_all_is_asked_for() -> None:
    """At the stored size nothing is left out."""
    data = saved(photo(300, 40))
    pixels = decode(data)

    assert np.abs(pixels - np.asarray(Image.open(io.BytesIO(data))).astype(int)).max() <= 2
