"""`packhouse.bench` on small packs: what it takes, what it says of broken images, what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import packhouse
from packhouse._src.benchmarking import bench as bench_module
from packhouse._src.concurrency.cores import usable_cores
from packhouse.errors import NotAPackError, UsageError
from small_dataset import jpeg

PROGRAM = Path(sys.executable).with_name("packhouse")


@pytest.fixture(autouse=True)
def _shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured here is not how fast."""
    monkeypatch.setattr(bench_module, "SECONDS", 0.02)


def packed(folder: Path, files: dict[str, bytes]) -> Path:
    """Pack some files."""
    for name, data in files.items():
        (folder / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "src" / name).write_bytes(data)
    packhouse.pack(folder / "src", folder / "p.pack")
    return folder / "p.pack"


def test_every_rate_is_measured(tmp_path: Path) -> None:
    """Of the images there are, however few; one thread, the cores and twice as many are tried."""
    pack = packed(tmp_path, {f"a/{n}.jpg": jpeg(n, width=60, height=80) for n in range(5)})

    report = packhouse.bench(pack, 32, crop="random-resized")

    cores = usable_cores()
    assert (report.images, report.cores, report.size) == (5, cores, (32, 32))
    assert {1, cores, 2 * cores} <= set(report.loader)
    assert min(report.disk, report.ceiling, *report.loader.values()) > 0
    assert 0 < report.busy <= 1
    assert report.image_bytes == sum(len(jpeg(n, width=60, height=80)) for n in range(5)) / 5
    assert (report.broken, report.store, report.fits) == (0, "images.h5", True)


def test_the_derived_store_is_measured_where_the_loader_takes_it(tmp_path: Path) -> None:
    """As it does for a centre that it covers."""
    pack = packed(tmp_path, {f"{n}.jpg": jpeg(n, width=200, height=300) for n in range(3)})
    packhouse.derive(pack, 64)

    assert packhouse.bench(pack, 48).store == "derived-64/images.h5"
    assert packhouse.bench(pack, 80).store == "images.h5"


def test_broken_images_are_counted_and_do_not_stop_it(tmp_path: Path) -> None:
    """Two of six; when all are, there is nothing to measure."""
    good = {f"{n}.jpg": jpeg(n) for n in range(4)}
    pack = packed(tmp_path, {**good, "x.jpg": b"no picture", "y.jpg": jpeg(9)[:-200]})

    assert packhouse.bench(pack, 16).broken == 2
    with pytest.raises(UsageError, match="none of 1 images can be decoded"):
        packhouse.bench(packed(tmp_path / "other", {"x.jpg": b"no picture"}), 16)


def test_pixels_of_a_foreign_file_are_measured_too(tmp_path: Path) -> None:
    """None of them is broken."""
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        for number in range(12):
            file[f"{number:02}"] = np.full((30, 40, 3), number, np.uint8)

    report = packhouse.bench(tmp_path / "raw.h5", 16)

    assert (report.images, report.broken, report.image_bytes) == (12, 0, 30 * 40 * 3)
    assert report.ceiling > 0


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    """No pack, no size, a crop that is none."""
    pack = packed(tmp_path, {"1.jpg": jpeg(1)})

    with pytest.raises(NotAPackError):
        packhouse.bench(tmp_path / "nothing")
    for size in (0, (3, -1), None):
        with pytest.raises(UsageError):
            packhouse.bench(pack, size)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="centre"):
        packhouse.bench(pack, 16, crop="centre")  # type: ignore[arg-type]


def test_the_command_prints_one_line_first_and_json_when_asked(tmp_path: Path) -> None:
    """The line that says what binds; the document has the same."""
    pack = packed(tmp_path, {f"a/{n}.jpg": jpeg(n) for n in range(8)})

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, "bench", *arguments], capture_output=True, text=True, check=False, timeout=120
        )

    document = json.loads(run(pack, "--size", "16", "--json").stdout)
    words = run(pack, "--size", "16", "--crop", "exact")
    wrong, absent = run(pack, "--crop", "centre"), run(tmp_path / "nothing")

    assert document["binds"] in {"disk", "decode", "loader"}
    assert (document["images"], document["size"]) == (8, [16, 16])
    assert words.returncode == 0
    assert "img/s" in words.stdout.splitlines()[0]
    assert "8 images of images.h5" in words.stdout
    assert "best" in words.stdout
    assert (wrong.returncode, absent.returncode) == (2, 1)
    assert "nothing" in absent.stderr
    assert "Traceback" not in absent.stderr
