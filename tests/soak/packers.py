"""Packers that race for one DEST, or are killed at any time: forked from one process that tries on and on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from functools import partial
from pathlib import Path

from soak.budget import Budget, Trials


def _tried(kind: str, folder: Path, budget: Budget) -> Generator[Trials]:
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    seed = budget.seed
    with subprocess.Popen(
        [sys.executable, "-m", "soak.forked_packers", kind, str(folder), f"{seed}"],
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                yield Trials(1, tuple(f"seed {seed}: {problem}" for problem in json.loads(line)))
            assert process.stderr is not None
            yield Trials(1, (f"the process that forks has ended: {process.stderr.read()}",))
        finally:
            process.terminate()


races = partial(_tried, "races")
kills = partial(_tried, "kills")
