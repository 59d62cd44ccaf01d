"""The files that are bad on purpose: each is what it is said to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, UnidentifiedImageError

import packhouse
from packhouse import SampleSummary
from packhouse._src.synthetic.articles import article_ids, read_article
from packhouse._src.synthetic.drawing import draw_jpeg, make_textures
from packhouse._src.synthetic.problems import PROBLEM_IDS

IMAGES = 10
IDS = article_ids(0, IMAGES, PROBLEM_IDS).problems


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleSummary:
    """Return a small sample with problems."""
    folder = tmp_path_factory.mktemp("sample")
    return packhouse.sample(folder, images=IMAGES, customers=5, transactions=20, problems=True)


def path_of(sample: SampleSummary, number: int, ending: str = ".jpg") -> Path:
    """Return the file of the n-th problem id."""
    return sample.folder / "images" / IDS[number][:3] / f"{IDS[number]}{ending}"


def test_list_is_complete(sample: SampleSummary) -> None:
    """The summary names exactly the files that are there besides the sound images, sorted."""
    sound = {f"images/{one[:3]}/{one}.jpg" for one in article_ids(0, IMAGES).pictured}
    there = {
        path.relative_to(sample.folder).as_posix()
        for path in (sample.folder / "images").rglob("*")
        if path.is_file()
    }
    assert set(sample.problems) == there - sound
    assert list(sample.problems) == sorted(sample.problems)
    assert len(sample.problems) == 12
    assert sound < there


def test_problem_ids_have_rows(sample: SampleSummary) -> None:
    """Each id that a problem file is named after has a row in articles.csv."""
    text = (sample.folder / "articles.csv").read_text("utf-8")
    assert all(f"\n{one}," in text for one in IDS)
    assert len(IDS) == PROBLEM_IDS


def test_empty(sample: SampleSummary) -> None:
    """One image has no bytes."""
    assert path_of(sample, 0).stat().st_size == 0


def test_truncated(sample: SampleSummary) -> None:
    """One JPEG begins well and ends early."""
    with Image.open(path_of(sample, 1)) as image:
        assert image.format == "JPEG"
        with pytest.raises(OSError, match="truncated"):
            image.load()


def test_mislabelled_png(sample: SampleSummary) -> None:
    """One .jpg holds a sound PNG."""
    with Image.open(path_of(sample, 2)) as image:
        image.load()
        assert image.format == "PNG"


def test_text_as_image(sample: SampleSummary) -> None:
    """One .jpg holds text."""
    assert path_of(sample, 3).read_text("ascii").startswith("404")
    with pytest.raises(UnidentifiedImageError):
        Image.open(path_of(sample, 3))


def test_cmyk(sample: SampleSummary) -> None:
    """One JPEG is in CMYK."""
    with Image.open(path_of(sample, 4)) as image:
        image.load()
        assert (image.format, image.mode) == ("JPEG", "CMYK")


def test_sixteen_bits(sample: SampleSummary) -> None:
    """One PNG is grey with 16 bits a pixel, from dark to light."""
    with Image.open(path_of(sample, 5, ".png")) as image:
        assert (image.format, image.mode) == ("PNG", "I;16")
        assert np.asarray(image).max() > 255 * 100


def test_orientation(sample: SampleSummary) -> None:
    """One JPEG is stored lying down, and stands upright as its EXIF tag tells."""
    upright = draw_jpeg(read_article(0, IDS[6]), 0, make_textures(0))
    with Image.open(path_of(sample, 6)) as image:
        assert image.getexif()[0x0112] == 6
        assert image.width > image.height
        turned = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    path = sample.folder / "upright.jpg"
    path.write_bytes(upright)
    with Image.open(path) as image:
        assert np.abs(np.asarray(image).astype(int) - turned).mean() < 4
    path.unlink()


def test_two_files_of_one_stem(sample: SampleSummary) -> None:
    """One article has a .jpg and a .png, both sound and of one size."""
    with Image.open(path_of(sample, 7)) as one, Image.open(path_of(sample, 7, ".png")) as other:
        assert (one.format, other.format) == ("JPEG", "PNG")
        assert one.size == other.size


def test_litter(sample: SampleSummary) -> None:
    """The litter of two operating systems and a note lie among the images."""
    names = {Path(path).name for path in sample.problems}
    assert {".DS_Store", "Thumbs.db", "notes.txt"} <= names
