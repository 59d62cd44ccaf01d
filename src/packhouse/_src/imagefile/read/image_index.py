"""image_index.parquet, read in the parts that are needed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from struct import Struct
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.digest import DIGEST_BYTES
from packhouse._src.imagefile.index_bounds import check_bounds, check_width
from packhouse._src.imagefile.index_file import open_checked, read_binding
from packhouse._src.parquet_ import ParquetSource, fixed_width_values
from packhouse._src.system.process_lock import ProcessLock
from packhouse.errors import CorruptStoreError, PackReplacedError, Where

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

Range: TypeAlias = tuple[int, int, bytes]
"""Offset and length in bytes, and the digest of what lies there."""

RANGE = Struct(f"<qq{DIGEST_BYTES}s")
RANGE_BYTES = RANGE.size
range_at: Callable[[bytes, int], Range] = RANGE.unpack_from

SAMPLED = 16
"""Of so many keys one is held by itself, to find the stretch that another is in."""


BLOCKS_BY_DICT = 8
"""So many row groups, 131,072 images, find their keys by a dictionary of 2 MB each; further ones do not."""


class _Block:
    """The ranges of one row group, compact: 32 bytes per image and as many as the longest key has."""

    def __init__(self, source: ParquetSource, row_group: int, *, file_size: int, by_dict: bool) -> None:
        table = source.read(row_group, ("key", "offset", "length", "digest"))
        self._by_dict = by_dict
        self._places: dict[str, int] | None = None
        # NumPy's "S" cuts trailing NULs, which no key has
        texts = [key.encode() for key in table["key"].to_pylist()]
        check_width(source, max(map(len, texts), default=0), len(texts))
        keys = np.array(texts, dtype="S")
        self._width = keys.dtype.itemsize
        self._stride = SAMPLED * self._width
        self._text = keys.tobytes()
        self.keys: NDArray[np.bytes_] = np.frombuffer(self._text, dtype=keys.dtype)
        self._sample: list[bytes] = keys[::SAMPLED].tolist()
        offsets = np.frombuffer(fixed_width_values(table["offset"]), "<i8")
        lengths = np.frombuffer(fixed_width_values(table["length"]), "<i8")
        # side by side, what one image takes is one miss of the processor's cache, not three
        together = np.empty(len(keys), [("offset", "<i8"), ("length", "<i8"), ("digest", "V16")])
        together["offset"], together["length"] = offsets, lengths
        together["digest"] = np.frombuffer(fixed_width_values(table["digest"]), "V16")
        self.ranges = together.tobytes()
        """RANGE of each image, one after the other."""
        # an index may come from anyone: what it asks for is a part of the file, or is refused; an empty image
        # asks for nothing, and where all are empty they stand behind the end of the file
        outside = (offsets < 0) | (lengths < 0) | (lengths > file_size) | (offsets > file_size - lengths)
        if (outside & (lengths != 0)).any():
            raise CorruptStoreError(
                "an image is outside images.h5",
                where=Where(file=str(source.path)),
                hint="restore images.h5 and image_index.parquet together from a copy, or pack again",
            )

    def find(self, key: str) -> int:
        """Return the place of a key in the row group; -1 when it is not there.

        Cost: 0.1 us by a dictionary. Else 0.6 us, where bisecting a NumPy array takes 3 us: of a few keys
        Python's own bytes are made, the stretch between two of them is searched as one string.
        """
        if not self._by_dict:
            return self._search(_encoded(key))
        if self._places is None:  # who reads by row, as a loader does, needs none
            texts = map(bytes.decode, self.keys.tolist())
            self._places = dict(zip(texts, range(len(self.keys)), strict=True))
        return self._places.get(key, -1)

    def _search(self, key: bytes) -> int:
        stretch = bisect_right(self._sample, key) - 1
        if stretch < 0 or not key[-1]:  # a NUL at the end would pass for padding
            return -1
        width = self._width
        start = stretch * self._stride
        if len(key) > width:
            return -1
        padded = key.ljust(width, b"\0")
        at = self._text.find(padded, start, start + self._stride)
        while at % width:  # the end of one key and the beginning of the next, or nothing: -1
            if at < 0:
                return -1
            at = self._text.find(padded, at + 1, start + self._stride)
        return at // width


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
        self._opened: ParquetSource | None
        self._opened, self.seal = open_checked(path)
        """The digest of the footer: tells this index from any other."""
        self.binding = read_binding(self._source)
        self.notes = self._source.metadata
        """What `write_rows` was given to keep, among the facts of the file itself."""
        self._starts = self._source.row_group_starts
        check_bounds(self._source, self._starts)
        self._first_keys = self._source.first_values("key") if self._source.rows else []
        self._blocks: dict[int, _Block] = {}
        self._facts: dict[int, Any] = {}
        self._by_name: tuple[list[bytes], NDArray[np.int64]] | None = None
        self._lock = ProcessLock()

    def __len__(self) -> int:
        """Return the number of images."""
        return self._starts[-1]

    def row_of(self, key: str) -> int | None:
        """Return the row of an image, or None when there is no such key."""
        group = bisect_right(self._first_keys, key) - 1
        if group < 0:
            return None
        place = self._block(group).find(key)
        return None if place < 0 else self._starts[group] + place

    def ranges_of(self, keys: Iterable[str]) -> list[Range | None]:
        """Return the ranges of many images.

        Args:
            keys: Whole keys.

        Returns:
            As `range_of`, in the order of `keys`; None for a key that no image has.
        """
        found: list[Range | None] = []
        first_keys, blocks = self._first_keys, self._blocks
        for key in keys:
            group = bisect_right(first_keys, key) - 1
            if group < 0:
                found.append(None)
                continue
            block = blocks.get(group) or self._block(group)
            place = block.find(key)
            found.append(None if place < 0 else range_at(block.ranges, place * RANGE_BYTES))
        return found

    def range_of(self, row: int) -> Range:
        """Return offset and length in bytes and the digest of an image."""
        group, place = self._locate(row)
        return range_at(self._block(group).ranges, place * RANGE_BYTES)

    def ranges_at(self, rows: Iterable[int]) -> list[Range]:
        """Return the ranges of many images by their rows, in the order of these."""
        return [self.range_of(row) for row in rows]

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

    def file_names(self) -> list[str]:
        """Return the paths of all original files below the packed folder, by key."""
        return [
            name for table in self._source.iterate(("file_name",)) for name in table["file_name"].to_pylist()
        ]

    def count_groups(self) -> dict[str, int]:
        """Return the number of images of each group, sorted by group."""
        return dict(sorted(self._count("group").items()))

    def count_media_types(self) -> dict[str, int]:
        """Return the number of images of each media type, most frequent first; "unknown" for none."""
        counts = self._count("media_type")
        return {kind or "unknown": count for kind, count in counts.most_common()}

    def _count(self, column: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for table in self._source.iterate((column,)):
            for one in table[column].value_counts().to_pylist():  # counted by Arrow: a fiftieth of the time
                found[one["values"]] += one["counts"]
        return found

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

    def renew(self) -> None:
        """Begin anew in a process that was forked."""
        self._opened = None  # not closed: Arrow's own locks may be held too

    def close(self) -> None:
        """Close the file; what is read later, and is not in memory yet, opens it again."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @property
    def _source(self) -> ParquetSource:
        opened = self._opened
        if opened is None:
            opened, seal = open_checked(self.path)
            if seal != self.seal:
                opened.close()
                raise replaced(self.path)
            self._opened = opened
        return opened

    def _locate(self, row: int) -> tuple[int, int]:
        group = bisect_right(self._starts, row) - 1
        return group, row - self._starts[group]

    def _block(self, group: int) -> _Block:
        block = self._blocks.get(group)
        if block is None:
            with self._lock:
                block = self._blocks.get(group)
                if block is None:
                    by_dict = len(self._blocks) < BLOCKS_BY_DICT
                    block = _Block(self._source, group, file_size=self.binding.file_size, by_dict=by_dict)
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


def replaced(index: Path) -> PackReplacedError:
    """Return the error for another index in the place of the one that was opened."""
    return PackReplacedError(
        "the images were replaced or changed while they were open",
        where=Where(file=str(index)),
        hint="open the pack again",
    )


def _encoded(key: str) -> bytes:
    # no key has a lone surrogate, so one that is asked for is not found, instead of an error of the codec
    return key.encode("utf-8", "surrogatepass")
