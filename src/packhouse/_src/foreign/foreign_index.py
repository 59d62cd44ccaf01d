"""Makes the index of an HDF5 file of images that packhouse did not write, and finds it again."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.concurrency.threads import default_workers, run_pieces
from packhouse._src.foreign.found import Ranged, Refused
from packhouse._src.foreign.index_places import open_indexed, writable_places
from packhouse._src.foreign.walker_process import Walked, walk_apart
from packhouse._src.imagefile.digest import digest_of, digest_of_all
from packhouse._src.imagefile.hdf5_signature import has_signature
from packhouse._src.imagefile.index_file import Binding, write_rows
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.images.formats import EXTENSIONS_OF
from packhouse._src.images.probing import probe
from packhouse._src.images.raw import RAW_TYPES
from packhouse._src.ranges import read_range
from packhouse._src.records import HeaderFacts
from packhouse.errors import CorruptStoreError, NotAPackError, StoreError, Where
from packhouse.progress import Observer, silent, task

PIECE_IMAGES = 64
MOST_NOTED = 1000
"""So many of what was refused are named in the index; the rest is counted."""

EXTENSIONS = {
    **EXTENSIONS_OF,
    RAW_TYPES[1]: (".gray",),
    RAW_TYPES[3]: (".rgb",),
    RAW_TYPES[4]: (".rgba",),
}
"""Media type -> the extensions that fit it; the first is given to images whose key has none of them."""

_Facts = tuple[bytes, HeaderFacts]
_Range = tuple[int, int, tuple[int, int, int] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What came of making an index."""

    path: Path
    """The index."""

    images: int
    """How many are in it."""

    refused: tuple[Refused, ...]
    """All that is in the file and is no image of the index, with reasons."""

    helpers: tuple[str, ...]
    """Datasets that say where images lie, or what they are called."""

    problems: dict[str, str]
    """Key -> what is wrong with an image."""


def open_foreign(path: Path, *, observer: Observer = silent) -> ImageStore:
    """Open the images of an HDF5 file by its index, which is made if there is none that fits.

    Args:
        path: The file.
        observer: Progress callback.

    Returns:
        The images.

    Raises:
        NotAPackError: It is no HDF5 file.
        CorruptStoreError: The HDF5 library cannot open it.
        StoreError: The index cannot be written anywhere.
    """
    found = open_indexed(path)
    return found if found is not None else ImageStore(path, index_foreign(path, observer=observer).path)


def index_foreign(path: Path, *, workers: int | None = None, observer: Observer = silent) -> Indexed:
    """Make the index of an HDF5 file, beside it or else in the cache folder; one that is there is replaced.

    Args:
        path: The file.
        workers: Number of threads that read; None for one a core.
        observer: Progress callback.

    Returns:
        Where it lies, and what of the file is not in it.

    Raises:
        NotAPackError: It is no HDF5 file.
        CorruptStoreError: The HDF5 library cannot open it, or it says what cannot be.
        StoreError: It changed meanwhile, or the index cannot be written anywhere.

    Cost: 40-50 us an image in a process of its own, then every byte is read once and hashed.
    """
    descriptor, facts = _open_regular(path)
    try:
        next(writable_places(path))  # before all the work, not after it
        with task(observer, "walk", total=None, unit="images") as progress:
            walked = walk_apart(path, facts.st_size, on_images=progress.advance)
        _refuse_overlapping(walked.images, facts.st_size, path)
        walked.images.sort(key=lambda image: image.key)
        with task(observer, "index", total=len(walked.images), unit="images") as progress:
            taken = _read_all(descriptor, walked.images, workers or default_workers(), progress.advance)
        now = path.stat()
        if (now.st_size, now.st_mtime_ns, now.st_ino) != (facts.st_size, facts.st_mtime_ns, facts.st_ino):
            raise StoreError("changed while it was indexed", where=Where(file=str(path)), hint="try again")
    finally:
        os.close(descriptor)
    mtime_ns = None if walked.file_id else facts.st_mtime_ns
    binding = Binding(
        file_size=facts.st_size, file_id=walked.file_id, id_offset=walked.id_offset, mtime_ns=mtime_ns
    )
    problems = {
        image.key: found.problem
        for image, (_, found) in zip(walked.images, taken, strict=True)
        if found.problem is not None
    }
    place = _write(path, walked, taken, binding, problems)
    return Indexed(
        path=place,
        images=len(walked.images),
        refused=tuple(walked.refused),
        helpers=tuple(walked.helpers),
        problems=problems,
    )


