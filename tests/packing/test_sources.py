"""Whatever a data set comes in - folder, archive, list, HDF5 - the images packed are the same bytes."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse._src.delimited.convert import convert_table
from packhouse._src.packing import table_stage
from packhouse._src.records import SourceFile
from packhouse._src.sources.archives.member_ranges import RangeSource
from packhouse.errors import NotAPackError, SourceError, SourceNotFoundError
from small_dataset import JOIN, DataSet


def zip_stored(folder: Path, out: Path) -> Path:
    """Zip without compression, with Python's zipfile, files in a wild order."""
    with zipfile.ZipFile(out / "shop.zip", "w") as archive:
        for path in sorted(folder.rglob("*"), key=lambda path: path.name[::-1]):
            archive.write(path, path.relative_to(folder))
    return out / "shop.zip"


def zip_deflated(folder: Path, out: Path) -> Path:
    """Zip with compression and Zip64 headers."""
    with zipfile.ZipFile(out / "shop.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(path.read_bytes())
    return out / "shop.zip"


def tar(*options: str, name: str) -> Callable[[Path, Path], Path]:
    """Return what makes an archive with the tar program."""

    def make(folder: Path, out: Path) -> Path:
        subprocess.run(["tar", *options, "-cf", out / name, "-C", folder, "."], check=True)
        return out / name

    return make


def tar_zst(folder: Path, out: Path) -> Path:
    """Tar, then compress with Arrow's zstd."""
    plain = tar(name="plain.tar")(folder, out)
    with pa.CompressedOutputStream(str(out / "shop.tar.zst"), "zstd") as stream:
        stream.write(plain.read_bytes())
    plain.unlink()
    return out / "shop.tar.zst"


ARCHIVES = [
    pytest.param(zip_stored, id="zip stored"),
    pytest.param(zip_deflated, id="zip deflated"),
    pytest.param(tar(name="shop.tar"), id="tar"),
    pytest.param(tar("--format=pax", "-z", name="shop.tar.gz"), id="tar.gz"),
    pytest.param(tar_zst, id="tar.zst"),
]


def settled(folder: Path) -> None:
    """Give every file a time that is long ago, so that nothing waits for clocks."""
    for path in folder.rglob("*"):
        os.utime(path, ns=(10**18, 10**18))


@pytest.mark.parametrize("make", ARCHIVES)
@pytest.mark.parametrize("engine", ["local", "processes"])
def test_an_archive_gives_the_pack_of_its_folder(
    dataset: DataSet, tmp_path: Path, make: Callable[[Path, Path], Path], engine: str
) -> None:
    """Images, index, tables and joins are those of the folder, byte for byte; nothing is unpacked."""
    settled(dataset.folder)
    (tmp_path / "in").mkdir()
    archive = make(dataset.folder, tmp_path / "in")
    expected = packhouse.pack(dataset.folder, tmp_path / "folder.pack", joins=JOIN)

    report = packhouse.pack(archive, tmp_path / "archive.pack", joins=JOIN, engine=engine, workers=2)

    assert report.totals == expected.totals
    names = {path.name for path in (tmp_path / "folder.pack").iterdir()}
    assert names == {path.name for path in (tmp_path / "archive.pack").iterdir()}
    for name in names - {"pack.json"}:
        assert (tmp_path / "archive.pack" / name).read_bytes() == (
            tmp_path / "folder.pack" / name
        ).read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["archive.pack", "folder.pack", "in", "shop"]
    assert os.listdir(tmp_path / "in") == [archive.name]


@pytest.mark.parametrize("make", ARCHIVES)
def test_an_archive_needs_no_second_copy_of_the_images(
    dataset: DataSet, tmp_path: Path, make: Callable[[Path, Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While images are filled in, the destination holds the image file, the journal and nothing else."""
    archive = make(dataset.folder, tmp_path)
    shutil.rmtree(dataset.folder)
    seen: set[str] = set()
    real = os.pwrite

    def pwrite(target: int, data: memoryview, offset: int) -> int:
        seen.update(path.name for path in (tmp_path / "some.pack.packing").rglob("*") if path.is_file())
        return real(target, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    packhouse.pack(archive, tmp_path / "some.pack")

    assert seen == {".lock", "journal", "unfinished.h5"}


def test_tables_of_an_archive_pass_through_a_file_one_at_a_time(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one CSV file of the archive lies on the disk at any time, and none in the end."""
    archive = tar("-z", name="shop.tar.gz")(dataset.folder, tmp_path)
    most = 0
    real: Callable[..., object] = convert_table

    def convert(*arguments: object, **named: object) -> object:
        nonlocal most
        most = max(most, len(list((tmp_path / "some.pack.packing").rglob("*.csv"))))
        return real(*arguments, **named)

    monkeypatch.setattr(table_stage, "convert_table", convert)
    report = packhouse.pack(archive, tmp_path / "some.pack")

    assert most == 1
    assert [table.name for table in report.tables] == ["articles", "customers", "transactions_train"]


def test_a_damaged_member_fails_alone(dataset: DataSet, tmp_path: Path) -> None:
    """A flipped bit in a zip: that image is named, all others are packed, no zeros are left."""
    archive = zip_stored(dataset.folder, tmp_path)
    with zipfile.ZipFile(archive) as opened:
        path = sorted(dataset.files)[4]
        at = opened.getinfo(path).header_offset + 30 + len(path) + 100
    data = bytearray(archive.read_bytes())
    data[at] ^= 8
    archive.write_bytes(data)

    report = packhouse.pack(archive, tmp_path / "some.pack")

    assert [failure.path for failure in report.failed] == [path]
    assert report.totals.images == 23
    with (
        packhouse.open(tmp_path / "some.pack") as pack,
        h5py.File(tmp_path / "some.pack" / "images.h5") as file,
    ):
        assert len(pack.images) == 23
        assert path.rsplit("/", maxsplit=1)[-1].removesuffix(".jpg") not in str(list(file["014"]))


def as_text(paths: list[str], folder: Path) -> Path:
    """Write a list, one path a line."""
    (folder / "list.txt").write_text("\n".join(paths) + "\n")
    return folder / "list.txt"


def as_csv(paths: list[str], folder: Path) -> Path:
    """Write a list as a table with a label."""
    with (folder / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["label", "path"], *([f"l{n}", path] for n, path in enumerate(paths))])
    return folder / "list.csv"


def as_parquet(paths: list[str], folder: Path) -> Path:
    """Write a list as a Parquet file."""
    pq.write_table(pa.table({"n": list(range(len(paths))), "file_name": paths}), folder / "list.parquet")
    return folder / "list.parquet"


@pytest.mark.parametrize("write", [as_text, as_csv, as_parquet])
def test_a_list_chooses_the_images(
    dataset: DataSet, tmp_path: Path, write: Callable[[list[str], Path], Path]
) -> None:
    """Those listed and no others; one that is missing is listed as failed; a CSV list is linked."""
    chosen = sorted(dataset.files)[::3]
    listed = write([*chosen, "images/010/absent.jpg"], dataset.folder)

    report = packhouse.pack(listed, tmp_path / "some.pack")

    assert report.totals.images == len(chosen)
    assert [failure.path for failure in report.failed] == ["images/010/absent.jpg"]
    with packhouse.open(tmp_path / "some.pack") as pack:
        found = {image.file_name: image.bytes for image in pack.images.values()}
        assert found == {path: dataset.files[path] for path in chosen}
        if write is as_csv:
            row = pack.row(next(iter(pack.images)))
            assert row is not None
            assert row["label"] == "l0"


def test_an_hdf5_file_is_packed_again(dataset: DataSet, tmp_path: Path) -> None:
    """The notebook's own file becomes a pack with the same bytes; what is no image is listed."""
    with h5py.File(tmp_path / "notebook.h5", "w") as file:
        for path, data in dataset.files.items():
            group, name = path.removeprefix("images/").removesuffix(".jpg").split("/")
            file.require_group(group).create_dataset(name, data=np.void(data))
        file["masks"] = np.zeros((2, 8, 8, 3), np.uint8)
        file["other"] = h5py.SoftLink("/010")

    report = packhouse.pack(tmp_path / "notebook.h5", tmp_path / "some.pack")

    expected = packhouse.pack(dataset.folder, tmp_path / "folder.pack", tables=["none"])
    assert report.images is not None
    assert expected.images is not None
    assert report.images.digest == expected.images.digest
    assert (tmp_path / "some.pack" / "images.h5").read_bytes() == (
        tmp_path / "folder.pack" / "images.h5"
    ).read_bytes()
    assert [failure.path for failure in report.failed] == ["masks", "other"]
    assert report.totals.seen == 24 + 2


def test_what_is_no_source_is_said(tmp_path: Path) -> None:
    """A file of another kind, a broken archive, a damaged HDF5 file."""
    (tmp_path / "notes.docx").write_bytes(b"what is this")
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4" + bytes(100))
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(3000))

    with pytest.raises(SourceNotFoundError, match=r"\.zip"):
        packhouse.pack(tmp_path / "notes.docx", tmp_path / "x.pack")
    with pytest.raises(SourceError, match=r"broken\.zip"):
        packhouse.pack(tmp_path / "broken.zip", tmp_path / "x.pack")
    with pytest.raises(SourceError, match=r"broken\.h5"):
        packhouse.pack(tmp_path / "broken.h5", tmp_path / "x.pack")
    with pytest.raises(NotAPackError):
        packhouse.open(tmp_path / "notes.docx")


def test_names_that_differ_only_in_form_are_kept_and_said(tmp_path: Path) -> None:
    """Case and Unicode forms are not folded: each is its own image, and the report names them."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for number, name in enumerate(
        ["A.jpg", "a.jpg", "b.jpg", "e\u0301.jpg", "\u00e9.jpg", "stra\u00dfe.jpg", "STRASSE.jpg"]
    ):
        (folder / name).write_bytes(bytes([number]) * 10)

    report = packhouse.pack(folder, tmp_path / "some.pack")

    assert report.images is not None
    assert set(report.images.alike) == {"A", "a", "e\u0301", "\u00e9", "stra\u00dfe", "STRASSE"}
    with packhouse.open(tmp_path / "some.pack") as pack:
        assert len(pack.images) == 7
        assert pack.images["\u00e9"].bytes == bytes([4]) * 10


def test_a_name_that_is_not_utf_8_is_packed_and_said(tmp_path: Path) -> None:
    """Its bytes are written as %XX; the image is there, with processes too."""
    (tmp_path / "shop").mkdir()
    for name in (b"f\xfcr%1.jpg", b"plain%.jpg"):
        (tmp_path / "shop" / os.fsdecode(name)).write_bytes(name)

    for engine in ("local", "processes"):
        report = packhouse.pack(tmp_path / "shop", tmp_path / f"{engine}.pack", engine=engine, workers=2)
        assert report.images is not None
        assert report.images.escaped_names == ("f%FCr%251.jpg",)
        with packhouse.open(tmp_path / f"{engine}.pack") as pack:
            assert list(pack.images) == ["f%FCr%251", "plain%"]
            assert pack.images["f%FCr%251"].bytes == b"f\xfcr%1.jpg"


def test_an_archive_that_grows_is_noticed(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive that is written to while it is packed gives no image that may be wrong."""
    archive = tar(name="shop.tar")(dataset.folder, tmp_path)
    real = RangeSource.read_into
    count = 0

    def read_into(self: RangeSource, file: SourceFile, view: memoryview) -> SourceFile:
        nonlocal count
        count += 1
        if count == 10:
            with archive.open("ab") as opened:
                opened.write(b"more")
        return real(self, file, view)

    monkeypatch.setattr(RangeSource, "read_into", read_into)
    report = packhouse.pack(archive, tmp_path / "some.pack", tables=["none"], workers=1)

    assert report.totals.images == 9
    assert {failure.error for failure in report.failed} == {"SourceChangedError"}


def test_an_empty_archive_is_no_data_set(tmp_path: Path) -> None:
    """Nothing to pack is an error, as for an empty folder."""
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass

    with pytest.raises(SourceNotFoundError, match="no images and no tables"):
        packhouse.pack(tmp_path / "empty.tar", tmp_path / "x.pack")


def test_a_pack_inside_the_data_set_is_not_packed_again(dataset: DataSet, tmp_path: Path) -> None:
    """It is listed; a pack.json of something else is nothing special."""
    source = tmp_path / "source"
    shutil.copytree(dataset.folder, source)
    (source / "images" / "pack.json").write_text('{"format": "another"}')
    first = packhouse.pack(source, source / "made" / "first.pack")

    second = packhouse.pack(source, source / "made" / "second.pack")

    assert first.images is not None
    assert second.images is not None
    assert first.images.count == second.images.count == len(dataset.files)
    assert [one.path for one in second.skipped if "a pack" in one.reason] == ["made/first.pack"]
    assert "images/pack.json" in {one.path for one in second.skipped}
