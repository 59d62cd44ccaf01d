"""Parquet by pyarrow: files written the same way every time, and read part by part.

Same rows, same bytes: row groups are cut at exact row counts, whatever batches arrive, and nothing in the
file depends on a clock or a host. Pages carry checksums, which our own reads verify, and the footer a digest.
"""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from packhouse._src.footers.footer_digest import add_footer_digest
from packhouse._src.page_sizes.group_bounds import GROUP_BYTES, GroupBounds
from packhouse._src.schemas import is_made_float, with_pandas_entry
from packhouse._src.system.process_lock import ProcessLock
from packhouse.errors import CorruptStoreError, Where

if TYPE_CHECKING:
    from types import TracebackType

METADATA_KEY = "packhouse"
ARROW_KEY = "ARROW:schema"
"""Where Arrow keeps its schema in a Parquet file: an IPC message in base64."""

ROW_GROUP_ROWS = 122_880
_SURELY_SMALL_BYTES = 8 << 20

ROW_GROUP_BYTES = 32 << 20
"""Row groups end sooner where rows are so long, in memory, that 122,880 of them would take more."""


class ParquetSink:
    """Writes record batches to one file, in row groups of an exact size; a context manager.

    Leaving the context without an exception completes the file and flushes it to the disk (fsync);
    leaving it with one removes the file.

    Args:
        path: The file to make; it must not exist.
        schema: Names and types of the columns.
        metadata: JSON-able facts, kept in the file under the key "packhouse"; the attribute of that name may
            be changed until the file is complete.
        names: Names of the columns in the file, where they are not the schema's.
        compression: One of table_records.COMPRESSIONS; zstd is written at level 1.
        row_group_rows: Rows in every row group but the last.
        row_group_bytes: A row group also ends before the row that would make it larger in memory.
        with_nulls: Columns that have missing values in other files of the table.
    """

    def __init__(  # noqa: PLR0913  # each shapes the file
        self,
        path: Path,
        schema: pa.Schema,
        *,
        metadata: Mapping[str, object],
        names: Sequence[str] | None = None,
        compression: str = "zstd",
        row_group_rows: int = ROW_GROUP_ROWS,
        row_group_bytes: int = ROW_GROUP_BYTES,
        with_nulls: Iterable[str] = (),
    ) -> None:
        self.path = path
        self.rows = 0
        self.metadata = metadata
        named = [field.with_name(name) for field, name in zip(schema, names or schema.names, strict=True)]
        self.schema = pa.schema(named)
        self._row_group_rows = row_group_rows
        self._row_group_bytes = row_group_bytes
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._with_nulls = set(with_nulls)
        self._file = path.open("xb")
        self._writer = pq.ParquetWriter(
            self._file,
            self.schema,
            compression=compression,
            compression_level=1 if compression == "zstd" else None,
            write_page_checksum=True,
            store_schema=False,  # stored at the end, when it is known which columns have nulls
        )

    def __enter__(self) -> Self:
        """Return the sink itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the file, or remove it when an exception is under way."""
        try:
            if kind is None:
                self._flush()
                text = json.dumps(self.metadata, ensure_ascii=False, sort_keys=True)
                self._writer.add_key_value_metadata({METADATA_KEY: text, **self._schema_entries()})
                self._writer.close()
                self._file.close()
                add_footer_digest(self.path)
        except BaseException:
            kind = BaseException
            raise
        finally:
            # or the writer would complete the file when it is collected, and complain that it is closed
            self._writer.is_open = False
            with suppress(OSError):  # of what a full disk did not take; a sound file is flushed above
                self._file.close()
            if kind is not None:
                self.path.unlink(missing_ok=True)

    def _schema_entries(self) -> dict[str, str]:
        """Return the metadata by which Arrow and pandas read the file with its exact types."""
        schema = with_pandas_entry(self.schema, self._with_nulls)
        entries = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
        return {**entries, ARROW_KEY: base64.b64encode(schema.serialize().to_pybytes()).decode()}

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one batch; its columns are taken by position, names and types are the schema's."""
        columns = [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(batch.columns, self.schema, strict=True)
        ]
        self._with_nulls |= {
            field.name for column, field in zip(columns, self.schema, strict=True) if column.null_count
        }
        self.rows += batch.num_rows
        rest = pa.RecordBatch.from_arrays(columns, schema=self.schema)
        del batch, columns
        while rest.num_rows:
            rows, n_bytes = self._fitting(rest)
            if rows:
                self._pending.append(rest.slice(0, rows))
                self._pending_rows += rows
                self._pending_bytes += n_bytes
                rest = rest.slice(rows)
            if not rows or self._pending_rows == self._row_group_rows:
                self._flush()

    def _fitting(self, batch: pa.RecordBatch) -> tuple[int, int]:
        """Return how many rows still go into the row group, and their size; one goes into an empty one."""
        rows = min(batch.num_rows, self._row_group_rows - self._pending_rows)
        free = self._row_group_bytes - self._pending_bytes
        n_bytes = sum(int(_bytes_before(column, rows)) for column in batch.columns)
        if n_bytes <= free:
            return rows, n_bytes
        each = np.arange(1, rows + 1)
        ends = sum((_bytes_before(column, each) for column in batch.columns), np.zeros(rows, np.int64))
        rows = int(np.searchsorted(ends, free, side="right")) or int(not self._pending_rows)
        return rows, int(ends[rows - 1]) if rows else 0

    def _flush(self) -> None:
        if not self._pending_rows:
            return
        # one contiguous chunk: page cuts follow the chunks, so the bytes would follow the batches
        group = pa.Table.from_batches(self._pending, schema=self.schema).combine_chunks()
        self._pending = []  # not to be held while it is encoded
        self._pending_rows = self._pending_bytes = 0
        self._writer.write_table(group, row_group_size=self._row_group_rows)


