"""An HDF5 file that others wrote is indexed once, and is then read like a pack's own."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
import xxhash
from PIL import Image

import packhouse
from packhouse._src.foreign.foreign_index import index_foreign, open_foreign
from packhouse._src.foreign.index_places import index_places
from packhouse._src.foreign.walked import Walked
from packhouse._src.foreign.walker_process import walk_apart
from packhouse._src.imagefile.format import INDEX_COLUMNS
from packhouse.errors import CorruptStoreError, NotAPackError, StoreError
from packhouse.progress import Event, Finished
from small_dataset import DataSet


def encoded(name: str, size: tuple[int, int]) -> bytes:
    """Return a picture in some format."""
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, name)
    return file.getvalue()


@pytest.fixture
def images() -> dict[str, bytes]:
    """Key -> bytes: pictures of several formats, one cut, one empty, one no picture."""
    found = {f"010/{row:04d}": encoded("JPEG", (10 + row, 7)) + b"\0" * (row % 3) for row in range(90)}
    return found | {
        "010/photo.JPEG": encoded("JPEG", (3, 3)),
        "png": encoded("PNG", (5, 4)),
        "deep/er/webp.jpg": encoded("WEBP", (6, 2)),
        "cut": encoded("JPEG", (64, 64))[:300],
        "empty": b"",
        "text": b"no picture",
    }


@pytest.fixture
def file(tmp_path: Path, images: dict[str, bytes]) -> Path:
    """Those, one dataset each, and two things that are no images."""
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as made:
        for key, data in images.items():
            made[key] = np.frombuffer(data, "u1")
        made["soft"] = h5py.SoftLink("/png")
        made["numbers"] = np.arange(4)
    return path


def test_every_image_is_read_back(file: Path, images: dict[str, bytes]) -> None:
    """By single reads and by many, in the order asked for."""
    store = open_foreign(file)

    keys = sorted(images, reverse=True)
    assert list(store) == sorted(images)
    assert {key: store.read(key) for key in store} == images
    assert store.read_many(keys) == [images[key] for key in keys]


def test_the_index_is_a_table_like_that_of_a_pack(file: Path, images: dict[str, bytes]) -> None:
    """Same columns; digests of the original bytes; facts as Pillow finds them; fitting file names."""
    made = index_foreign(file)
    rows = {row["key"]: row for row in pq.read_table(made.path).to_pylist()}

    assert pq.read_schema(made.path).names == list(INDEX_COLUMNS)
    assert list(rows) == sorted(images)
    for key, data in images.items():
        row = rows[key]
        assert (row["length"], row["digest"]) == (len(data), xxhash.xxh3_128_digest(data))
        assert "/".join(part for part in (row["group"], row["name"]) if part) == key
        if row["problem"] is None:
            with Image.open(io.BytesIO(data)) as picture:
                assert (row["width"], row["height"]) == picture.size
    assert rows["010/0001"]["file_name"] == "010/0001.jpg"
    assert rows["010/photo.JPEG"]["file_name"] == "010/photo.JPEG"
    assert rows["deep/er/webp.jpg"]["file_name"] == "deep/er/webp.jpg.webp"
    assert rows["text"]["file_name"] == "text"
    assert made.problems == {"cut": "truncated", "empty": "empty", "text": "not an image"}
    assert made.images == len(images)
    assert {one.path for one in made.refused} == {"soft", "numbers"}


def test_it_is_walked_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second opening takes the index that lies beside the file; so do a relative path and a link."""
    open_foreign(file)
    monkeypatch.setattr("packhouse._src.foreign.foreign_index.walk_apart", None)
    monkeypatch.chdir(file.parent)

    assert open_foreign(file).index.path == Path(f"{file}.index.parquet")
    assert len(open_foreign(Path(file.name))) == len(open_foreign(file))
    assert sorted(path.name for path in file.parent.iterdir()) == ["theirs.h5", "theirs.h5.index.parquet"]


