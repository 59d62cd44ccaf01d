"""Programs other than h5py read every image: HDF5's own h5dump, and pyfive, which is pure Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pyfive
import pytest

import packhouse
from small_dataset import DataSet, jpeg, write_dataset


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A pack, and key -> bytes of its images as they are in their files."""
    folder = tmp_path_factory.mktemp("packed")
    data_set: DataSet = write_dataset(folder / "src")
    packhouse.pack(folder / "src", folder / "some.pack")
    index = pq.read_table(folder / "some.pack" / "image_index.parquet", columns=["key", "file_name"])
    names = dict(zip(*index.to_pydict().values(), strict=True))
    return folder / "some.pack", {key: data_set.files[name] for key, name in names.items()}


def test_pyfive_reads_every_image(packed: tuple[Path, dict[str, bytes]]) -> None:
    """Without the HDF5 library."""
    pack, images = packed

    with pyfive.File(pack / "images.h5") as file:
        assert {key: bytes(file[key][:]) for key in images} == images


def test_h5dump_writes_every_image(packed: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    """As the bytes of the file; and it finds nothing wrong with the rest."""
    if shutil.which("h5dump") is None:
        pytest.skip("h5dump is not installed (Debian: hdf5-tools)")
    pack, images = packed

    for number, (key, data) in enumerate(images.items()):
        out = tmp_path / f"{number}"
        subprocess.run(
            ["h5dump", "-d", f"/{key}", "-b", "-o", out, pack / "images.h5"], check=True, capture_output=True
        )
        assert out.read_bytes() == data
    shown = subprocess.run(["h5dump", "-H", pack / "images.h5"], check=True, capture_output=True, text=True)
    assert shown.stderr == ""
    assert shown.stdout.count("DATASET") == len(images)


def test_pyfive_reads_names_of_any_language(tmp_path: Path) -> None:
    """Each name says that it is UTF-8; h5py does not look, but others do."""
    names = ["Größe/ä.jpg", "Größe/plain.jpg", "日本/着物.jpg", "plain/x.jpg"]
    for number, name in enumerate(names):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).write_bytes(jpeg(number))
    packhouse.pack(tmp_path / "src", tmp_path / "some.pack")

    with pyfive.File(tmp_path / "some.pack" / "images.h5") as file:
        assert {f"{group}/{name}.jpg" for group in file for name in file[group]} == set(names)
        assert bytes(file["日本/着物"][:]) == jpeg(2)
