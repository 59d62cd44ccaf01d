"""Opens the file of a table as a stream of UTF-8 bytes, however it is compressed and encoded."""

from __future__ import annotations

import codecs
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import BadZipFile

from packhouse._src.delimited.packed.decompressors import Bytes, decompressed
from packhouse.errors import CsvError, UsageError, Where

LONGEST_RECORD_BYTES = 256 << 20
"""No longer row is read, whatever the memory."""

UTF8_MARK = codecs.BOM_UTF8
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
DAMAGE = (EOFError, zlib.error, lzma.LZMAError, BadZipFile, OSError)
"""What decompressors raise."""

NOT_UTF8_HINT = "set the encoding, e.g. --encoding cp1252 (Western Windows) or --encoding latin-1"


class TableStream:
    """The bytes of a table, decompressed, in UTF-8, without byte order mark.

    Args:
        raw: The file.
        stream: What gives the bytes.
        shown_as: Path of the table, for errors.
    """

    def __init__(self, raw: IO[bytes], stream: Bytes, shown_as: str) -> None:
        self._raw = raw
        self._stream = stream
        self._shown_as = shown_as

    @property
    def position(self) -> int:
        """How much of the file, as it lies on the disk, has been read."""
        return self._raw.tell()

    def read(self, size: int) -> bytes:
        """Return about so many bytes; none at the end only.

        Raises:
            CsvError: The compression or the encoding is broken there.
        """
        try:
            return self._stream.read(size)
        except DAMAGE as err:
            raise CsvError(
                f"cannot be read any further: {err}",
                where=Where(file=self._shown_as),
                hint="the file is damaged or incomplete: copy or download it again",
            ) from err

    def skip(self, size: int) -> None:
        """Read over so many bytes at the start; what was read too much comes with the next `read`."""
        data = b""
        while len(data) < size and (more := self.read(size - len(data))):
            data += more
        self._stream = _Prefixed(data[size:], self._stream)


@contextmanager
def open_table(
    path: Path,
    *,
    shown_as: str,
    encoding: str | None = None,
    squeeze: bool = False,
    longest_bytes: int = LONGEST_RECORD_BYTES,
) -> Iterator[TableStream]:
    """Open a table, decompressed by what its first bytes say.

    Args:
        path: The file.
        shown_as: Its path below SRC, for errors.
        encoding: As the user said, any that Python knows; None: UTF-8. A file with the byte order mark of
            UTF-8 is UTF-8 all the same.
        squeeze: Whether each run of blanks and tabs is to be one tab, and none at the ends of lines.
        longest_bytes: The longest line that is read then.

    Yields:
        Its bytes.

    Raises:
        CsvError: It is UTF-16, by its byte order mark, and no encoding was said; or a zip archive that has
            not one file.
    """
    with path.open("rb", buffering=0) as raw, decompressed(raw, shown_as=shown_as) as packed:
        plain = TableStream(raw, packed, shown_as)
        start = _first_bytes(plain)
        marked = start.startswith(UTF8_MARK)
        if encoding is None and start.startswith(UTF16_MARKS):
            raise CsvError("is UTF-16", where=Where(file=shown_as, line=1), hint="--encoding utf-16")
        rest = _Prefixed(start[len(UTF8_MARK) :] if marked else start, plain)
        text: Bytes = rest
        if not (encoding is None or marked or codecs.lookup(encoding).name == "utf-8"):
            text = _Transcoded(rest, encoding, shown_as)
        yield TableStream(raw, _Squeezed(text, longest_bytes, shown_as) if squeeze else text, shown_as)


def check_encoding(encoding: str) -> None:
    """See that Python knows an encoding, and that it is one of text.

    Raises:
        UsageError: It does not, or it is not.
    """
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(b"", final=True)
        "".encode(encoding)
    except (LookupError, TypeError, ValueError) as err:
        raise UsageError(
            f"{encoding!r} is not a text encoding", hint="--encoding cp1252, latin-1, utf-16, gb18030, ..."
        ) from err


