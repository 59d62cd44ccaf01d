"""`packhouse.derive`: a store with smaller copies of the images, beside the originals of a pack."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packhouse._src.concurrency.threads import workers_or_default
from packhouse._src.deriving.publishing import SPOOL_FILE, DerivedTarget, deriving_in
from packhouse._src.deriving.scaling import Derived, derive_image
from packhouse._src.deriving.spooling import Spooled, SpoolReader, spool
from packhouse._src.imagefile.digest import digest_of_all
from packhouse._src.imagefile.format import DERIVED_FOLDER, IMAGES_FILE, INDEX_FILE
from packhouse._src.imagefile.keys import Key
from packhouse._src.imagefile.read.index_rows import IndexRow, IndexRows
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.imagefile.write.build import CopyOptions, make_images
from packhouse._src.imagefile.write.resume import PlannedImages
from packhouse._src.opening import Pack
from packhouse._src.packing.destination import install
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse.errors import UsageError
from packhouse.progress import Observer, task

QUALITIES = range(1, 101)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeriveReport:
    """What deriving made."""

    pack: Path
    folder: Path
    """Folder of the store: images.h5 and image_index.parquet."""

    size: int
    """Pixels of the shorter side."""

    quality: int
    images: int
    """Number of images: as many as the pack has."""

    scaled: int
    """Number of images that were scaled."""

    copied: int
    """Number of images that are not larger, and were copied byte for byte."""

    problems: Mapping[str, str]
    """Key -> what is wrong with the original, which was copied byte for byte."""

    source_bytes: int
    """Total size of the originals."""

    bytes: int
    """Size of the new images.h5."""

    index_bytes: int
    seconds: float
    """Wall time."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong with any original."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return the report as `packhouse derive --json` prints it."""
        return {
            **asdict(self),
            "pack": str(self.pack),
            "folder": str(self.folder),
            "seconds": round(self.seconds, 3),
        }


@shows_progress
def derive(
    pack: str | os.PathLike[str],
    size: int = 256,
    *,
    quality: int = 90,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress = None,
) -> DeriveReport:
    """Add a store with smaller copies of all images to a pack; the originals stay unchanged.

    An image becomes an upright RGB JPEG (4:2:0) with a shorter side of `size` pixels. Images are never
    enlarged: one that is not larger is copied byte for byte. So is one that is broken or cannot be decoded;
    it then fails like the original. Every image has the same key and row as in the pack.

    Args:
        pack: The folder of a pack.
        size: Shorter side in pixels: a little more than the size you train on, e.g. 256 for 224.
        quality: JPEG quality, 1 to 100, on libjpeg's scale.
        workers: Number of workers. Default: one per core, 8 at most.
        overwrite: Replace an existing store of this size.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        What was made.

    Raises:
        NotAPackError: There is no pack at this path, or it has no images.
        UsageError: A number is out of range, or the pack is a single HDF5 file.
        CorruptStoreError: The pack is damaged.
        DestinationExistsError: The pack already has a store of this size.
        DestinationBusyError: Another process is deriving from the same pack.
        NoSpaceError: The disk ran full.
        DestinationError: The pack cannot be written.

    Cost: originals are read and decoded once, at the smallest of 1, 1/2, 1/4, 1/8 of their size that is
        large enough. While it runs, it needs twice the space of the new store and 1 KB of memory per image.
        The same originals give the same bytes for any number of workers, with the same versions of the
        libraries that decode and scale.
    """
    _check_numbers(size=size, quality=quality)
    started = time.perf_counter()
    folder, observer, n_workers = Path(pack), listener(progress), workers_or_default(workers)
    with deriving_in(folder, size, overwrite=overwrite) as place, Pack(folder) as opened:
        rows = _all_rows(opened.images)
        images = _spool(place, opened.images, rows, quality, n_workers, observer)
        planned = _plan(images)
        _make(place, planned, images, n_workers, observer)
        entry = {
            **_describe(place, images),
            "quality": quality,
            "id": planned.file_id,
            "originals": opened.manifest["images"]["digest"],
        }
        place.publish(entry)
    return DeriveReport(
        pack=folder,
        folder=place.target,
        size=size,
        quality=quality,
        images=len(images),
        scaled=entry["scaled"],
        copied=sum(not one.is_scaled and one.problem is None for one in images),
        problems={one.row.key: one.problem for one in images if one.problem is not None},
        source_bytes=sum(one.row.length for one in images),
        bytes=entry["bytes"],
        index_bytes=entry["index_bytes"],
        seconds=time.perf_counter() - started,
    )


def _check_numbers(*, size: int, quality: int) -> None:
    if size < 1:
        raise UsageError(f"size is {size}, and must be at least 1 pixel")
    if quality not in QUALITIES:
        raise UsageError(f"quality is {quality}, and must be from {QUALITIES[0]} to {QUALITIES[-1]}")


def _all_rows(originals: ImageStore) -> list[IndexRow]:
    index = IndexRows(originals.index.path)
    try:
        return index.read_all()
    finally:
        index.close()


def _spool(
    place: DerivedTarget,
    originals: ImageStore,
    rows: Sequence[IndexRow],
    quality: int,
    workers: int,
    observer: Observer,
) -> list[Spooled]:
    def derive_one(row: int) -> Derived:
        return derive_image(originals.read_row(row), size=place.size, quality=quality)

    path = place.work / SPOOL_FILE
    with task(observer, "smaller images", total=len(rows), unit="files") as progress:
        return spool(path, rows, derive_one, workers=workers, on_done=progress.advance)


def _plan(images: Sequence[Spooled]) -> PlannedImages:
    keys = [Key(one.row.key, one.row.group, one.row.name, one.row.file_name) for one in images]
    return PlannedImages.of(keys, [one.file for one in images])


def _make(
    place: DerivedTarget, planned: PlannedImages, images: Sequence[Spooled], workers: int, observer: Observer
) -> None:
    """Lay the store out, fill it from the spool and leave nothing else in its folder."""
    reader = SpoolReader(place.work / SPOOL_FILE, images)
    try:
        made = make_images(place.store, planned, reader, CopyOptions(workers=workers), observer)
    finally:
        reader.close()
    for err in made.failed.values():  # one row less would shift all others
        raise err
    install(place.store, made.path)
    shutil.rmtree(made.path.parent)  # the journal, of no use any more


def _describe(place: DerivedTarget, images: Sequence[Spooled]) -> dict[str, Any]:
    """Return what pack.json says of the store; counts and digest as of the originals."""
    folder = DERIVED_FOLDER.format(place.size)
    return {
        "file": f"{folder}/{IMAGES_FILE}",
        "index": f"{folder}/{INDEX_FILE}",
        "size": place.size,
        "count": len(images),
        "scaled": sum(one.is_scaled for one in images),
        "source_bytes": sum(one.length for one in images),
        "bytes": (place.store / IMAGES_FILE).stat().st_size,
        "index_bytes": (place.store / INDEX_FILE).stat().st_size,
        "groups": len({one.row.group for one in images}),
        "digest": digest_of_all(one.digest for one in images),
    }
