"""Repair saves all that is intact, names all that is lost, and leaves the damaged pack as it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

import packhouse
from packhouse._src.cli.main import run
from packhouse.errors import (
    CorruptStoreError,
    DestinationExistsError,
    NoSpaceError,
    NotAPackError,
    UsageError,
)
from small_dataset import JOIN, DataSet


@pytest.fixture
def pack(dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack with tables, link and join, whose index has row groups of five images."""
    monkeypatch.setattr("packhouse._src.imagefile.index_file.INDEX_ROW_GROUP_ROWS", 5)
    packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=JOIN)
    return tmp_path / "shop.pack"


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def images(folder: Path) -> dict[str, bytes]:
    """Return file name -> bytes of a pack."""
    with packhouse.open(folder) as pack:
        return {image.file_name: image.bytes for image in pack.images.values()}


def ranges(folder: Path) -> dict[str, tuple[int, int]]:
    """Return key -> offset and size, as h5py says."""
    found: dict[str, tuple[int, int]] = {}
    with h5py.File(folder / "images.h5") as file:
        file.visititems(
            lambda name, thing: (
                found.__setitem__(name, (thing.id.get_offset(), thing.size))
                if isinstance(thing, h5py.Dataset)
                else None
            )
        )
    return found


def damage(path: Path, at: int, length: int = 1) -> None:
    """Change bytes of a file."""
    data = bytearray(path.read_bytes())
    for place in range(at, at + length):
        data[place] ^= 0x55
    path.write_bytes(data)


def test_a_sound_pack_comes_out_as_it_is(dataset: DataSet, pack: Path, tmp_path: Path) -> None:
    """Nothing is lost, and every file but pack.json is the same, byte for byte."""
    report = packhouse.repair(pack, tmp_path / "out.pack")

    assert report.is_whole
    assert report.images == len(dataset.files)
    before, after = contents(pack), contents(tmp_path / "out.pack")
    assert before.pop("pack.json") != after.pop("pack.json")
    assert after == before
    assert packhouse.verify(tmp_path / "out.pack", against=dataset.folder).is_sound


def test_damaged_images_are_named_and_left_out(dataset: DataSet, pack: Path, tmp_path: Path) -> None:
    """Two damaged images: those and no others are lost, and the result is a sound pack."""
    lost = sorted(ranges(pack))[3:20:9]
    for key in lost:
        damage(pack / "images.h5", ranges(pack)[key][0] + 7)
    before = contents(pack)

    report = packhouse.repair(pack, tmp_path / "out.pack")

    assert [one.key for one in report.lost] == lost
    gone = {f"images/{key}.jpg" for key in lost}
    assert images(tmp_path / "out.pack") == {p: d for p, d in dataset.files.items() if p not in gone}
    assert ranges(tmp_path / "out.pack").keys() == ranges(pack).keys() - set(lost)
    assert packhouse.verify(tmp_path / "out.pack").is_sound
    document = json.loads((tmp_path / "out.pack" / "pack.json").read_text())
    assert document["repaired"]["images_lost"] == 2
    assert contents(pack) == before


@pytest.mark.parametrize(
    "hurt",
    [
        pytest.param(lambda path: path.unlink(), id="missing"),
        pytest.param(lambda path: path.write_bytes(b"nothing"), id="overwritten"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-30]), id="cut"),
        pytest.param(lambda path: damage(path, path.stat().st_size - 40), id="footer"),
    ],
)
def test_without_an_index_hdf5_says_where_images_lie(
    dataset: DataSet, pack: Path, tmp_path: Path, hurt: Callable[[Path], None]
) -> None:
    """All images are saved, under names with fitting extensions, and listed as not checked."""
    hurt(pack / "image_index.parquet")

    report = packhouse.repair(pack, tmp_path / "out.pack")

    assert len(report.unchecked) == 24
    assert not report.is_whole
    found = images(tmp_path / "out.pack")
    assert found == {path.removeprefix("images/"): data for path, data in dataset.files.items()}
    assert packhouse.verify(tmp_path / "out.pack").is_sound


def test_a_part_of_the_index_is_enough_for_that_part(dataset: DataSet, pack: Path, tmp_path: Path) -> None:
    """With a damaged page, only the images of its row group come from HDF5's view."""
    damage(pack / "image_index.parquet", 30)

    report = packhouse.repair(pack, tmp_path / "out.pack")

    assert 0 < len(report.unchecked) <= 5
    assert sorted(images(tmp_path / "out.pack").values()) == sorted(dataset.files.values())


@pytest.mark.parametrize("at", [0, 8, 100])
def test_without_hdf5s_records_the_index_says_where_images_lie(
    dataset: DataSet, pack: Path, tmp_path: Path, at: int
) -> None:
    """Damage to HDF5's own records costs no image: the result has new ones."""
    damage(pack / "images.h5", at, 8)

    report = packhouse.repair(pack, tmp_path / "out.pack")

    assert report.is_whole
    assert images(tmp_path / "out.pack") == dataset.files
    assert packhouse.verify(tmp_path / "out.pack").is_sound


