"""The images that only the HDF5 library can read: a stream out of a process that may crash without harm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from packhouse._src.concurrency.helper_process import HelperProcess
from packhouse._src.foreign.found import FRAME, LOST, READ
from packhouse._src.foreign.walker_process import started
from packhouse._src.system.process_lock import ProcessLock
from packhouse.errors import SourceError, Where

MOST_SKIPPED = 256
"""Images that are read over; where more are not wanted the stream is started anew behind them."""

FRAME_LIMIT = 1 << 30


class StreamedDataset(NamedTuple):
    """A dataset whose images come out of the stream."""

    path: str
    is_stack: bool
    """Whether each of its rows is an image."""

    n_bytes: int
    """Of all its images."""


class LibraryStream:
    """Reads images in the order of datasets and rows; a jump backwards starts the process anew.

    Args:
        path: The file.
        datasets: In the order in which they are best read.
    """

    def __init__(self, path: Path, datasets: Sequence[StreamedDataset]) -> None:
        self._path = path
        self._datasets = datasets
        self._lock = ProcessLock()
        self._process: HelperProcess | None = None
        self._first = 0
        self._next = (0, 0)
        self._failed: dict[int, str] = {}

    def __del__(self) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process; a later read starts it again."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def read(self, dataset: int, row: int) -> bytes:
        """Read one image.

        Args:
            dataset: Its place among the datasets.
            row: Its place in it.

        Returns:
            Its bytes as the HDF5 library gives them.

        Raises:
            SourceError: The library cannot read it, or crashes on it.

        Cost: everything between the last image and this one is unpacked.
        """
        with self._lock:
            if dataset in self._failed:
                raise self._error(dataset, self._failed[dataset])
            behind = (dataset, row) < self._next
            ahead = dataset == self._next[0] and row > self._next[1] + MOST_SKIPPED
            if self._process is None or behind or ahead or dataset > self._next[0] + 1:
                self._start(dataset, row)
            return self._read_until(dataset, row)

    def _start(self, dataset: int, row: int) -> None:
        self.close()
        wanted = self._datasets[dataset:]
        work = sum(one.n_bytes for one in wanted)
        self._process = started("packhouse._src.foreign.library_output", self._path, work)
        rows = [row, *(0 for _ in wanted[1:])]
        request = [[one.path, one.is_stack, start] for one, start in zip(wanted, rows, strict=True)]
        self._process.send(json.dumps(request).encode())
        self._first = dataset
        self._next = (dataset, row)

    def _read_until(self, dataset: int, row: int) -> bytes:
        while True:
            frame = self._read_exactly(FRAME.size)
            if frame is None:
                break
            place, found, status, length = FRAME.unpack(frame)
            data = self._read_exactly(length) if length <= FRAME_LIMIT else None
            at = (place + self._first, found)
            if data is None or at > (dataset, row) or at < self._next:
                break
            self._next = (at[0], found + 1)
            if status == LOST:
                self._failed[at[0]] = data.decode(errors="replace")
                self._next = (at[0] + 1, 0)
            if at[0] == dataset and (status == LOST or found == row):
                if status != READ:
                    raise self._error(dataset, data.decode(errors="replace"))
                return data
        self._failed[dataset] = self._crash()
        raise self._error(dataset, self._failed[dataset])

    def _read_exactly(self, length: int) -> bytes | None:
        output = self._process.output if self._process is not None else None
        data = output.read(length) if output is not None and length else b""
        return data if len(data) == length else None

    def _crash(self) -> str:
        process, self._process = self._process, None
        noise = ""
        if process is not None:
            process.kill()
            noise = process.noise().strip().rpartition("\n")[2]
            process.close()
        return "the HDF5 library stopped in the middle of it" + (f": {noise}" if noise else "")

    def _error(self, dataset: int, problem: str) -> SourceError:
        return SourceError(problem, where=Where(file=str(self._path), member=self._datasets[dataset].path))
