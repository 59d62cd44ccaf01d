"""`packhouse.open`: one line opens a pack."""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from packhouse.errors import CorruptStoreError, NotAPackError, Where
from packhouse.store.layout import (
    FORMAT_VERSION,
    IMAGES_FILE,
    INDEX_FILE,
    INDEX_TABLE,
    MANIFEST_FILE,
)
from packhouse.store.reading import ImageStore
from packhouse.tables.reading import LinkedColumns, Tables, find_keys, find_rows

if TYPE_CHECKING:
    from types import TracebackType


MANIFEST_PARTS = ("images", "tables", "joins", "link")


class Pack:
    """An opened pack: `images`, `tables`, and what ties them. A context manager; picklable as its path.

    Args:
        path: The folder.

    Raises:
        NotAPackError: There is no pack at that place.
        CorruptStoreError: Its manifest cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()  # a pack stays the same when the process changes its folder
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
        return ImageStore(self.path / IMAGES_FILE, self.path / INDEX_FILE)

    @cached_property
    def tables(self) -> Tables:
        """The tables by their SQL names: those of the CSV files, the joins, and `image_index`."""
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


def open(path: str | os.PathLike[str]) -> Pack:  # noqa: A001  # packhouse.open, as gzip.open
    """Open a pack.

    Args:
        path: The folder that `packhouse pack` made.

    Returns:
        The pack; its parts are read when they are first used.

    Raises:
        NotAPackError: There is no pack at that place.
        CorruptStoreError: A file of it is damaged, or two do not belong together.

    Cost: reads pack.json, the footer of the index and 32 bytes of images.h5, whatever the number of images.
    """
    pack = Pack(Path(path))
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


def _why_no_pack(path: Path) -> str:
    if not path.exists():
        return "there is no such pack"
    if not path.is_dir():
        return "is not a pack: a pack is a folder"
    return f"is not a pack: it has no {MANIFEST_FILE}"


def _what_to_open(path: Path) -> str:
    if path.name == IMAGES_FILE and (path.parent / MANIFEST_FILE).exists():
        return f"{path.parent}, the folder it lies in"
    return "packhouse pack SRC -o DEST makes one"
