"""`packhouse index`: the index on request, and what of the file is not in it."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from packhouse._src.cli.main import run
from small_dataset import jpeg


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three images."""
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as made:
        for row in range(3):
            made[f"g/{row}"] = np.frombuffer(jpeg(row), "u1")
    return path


def test_it_says_where_the_index_lies(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clean file: exit code 0, the number of images and the place."""
    assert run(["index", str(file)]) == 0

    told = capsys.readouterr()
    assert told.out == f"{file}: 3 images, index in {file}.index.parquet\n"
    assert "walk: 3 images" in told.err
    assert Path(f"{file}.index.parquet").is_file()


def test_what_is_refused_is_listed_and_exits_3(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reasons, paths and numbers; the rest is in the index all the same."""
    with h5py.File(file, "r+") as opened:
        opened.create_dataset("packed", data=np.zeros(99, "u1"), compression="gzip")
        opened["soft"] = h5py.SoftLink("/g/0")
        opened["g/text"] = np.frombuffer(b"no picture", "u1")

    assert run(["index", str(file)]) == 3

    out = capsys.readouterr().out
    assert "4 images" in out
    assert "not an image: 1 of them (g/text)" in out
    assert "not in the index: 2 items of the file" in out
    assert "packed (1): is compressed or filtered (gzip)" in out


def test_json_is_one_document(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts."""
    with h5py.File(file, "r+") as opened:
        opened["soft"] = h5py.SoftLink("/g/0")

    assert run(["index", str(file), "--json", "--workers", "1"]) == 3

    document = json.loads(capsys.readouterr().out)
    assert (document["images"], document["index"]) == (3, f"{file}.index.parquet")
    assert [one["path"] for one in document["refused"]] == ["soft"]


def test_what_is_no_hdf5_file_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a message, without a traceback."""
    (tmp_path / "x.h5").write_text("text")

    assert run(["index", str(tmp_path / "x.h5")]) == 1
    assert run(["index", str(tmp_path / "absent.h5")]) == 1

    err = capsys.readouterr().err
    assert "neither a pack nor an HDF5 file" in err
    assert "Traceback" not in err
