"""An image file under construction: begun with a skeleton and a journal, or gone on with where they are.

Each plan (keys and sizes of all images) has a folder of its own, named by its id, so that a file that is
half filled for another plan is never mixed with this one; what is still valid there is copied.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse.engines.threads import run_pieces
from packhouse.images.probing import probe
from packhouse.records import SourceFile
from packhouse.store.digest import digest_of
from packhouse.store.filling import Place, Taken, flush
from packhouse.store.journal import Head, Journal, Reading, Record, begin_journal, files_in, read_journal
from packhouse.store.keys import Key
from packhouse.store.layout import IMAGES_FILE
from packhouse.store.reusing import Kept
from packhouse.store.skeleton import remove_datasets, write_skeleton

FOLDER_PREFIX = "filling-"
JOURNAL_FILE = "journal"
SKELETON_FILE = "skeleton.h5"
UNDER_REMOVAL_FILE = "removing.h5"
"""Names of an image file while HDF5 works on it: what is named IMAGES_FILE opens, whenever we are killed."""

REMOVED_MARK = "removed"
CHECKED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be filled."""

    keys: Sequence[Key]
    """Sorted."""

    files: Sequence[SourceFile]
    """The file of each key."""

    file_id: str
    """A digest of keys and sizes."""


@dataclass(slots=True)
class Begun:
    """An image file under construction."""

    path: Path
    places: list[Place]
    filled: dict[int, Taken]
    """Row -> what an earlier run put in its place, checked."""

    changed: int
    """Images that an earlier run had filled, whose files have changed since."""

    journal: Journal

    @property
    def missing(self) -> list[int]:
        """Rows yet to be filled."""
        return [row for row in range(len(self.places)) if row not in self.filled]


def folder_of(folder: Path, file_id: str) -> Path:
    """Return where the image file of a plan is made, below DEST.packing."""
    return folder / f"{FOLDER_PREFIX}{file_id}"


def is_begun(folder: Path) -> bool:
    """Say whether an image file has been begun in DEST.packing."""
    try:
        return any(folder.glob(f"{FOLDER_PREFIX}*/{JOURNAL_FILE}"))
    except OSError:  # the folder could not be made, so nothing is in it
        return False


def begin(folder: Path, planned: Planned, *, workers: int, on_checked: Callable[[int], None]) -> Begun:
    """Begin an image file, or go on with the one that an earlier run has begun.

    Args:
        folder: Its own, as `folder_of` says.
        planned: What is to be filled.
        workers: Threads that check what is there.
        on_checked: Told the number of images checked, from any thread.

    Returns:
        The image file: complete HDF5, with those images filled that were found in their places. Its journal
        is to be closed.

    Raises:
        NoSpaceError: The disk is full.
        DestinationError: It cannot be written for another reason.

    Cost: 15-20 us an image to begin; to go on, one read of what is filled.
    """
    path, journal = folder / IMAGES_FILE, folder / JOURNAL_FILE
    reading = read_journal(journal)
    if reading is not None and reading.head.file_id == planned.file_id:
        if (folder / REMOVED_MARK).exists():
            _restore(folder, planned, reading.head)
        places = _places(planned, reading.head.offsets)
        filled = _check(path, places, reading, workers=workers, on_checked=on_checked)
        changed = len(reading.records) - len(filled)
        length = reading.length
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        offsets = write_skeleton(folder / SKELETON_FILE, _datasets(planned), file_id=planned.file_id)
        (folder / SKELETON_FILE).rename(path)
        places, filled, changed = _places(planned, offsets), {}, 0
        begin_journal(journal, _head(path, planned, offsets))
        length = journal.stat().st_size
    return Begun(path, places, filled, changed, Journal(journal, length))


def _datasets(planned: Planned) -> list[tuple[str, str, int]]:
    return [(key.group, key.name, file.size) for key, file in zip(planned.keys, planned.files, strict=True)]


def _places(planned: Planned, offsets: Sequence[int]) -> list[Place]:
    return [Place(*place) for place in zip(planned.keys, offsets, planned.files, strict=True)]