def _bytes_before(column: pa.Array, rows: Any) -> Any:  # noqa: ANN401  # a number or an array of them
    """Return the size of so many first rows of a column: of each row the same, however rows are cut."""
    kind = column.type
    width = _OFFSETS.get(kind.id)
    if width is not None and len(column):
        offsets = np.frombuffer(column.buffers()[1], width)
        return offsets[column.offset + rows].astype(np.int64) - offsets[column.offset] + OFFSET_BYTES * rows
    try:
        return rows * -(-kind.bit_width // 8)  # whole bytes, or sizes of parts would not add up
    except (ValueError, AttributeError):  # of no fixed width, and no text
        return rows * OTHER_BYTES


_OFFSETS = {
    pa.string().id: np.int32,
    pa.binary().id: np.int32,
    pa.large_string().id: np.int64,
    pa.large_binary().id: np.int64,
}
OFFSET_BYTES = 4
OTHER_BYTES = 64
"""What a value of another type is taken for."""


def of_types(schema: pa.Schema, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Schema:
    """Return a schema under other names, with other types where there are some.

    Args:
        schema: Of as many columns as there are names.
        names: Their names.
        types: Name -> type.
    """
    pairs = zip(schema.types, names, strict=True)
    return pa.schema([(name, types.get(name, found)) for found, name in pairs])


def batch_of(columns: Mapping[str, tuple[str, Sequence[Any]]]) -> pa.RecordBatch:
    """Make one batch from plain sequences, in which None is null.

    Arrow's own `pa.array` imports pandas when it is installed: 0.2 s at the end of every pack.

    Args:
        columns: Name -> (type, values); the type is "string", "int8", "int32", "int64", or "digest" for 16
            fixed bytes.

    Returns:
        A record batch of those columns, in that order.
    """
    arrays = [_array_of(kind, values) for kind, values in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


_FIXED_WIDTH = {"int8": (pa.int8(), "b"), "int32": (pa.int32(), "i"), "int64": (pa.int64(), "q")}


def _array_of(kind: str, values: Sequence[Any]) -> pa.Array:
    valid = None
    if None in values:
        there = np.frombuffer(bytes([value is not None for value in values]), np.uint8)
        valid = pa.py_buffer(np.packbits(there, bitorder="little"))
        instead = 0 if kind in _FIXED_WIDTH else ""
        values = [instead if value is None else value for value in values]
    if kind in _FIXED_WIDTH:
        arrow_type, code = _FIXED_WIDTH[kind]
        return pa.Array.from_buffers(arrow_type, len(values), [valid, pa.py_buffer(array(code, values))])
    if kind == "digest":
        data = pa.py_buffer(b"".join(values))
        return pa.Array.from_buffers(pa.binary(16), len(values), [valid, data])
    text = "".join(values)
    sizes = map(len, values) if text.isascii() else (len(value.encode()) for value in values)
    ends = array("i", accumulate(sizes, initial=0))
    buffers = [valid, pa.py_buffer(ends), pa.py_buffer(text.encode())]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def fixed_width_values(column: pa.ChunkedArray) -> memoryview:
    """Return the values of a column without nulls as they lie in memory, without NumPy.

    Arrow's own `to_numpy` imports pandas when it is installed: 0.2 s before the first read of an image.

    Args:
        column: Of a type of fixed width.

    Returns:
        The bytes of all values, in order.
    """
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    width = array.type.byte_width
    values = memoryview(array.buffers()[1])
    return values[array.offset * width : (array.offset + len(array)) * width]


def _text_bytes(array: pa.DictionaryArray) -> int:
    """Return how large text is when it is not folded into distinct values."""
    values = array.dictionary
    ends = np.frombuffer(values.buffers()[1], "<i4")[values.offset : values.offset + len(values) + 1]
    lengths = np.diff(ends)
    longest = int(lengths.max(initial=0))
    if longest * len(array) < _SURELY_SMALL_BYTES:
        return 0
    places = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return int(lengths[places].sum(dtype=np.int64)) if len(lengths) else 0


def sorted_places(column: pa.ChunkedArray) -> memoryview:
    """Return the places of a column's values in ascending order of the values; nulls have none.

    Args:
        column: Of fewer than 2**32 values; text is ordered by its bytes.

    Returns:
        32-bit numbers; equal values in the order of the column.

    Cost: 0.25 s and 8 bytes a value while it works, for a million values of text.
    """
    import pyarrow.compute as pc  # takes 30 ms to import, and packing images does without

    places = pc.sort_indices(column).slice(0, len(column) - column.null_count)
    return memoryview(places.cast(pa.uint32()).buffers()[1]).cast("I")[: len(places)]


def give_memory_back() -> None:
    """Have Arrow give the system what it keeps of freed memory, which counts as ours."""
    pa.default_memory_pool().release_unused()


def part_of(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """Return some columns of a schema, in the order of the names."""
    return pa.schema([schema.field(name) for name in names])


def reader_of(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    """Return an Arrow stream of batches that are made as they are asked for.

    Args:
        schema: Of all batches.
        batches: Taken one by one; closed with the stream when it is a generator.

    Returns:
        A reader, which other programs take as it is.
    """
    return pa.RecordBatchReader.from_batches(schema, batches)


class _Statistics(NamedTuple):
    """Of a column in one row group; None where the footer does not say."""

    values: int
    nulls: int | None
    lowest: Any
    highest: Any


class ParquetSource:
    """One Parquet file to read; opening reads its footer only. Safe to share between threads.

    Args:
        path: The file.
        text_as_dictionary: Read text as the distinct values of each row group and a number per row: a half to
            a third of the memory where values repeat.
        most_text: Columns of text -> bytes in a row group; more is refused before it is in memory.
        is_bounded: Whether row groups larger than those that packhouse writes are refused before they are in
            memory, so that a file from anyone takes little of it.

    Raises:
        CorruptStoreError: It is not a whole Parquet file.
    """

    def __init__(
        self,
        path: Path,
        *,
        text_as_dictionary: bool = False,
        most_text: Mapping[str, int] | None = None,
        is_bounded: bool = False,
    ) -> None:
        self.path = path
        self._most_text_bytes = None if most_text is None else max(most_text.values())
        self._has_dictionaries = text_as_dictionary or most_text is not None
        self._lock = ProcessLock()
        texts: list[str] = []
        try:
            if most_text is not None:
                texts = list(most_text)
            elif text_as_dictionary:
                texts = [field.name for field in pq.read_schema(path) if field.type == pa.string()]
            self._file = pq.ParquetFile(path, read_dictionary=texts, page_checksum_verification=True)
            self._footer, self._schema = self._file.metadata, self._file.schema_arrow
            self._texts, self._identity = texts, _identity(path)
            self._groups = GroupBounds(path, self._footer) if is_bounded or most_text else None
        except (pa.ArrowException, OSError, ValueError) as err:
            raise self._corrupt(err) from err

    def _corrupt(self, err: Exception) -> CorruptStoreError:
        first = str(err).splitlines()[0] if str(err) else type(err).__name__
        return CorruptStoreError(
            f"cannot be read as Parquet: {first}",
            where=Where(file=str(self.path)),
            hint="pack the data set again, or restore this file from a copy",
        )

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self._footer.num_rows)

    @property
    def metadata(self) -> dict[str, Any]:
        """What `ParquetSink` kept under the key "packhouse"; empty for third-party files."""
        found = (self._footer.metadata or {}).get(METADATA_KEY.encode())
        return dict(json.loads(found)) if found else {}

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        schema = self._schema
        if self._most_text_bytes is None:
            return schema
        plain = [
            field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in schema
        ]
        return pa.schema(plain, metadata=schema.metadata)

    def columns_with_nulls(self) -> frozenset[str]:
        """Return the columns of integers and booleans that have missing values, by the footer."""
        return frozenset(
            field.name
            for field in self.schema
            if is_made_float(field.type) and any(one.nulls != 0 for one in self._statistics(field.name))
        )

    def integer_bounds(self) -> dict[str, tuple[int, int]]:
        """Return the smallest and largest value of each column of integers, by the footer.

        Columns without statistics are left out; of those without values both are 0.
        """
        bounds = {}
        for name in (field.name for field in self.schema if pa.types.is_integer(field.type)):
            found = [one for one in self._statistics(name) if one.nulls != one.values]
            if not any(one.lowest is None for one in found):
                lowest = min((one.lowest for one in found), default=0)
                bounds[name] = lowest, max((one.highest for one in found), default=0)
        return bounds

    def _statistics(self, column: str) -> list[_Statistics]:
        """Return those of each row group, for a column that is not nested."""
        footer = self._footer
        place = self._place_of(column)
        found = []
        for group in range(footer.num_row_groups):
            chunk = footer.row_group(group).column(place)
            one = chunk.statistics  # read at once: it does not keep alive what it reads from
            found.append(
                _Statistics(
                    chunk.num_values,
                    one.null_count if one is not None and one.has_null_count else None,
                    one.min if one is not None and one.has_min_max else None,
                    one.max if one is not None and one.has_min_max else None,
                )
            )
        return found

    def _place_of(self, column: str) -> int:
        """Return the place of a column that is not nested among those of the footer: it has leaves alone."""
        # a field "b" of a column "a" has the path "a.b" too
        leaves = self._footer.schema
        return next(
            place
            for place in range(len(leaves))
            if leaves.column(place).path == column and leaves.column(place).name == column
        )

    @property
    def row_group_starts(self) -> list[int]:
        """Row at which each row group starts, then the number of rows."""
        starts = [0]
        footer = self._footer
        for group in range(footer.num_row_groups):
            starts.append(starts[-1] + footer.row_group(group).num_rows)
        return starts

    def repeating_integers(self) -> set[str]:
        """Return columns of integers that must repeat: a row group has more of them than their range."""
        footer = self._footer
        if not footer.num_row_groups:
            return set()
        first, found = footer.row_group(0), set()
        for field in self._schema:
            is_whole = pa.types.is_integer(field.type)
            facts = first.column(self._place_of(field.name)).statistics if is_whole else None
            if facts is not None and facts.has_min_max and facts.has_null_count:
                values = first.num_rows - facts.null_count
                if facts.max - facts.min + 1 < values:
                    found.add(field.name)
        return found

    def first_values(self, column: str) -> list[str]:
        """Return the smallest value of a text column in each row group, from the footer's statistics.

        Args:
            column: A text column.

        Returns:
            One value per row group.

        Raises:
            CorruptStoreError: The footer keeps no statistics of that column.
        """
        footer = self._footer
        place = self._schema.get_field_index(column)
        found = []
        for group in range(footer.num_row_groups):
            statistics = footer.row_group(group).column(place).statistics
            if statistics is None or not statistics.has_min_max:
                raise self._corrupt(ValueError(f"no statistics of column {column!r}"))
            found.append(str(statistics.min))
        return found

    def read(
        self, row_group: int, columns: Sequence[str] | None = None, *, threads: bool = False
    ) -> pa.Table:
        """Read some columns of one row group, page checksums verified.

        Args:
            row_group: Which, counted from 0.
            columns: Names; None is all of them.
            threads: Whether columns are decoded beside each other, in Arrow's own threads.

        Returns:
            An Arrow table of those columns.

        Raises:
            CorruptStoreError: A page does not match its checksum, or the file was cut.
        """
        self.check_size(row_group, columns)
        try:
            with self._lock:
                wanted = None if columns is None else list(columns)
                if self._file.closed:
                    self._open_again()
                table = self._file.read_row_group(row_group, columns=wanted, use_threads=threads)
            if self._has_dictionaries:
                table.validate(full=True)  # a damaged page header can make places point behind the values
        except (pa.ArrowException, OSError) as err:
            raise self._corrupt(err) from err
        rows = self._footer.row_group(row_group).num_rows
        if table.num_rows != rows:  # a damaged page header, which has no checksum, can silently hide rows
            raise self._corrupt(ValueError(f"{table.num_rows:,} of {rows:,} rows of row group {row_group}"))
        return table if self._most_text_bytes is None else self._unfolded(table, self._most_text_bytes)

    def check_size(self, row_group: int, columns: Sequence[str] | None = None) -> None:
        """See that some columns of a row group are as small as packhouse writes them; raises as `read` does.

        Cost: once per process 0.3 ms a column.
        """
        if self._groups is None:
            return
        try:
            folded = self._groups.check(row_group, columns)
            if folded and self._most_text_bytes is None:  # else it is seen when it is read
                source = pq.ParquetFile(self.path, read_dictionary=folded)
                self._unfolded(source.read_row_group(row_group, columns=folded), GROUP_BYTES)
        except (pa.ArrowException, OSError, ValueError) as err:
            raise self._corrupt(err) from err

    def _unfolded(self, table: pa.Table, most_bytes: int) -> pa.Table:
        """Return a table with plain text, if that is not too large."""
        columns = []
        for name, column in zip(table.column_names, table.itercolumns(), strict=True):
            if pa.types.is_dictionary(column.type):
                if sum(map(_text_bytes, column.chunks)) > most_bytes:
                    raise self._corrupt(
                        ValueError(f"column {name!r} has more than {most_bytes:,} bytes of text")
                    )
                columns.append(column.cast(pa.string()))
            else:
                columns.append(column)
        return pa.table(columns, names=table.column_names)

    def iterate(self, columns: Sequence[str] | None = None, *, threads: bool = False) -> Iterable[pa.Table]:
        """Yield some columns of each row group in turn.

        Args:
            columns: Names; None is all of them.
            threads: As for `read`.

        Yields:
            One Arrow table a row group.
        """
        for group in range(self._footer.num_row_groups):
            yield self.read(group, columns, threads=threads)

    def rest(self) -> None:
        """Close the file until it is read again; what the footer says is kept."""
        with self._lock:
            self._file.close()

    def _open_again(self) -> None:
        if _identity(self.path) != self._identity:
            raise self._corrupt(ValueError("the file was changed while it was read"))
        self._file = pq.ParquetFile(
            self.path, metadata=self._footer, read_dictionary=self._texts, page_checksum_verification=True
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _identity(path: Path) -> tuple[int, int, int]:
    """Return what differs between two files that are in one place in turn."""
    facts = path.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
