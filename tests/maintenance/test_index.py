"""`packhouse.index`: the index of a third-party HDF5 file, made from Python."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse.errors import NotAPackError, UsageError
from packhouse.progress import Event, Finished
from small_dataset import jpeg


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three images, and a link that is not one."""
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as made:
        for row in range(3):
            made[f"g/{row}"] = np.frombuffer(jpeg(row), "u1")
        made["soft"] = h5py.SoftLink("/g/0")
    return path


def test_the_index_has_what_h5py_sees(file: Path) -> None:
    """Offsets and lengths are those of the HDF5 library; what is not an image is listed with its reason."""
    events: list[Event] = []

    report = packhouse.index(file, workers=1, progress=events.append)

    with h5py.File(file) as opened:
        expected = {key: (opened[key].id.get_offset(), opened[key].size) for key in ("g/0", "g/1", "g/2")}
    table = pq.ParquetFile(report.index).read().to_pydict()
    found = zip(table["key"], table["offset"], table["length"], strict=True)
    assert {key: (offset, length) for key, offset, length in found} == expected
    assert (report.file, report.index) == (file, Path(f"{file}.index.parquet"))
    assert (report.images, report.is_clean) == (3, False)
    assert [one.path for one in report.refused] == ["soft"]
    assert sum(isinstance(event, Finished) for event in events) == 2
    assert json.loads(json.dumps(report.to_dict()))["refused"][0]["path"] == "soft"


def test_a_text_is_a_path_too_and_an_index_is_made_again(file: Path) -> None:
    """As of every function; the same file gives the same index."""
    first = packhouse.index(str(file)).index.read_bytes()

    assert packhouse.index(file).index.read_bytes() == first
    with packhouse.open(file) as opened:
        assert list(opened.images) == ["g/0", "g/1", "g/2"]


def test_what_cannot_be_indexed(file: Path, tmp_path: Path) -> None:
    """No file, no HDF5 file, no worker."""
    (tmp_path / "x.h5").write_text("text")

    for path in (tmp_path / "absent.h5", tmp_path / "x.h5", tmp_path):
        with pytest.raises(NotAPackError):
            packhouse.index(path)
    with pytest.raises(UsageError, match="workers is 0"):
        packhouse.index(file, workers=0)
    assert not Path(f"{file}.index.parquet").exists()
