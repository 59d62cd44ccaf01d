"""image_index.parquet as a file: how it is written, and what ties it to its HDF5 file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from packhouse._src.footers.footer_digest import check_footer_digest
from packhouse._src.footers.xxhash_ import DigestSoFar
from packhouse._src.imagefile.format import FORMAT_VERSION, IMAGES_FILE, INDEX_COLUMNS, INDEX_ROW_GROUP_ROWS
from packhouse._src.imagefile.index_bounds import MOST_TEXT
from packhouse._src.imagefile.slots import IndexedImage
from packhouse._src.parquet_ import ParquetSink, ParquetSource, batch_of
from packhouse.errors import CorruptStoreError, Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What ties an index to its HDF5 file: checked when the two are opened."""

    file_size: int
    """Size of the HDF5 file in bytes."""

    file_id: str = ""
    """The root attribute "id"; "" for a file that packhouse did not write."""

    id_offset: int = 0
    """Where its 32 characters lie in the file, so that checking it needs no HDF5."""

    mtime_ns: int | None = None
    """For a file that packhouse did not write: when it was last changed, nanoseconds since the epoch."""


def write_index(path: Path, images: Sequence[IndexedImage], binding: Binding) -> None:
    """Write the index of a pack, one row per image, and flush it to the disk.

    Args:
        path: The file to make; it must not exist.
        images: In order of their keys, by code point.
        binding: The image file it belongs to.
    """
    write_rows(path, map(_row, images), binding)


def write_rows(
    path: Path,
    images: Iterable[tuple[object, ...]],
    binding: Binding,
    *,
    file: str = IMAGES_FILE,
    notes: Mapping[str, object] | None = None,
) -> None:
    """Write an index, one row per image, and flush it to the disk.

    Args:
        path: The file to make; it must not exist.
        images: The values of INDEX_COLUMNS, in order of the keys, by code point.
        binding: The HDF5 file it belongs to.
        file: Name of that file.
        notes: JSON-able facts to keep with the index.

    Cost: memory for one row group.
    """
    metadata = {
        **(notes or {}),
        "role": "image_index",
        "format_version": FORMAT_VERSION,
        "file": file,  # for readers of the table; we never follow it
        "file_size": binding.file_size,
        "file_id": binding.file_id,
        "id_offset": binding.id_offset,
    }
    if binding.mtime_ns is not None:
        metadata["mtime_ns"] = binding.mtime_ns
    empty = batch_of({name: (kind, []) for name, kind in INDEX_COLUMNS.items()})
    left, content = iter(images), DigestSoFar()
    with ParquetSink(path, empty.schema, metadata=metadata, row_group_rows=INDEX_ROW_GROUP_ROWS) as sink:
        while rows := list(islice(left, INDEX_ROW_GROUP_ROWS)):
            columns = zip(*rows, strict=True)
            kinds = INDEX_COLUMNS.items()
            batch = batch_of({n: (k, v) for (n, k), v in zip(kinds, columns, strict=True)})
            for buffer in (one for column in batch.columns for one in column.buffers() if one is not None):
                content.add(buffer)
            sink.write(batch)
        sink.metadata = {**metadata, "content": content.hex()}  # no other index has the same footer


def _row(image: IndexedImage) -> tuple[object, ...]:
    key, facts = image.place.key, image.facts
    return (
        key.key,
        key.group,
        key.name,
        key.path,
        facts.media_type,
        image.place.offset,
        image.place.length,
        facts.width,
        facts.height,
        facts.orientation,
        image.digest,
        facts.problem,
    )


def open_checked(path: Path) -> tuple[ParquetSource, bytes]:
    """Open an index whose footer is as it was written.

    Args:
        path: The file.

    Returns:
        The file, its footer read, and the digest of the footer: no other index has the same.

    Raises:
        CorruptStoreError: The footer is damaged.
    """
    seal = check_footer_digest(path)
    return ParquetSource(path, most_text=MOST_TEXT), seal


def read_binding(source: ParquetSource) -> Binding:
    """Read what an index is bound to.

    Args:
        source: The index.

    Returns:
        The file that it was made for.

    Raises:
        CorruptStoreError: It is no index, or one of another version of the format.
    """
    found = source.metadata
    where = Where(file=str(source.path))
    if found.get("role") != "image_index" or source.schema.names != list(INDEX_COLUMNS):
        raise CorruptStoreError("this is not an image index", where=where)
    version, size, file_id, id_offset, mtime_ns = (
        found.get(name) for name in ("format_version", "file_size", "file_id", "id_offset", "mtime_ns")
    )
    if version != FORMAT_VERSION:
        raise CorruptStoreError(
            f"the index has format version {version}, this packhouse reads {FORMAT_VERSION}",
            where=where,
            hint="install a newer packhouse",
        )
    if not (isinstance(size, int) and isinstance(file_id, str) and isinstance(id_offset, int)):
        raise CorruptStoreError("the index does not say which images.h5 it belongs to", where=where)
    if not isinstance(mtime_ns, int):
        mtime_ns = None
    return Binding(file_size=size, file_id=file_id, id_offset=id_offset, mtime_ns=mtime_ns)
