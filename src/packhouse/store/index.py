"""image_index.parquet: written once, then read in the parts that are needed."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from packhouse.errors import CorruptStoreError, Where
from packhouse.parquet_ import ParquetSink, ParquetSource, batch_of, fixed_width_values
from packhouse.store.digest import DIGEST_BYTES
from packhouse.store.filling import Filled
from packhouse.store.layout import FORMAT_VERSION, IMAGES_FILE, INDEX_COLUMNS, INDEX_ROW_GROUP_ROWS
from packhouse.store.sealing import check_seal, seal

FACT_COLUMNS = (
    "key",
    "group",
    "name",
    "file_name",
    "media_type",
    "width",
    "height",
    "orientation",
    "problem",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What ties an index to its images.h5: checked when a pack is opened."""

    file_size: int
    """Size of images.h5 in bytes."""

    file_id: str
    """The root attribute "id"."""

    id_offset: int
    """Where its 32 characters lie in the file, so that checking it needs no HDF5."""


def write_index(path: Path, images: Sequence[Filled], binding: Binding) -> None:
    """Write the index, one row an image, and flush it to the disk.

    Args:
        path: The file to make; it must not exist.
        images: In order of their keys, by code point.
        binding: The image file it belongs to.
    """
    metadata = {
        "role": "image_index",
        "format_version": FORMAT_VERSION,
        "file": IMAGES_FILE,  # for readers of the table; we never follow it
        "file_size": binding.file_size,
        "file_id": binding.file_id,
        "id_offset": binding.id_offset,
    }
    empty = batch_of({name: (kind, []) for name, kind in INDEX_COLUMNS.items()})
    with ParquetSink(path, empty.schema, metadata=metadata, row_group_rows=INDEX_ROW_GROUP_ROWS) as sink:
        for start in range(0, len(images), INDEX_ROW_GROUP_ROWS):
            rows = [_row(image) for image in images[start : start + INDEX_ROW_GROUP_ROWS]]
            columns = zip(*rows, strict=True)
            kinds = INDEX_COLUMNS.items()
            sink.write(batch_of({n: (k, v) for (n, k), v in zip(kinds, columns, strict=True)}))
    seal(path)


def _row(image: Filled) -> tuple[object, ...]:
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


class _Block:
    """The ranges of one row group, compact: 24 bytes an image and the key's own."""

    def __init__(self, source: ParquetSource, row_group: int, *, file_size: int) -> None:
        table = source.read(row_group, ("key", "offset", "length", "digest"))
        keys = [key.encode() for key in table["key"].to_pylist()]
        # NumPy's "S" cuts trailing NULs, which no key has
        self.keys: NDArray[np.bytes_] = np.array(keys, dtype="S")
        # a memoryview hands out Python integers, and faster than an array does
        self.offsets = fixed_width_values(table["offset"]).cast("q")
        self.lengths = fixed_width_values(table["length"]).cast("q")
        self.digests = bytes(fixed_width_values(table["digest"]))
        offsets, lengths = np.asarray(self.offsets), np.asarray(self.lengths)
        # an index may be a stranger's: what it asks for is a part of the file, or is refused
        if ((offsets < 0) | (lengths < 0) | (lengths > file_size) | (offsets > file_size - lengths)).any():
            raise CorruptStoreError(
                "an image lies outside of images.h5",
                where=Where(file=str(source.path)),
                hint="restore images.h5 and image_index.parquet together from a copy, or pack again",
            )


