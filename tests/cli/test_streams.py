"""What is printed where the terminal knows fewer letters than the keys have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import packhouse

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
