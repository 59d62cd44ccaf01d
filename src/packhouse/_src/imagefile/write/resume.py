"""An image file under construction: begun with a layout and a journal, or gone on with where they are.

Each plan (keys and sizes of all images) has a folder of its own, named by its id, so that a file that is
half filled for another plan is never mixed with this one; what is still valid there is copied.

The metadata of the file is written last and again by every run: it is the same every time, so whatever an
earlier, killed run has left of it does not matter. What is named IMAGES_FILE opens, whenever we are killed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from packhouse._src.concurrency.threads import run_pieces
from packhouse._src.imagefile.digest import digest_of, digest_of_all
from packhouse._src.imagefile.format import ID_LENGTH, IMAGES_FILE
from packhouse._src.imagefile.keys import Key
from packhouse._src.imagefile.slots import ImageSlot, Taken
from packhouse._src.imagefile.write.journal import (
    Head,
    Journal,
    Reading,
    Record,
    begin_journal,
    files_in,
    read_journal,
)
from packhouse._src.imagefile.write.offsets import lay_out
from packhouse._src.imagefile.write.reuse import Kept
from packhouse._src.imagefile.write.skeleton_process import (
    PendingSkeleton,
    Writer,
    dismiss_writer,
    prepare_writer,
)
from packhouse._src.imagefile.write.writer import flush, translate_write_error
from packhouse._src.images.probing import probe
from packhouse._src.ranges import read_range
from packhouse._src.records import SourceFile

FOLDER_PREFIX = "filling-"
JOURNAL_FILE = "journal"
UNFINISHED_FILE = "unfinished.h5"
"""The image file before its metadata is there, and while HDF5 changes it."""

SKELETON_FILE = "skeleton-{}.h5"
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

    @classmethod
    def of(cls, keys: Sequence[Key], files: Sequence[SourceFile]) -> Self:
        """Plan the images of these keys, sorted, and their files."""
        parts = (f"{key.key}\0{file.size}".encode() for key, file in zip(keys, files, strict=True))
        return cls(keys, files, digest_of_all(parts)[:ID_LENGTH])


@dataclass(slots=True)
class Begun:
    """An image file under construction; a context manager that ends what is under way."""

    path: Path
    """Where images are written."""

    places: list[ImageSlot]
    filled: dict[int, Taken]
    """Row -> what an earlier run put in its place, checked."""

    changed: int
    """Images that an earlier run had filled, whose files or bytes have changed since."""

    journal: Journal
    skeleton: PendingSkeleton

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop what is still under way and close the journal."""
        self.skeleton.stop()
        self.journal.close()

    @property
    def missing(self) -> list[int]:
        """Rows yet to be filled."""
        return [row for row in range(len(self.places)) if row not in self.filled]

    def complete(self, lost: Sequence[int]) -> Path:
        """Finish the file when it is filled, and flush it to the disk.

        Args:
            lost: Rows of images that could not be read; their datasets are unlinked.

        Returns:
            Where it is: named IMAGES_FILE.

        Raises:
            NoSpaceError: The disk is full.
            DestinationError: The file cannot be written for another reason.
        """
        self.skeleton.finish()
        path = self.path.with_name(IMAGES_FILE)
        self.path.replace(path)  # it may have that name already, but not only that one
        self.path.unlink(missing_ok=True)
        if lost:
            from packhouse._src.imagefile.write.skeleton import (
                remove_datasets,  # brings h5py, which takes a while
            )

            path.rename(self.path)  # since a kill in the middle leaves damaged metadata
            remove_datasets(self.path, [self.places[row].key.key for row in lost])
            self.path.rename(path)
        flush(path)
        return path


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
        The image file, with those images filled that were found in their places; its metadata is being
        written, from 10,000 images on in another process.

    Raises:
        NoSpaceError: The disk is full.
        DestinationError: It cannot be written for another reason.

    Cost: 3 us an image to begin, and 15-20 us in another process; to go on, one read of what is filled.
    """
    writer = prepare_writer(len(planned.keys))
    try:
        return _begin(folder, planned, writer, workers=workers, on_checked=on_checked)
    except BaseException:
        dismiss_writer(writer)
        raise


def _begin(
    folder: Path,
    planned: Planned,
    writer: Writer | None,
    *,
    workers: int,
    on_checked: Callable[[int], None],
) -> Begun:
    datasets = [
        (key.group, key.name, file.size) for key, file in zip(planned.keys, planned.files, strict=True)
    ]
    layout = lay_out(datasets)
    places = [ImageSlot(*place) for place in zip(planned.keys, layout.offsets, planned.files, strict=True)]
    path, journal = folder / UNFINISHED_FILE, folder / JOURNAL_FILE
    reading = _go_on(folder, planned, layout.file_size)
    if reading is None:
        _begin_anew(folder, _head(planned, layout.offsets, layout.file_size))
        filled: dict[int, Taken] = {}
        length = journal.stat().st_size
    else:
        filled = _check(path, places, reading, workers=workers, on_checked=on_checked)
        length = reading.length
    fresh = folder / SKELETON_FILE.format(os.getpid())
    skeleton = PendingSkeleton(
        writer,
        fresh,
        datasets,
        file_id=planned.file_id,
        on_written=lambda: _take_metadata(fresh, path, places, layout.file_size),
    )
    changed = len(reading.records) - len(filled) if reading is not None else 0
    return Begun(path, places, filled, changed, Journal(journal, length), skeleton)


def _go_on(folder: Path, planned: Planned, file_size: int) -> Reading | None:
    """Put the file of an earlier run in order and return what its journal says; None when there is none."""
    reading = read_journal(folder / JOURNAL_FILE)
    if reading is None or (reading.head.file_id, reading.head.file_size) != (planned.file_id, file_size):
        return None
    finished, path = folder / IMAGES_FILE, folder / UNFINISHED_FILE
    for left in folder.glob(SKELETON_FILE.format("*")):
        left.unlink()
    if finished.exists():
        finished.replace(path)
        finished.unlink(missing_ok=True)
    if not path.exists():
        return None
    os.truncate(path, file_size)
    return reading


def _begin_anew(folder: Path, head: Head) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
        with (folder / UNFINISHED_FILE).open("xb") as file:
            file.truncate(head.file_size)
    except OSError as err:
        raise translate_write_error(err, folder) from err
    begin_journal(folder / JOURNAL_FILE, head)


def _head(planned: Planned, offsets: Sequence[int], file_size: int) -> Head:
    paths = [file.path for file in planned.files]
    sizes = [file.size for file in planned.files]
    return Head(planned.file_id, file_size, offsets, paths, sizes)


def _check(
    path: Path,
    places: Sequence[ImageSlot],
    reading: Reading,
    *,
    workers: int,
    on_checked: Callable[[int], None],
) -> dict[int, Taken]:
    """Return those images whose files are as they were and whose bytes are in their places."""
    same = [record for row, record in sorted(reading.records.items()) if _is_same(places[row].file, record)]
    found: dict[int, Taken] = {}
    target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def check(records: Sequence[Record]) -> None:
        for record in records:
            place = places[record.row]
            data = read_range(target, place.length, place.offset)
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


def _take_metadata(fresh: Path, path: Path, places: Sequence[ImageSlot], file_size: int) -> None:
    """Copy every byte that is not an image's from a skeleton, and let the file open from now on."""
    try:
        with fresh.open("rb") as source, path.open("r+b") as target:
            for start, end in _outside(places, file_size):
                source.seek(start)
                target.seek(start)
                target.write(source.read(end - start))
            target.truncate(os.fstat(source.fileno()).st_size)
        fresh.unlink()
        with suppress(OSError):  # not every file system has links; then it opens when it is complete
            os.link(path, path.with_name(IMAGES_FILE))
    except OSError as err:
        raise translate_write_error(err, path) from err


def _outside(places: Sequence[ImageSlot], file_size: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of what lies between the images, before the first and behind the last."""
    end = 0
    for place in places:
        if place.length:
            if place.offset > end:
                yield end, place.offset
            end = place.offset + place.length
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
        stored_in = other / IMAGES_FILE if (other / IMAGES_FILE).exists() else other / UNFINISHED_FILE
        if reading is not None:
            for file, offset, digest in files_in(reading):
                kept[file.path] = Kept(stored_in, offset, digest, file)
    return kept
