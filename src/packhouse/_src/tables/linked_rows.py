"""The rows that describe an image, by its key, without a query: a sorted column and decoded row groups."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packhouse._src.parquet_ import sorted_places
from packhouse._src.system.process_lock import ProcessLock
from packhouse._src.tables.table import Table
from packhouse.errors import CorruptStoreError, Where

if TYPE_CHECKING:
    import pyarrow as pa

CACHE_BYTES = 512 << 20

_OF_THE_PARENT: list[object] = []
"""Files that a forked process has found open: Arrow's own locks may be held by threads that are not there."""


@dataclass(frozen=True, slots=True)
class LinkedColumns:
    """Which column of a table names images, and the two that tell what was found."""

    table: str
    column: str
    """The column that names images, as the CSV file has it."""

    form: str
    """How its cells are read, in words of `image_names`."""

    flag_column: str
    """True where an image is named."""

    key_column: str
    """Key of the image; null where none, or no single one, is named."""

    spelling: str = ""
    """How the cells are had back from the values, as of `ColumnType`."""

    has_several: bool = False
    """Whether some rows name several images each."""


class LinkedRows:
    """Finds the rows of one linked table by the key of an image. Safe to share between threads.

    Args:
        table: The linked table.
        key_column: Its column of keys.
        copies: Gives the rows without a key that describe an image all the same: key -> numbers, ascending.
        cache_bytes: Most memory of decoded row groups; the last one used is kept whatever its size.

    Cost: the first call sorts the column of keys, 20-30 bytes per row: with its row it takes 0.07 s for
        100,000 rows, 0.7 s for a million. Another row takes 80-100 us for 25 columns where its row group
        (122,880 rows) is decoded. Decoding takes 0.1-0.2 s and some 30 MB, and the row groups used last are
        kept, up to `cache_bytes`. A million rows fit; of a larger table, keys in random order decode over
        and over.
    """

    def __init__(
        self,
        table: Table,
        key_column: str,
        *,
        copies: Callable[[], Mapping[str, Sequence[int]]] = dict,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._table = table
        self._key_column = key_column
        self._copies = copies
        self._cache_bytes = cache_bytes
        self._lock = ProcessLock()
        self._opened: _Opened | None = None
        self._process = 0

    def first(self, key: str) -> dict[str, Any] | None:
        """Return the first row of the file that names an image.

        Args:
            key: Key of the image.

        Returns:
            Column -> value, as Python objects; None when no row names it.

        Raises:
            CorruptStoreError: The file is missing or damaged.
        """
        opened = self._open()
        places = opened.places_of(key)
        return opened.row(min(places)) if len(places) else None

    def all(self, key: str) -> list[dict[str, Any]]:
        """Return all rows that name an image, in the order of the file; otherwise as `first`."""
        opened = self._open()
        return [opened.row(place) for place in sorted(opened.places_of(key))]

    def close(self) -> None:
        """Give memory and file back; the next question opens it again."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _open(self) -> _Opened:
        with self._lock:
            if self._opened is not None and self._process != os.getpid():
                _OF_THE_PARENT.append(self._opened)
                self._opened = None
            if self._opened is None:
                self._opened = _Opened(self._table, self._key_column, self._copies(), self._cache_bytes)
                self._process = os.getpid()
            return self._opened


class _Opened:
    """The sorted keys, and the row groups that are decoded."""

    def __init__(
        self, table: Table, key_column: str, copies: Mapping[str, Sequence[int]], cache_bytes: int
    ) -> None:
        if table.columns.get(key_column) != "string":
            raise CorruptStoreError(
                f"the table has no column {key_column!r}, which pack.json names",
                where=Where(file=str(table.path)),
                hint="pack the data set again, or restore the pack from a copy",
            )
        self._keys = table.scan([key_column]).to_arrow()[key_column]
        self._places = sorted_places(self._keys)
        self._copies = copies
        # text that repeats, as most does in tables that describe, is kept once: half the memory
        self._source = table._reader(text_as_dictionary=True)  # noqa: SLF001  # no user's business
        self._starts = self._source.row_group_starts
        self._most_bytes = cache_bytes
        self._decoded: OrderedDict[int, pa.Table] = OrderedDict()  # the one used last stands last
        self._lock = ProcessLock()

    def places_of(self, key: str) -> Sequence[int]:
        """Return the numbers of the rows that describe the image of a key."""
        start = bisect_left(self._places, key, key=self._key_of)
        own = self._places[start : bisect_right(self._places, key, lo=start, key=self._key_of)]
        return [*own, *self._copies.get(key, ())] if self._copies else own

    def _key_of(self, place: int) -> str:
        key: str = self._keys[place].as_py()
        return key

    def row(self, place: int) -> dict[str, Any]:
        group = bisect_right(self._starts, place) - 1
        table = self._group(group)
        inside = place - self._starts[group]
        return {
            name: column[inside].as_py()
            for name, column in zip(table.column_names, table.itercolumns(), strict=True)
        }

    def _group(self, group: int) -> pa.Table:
        with self._lock:
            table = self._decoded.get(group)
            if table is None:
                table = self._decoded[group] = self._source.read(group)
                # not nbytes: it takes a lock of the C++ library, which may be taken when a fork comes
                held = sum(one.get_total_buffer_size() for one in self._decoded.values())
                while held > self._most_bytes and len(self._decoded) > 1:
                    held -= self._decoded.popitem(last=False)[1].get_total_buffer_size()
            self._decoded.move_to_end(group)
            return table

    def close(self) -> None:
        self._source.close()
