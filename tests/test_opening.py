"""`packhouse.open` and what it hands out."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

import packhouse
from packhouse.errors import CorruptStoreError, ImageError, NotAPackError, QueryError
from small_dataset import JOIN, DataSet


@pytest.fixture
def packed(dataset: DataSet, tmp_path: Path) -> Path:
    """A pack of the data set, with one text file among the images."""
    (dataset.folder / "images" / "010" / "text.jpg").write_text("no picture")
    packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN])
    return tmp_path / "shop.pack"


def test_an_image_tells_what_the_index_says(packed: Path, dataset: DataSet) -> None:
    """Facts, digest and bytes of one image, by its key."""
    path, data = min(dataset.files.items())
    image = packhouse.open(packed).images[path.removeprefix("images/").removesuffix(".jpg")]

    assert (image.media_type, image.width, image.height) == ("image/jpeg", 40, 60)
    assert (image.file_name, image.length, image.problem) == (path, len(data), None)
    assert image.group + "/" + image.name == image.key
    assert len(image.digest) == 32
    assert repr(image).startswith(f"<{image.key}: image/jpeg, 40 x 60")


def test_decode_gives_an_rgb_array_and_to_pil_a_picture(packed: Path, dataset: DataSet) -> None:
    """Pixels as Pillow decodes them, within the rounding of the two decoders; sizes as asked for."""
    path, data = min(dataset.files.items())
    image = packhouse.open(packed).images[path.removeprefix("images/").removesuffix(".jpg")]

    pixels = image.decode()

    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert pixels.shape == (60, 40, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - expected).max() <= 2
    assert image.decode(size=(16, 24)).shape == (16, 24, 3)
    assert image.to_pil().size == (40, 60)


def test_a_broken_image_names_its_key_when_it_is_decoded(packed: Path) -> None:
    """Its bytes are there all the same."""
    image = packhouse.open(packed).images["010/text"]

    assert image.bytes == b"no picture"
    with pytest.raises(ImageError, match=r"\[010/text\]"):
        image.decode()
    with pytest.raises(ImageError, match=r"\[010/text\]"):
        image.to_pil()


def test_the_row_of_an_image(packed: Path, dataset: DataSet) -> None:
    """The linked row by key or name; None for an image that no row names."""
    name = min(dataset.files).split("/")[2].removesuffix(".jpg")

    with packhouse.open(packed) as pack:
        row = pack.row(name)
        assert row is not None
        assert row["article_id"] == name
        assert row["image_key"] == pack.images[name].key
        assert pack.row("010/text") is None


def test_find_joins_images_with_their_rows(packed: Path) -> None:
    """Conditions on both sides; images without a row have nulls there."""
    with packhouse.open(packed) as pack:
        assert pack.find("problem IS NOT NULL") == ["010/text"]
        assert pack.find("article_id IS NULL") == ["010/text"]
        assert len(pack.find("width = 40 -- a comment")) == 24
        with pytest.raises(QueryError, match=r"image_index\.name or articles\.name"):
            pack.find("name = 'Dress 1'")
        with pytest.raises(QueryError, match="empty"):
            pack.find(" ")
        with pytest.raises(QueryError):
            pack.find("true) UNION SELECT path FROM read_text('/etc/passwd') WHERE (true")


def test_tables_go_wherever_arrow_goes(packed: Path, dataset: DataSet) -> None:
    """Arrow, pandas, Polars, SQL over all tables of the pack, and the PyCapsule interface."""
    with packhouse.open(packed) as pack:
        train = pack.tables["train"]
        assert len(train) == len(dataset.transactions)
        assert pa.table(train).num_rows == len(train)
        assert list(train.to_pandas().columns) == list(train.columns)
        assert train.to_polars().rows() == pl.DataFrame(train).rows()
        assert train.to_polars()["price"].to_list() == [float(row[3]) for row in dataset.transactions]
        counted = train.sql("SELECT count(*) AS n FROM articles WHERE image").to_pylist()
        assert counted == [{"n": len(dataset.files)}]


def test_a_pack_stays_the_same_when_the_folder_changes(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack opened by a relative path is read, reopened and unpickled from another folder."""
    monkeypatch.chdir(packed.parent)
    pack = packhouse.open(packed.name)
    key = next(iter(pack.images))
    text = pickle.dumps(pack)

    monkeypatch.chdir("/")
    pack.images.close()

    assert pack.images[key].bytes == pickle.loads(text).images[key].bytes  # noqa: S301  # our own


def test_a_pack_is_picklable_and_reopens(packed: Path) -> None:
    """As its path: small, and the copy reads."""
    pack = packhouse.open(packed)
    _ = pack.images, pack.tables

    text = pickle.dumps(pack)
    copy = pickle.loads(text)  # noqa: S301  # our own

    assert len(text) < 2000
    key = next(iter(copy.images))
    assert copy.images[key].bytes == pack.images[key].bytes


@pytest.mark.parametrize("damage", ["{", "[]", '{"format_version": 99}', '{"format_version": 1}', "\xff"])
def test_a_manifest_that_cannot_be_read_is_refused(packed: Path, damage: str) -> None:
    """Broken JSON, another thing, a newer version, wrong bytes: an error that names the pack."""
    (packed / "pack.json").write_bytes(damage.encode("latin-1"))

    with pytest.raises((CorruptStoreError, NotAPackError), match=str(packed)):
        packhouse.open(packed)


def test_what_is_no_pack_says_what_to_open(packed: Path, tmp_path: Path) -> None:
    """A missing path, a folder without manifest, a file; images.h5 of a pack points to its folder."""
    with pytest.raises(NotAPackError, match="no such pack"):
        packhouse.open(tmp_path / "absent")
    with pytest.raises(NotAPackError, match=r"no pack\.json"):
        packhouse.open(tmp_path)
    with pytest.raises(NotAPackError, match="the folder it lies in"):
        packhouse.open(packed / "images.h5")


@pytest.mark.parametrize("name", ["images.h5", "image_index.parquet"])
def test_a_missing_file_is_seen_at_opening(packed: Path, name: str) -> None:
    """Not in the middle of a training."""
    (packed / name).unlink()

    with pytest.raises(NotAPackError, match=name):
        packhouse.open(packed)


def test_a_missing_table_is_seen_when_tables_are_used(packed: Path) -> None:
    """The images of such a pack can be read all the same."""
    (packed / "customers.parquet").unlink()

    with packhouse.open(packed) as pack:
        assert len(pack.images) == 25
        with pytest.raises(CorruptStoreError, match=r"customers\.parquet"):
            pack.tables["articles"].to_arrow()


def test_reading_never_goes_through_h5py(packed: Path) -> None:
    """Opening a pack and reading all its images imports no h5py."""
    code = (
        "import sys, packhouse; pack = packhouse.open(sys.argv[1]); "
        "print(sum(len(image.bytes) for image in pack.images.values()), 'h5py' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(packed)], capture_output=True, text=True, check=True
    )

    total, imported = run.stdout.split()
    assert int(total) == json.loads((packed / "pack.json").read_text())["images"]["source_bytes"]
    assert imported == "False"
