"""Starts the driver and reads what it has found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from crash.faults import compile_shim, compiler

TESTS = Path(__file__).parents[1]
MEMORY = Path("/dev/shm")  # noqa: S108  # a fsync costs nothing there
LIMIT_S = 400


class CallSeries(NamedTuple):
    """A part of the calls of one pack, each to be the last."""

    layer: str
    variant: str
    how: str
    first: int = 0
    step: int = 1

    def __str__(self) -> str:
        """Return a name for the test."""
        return f"{self.layer}-{self.variant}-{self.how}-{self.first + 1}..{self.step}"

    def run(self, home: Path, library: Path | None) -> dict[str, Any]:
        """Do it.

        Args:
            home: An empty folder.
            library: crashpoint.so, for the layer "shim".

        Returns:
            The driver's findings.
        """
        order = {
            "home": str(home),
            "layer": self.layer,
            "variant": self.variant,
            "how": self.how,
            "chunk": self.first,
            "chunks": self.step,
        }
        path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
        if library is not None:
            environment["LD_PRELOAD"] = str(library)
        done = subprocess.run(
            [sys.executable, "-m", "crash.driver", json.dumps(order)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, done.stderr
        findings: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return findings


@contextmanager
def quick_folder(fallback: Path) -> Iterator[Path]:
    """Give an empty folder, in memory where that is possible."""
    if not os.access(MEMORY, os.W_OK):
        yield fallback
        return
    folder = Path(tempfile.mkdtemp(prefix="packhouse-crash-", dir=MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def shim_in(folder: Path) -> Path | None:
    """Compile crashpoint.c; None where that is not possible."""
    return compile_shim(folder) if sys.platform == "linux" and compiler() else None
