"""A disk that is really full: a small tmpfs, and the check of free space switched off."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import packhouse
from packhouse.errors import NoSpaceError
from packhouse.packing import planning
from small_dataset import DataSet, write_dataset


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of as many kilobytes as the test asks for."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("small_disk", "images", "transactions"),
    [
        pytest.param(12, 2000, 300, id="at the start of the skeleton"),
        pytest.param(100, 2000, 300, id="in the skeleton"),
        pytest.param(600, 2000, 300, id="at the end of the skeleton"),
        pytest.param(1200, 2000, 300, id="in the images"),
        pytest.param(120, 24, 30_000, id="in the tables"),
    ],
    indirect=["small_disk"],
)
def test_a_full_disk_is_a_clean_error_and_leaves_nothing(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: int, transactions: int
) -> None:
    """Wherever the disk runs full: NoSpaceError, no crash, no folder, and a run elsewhere works."""
    (tmp_path / "shop").mkdir()
    data: DataSet = write_dataset(tmp_path / "shop", images=images, transactions=transactions)
    monkeypatch.setattr(planning, "free_bytes", lambda _dest: 10**12)

    with pytest.raises(NoSpaceError, match="full"):
        packhouse.pack(data.folder, small_disk / "shop.pack")

    assert os.listdir(small_disk) == []
    assert packhouse.pack(data.folder, tmp_path / "shop.pack").is_clean
