"""Packing third-party HDF5 files: again, on processes, compared with the source, damaged, hostile."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import h5py
import numpy as np
import pytest

import packhouse
from packhouse._src.cli.main import run
from packhouse._src.foreign.library_stream import LibraryStream, StreamedDataset
from packhouse._src.foreign.walker_process import walk_apart
from packhouse._src.packing.hdf5_source import Hdf5Source
from packhouse.errors import SourceError, SourceNotFoundError

PIXELS = np.random.default_rng(3).integers(0, 256, (40, 16, 12, 3), dtype=np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Compressed, channels first, plain, and one each; with labels."""
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as made:
        made.create_dataset("train/images", data=PIXELS, compression="gzip", chunks=(7, 16, 12, 3))
        made["train/labels"] = np.arange(40) % 5
        made["test/images"] = PIXELS.transpose(0, 3, 1, 2)
        made["test/labels"] = np.arange(40) % 5
        for row in range(5):
            made.create_dataset(f"more/img_{row}", data=PIXELS[row], compression="lzf")
    return path


def contents(pack: Path) -> dict[str, bytes]:
    """Return the files of a pack."""
    return {path.name: path.read_bytes() for path in pack.iterdir()}


def test_same_input_same_bytes(file: Path, tmp_path: Path) -> None:
    """Whatever the number of workers, or processes, or the order; and an update reads nothing anew."""
    first = packhouse.pack(file, tmp_path / "a.pack", workers=1)
    packhouse.pack(file, tmp_path / "b.pack", workers=4, engine="processes")

    assert first.is_clean
    assert contents(tmp_path / "a.pack") == contents(tmp_path / "b.pack")
    again = packhouse.pack(file, tmp_path / "a.pack", update=True)
    assert again.updated is not None
    assert (again.updated.unchanged, again.updated.changed) == (85, ())
    assert contents(tmp_path / "a.pack") == contents(tmp_path / "b.pack")


def test_pixels_in_place_are_read_by_processes_too(tmp_path: Path) -> None:
    """Without a stream: each process makes the PNG files of its images."""
    with h5py.File(tmp_path / "p.h5", "w") as made:
        made["x"] = PIXELS
        made["y"] = PIXELS.transpose(0, 3, 1, 2)

    packhouse.pack(tmp_path / "p.h5", tmp_path / "a.pack", images_from=["x", "y"], engine="processes")
    packhouse.pack(tmp_path / "p.h5", tmp_path / "b.pack", images_from=["x", "y"], workers=1)

    assert contents(tmp_path / "a.pack") == contents(tmp_path / "b.pack")


def test_a_pack_is_compared_with_its_file(file: Path, tmp_path: Path) -> None:
    """By the options with which it was made; a changed pixel is found."""
    packhouse.pack(file, tmp_path / "a.pack", images_from=["test/images", "more"], layout=None)

    assert run(["verify", str(tmp_path / "a.pack"), "--against", str(file)]) == 0
    with h5py.File(file, "r+") as made:
        made["test/images"][3, 0, 0, 0] ^= 1
    report = packhouse.verify(tmp_path / "a.pack", against=file)
    assert [one.path for one in report.differences] == ["test/images/03.png"]


def test_what_was_never_written_is_refused(tmp_path: Path) -> None:
    """No fill value becomes an image: neither in place nor through the library."""
    with h5py.File(tmp_path / "p.h5", "w") as made:
        for name, how in (("images/a", {}), ("images/b", {"compression": "gzip"})):
            grown = made.create_dataset(name, (10, 16, 12, 3), "u1", chunks=(2, 16, 12, 3), **how)
            grown[:4] = PIXELS[:4]

    report = packhouse.pack(tmp_path / "p.h5", tmp_path / "a.pack")

    assert report.images is not None
    assert report.images.count == 8
    assert [one.path for one in report.failed] == [
        f"images/{name}/{row}" for name in "ab" for row in range(4, 10)
    ]
    assert {one.message for one in report.failed} == {"was declared but never written"}