@pytest.mark.parametrize(
    "change", ["grown", "touched", "index cut", "index is another's", "index is a folder"]
)
def test_an_index_that_does_not_fit_is_made_anew(file: Path, change: str, images: dict[str, bytes]) -> None:
    """It is a cache: nobody is asked."""
    index = open_foreign(file).index.path
    if change == "grown":
        with h5py.File(file, "r+") as opened:
            opened["new"] = np.frombuffer(b"something new", "u1")
        images["new"] = b"something new"
    elif change == "touched":
        os.utime(file, ns=(1, 1))
    elif change == "index cut":
        index.write_bytes(index.read_bytes()[:-9])
    elif change == "index is another's":
        shutil.copy(file, other := file.with_name("other.h5"))
        os.utime(other, ns=(2, 2))
        shutil.move(open_foreign(other).index.path, index)
    else:
        index.unlink()
        index.mkdir()

    with_it = open_foreign(file)

    assert {key: with_it.read(key) for key in with_it} == images


def test_a_file_that_changes_while_it_is_open_is_an_error(file: Path) -> None:
    """An index is never used with another state of the file."""
    store = open_foreign(file)
    store.close()
    os.utime(file, ns=(5, 5))

    with pytest.raises(CorruptStoreError, match="changed since the index was made") as caught:
        store.read("png")
    assert "packhouse index" in caught.value.hint


