"""A folder as a data set: walked once, its files read whole."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from pathlib import Path

from packhouse._src.ranges import read_into
from packhouse._src.records import SourceFile
from packhouse._src.sources.changes import is_young, young_for_ns
from packhouse._src.sources.folder_walk import FolderWalk, with_slash
from packhouse._src.sources.names import unescape_path
from packhouse._src.sources.open_folders import Identity, OpenFolders
from packhouse._src.sources.source import Found
from packhouse._src.system.folder_handles import look, open_in
from packhouse._src.system.open_flags import READ_NO_LINK
from packhouse._src.system.page_cache import will_read
from packhouse.errors import SourceChangedError, SourceError, SourceNotFoundError, Where

MOST_READS = 3


class FolderSource:
    """A folder; its symbolic links are followed on request only, except that it may be one itself.

    Safe to share between threads and to pickle.

    Args:
        root: The folder.
        leave_out: Absolute folders that are not entered, such as the pack that is being written.
        follow_links: False; True for links to what is in the folder; or "anywhere".
    """

    in_turn = False
    by_position = False
    chosen = False

    def __init__(
        self, root: Path, leave_out: frozenset[Path] = frozenset(), *, follow_links: str | bool = False
    ) -> None:
        self.path = root
        self._leave_out = leave_out
        self._follow_links = follow_links
        self._targets: dict[str, str] = {}
        self._below = with_slash(os.fspath(root))
        self._escaped: frozenset[str] = frozenset()
        self._scanned: dict[str, Identity] = {}
        """Folder -> device and inode."""

        self._of_thread = threading.local()

    def __getstate__(self) -> dict[str, object]:
        """Pickle without descriptors."""
        return {name: value for name, value in self.__dict__.items() if name != "_of_thread"}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Begin with no descriptor."""
        self.__dict__.update(state, _of_thread=threading.local())

    def __repr__(self) -> str:
        """Return what it is of."""
        return f"<{type(self).__name__} of {self.path}>"

    def scan(self, on_found: Callable[[int], None]) -> Found:
        """List every file below the folder.

        Args:
            on_found: Called with the number of files of each folder as it is done.

        Returns:
            What was found; the same for the same tree, whatever order the file system lists it in.

        Raises:
            SourceNotFoundError: There is no such folder.

        Cost: one stat per file, and three system calls per folder.
        """
        if not self.path.is_dir():
            kind = "is not a folder" if self.path.exists() else "does not exist"
            raise SourceNotFoundError(
                f"SRC {kind}",
                where=Where(file=str(self.path)),
                hint="choose the folder that contains the images and CSV files",
            )
        self._begin_scan(os.path.realpath(self.path))
        walk = FolderWalk(
            self._below, self._leave_out, follow_links=self._follow_links, note_folder=self._note_folder
        )
        while walk.waiting:
            on_found(walk.list_folder(walk.waiting.pop()))
        walk.fail_ambiguous()
        self._of_thread = threading.local()  # what is read is looked up anew
        self._escaped = frozenset(file.path for file in walk.escaped)
        self._targets = walk.targets
        return Found(
            files=tuple(sorted((*walk.files, *walk.escaped), key=itemgetter(0))),
            skipped=tuple(sorted(walk.skipped, key=lambda one: one.path)),
            failed=tuple(sorted(walk.failed, key=lambda one: one.path)),
            escaped=tuple(sorted(self._escaped)),
        )

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one file whole; see `Source`.

        Raises:
            SourceChangedError: It has another size than when it was scanned, or keeps changing.
            SourceError: It cannot be read.

        Cost: four system calls, and two for each folder that is not open; 50 ms more for a file that was
            changed less than 50 ms ago.
        """
        try:
            descriptor = self._open_file(file)
            try:
                if _read_as_scanned(descriptor, file, view):
                    return file  # 200 bytes less to keep than another one like it
                facts = _read_steadily(descriptor, file, view)
            finally:
                os.close(descriptor)
        except SourceError as err:
            err.where = Where(file=file.path)
            raise
        except OSError as err:
            raise SourceError(f"cannot be read: {err.strerror}", where=Where(file=file.path)) from err
        return SourceFile(file.path, *_stamps(facts))

    def look(self, file: SourceFile) -> SourceFile:
        """Return a file as it is now; see `Source`. Cost: one system call."""
        folder, name = _split(self._on_disk(file))
        try:
            facts = look(self._folders.handle(folder), name)
        except OSError as err:
            raise SourceError("cannot be read any more", where=Where(file=file.path)) from err
        _check_same_file(facts, file, any_size=True)
        now = _stamps(facts)
        return file if now == file[1:] else SourceFile(file.path, *now)

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Tell the system that these files will be read soon; what cannot be opened is passed over."""
        for file in files:
            with suppress(OSError, SourceError):
                descriptor = self._open_file(file)
                try:
                    will_read(descriptor, 0, file.size)
                finally:
                    os.close(descriptor)

    @contextmanager
    def as_file(
        self,
        file: SourceFile,
        folder: Path,  # noqa: ARG002  # nothing is copied
        *,
        most: int | None = None,  # noqa: ARG002
    ) -> Iterator[Path]:
        """Give the file itself; see `Source`.

        Raises:
            SourceChangedError: A folder above it is not the one that was scanned, now or at the end.
            SourceError: It is gone, or no regular file any more.
        """
        path = Path(self._on_disk(file))
        before = self._check_place(path, file)
        yield path
        if self._check_place(path, file) != before:
            raise SourceChangedError(
                "changed while packing: another file is in its place",
                where=Where(file=file.path),
                hint="pack again when nothing writes to the data set",
            )

    def _check_place(self, path: Path, file: SourceFile) -> Identity:
        """See that a path leads to the file in the folder that was scanned, and return what it is."""
        try:
            folder, name = _split(os.fspath(path))
            facts = look(self._folders.handle(folder), name)
            _check_same_file(facts, file, any_size=True)
            if not os.path.samestat(facts, path.lstat()):
                raise SourceChangedError(  # gets its place below
                    "changed while packing: its folder is not the one that was scanned",
                    hint="pack again when nothing changes the data set",
                )
        except SourceError as err:
            err.where = Where(file=file.path)
            raise
        except OSError as err:
            raise SourceError(f"cannot be read: {err.strerror}", where=Where(file=file.path)) from err
        return facts.st_dev, facts.st_ino

    @property
    def _folders(self) -> OpenFolders:
        """What this thread has open; shared, one thread could close what another is about to use."""
        try:
            found: OpenFolders = self._of_thread.folders
        except AttributeError:
            found = self._of_thread.folders = OpenFolders(self._below, self._scanned)
        return found

    def _open_file(self, file: SourceFile) -> int:
        folder, name = _split(self._on_disk(file))
        return open_in(self._folders.handle(folder), name, READ_NO_LINK)

    def _begin_scan(self, root: str) -> None:
        self._below = with_slash(root)
        self._scanned = {}
        self._of_thread = threading.local()

    def _note_folder(self, folder: str) -> None:
        """Remember which folder it is that is scanned now; raises as `OpenFolders` does."""
        self._scanned[folder] = self._folders.identity(folder)

    def _on_disk(self, file: SourceFile) -> str:
        if file.path in self._targets:
            return self._targets[file.path]
        if file.path in self._escaped:
            return self._below + os.fsdecode(unescape_path(file.path))
        return self._below + file.path


