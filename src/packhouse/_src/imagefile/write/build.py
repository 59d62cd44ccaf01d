"""Makes an image file with its index: layout, bytes, metadata, index; or goes on where a run has stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.imagefile.format import INDEX_FILE
from packhouse._src.imagefile.index_file import write_index
from packhouse._src.imagefile.slots import ImageSlot, IndexedImage, Outcome, WrittenImage
from packhouse._src.imagefile.write.rechecking import rounds_of_changed
from packhouse._src.imagefile.write.resume import PlannedImages, UnfinishedImages, begin, folder_of
from packhouse._src.imagefile.write.writer import ImageReader, WriteJob, WritePiece, fill
from packhouse._src.records import SourceFile
from packhouse.errors import (
    SourceError,
    internal_error,
)
from packhouse.progress import Observer, task


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """Who copies, and in which order."""

    workers: int
    processes: bool = False
    """Whether processes do it, not threads."""

    look: Callable[[SourceFile], SourceFile] | None = None
    """Gives a file as it is now; what has changed since it was read is read again. None: nothing can."""

    by_position: bool = False
    """Whether files are read in the order of their `inode`, not of their keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImages:
    """An image file and its index."""

    path: Path
    """The image file, in the folder where it was made."""

    index: Path
    images: Sequence[IndexedImage]
    """In order of their keys; each with its file as it was when it was read."""

    failed: dict[str, SourceError]
    """Path below SRC -> why the file could not be read; it has no dataset."""

    found: int
    """Images that an earlier run had put in their places."""

    changed: int
    """Images that an earlier run had, whose files or bytes have changed since."""


def make_images(
    folder: Path, planned: PlannedImages, reader: ImageReader, how: CopyOptions, observer: Observer
) -> BuiltImages:
    """Make an image file and its index.

    Args:
        folder: DEST.packing.
        planned: What is to be filled.
        reader: Where the images come from.
        how: Who copies.
        observer: Progress callback.

    Returns:
        What was made.

    Raises:
        NoSpaceError: The disk ran full.
        DestinationError: The disk cannot be written.
        AccountingError: An image got lost between plan and index.
    """
    with task(observer, "layout", total=len(planned.keys), unit="files") as progress:
        begun = begin(
            folder_of(folder, planned.file_id),
            planned,
            workers=how.workers,
            on_checked=progress.advance,
        )
        progress.reach(len(planned.keys))
    with begun:
        slots, outcomes, found = _fill(begun, reader, how, observer)
        path, binding = begun.complete(
            [row for row, one in enumerate(outcomes) if isinstance(one, SourceError)]
        )
    pairs = list(zip(slots, outcomes, strict=True))
    images = [
        IndexedImage(_as_read(slot, outcome.file), outcome.digest, outcome.facts)
        for slot, outcome in pairs
        if isinstance(outcome, WrittenImage)
    ]
    index = folder / INDEX_FILE
    write_index(index, images, binding)
    return BuiltImages(
        path=path,
        index=index,
        images=images,
        failed={slot.file.path: one for slot, one in pairs if isinstance(one, SourceError)},
        found=found,
        changed=begun.recorded - found,
    )


def _as_read(slot: ImageSlot, file: SourceFile) -> ImageSlot:
    return slot if slot.file is file else slot._replace(file=file)


def _fill(
    begun: UnfinishedImages, reader: ImageReader, how: CopyOptions, observer: Observer
) -> tuple[list[ImageSlot], list[Outcome], int]:
    """Return where each image is, what came of it, and how many an earlier run had written."""
    files = begun.planned.files
    slots: list[ImageSlot | None] = [None] * len(files)
    outcomes: list[Outcome | None] = [None] * len(files)
    rows = (
        sorted(range(len(files)), key=lambda row: files[row].inode) if how.by_position else range(len(files))
    )
    found = 0
    with task(observer, "images", total=len(files), unit="files") as progress:

        def missing() -> Iterator[tuple[int, ImageSlot]]:
            nonlocal found
            for row in rows:
                slots[row] = slot = begun.slot(row)
                if (taken := begun.taken(row, slot)) is None:
                    yield row, slot
                else:
                    outcomes[row] = taken
                    found += 1
                    progress.advance()

        def on_filled(piece: WritePiece, filled: Sequence[Outcome]) -> None:
            begun.skeleton.check()
            begun.journal.add(piece.rows, piece.slots, filled)
            for row, outcome in zip(piece.rows, filled, strict=True):
                outcomes[row] = outcome
            progress.advance(len(filled))

        fill(
            WriteJob(begun.path, reader),
            missing(),
            on_filled,
            workers=how.workers,
            processes=how.processes,
            total_bytes=sum(file.size for file in files),
        )
        for again in rounds_of_changed(slots, outcomes, how.look) if how.look else ():
            job = WriteJob(begun.path, reader)
            fill(job, again, on_filled, workers=how.workers, processes=False, total_bytes=0)
    done = [outcome for outcome in outcomes if outcome is not None]
    placed = [slot for slot in slots if slot is not None]
    if len(done) != len(files) or len(placed) != len(files):
        raise internal_error(f"{len(files):,} images were planned, {len(done):,} packed or failed")
    return placed, done, found