def test_a_cut_image_file(dataset: DataSet, pack: Path, tmp_path: Path) -> None:
    """Images before the cut are saved, those behind it are named."""
    places = ranges(pack)
    cut = sorted(offset + size for offset, size in places.values())[14]
    os.truncate(pack / "images.h5", cut)

    report = packhouse.repair(pack, tmp_path / "out.pack")

    assert report.images == 15
    assert images(tmp_path / "out.pack").items() <= dataset.files.items()
    lost = {key for key, (offset, _) in places.items() if offset >= cut}
    assert {one.key for one in report.lost if one.key} >= lost
    assert packhouse.verify(tmp_path / "out.pack").is_sound


def test_damaged_tables_are_left_out_with_what_hangs_on_them(pack: Path, tmp_path: Path) -> None:
    """A damaged table is lost, the link to it too; other tables and the join stay."""
    damage(pack / "articles.parquet", 50)

    report = packhouse.repair(pack, tmp_path / "out.pack")

    assert [one.file for one in report.lost] == ["articles.parquet"]
    with packhouse.open(tmp_path / "out.pack") as out:
        assert sorted(out.tables) == ["customers", "image_index", "train", "transactions_train"]
        assert out.links == ()
        assert out.tables["train"].to_arrow().num_rows > 0
    assert packhouse.verify(tmp_path / "out.pack").is_sound


def test_without_pack_json_everything_is_saved_as_it_is(dataset: DataSet, pack: Path, tmp_path: Path) -> None:
    """Images by the index, tables as they are; the pack opens."""
    (pack / "pack.json").write_bytes(b"{ damaged")

    report = packhouse.repair(pack, tmp_path / "out.pack")

    assert images(tmp_path / "out.pack") == dataset.files
    assert len(report.tables) == 4
    with packhouse.open(tmp_path / "out.pack") as out:
        assert out.tables["articles"].to_arrow().num_rows == len(dataset.articles)
    assert packhouse.verify(tmp_path / "out.pack").is_sound


def test_nothing_to_save(pack: Path, tmp_path: Path) -> None:
    """A folder without anything intact is said to be so, and no DEST is made."""
    for path in pack.glob("*.parquet"):
        path.unlink()
    (pack / "images.h5").write_bytes(b"gone")

    with pytest.raises(CorruptStoreError, match="nothing in it can be saved"):
        packhouse.repair(pack, tmp_path / "out.pack")

    assert sorted(os.listdir(tmp_path)) == ["shop", "shop.pack"]


def test_bad_arguments(pack: Path, tmp_path: Path) -> None:
    """No pack, a DEST that is there, DEST in the pack, no workers."""
    with pytest.raises(NotAPackError):
        packhouse.repair(tmp_path / "absent", tmp_path / "out.pack")
    for inside in (pack, pack / "in"):
        with pytest.raises(UsageError, match="inside the pack"):
            packhouse.repair(pack, inside)
        with pytest.raises(UsageError, match="inside the pack"):
            packhouse.extract(pack, inside)
    for call in (packhouse.repair, packhouse.extract):
        with pytest.raises(UsageError, match="empty"):
            call(pack, "")
    with pytest.raises(DestinationExistsError):
        packhouse.repair(pack, tmp_path / "shop")
    with pytest.raises(UsageError):
        packhouse.repair(pack, tmp_path / "out.pack", workers=0)


def test_a_full_disk_is_said_and_the_next_run_goes_on(
    dataset: DataSet, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repair is made as packing is: nothing half-done under DEST, and it resumes."""
    real, count = os.pwrite, 0

    def pwrite(target: int, data: memoryview, offset: int) -> int:
        nonlocal count
        count += 1
        if count > 5:
            raise OSError(28, "No space left on device")
        return real(target, data, offset)

    monkeypatch.setattr("packhouse._src.imagefile.write.writer.PIECE_IMAGES", 2)
    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(NoSpaceError):
        packhouse.repair(pack, tmp_path / "out.pack", workers=1)
    assert not (tmp_path / "out.pack").exists()
    monkeypatch.setattr(os, "pwrite", real)

    assert packhouse.repair(pack, tmp_path / "out.pack").is_whole
    assert images(tmp_path / "out.pack") == dataset.files


def test_the_command(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 when all is saved, 3 when something is lost; a JSON document on demand."""
    assert run(["repair", str(pack), str(tmp_path / "one.pack")]) == 0
    assert "24 images and 4 tables saved" in capsys.readouterr().out
    damage(pack / "images.h5", ranges(pack)["010/0107000000"][0])

    assert run(["repair", str(pack), str(tmp_path / "two.pack"), "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert [one["key"] for one in document["lost"]] == ["010/0107000000"]
    assert run(["repair", str(tmp_path / "absent"), str(tmp_path / "three.pack")]) == 1
    shutil.rmtree(tmp_path / "two.pack")
    assert run(["repair", str(pack), str(tmp_path / "two.pack")]) == 3
    assert "LOST 010/0107000000" in capsys.readouterr().out
