"""Writes the skeleton in a process of its own, so that images are copied in the meantime.

HDF5 makes one dataset after the other and holds the interpreter's lock while it does. Where each image goes
is known before (`lay_out`), so nobody has to wait for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO

from packhouse.errors import DestinationError, NoSpaceError, PackhouseError, Where

APART_FROM_IMAGES = 10_000
"""Starting a process costs a fifth of a second; so many datasets take as long."""

BOOTSTRAP = (
    "import sys, json; sys.path.extend(p for p in json.loads(sys.argv[1]) if p not in sys.path); "
    "from packhouse._src.imagefile.write.skeleton_process import main; main()"
)
Datasets = Sequence[tuple[str, str, int]]
Writer = subprocess.Popen[bytes]


def prepare_writer(count: int) -> Writer | None:
    """Start the process that will write the skeleton, so that it can import what it needs.

    Args:
        count: Number of images.

    Returns:
        The process; None when there are so few images that it does not pay, or no process can be started.
    """
    if count < APART_FROM_IMAGES or not sys.executable:
        return None
    with suppress(OSError):
        return _start()
    return None


def dismiss_writer(writer: Writer | None) -> None:
    """End a process that has nothing to write after all."""
    if writer is not None:
        writer.kill()
        writer.communicate()


class PendingSkeleton:
    """A skeleton that is being written, and what is done when it is there.

    Args:
        writer: From `prepare_writer`.
        path: The file to make.
        datasets: As for `write_skeleton`.
        file_id: As for `write_skeleton`.
        on_written: Called when the file is complete, from another thread.
    """

    def __init__(
        self,
        writer: Writer | None,
        path: Path,
        datasets: Datasets,
        *,
        file_id: str,
        on_written: Callable[[], None],
    ) -> None:
        self._path = path
        self._on_written = on_written
        self._error: BaseException | None = None
        self._process = writer
        if writer is None:
            from packhouse._src.imagefile.write.skeleton import (
                write_skeleton,  # brings h5py, which takes a while
            )

            write_skeleton(path, datasets, file_id=file_id)
            on_written()
            return
        self._waiting = Thread(target=self._wait, args=(writer, datasets, file_id), name="packhouse-skeleton")
        self._waiting.start()

    def check(self) -> None:
        """Raise what has gone wrong so far.

        Raises:
            NoSpaceError: The disk is full.
            DestinationError: The file cannot be written for another reason.
        """
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Wait until all is done; raises as `check`."""
        if self._process is not None:
            self._waiting.join()
        self.check()

    def stop(self) -> None:
        """Give up what is still under way."""
        if self._process is not None:
            self._process.kill()
            self._waiting.join()

    def _wait(self, process: subprocess.Popen[bytes], datasets: Datasets, file_id: str) -> None:
        try:
            said, _ = process.communicate(_encoded(self._path, datasets, file_id))
            if process.returncode == 0:
                self._on_written()
            else:
                self._error = _error_of(said, process.returncode, self._path)
        except BaseException as err:  # noqa: BLE001  # raised by `check`, in the thread that asks
            self._error = err


def _start() -> subprocess.Popen[bytes]:
    known = json.dumps([os.path.abspath(place) for place in sys.path])  # noqa: PTH100
    return subprocess.Popen(  # noqa: S603  # this Python, our own module
        [sys.executable, "-I", "-c", BOOTSTRAP, known],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # NumPy's threads would only wait, and spin
    )


def _encoded(path: Path, datasets: Datasets, file_id: str) -> bytes:
    keys = "\0".join(f"{group}/{name}" for group, name, _ in datasets).encode()
    head = json.dumps({"path": os.fspath(path.absolute()), "id": file_id, "count": len(datasets)})
    return head.encode() + b"\n" + array("q", [size for _, _, size in datasets]).tobytes() + keys


def _error_of(said: bytes, code: int, path: Path) -> PackhouseError:
    kind, problem, hint = DestinationError, f"the process that writes it ended with {code}", "run it again"
    with suppress(ValueError):
        name, problem = json.loads(said)
        if name == NoSpaceError.__name__:
            kind, hint = NoSpaceError, "free some space and run it again"
    return kind(problem, where=Where(file=str(path)), hint=hint)


def main() -> None:
    """Write the skeleton that is described on stdin; what goes wrong is said on stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the one that started us decides
    from packhouse._src.imagefile.write.skeleton import write_skeleton

    source: IO[bytes] = sys.stdin.buffer
    head = json.loads(source.readline())
    sizes = array("q", source.read(8 * head["count"]))
    keys = source.read().decode().split("\0")
    split = (key.rpartition("/") for key in keys)
    datasets = [(group, name, size) for (group, _, name), size in zip(split, sizes, strict=True)]
    try:
        write_skeleton(Path(head["path"]), datasets, file_id=head["id"])
    except PackhouseError as err:
        sys.stdout.write(json.dumps([type(err).__name__, err.problem]))
        sys.stdout.flush()
        sys.exit(1)
