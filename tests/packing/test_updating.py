"""`--update`: only what is new or changed is read, the rest is copied, and what that was is said."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import packhouse
from packhouse._src.packing.reporting.report_facts import Resumed, Updated
from packhouse._src.records import SourceFile
from packhouse._src.sources.folder import FolderSource
from packhouse.errors import CorruptStoreError, DestinationExistsError, SourceError, UsageError, Where
from small_dataset import JOIN, DataSet


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the files that are read from the source from here on."""
    paths: list[str] = []
    real = FolderSource.read_into

    def read_into(self: FolderSource, file: SourceFile, view: memoryview) -> SourceFile:
        paths.append(file.path)
        return real(self, file, view)

    monkeypatch.setattr(FolderSource, "read_into", read_into)
    return paths


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def change(dataset: DataSet) -> Updated:
    """Change one image, remove one, add one and touch one; say what an update should find."""
    paths = sorted(dataset.files)
    (dataset.folder / paths[3]).write_bytes(b"another picture")
    (dataset.folder / paths[5]).unlink()
    (dataset.folder / "images" / "010" / "0100000000.jpg").write_bytes(b"a new picture")
    os.utime(dataset.folder / paths[7], ns=(5, 5))
    return Updated(new=("images/010/0100000000.jpg",), changed=(paths[3],), removed=(paths[5],), unchanged=22)


def test_only_what_changed_is_read(dataset: DataSet, tmp_path: Path, read: list[str]) -> None:
    """New, changed and touched files are read; the pack is that of a fresh run, byte for byte."""
    dest = tmp_path / "shop.pack"
    packhouse.pack(dataset.folder, dest)
    expected, touched = change(dataset), sorted(dataset.files)[7]
    read.clear()

    report = packhouse.pack(dataset.folder, dest, update=True)

    assert report.updated == expected
    assert sorted(read) == sorted([*expected.new, *expected.changed, touched])
    assert report.resumed == Resumed(found=0, changed=0, copied=21)
    packhouse.pack(dataset.folder, tmp_path / "fresh.pack")
    assert contents(dest) == contents(tmp_path / "fresh.pack")


def test_nothing_changed(dataset: DataSet, tmp_path: Path, read: list[str]) -> None:
    """No image is read, and the pack stays what it was."""
    dest = tmp_path / "shop.pack"
    packhouse.pack(dataset.folder, dest)
    before = contents(dest)
    read.clear()

    report = packhouse.pack(dataset.folder, dest, update=True)

    assert report.updated == Updated(new=(), changed=(), removed=(), unchanged=24)
    assert read == []
    assert contents(dest) == before


def test_without_memory_every_file_is_compared(dataset: DataSet, tmp_path: Path, read: list[str]) -> None:
    """When the cache folder is gone all is read again, and what is said is the same."""
    dest = tmp_path / "shop.pack"
    packhouse.pack(dataset.folder, dest)
    expected = change(dataset)
    shutil.rmtree(Path(os.environ["XDG_CACHE_HOME"]) / "packhouse")
    read.clear()

    report = packhouse.pack(dataset.folder, dest, update=True)

    assert report.updated == expected
    assert len(read) == 24


