"""A FIFO in the place of any file of a pack: an error of ours, and nobody waits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import packhouse
from small_dataset import JOIN, write_dataset

ASK = """
import signal, sys
sys.path.insert(0, sys.argv[2])
from packhouse.errors import PackhouseError
from trust.pack_answers import ask

signal.alarm(40)
found = ask(__import__("pathlib").Path(sys.argv[1]))
print(any(isinstance(answer, PackhouseError) for answer in found.values()))
"""


def test_no_file_makes_a_reader_wait(tmp_path: Path) -> None:
    """Each file in turn, pack.json and the index too."""
    (tmp_path / "shop").mkdir()
    write_dataset(tmp_path / "shop", images=9, transactions=40)
    packhouse.pack(tmp_path / "shop", tmp_path / "whole.pack", joins=[JOIN])
    processes = {}
    for file in sorted((tmp_path / "whole.pack").iterdir()):
        pack = tmp_path / f"{file.name}.pack"
        shutil.copytree(tmp_path / "whole.pack", pack)
        (pack / file.name).unlink()
        os.mkfifo(pack / file.name)
        command: list[str | Path] = [sys.executable, "-c", ASK, pack, Path(__file__).parents[1]]
        processes[file.name] = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    said = {name: process.communicate(timeout=120) for name, process in processes.items()}

    assert said == dict.fromkeys(processes, ("True\n", ""))
    assert len(said) == 7