def test_a_damaged_chunk_fails_alone(tmp_path: Path) -> None:
    """Its images fail, all others are packed."""
    with h5py.File(tmp_path / "p.h5", "w") as made:
        broken = made.create_dataset("images/a", data=PIXELS, compression="gzip", chunks=(10, 16, 12, 3))
        made.create_dataset("images/b", data=PIXELS, compression="gzip", chunks=(10, 16, 12, 3))
        place = broken.id.get_chunk_info(2).byte_offset
    data = bytearray((tmp_path / "p.h5").read_bytes())
    data[place : place + 50] = bytes(50)
    (tmp_path / "p.h5").write_bytes(data)

    report = packhouse.pack(tmp_path / "p.h5", tmp_path / "a.pack")

    assert report.images is not None
    assert report.images.count == 70
    assert [one.path for one in report.failed] == [f"images/a/{row}.png" for row in range(20, 30)]
    assert all("HDF5 library cannot read it" in one.message for one in report.failed)


def test_floats_out_of_range_fail_one_by_one(tmp_path: Path) -> None:
    """The first image decides whether the dataset is pixels; each other one is looked at when it is read."""
    values = (PIXELS / 255).astype("f8")
    values[5, 0, 0, 0], values[6, 1, 1, 1] = 1.5, np.nan
    with h5py.File(tmp_path / "p.h5", "w") as made:
        made["images/a"] = values
        made["images/b"] = values * 255
        made["images/c"] = PIXELS.astype("u2")

    report = packhouse.pack(tmp_path / "p.h5", tmp_path / "a.pack", convert=True)

    told = {one.path: one.message for one in report.failed}
    assert set(told) == {"images/a/05.png", "images/a/06.png", "images/b", "images/c"}
    assert "from 0 to 1.5" in told["images/a/05.png"]
    assert "only pixels from 0 to 1" in told["images/b"]
    assert "uint16" in told["images/c"]


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    """Declared terabytes, huge chunks, more than deflate can give; our memory stays small."""
    with h5py.File(tmp_path / "p.h5", "w") as made:
        made.create_dataset("images/rows", (2**40, 8, 8, 3), "u1", chunks=(64, 8, 8, 3), compression="gzip")
        made.create_dataset(
            "images/wide", (2, 2**20, 2**20, 3), "u1", chunks=(1, 64, 64, 3), compression="gzip"
        )
        made.create_dataset(
            "images/chunk", (1, 30_000, 30_000, 1), "u1", chunks=(1, 30_000, 30_000, 1), compression="gzip"
        )
        made.create_dataset("images/plain", (2**40, 8, 8, 3), "u1")
        made["images/fine"] = PIXELS
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    report = packhouse.pack(tmp_path / "p.h5", tmp_path / "a.pack")

    assert report.images is not None
    assert report.images.count == 40
    assert {one.path for one in report.failed} == {
        f"images/{name}" for name in ("rows", "wide", "chunk", "plain")
    }
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_zeros_unpack_in_bounded_memory(tmp_path: Path) -> None:
    """Gigabytes of zeros in three megabytes, as deflate allows: the walk does not unpack them."""
    with h5py.File(tmp_path / "p.h5", "w") as made:
        zeros = made.create_dataset(
            "images", (1000, 1024, 1024, 3), "u1", chunks=(10, 1024, 1024, 3), compression="gzip"
        )
        chunk = np.zeros((10, 1024, 1024, 3), "u1")
        zeros[:10] = chunk
        _, packed = zeros.id.read_direct_chunk((0, 0, 0, 0))
        for row in range(10, 1000, 10):
            zeros.id.write_direct_chunk((row, 0, 0, 0), packed)
    source = Hdf5Source(tmp_path / "p.h5")

    found = source.scan(lambda _count: None)

    assert len(found.files) == 1000
    one = found.files[700]
    buffer = bytearray(one.size)
    source.read_into(one, memoryview(buffer))
    assert not any(buffer[60:1000])


