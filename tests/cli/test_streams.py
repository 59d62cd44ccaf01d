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
