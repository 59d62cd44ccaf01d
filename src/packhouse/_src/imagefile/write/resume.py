"""An image file under construction: begun, or resumed where an earlier run has stopped.

Each plan (keys and sizes of all images) has a folder of its own, named by its id, so that a file that is
half filled for another plan is never mixed with this one; what is still valid there is copied.

HDF5 makes the skeleton, a file of its own, and says where each image goes; its records are copied to where
the images are being written. Every run writes these records again: so whatever an earlier, killed run has
left of them does not matter. The file is named IMAGES_FILE when it is complete.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from packhouse._src.concurrency.threads import run_pieces
from packhouse._src.imagefile.digest import digest_of, digest_of_all
from packhouse._src.imagefile.format import ID_LENGTH, IMAGES_FILE
from packhouse._src.imagefile.index_file import Binding
from packhouse._src.imagefile.keys import Key
from packhouse._src.imagefile.slots import ImageSlot, Skeleton, WrittenImage
from packhouse._src.imagefile.write.journal import (
    Journal,
    JournalContents,
    JournalHead,
    JournalRecord,
    begin_journal,
    files_in,
    read_journal,
)
from packhouse._src.imagefile.write.reuse import EarlierImage
from packhouse._src.imagefile.write.skeleton_process import (
    PendingSkeleton,
    Writer,
    dismiss_writer,
    prepare_writer,
)
from packhouse._src.imagefile.write.writer import flush, translate_write_error
from packhouse._src.images.probing import probe
from packhouse._src.ranges import outside, read_range
from packhouse._src.records import SourceFile
from packhouse._src.system.open_flags import READ

FOLDER_PREFIX = ".images-"
"""Hidden, as all that is at work in DEST.packing: no table that is packed has such a name."""

JOURNAL_FILE = "journal"
UNFINISHED_FILE = "unfinished.h5"
"""The image file until it is complete."""

SKELETON_FILE = "skeleton-{}.h5"
CHECKED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class PlannedImages:
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


class FoundImage(NamedTuple):
    """An image that an earlier run has written, its bytes checked."""

    offset: int
    taken: WrittenImage


@dataclass(slots=True)
class UnfinishedImages:
    """An image file under construction; a context manager that ends what is under way."""

    path: Path
    """Where images are written."""

    planned: PlannedImages
    found: dict[int, FoundImage]
    """Row -> what an earlier run has written."""

    recorded: int
    """Images that an earlier run says it has written."""

    journal: Journal
    skeleton: PendingSkeleton

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop what is still under way and close the journal."""
        self.skeleton.stop()
        self.journal.close()

    def slot(self, row: int) -> ImageSlot:
        """Return where an image goes, as soon as HDF5 has said it."""
        return ImageSlot(self.planned.keys[row], self.skeleton.offset_of(row), self.planned.files[row])

    def taken(self, row: int, slot: ImageSlot) -> WrittenImage | None:
        """Return what an earlier run has put in this place; None when the image is to be written."""
        found = self.found.get(row)
        return found.taken if found is not None and found.offset == slot.offset else None

    def complete(self, lost: Sequence[int]) -> tuple[Path, Binding]:
        """Finish the file when it is filled, and flush it to the disk.

        Args:
            lost: Rows of images that could not be read; their datasets are unlinked.

        Returns:
            Where it is: named IMAGES_FILE; and what ties an index to it.

        Raises:
            NoSpaceError: The disk is full.
            DestinationError: The file cannot be written for another reason.
        """
        id_offset = self.skeleton.finish().id_offset
        if lost:
            from packhouse._src.imagefile.write.skeleton import remove_datasets  # brings h5py

            keys = [self.planned.keys[row].key for row in lost]
            id_offset = remove_datasets(self.path, keys, file_id=self.planned.file_id)
        flush(self.path)
        path = self.path.with_name(IMAGES_FILE)
        self.path.replace(path)
        size = path.stat().st_size
        return path, Binding(file_size=size, file_id=self.planned.file_id, id_offset=id_offset)


def folder_of(folder: Path, file_id: str) -> Path:
    """Return where the image file of a plan is made, below DEST.packing."""
    return folder / f"{FOLDER_PREFIX}{file_id}"


def is_begun(folder: Path) -> bool:
    """Say whether an image file has been begun in DEST.packing."""
    try:
        return any(folder.glob(f"{FOLDER_PREFIX}*/{JOURNAL_FILE}"))
    except OSError:  # the folder could not be made, so nothing is in it
        return False


