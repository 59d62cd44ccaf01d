"""The notebook that packhouse began as still reads our file, step by step, without us."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

import packhouse
from small_dataset import DataSet

READER = """
import io, sys
import h5py, numpy as np
from PIL import Image

assert "packhouse" not in sys.modules
hf = h5py.File(sys.argv[1], "r")
names = []
hf.visititems(lambda name, thing: names.append(name) if isinstance(thing, h5py.Dataset) else None)
for name in names:
    image = Image.open(io.BytesIO(np.array(hf[name])))
    image.load()
    print(name, *image.size)
"""


def test_the_notebooks_own_cells_read_every_image(dataset: DataSet, tmp_path: Path) -> None:
    """Each name that visititems finds gives, through np.array, BytesIO and PIL, its picture."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    names: list[str] = []
    with h5py.File(tmp_path / "shop.pack" / "images.h5", "r") as hf:
        hf.visititems(lambda name, thing: names.append(name) if isinstance(thing, h5py.Dataset) else None)
        found = {name: np.array(hf[name]) for name in names}

    originals = {
        path.removeprefix("images/").removesuffix(".jpg"): data for path, data in dataset.files.items()
    }
    assert sorted(found) == sorted(originals)
    for name, data in originals.items():
        assert found[name].dtype == np.uint8
        assert found[name].tobytes() == data
        picture = Image.open(io.BytesIO(found[name]))  # type: ignore[arg-type]  # as the notebook does
        expected = Image.open(io.BytesIO(data))
        assert picture.tobytes() == expected.tobytes()


def test_it_does_so_where_packhouse_is_not_installed(dataset: DataSet, tmp_path: Path) -> None:
    """h5py, NumPy and PIL alone, in a process of their own."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    run = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path / "shop.pack" / "images.h5")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(run.stdout.splitlines()) == len(dataset.files)
    assert all(line.endswith(" 40 60") for line in run.stdout.splitlines())


def test_nothing_but_images_is_in_the_file(dataset: DataSet, tmp_path: Path) -> None:
    """Groups and one-dimensional, contiguous uint8 datasets: no index, no metadata dataset, no filter."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    things: list[h5py.Dataset] = []
    with h5py.File(tmp_path / "shop.pack" / "images.h5", "r") as hf:
        hf.visititems(lambda _, thing: things.append(thing) if isinstance(thing, h5py.Dataset) else None)
        for thing in things:
            assert (thing.ndim, thing.dtype, thing.chunks, thing.compression) == (1, np.uint8, None, None)
            assert len(thing.attrs) == 0
    assert len(things) == len(dataset.files)
