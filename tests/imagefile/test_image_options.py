"""Options of one image, and of what loads it: sizes, limits, and keys that are none."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import packhouse
from packhouse._src.opening import Pack
from packhouse.errors import ImageError, KeyNotFoundError, UsageError
from small_dataset import jpeg

NAMES = ("010/0108775015", "010/0108775044", "011/0111565001", "07", "12", "x/12.5")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Six JPEGs of 40 x 30, and a PNG and a TIFF of the same size."""
    folder = tmp_path_factory.mktemp("options")
    for number, name in enumerate(NAMES):
        path = folder / "src" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(number, width=40, height=30))
    picture = Image.open(io.BytesIO(jpeg(1, width=40, height=30)))
    for suffix in ("png", "tif", "webp", "bmp", "gif"):
        picture.save(folder / "src" / f"a_{suffix}.{suffix}")
    packhouse.pack(folder / "src", folder / "pack")
    return packhouse.open(folder / "pack")


@pytest.mark.parametrize("size", [8, np.int64(8), (8, 8), [8, 8], (np.int32(8), 8)])
def test_a_size_may_be_one_number(pack: Pack, size: Any) -> None:  # noqa: ANN401
    """For a square, of any type of whole number, in decode as in the loader."""
    image = pack.images["a_png"].decode(size=size)

    assert image.shape == (8, 8, 3)
    (batch,) = pack.loader(batch_size=1, size=size, where="key = 'a_png'")
    assert np.array_equal(batch.images[0], image)


@pytest.mark.parametrize("size", [True, 2.5, "8", (8, 8, 3), (8,), (8, None), 0, -3, (0, 8)])
def test_other_sizes_are_refused(pack: Pack, size: Any) -> None:  # noqa: ANN401
    """By both, with what a size is."""
    with pytest.raises(UsageError, match="size"):
        pack.images["a_png"].decode(size=size)
    with pytest.raises(UsageError, match="size"):
        pack.samples(size=size)


@pytest.mark.parametrize("key", ["a_png", "a_tif", "a_webp", "a_bmp", "a_gif", "12"])
def test_a_limit_of_pixels_may_be_set(pack: Pack, key: str) -> None:
    """An image of exactly that many is decoded, of one more it is an error that names the option."""
    image = pack.images[key]

    assert image.decode(max_pixels=1200).shape == (30, 40, 3)
    assert image.to_pil(max_pixels=1200).size == (40, 30)
    for refused in (image.decode, image.to_pil):
        with pytest.raises(ImageError, match=rf"40 x 30 pixels(.*\n)*.*{key}(.*\n)*.*max_pixels=1200"):
            refused(max_pixels=1199)
    for size in (None, 20):
        with pytest.raises(ImageError, match=rf"{key}(.*\n)*.*max_pixels=1200"):
            next(iter(pack.loader(size=size, where=f"key = '{key}'", max_pixels=1199)))
        skipping = pack.loader(size=size, where=f"key = '{key}'", max_pixels=1199, on_error="skip")
        with pytest.warns(UserWarning, match=key):
            list(skipping)
        assert list(skipping.stats.broken) == [key]
        assert len(next(iter(pack.loader(size=size, max_pixels=1200)))) == len(pack.images)


@pytest.mark.parametrize("most", [0, -1, True, 2.5, "9", None])
def test_other_limits_are_refused(pack: Pack, most: Any) -> None:  # noqa: ANN401
    """A limit is a whole number of pixels."""
    with pytest.raises(UsageError, match="max_pixels"):
        pack.images["12"].decode(max_pixels=most)
    with pytest.raises(UsageError, match="max_pixels"):
        pack.samples(max_pixels=most)


def test_more_pixels_than_pillow_opens_are_refused_by_default(tmp_path: Path) -> None:
    """64 megapixels are begun, and found to be cut short; of a hundred the error says how to have them."""
    (tmp_path / "src").mkdir()
    for name, width in (("large", 8_000), ("huge", 10_000)):
        head = struct.pack(">IIBBBBB", width, width, 1, 0, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b""))
        data = b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
        (tmp_path / "src" / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    packhouse.pack(tmp_path / "src", tmp_path / "pack")
    pack = packhouse.open(tmp_path / "pack")

    with pytest.raises(ImageError, match=r"max_pixels=100000000"):
        pack.images["huge"].decode(8)
    with pytest.raises(ImageError) as caught:
        pack.images["large"].decode(8)
    assert "max_pixels" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("108775015", "did you mean 010/0108775015?"),
        ("0108775015.jpg", "did you mean 010/0108775015?"),
        ("010/0108775015.jpg", "did you mean 010/0108775015?"),
        ("data/images/010/0108775015.jpg", "did you mean 010/0108775015?"),
        ("zzz", "list the keys with packhouse ls PACK, or list(pack.images)"),
    ],
)
def test_an_id_without_its_zeros_and_a_path_are_answered_with_the_key(
    pack: Pack, key: str, hint: str
) -> None:
    """What a spreadsheet made of an id, and the file that was packed, name one image."""
    with pytest.raises(KeyNotFoundError) as caught:
        pack.images.read(key)

    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (108775015, "'0108775015'"),
        (np.int64(108775044), "'0108775044'"),
        (12, "'12'"),
        (7, "'07'"),
        (0, r"list\(pack\.images\).*first is '010/0108775015'"),
        (-1, r"list\(pack\.images\)"),
        (slice(3), r"list\(pack\.images\)"),
        (True, "bool"),
        (12.0, "float"),
        (None, "NoneType"),
        (b"07", r"'07'"),
        (Path("010/0108775015.jpg"), r"'010/0108775015'"),
        (("010", "0108775015"), "tuple"),
    ],
)
def test_keys_of_other_types_say_what_is_meant(pack: Pack, key: Any, says: str) -> None:  # noqa: ANN401
    """Every way to ask for an image says that keys are text, and which key could be meant."""
    asked: list[Callable[[], object]] = [
        lambda: pack.images[key],
        lambda: pack.images.read(key),
        lambda: pack.images.read_many(["12", key]),
        lambda: pack.row(key),
        lambda: pack.rows(key),
    ]

    for ask in asked:
        with pytest.raises(KeyNotFoundError, match=rf"keys are text, not (.*\n)*.*{says}"):
            ask()
    assert pack.images.get(key) is None
    assert key not in pack.images
