"""Many readers of one pack at once: spawned processes, their threads, and what they fork while these read."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import packhouse
from small_dataset import JOIN, write_dataset
from soak.budget import Budget, Trials
from trust.pack_answers import ask

SPAWNED, FORKED, THREADS = 8, 5, 2
"""Processes, what each forks, and its threads beside the first: 64 readers."""

FEW = 1_000
"""Up to so many answers, one process with what it forks is enough."""

GRACE_S = 120


def readers(folder: Path, budget: Budget) -> Generator[Trials]:
    """Let 64 readers ask one pack everything for as long as the budget allows; a trial is an answer."""
    (folder / "shop").mkdir()
    write_dataset(folder / "shop", images=9, transactions=40)
    packhouse.pack(folder / "shop", folder / "a.pack", joins=[JOIN])
    (folder / "answers").write_bytes(pickle.dumps(ask(folder / "a.pack")))
    (folder / "found").mkdir()
    seconds = max(1.0, budget.left - 5)
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    processes = []
    for number in range(1 if budget.most <= FEW else SPAWNED):
        how = [folder / "a.pack", folder / "answers", seconds, FORKED, THREADS, number, folder / "found"]
        command = [sys.executable, "-W", "ignore", "-m", "soak.reader_job", *map(str, how)]
        processes.append(
            subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": path},
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # what hangs is ended with all that it has forked
            )
        )
    wrong = []
    for number, process in enumerate(processes):
        try:
            said = process.communicate(timeout=seconds + GRACE_S)[1]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            wrong.append(f"process {number} hangs")
            continue
        if process.returncode:
            wrong.append(f"process {number} ended with {process.returncode}: {said}")
    found = [json.loads(file.read_text(encoding="utf-8")) for file in (folder / "found").iterdir()]
    if len(found) != len(processes) * (FORKED + THREADS + 1):
        wrong.append(f"{len(found)} readers have answered")
    yield Trials(sum(asked for asked, _ in found), (*wrong, *(one for _, some in found for one in some)))
