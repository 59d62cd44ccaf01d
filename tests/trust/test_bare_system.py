"""What packhouse is for works without the calls that only POSIX systems have, or only Linux."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from small_dataset import write_dataset

HERE = Path(__file__).parent
JOB = HERE / "core_job.py"


def digests(folder: Path) -> dict[str, str]:
    """Return path below a folder -> SHA-256 of each file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run(folder: Path, *command: str) -> str:
    """Run the job on a data set of its own and return what it prints."""
    (folder / "out").mkdir(parents=True)
    write_dataset(folder / "source")
    done = subprocess.run(
        [sys.executable, "-W", "error", *command, str(folder / "source"), str(folder / "out")],
        capture_output=True,
        text=True,
        check=False,
        env={"XDG_CACHE_HOME": str(folder / "cache"), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_of_it_works_without_them_and_makes_the_same_files(tmp_path: Path) -> None:
    """Pack, read, query, load, verify, update, extract, repair, derive, index: same output, same bytes."""
    usual = run(tmp_path / "usual", str(JOB))
    bare = run(tmp_path / "bare", str(HERE / "bare_system.py"), str(JOB))

    assert bare == usual
    assert "True" in usual
    assert digests(tmp_path / "bare" / "out") == digests(tmp_path / "usual" / "out")


@pytest.mark.parametrize("name", ["pread", "fcntl"])
def test_what_is_taken_away_is_gone(tmp_path: Path, name: str) -> None:
    """The process that the test above starts has none of it: else it would show nothing."""
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import os, sys; print(hasattr(os, sys.argv[1]), sys.modules.get(sys.argv[1], 'absent'))"
    )
    done = subprocess.run(
        [sys.executable, str(HERE / "bare_system.py"), str(probe), name],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "None" if name == "fcntl" else "absent"]