def _head(path: Path, planned: Planned, offsets: Sequence[int]) -> Head:
    paths = [file.path for file in planned.files]
    sizes = [file.size for file in planned.files]
    return Head(planned.file_id, path.stat().st_size, offsets, paths, sizes)


def _check(
    path: Path, places: Sequence[Place], reading: Reading, *, workers: int, on_checked: Callable[[int], None]
) -> dict[int, Taken]:
    """Return those images whose files are as they were and whose bytes are in their places."""
    same = [record for row, record in sorted(reading.records.items()) if _is_same(places[row].file, record)]
    found: dict[int, Taken] = {}
    target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def check(records: Sequence[Record]) -> None:
        for record in records:
            place = places[record.row]
            data = os.pread(target, place.length, place.offset) if place.length else b""
            if digest_of(data) == record.digest:
                found[record.row] = Taken(record.digest, probe(data), place.file)
        on_checked(len(records))

    try:
        pieces = [same[start : start + CHECKED_AT_ONCE] for start in range(0, len(same), CHECKED_AT_ONCE)]
        run_pieces(pieces, check, workers=workers)
    finally:
        os.close(target)
    return found


def _is_same(file: SourceFile, record: Record) -> bool:
    return (file.mtime_ns, file.inode) == (record.mtime_ns, record.inode)


def remove(begun: Begun, rows: Sequence[int]) -> None:
    """Unlink the datasets of images that could not be read.

    HDF5 changes its metadata in place, so a kill in the middle damages it. A mark says so to the next run,
    which then restores the metadata before it goes on.

    Args:
        begun: The image file, filled.
        rows: Which images.
    """
    (begun.path.with_name(REMOVED_MARK)).touch()
    flush(begun.path.parent)
    under_removal = begun.path.rename(begun.path.with_name(UNDER_REMOVAL_FILE))
    remove_datasets(under_removal, [begun.places[row].key.key for row in rows])
    under_removal.rename(begun.path)


def _restore(folder: Path, planned: Planned, head: Head) -> None:
    """Write again every byte that is not an image's, from a skeleton made anew: it is always the same."""
    path, damaged, fresh = folder / IMAGES_FILE, folder / UNDER_REMOVAL_FILE, folder / SKELETON_FILE
    if path.exists():
        path.rename(damaged)
    fresh.unlink(missing_ok=True)
    offsets = write_skeleton(fresh, _datasets(planned), file_id=planned.file_id)
    with fresh.open("rb") as source, damaged.open("r+b") as target:
        for start, end in _outside(zip(offsets, head.sizes, strict=True), head.file_size):
            source.seek(start)
            target.seek(start)
            target.write(source.read(end - start))
        target.truncate(head.file_size)
        target.flush()
        os.fsync(target.fileno())
    fresh.unlink()
    damaged.rename(path)
    (folder / REMOVED_MARK).unlink()


def _outside(ranges: Iterator[tuple[int, int]], file_size: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of what lies between the images, before the first and behind the last."""
    end = 0
    for offset, size in sorted(one for one in ranges if one[1]):
        if offset > end:
            yield end, offset
        end = offset + size
    if file_size > end:
        yield end, file_size


def kept_elsewhere(folder: Path, *, but: str) -> dict[str, Kept]:
    """Return what earlier runs have filled for other plans, as their journals say; bytes are not looked at.

    Args:
        folder: DEST.packing.
        but: The id of this plan.

    Returns:
        Path below SRC -> where its bytes lie.
    """
    kept: dict[str, Kept] = {}
    others = [path for path in folder.glob(f"{FOLDER_PREFIX}*") if path != folder_of(folder, but)]
    for other in sorted(others, key=lambda path: path.stat().st_mtime_ns):
        reading = read_journal(other / JOURNAL_FILE)
        if reading is not None and (other / IMAGES_FILE).exists():
            for file, offset, digest in files_in(reading):
                kept[file.path] = Kept(other / IMAGES_FILE, offset, digest, file)
    return kept
