"""A folder with archives and HDF5 files in it: each is read as the folder of its name, without a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from packhouse._src.records import Failed, Skipped, SourceFile
from packhouse._src.sources.archives.zip_parts import is_part
from packhouse._src.sources.sorting import archive_stem, is_junk
from packhouse._src.sources.source import Found, Source
from packhouse.errors import SourceError

BESIDE_A_FOLDER = "an archive; the folder of its name beside it is packed"
BESIDE_ANOTHER = "an archive; another one beside it is packed under its name"
PART = "one part of a split archive"
EMPTY = "an archive without files"


class Inner(NamedTuple):
    """An archive inside of the folder."""

    source: Source
    prefix: str
    """What its paths begin with below SRC: the folder that it is read as, with a slash."""

    dropped: str
    """The only folder in it, when that has the same name, with a slash; else ""."""


@dataclass(frozen=True, slots=True)
class _Archive:
    file: SourceFile
    stem: str


class NestedSource:
    """A folder and the archives in it, one level deep.

    Args:
        outer: The folder.
        open_inner: Opens an archive by its path; None when it is none.
    """

    chosen = False

    def __init__(self, outer: Source, open_inner: Callable[[Path], Source | None]) -> None:
        self.path = outer.path
        self._outer = outer
        self._open_inner = open_inner
        self._inner: tuple[Inner, ...] = ()
        self._archives: list[str] = []

    def __repr__(self) -> str:
        """Return what it is of."""
        return f"<NestedSource of {self.path}, {len(self._inner)} archives>"

    def __getstate__(self) -> dict[str, object]:
        """Pickle without what opens archives: they are open."""
        return {**self.__dict__, "_open_inner": None}

    @property
    def in_turn(self) -> bool:
        """Whether one of the archives is a stream, so that one thread must read it from start to end."""
        return any(inner.source.in_turn for inner in self._inner)

    @property
    def by_position(self) -> bool:
        """The same: then the order of positions is that of each stream."""
        return self.in_turn

    def scan(self, on_found: Callable[[int], None]) -> Found:
        """List every file, those in archives too.

        Args:
            on_found: Called with numbers of files found.

        Returns:
            What was found: the members of an archive in its place.

        Raises:
            SourceNotFoundError: There is no such folder.
        """
        outer = self._outer.scan(on_found)
        archives = [
            _Archive(file, stem)
            for file in outer.files
            if (stem := archive_stem(file.path)) and not is_junk(file.path)
        ]
        if not archives:
            return outer
        self._inner, self._archives = (), []
        found = [replace(outer, files=_without(outer.files, archives))]
        taken: set[str] = set()
        for archive in archives:
            if reason := _left_out(archive, found[0].files, taken):
                found.append(Found((), (Skipped(archive.file.path, reason),), ()))
                continue
            try:
                found.append(self._take(archive, on_found))
            except SourceError as err:
                failure = Failed(archive.file.path, type(err).__name__, str(err))
                found.append(Found((), (), (failure,)))
            taken.add(archive.stem.lower())
        return replace(_together(found), archives=tuple(self._archives))

    def _take(self, archive: _Archive, on_found: Callable[[int], None]) -> Found:
        with self._outer.as_file(archive.file, Path()) as path:
            source = self._open_inner(path)
        if source is None:
            return Found((archive.file,), (), ())
        found = source.scan(on_found)
        if not found.seen:
            return Found((), (Skipped(archive.file.path, EMPTY),), ())
        inner = Inner(source, f"{archive.stem}/", _only_folder(found, archive.stem.rpartition("/")[2]))
        self._inner = (*self._inner, inner)
        self._archives.append(archive.file.path)
        return _renamed(found, inner)

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one file whole, out of its archive if it is in one; see `Source`.

        Raises:
            SourceChangedError: It has another size than when it was scanned, or keeps changing.
            SourceError: It cannot be read, or is damaged.
        """
        source, named = self._where(file)
        read = source.read_into(named, view)
        return file if read is named else read._replace(path=file.path)

    def look(self, file: SourceFile) -> SourceFile:
        """Return a file as it is now; see `Source`."""
        source, named = self._where(file)
        now = source.look(named)
        return file if now is named else now._replace(path=file.path)

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Tell the system that these files will be read soon."""
        for file in files:
            source, named = self._where(file)
            source.read_ahead([named])

    @contextmanager
    def as_file(self, file: SourceFile, folder: Path, *, most: int | None = None) -> Iterator[Path]:
        """Give a file that is on the disk by itself; one in an archive is copied; see `Source`.

        Raises:
            SourceError: It cannot be read, or is damaged.
        """
        source, named = self._where(file)
        with source.as_file(named, folder, most=most) as path:
            yield path

    def _where(self, file: SourceFile) -> tuple[Source, SourceFile]:
        for inner in self._inner:
            if file.path.startswith(inner.prefix):
                return inner.source, file._replace(path=inner.dropped + file.path[len(inner.prefix) :])
        return self._outer, file


def _without(files: Sequence[SourceFile], archives: Sequence[_Archive]) -> tuple[SourceFile, ...]:
    left_out = {archive.file.path for archive in archives}
    return tuple(file for file in files if file.path not in left_out)


def _left_out(archive: _Archive, files: Sequence[SourceFile], taken: set[str]) -> str | None:
    """Say why an archive is not looked into; None when it is."""
    if is_part(archive.file.path):
        return PART
    folder = f"{archive.stem}/".lower()
    if any(file.path.lower().startswith(folder) for file in files):
        return BESIDE_A_FOLDER
    return BESIDE_ANOTHER if archive.stem.lower() in taken else None


def _only_folder(found: Found, name: str) -> str:
    """Return the folder that everything is in, with a slash, when it is named as the archive."""
    all_paths = [*(file.path for file in found.files), *(one.path for one in found.failed)]
    paths = [path for path in all_paths if not is_junk(path)]
    folder = f"{name}/"
    return folder if paths and all(path.startswith(folder) for path in paths) else ""


def _renamed(found: Found, inner: Inner) -> Found:
    """Return what was found in an archive by the paths that it has below SRC."""

    def below(path: str) -> str:
        return inner.prefix + path.removeprefix(inner.dropped)

    return Found(
        files=tuple(file._replace(path=below(file.path)) for file in found.files),
        skipped=tuple(replace(one, path=below(one.path)) for one in found.skipped),
        failed=tuple(replace(one, path=below(one.path)) for one in found.failed),
        escaped=tuple(map(below, found.escaped)),
        code_pages={below(path): page for path, page in found.code_pages.items()},
    )


def _together(parts: Sequence[Found]) -> Found:
    skipped: list[Skipped] = []
    failed: list[Failed] = []
    for part in parts:
        skipped += part.skipped
        failed += part.failed
    return Found(
        files=tuple(sorted((file for part in parts for file in part.files), key=itemgetter(0))),
        skipped=tuple(sorted(skipped, key=lambda one: one.path)),
        failed=tuple(sorted(failed, key=lambda one: one.path)),
        escaped=tuple(sorted(path for part in parts for path in part.escaped)),
        code_pages={path: page for part in parts for path, page in sorted(part.code_pages.items())},
    )