def _first_bytes(stream: Bytes) -> bytes:
    start = b""
    while len(start) < len(UTF8_MARK) and (more := stream.read(len(UTF8_MARK) - len(start))):
        start += more
    return start


class _Prefixed:
    """Some bytes, then a stream."""

    def __init__(self, start: bytes, stream: Bytes) -> None:
        self._start = start
        self._stream = stream

    def read(self, size: int) -> bytes:
        if self._start:
            start, self._start = self._start, b""
            return start
        return self._stream.read(size)


class _Squeezed:
    """A stream in which runs of blanks separate the cells, with tabs in their place; lines stay lines."""

    def __init__(self, stream: Bytes, longest_bytes: int, shown_as: str) -> None:
        self._stream = stream
        self._longest_bytes = longest_bytes
        self._shown_as = shown_as
        self._rest = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        while not self._ended:
            data = self._stream.read(max(size, len(self._rest)))  # a long line is not put together bit by bit
            self._ended = not data
            self._rest += data
            if len(self._rest) - self._rest.rfind(b"\n") > self._longest_bytes:
                raise CsvError(
                    f"a line is longer than {self._longest_bytes:,} bytes",
                    where=Where(file=self._shown_as),
                    hint="check that the table has line ends, or use a larger --memory-limit",
                )
            # what may be cut is kept: blanks before a line end are dropped, those between cells are not
            end = len(self._rest) if self._ended else self._rest.rfind(b"\n") + 1
            if end:
                lines, self._rest = self._rest[:end], self._rest[end:]
                return _squeezed(lines)
        return b""


def _squeezed(lines: bytes) -> bytes:
    parts = _QUOTED.split(lines)  # quoted cells stand at the odd places
    parts[0::2] = [_BLANKS.sub(b"\t", part) for part in parts[0::2]]
    joined = b"\n" + b"".join(parts)
    for end in (b"\n", b"\r"):
        joined = joined.replace(b"\t" + end, end).replace(end + b"\t", end)
    return joined[1:].removesuffix(b"\t")


_BLANKS = re.compile(rb"[ \t]+")
_QUOTED = re.compile(rb'(?<![^ \t\r\n])("[^"\r\n]*(?:""[^"\r\n]*)*")(?![^ \t\r\n])')


class _Transcoded:
    """A stream of another encoding as UTF-8."""

    def __init__(self, stream: Bytes, encoding: str, shown_as: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._shown_as = shown_as
        self._lines = 1
        self._begun = False
        self._ended = False

    def read(self, size: int) -> bytes:
        while not self._ended:
            data = self._stream.read(size)
            self._ended = not data
            text, in_utf8 = self._decode(data)
            if text and not self._begun:
                # utf-16-le and such leave the mark in the text
                self._begun, in_utf8 = True, in_utf8.removeprefix(UTF8_MARK)
            if in_utf8:
                self._lines += _line_ends(text)
                return in_utf8
        return b""

    def _decode(self, data: bytes) -> tuple[str, bytes]:
        try:
            text = self._decoder.decode(data, final=self._ended)
            return text, text.encode()  # some codecs give halves of surrogate pairs, which are no text
        except UnicodeError as err:
            line = self._lines
            problem = f"is not {self._encoding}"
            if isinstance(err, UnicodeDecodeError) and err.start < len(err.object):
                problem += f": byte 0x{err.object[err.start]:02x}"
                line += _line_ends(err.object[: err.start].decode(self._encoding, "replace"))
            where = Where(file=self._shown_as, line=line)
            raise CsvError(
                problem, where=where, hint="try another encoding, or check whether the file is damaged"
            ) from err


def _line_ends(text: str) -> int:
    return sum(1 for line in io.StringIO(text, newline="") if line.endswith(("\n", "\r")))
