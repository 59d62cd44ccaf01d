"""Archives and HDF5 files inside of a folder are packed as the folders of their names, without a copy."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pytest

import packhouse
from small_dataset import jpeg

PROGRAM = Path(sys.executable).with_name("packhouse")
LABELS = "id,label\ncat.0,0\ncat.1,1\n"
FILES = {f"cat.{number}.jpg": jpeg(number) for number in range(4)}


def zipped(folder: Path, files: dict[str, bytes]) -> None:
    """Write train.zip."""
    with zipfile.ZipFile(folder / "train.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def tarred(mode: Literal["", "gz"], suffix: str) -> Callable[[Path, dict[str, bytes]], None]:
    """Return what writes train.tar, compressed or not."""

    def write(folder: Path, files: dict[str, bytes]) -> None:
        with tarfile.open(folder / f"train{suffix}", "w:gz" if mode else "w") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))

    return write


def hdf5(folder: Path, files: dict[str, bytes]) -> None:
    """Write train.hdf5, a dataset of bytes an image."""
    with h5py.File(folder / "train.hdf5", "w") as file:
        for name, data in files.items():
            file[name.removesuffix(".jpg")] = np.frombuffer(data, "u1")


KINDS = {
    "zip": zipped,
    "tar": tarred("", ".tar"),
    "tar.gz": tarred("gz", ".tar.gz"),
    "tgz": tarred("gz", ".tgz"),
    "gzip named tar": tarred("gz", ".tar"),
    "hdf5": hdf5,
}


def held(dest: Path) -> dict[str, bytes]:
    """Return path below SRC -> bytes."""
    pack = packhouse.open(dest)
    return {pack.images[key].file_name: pack.images[key].bytes for key in pack.images}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("folder", ["", "train/"])
def test_an_archive_is_a_folder(tmp_path: Path, kind: str, folder: str) -> None:
    """Its members below its name, whether or not it has a folder of that name; linked, verified, updated."""
    src, dest = tmp_path / "src", tmp_path / "a.pack"
    src.mkdir()
    KINDS[kind](src, {folder + name: data for name, data in FILES.items()})
    (src / "labels.csv").write_text(LABELS)

    report = packhouse.pack(src, dest)

    assert held(dest) == {f"train/{name}": data for name, data in FILES.items()}
    assert not report.failed
    assert not report.skipped
    assert len(report.archives) == 1
    assert report.links[0].rows_with_image == 2
    assert packhouse.open(dest).row("cat.1") is not None
    assert packhouse.verify(dest, against=src).is_sound
    (src / "new.jpg").write_bytes(jpeg(50))
    again = packhouse.pack(src, dest, update=True)
    assert again.resumed is not None
    assert again.resumed.copied == len(FILES)


def test_tables_in_an_archive_are_read_too(tmp_path: Path) -> None:
    """A CSV file in a zip beside the images links to them."""
    src = tmp_path / "src"
    src.mkdir()
    zipped(src, {**FILES, "labels.csv": LABELS.encode()})
    (src / "other.jpg").write_bytes(jpeg(9))

    report = packhouse.pack(src, tmp_path / "a.pack", engine="processes")

    assert [table.source for table in report.tables] == ["train/labels.csv"]
    assert report.links[0].rows_with_image == 2
    assert set(held(tmp_path / "a.pack")) == {"other.jpg", *(f"train/{name}" for name in FILES)}


def test_beside_its_unpacked_folder_it_is_skipped(tmp_path: Path) -> None:
    """As after a download that was unpacked: each image once, the archive is listed."""
    src = tmp_path / "src"
    (src / "train").mkdir(parents=True)
    zipped(src, FILES)
    tarred("", ".tar")(src, FILES)
    for name, data in FILES.items():
        (src / "train" / name).write_bytes(data)

    report = packhouse.pack(src, tmp_path / "a.pack")

    assert set(held(tmp_path / "a.pack")) == {f"train/{name}" for name in FILES}
    assert {one.path for one in report.skipped} == {"train.zip", "train.tar"}
    assert all("archive" in one.reason for one in report.skipped)
    shutil.rmtree(src / "train")
    report = packhouse.pack(src, tmp_path / "b.pack")
    assert [one.path for one in report.skipped] == ["train.zip"]


def test_deeper_ones_broken_ones_and_parts_are_reported(tmp_path: Path) -> None:
    """One level is looked into; what is no archive by its bytes, or cut, is a row of the report."""
    src = tmp_path / "src"
    src.mkdir()
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.jpg", jpeg(1))
    zipped(src, {**FILES, "deeper.zip": inner.getvalue()})
    (src / "broken.zip").write_bytes(b"PK\3\4 and no more")
    (src / "big.zip.001").write_bytes(b"PK\3\4")
    (src / "labels.csv").write_text(LABELS)

    done = subprocess.run(
        [PROGRAM, "pack", src, "-o", tmp_path / "a.pack", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert {one["path"] for one in report["failed"]} == {"broken.zip"}
    reasons = {one["path"]: one["reason"] for one in report["skipped"]}
    assert "archive inside of an archive" in reasons["train/deeper.zip"]
    assert set(reasons) == {"train/deeper.zip", "big.zip.001"}
    assert report["archives"] == ["train.zip"]


def test_compressed_tables_are_no_archives(tmp_path: Path) -> None:
    """train.csv.zip is a table by its name; it is not made a folder of."""
    src = tmp_path / "src"
    src.mkdir()
    (src / "a.jpg").write_bytes(jpeg(1))
    with zipfile.ZipFile(src / "train.csv.zip", "w") as archive:
        archive.writestr("train.csv", "id\na\n")

    report = packhouse.pack(src, tmp_path / "a.pack")

    assert report.archives == ()
    assert set(held(tmp_path / "a.pack")) == {"a.jpg"}
