"""Cuts a stream of JSON Lines into chunks of whole lines; a line break in a string is always escaped."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from packhouse._src.delimited.cutting import Chunk
from packhouse._src.delimited.json_lines.objects import WHITE
from packhouse._src.delimited.limits.converting_memory import CHUNK_BYTES
from packhouse._src.delimited.limits.long_rows import ANY_LENGTH, RowLimit
from packhouse._src.delimited.packed.decompressors import Bytes
from packhouse._src.delimited.text_stream import LONGEST_RECORD_BYTES, NOT_UTF8_HINT
from packhouse.errors import TableError, Where

BLANKS = WHITE.encode()


def cut_lines(
    stream: Bytes, *, shown_as: str, limit: RowLimit = ANY_LENGTH, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Chunk]:
    """Cut a stream at line feeds.

    Args:
        stream: The bytes, in UTF-8.
        shown_as: Path of the table, for errors.
        limit: How long a line may be.
        chunk_bytes: How much to cut at once.

    Yields:
        Chunks of whole lines, in order; their records are the lines that are not blank.

    Raises:
        TableError: A line is too long.
    """
    line, rest, ended = 1, b"", False
    while not ended:
        parts, size = [rest], len(rest)
        wanted = max(chunk_bytes, min(2 * size, limit.longest_bytes + 1))
        if wanted > chunk_bytes:
            limit.wait()
        while size < wanted and not ended:
            data = stream.read(wanted - size)
            ended = not data
            parts.append(data)
            size += len(data)
        buffer = b"".join(parts)
        end = len(buffer) if ended else buffer.rfind(b"\n") + 1
        rest = buffer[end:]
        if len(rest) > limit.longest_bytes:
            is_memory = limit.longest_bytes < LONGEST_RECORD_BYTES
            raise TableError(
                f"a line is longer than {limit.longest_bytes:,} bytes"
                + (", which is too much for the memory limit" if is_memory else ""),
                where=Where(file=shown_as, line=line + buffer.count(b"\n", 0, end)),
                hint=("use a larger --memory-limit; " if is_memory else "")
                + "is it one JSON object per line?",
            )
        data = buffer[:end]
        records = sum(1 for one in data.split(b"\n") if one.strip(BLANKS))
        if records:
            yield Chunk(data, line, records, is_last=ended)
        line += data.count(b"\n")


def lines_of(chunk: Chunk, *, shown_as: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a chunk that are not blank, with their numbers.

    Raises:
        TableError: One is not UTF-8.
    """
    try:
        lines = chunk.data.decode().split("\n")
    except UnicodeDecodeError as err:
        line = chunk.first_line + chunk.data.count(b"\n", 0, err.start)
        raise TableError(
            f"is not UTF-8: byte 0x{chunk.data[err.start]:02x}",
            where=Where(file=shown_as, line=line),
            hint=NOT_UTF8_HINT,
        ) from err
    for number, one in zip(count(chunk.first_line), lines):  # one is endless
        if text := one.strip(WHITE):
            yield number, text