class ImageIndex:
    """The rows of an index file: opening reads its footer, the rest is loaded row group by row group.

    Safe to share between threads.

    Args:
        path: image_index.parquet.

    Raises:
        CorruptStoreError: The file is damaged, or not an index of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: ParquetSource | None = _open_sealed(path)
        self.binding = _read_binding(self._source)
        self._starts = self._source.row_group_starts
        self._first_keys = self._source.first_values("key") if self._source.rows else []
        self._blocks: dict[int, _Block] = {}
        self._facts: dict[int, Any] = {}
        self._by_name: tuple[list[bytes], NDArray[np.int64]] | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of images."""
        return self._starts[-1]

    def row_of(self, key: str) -> int | None:
        """Return the row of an image, or None when there is no such key."""
        group = bisect_right(self._first_keys, key) - 1
        if group < 0:
            return None
        block = self._block(group)
        wanted = _encoded(key)
        place = bisect_left(block.keys, wanted)
        if place == len(block.keys) or block.keys[place] != wanted:
            return None
        return self._starts[group] + place

    def range_of(self, row: int) -> tuple[int, int, bytes]:
        """Return offset and length in bytes and the digest of an image."""
        group, place = self._locate(row)
        block = self._block(group)
        digest = block.digests[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]
        return block.offsets[place], block.lengths[place], digest

    def facts_of(self, row: int) -> dict[str, Any]:
        """Return the columns FACT_COLUMNS of one image."""
        group, place = self._locate(row)
        table = self._facts.get(group)
        if table is None:
            table = self._facts[group] = self._source.read(group, FACT_COLUMNS)
        return {name: table[name][place].as_py() for name in FACT_COLUMNS}

    def key_of(self, row: int) -> str:
        """Return the key of an image."""
        group, place = self._locate(row)
        return bytes(self._block(group).keys[place]).decode()

    def keys(self) -> Iterator[str]:
        """Yield all keys, sorted."""
        for table in self._source.iterate(("key",)):
            yield from table["key"].to_pylist()

    def count_groups(self) -> dict[str, int]:
        """Return the number of images of each group, sorted by group."""
        found: Counter[str] = Counter()
        for table in self._source.iterate(("group",)):
            found.update(table["group"].to_pylist())
        return dict(sorted(found.items()))

    def total_bytes(self) -> int:
        """Return the sum of the lengths of all images."""
        return sum(
            sum(fixed_width_values(table["length"]).cast("q")) for table in self._source.iterate(("length",))
        )

    def rows_named(self, name: str) -> list[int]:
        """Return the rows of all images whose name, without their group, is this one.

        Cost: the first call reads the names of all images.
        """
        names, rows = self._name_order()
        wanted = _encoded(name)
        return [int(row) for row in rows[bisect_left(names, wanted) : bisect_right(names, wanted)]]

    def nearby_keys(self, key: str, *, most: int) -> list[str]:
        """Return up to `most` keys that stand near `key` in the order of keys, and as many by name."""
        if not len(self):
            return []
        names, rows = self._name_order()
        by_name = bisect_left(names, _encoded(key.rpartition("/")[2]))
        near = {int(row) for row in rows[max(0, by_name - most // 2) : by_name + most // 2]}
        group = max(0, bisect_right(self._first_keys, key) - 1)
        by_key = bisect_left(self._block(group).keys, _encoded(key))
        start = self._starts[group] + by_key
        near.update(range(max(0, start - most // 2), min(len(self), start + most // 2)))
        return [self.key_of(row) for row in sorted(near)]

    def close(self) -> None:
        """Close the file; what is read later, and is not in memory yet, opens it again."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @property
    def _source(self) -> ParquetSource:
        opened = self._opened
        if opened is None:
            opened = _open_sealed(self.path)
            if _read_binding(opened) != self.binding:
                raise CorruptStoreError("was replaced since it was opened", where=Where(file=str(self.path)))
            self._opened = opened
        return opened

    def _locate(self, row: int) -> tuple[int, int]:
        group = bisect_right(self._starts, row) - 1
        return group, row - self._starts[group]

    def _block(self, group: int) -> _Block:
        block = self._blocks.get(group)
        if block is None:
            with self._lock:
                block = self._blocks.get(group) or _Block(
                    self._source, group, file_size=self.binding.file_size
                )
                self._blocks[group] = block
        return block

    def _name_order(self) -> tuple[list[bytes], NDArray[np.int64]]:
        if self._by_name is None:
            names = [
                name.encode()
                for table in self._source.iterate(("name",))
                for name in table["name"].to_pylist()
            ]
            order = sorted(range(len(names)), key=names.__getitem__)
            self._by_name = [names[row] for row in order], np.array(order, dtype=np.int64)
        return self._by_name


def _encoded(key: str) -> bytes:
    # no key has a lone surrogate, so one that is asked for is not found, instead of an error of the codec
    return key.encode("utf-8", "surrogatepass")


def _open_sealed(path: Path) -> ParquetSource:
    check_seal(path)
    return ParquetSource(path)


def _read_binding(source: ParquetSource) -> Binding:
    found = source.metadata
    where = Where(file=str(source.path))
    if found.get("role") != "image_index" or source.schema.names != list(INDEX_COLUMNS):
        raise CorruptStoreError("is not an image index", where=where)
    version, size, file_id, id_offset = (
        found.get(name) for name in ("format_version", "file_size", "file_id", "id_offset")
    )
    if version != FORMAT_VERSION:
        raise CorruptStoreError(
            f"has format version {version}, this packhouse reads {FORMAT_VERSION}",
            where=where,
            hint="install a newer packhouse",
        )
    if not (isinstance(size, int) and isinstance(file_id, str) and isinstance(id_offset, int)):
        raise CorruptStoreError("does not say which images.h5 it belongs to", where=where)
    return Binding(file_size=size, file_id=file_id, id_offset=id_offset)
