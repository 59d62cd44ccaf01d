"""Runs the walk through a third-party HDF5 file in a process of its own; checks all that it prints."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from packhouse._src.concurrency.helper_process import HelperProcess
from packhouse._src.foreign.evidence.layouts import NO_WISH, Hdf5Wish
from packhouse._src.foreign.walked import Intake, Walked
from packhouse.errors import CorruptStoreError, StoreError, UsageError, Where

MOST_LINE_BYTES = 64 << 20
MOST_MEMORY_BYTES = 8 << 30
LEAST_SECONDS = 60
OUT_OF_TIME = -getattr(signal, "SIGXCPU", 1 << 30)
"""Exit code of a process that the system has stopped for the time it took; Windows stops none."""

BYTES_PER_SECOND = 1_000_000
"""An image takes 40 us and at least 300 bytes of the file; this is slower by a factor of seven."""


def walk_apart(
    path: Path,
    size: int,
    *,
    wish: Hdf5Wish = NO_WISH,
    on_images: Callable[[int], None] = lambda _count: None,
) -> Walked:
    """Find the images of an HDF5 file, in a process that may crash without harm.

    Args:
        path: The file, a regular one.
        size: Its size in bytes; nothing outside of it is taken for an image.
        wish: What the user said of the file.
        on_images: Called now and then with the number of images found since the last call.

    Returns:
        Images in the order of the walk, the rest with reasons.

    Raises:
        CorruptStoreError: The HDF5 library cannot open the file, crashes on it, or goes on for ever.
        UsageError: The user named a dataset that is not there.
        StoreError: The process cannot be started.

    Cost: 40-50 us per image, and a third of a second to start.
    """
    taking = Intake(size)
    walked = taking.walked
    ended = False
    with started("packhouse._src.foreign.walker", path, size, json.dumps(wish._asdict())) as walker:
        for lines in _documents(walker.output):
            before = walked.count
            try:
                ended = taking.take_all(lines)
            except ValueError as err:
                raise _crashed(0, str(err), path) from err
            on_images(walked.count - before)
            if ended:
                break
        if not ended:
            raise _crashed(walker.wait(), walker.noise(), path)
    if taking.failure:
        raise CorruptStoreError(
            f"the HDF5 library cannot open it: {taking.failure}",
            where=Where(file=str(path)),
            hint="restore it from a copy; what was open for writing when its program was killed may open "
            "again after h5clear -s FILE",
        )
    if taking.absent is not None:
        raise UsageError(
            f"--images-from: there is no dataset {taking.absent.path!r}",
            where=Where(file=str(path)),
            hint=f"it has {', '.join(taking.absent.known)}" if taking.absent.known else "it has no datasets",
        )
    taking.refuse_repeated()
    return walked


def started(module: str, path: Path, work_bytes: int, *arguments: str) -> HelperProcess:
    """Start a process that opens a third-party HDF5 file, with nothing of the environment that HDF5 obeys.

    Args:
        module: Whose `main` it runs, with the absolute path of the file and the arguments.
        path: The file.
        work_bytes: How much it has to go through; its time is limited in proportion.
        arguments: Further ones.

    Returns:
        The process.

    Raises:
        StoreError: It cannot be started.
    """
    # what the environment says to HDF5: plugins, drivers, connectors that run before a byte is read
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith(("HDF5", "H5"))}
    clean["HDF5_PLUGIN_PRELOAD"] = "::"
    # what the library can take, whatever the file makes it do
    limits = {
        "core_bytes": 0,
        "memory_bytes": MOST_MEMORY_BYTES,
        "cpu_seconds": LEAST_SECONDS + work_bytes // BYTES_PER_SECOND,
    }
    absolute = os.path.abspath(path)  # noqa: PTH100
    try:
        return HelperProcess(module, absolute, *arguments, environment=clean, limits=limits)
    except OSError as err:
        raise StoreError(f"Python cannot be started to read the file: {err}") from err


def _documents(output: IO[bytes]) -> Iterator[list[list[object]]]:
    while line := output.readline(MOST_LINE_BYTES):
        try:
            lines = json.loads(line)
        except ValueError:
            return
        if not isinstance(lines, list) or not all(isinstance(item, list) and item for item in lines):
            return
        yield lines


def _crashed(code: int, noise: str, path: Path) -> CorruptStoreError:
    if code == OUT_OF_TIME:
        problem = "the HDF5 library did not finish reading it, and was stopped"
    elif code < 0:
        problem = f"the HDF5 library crashed on it ({signal.Signals(-code).name})"
    else:
        problem = "the walk through it ended early" + (f": {noise}" if noise else "")
    return CorruptStoreError(
        problem, where=Where(file=str(path)), hint="it is damaged or malicious: do not open it"
    )
