"""The digest of a file that is being converted, made beside it on a thread."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from packhouse._src.imagefile.digest import READ_BYTES, DigestSoFar
from packhouse._src.records import SourceFile
from packhouse._src.sources.changes import YOUNG_NS


class SourceDigest:
    """Reads a file while it is converted; a context manager, which waits for the digest.

    Args:
        path: The file: that of the data set, or what an archive has in its place.
        file: As the scan saw it.
    """

    def __init__(self, path: Path, file: SourceFile) -> None:
        self.digest: str | None = None
        """Of the bytes that were converted; None when the file has changed meanwhile."""

        self._path = path
        self._file = file
        self._before = _facts_of(path)
        self._started_ns = time.time_ns()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="packhouse-digest", daemon=True)

    def __enter__(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the end; do not wait when the conversion has failed."""
        if kind is not None:
            self._stopped.set()
        self._thread.join()
        if _facts_of(self._path) != self._before:
            self.digest = None

    @property
    def known_by(self) -> SourceFile | None:
        """What the file can be known by: None when a later change might not show in it."""
        file = self._file
        if not file.ctime_ns:  # a member of an archive, whose numbers change with the archive
            return file
        return file if is_old_enough(file, self._started_ns) and self._before == file[1:] else None

    def _read(self) -> None:
        state = DigestSoFar()
        try:
            with self._path.open("rb") as file:
                while not self._stopped.is_set() and (piece := file.read(READ_BYTES)):
                    state.add(piece)
        except OSError:  # the conversion says so
            return
        self.digest = state.hex()


def is_old_enough(file: SourceFile, now_ns: int) -> bool:
    """Say whether every later change of a file will show in its times.

    Args:
        file: As the scan saw it.
        now_ns: The time, nanoseconds since the epoch.
    """
    return now_ns - max(file.mtime_ns, file.ctime_ns) > YOUNG_NS or not file.ctime_ns


def _facts_of(path: Path) -> tuple[int, ...]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns
