"""Puts a derived store into a pack, so that a kill at any moment leaves a pack with all of it or nothing.

It is made in a folder of its own inside the pack, which a killed run leaves and the next one removes.
pack.json is replaced last: a store that it does not name is not there.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from packhouse._src.full_disk import is_full
from packhouse._src.imagefile.format import (
    DERIVED,
    DERIVED_FOLDER,
    DERIVING_FOLDER,
    IMAGES_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
)
from packhouse._src.imagefile.manifest_file import is_as_written, write_manifest
from packhouse._src.system.file_lock import open_lock, take_lock
from packhouse._src.system.folder_handles import sync_folder
from packhouse.errors import (
    CHECK_DISK,
    FREE_SPACE,
    CorruptStoreError,
    DestinationBusyError,
    DestinationError,
    DestinationExistsError,
    NoSpaceError,
    NotAPackError,
    PackhouseError,
    UsageError,
    Where,
)

STORE_FOLDER = "store"
"""The finished store in the work folder: IMAGES_FILE and INDEX_FILE, and nothing else."""

REPLACED_FOLDER = "replaced"
NEXT_MANIFEST = "next.json"
BETWEEN_MANIFEST = "between.json"
SPOOL_FILE = "spool"
LOCK_FILE = ".lock"
OURS = frozenset({STORE_FOLDER, REPLACED_FOLDER, NEXT_MANIFEST, BETWEEN_MANIFEST, SPOOL_FILE, LOCK_FILE})
"""All that is ever in the work folder."""


class DerivedTarget:
    """A pack while a store is derived from it.

    Args:
        pack: The folder.
        size: Of the store to be.
        manifest: pack.json as it was when the work began.
    """

    def __init__(self, pack: Path, size: int, manifest: bytes) -> None:
        self.pack = pack
        self.size = size
        self.work = pack / DERIVING_FOLDER
        self.target = pack / DERIVED_FOLDER.format(size)
        self._manifest = manifest
        self.document: dict[str, Any] = _document_of(manifest, pack)

    @property
    def store(self) -> Path:
        """Where the new store is made."""
        return self.work / STORE_FOLDER

    @property
    def derived(self) -> dict[str, Any]:
        """The derived stores that pack.json names: size as text -> what it says of it."""
        return dict(self.document.get(DERIVED, {}))

    def check(self, *, overwrite: bool) -> None:
        """See that a store may be put there.

        Args:
            overwrite: Whether one that is there may be replaced.

        Raises:
            DestinationExistsError: There is one, or something that packhouse did not make.
        """
        where = Where(file=str(self.target))
        if str(self.size) in self.derived and not overwrite:
            raise DestinationExistsError(
                f"the pack already has a derived store of size {self.size}",
                where=where,
                hint="--overwrite (overwrite=True) replaces it",
            )
        if not _is_ours(self.target, frozenset({IMAGES_FILE, INDEX_FILE})):
            raise DestinationExistsError(
                "already exists, and contains more than a derived store",
                where=where,
                hint="move it away, or choose another size",
            )

    def publish(self, entry: Mapping[str, Any]) -> None:
        """Put the finished store in its place, and its entry into pack.json.

        Args:
            entry: What pack.json says of the store.

        Raises:
            DestinationError: The pack was changed in the meantime.
        """
        others = {name: said for name, said in self.derived.items() if name != str(self.size)}
        self._write(BETWEEN_MANIFEST, others)
        self._write(NEXT_MANIFEST, {**others, str(self.size): dict(entry)})
        sync_folder(self.store)
        sync_folder(self.work)
        if (self.pack / MANIFEST_FILE).read_bytes() != self._manifest:
            raise DestinationError(
                f"{MANIFEST_FILE} changed while the store was being made",
                where=Where(file=str(self.pack)),
                hint="run the same command again",
            )
        if str(self.size) in self.derived:
            self._switch_to(BETWEEN_MANIFEST)
        if self.target.exists():
            self.target.rename(self.work / REPLACED_FOLDER)
        self.store.rename(self.target)
        sync_folder(self.pack)
        self._switch_to(NEXT_MANIFEST)

    def _write(self, name: str, derived: Mapping[str, Any]) -> None:
        in_order = {size: derived[size] for size in sorted(derived, key=int)}
        document = {part: said for part, said in self.document.items() if part != DERIVED}
        write_manifest(self.work / name, {**document, DERIVED: in_order} if in_order else document)

    def _switch_to(self, name: str) -> None:
        (self.work / name).replace(self.pack / MANIFEST_FILE)
        sync_folder(self.pack)


def _document_of(manifest: bytes, pack: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(manifest)
        sizes = [int(size) for size in document.get(DERIVED, {})]
    except (ValueError, AttributeError, TypeError, RecursionError):
        document, sizes = {}, [0]
    if not is_as_written(document) or min(sizes, default=1) < 1:
        raise CorruptStoreError(
            f"{MANIFEST_FILE} is damaged: its content does not match its digest",
            where=Where(file=str(pack)),
            hint=f"restore it from a copy; packhouse verify {pack} lists what else is damaged",
        )
    return document


@contextmanager
def deriving_in(pack: Path, size: int, *, overwrite: bool) -> Iterator[DerivedTarget]:
    """Give the place where a store is made; what is left there in the end is removed.

    Args:
        pack: The folder of a pack.
        size: Of the store to be.
        overwrite: Whether one that is there may be replaced.

    Yields:
        The place, its folder `store` made and empty.

    Raises:
        NotAPackError: There is no pack.
        UsageError: It is a lone HDF5 file.
        CorruptStoreError: Its pack.json is damaged.
        DestinationExistsError: As of `DerivedTarget.check`.
        DestinationBusyError: Another process derives from the same pack.
        NoSpaceError: The disk ran full.
        DestinationError: The pack cannot be written.
    """
    _check_pack(pack)
    work, lock = pack / DERIVING_FOLDER, -1
    with _translated(pack):
        if not _is_ours(work, OURS):
            raise DestinationExistsError(
                "already exists, and packhouse did not make it",
                where=Where(file=str(work)),
                hint="move it away: packhouse makes stores under this name",
            )
        try:
            lock = _lock(work)
            for name in OURS - {LOCK_FILE}:
                _remove(work / name)
            place = DerivedTarget(pack, size, (pack / MANIFEST_FILE).read_bytes())
            place.check(overwrite=overwrite)
            place.store.mkdir()
            yield place
        finally:
            if lock >= 0:
                shutil.rmtree(work, ignore_errors=True)  # what stays is removed by the next run
                os.close(lock)


def _check_pack(pack: Path) -> None:
    where = Where(file=str(pack))
    if pack.is_file():
        raise UsageError(
            "this is a single HDF5 file, and a derived store needs a pack",
            where=where,
            hint=f"packhouse pack {pack} -o DEST, then packhouse derive DEST",
        )
    if not (pack / MANIFEST_FILE).is_file():
        problem = (
            f"this is not a pack: it has no {MANIFEST_FILE}" if pack.exists() else "there is no such pack"
        )
        raise NotAPackError(problem, where=where, hint="packhouse pack SRC -o DEST makes one")


def _is_ours(folder: Path, names: frozenset[str]) -> bool:
    """Say whether a folder is not there, or holds nothing but what packhouse puts into it."""
    if not os.path.lexists(folder):
        return True
    if folder.is_symlink() or not folder.is_dir():
        return False
    return {entry.name for entry in os.scandir(folder)} <= names


def _lock(work: Path) -> int:
    """Make the work folder, lock it, and return the descriptor that holds the lock."""
    work.mkdir(exist_ok=True)
    lock = open_lock(work / LOCK_FILE)
    if not take_lock(lock, work / LOCK_FILE):
        os.close(lock)
        raise DestinationBusyError(
            "another process is deriving from this pack",
            where=Where(file=str(work.parent)),
            hint="wait for it",
        )
    return lock


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _translated(pack: Path) -> Iterator[None]:
    """Turn errors of the file system that no inner part has translated into ours."""
    try:
        yield
    except OSError as err:
        if isinstance(err, PackhouseError):
            raise
        where = Where(file=str(err.filename or pack))
        if is_full(err):
            raise NoSpaceError("the disk is full", where=where, hint=FREE_SPACE) from err
        refused = err.errno in {errno.EACCES, errno.EPERM, errno.EROFS}
        raise DestinationError(
            f"the pack cannot be read or written: {err.strerror or err}",
            where=where,
            hint="make the folder of the pack writable, or derive in a copy of the pack"
            if refused
            else CHECK_DISK,
        ) from err
