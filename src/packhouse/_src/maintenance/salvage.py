"""What of a damaged pack is intact: images by their digests or, without an index, by HDF5's view."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packhouse._src.foreign.foreign_index import file_name_for
from packhouse._src.foreign.walker_process import walk_apart
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE
from packhouse._src.imagefile.read.index_rows import Damage, IndexRow, IndexRows, is_inside, is_key
from packhouse._src.images.sniffing import media_type_of
from packhouse._src.maintenance.scan import check_bytes
from packhouse.errors import CorruptStoreError
from packhouse.progress import Observer, task

HEAD_BYTES = 64


@dataclass(slots=True)
class Salvaged:
    """The images that can be saved."""

    rows: list[IndexRow] = field(default_factory=list)
    """Sorted by key. Those that are not checked have an empty digest."""

    lost: list[Damage] = field(default_factory=list)
    """Images that cannot be saved, and why; also what stands for an unknown number of them."""

    @property
    def unchecked(self) -> list[str]:
        """Keys of images whose digests are lost: they are what HDF5 says they are."""
        return [row.key for row in self.rows if not row.digest]


def salvage_images(folder: Path, *, workers: int, observer: Observer) -> Salvaged:
    """Find every image that can be saved.

    Args:
        folder: The damaged pack.
        workers: Number of threads.
        observer: Progress callback.

    Returns:
        What can be saved and what cannot.

    Cost: one read of images.h5; 40-50 us per image more when the index is damaged.
    """
    path = folder / IMAGES_FILE
    found = Salvaged()
    if not path.is_file():
        found.lost.append(Damage(IMAGES_FILE, None, "is missing"))
        return found
    size = path.stat().st_size
    rows, index_is_whole = _read_rows(folder / INDEX_FILE, found.lost)
    sound = {row.key: row for row in rows if is_key(row.key) and is_inside(row, size)}
    index_is_whole &= len(sound) == len(rows)
    with task(observer, "images read", total=len(sound), unit="files") as progress:
        intact, lost = check_bytes(path, list(sound.values()), workers=workers, on_read=progress.advance)
    found.lost += lost
    if not index_is_whole:
        names = {row.file_name for row in rows}
        intact += _by_walk(path, size, known=sound, names=names, lost=found.lost)
    saved = {row.key for row in intact}
    outside = (row.key for row in rows if row.key not in sound and row.key not in saved)
    found.lost += [Damage(IMAGES_FILE, key, "is outside what is left of the file") for key in outside]
    found.rows = sorted(intact)
    return found


def _read_rows(path: Path, lost: list[Damage]) -> tuple[list[IndexRow], bool]:
    """Return the rows of all row groups that can be read, and whether those are all."""
    rows: list[IndexRow] = []
    try:
        index = IndexRows(path)
    except (CorruptStoreError, OSError) as err:
        lost.append(Damage(INDEX_FILE, None, getattr(err, "problem", str(err))))
        return rows, False
    whole = True
    for group in index.groups:
        try:
            rows += index.read(group)
        except CorruptStoreError as err:
            lost.append(Damage(INDEX_FILE, None, err.problem))
            whole = False
    index.close()
    return rows, whole


def _by_walk(
    path: Path, size: int, *, known: Collection[str], names: set[str], lost: list[Damage]
) -> Iterator[IndexRow]:
    """Yield the images that HDF5 finds and the index no longer has; nothing is left to check them by."""
    try:
        walked = walk_apart(path, size)
    except CorruptStoreError as err:
        lost.append(Damage(IMAGES_FILE, None, f"images that only HDF5 could find are lost: {err.problem}"))
        return
    lost += [Damage(IMAGES_FILE, one.path, one.reason) for one in walked.refused]
    new = [image for image in walked.images if image.key not in known and image.pixels is None]
    taken = names | {image.key for image in new}
    with path.open("rb") as file:
        for image in new:
            file.seek(image.offset)
            media_type = media_type_of(file.read(min(image.length, HEAD_BYTES)))
            name = file_name_for(image.key, media_type, taken)
            yield IndexRow(image.key, image.group, image.name, name, image.offset, image.length, b"")
