"""Opens Parquet, Feather and Arrow files: their schema, their rows batch by batch, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from packhouse.errors import TableError, Where

PARQUET_MAGIC = b"PAR1"
LOCKED_MAGIC = b"PARE"
ARROW_MAGIC = b"ARROW1"
FEATHER_1_MAGIC = b"FEA1"
MAGIC_BYTES = 6

BATCH_ROWS = 16_384
BATCH_BYTES = 32 << 20
"""Batches have fewer rows where these are so long."""

STREAM_BYTES = 1 << 20
"""For each column of a Parquet file; without, the whole row group would be in memory, compressed."""

INT96 = "INT96"
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
"""Arrow Columnar Format, IPC Streaming Format."""


class ColumnFile(NamedTuple):
    """One open file."""

    format: str
    """What it is, in words."""

    schema: pa.Schema
    rows: int | None
    """As the file says; None where it does not."""

    batches: Callable[[], Iterator[pa.RecordBatch]]
    """Gives all rows, once, in order; the same batches every time."""

    int96: frozenset[str] = frozenset()
    """Columns of timestamps in the old form of Spark and Impala."""


@contextmanager
def open_columns(path: Path, *, shown_as: str) -> Iterator[ColumnFile]:
    """Open a file, by its first bytes.

    Args:
        path: The file.
        shown_as: Its path below SRC, for errors.

    Yields:
        The file; what reading it raises is a TableError.

    Raises:
        TableError: It is damaged, encrypted, or of another format.

    Cost: reads the footer, or the first message. Memory of some batches; of an Arrow file whose batches are
    compressed, of its largest one.
    """
    with path.open("rb") as file:
        head = file.read(MAGIC_BYTES)
    where = Where(file=shown_as)
    if not head:
        raise TableError("the file is empty", where=where, hint="exclude the file with --tables")
    if head.startswith(LOCKED_MAGIC):
        raise TableError("is encrypted", where=where, hint="pack a copy that is not encrypted")
    if head.startswith(FEATHER_1_MAGIC):
        raise TableError(
            "is Feather version 1, which is no longer read",
            where=where,
            hint="write it again: pandas.read_feather(...).to_feather(...)",
        )
    opens, name = (
        (_parquet, "Parquet")
        if head.startswith(PARQUET_MAGIC)
        else (_arrow_file, "Arrow")
        if head.startswith(ARROW_MAGIC)
        else (_arrow_stream, "Parquet or Arrow")
    )
    with ExitStack() as opened:
        with _damage(name, where):
            found = opens(path, opened)

        def batches() -> Iterator[pa.RecordBatch]:
            with _damage(name, where):
                yield from found.batches()

        yield found._replace(batches=batches)


@contextmanager
def _damage(name: str, where: Where) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as err:
        first = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise TableError(
            f"cannot be read as {name}: {first}",
            where=where,
            hint="the file is damaged or incomplete: copy or download it again",
        ) from err


def _parquet(path: Path, opened: ExitStack) -> ColumnFile:
    # INT96 counts nanoseconds from a day that may be in the year 9999, which 64 bits cannot
    file = opened.enter_context(
        pq.ParquetFile(
            path,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit="us",
            pre_buffer=False,
            buffer_size=STREAM_BYTES,
        )
    )
    footer = file.metadata
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    widest = max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0)
    rows = max(1, min(BATCH_ROWS, BATCH_BYTES // max(1, widest)))
    columns = [footer.schema.column(number) for number in range(footer.num_columns)]
    return ColumnFile(
        "Parquet",
        file.schema_arrow,
        footer.num_rows,
        lambda: file.iter_batches(batch_size=rows),
        frozenset(column.path for column in columns if column.physical_type == INT96),
    )


def _arrow_file(path: Path, opened: ExitStack) -> ColumnFile:
    reader = pa.ipc.open_file(opened.enter_context(pa.memory_map(str(path))))
    return ColumnFile(
        "Arrow",
        reader.schema,
        None,
        lambda: _checked(reader.get_batch(number) for number in range(reader.num_record_batches)),
    )


def _arrow_stream(path: Path, opened: ExitStack) -> ColumnFile:
    file = opened.enter_context(pa.OSFile(str(path)))
    reader = pa.ipc.open_stream(file)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from _checked(reader)
        # zeros in the middle read as the end; and without its mark nothing tells that the end is missing
        if file.tell() != file.size() or _last_bytes(path) != END_OF_STREAM:
            raise pa.ArrowInvalid("its end is missing, or not at the end of the file")

    return ColumnFile("Arrow", reader.schema, None, batches)


def _last_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-len(END_OF_STREAM), os.SEEK_END)
        return file.read()


def _checked(found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches of a bounded size, whose offsets lead nowhere else: Arrow takes them as they are."""
    for batch in found:
        batch.validate(full=True)
        rows = max(1, min(BATCH_ROWS, BATCH_BYTES * batch.num_rows // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)
