"""`packhouse.verify` names all that is damaged, whatever it is, and compares with the originals."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import h5py
import pytest

import packhouse
from handmade_pack import write_pack
from maintenance_kit import ranges, tree
from packhouse.errors import NotAPackError, SourceNotFoundError, UsageError
from packhouse.progress import Event, Finished
from small_dataset import DataSet


def found(pack: Path) -> dict[str, str]:
    """Return key or file -> what verify says is wrong with it."""
    return {one.key or one.file: one.what for one in packhouse.verify(pack).damaged}


def test_a_sound_pack_is_sound(sound: Path, shop: DataSet) -> None:
    """Every image and table is read; the bytes are those of all files but pack.json."""
    events: list[Event] = []
    report = packhouse.verify(sound, progress=events.append)

    assert report.is_sound
    assert (report.images, report.tables) == (len(shop.files), 4)
    files = tree(sound)
    assert report.bytes == sum(map(len, files.values())) - len(files["pack.json"])
    assert (report.damaged, report.differences, report.notes) == ((), (), ())
    assert [event.task for event in events if isinstance(event, Finished)] == [
        "images",
        "HDF5 structure",
        "tables",
    ]
    assert tree(sound) == files


def test_all_damage_is_found_at_once(copy: Path) -> None:
    """Three images, a table and the counts: each is named, not only the first."""
    places = ranges(copy)
    keys = sorted(places)[::9]
    with (copy / "images.h5").open("r+b") as file:
        for key in keys:
            file.seek(places[key][0])
            file.write(b"damaged")
    (copy / "train.parquet").write_bytes(b"PAR1")
    manifest = json.loads((copy / "pack.json").read_text())
    manifest["images"]["count"] += 1
    (copy / "pack.json").write_text(json.dumps(manifest))

    damage = found(copy)

    assert set(damage) == {*keys, "train.parquet", "pack.json"}
    assert "images.count is 25, the index says 24" in damage["pack.json"]


@pytest.mark.parametrize("name", ["images.h5", "image_index.parquet", "train.parquet", "pack.json"])
@pytest.mark.parametrize("how", ["missing", "empty", "FIFO", "half", "folder"])
def test_a_file_that_is_no_file_is_named(copy: Path, name: str, how: str) -> None:
    """No traceback and no waiting for ever, whatever is in the place of a file."""
    path = copy / name
    data = path.read_bytes()
    path.unlink()
    if how == "FIFO":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how != "missing":
        path.write_bytes(data[: len(data) // 2 if how == "half" else 0])

    report = packhouse.verify(copy)

    assert name in {one.file for one in report.damaged}
    if name == "train.parquet":
        assert report.images == 24


def test_a_cut_image_file_names_the_images_that_are_cut(copy: Path) -> None:
    """Those before the cut are sound."""
    places = ranges(copy)
    end = sorted(offset for offset, _ in places.values())[20]
    os.truncate(copy / "images.h5", end + 1)

    named = {one.key for one in packhouse.verify(copy).damaged if one.key}

    # HDF5 refuses a file that is cut, so no key is named but for its bytes
    assert named == {key for key, (offset, length) in places.items() if offset + length > end + 1}


def test_hdf5s_own_view_is_compared_with_the_index(copy: Path) -> None:
    """A dataset that is gone, one more, and one moved, made by h5py: each is named."""
    gone, moved, *_ = sorted(ranges(copy))
    with h5py.File(copy / "images.h5", "r+") as file:
        del file[gone]
        data = file[moved][()]
        del file[moved]
        file.create_dataset(moved, data=data)
        file.create_dataset("one/more", data=data)

    damage = found(copy)

    assert damage[gone] == "the index has this image, HDF5 has no such dataset"
    assert damage["one/more"] == "HDF5 has a dataset with this name, the index does not"
    assert damage[moved].startswith("HDF5 says ")


def test_a_link_to_another_file_is_named_and_not_followed(copy: Path, tmp_path: Path) -> None:
    """External links, soft links: refused by the walk."""
    first, second, *_ = sorted(ranges(copy))
    with h5py.File(tmp_path / "other.h5", "w") as other, h5py.File(copy / "images.h5", "r+") as file:
        other["x"] = file[first][()]
        del file[first]
        file[first] = h5py.ExternalLink(str(tmp_path / "other.h5"), "x")
        file["soft"] = h5py.SoftLink(f"/{second}")

    damage = found(copy)

    assert "link to another file" in damage[first]
    assert "soft link" in damage["soft"]


def test_a_pack_with_a_removed_image_is_sound(shop: DataSet, tmp_path: Path) -> None:
    """What could not be read has no dataset; the skeleton cannot be made anew, the walk says all is well."""
    source = Path(shutil.copytree(shop.folder, tmp_path / "shop"))
    lost = source / min(shop.files)
    with pytest.MonkeyPatch.context() as patch:
        read = os.preadv

        def fail(descriptor: int, views: list[memoryview], offset: int) -> int:
            if Path(f"/proc/self/fd/{descriptor}").readlink() == lost:
                raise OSError(5, "Input/output error")
            return read(descriptor, views, offset)

        patch.setattr(os, "preadv", fail)
        report = packhouse.pack(source, tmp_path / "p")
    assert len(report.failed) == 1

    verified = packhouse.verify(tmp_path / "p")

    assert (verified.is_sound, verified.images) == (True, 23)


def test_an_empty_image_and_a_large_one_are_read(tmp_path: Path) -> None:
    """Lengths of 0, and more than a piece."""
    pack = write_pack(
        tmp_path / "p", {"a": ("a", b""), "b": ("b", bytes(9 << 20)), "c/d": ("c/d", b"x"), "e": ("e", b"")}
    )

    assert packhouse.verify(pack).is_sound


def test_extra_files_are_noted_and_no_damage(copy: Path) -> None:
    """They are named."""
    (copy / "notes").mkdir()
    (copy / "notes" / "mine.txt").write_text("x")

    report = packhouse.verify(copy)

    assert report.is_sound
    assert report.notes == ("notes/mine.txt is not part of the pack",)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '"x"', "{}", '{"images": 5, "tables": [], "joins": {"a": {"file": "../x"}}}', "[" * 9999],
)
def test_a_broken_manifest_is_damage_and_images_are_read(copy: Path, text: str) -> None:
    """What it does not say is named; it makes us read nothing outside of the pack."""
    (copy / "pack.json").write_text(text)

    report = packhouse.verify(copy)

    assert "pack.json" in {one.file for one in report.damaged}
    assert report.images == 24


def test_what_is_no_pack_is_refused(tmp_path: Path, sound: Path) -> None:
    """Nothing there, a file, another folder; workers must be."""
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "absent", sound / "images.h5", tmp_path / "empty"):
        with pytest.raises(NotAPackError):
            packhouse.verify(path)
    with pytest.raises(UsageError):
        packhouse.verify(sound, workers=0)
    with pytest.raises(SourceNotFoundError):
        packhouse.verify(sound, against=tmp_path / "absent")


def test_against_the_originals(sound: Path, shop: DataSet, tmp_path: Path) -> None:
    """The same tree: no difference. Then one changed, one cut, one gone, one new: each is named."""
    assert packhouse.verify(sound, against=shop.folder).is_sound
    source = Path(shutil.copytree(shop.folder, tmp_path / "shop"))
    changed, cut, gone, *_ = sorted(shop.files)
    data = shop.files[changed]
    (source / changed).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (source / cut).write_bytes(shop.files[cut][:-1])
    (source / gone).unlink()
    (source / "images" / "new.JPG").write_bytes(b"x")
    (source / "readme.txt").write_text("not an image")

    report = packhouse.verify(sound, against=source)

    assert (report.is_sound, report.damaged) == (False, ())
    assert {one.path: one.what.split(" ")[0:3] for one in report.differences} == {
        changed: ["its", "bytes", "differ"],
        cut: ["has", f"{len(shop.files[cut]) - 1:,}", "bytes"],
        gone: ["is", "not", "among"],
        "images/new.JPG": ["is", "not", "in"],
    }


def test_against_a_zip_of_the_originals(sound: Path, shop: DataSet, tmp_path: Path) -> None:
    """Any source that can be packed can be compared with."""
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for path, data in shop.files.items():
            archive.writestr(path, data)

    assert packhouse.verify(sound, against=tmp_path / "shop.zip").differences == ()