def _open_regular(path: Path) -> tuple[int, os.stat_result]:
    where = Where(file=str(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as err:
        raise NotAPackError(f"cannot be opened: {err.strerror}", where=where) from err
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or not has_signature(descriptor, facts.st_size):
        os.close(descriptor)
        raise NotAPackError("is neither a pack nor an HDF5 file", where=where)
    return descriptor, facts


def _refuse_overlapping(images: Sequence[Ranged], size: int, path: Path) -> None:
    """Refuse a small file that would have us read terabytes; two names of one dataset are one range."""
    total = sum(length for _, length, _ in {image[1:] for image in images})
    if total > size:
        raise CorruptStoreError(
            f"its images overlap: {total:,} bytes of images in a file of {size:,}",
            where=Where(file=str(path)),
            hint="it is damaged or malicious: do not open it",
        )


def _read_all(
    descriptor: int, images: Sequence[Ranged], workers: int, on_read: Callable[[int], None]
) -> list[_Facts]:
    """Hash and probe every image, in the order in which they lie in the file; once each."""
    rows: dict[_Range, list[int]] = {}
    for row, image in enumerate(images):
        rows.setdefault(image[1:], []).append(row)
    order = sorted(rows, key=lambda one: one[:2])
    taken: list[_Facts | None] = [None] * len(images)

    def read(ranges: Sequence[_Range]) -> None:
        for offset, length, pixels in ranges:
            data = read_range(descriptor, length, offset)
            if len(data) < length:
                raise StoreError("the file was truncated while it was indexed")
            found = _take_in(data, pixels)
            for row in rows[offset, length, pixels]:
                taken[row] = found
        on_read(sum(len(rows[one]) for one in ranges))

    pieces = [order[at : at + PIECE_IMAGES] for at in range(0, len(order), PIECE_IMAGES)]
    run_pieces(pieces, read, workers=workers)
    return [found for found in taken if found is not None]


def _take_in(data: bytes, pixels: tuple[int, int, int] | None) -> _Facts:
    if pixels is None:
        return digest_of(data), probe(data)
    height, width, channels = pixels
    return digest_of(data), HeaderFacts(RAW_TYPES[channels], width, height, None, None)


def _write(
    path: Path, walked: Walked, taken: Sequence[_Facts], binding: Binding, problems: dict[str, str]
) -> Path:
    """Write the index under a name of its own, then give it its name; the next place where one is full."""
    notes = {
        "images": {
            "file": path.name,
            "count": len(walked.images),
            "source_bytes": sum(image.length for image in walked.images),
            "bytes": binding.file_size,
            "digest": digest_of_all(digest for digest, _ in taken),
            "groups": len({image.group for image in walked.images}),
            "problems": dict(list(problems.items())[:MOST_NOTED]),
            "problem_count": len(problems),
        },
        "refused": [[one.path, one.reason] for one in walked.refused[:MOST_NOTED]],
        "refused_count": len(walked.refused),
    }
    for place in writable_places(path):
        part = place.with_name(f"{place.name}.{secrets.token_hex(8)}.part")
        try:
            write_rows(part, _rows(walked.images, taken), binding, file=path.name, notes=notes)
            part.replace(place)
        except OSError:
            part.unlink(missing_ok=True)
            continue
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return place
    raise AssertionError  # writable_places raises


def _rows(images: Sequence[Ranged], taken: Sequence[_Facts]) -> Iterator[tuple[object, ...]]:
    names = {image.key for image in images}
    for image, (digest, facts) in zip(images, taken, strict=True):
        yield (
            image.key,
            image.group,
            image.name,
            file_name_for(image.key, facts.media_type, names),
            facts.media_type,
            image.offset,
            image.length,
            facts.width,
            facts.height,
            facts.orientation,
            digest,
            facts.problem,
        )


def file_name_for(key: str, media_type: str | None, taken: Collection[str]) -> str:
    """Name the file that an image of an HDF5 file would be.

    Args:
        key: Of the image.
        media_type: By its first bytes; None when they are not an image's.
        taken: All keys.

    Returns:
        The key with an extension that fits, unless it has one or another image is called that.
    """
    fitting = EXTENSIONS.get(media_type or "", ())
    if not fitting or key.lower().endswith(fitting):
        return key
    named = key + fitting[0]
    return key if named in taken else named