def test_an_unwritable_cache_is_no_error(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packing does not depend on the memory."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert packhouse.pack(dataset.folder, tmp_path / "shop.pack").is_clean
    assert packhouse.pack(dataset.folder, tmp_path / "shop.pack", update=True).is_clean


@pytest.mark.parametrize("where", ["an image", "every image"])
def test_damage_is_not_carried_over(dataset: DataSet, tmp_path: Path, read: list[str], where: str) -> None:
    """Bytes that were damaged in the old pack are read from the source again."""
    dest = tmp_path / "shop.pack"
    packhouse.pack(dataset.folder, dest)
    with packhouse.open(dest) as pack, (dest / "images.h5").open("r+b") as file:
        for row in range(1 if where == "an image" else 24):
            file.seek(pack.images.index.range_of(row)[0] + 5)
            file.write(b"\0\0damage\0")
    read.clear()

    packhouse.pack(dataset.folder, dest, update=True)

    assert len(read) == (1 if where == "an image" else 24)
    packhouse.pack(dataset.folder, tmp_path / "fresh.pack")
    assert contents(dest) == contents(tmp_path / "fresh.pack")


def test_a_damaged_index_is_said(dataset: DataSet, tmp_path: Path) -> None:
    """What cannot be read is not taken for an empty pack; DEST stays as it is."""
    dest = tmp_path / "shop.pack"
    packhouse.pack(dataset.folder, dest)
    (dest / "image_index.parquet").write_bytes(b"PAR1 damaged PAR1")
    before = contents(dest)

    with pytest.raises(CorruptStoreError, match=r"image_index\.parquet"):
        packhouse.pack(dataset.folder, dest, update=True)

    assert contents(dest) == before
    assert sorted(os.listdir(tmp_path)) == ["shop", "shop.pack"]


def test_update_makes_a_pack_where_none_is(dataset: DataSet, tmp_path: Path) -> None:
    """As without it: all images are new."""
    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack", update=True)

    assert report.updated == Updated(new=tuple(sorted(dataset.files)), changed=(), removed=(), unchanged=0)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.write_text("mine"), id="file"),
        pytest.param(lambda path: (path / "sub").mkdir(parents=True), id="folder"),
    ],
)
def test_what_is_no_pack_is_not_updated(
    dataset: DataSet, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    """Only packs are replaced."""
    make(tmp_path / "shop.pack")

    with pytest.raises(DestinationExistsError, match="not replaced"):
        packhouse.pack(dataset.folder, tmp_path / "shop.pack", update=True)


def test_one_of_the_two(dataset: DataSet, tmp_path: Path) -> None:
    """Update and overwrite at once is a mistake."""
    with pytest.raises(UsageError, match="contradict"):
        packhouse.pack(dataset.folder, tmp_path / "shop.pack", update=True, overwrite=True)


def test_processes_copy_too(dataset: DataSet, tmp_path: Path) -> None:
    """With processes, what is unchanged is copied as well, and the bytes are the same."""
    dest = tmp_path / "shop.pack"
    packhouse.pack(dataset.folder, dest)
    change(dataset)

    report = packhouse.pack(dataset.folder, dest, update=True, engine="processes", workers=2)

    assert report.resumed == Resumed(found=0, changed=0, copied=21)
    packhouse.pack(dataset.folder, tmp_path / "fresh.pack")
    assert contents(dest) == contents(tmp_path / "fresh.pack")


def test_options_are_those_of_the_pack(dataset: DataSet, tmp_path: Path) -> None:
    """Joins, globs and types are taken over unless they are given anew."""
    dest = tmp_path / "shop.pack"
    packhouse.pack(dataset.folder, dest, joins=JOIN, text="customers.age", images="*1*.jpg", link=False)
    change(dataset)

    report = packhouse.pack(dataset.folder, dest, update=True)

    assert [join.name for join in report.joins] == ["train"]
    assert report.options["text"] == ("customers.age",)
    assert report.options["images"] == ("*1*.jpg",)
    assert report.links == ()
    report = packhouse.pack(dataset.folder, dest, update=True, images="*.jpg", how="left")
    assert report.images is not None
    assert report.images.count == 24
    assert report.joins[0].how == "left"


@pytest.mark.parametrize("hurt", ["image", "table", "folder", "other SRC", "no images"])
def test_what_cannot_be_read_is_not_taken_from_the_pack(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hurt: str
) -> None:
    """An update that would lose something it only could not read leaves the pack as it is."""
    dest, source = tmp_path / "shop.pack", dataset.folder
    packhouse.pack(source, dest)
    before = contents(dest)
    if hurt == "image":
        path = source / min(dataset.files)
        path.write_bytes(b"x")
        monkeypatch.setattr(FolderSource, "read_into", _refuse)
    elif hurt == "table":
        (source / "customers.csv").write_text("a,b\n1,2,3\n")
    elif hurt == "folder":
        real = os.scandir
        gone = str(source / "images" / "010")
        monkeypatch.setattr(os, "scandir", lambda path: _deny() if str(path) == gone else real(path))
    elif hurt == "other SRC":
        source = tmp_path / "other"
        source.mkdir()
        (source / "strange.jpg").write_bytes(b"picture")
    else:
        shutil.rmtree(source / "images")

    with pytest.raises(SourceError, match="stays as it is"):
        packhouse.pack(source, dest, update=True)

    assert contents(dest) == before


def _refuse(_source: FolderSource, file: SourceFile, _view: memoryview) -> SourceFile:
    raise SourceError("cannot be read: Input/output error", where=Where(file=file.path))


def _deny() -> Iterator[os.DirEntry[str]]:
    raise PermissionError(13, "Permission denied")


def test_another_archive_of_the_same_time_is_read(tmp_path: Path) -> None:
    """An archive with the size and the time of the one that was packed, but other bytes, is another."""
    for number in (1, 2):
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("a.jpg"), bytes([number]) * 5000)
        os.utime(tmp_path / f"{number}.zip", ns=(10**18, 10**18))
    shutil.copy2(tmp_path / "1.zip", tmp_path / "s.zip")
    packhouse.pack(tmp_path / "s.zip", tmp_path / "s.pack")
    shutil.copy2(tmp_path / "2.zip", tmp_path / "s.zip")

    report = packhouse.pack(tmp_path / "s.zip", tmp_path / "s.pack", update=True)

    assert report.updated == Updated(new=(), changed=("a.jpg",), removed=(), unchanged=0)
    with packhouse.open(tmp_path / "s.pack") as pack:
        assert pack.images["a"].bytes == b"\2" * 5000


