"""The row groups of a Parquet file from anyone: none is read that is larger than packhouse writes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from packhouse._src.page_sizes.chunk_bounds import ColumnChunk, Unpack, most_bytes

if TYPE_CHECKING:
    import pyarrow.parquet as pq

GROUP_ROWS = 122_880
GROUP_BYTES = 64 << 20
"""packhouse ends a row group at half of that, unless it has one row."""

WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}
CODECS = {"ZSTD": "zstd", "GZIP": "gzip", "SNAPPY": "snappy", "LZ4": "lz4_raw", "BROTLI": "brotli"}

_seen: set[tuple[int, ...]] = set()
"""Columns that were looked at in this process: the file as it is, the row group, the place."""


class GroupBounds:
    """What the row groups of one file may take.

    Args:
        path: The file.
        footer: Its footer.

    Raises:
        ValueError: A row group has more rows than packhouse writes, or they are too wide.
    """

    def __init__(self, path: Path, footer: pq.FileMetaData) -> None:
        self._path = path
        self._footer = footer
        leaves = [footer.schema.column(place) for place in range(footer.num_columns)]
        # lists and structs may be of any size; a field "b" of a column "a" has the path "a.b"
        self._flat = [leaf.max_repetition_level == 0 and leaf.path == leaf.name for leaf in leaves]
        self._text = [leaf.physical_type == "BYTE_ARRAY" for leaf in leaves]
        self._names = [leaf.name for leaf in leaves]
        flat = [leaf for leaf, is_flat in zip(leaves, self._flat, strict=True) if is_flat]
        width = sum(WIDTHS.get(leaf.physical_type, leaf.length) for leaf in flat)
        facts = path.stat()
        self._identity = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        for number in range(footer.num_row_groups):
            rows = footer.row_group(number).num_rows
            if not 0 <= rows <= GROUP_ROWS or (rows > 1 and rows * width > GROUP_BYTES):
                raise ValueError(f"row group {number} has {rows:,} rows of {width:,} bytes or more")

    def check(self, group: int, columns: Sequence[str] | None) -> list[str]:
        """See that the pages of some columns are no larger than packhouse writes them.

        Args:
            group: Number of the row group.
            columns: Names; None is all.

        Returns:
            Columns of text that may still be larger, if a long value repeats.

        Raises:
            ValueError: They are larger.
        """
        facts, found = self._footer.row_group(group), list[str]()
        wanted = None if columns is None else set(columns)
        places = [
            place
            for place, name in enumerate(self._names)
            if self._flat[place]
            and (wanted is None or name in wanted)
            and (*self._identity, group, place) not in _seen
        ]
        if facts.num_rows > 1 and places:
            with self._path.open("rb") as file:
                found = [self._names[place] for place in places if self._may_be_large(file, group, place)]
        # what is left is looked at in other ways, each time
        _seen.update((*self._identity, group, place) for place in places if self._names[place] not in found)
        return found

    def _may_be_large(self, file: BinaryIO, group: int, place: int) -> bool:
        one = self._footer.row_group(group).column(place)
        begins = [one.data_page_offset, one.dictionary_page_offset if one.has_dictionary_page else None]
        start = min(begin for begin in begins if begin)
        stop = start + one.total_compressed_size
        if not 0 < start <= stop <= os.fstat(file.fileno()).st_size:
            raise ValueError(f"column {self._names[place]!r} is outside the file")
        chunk = ColumnChunk(start, stop, one.num_values, is_text=self._text[place])
        if one.num_values != self._footer.row_group(group).num_rows:
            raise ValueError(f"column {self._names[place]!r} has {one.num_values:,} values")
        return most_bytes(file, chunk, _unpacker(one.compression), limit=GROUP_BYTES) > GROUP_BYTES


def _unpacker(codec: str) -> Unpack:
    import pyarrow as pa

    if codec == "UNCOMPRESSED":
        return lambda data, _size: data
    if codec not in CODECS:
        raise ValueError(f"it is compressed by {codec}, which packhouse does not use")
    found = pa.Codec(CODECS[codec])
    return lambda data, size: bytes(found.decompress(data, size))
