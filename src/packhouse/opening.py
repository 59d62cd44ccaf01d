"""`packhouse.open`: one line opens a pack, or an HDF5 file of images."""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from packhouse import __version__
from packhouse.errors import CorruptStoreError, NotAPackError, StoreError, Where
from packhouse.progress import Observer, silent
from packhouse.store.digest import digest_of_all
from packhouse.store.layout import (
    FORMAT_VERSION,
    IMAGES_FILE,
    INDEX_FILE,
    INDEX_TABLE,
    MANIFEST_FILE,
    MANIFEST_FORMAT,
)
from packhouse.store.reading import ImageStore
from packhouse.tables.reading import LinkedColumns, Tables, find_keys, find_rows

if TYPE_CHECKING:
    from types import TracebackType


MANIFEST_PARTS = ("images", "tables", "joins", "link")


class Pack:
    """An opened pack: `images`, `tables`, and what ties them. A context manager; picklable as its path.

    Args:
        path: The folder; or an HDF5 file of images, which is a pack without tables.
        progress: Told of the walk through an HDF5 file that has no index yet.

    Raises:
        NotAPackError: There is no pack at that place.
        CorruptStoreError: Its manifest, or the HDF5 file, cannot be read.
        StoreError: An index is needed and cannot be written anywhere.
    """

    def __init__(self, path: Path, *, progress: Observer = silent) -> None:
        self.path = path.absolute()  # a pack stays the same when the process changes its folder
        self._is_lone = self.path.is_file()
        if self._is_lone:
            self.__dict__["images"] = _open_lone(self.path, progress)
            self.manifest = _describe(self.images)
        else:
            self.manifest = _read_manifest(path)

    def __reduce__(self) -> tuple[type[Pack], tuple[Path]]:
        """Pickle as the path."""
        return (Pack, (self.path,))

    def __repr__(self) -> str:
        """Return name, images and tables."""
        images = (self.manifest["images"] or {"count": 0})["count"]
        return f"<Pack {self.path}: {images:,} images, tables {', '.join(self.tables)}>"

    def __enter__(self) -> Self:
        """Return the pack itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @cached_property
    def images(self) -> ImageStore:
        """The images: a mapping from key to image, sorted by key.

        Raises:
            NotAPackError: The pack has no images, or their file is missing.
            CorruptStoreError: Index and image file do not belong together.
        """
        if self.manifest["images"] is None:
            raise NotAPackError("the pack has tables only, no images", where=Where(file=str(self.path)))
        if self._is_lone:
            return _open_lone(self.path, silent)
        try:
            return ImageStore(self.path / IMAGES_FILE, self.path / INDEX_FILE)
        except StoreError as err:
            if (self.path / IMAGES_FILE).is_file():  # else there is nothing to make an index of
                err.hint = (
                    f"packhouse repair {self.path} OUT saves all that is whole, or restore it from a copy"
                )
            raise

    @cached_property
    def tables(self) -> Tables:
        """The tables by their SQL names: those of the CSV files, the joins, and `image_index`."""
        if self._is_lone:
            index = self.images.index.path
            return Tables(index.parent, {INDEX_TABLE: index.name})
        made = {**self.manifest["tables"], **self.manifest["joins"]}
        files = {name: facts["file"] for name, facts in made.items()}
        if self.manifest["images"] is not None:
            files[INDEX_TABLE] = INDEX_FILE
        return Tables(self.path, files)

    @property
    def linked(self) -> LinkedColumns | None:
        """Which table describes the images, and its columns that say so; None when none does."""
        link = self.manifest["link"]
        if link is None:
            return None
        return LinkedColumns(link["table"], link["flag_column"], link["key_column"])

    def row(self, key: str) -> dict[str, Any] | None:
        """Return the row of the linked table that describes an image.

        Args:
            key: Key of the image, or its name alone where that is unique.

        Returns:
            Column -> value; the first such row of the file; None when no row names the image.

        Raises:
            KeyNotFoundError: There is no such image.
        """
        rows = self.rows(key)
        return rows[0] if rows else None

    def rows(self, key: str) -> list[dict[str, Any]]:
        """Return all rows of the linked table that describe an image; otherwise as `row`."""
        whole = self.images[key].key
        return [] if self.linked is None else find_rows(self.tables, whole, self.linked)

    def find(self, where: str) -> list[str]:
        """Return the keys of images that meet an SQL condition.

        Args:
            where: On columns of image_index and of the linked table, such as
                "colour_group_name = 'Black' AND width < 400".

        Returns:
            Keys, sorted.

        Raises:
            QueryError: The condition does not fit the columns.
        """
        _ = self.images
        return find_keys(self.tables, where, self.linked)

    def close(self) -> None:
        """Close all files."""
        for part in ("images", "tables"):
            if part in self.__dict__:
                self.__dict__.pop(part).close()


def open(  # noqa: A001  # packhouse.open, as gzip.open
    path: str | os.PathLike[str], *, progress: Observer = silent
) -> Pack:
    """Open a pack, or any HDF5 file of images.

    Args:
        path: The folder that `packhouse pack` made; or an HDF5 file, whoever wrote it, which is then a pack
            without tables. What of it is no image stands in `manifest["refused"]`, with reasons.
        progress: Told of the walk through an HDF5 file that has no index yet.

    Returns:
        The pack; its parts are read when they are first used.

    Raises:
        NotAPackError: There is neither a pack nor an HDF5 file at that place.
        CorruptStoreError: A file of it is damaged, or two do not belong together.
        StoreError: An index is needed and cannot be written anywhere.

    Cost: reads pack.json, the footer of the index and 32 bytes of images.h5, whatever the number of images.
        An HDF5 file without an index that fits is walked first, 40-50 us an image, and read whole; the index
        is kept beside it, or in the user's cache folder.
    """
    pack = Pack(Path(path), progress=progress)
    if pack.manifest["images"] is not None:
        _ = pack.images  # so that a damaged pack is refused here, not in the middle of training
    return pack


def _read_manifest(path: Path) -> dict[str, Any]:
    where = Where(file=str(path))
    if not (path / MANIFEST_FILE).is_file():
        raise NotAPackError(_why_no_pack(path), where=where, hint=_what_to_open(path))
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST_FILE).read_text(encoding="utf-8"))
        missing = [part for part in MANIFEST_PARTS if part not in manifest]
        version = manifest.get("format_version")
    except (OSError, ValueError, AttributeError, TypeError) as err:
        raise CorruptStoreError(
            f"{MANIFEST_FILE} cannot be read: {err}", where=where, hint="restore it from a copy"
        ) from err
    if version != FORMAT_VERSION:
        raise CorruptStoreError(
            f"has format version {version}, this packhouse reads {FORMAT_VERSION}",
            where=where,
            hint="install a newer packhouse",
        )
    if missing:
        raise CorruptStoreError(
            f"{MANIFEST_FILE} does not say: {', '.join(missing)}", where=where, hint="restore it from a copy"
        )
    return manifest


def _open_lone(path: Path, progress: Observer) -> ImageStore:
    from packhouse.store.foreign import open_foreign  # brings what starts processes; a pack needs none of it

    return open_foreign(path, observer=progress)


def _describe(images: ImageStore) -> dict[str, Any]:
    """Return the parts of a manifest for a lone HDF5 file."""
    notes = images.index.notes
    return {
        "format": MANIFEST_FORMAT,
        "format_version": FORMAT_VERSION,
        "packhouse": __version__,
        "source": images.path.name,
        "images": notes.get("images") or _describe_images(images),
        "tables": {},
        "link": None,
        "joins": {},
        "skipped": [],
        "failed": [],
        "refused": [{"path": path, "reason": reason} for path, reason in notes.get("refused", [])],
        "refused_count": notes.get("refused_count", 0),
    }


def _describe_images(images: ImageStore) -> dict[str, Any]:
    """Return what the manifest of a pack says of its images, for an index that belongs to a pack."""
    try:
        found: dict[str, Any] = _read_manifest(images.path.parent)["images"]
    except StoreError:  # the rest of the pack is missing or damaged: no reason not to open its images
        index = images.index
        return {
            "file": images.path.name,
            "count": len(images),
            "source_bytes": images.total_bytes,
            "bytes": index.binding.file_size,
            "digest": digest_of_all(index.range_of(row)[2] for row in range(len(images))),
            "groups": len(images.groups),
            "problems": {key: image.problem for key, image in images.items() if image.problem},
        }
    return found


def _why_no_pack(path: Path) -> str:
    if not path.exists():
        return "there is no such pack"
    if not path.is_dir():
        return "is not a pack: a pack is a folder, or an HDF5 file"
    return f"is not a pack: it has no {MANIFEST_FILE}"


def _what_to_open(path: Path) -> str:
    if (path / IMAGES_FILE).is_file():
        return f"{path / IMAGES_FILE} opens as it is"
    return "packhouse pack SRC -o DEST makes one"
