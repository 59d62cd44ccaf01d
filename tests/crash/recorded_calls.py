"""Packs once under crashpoint.c, which writes down every call that changes something.

python -m crash.recorded_calls HOME VARIANT LOG
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

from crash.faults import TOLD
from crash.scenes import Scene


def _apart(work: Callable[[], object]) -> None:
    process = os.fork()
    if not process:
        work()
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        raise RuntimeError("the pack that is there before was not made")


def main() -> None:
    """Make what is there before in a process of its own, then pack."""
    home, variant, log = sys.argv[1:]
    scene = Scene(Path(home), variant)
    os.environ["XDG_CACHE_HOME"] = str(scene.area / "cache")
    scene.set_up(lambda: _apart(lambda: scene.pack([])))
    scene.reset()
    told = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    where = os.fsencode(f"{scene.area}/")
    ctypes.CDLL(None).crashpoint_arm(where, ctypes.c_long(1), TOLD, 0, 0, 0, told)
    scene.pack([])
    os._exit(0)


if __name__ == "__main__":
    main()