def _split(path: str) -> tuple[str, str]:
    cut = path.rindex("/") + 1
    return path[:cut], path[cut:]


def _stamps(facts: os.stat_result) -> tuple[int, int, int, int]:
    return facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns


def _read_as_scanned(descriptor: int, file: SourceFile, view: memoryview) -> bool:
    """Read a file, and say whether it is as the scan saw it and was not written to meanwhile.

    One look is enough for that: the scan was the look before.
    """
    began = time.time_ns()
    try:
        read = read_into(descriptor, view, 0)
    except OSError:  # of a file that is none any more; who looks first has the better reason
        return False
    facts = os.fstat(descriptor)
    return (
        read == file.size
        and _stamps(facts) == file[1:]
        and stat.S_ISREG(facts.st_mode)
        and not is_young(facts, began)
    )


def _read_steadily(descriptor: int, file: SourceFile, view: memoryview) -> os.stat_result:
    for _ in range(1, MOST_READS):  # the first one is behind us
        before = os.fstat(descriptor)
        _check_same_file(before, file)
        if young := young_for_ns(before):
            # or a write while we read could leave the time as it is
            time.sleep(young / 1e9)
        read = read_into(descriptor, view, 0)
        after = os.fstat(descriptor)
        if (
            read == file.size
            and after.st_mtime_ns == before.st_mtime_ns
            and after.st_size == before.st_size
            and after.st_ino == before.st_ino
        ):
            return after
    _check_same_file(os.fstat(descriptor), file)
    raise SourceChangedError(
        f"changed while packing: {MOST_READS} times in a row while it was read",
        where=Where(file=file.path),
        hint="pack again when nothing writes to the data set",
    )


def _check_same_file(facts: os.stat_result, file: SourceFile, *, any_size: bool = False) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise SourceChangedError(
            "changed while packing: it is no longer a regular file", where=Where(file=file.path)
        )
    if facts.st_size != file.size and not any_size:
        raise SourceChangedError(
            f"changed while packing: {file.size:,} bytes when scanned, {facts.st_size:,} now",
            where=Where(file=file.path),
            hint="pack again when nothing writes to the data set",
        )
