"""Mean and deviation are those that NumPy finds over the pixels that Pillow and the loader decode."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import packhouse
from packhouse._src.cache_folder import cache_folder
from packhouse._src.cli.main import group
from packhouse._src.pack_stats.pixel_sums import PixelSums
from packhouse.errors import UsageError
from small_dataset import jpeg


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> packhouse.Pack:
    """Forty JPEGs and PNGs of two classes; one lies on its side, one is cut."""
    folder = tmp_path_factory.mktemp("measured")
    for number in range(40):
        place = folder / "src" / ("cat" if number % 4 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        data = jpeg(number, width=30 + number, height=50)
        if number % 3 == 0:
            buffer = io.BytesIO()
            Image.open(io.BytesIO(data)).save(buffer, "PNG")
            data = buffer.getvalue()
        (place / f"{number:02d}.{'png' if number % 3 == 0 else 'jpg'}").write_bytes(data)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(io.BytesIO(jpeg(77, width=200, height=20))).save(folder / "src/cat/sideways.jpg", exif=exif)
    (folder / "src/dog/cut.jpg").write_bytes(jpeg(78)[:-200])
    packhouse.pack(folder / "src", folder / "a.pack")
    return packhouse.open(folder / "a.pack")


@pytest.mark.parametrize("size", [32, (20, 48), None])
def test_mean_and_deviation_are_exact(pack: packhouse.Pack, size: int | tuple[int, int] | None) -> None:
    """Over all pixels of all images that can be decoded."""
    stats = pack.stats(size=size)
    keys = [key for key in pack.images if key != "dog/cut"]
    pixels = np.concatenate([pack.images[key].decode(size=size).reshape(-1, 3) for key in keys]) / 255
    assert stats.pixels.pixels == len(pixels)
    assert np.allclose(stats.pixels.mean, pixels.mean(axis=0), rtol=0, atol=1e-12)
    assert np.allclose(stats.pixels.std, pixels.std(axis=0), rtol=0, atol=1e-12)
    assert (stats.pixels.mean_error, stats.measured, list(stats.broken)) == (None, 41, ["dog/cut"])


def test_facts_are_those_of_pillow(pack: packhouse.Pack) -> None:
    """Upright sizes, formats, bytes, classes."""
    stats = pack.stats(size=8, label="group")
    pictures = {key: Image.open(io.BytesIO(pack.images[key].bytes)) for key in pack.images}
    sizes = [(20, 200) if key == "cat/sideways" else picture.size for key, picture in pictures.items()]
    widths, heights = zip(*sizes, strict=True)
    assert stats.width == (min(widths), np.median(widths), max(widths))
    assert stats.height == (min(heights), np.median(heights), max(heights))
    assert stats.aspect.least == pytest.approx(20 / 200)
    assert stats.formats == dict(
        Counter(f"image/{str(picture.format).lower()}" for picture in pictures.values()).most_common()
    )
    assert stats.bytes == sum(image.length for image in pack.images.values())
    assert stats.classes == {"cat": 31, "dog": 11}
    assert "2 classes: cat 31, dog 11" in str(stats)
    assert stats.normalize in str(stats)


def test_a_choice_is_measured_alone(pack: packhouse.Pack) -> None:
    """By condition and by split."""
    assert pack.stats(size=8, where="\"group\" = 'dog'").images == 11
    train, val = (pack.stats(size=8, split=split, val=0.3) for split in ("train", "val"))
    assert train.images + val.images == 42


def test_errors_of_samples_are_honest(pack: packhouse.Pack) -> None:
    """Of many samples about two thirds are within one standard error of the exact values."""
    exact = pack.stats(size=16).pixels
    hits = [
        abs(found.mean[channel] - exact.mean[channel]) <= found.mean_error[channel]
        for seed in range(60)
        for found in [pack.stats(size=16, sample=12, seed=seed).pixels]
        for channel in range(3)
        if found.mean_error is not None
    ]
    assert len(hits) == 180
    assert 0.5 < np.mean(hits) < 0.85


def test_sums_are_kept_and_a_damaged_cache_does_not_matter(pack: packhouse.Pack) -> None:
    """The second call reads no pixels; what cannot be read in the cache is measured again."""
    first = pack.stats(size=24)
    (entry,) = (
        one
        for one in (cache_folder() / "stats").iterdir()
        if json.loads(one.read_text())["pixels"] == 41 * 576
    )
    document = json.loads(entry.read_text())
    entry.write_text(json.dumps({**document, "mean": [0.5, 0.5, 0.5]}))
    assert pack.stats(size=24).pixels.mean == (0.5, 0.5, 0.5)
    for damaged in ("", "[]", "{}", '{"mean": 3}', "[" * 100_000):
        entry.write_text(damaged)
        assert pack.stats(size=24) == first
    for name, value in (
        ("std", [1]),
        ("std", [-1, 1, 1]),
        ("mean", [float("nan")] * 3),
        ("pixels", None),
        ("pixels", "many"),
        ("pixels", float("inf")),
        ("mean_error", [0.1]),
        ("mean_error", [0.1] * 3),
    ):
        entry.write_text(json.dumps({**document, name: value}))
        assert pack.stats(size=24) == first
    entry.write_text(json.dumps({name: value for name, value in document.items() if name != "pixels"}))
    assert pack.stats(size=24) == first


def test_sums_do_not_lose_digits() -> None:
    """Bright pixels that hardly differ: 254 and 255."""
    sums = PixelSums()
    image = np.full((1000, 1000, 3), 255, np.uint8)
    image[::2] = 254
    sums.add([image] * 3)
    assert sums.moments(population=0).std == pytest.approx((0.5 / 255,) * 3, rel=1e-12)


def test_the_command_prints_it(pack: packhouse.Pack) -> None:
    """In words and as JSON."""
    arguments = ["stats", str(pack.path), "--size", "32", "--label", "group"]
    words = CliRunner().invoke(group, arguments, standalone_mode=False)
    assert words.stdout.splitlines()[-1].strip() == pack.stats(size=32).normalize
    document = json.loads(CliRunner().invoke(group, [*arguments, "--json"], standalone_mode=False).stdout)
    assert document["classes"] == {"cat": 31, "dog": 11}
    assert document["normalize"].startswith("Normalize(mean=[0.")


def test_a_sample_has_at_least_one_image(pack: packhouse.Pack) -> None:
    """Zero is refused; one has no error."""
    with pytest.raises(UsageError, match="at least 1"):
        pack.stats(sample=0)
    assert pack.stats(size=8, sample=1).pixels.mean_error is None


def test_nothing_that_can_be_decoded(tmp_path: Path) -> None:
    """No pixels, and the facts all the same."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/cut.jpg").write_bytes(jpeg(78)[:-200])
    packhouse.pack(tmp_path / "src", tmp_path / "a.pack")
    with packhouse.open(tmp_path / "a.pack") as opened:
        stats = opened.stats(size=8)
        assert (stats.pixels.mean, stats.measured) == ((), 0)
        assert "Normalize" not in str(stats)
