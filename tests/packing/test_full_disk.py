"""A disk that is really full: a small tmpfs, and the check of free space switched off."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import packhouse
from packhouse._src.packing import planning
from packhouse.errors import NoSpaceError
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
    ("small_disk", "images", "transactions", "found"),
    [
        pytest.param(12, 2000, 300, None, id="at the start of the journal"),
        pytest.param(60, 2000, 300, None, id="in the journal"),
        pytest.param(180, 2000, 300, 0, id="at the start of the skeleton"),
        pytest.param(600, 2000, 300, 0, id="in the skeleton"),
        pytest.param(1100, 2000, 300, 0, id="while the skeleton is copied"),
        pytest.param(2100, 2000, 300, 1, id="in the images"),
        pytest.param(150, 24, 30_000, 24, id="in the tables"),
    ],
    indirect=["small_disk"],
)
def test_a_full_disk_is_a_clean_error_and_more_room_goes_on(
    small_disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    images: int,
    transactions: int,
    found: int | None,
) -> None:
    """Wherever the disk runs full: NoSpaceError, no crash; with room made, the same command completes."""
    (tmp_path / "shop").mkdir()
    data: DataSet = write_dataset(tmp_path / "shop", images=images, transactions=transactions)
    monkeypatch.setattr(planning, "free_bytes", lambda _dest: 10**12)

    with pytest.raises(NoSpaceError, match="full"):
        packhouse.pack(data.folder, small_disk / "shop.pack")

    assert os.listdir(small_disk) == ([] if found is None else ["shop.pack.packing"])
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    report = packhouse.pack(data.folder, small_disk / "shop.pack")
    assert report.is_clean
    assert report.resumed is not None
    assert report.resumed.found >= (found or 0)
    packhouse.pack(data.folder, tmp_path / "elsewhere.pack")
    for path in (tmp_path / "elsewhere.pack").iterdir():
        assert path.read_bytes() == (small_disk / "shop.pack" / path.name).read_bytes()


def test_what_is_filled_already_needs_no_room_again(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check of free space counts only what the run that goes on has yet to write."""
    for number in range(40):
        (dataset.folder / f"{number}.jpg").write_bytes(bytes([number]) * 100_000)
    real, written = os.pwrite, 0

    def pwrite(target: int, data: memoryview, offset: int) -> int:
        nonlocal written
        written += len(data)
        if written > 3_000_000:
            raise OSError(28, "No space left on device")
        return real(target, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(NoSpaceError, match="ran full"):
        packhouse.pack(dataset.folder, tmp_path / "shop.pack", workers=1)
    monkeypatch.setattr(os, "pwrite", real)
    monkeypatch.setattr(planning, "free_bytes", lambda _dest: 2_500_000)

    with pytest.raises(NoSpaceError, match="needs about 4,"):
        packhouse.pack(dataset.folder, tmp_path / "other.pack")
    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    assert report.resumed is not None
    assert report.resumed.found > 20
