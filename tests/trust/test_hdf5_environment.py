"""What the environment says to HDF5 does not reach what packhouse writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import packhouse
from packhouse._src.system.environment import without_variables
from small_dataset import write_dataset

CODE = """
import os, sys
if sys.argv[3] == "loaded before":
    import h5py
import packhouse
packhouse.pack(sys.argv[1], sys.argv[2])
assert packhouse.verify(sys.argv[2]).is_sound
assert os.environ["HDF5_DRIVER"] == "core"
"""
ABSURD = {
    "HDF5_DRIVER": "core",
    "HDF5_DRIVER_CONFIG": "nonsense",
    "HDF5_VOL_CONNECTOR": "nonsense",
    "HDF5_PLUGIN_PATH": "/nowhere",
    "HDF5_USE_FILE_LOCKING": "nonsense",
    "HDF5_PREFER_PARALLEL_IO": "1",
}


@pytest.mark.parametrize(
    ("how", "variables"), [("alone", ABSURD), ("loaded before", {"HDF5_DRIVER": "core"})]
)
def test_the_same_bytes_whatever_the_environment_says(
    tmp_path: Path, how: str, variables: dict[str, str]
) -> None:
    """Drivers, connectors and plugins; also if the program has loaded h5py with them before."""
    source = write_dataset(tmp_path / "src").folder
    packhouse.pack(source, tmp_path / "plain.pack")

    subprocess.run(
        [sys.executable, "-c", CODE, source, tmp_path / "odd.pack", how],
        check=True,
        env={**os.environ, **variables},
    )

    names = {path.relative_to(tmp_path / "plain.pack") for path in (tmp_path / "plain.pack").rglob("*")}
    assert names == {path.relative_to(tmp_path / "odd.pack") for path in (tmp_path / "odd.pack").rglob("*")}
    for name in names:
        assert (tmp_path / "odd.pack" / name).read_bytes() == (tmp_path / "plain.pack" / name).read_bytes()


def test_variables_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the work fails; others stay where they are."""
    monkeypatch.setenv("HDF5_DRIVER", "core")
    monkeypatch.setenv("OTHER", "1")
    with pytest.raises(ValueError, match="x"), without_variables("HDF5"):  # noqa: PT012  # both are seen
        assert "HDF5_DRIVER" not in os.environ
        assert os.environ["OTHER"] == "1"
        raise ValueError("x")
    assert os.environ["HDF5_DRIVER"] == "core"
