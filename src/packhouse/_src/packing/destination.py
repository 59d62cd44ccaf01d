"""DEST and DEST.packing: the final name never exists incomplete, and nobody's data is overwritten unasked."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from packhouse._src.full_disk import is_full
from packhouse._src.imagefile.format import DERIVED, IMAGES_FILE, INDEX_FILE, MANIFEST_FILE, MANIFEST_FORMAT
from packhouse._src.imagefile.write.resume import FOLDER_PREFIX, JOURNAL_FILE, is_begun
from packhouse._src.packing.keeping.table_journal import TABLES_FOLDER, has_tables
from packhouse._src.system.file_lock import open_lock, take_lock
from packhouse._src.system.folder_handles import sync_folder
from packhouse.errors import (
    CHECK_DISK,
    FREE_SPACE,
    DestinationBusyError,
    DestinationError,
    DestinationExistsError,
    NoSpaceError,
    PackhouseError,
    UsageError,
    Where,
)

LOCK_FILE = ".lock"
SPILL_FOLDER = ".spill"


def packing_folder(dest: Path) -> Path:
    """Return where a pack is made: DEST.packing, beside DEST."""
    return dest.with_name(dest.name + ".packing")


def check_destination(dest: Path, *, replace: bool, hint: str = "") -> None:
    """See that a pack may be put there.

    Args:
        dest: The pack to be.
        replace: Whether a pack that is there may be replaced.
        hint: What else the user can do than choose another name.

    Raises:
        DestinationExistsError: Something is there, and may not be or is no pack.
    """
    where = Where(file=str(dest))
    if not os.path.lexists(dest):
        return
    if not replace:
        raise DestinationExistsError(
            "DEST already exists",
            where=where,
            hint=f"choose another name{hint}",
        )
    strange = "it is not a pack" if dest.is_symlink() else _why_not_replaced(dest)
    if strange:
        raise DestinationExistsError(
            f"DEST already exists and is not replaced: {strange}", where=where, hint="choose another name"
        )


def check_apart(source: Path, dest: Path) -> None:
    """See that replacing DEST would not remove SRC.

    Args:
        source: The data set.
        dest: The pack to be.

    Raises:
        DestinationExistsError: SRC is DEST, or lies inside it.
    """
    if source.resolve().is_relative_to(dest.resolve()):
        raise DestinationExistsError(
            "SRC is inside DEST, and would be replaced with it",
            where=Where(file=str(dest)),
            hint="choose another DEST",
        )


def check_outside(target: str | os.PathLike[str], pack: str | os.PathLike[str]) -> None:
    """See that nothing is written into the pack that is read.

    Args:
        target: Where to write.
        pack: What is read.

    Raises:
        UsageError: One of the two is empty, or the target lies in the pack.
    """
    if not os.fspath(target) or not os.fspath(pack):
        raise UsageError(
            "the name of the pack or of the target is empty", hint="check whether a variable is unset"
        )
    if Path(target).resolve().is_relative_to(Path(pack).resolve()):
        raise UsageError(
            "the target is inside the pack that is read",
            where=Where(file=str(target)),
            hint="choose another folder",
        )


def _why_not_replaced(dest: Path) -> str | None:
    """Return why a folder is not wholly a pack of ours; None when it is."""
    try:
        manifest = json.loads((dest / MANIFEST_FILE).read_text(encoding="utf-8"))
        ours = manifest["format"] == MANIFEST_FORMAT
        made = [*manifest["tables"].values(), *manifest["joins"].values()]
        ours_too = (LOCK_FILE, f"{IMAGES_FILE}.index.parquet")
        derived = (one[name] for one in manifest.get(DERIVED, {}).values() for name in ("file", "index"))
        parts = (f"{one['file']}/{part['file']}" for one in made for part in one.get("parts", ()))
        files = {
            *parts,
            MANIFEST_FILE,
            IMAGES_FILE,
            INDEX_FILE,
            *ours_too,
            *(one["file"] for one in made),
            *derived,
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        ours, files = False, set()
    if not ours:
        return "it is not a pack"
    found = (path.relative_to(dest).as_posix() for path in sorted(dest.rglob("*")) if not path.is_dir())
    foreign = [path for path in found if path not in files and not path.startswith(FOLDER_PREFIX)]
    return f"it contains files that are not part of the pack, such as {foreign[0]}" if foreign else None


@contextmanager
def under_construction(dest: Path, *, replace: bool) -> Iterator[Path]:
    """Give the folder to work in, and rename it to DEST when the work is complete and on the disk.

    What an earlier, stopped run left there of the images is kept, so that this one can go on; the rest is
    removed first. When the work ends in an exception, the folder stays if images have been begun or
    tables been finished, and goes otherwise.

    Args:
        dest: The pack to be.
        replace: Whether a pack that is there may be replaced.

    Yields:
        DEST.packing.

    Raises:
        DestinationBusyError: Another process is at work there.
        DestinationError: It cannot be made.
        DestinationExistsError: DEST appeared in the meantime.
    """
    folder = packing_folder(dest)
    if os.path.lexists(folder) and not _is_ours(folder):
        raise DestinationExistsError(
            "the folder to work in already exists, and packhouse did not make it",
            where=Where(file=str(folder)),
            hint="move it away, or choose another DEST: packhouse makes the pack in DEST.packing",
        )
    lock = -1
    try:
        # all in one block, so that Ctrl-C at any moment leaves no empty folder
        lock = _open_lock(folder)
        _take_lock(lock, folder)
        check_destination(dest, replace=replace)  # another process may have finished before the lock was ours
        _tidy(folder)
        with _translated(dest):
            yield folder
            _publish(folder, dest, replace=replace)
    except DestinationBusyError:
        raise
    except BaseException as err:
        _leave(folder, lock, err)
        raise
    finally:
        if lock >= 0:
            os.close(lock)


def _open_lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return open_lock(folder / LOCK_FILE)
    except OSError as err:
        full = is_full(err)
        raise (NoSpaceError if full else DestinationError)(
            f"cannot be created: {err.strerror}",
            where=Where(file=str(folder)),
            hint=FREE_SPACE if full else "choose another DEST",
        ) from err


def _leave(folder: Path, lock: int, err: BaseException) -> None:
    """Keep the folder when there is work to resume; else remove it, unless another process holds its lock."""
    if is_begun(folder) or has_tables(folder):
        err.add_note(f"what is packed so far is kept in {folder}; run the same command again to resume")
        return
    with suppress(OSError, DestinationBusyError):
        if not (folder / LOCK_FILE).exists():
            folder.rmdir()
            return
        # Ctrl-C may have come between the opening of the lock and our knowing of it
        again = lock if lock >= 0 else open_lock(folder / LOCK_FILE, create=False)
        _take_lock(again, folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _translated(dest: Path) -> Iterator[None]:
    """Turn errors of the file system that no inner part has translated into ours."""
    try:
        yield
    except OSError as err:
        if isinstance(err, PackhouseError):
            raise
        where = Where(file=str(err.filename or dest))
        if is_full(err):
            raise NoSpaceError("the disk is full", where=where, hint=FREE_SPACE) from err
        raise DestinationError(
            f"cannot be written: {err.strerror or err}", where=where, hint=CHECK_DISK
        ) from err


def _is_ours(folder: Path) -> bool:
    # a run killed at its very start leaves an empty folder
    is_folder = folder.is_dir() and not folder.is_symlink()
    return is_folder and ((folder / LOCK_FILE).is_file() or not any(folder.iterdir()))


def _take_lock(lock: int, folder: Path) -> None:
    if not take_lock(lock, folder / LOCK_FILE):
        raise DestinationBusyError(
            "another process is packing to this DEST",
            where=Where(file=str(folder)),
            hint="wait for it, or choose another DEST",
        )


def _tidy(folder: Path) -> None:
    """Remove what an earlier run left there, all but the images it has begun and the tables it has made."""
    _uninstall(folder)
    for entry in os.scandir(folder):
        if entry.name in (LOCK_FILE, TABLES_FOLDER) or entry.name.startswith(FOLDER_PREFIX):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()


def _uninstall(folder: Path) -> None:
    """Move the image file back to its journal, if a run was killed while it put the pack in place."""
    up = folder / IMAGES_FILE
    for journal in folder.glob(f"{FOLDER_PREFIX}*/{JOURNAL_FILE}"):
        if up.exists() and not journal.with_name(IMAGES_FILE).exists():
            up.rename(journal.with_name(IMAGES_FILE))


def install(folder: Path, images: Path) -> None:
    """Move the finished image file from the folder it was made in to its place in the pack.

    Args:
        folder: DEST.packing.
        images: The file.
    """
    images.rename(folder / IMAGES_FILE)


def drop_others(folder: Path, images: Path) -> None:
    """Remove image files that were begun for other plans: the finished one has what was valid in them.

    Args:
        folder: DEST.packing.
        images: The finished file.
    """
    for other in folder.glob(f"{FOLDER_PREFIX}*"):
        if other != images.parent:
            shutil.rmtree(other)


def _remove_aids(folder: Path) -> None:
    """Remove what only helps to make a pack; what cannot be removed would become a part of it."""
    for own in (SPILL_FOLDER, TABLES_FOLDER):
        if (folder / own).exists():
            shutil.rmtree(folder / own)


def _publish(folder: Path, dest: Path, *, replace: bool) -> None:
    _remove_aids(folder)
    for below, _, _ in os.walk(folder):
        sync_folder(Path(below))
    check_destination(dest, replace=replace)
    replaced = None
    if dest.exists():
        replaced = Path(tempfile.mkdtemp(prefix=f"{dest.name}.replaced-", dir=dest.parent))
        dest.rename(replaced / dest.name)
    try:
        folder.rename(dest)
    except BaseException:
        if replaced is not None:
            (replaced / dest.name).rename(dest)
            replaced.rmdir()
        raise
    # last, so that a run killed before is known as ours by the next one, and goes on
    for begun in dest.glob(f"{FOLDER_PREFIX}*"):
        shutil.rmtree(begun)
    (dest / LOCK_FILE).unlink()
    sync_folder(dest)
    sync_folder(dest.parent.absolute())
    if replaced is not None:
        shutil.rmtree(replaced)