def begin(
    folder: Path, planned: PlannedImages, *, workers: int, on_checked: Callable[[int], None]
) -> UnfinishedImages:
    """Begin an image file, or go on with the one that an earlier run has begun.

    Args:
        folder: Its own, as `folder_of` says.
        planned: What is to be filled.
        workers: Threads that check what is there.
        on_checked: Called with numbers of images checked, from any thread.

    Returns:
        The image file, with those images that were found; its skeleton is being written, from 10,000 images
        on in another process.

    Raises:
        NoSpaceError: The disk is full.
        DestinationError: It cannot be written for another reason.

    Cost: 2 us per image to begin, and 15-20 us in another process; to go on, one read of what is filled.
    """
    writer = prepare_writer(len(planned.keys))
    path, journal = folder / UNFINISHED_FILE, folder / JOURNAL_FILE
    try:
        reading = _resumed(folder, planned)
        if reading is None:
            _start_over(folder, planned)
        skeleton = _begin_skeleton(folder, planned, writer)
    except BaseException:
        dismiss_writer(writer)
        raise
    try:
        found = (
            {} if reading is None else _check(path, planned, reading, workers=workers, on_checked=on_checked)
        )
        recorded, length = (
            (0, journal.stat().st_size) if reading is None else (len(reading.records), reading.length)
        )
        return UnfinishedImages(path, planned, found, recorded, Journal(journal, length), skeleton)
    except BaseException:
        skeleton.stop()
        raise


def _begin_skeleton(folder: Path, planned: PlannedImages, writer: Writer | None) -> PendingSkeleton:
    fresh, path = folder / SKELETON_FILE.format(os.getpid()), folder / UNFINISHED_FILE
    datasets = [
        (key.group, key.name, file.size) for key, file in zip(planned.keys, planned.files, strict=True)
    ]

    def take_records(made: Skeleton) -> None:
        ranges = zip(made.offsets, (size for _, _, size in datasets), strict=True)
        _take_records(fresh, path, outside(ranges, made.file_size))

    return PendingSkeleton(writer, fresh, datasets, file_id=planned.file_id, on_written=take_records)


def _resumed(folder: Path, planned: PlannedImages) -> JournalContents | None:
    """Put the file of an earlier run in order and return what its journal says; None when there is none."""
    reading = read_journal(folder / JOURNAL_FILE)
    if reading is None or reading.head.file_id != planned.file_id:
        return None
    finished, path = folder / IMAGES_FILE, folder / UNFINISHED_FILE
    for left in folder.glob(SKELETON_FILE.format("*")):
        left.unlink()
    if finished.exists():
        finished.replace(path)  # its records are about to be written again
    return reading if path.exists() else None


def _start_over(folder: Path, planned: PlannedImages) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
        (folder / UNFINISHED_FILE).touch(exist_ok=False)
    except OSError as err:
        raise translate_write_error(err, folder) from err
    paths, sizes = (
        zip(*((file.path, file.size) for file in planned.files), strict=True) if planned.files else ((), ())
    )
    begin_journal(folder / JOURNAL_FILE, JournalHead(planned.file_id, paths, sizes))


def _check(
    path: Path,
    planned: PlannedImages,
    reading: JournalContents,
    *,
    workers: int,
    on_checked: Callable[[int], None],
) -> dict[int, FoundImage]:
    """Return those images whose files are as they were and whose bytes are where the journal says."""
    files = planned.files
    same = [record for row, record in sorted(reading.records.items()) if _is_same(files[row], record)]
    found: dict[int, FoundImage] = {}
    target = os.open(path, READ)

    def check(records: Sequence[JournalRecord]) -> None:
        for record in records:
            file = files[record.row]
            data = read_range(target, file.size, record.offset)
            if digest_of(data) == record.digest:
                found[record.row] = FoundImage(record.offset, WrittenImage(record.digest, probe(data), file))
        on_checked(len(records))

    try:
        pieces = [same[start : start + CHECKED_AT_ONCE] for start in range(0, len(same), CHECKED_AT_ONCE)]
        run_pieces(pieces, check, workers=workers)
    finally:
        os.close(target)
    return found


def _is_same(file: SourceFile, record: JournalRecord) -> bool:
    return (file.mtime_ns, file.inode, file.ctime_ns) == (record.mtime_ns, record.inode, record.ctime_ns)


def _take_records(fresh: Path, path: Path, ranges: Iterable[tuple[int, int]]) -> None:
    """Copy every byte that is not an image's from a skeleton, which is not needed any more."""
    try:
        with fresh.open("rb") as source, path.open("r+b") as target:
            for start, end in ranges:
                source.seek(start)
                target.seek(start)
                target.write(source.read(end - start))
            target.truncate(os.fstat(source.fileno()).st_size)
        fresh.unlink()
    except OSError as err:
        raise translate_write_error(err, path) from err


def kept_elsewhere(folder: Path, *, but: str) -> dict[str, EarlierImage]:
    """Return what earlier runs have filled for other plans, as their journals say; bytes are not looked at.

    Args:
        folder: DEST.packing.
        but: The id of this plan.

    Returns:
        Path below SRC -> where its bytes lie.
    """
    kept: dict[str, EarlierImage] = {}
    others = [path for path in folder.glob(f"{FOLDER_PREFIX}*") if path != folder_of(folder, but)]
    for other in sorted(others, key=lambda path: path.stat().st_mtime_ns):
        reading = read_journal(other / JOURNAL_FILE)
        stored_in = other / IMAGES_FILE if (other / IMAGES_FILE).exists() else other / UNFINISHED_FILE
        if reading is not None:
            for file, offset, digest in files_in(reading):
                kept[file.path] = EarlierImage(stored_in, offset, digest, file)
    return kept
