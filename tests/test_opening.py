"""`packhouse.open` and what it hands out."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

import packhouse
from packhouse._src.images.decoding import decode
from packhouse.errors import (
    CorruptStoreError,
    ImageError,
    NotAPackError,
    QueryError,
    StoreError,
    UsageError,
)
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
        assert pack.rows(name) == {"articles": [row]}
        assert pack.rows("010/text") == {"articles": []}


def test_what_has_no_counterpart_is_listed_in_full(packed: Path, dataset: DataSet) -> None:
    """As many images and rows as pack.json counts, and which they are; a table that is not linked is told."""
    with packhouse.open(packed) as pack:
        (link,) = pack.manifest["links"]
        images, rows = list(pack.images_without_row()), list(pack.rows_without_image("articles"))
        assert images == list(pack.images_without_row("articles")) == ["010/text"]
        assert rows == [("articles", name) for name in dataset.without_image]
        assert (len(images), len(rows)) == (link["images_without_row"], link["rows_without_image"])
        with pytest.raises(UsageError, match="'train' is not linked"):
            pack.images_without_row("train")
    with packhouse.open(packed / "images.h5") as lone, pytest.raises(UsageError, match="no table"):
        lone.rows_without_image()


def test_find_joins_images_with_their_rows(packed: Path) -> None:
    """Conditions on both sides; images without a row have nulls there."""
    with packhouse.open(packed) as pack:
        assert pack.find("problem IS NOT NULL") == ["010/text"]
        assert pack.find("article_id IS NULL") == ["010/text"]
        assert len(pack.find("width = 40 -- a comment")) == 24
        with pytest.raises(QueryError, match=r'say which table: "image_index"."name" or "articles"."name"'):
            pack.find("name = 'Dress 1'")
        with pytest.raises(QueryError, match="empty"):
            pack.find(" ")
        assert pack.find("article_id IN (SELECT article_id FROM train)") != []
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
    """A missing path, a folder without manifest, a file of another kind; a folder points to its images.h5."""
    with pytest.raises(NotAPackError, match="no such pack"):
        packhouse.open(tmp_path / "absent")
    with pytest.raises(NotAPackError, match=r"no pack\.json"):
        packhouse.open(tmp_path)
    with pytest.raises(NotAPackError, match="neither a pack nor an HDF5 file"):
        packhouse.open(packed / "pack.json")
    (packed / "pack.json").unlink()
    with pytest.raises(NotAPackError, match=r"or open the image file: .*images\.h5"):
        packhouse.open(packed)


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_pack_without_a_fitting_index_points_to_repair(packed: Path, damage: str) -> None:
    """It is not made anew in silence, as that of a stranger's file is."""
    index = packed / "image_index.parquet"
    index.write_bytes(index.read_bytes()[:-20])
    if damage == "missing":
        index.unlink()

    with pytest.raises(StoreError) as caught:
        packhouse.open(packed)

    assert f"packhouse repair {packed} OUT" in caught.value.hint


def test_the_image_file_of_a_pack_opens_by_its_index(packed: Path) -> None:
    """The same images, nothing is walked or written; there are no tables but the index."""
    before = sorted(path.name for path in packed.iterdir())

    with packhouse.open(packed / "images.h5") as lone, packhouse.open(packed) as pack:
        assert {key: image.bytes for key, image in lone.images.items()} == {
            key: image.bytes for key, image in pack.images.items()
        }
        assert lone.manifest["images"] == pack.manifest["images"]
        assert lone.find("problem IS NOT NULL") == ["010/text"]
        assert list(lone.tables) == ["image_index"]
        assert (lone.links, lone.rows("010/text"), lone.row("010/text")) == ((), {}, None)
    assert sorted(path.name for path in packed.iterdir()) == before


def test_so_it_does_when_the_rest_of_the_pack_is_gone(packed: Path) -> None:
    """What pack.json said of the images is found again."""
    said = packhouse.open(packed).manifest["images"]
    (packed / "pack.json").unlink()

    found = packhouse.open(packed / "images.h5").manifest["images"]

    assert found == {name: said[name] for name in found}
    assert {"count", "groups", "digest", "problems", "bytes"} <= set(found)


def test_a_file_without_images_opens_empty(tmp_path: Path) -> None:
    """It says why: everything in it was refused."""
    with h5py.File(tmp_path / "n.h5", "w") as file:
        file["numbers"] = np.arange(3)

    with packhouse.open(tmp_path / "n.h5") as pack:
        assert len(pack.images) == 0
        assert list(pack.images) == []
        assert "x" not in pack.images
        (refused,) = pack.manifest["refused"]
        assert refused["path"] == "numbers"
        assert refused["reason"].startswith("holds numbers, not images, and no dataset or group has 3 images")


def test_any_hdf5_file_opens(tmp_path: Path, dataset: DataSet) -> None:
    """As the notebook wrote it: images, their index as a table, pickling, reading after close."""
    path = tmp_path / "fashion.h5"
    with h5py.File(path, "w") as file:
        for name, data in dataset.files.items():
            file.create_dataset(name.removesuffix(".jpg"), data=np.bytes_(data))
        file["soft"] = h5py.SoftLink("/images")

    with packhouse.open(path) as pack:
        assert {image.file_name: image.bytes for image in pack.images.values()} == dataset.files
        assert len(pack.find("width = 40")) == len(dataset.files)
        assert pack.manifest["images"]["count"] == len(dataset.files)
        assert pack.manifest["refused"][0]["path"] == "soft"
        assert repr(pack) == f"<Pack {path}: 24 images, tables image_index>"
        copy = pickle.loads(pickle.dumps(pack))  # noqa: S301  # our own
    key = next(iter(copy.images))
    assert pack.images[key].bytes == copy.images[key].bytes
    assert pack.images[key].decode(size=(5, 5)).shape == (5, 5, 3)


@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_decoded_arrays_are_images_too(tmp_path: Path, channels: int | None) -> None:
    """Raw pixels decode to what Pillow makes of the same array, and scale as a PNG of them does."""
    shape = (4, 30, 20) if channels is None else (4, 30, 20, channels)
    array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = array

    with packhouse.open(tmp_path / "a.h5") as pack:
        for row in range(4):
            image, pixels = pack.images[f"x/{row}"], array[row].squeeze()
            theirs = Image.fromarray(pixels)
            white = Image.new("RGBA", theirs.size, "white")
            flat = Image.alpha_composite(white, theirs.convert("RGBA")).convert("RGB")
            assert image.bytes == array[row].tobytes()
            assert (image.width, image.height) == (20, 30)
            assert np.array_equal(np.asarray(image.to_pil()), pixels)
            assert np.array_equal(image.decode(), np.asarray(flat))
            buffer = io.BytesIO()
            theirs.save(buffer, "PNG")
            assert np.array_equal(image.decode(size=(10, 10)), decode(buffer.getvalue(), size=(10, 10)))
        kind = {None: "gray", 1: "gray", 3: "rgb", 4: "rgba"}[channels]
        assert pack.images["x/0"].media_type == f"image/x-raw-{kind}"
        assert pack.images["x/0"].file_name == f"x/0.{kind}"
        with pytest.raises(UsageError):
            pack.images["x/0"].decode(size=(0, 3))


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
        assert pack.tables["articles"].to_arrow().num_rows == len(pack.tables["articles"])
        with pytest.raises(CorruptStoreError, match=r"customers\.parquet"):
            pack.tables["customers"].to_arrow()


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
