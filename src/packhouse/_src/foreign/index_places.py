"""Where the index of a lone HDF5 file lies: beside it, or in the user's cache folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packhouse._src.cache_folder import cache_folder
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE
from packhouse._src.imagefile.read.store import ImageStore
from packhouse.errors import StoreError, Where

SUFFIX = ".index.parquet"
LABELS_SUFFIX = ".labels.parquet"

RECOGNITION = "recognition"
RECOGNITION_VERSION = 4
"""Of what is taken as an image or a label; an index of another version is made again."""


def index_places(path: Path) -> tuple[Path, Path]:
    """Return where an index of a file may lie, the better place first.

    Args:
        path: The HDF5 file.

    Returns:
        Beside it, and in the cache folder, under a name that only this path has.
    """
    whole = os.path.abspath(path)  # noqa: PTH100  # a link stays the name that the user gave
    kept = cache_folder() / "indexes" / f"{digest_of(os.fsencode(whole)).hex()}{SUFFIX}"
    return Path(whole + SUFFIX), kept


def labels_place(index: Path) -> Path:
    """Return where the table of labels is that goes with an index."""
    return index.with_name(index.name.removesuffix(SUFFIX) + LABELS_SUFFIX)


def open_indexed(path: Path) -> ImageStore | None:
    """Open a file by an index that fits it.

    Args:
        path: The HDF5 file.

    Returns:
        The images; None when there is no index, or none that is whole and fits the file as it is now.
    """
    places = list(index_places(path))
    if path.name == IMAGES_FILE:
        places.insert(0, path.with_name(INDEX_FILE))  # it lies in a pack
    for place in places:
        try:
            if place.is_file():
                store = ImageStore(path, place)
                if _is_of_now(store, place):
                    return store
                store.close()
        except OSError:  # damaged, of another state of the file, or not ours to read: it is made anew
            continue
    return None


def _is_of_now(store: ImageStore, place: Path) -> bool:
    """Say whether an index was made by the rules of this version, and has its table of labels."""
    if place.name == INDEX_FILE:
        return True  # of a pack, which was not recognized but made
    notes = store.index.notes
    said = notes.get("labels")
    is_whole = said is None or labels_place(place).stat().st_size == said["table"]["bytes"]
    return notes.get(RECOGNITION) == RECOGNITION_VERSION and is_whole


def writable_places(path: Path) -> Iterator[Path]:
    """Yield the places where an index can be written, the better one first.

    Args:
        path: The HDF5 file.

    Yields:
        Paths of an index.

    Raises:
        StoreError: When no place is left.
    """
    for place in index_places(path):
        try:
            if place.parent.name == "indexes":
                place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place.parent):
                pass
        except OSError:
            continue
        yield place
    raise StoreError(
        "the index can be stored neither beside the file nor in the cache folder",
        where=Where(file=str(path)),
        hint=f"make one of {path.absolute().parent} and {cache_folder()} writable, with free space, or set "
        "XDG_CACHE_HOME to a folder that is",
    )
