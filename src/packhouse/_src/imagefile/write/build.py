"""Makes an image file with its index: layout, bytes, metadata, index; or goes on where a run has stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.imagefile.format import INDEX_FILE
from packhouse._src.imagefile.index_file import Binding, write_index
from packhouse._src.imagefile.slots import Filled, ImageSlot, Outcome, Taken
from packhouse._src.imagefile.write.offsets import find_id
from packhouse._src.imagefile.write.resume import Begun, Planned, begin, folder_of
from packhouse._src.imagefile.write.writer import Filling, ImageReader, fill
from packhouse._src.records import SourceFile
from packhouse.errors import AccountingError, SourceError
from packhouse.progress import Observer, task


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """Who copies, and in which order."""

    workers: int
    processes: bool = False
    """Whether processes do it, not threads."""

    by_position: bool = False
    """Whether files are read in the order of their `inode`, not of their keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An image file and its index."""

    path: Path
    """The image file, in the folder where it was made."""

    index: Path
    images: Sequence[Filled]
    """In order of their keys; each with its file as it was when it was read."""

    failed: dict[str, SourceError]
    """Path below SRC -> why the file could not be read; it has no dataset."""

    found: int
    """Images that an earlier run had put in their places."""

    changed: int
    """Images that an earlier run had, whose files or bytes have changed since."""


def make_images(folder: Path, planned: Planned, reader: ImageReader, how: How, observer: Observer) -> Made:
    """Make an image file and its index.

    Args:
        folder: DEST.packing.
        planned: What is to be filled.
        reader: Where the images come from.
        how: Who copies.
        observer: Told of the progress.

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
        outcomes = _fill(begun, reader, how, observer)
        path = begun.complete([row for row, one in enumerate(outcomes) if isinstance(one, SourceError)])
    binding = Binding(
        file_size=path.stat().st_size, file_id=planned.file_id, id_offset=find_id(path, planned.file_id)
    )
    pairs = list(zip(begun.places, outcomes, strict=True))
    images = [
        Filled(_as_read(place, outcome.file), outcome.digest, outcome.facts)
        for place, outcome in pairs
        if isinstance(outcome, Taken)
    ]
    index = folder / INDEX_FILE
    write_index(index, images, binding)
    return Made(
        path=path,
        index=index,
        images=images,
        failed={place.file.path: one for place, one in pairs if isinstance(one, SourceError)},
        found=len(begun.filled),
        changed=begun.changed,
    )


def _as_read(place: ImageSlot, file: SourceFile) -> ImageSlot:
    return place if place.file is file else place._replace(file=file)


def _fill(begun: Begun, reader: ImageReader, how: How, observer: Observer) -> list[Outcome]:
    outcomes: list[Outcome | None] = [begun.filled.get(row) for row in range(len(begun.places))]
    missing = begun.missing
    if how.by_position:
        missing.sort(key=lambda row: begun.places[row].file.inode)
    with task(observer, "images", total=len(begun.places), unit="files") as progress:
        progress.advance(len(begun.filled))

        def on_filled(rows: Sequence[int], filled: Sequence[Outcome]) -> None:
            begun.skeleton.check()
            begun.journal.add(rows, filled)
            for row, outcome in zip(rows, filled, strict=True):
                outcomes[row] = outcome
            progress.advance(len(rows))

        filling = Filling(begun.path, reader)
        fill(filling, begun.places, missing, on_filled, workers=how.workers, processes=how.processes)
    done = [outcome for outcome in outcomes if outcome is not None]
    if len(done) != len(begun.places):
        raise AccountingError(f"{len(begun.places):,} images were planned, {len(done):,} packed or failed")
    return done
