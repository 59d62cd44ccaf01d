"""Whatever a table is compressed with and encoded in, what is read is its text in UTF-8."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csv_corpus import zipped
from packhouse._src.delimited.text_stream import check_encoding, open_table
from packhouse.errors import CsvError, UsageError

TEXTS = st.text('ab,\n\r"é1', max_size=30) | st.text(max_size=20)
ENCODINGS = ("utf-8", "UTF8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gb18030", "utf-7")
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip in parts": lambda data: gzip.compress(data[:7]) + gzip.compress(b"") + gzip.compress(data[7:]),
    "zstd": lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
    "zstd in frames": lambda data: b"".join(
        bytes(pa.compress(part, codec="zstd", asbytes=True)) for part in (data[:7], data[7:])
    ),
    "bzip2": bz2.compress,
    "bzip2 in streams": lambda data: b"".join(map(bz2.compress, (data[:7], b"", data[7:]))),
    "xz": lzma.compress,
    "xz in streams": lambda data: bytes(4).join(map(lzma.compress, (data[:7], b"", data[7:]))),
    "zip": lambda data: zipped({"t.csv": data}),
}


def read_table(path: Path, *, encoding: str | None = None, step: int = 1 << 20) -> bytes:
    """Read a table to its end."""
    found = []
    with open_table(path, shown_as="below/t.csv", encoding=encoding) as stream:
        while data := stream.read(step):
            found.append(data)
    return b"".join(found)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=TEXTS,
    encoding=st.sampled_from(ENCODINGS) | st.none(),
    packer=st.sampled_from(sorted(PACKERS)),
    step=st.integers(1, 9),
)
def test_any_text_is_read(tmp_path: Path, text: str, encoding: str | None, packer: str, step: int) -> None:
    """Each encoding and compression gives the text, byte order mark aside, in steps of any size."""
    path = tmp_path / "t.csv"
    path.write_bytes(PACKERS[packer](text.encode(encoding or "utf-8")))
    marked = (encoding is None or codecs.lookup(encoding).name == "utf-8") and text.startswith("\ufeff")
    if encoding is None and text.encode().startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return

    assert read_table(path, encoding=encoding, step=step).decode() == text[marked:]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=40),
    encoding=st.sampled_from(["cp1252", "latin-1", "cp437", "koi8-r", "shift_jis"]),
)
def test_any_bytes_are_read_as_python_decodes_them(tmp_path: Path, data: bytes, encoding: str) -> None:
    """What Python decodes is read; what it refuses is refused."""
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    if data.startswith(
        (codecs.BOM_UTF8, b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\3\4", b"PK\5\6", b"\xfd7zXZ")
    ):
        return
    try:
        expected = data.decode(encoding)
    except UnicodeDecodeError:
        with pytest.raises(CsvError, match=f"is not {encoding}"):
            read_table(path, encoding=encoding, step=3)
    else:
        assert read_table(path, encoding=encoding, step=3).decode() == expected


@pytest.mark.parametrize(
    ("data", "encoding", "line", "problem"),
    [
        (b"a,b\n1,\x81\n", "cp1252", 2, "is not cp1252: byte 0x81"),
        (b"a\r\nb\rc\n\x81", "cp1252", 4, "is not cp1252: byte 0x81"),
        (b"a\n\n\x81\x30", "gb18030", 3, "is not gb18030: byte 0x81"),
        (b"a\n+2AA-", "utf-7", 2, "is not utf-7"),
        (b"a\n\\ud800", "unicode_escape", 2, "is not unicode_escape"),
        ("a\n\n\nb".encode("utf-16-le") + b"\0", "utf-16-le", 4, "is not utf-16-le: byte 0x00"),
    ],
)
@pytest.mark.parametrize("step", [1, 4096])
def test_wrong_bytes_are_located(
    tmp_path: Path, data: bytes, encoding: str, line: int, problem: str, step: int
) -> None:
    """The error names the line and the byte, however the file is read."""
    path = tmp_path / "t.csv"
    path.write_bytes(data)

    with pytest.raises(CsvError) as caught:
        read_table(path, encoding=encoding, step=step)

    assert caught.value.problem == problem
    assert (caught.value.where.file, caught.value.where.line) == ("below/t.csv", line)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
@pytest.mark.parametrize("packer", ["plain", "gzip", "zstd", "bzip2", "xz", "zip"])
def test_utf16_is_told_by_its_mark(tmp_path: Path, mark: bytes, packer: str) -> None:
    """UTF-16 is not read as UTF-8, and the hint says with which option it is read."""
    path = tmp_path / "t.csv"
    path.write_bytes(PACKERS[packer](mark + b"a\0"))

    with pytest.raises(CsvError, match="is UTF-16") as caught:
        read_table(path)

    assert caught.value.hint == "--encoding utf-16"


LINES = "".join(f"{number},value {number * 7}\n" for number in range(40)).encode()


@pytest.mark.parametrize("packer", ["gzip", "zstd", "bzip2", "xz", "zip"])
def test_a_cut_file_is_never_a_shorter_one(tmp_path: Path, packer: str) -> None:
    """A compressed table that ends early is an error, wherever it was cut."""
    whole = PACKERS[packer](LINES)
    path = tmp_path / "t.csv"

    for size in range(10, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(CsvError, match=r"cannot be (read any further|unpacked)"):
            read_table(path)


@pytest.mark.parametrize(
    ("packer", "most"),
    [("gzip", 12), ("bzip2", 3), ("bzip2 in streams", 3), ("xz", 1), ("xz in streams", 1), ("zip", 70)],
)
def test_a_damaged_file_is_never_another_one(tmp_path: Path, packer: str, most: int) -> None:
    """A file with a changed byte is an error, or reads as it should."""
    whole = PACKERS[packer](LINES)
    path = tmp_path / "t.csv"
    read = 0

    for place in range(10, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        try:
            found = read_table(path)
        except CsvError:
            continue
        assert found == LINES
        read += 1

    assert read < most


def test_what_is_skipped_is_not_read_again(tmp_path: Path) -> None:
    """After the header the stream goes on with the very next byte."""
    path = tmp_path / "t.csv"
    path.write_bytes(codecs.BOM_UTF8 + b"a,b\n1,2\n")

    with open_table(path, shown_as="t.csv") as stream:
        stream.skip(4)
        found = stream.read(2) + stream.read(2) + stream.read(9)
        position = stream.position

    assert found == b"1,2\n"
    assert position == path.stat().st_size


@pytest.mark.parametrize("encoding", ["utf-9", "base64", "rot13", "", "hex", "a\0b"])
def test_what_is_no_encoding_is_refused(encoding: str) -> None:
    """A misspelled encoding is seen before any work starts."""
    with pytest.raises(UsageError, match="is not a text encoding"):
        check_encoding(encoding)


@pytest.mark.parametrize("encoding", [*ENCODINGS, "cp1252", "latin-1", "Shift_JIS", "big5"])
def test_what_python_knows_is_an_encoding(encoding: str) -> None:
    """Every text encoding of Python will do."""
    check_encoding(encoding)