def test_damage_after_indexing_is_noticed(file: Path) -> None:
    """The digest of each image is checked at every read, as in a pack."""
    store = open_foreign(file)
    offset, length, _ = store.index.range_of(store.index.row_of("png") or 0)
    before = file.stat().st_mtime_ns
    data = bytearray(file.read_bytes())
    data[offset + length // 2] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(before, before))

    with pytest.raises(CorruptStoreError, match="digest"):
        open_foreign(file).read("png")


def test_a_folder_nobody_may_write_in_sends_the_index_to_the_cache(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: dict[str, bytes]
) -> None:
    """From then on that index is found. In /proc not even root can make a file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc: an unwritable folder cannot be had for root")
    with file.open("rb") as opened:
        path = Path(f"/proc/{os.getpid()}/fd/{opened.fileno()}")

        store = open_foreign(path)
        monkeypatch.setattr("packhouse._src.foreign.foreign_index.walk_apart", None)
        again = open_foreign(path)

        assert {key: again.read(key) for key in again} == images
    assert store.index.path == again.index.path
    assert store.index.path.parent == tmp_path / "cache" / "packhouse" / "indexes"
    assert not Path(f"{file}.index.parquet").exists()


def test_no_place_at_all_is_an_error_before_the_work(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither folder can be written: told with what to do, and the file is not even walked."""
    blocked = tmp_path / "no folder"
    blocked.write_text("")
    monkeypatch.setattr(
        "packhouse._src.foreign.index_places.index_places", lambda _: (blocked / "a", blocked / "b")
    )
    monkeypatch.setattr("packhouse._src.foreign.foreign_index.walk_apart", None)

    with pytest.raises(StoreError, match="neither beside the file nor in the cache") as caught:
        open_foreign(file)
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_the_cache_tells_paths_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of one name in two folders have two places; $XDG_CACHE_HOME is obeyed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    places = {index_places(Path(f"/{folder}/images.h5"))[1] for folder in "ab"}

    assert len(places) == 2
    assert {place.parent for place in places} == {tmp_path / "packhouse" / "indexes"}


def test_a_full_disk_while_the_index_is_written_leaves_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next place is tried; no half-written index is left."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def fail(path: Path, *_arguments: object, **_options: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("packhouse._src.foreign.foreign_index.write_rows", fail)
    with pytest.raises(StoreError, match="neither"):
        index_foreign(file)

    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["theirs.h5"]
    assert not list((tmp_path / "cache" / "packhouse" / "indexes").iterdir())


def test_a_file_that_changes_while_it_is_indexed_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No index is made of two states."""

    def meddle(path: Path, size: int, **_options: object) -> Walked:
        found = walk_apart(path, size)
        os.utime(file, ns=(9, 9))
        return found

    monkeypatch.setattr("packhouse._src.foreign.foreign_index.walk_apart", meddle)
    with pytest.raises(StoreError, match="changed while it was indexed"):
        index_foreign(file)


def test_progress_is_told(file: Path, images: dict[str, bytes]) -> None:
    """Two tasks, each ended."""
    events: list[Event] = []

    index_foreign(file, observer=events.append)

    assert [event.task for event in events if isinstance(event, Finished)] == ["walk", "index"]
    assert getattr(events[-2], "done", 0) == len(images)


def test_images_that_overlap_without_end_are_refused(tmp_path: Path) -> None:
    """A small file of many long ranges would have us read for ever."""
    with h5py.File(tmp_path / "o.h5", "w") as made:
        made["g/data"] = np.zeros(1 << 20, "u1")
        made["g/offsets"] = np.zeros(200, "i8")
        made["g/lengths"] = np.arange(200) + (1 << 19)

    with pytest.raises(CorruptStoreError, match="overlap"):
        index_foreign(tmp_path / "o.h5")


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all", b"\x89HDF", b"\0" * 5000])
def test_what_is_no_hdf5_file_is_refused_unread(tmp_path: Path, content: bytes) -> None:
    """Before any process is started."""
    path = tmp_path / "x.h5"
    path.write_bytes(content)

    with pytest.raises(NotAPackError, match="neither a pack nor an HDF5 file"):
        open_foreign(path)


def test_a_fifo_is_refused(tmp_path: Path) -> None:
    """It is not opened to wait for a writer."""
    os.mkfifo(tmp_path / "pipe.h5")

    with pytest.raises(NotAPackError):
        open_foreign(tmp_path / "pipe.h5")
    with pytest.raises(NotAPackError):
        packhouse.open(tmp_path / "pipe.h5")


def test_refused_things_are_kept_with_the_index(file: Path) -> None:
    """So that opening by the index can tell of them again."""
    made = index_foreign(file)

    notes = json.loads(pq.read_metadata(made.path).metadata[b"packhouse"])

    assert notes["refused_count"] == 2
    assert {path for path, _ in notes["refused"]} == {"soft", "numbers"}
    assert notes["file_id"] == ""
    assert notes["mtime_ns"] == file.stat().st_mtime_ns


def test_a_file_of_packhouse_is_bound_by_its_id(dataset: DataSet, tmp_path: Path) -> None:
    """images.h5 alone opens too; touched or copied it stays the same file."""
    packhouse.pack(dataset.folder, pack := tmp_path / "shop.pack")
    truth = {path.removeprefix("images/")[:-4]: data for path, data in dataset.files.items()}
    shutil.copy(pack / "images.h5", alone := tmp_path / "images.h5")

    store = open_foreign(alone)

    assert {key: store.read(key) for key in store} == truth
    assert store.index.binding.mtime_ns is None
    os.utime(alone, ns=(1, 1))
    assert open_foreign(alone).index.notes == store.index.notes


def test_two_names_of_one_dataset_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand links to one image cost one read."""
    data = encoded("JPEG", (5, 5))
    with h5py.File(tmp_path / "a.h5", "w") as made:
        made["image"] = np.frombuffer(data, "u1")
        for row in range(1000):
            made[f"also/{row}"] = made["image"]
    reads, pread = list[int](), os.pread

    def note(descriptor: int, length: int, offset: int) -> bytes:
        if length == len(data):
            reads.append(offset)
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", note)

    store = open_foreign(tmp_path / "a.h5")
    assert len(reads) == 1

    assert set(store.read_many(list(store))) == {data}
    assert len(store) == 1001