def test_a_library_that_crashes_fails_its_dataset(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was to read fails, and again when it is asked once more; another dataset starts it anew."""
    datasets = [StreamedDataset("train/images", True, 1), StreamedDataset("more/img_0", False, 1)]  # noqa: FBT003
    stream = LibraryStream(file, datasets)
    assert stream.read(0, 0) == PIXELS[0].tobytes()
    assert stream.read(0, 5) == PIXELS[5].tobytes()
    assert stream.read(0, 2) == PIXELS[2].tobytes()
    assert stream.read(1, 0) == PIXELS[0].tobytes()
    monkeypatch.setattr("packhouse._src.foreign.library_stream.FRAME_LIMIT", 10)

    with pytest.raises(SourceError, match="stopped in the middle"):
        stream.read(0, 7)
    with pytest.raises(SourceError, match="train/images"):
        stream.read(0, 8)
    monkeypatch.undo()
    assert stream.read(1, 0) == PIXELS[0].tobytes()
    stream.close()


def test_names_that_are_no_use_are_listed(tmp_path: Path) -> None:
    """Names of classes without labels from 0 on; a column of another length; a column of two sets."""
    with h5py.File(tmp_path / "p.h5", "w") as made:
        made["images"] = PIXELS
        made["labels"] = np.arange(40) + 5
        made["class_names"] = np.array([b"a", b"b"])
        made["ages"] = np.arange(39)
        made["left/images"], made["right/images"], made["other/label"] = PIXELS[:7], PIXELS[:7], np.arange(7)

    with packhouse.open(tmp_path / "p.h5") as pack:
        told = {one["path"]: one["reason"] for one in pack.manifest["refused"]}
        assert list(pack.tables["labels"].columns)[:3] == ["file_name", "y", "labels"]

    assert set(told) == {"class_names", "ages", "other/label"}
    assert "names classes" in told["class_names"]
    assert "unclear whose" in told["other/label"]


def test_a_file_with_labels_can_be_inspected(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its table and link are shown as those of a pack are; so are rows and orphans."""
    assert run(["inspect", str(file)]) == 0
    told = capsys.readouterr().out
    assert "train/images: is compressed or filtered (gzip): packhouse pack" in told
    with h5py.File(file, "r+") as made:
        made["plain/images"], made["plain/labels"] = PIXELS, np.arange(40)
    assert run(["inspect", str(file)]) == 0
    told = capsys.readouterr().out
    assert "labels (data.h5.labels.parquet): 40 rows" in told
    assert "link: labels.file_name (labels in the HDF5 file)" in told
    assert run(["rows", str(file), "plain/images/07", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"][0]["y"] == 7


def test_labels_follow_the_index(tmp_path: Path) -> None:
    """An index without its table of labels, or of another version of the rules, is made again."""
    path = tmp_path / "p.h5"
    with h5py.File(path, "w") as made:
        made["images"], made["labels"] = PIXELS, np.arange(40)
    packhouse.open(path).close()
    labels = Path(f"{path}.labels.parquet")
    whole = labels.read_bytes()
    for damaged in (None, b"", whole[:-1]):
        labels.unlink() if damaged is None else labels.write_bytes(damaged)
        with packhouse.open(path) as pack:
            assert pack.rows("images/03")["labels"][0]["y"] == 3
        assert labels.read_bytes() == whole


def test_a_pack_of_files_named_like_labels(tmp_path: Path) -> None:
    """What packhouse itself has written is images, whatever it is called, also in images.h5 alone."""
    (tmp_path / "src" / "labels").mkdir(parents=True)
    (tmp_path / "src" / "labels" / "y.txt").write_text("no image")
    packhouse.pack(tmp_path / "src", tmp_path / "a.pack", include="*.txt")

    assert run(["verify", str(tmp_path / "a.pack")]) == 0
    (tmp_path / "a.pack" / "images.h5").rename(tmp_path / "alone.h5")
    walked = walk_apart(tmp_path / "alone.h5", (tmp_path / "alone.h5").stat().st_size)
    assert [image.key for image in walked.images] == ["y"]


def test_nothing_to_pack_says_why(tmp_path: Path) -> None:
    """Each dataset with its reason."""
    with h5py.File(tmp_path / "p.h5", "w") as made:
        made["masks"] = PIXELS
        made["weights"] = np.zeros((3, 3))

    with pytest.raises(SourceNotFoundError, match="no dataset of the file") as caught:
        packhouse.pack(tmp_path / "p.h5", tmp_path / "a.pack")
    assert "masks: is called masks" in str(caught.value)
    assert "weights: " in str(caught.value)
