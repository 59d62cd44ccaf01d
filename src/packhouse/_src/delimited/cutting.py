"""Cuts a stream of CSV into chunks of whole records, by its quotes and line ends: pure, on bytes.

A quote opens a cell only as its first character, and inside a quoted cell "" stands for one (RFC 4180, 2); a
record ends at LF, CR or CRLF outside quotes, in any mixture. What is cut here is what Python's csv module
reads in its strict mode; the cells themselves are parsed elsewhere, and their records counted against ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from packhouse._src.delimited.limits.converting_memory import CHUNK_BYTES
from packhouse._src.delimited.limits.long_rows import (
    ANY_LENGTH,
    RowLimit,
    check_long_row,
    count_cells,
)
from packhouse._src.delimited.packed.decompressors import Bytes
from packhouse._src.delimited.row_hints import BACKSLASH_HINT, DOUBLED_HINT
from packhouse.errors import CsvError, Where

WINDOW_BYTES = 1 << 20
"""So much of a long record is looked at with arrays of a number per byte."""

LF, CR, QUOTE = b'\n\r"'
Codes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some whole records."""

    data: bytes
    first_line: int
    """Line of the file on which the first of them begins, counted from 1."""

    records: int
    """Those that are not blank lines, or all where a blank line is a record of one empty cell."""

    is_last: bool = field(default=False, compare=False)
    """Whether the file ends with it."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """What was found in a buffer that begins with a record."""

    end: int
    """Bytes of whole records; 0 when the first one does not end in the buffer."""

    records: int
    blanks: int
    lines: int
    """Line ends, also those inside quotes."""


class _StrayQuoteError(Exception):
    """A quote stands where it neither opens nor closes a cell."""


def cut_records(  # noqa: PLR0913  # what a table is, and how it is cut
    stream: Bytes,
    *,
    delimiter: str,
    first_line: int,
    blank_is_record: bool,
    shown_as: str,
    limit: RowLimit = ANY_LENGTH,
    chunk_bytes: int = CHUNK_BYTES,
) -> Iterator[Chunk]:
    """Cut a stream that begins with a record.

    Args:
        stream: The bytes, in UTF-8.
        delimiter: Between cells.
        first_line: Line of the file on which the stream begins.
        blank_is_record: Whether a blank line is a record: so in a table of one column.
        shown_as: Path of the table, for errors.
        limit: How long a record may be.
        chunk_bytes: How much to cut at once.

    Yields:
        Chunks, in order; the same for the same bytes, however they arrive.

    Raises:
        CsvError: A quote is never closed, or something stands behind a closing one; with its line. Or a
            record is too long; with the cell.

    Cost: a scan of the bytes; memory of two chunks, or twice the longest record.
    """
    line, rest = first_line, b""
    at_end = False
    while rest or not at_end:
        where = Where(file=shown_as, line=line)
        buffer, at_end = _filled(stream, rest, chunk_bytes)
        cut = _cut(buffer, delimiter, at_end=at_end, where=where)
        by_parity = True
        while not cut.end and not at_end:
            check_long_row(buffer, delimiter, limit, where=where)
            limit.wait()
            # up to where it may end, or twice as far: it is not to be looked through time and again
            wanted = min(2 * len(buffer), limit.longest_bytes + 1)
            buffer, at_end = _longer(stream, buffer, wanted, step=chunk_bytes, by_parity=by_parity)
            by_parity = by_parity and len(buffer) >= wanted
            cut = _cut(buffer, delimiter, at_end=at_end, where=where)
        rest = buffer[cut.end :]
        records = cut.records + (cut.blanks if blank_is_record else 0)
        if records:
            data = buffer[: cut.end] if rest else buffer
            chunks = [Chunk(data, line, records, is_last=at_end and not rest)]
            # or a long one would be kept until the next one is asked for
            del buffer, data
            yield chunks.pop()
        line += cut.lines


def _filled(stream: Bytes, rest: bytes, wanted: int) -> tuple[bytes, bool]:
    """Read until there is enough, and no CR at the end that may yet be half of a CRLF."""
    parts, size = [rest], len(rest)
    while size < wanted or parts[-1].endswith(b"\r"):
        data = stream.read(max(wanted - size, 1))
        if not data:
            return b"".join(parts), True
        parts.append(data)
        size += len(data)
    return b"".join(parts), False


def _longer(stream: Bytes, buffer: bytes, wanted: int, *, step: int, by_parity: bool) -> tuple[bytes, bool]:
    """Read on in a record, piece by piece, until there is enough; or up to where it ends by its quotes."""
    parts, size, at_end = [buffer], len(buffer), False
    is_inside = bool(buffer.count(b'"') % 2)
    while size < wanted and not at_end:
        piece, at_end = _filled(stream, b"", step)
        parts.append(piece)
        size += len(piece)
        if by_parity and _may_end(piece, is_inside=is_inside):
            break
        is_inside ^= bool(piece.count(b'"') % 2)
    return b"".join(parts), at_end


def _may_end(piece: bytes, *, is_inside: bool) -> bool:
    """Say whether a line ends outside of quotes, when they stand where they should."""
    codes = np.frombuffer(piece, np.uint8)
    ends, quotes = _line_ends(codes), _places(codes, QUOTE)
    return bool((np.searchsorted(quotes, ends) % 2 == is_inside).any())


def _cut(buffer: bytes, delimiter: str, *, at_end: bool, where: Where) -> _Cut:
    if QUOTE not in buffer and CR not in buffer:
        return _cut_plain(buffer, at_end=at_end)
    try:
        return _cut_by_parity(buffer, ord(delimiter), at_end=at_end)
    except _StrayQuoteError:
        return _cut_one_by_one(buffer, delimiter, at_end=at_end, where=where)


def _cut_plain(buffer: bytes, *, at_end: bool) -> _Cut:
    """Cut what has neither quotes nor CR: the usual case, and the fast one."""
    end = len(buffer) if at_end else buffer.rfind(b"\n") + 1
    if end > CHUNK_BYTES:
        return _cut_by_parity(buffer, QUOTE, at_end=at_end)
    is_end = np.frombuffer(buffer, np.uint8, end) == LF
    lines = int(np.count_nonzero(is_end))
    # with arrays: to search for two bytes, as in `b"\n\n" in buffer`, costs as much as to parse the cells
    blanks = int(np.count_nonzero(is_end[1:] & is_end[:-1])) + int(is_end[0]) if end else 0
    open_record = end > 0 and buffer[end - 1] != LF
    return _Cut(end, lines - blanks + open_record, blanks, lines)


def _cut_by_parity(buffer: bytes, delimiter: int, *, at_end: bool) -> _Cut:
    """Cut by the parity of quotes: a place is inside a cell when an odd number of quotes stands before it.

    That is so only if each quote that opens stands at the start of a cell, and each that closes at its end;
    a doubled quote closes and opens again.
    """
    codes = np.frombuffer(buffer, np.uint8)
    quotes = _places(codes, QUOTE)
    ends = _line_ends(codes)
    outside = ends[np.searchsorted(quotes, ends) % 2 == 0] if len(quotes) else ends
    if at_end:
        if len(quotes) % 2:
            raise _StrayQuoteError
        end = len(buffer)
    else:
        end = int(outside[-1]) + 1 if len(outside) else 0
    # when no record ended, all of them: a quote that should not stand there may be the reason
    _check_quotes(codes, quotes[: np.searchsorted(quotes, end)] if end else quotes, delimiter)
    starts = np.concatenate(([0], outside[:-1] + 1)) if len(outside) else outside
    lengths = outside - starts
    # a CR that belongs to a CRLF is not content; alone it is the end itself
    lengths -= (lengths > 0) & (codes[outside] == LF) & (codes[outside - 1] == CR)
    blanks = int(np.count_nonzero(lengths == 0))
    last = int(outside[-1]) + 1 if len(outside) else 0
    lines = int(np.searchsorted(ends, end))
    return _Cut(end, len(outside) - blanks + (last < end), blanks, lines)


def _line_ends(codes: Codes) -> Places:
    """Return the places of LF, CR and, once, of CRLF: that of its LF."""
    found = []
    for start in range(0, len(codes), WINDOW_BYTES):
        window = codes[start : start + WINDOW_BYTES + 1]  # with the byte behind it, which may be an LF
        is_lf, is_cr = window == LF, window == CR
        is_cr[:-1] &= ~is_lf[1:]
        found.append(start + np.flatnonzero((is_lf | is_cr)[:WINDOW_BYTES]))
    return np.concatenate(found) if found else np.zeros(0, np.intp)


def _places(codes: Codes, code: int) -> Places:
    windows = range(0, len(codes), WINDOW_BYTES)
    found = [start + np.flatnonzero(codes[start : start + WINDOW_BYTES] == code) for start in windows]
    return np.concatenate(found) if found else np.zeros(0, np.intp)


def _check_quotes(
    codes: Codes,
    quotes: Places,
    delimiter: int,
) -> None:
    edges = np.zeros(256, bool)
    edges[[delimiter, LF, CR, QUOTE]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    before = codes[opening - 1]  # of the first byte: the last one, put right below
    fine = edges[before] | (opening == 0)
    behind = codes[np.minimum(closing + 1, len(codes) - 1)]
    if not (fine.all() and (edges[behind] | (closing + 1 == len(codes))).all()):
        raise _StrayQuoteError


@cache
def _patterns(delimiter: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what a whole record is, with its end as a group, and what the start of one is."""
    mark = re.escape(delimiter.encode())
    # each cell matches in one way only, so nothing is tried twice; no possessive quantifiers, with which the
    # re module of Python 3.11.2 finds records where there are none
    quoted = b'"[^"]*(?:""[^"]*)*"'
    plain = b'(?!")[^' + mark + b"\r\n]*"
    cells = b"(?:(?:" + quoted + b"|" + plain + b")" + mark + b")*"
    record = cells + b"(?:" + quoted + b"|" + plain + b")" + b"(\r\n|\n|\r|\\Z)"
    begun = cells + b'(?:"[^"]*(?:""[^"]*)*"?|' + plain + b")\\Z"
    return re.compile(record), re.compile(begun)


