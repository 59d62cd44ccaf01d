"""What is printed where the terminal knows fewer letters than the keys have."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import packhouse
from small_dataset import DataSet

PROGRAM = Path(sys.executable).with_name("packhouse")


def test_letters_that_the_encoding_lacks_are_escaped(tmp_path: Path) -> None:
    """Keys come in full, with backslashes; nothing stops."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "größe.jpg").write_bytes(b"no picture")
    packhouse.pack(tmp_path / "src", tmp_path / "x.pack")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}

    found = subprocess.run(
        [PROGRAM, "find", tmp_path / "x.pack", "--where", "true"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=ascii_only,
    )

    assert (found.returncode, found.stderr) == (0, "1 image\n")
    assert found.stdout == "gr\\xf6\\xdfe\n"


def test_ctrl_c_while_the_program_starts_has_no_traceback() -> None:
    """The signal comes when click is imported: one line, and the exit code of Ctrl-C."""
    code = (
        "import importlib.abc, os, signal, sys\n"
        "class Interrupt(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'click':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from packhouse._src.cli.start import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "interrupted: nothing was begun\n"


def making(source: Path, folder: Path) -> dict[str, tuple[list[object], Path]]:
    """Return commands that make something, and what they make."""
    pack = folder / "given.pack"
    return {
        "pack": (["pack", source, "-o", folder / "a.pack"], folder / "a.pack"),
        "derive": (["derive", pack, "--size", "16"], pack / "derived-16"),
        "repair": (["repair", pack, folder / "b.pack"], folder / "b.pack"),
        "extract": (["extract", pack, folder / "out"], folder / "out"),
        "sample": (["sample", folder / "drawn", "--images", "3"], folder / "drawn"),
    }


@pytest.mark.parametrize("name", ["pack", "derive", "repair", "extract", "sample"])
@pytest.mark.parametrize("how", ["full", "reader gone", "closed"])
def test_what_is_complete_is_said_to_be_where_the_report_cannot_be_printed(
    tmp_path: Path, dataset: DataSet, name: str, how: str
) -> None:
    """On stderr, with exit code 0; a program without any stdout just works."""
    packhouse.pack(dataset.folder, tmp_path / "given.pack")
    arguments, made = making(dataset.folder, tmp_path)[name]
    line = shlex.join([str(PROGRAM), *map(str, arguments)])
    if how == "full":
        done = run_shell(f"{line} >/dev/full")
    elif how == "closed":
        done = run_shell(f"{line} >&-")
    else:
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            line, shell=True, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
        os.close(writing)

    assert done.returncode == 0, done.stderr
    assert made.exists()
    assert "Traceback" not in done.stderr
    assert ("is complete, but its report cannot be printed" in done.stderr) is (how != "closed")


def run_shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell."""
    return subprocess.run(line, shell=True, stderr=subprocess.PIPE, text=True, check=False)


def test_data_that_cannot_be_printed_is_an_error(tmp_path: Path, dataset: DataSet) -> None:
    """A list of keys is not complete then."""
    packhouse.pack(dataset.folder, tmp_path / "a.pack")
    done = run_shell(f"{PROGRAM} ls {tmp_path / 'a.pack'} >/dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("error: No space left on device")
