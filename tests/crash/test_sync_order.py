"""Nothing gets its final name before it is on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crash.scenes import Scene
from crash.sync_order import not_flushed

TESTS = Path(__file__).parents[1]
VARIANTS = ("plain", "joined", "update", "overwrite")


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_renamed_was_flushed(home: Path, library: Path | None, variant: str) -> None:
    """All files and folders of DEST before its rename, the folder above it after; seen from the calls."""
    if library is None:
        pytest.skip("no C compiler (or not Linux): calls that are not Python's own are not seen")
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    around = {"PYTHONPATH": path, "LD_PRELOAD": str(library), "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-m", "crash.recorded_calls", home, variant, home / "log"],
        env={**os.environ, **around},
        check=True,
        capture_output=True,
    )

    calls = (home / "log").read_text(encoding="utf-8").splitlines()

    dest = str(Scene(home, variant).dest)
    assert any(call.startswith("rename ") and call.endswith(f"\t{dest}") for call in calls)
    assert sum(call.startswith("fsync ") for call in calls) > 3
    assert list(not_flushed(calls, dest)) == []


CALLS = (
    "mkdir /o/w",
    "creat /o/w/a",
    "write /o/w/a",
    "fsync /o/w/a",
    "fsync /o/w",
    "rename /o/w\t/o/d",
    "fsync /o",
)


@pytest.mark.parametrize(
    ("left_out", "found"),
    [
        (None, []),
        (3, ["/o/w/a when it became /o/d", "/o/d/a at the end"]),
        (4, ["/o/w when it became /o/d", "/o/d at the end"]),
        (6, ["the name /o/d at the end"]),
    ],
)
def test_a_flush_that_is_missing_is_seen(left_out: int | None, found: list[str]) -> None:
    """Of a file, of its folder, of the folder above."""
    calls = [call for place, call in enumerate(CALLS) if place != left_out]

    assert list(not_flushed(calls, "/o/d")) == found