def _cut_one_by_one(buffer: bytes, delimiter: str, *, at_end: bool, where: Where) -> _Cut:
    """Cut a buffer with quotes inside cells that do not begin with one: 5" pipe.

    Cost: about 1 us per record.
    """
    record, begun = _patterns(delimiter)
    place = records = blanks = 0
    while place < len(buffer):
        match = record.match(buffer, place)
        if match is None or not (match[1] or at_end):
            break
        if match.start(1) == place:
            blanks += 1
        else:
            records += 1
        place = match.end()
    # what comes before a broken record is handed on first: the first fault of all is to be named
    if place == 0 and buffer and (at_end or begun.match(buffer) is None):
        raise _broken(buffer, delimiter, where)
    return _Cut(place, records, blanks, _count_line_ends(buffer[:place]))


def _count_line_ends(data: bytes) -> int:
    return len(_line_ends(np.frombuffer(data, np.uint8)))


def _broken(buffer: bytes, delimiter: str, where: Where) -> CsvError:
    _record, begun = _patterns(delimiter)
    if begun.match(buffer) is not None:
        problem = "its quote is never closed"
    else:
        problem = "there is text after its closing quote"
    first = re.split(rb"[\r\n]", buffer[:200], maxsplit=1)[0].decode("utf-8", "replace")
    return CsvError(
        f"a quoted cell is malformed, {problem}: {first[:80]}",
        where=Where(file=where.file, line=where.line, member=f"column {count_cells(buffer, delimiter) + 1}"),
        hint=BACKSLASH_HINT if _escapes_quotes(buffer) else DOUBLED_HINT,
    )


def _escapes_quotes(buffer: bytes) -> bool:
    return b'\\"' in buffer[:LONGEST_LOOK]


LONGEST_LOOK = 2000