def test_a_join_that_cannot_be_made_now_is_not_taken_from_the_pack(tmp_path: Path) -> None:
    """A key that repeats in the new data stops the update; the pack stays as it is, its join too."""
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.csv").write_text("k\nu\nv\n")
    (source / "b.csv").write_text("k,x\nu,1\nv,2\n")
    packhouse.pack(source, tmp_path / "out.pack", joins=["j = a + b on k"])
    before = (tmp_path / "out.pack/j.parquet").read_bytes()
    (source / "b.csv").write_text("k,x\nu,1\nv,2\nv,3\n")

    with pytest.raises(SourceError, match="such as join j: it stays as it is"):
        packhouse.pack(source, tmp_path / "out.pack", update=True)

    assert (tmp_path / "out.pack/j.parquet").read_bytes() == before


def test_a_default_that_is_said_ends_what_was_said_before(tmp_path: Path) -> None:
    """--how inner and --no-compact-keys are words too, when the pack was made otherwise."""
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.csv").write_text("k\nu\nw\n")
    (source / "b.csv").write_text("k,x\nu,1\nv,2\n")
    packhouse.pack(source, tmp_path / "out.pack", joins=["j = a + b on k"], how="left")

    kept = packhouse.pack(source, tmp_path / "out.pack", update=True)
    changed = packhouse.pack(source, tmp_path / "out.pack", update=True, how="inner")

    assert [report.joins[0].rows for report in (kept, changed)] == [2, 1]


def test_a_pack_is_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    """When the only table cannot be read the earlier pack stays, with --overwrite too."""
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.csv").write_text("a,b\n1,2\n")
    packhouse.pack(source, tmp_path / "out.pack")
    (source / "a.csv").write_text("a,b\n1,2,3\n")

    with pytest.raises(SourceError, match="nothing could be packed; the first failure is a"):
        packhouse.pack(source, tmp_path / "out.pack", overwrite=True)

    assert packhouse.open(tmp_path / "out.pack").tables["a"].to_arrow().num_rows == 1
