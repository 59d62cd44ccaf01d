"""All rows of an index at once, for those who go through the whole of a pack: verify, extract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from packhouse._src.footers.footer_digest import check_footer_digest
from packhouse._src.imagefile.digest import DIGEST_BYTES
from packhouse._src.imagefile.format import INDEX_COLUMNS
from packhouse._src.imagefile.index_bounds import MOST_TEXT, check_bounds
from packhouse._src.parquet_ import ParquetSource, batch_of, fixed_width_values
from packhouse.errors import CorruptStoreError, Where


class Damage(NamedTuple):
    """One thing that is wrong with a pack."""

    file: str
    """File of the pack."""

    key: str | None
    """The image; None when it is the file as a whole."""

    what: str
    """What is wrong with it."""

    def __str__(self) -> str:
        """Return place and problem in one line."""
        return f"{self.key if self.key is not None else self.file}: {self.what}"


class IndexRow(NamedTuple):
    """One image, as the index has it."""

    key: str
    group: str
    name: str
    file_name: str
    offset: int
    """Bytes from the start of images.h5."""

    length: int
    """Bytes."""

    digest: bytes


class IndexRows:
    """An index to be read whole, row group by row group.

    Args:
        path: image_index.parquet.

    Raises:
        CorruptStoreError: Its footer is damaged, or it does not have the columns of an index.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_footer_digest(path)
        self._source = ParquetSource(path, most_text=MOST_TEXT)
        empty = batch_of({name: (kind, []) for name, kind in INDEX_COLUMNS.items()})
        if list(self._source.schema) != list(empty.schema):
            raise CorruptStoreError(
                "the file does not have the columns of an index", where=Where(file=str(path))
            )
        self.starts = self._source.row_group_starts
        check_bounds(self._source, self.starts)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.starts[-1]

    @property
    def groups(self) -> range:
        """The row groups."""
        return range(len(self.starts) - 1)

    def check_columns(self, group: int) -> Iterator[str]:
        """Read every column of a row group and yield what is wrong; each page has a checksum."""
        for column in INDEX_COLUMNS:
            try:
                self._source.read(group, (column,))
            except CorruptStoreError as err:
                first, last = self.starts[group], self.starts[group + 1] - 1
                yield f"column {column!r}, rows {first:,} to {last:,}: {err.problem}"

    def read(self, group: int) -> list[IndexRow]:
        """Read the rows of one row group.

        Args:
            group: Which.

        Returns:
            Its rows, in their order.

        Raises:
            CorruptStoreError: A page is damaged, or a cell is empty.

        Cost: 3 us per row, and some 500 bytes.
        """
        table = self._source.read(group, IndexRow._fields)
        empty = [name for name in IndexRow._fields if table[name].null_count]
        if empty:
            raise CorruptStoreError(
                f"column {empty[0]!r} has missing values", where=Where(file=str(self.path))
            )
        try:
            texts = [table[name].to_pylist() for name in IndexRow._fields[:4]]
        except UnicodeDecodeError as err:
            raise CorruptStoreError("a name is not UTF-8", where=Where(file=str(self.path))) from err
        offsets = fixed_width_values(table["offset"]).cast("q").tolist()
        lengths = fixed_width_values(table["length"]).cast("q").tolist()
        digests = bytes(fixed_width_values(table["digest"]))
        cuts = range(0, len(digests), DIGEST_BYTES)
        each = (digests[start : start + DIGEST_BYTES] for start in cuts)
        return [IndexRow(*row) for row in zip(*texts, offsets, lengths, each, strict=True)]

    def read_all(self) -> list[IndexRow]:
        """Read all rows; otherwise as `read`."""
        return [row for group in self.groups for row in self.read(group)]

    def close(self) -> None:
        """Close the file."""
        self._source.close()


def check_rows(rows: Sequence[IndexRow], *, file_size: int) -> Iterator[tuple[str, str]]:
    """See that the rows of an index agree with each other.

    Args:
        rows: All of them, in the order of the index.
        file_size: Size of images.h5 in bytes.

    Yields:
        (key, what is wrong with its row).
    """
    before = None
    for row in rows:
        if before is not None and row.key <= before:
            yield row.key, f"its row comes after that of {before!r}: the index is not sorted"
        before = row.key
        if row.key != (f"{row.group}/{row.name}" if row.group else row.name):
            yield row.key, f"its row says group {row.group!r} and name {row.name!r}"
        elif not is_key(row.key):
            yield row.key, "cannot be the name of a dataset"
        if not is_inside(row, file_size):
            yield row.key, f"{row.length:,} bytes at byte {row.offset:,} are outside the file"
    yield from _overlapping(rows)


def is_inside(row: IndexRow, file_size: int) -> bool:
    """Say whether the range of an image is a part of the file."""
    return 0 <= row.length <= file_size and 0 <= row.offset <= file_size - row.length


def is_key(key: str) -> bool:
    """Say whether HDF5 can have a dataset of that path."""
    return "\0" not in key and not any(part in {"", ".", ".."} for part in key.split("/"))


def _overlapping(rows: Sequence[IndexRow]) -> Iterator[tuple[str, str]]:
    end, last = 0, ""
    for row in sorted((row for row in rows if row.length > 0), key=lambda row: row.offset):
        if row.offset < end:
            yield row.key, f"its range overlaps that of {last!r}"
        if row.offset + row.length > end:
            end, last = row.offset + row.length, row.key
