"""CSV files as they come: what Python's csv module is to find in each, or how it is to be refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Sound:
    """A file that is to be packed cell by cell."""

    file: str
    text: str
    """What it says, without byte order mark."""

    data: bytes = b""
    """How it says it; empty: as UTF-8."""

    delimiter: str = ","
    encoding: str | None = None
    """As the user would say it."""

    types: Mapping[str, str] = field(default_factory=dict)
    """Column -> Arrow type, where it is part of the matter."""

    cells: Sequence[Sequence[str | None]] | None = None
    """Where nulls are part of the matter."""

    notes: Sequence[str] = ()
    """Beginnings of what the report is to say."""

    def bytes(self) -> bytes:
        """Return the file."""
        return self.data or self.text.encode(self.encoding or "utf-8")


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that is to be refused."""

    file: str
    data: bytes
    line: int | None
    said: str
    """What the error begins with."""

    encoding: str | None = None

    def bytes(self) -> bytes:
        """Return the file."""
        return self.data


def numbers(n_rows: int, *, first: int = 108_775_015) -> str:
    """Return rows of a number and a word."""
    return "".join(f"{first + row},word\n" for row in range(n_rows))


def rows_of_64_bytes(n_rows: int, start: str) -> str:
    """Return rows that a chunk of any power of two bytes ends with."""
    return "".join(
        f"{start}{row:07d},".ljust(63 - len(start.encode()) + len(start), "x") + "\n" for row in range(n_rows)
    )


def zstd(text: str) -> bytes:
    """Compress."""
    return bytes(pa.compress(text.encode(), codec="zstd", asbytes=True))


def zipped(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def locked(archive: bytes) -> bytes:
    """Return a zip archive whose only file is said to be encrypted."""
    made = bytearray(archive)
    made[6] |= 1
    made[archive.index(b"PK\1\2") + 8] |= 1
    return bytes(made)


GREEDY = lzma.compress(b"a,b\n", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}])
ROWS = "a,b\n1,x\n2,y\n"
SHORT = "".join(f"{row},value\n" for row in range(200))
LATIN = "name,town\nZoë,Malmö\nJürgen,Besançon\n"
CHINESE = "编号,名称\n001,连衣裙\n002,衬衫\n"
JAPANESE = "番号,名前\n01,表示\n02,ソース\n"
WIDE = "".join(",".join(f"{row}{place}" for place in range(2000)) + "\n" for row in "cx")
PIPE = 'size,name\n5" pipe,a "b" c\n6\'2",x"\n1,"in, quotes"\n'

TYPES = (
    Sound("leading_zero_late.csv", "id,w\n" + numbers(300_000) + "0108775015,w\n", types={"id": "string"}),
    Sound("word_late.csv", "id,w\n" + numbers(60_000) + "A12,w\n", types={"id": "string"}),
    Sound("fraction_late.csv", "id,w\n" + numbers(60_000) + "0.5,w\n", types={"id": "double"}),
    Sound("wide_late.csv", f"id,w\n{numbers(60_000, first=1)}{2**63 - 1},w\n", types={"id": "int64"}),
    Sound("too_wide_late.csv", f"id,w\n{numbers(60_000)}{2**63},w\n", types={"id": "string"}),
    Sound("empty_then_value.csv", "id,w\n" + ",w\n" * 30_000 + "7,w\n", types={"id": "int64"}),
    Sound(
        "missing.csv",
        "id,w\n1,a\n,b\n3,c\n",
        types={"id": "int64"},
        cells=[("1", "a"), (None, "b"), ("3", "c")],
    ),
    Sound("missing_float.csv", "age,w\n1.5,a\n,b\n", types={"age": "double"}),
    Sound("empty_column.csv", "a,b\n,1\n,2\n", types={"a": "string"}, cells=[(None, "1"), (None, "2")]),
    Sound("zones_mixed.csv", "t\n2020-01-01T00:00:00Z\n2020-01-01T00:00:00+02:00\n", types={"t": "string"}),
    Sound(
        "zones_late.csv",
        "t,w\n" + "2020-01-01T00:00:00+02:00,x\n" * 20_000 + "2020-01-01T00:00:00,x\n",
        types={"t": "string"},
    ),
    Sound(
        "one_zone.csv",
        "t\n2020-01-01T00:00:00+02:00\n2020-01-01 00:00:00.5+0200\n",
        types={"t": "timestamp[us, tz=+02:00]"},
    ),
    Sound(
        "utc.csv",
        "t\n2020-01-01T00:00:00Z\n1969-12-31 23:59:59.999999Z\n",
        types={"t": "timestamp[us, tz=UTC]"},
    ),
    Sound("before_the_calendar.csv", "t\n0001-01-01 00:00:00+02:00\n", types={"t": "string"}),
    Sound(
        "booleans.csv",
        "b,c,d\ntrue,True,true\nfalse,FALSE,1\n",
        types={"b": "bool", "c": "bool", "d": "string"},
    ),
    Sound("letters_t.csv", "b\nt\nf\n", types={"b": "string"}),
    Sound(
        "numbers_odd.csv",
        "a,b,c,d,e,f\n1e400,-0,007,12345678901234567890,0x10,1_000\n1,0,7,1,1,1\n",
        types=dict.fromkeys("abcdef", "string"),
    ),
    Sound(
        "numbers_more.csv",
        'a,b,c,d,e\n+1, 1,.5,"1,000",9007199254740993\n1,1,1,1,0.5\n',
        types=dict.fromkeys("abcde", "string"),
    ),
    Sound("numbers_words.csv", "a,b,c\nnan,inf,-inf\n1.5,1.5,1.5\n", types=dict.fromkeys("abc", "string")),
    Sound(
        "digits.csv",
        "a,b,c\n0.06779661016949153,0.1234567890123456789,1.10\n0.1,0.1,1e5\n",
        types={"a": "double", "b": "string", "c": "double"},
    ),
    Sound("tiny.csv", "a,b\n1e-400,4.9e-324\n1.0,1.0\n", types={"a": "string", "b": "string"}),
    Sound(
        "dates_that_are_none.csv",
        "a,b,c\n2018-02-30,0000-01-01,2018-02-28\n2018-02-28,2018-02-28,2018-02-28 10:00:00\n",
        types=dict.fromkeys("abc", "string"),
    ),
    Sound(
        "missing_words.csv",
        'w\nNA\nNone\nnull\nNULL\nN/A\nnan\n\\N\n""\n#N/A\n',
        types={"w": "string"},
        cells=[(w,) for w in ("NA", "None", "null", "NULL", "N/A", "nan", "\\N", "", "#N/A")],
    ),
    Sound("empty_and_quoted.csv", 'a,b\n"",1\n,2\n"","3"\n', cells=[("", "1"), (None, "2"), ("", "3")]),
    Sound("formulas.csv", "a,b\n=cmd|'/c calc'!A0,+1\n@SUM(1),-2\n", types={"a": "string"}),
    Sound(
        "unix_dates_late.csv", "d,w\n" + "2018-09-20,w\n" * 60_000 + "20.09.2018,w\n", types={"d": "string"}
    ),
)

SHAPES = (
    Sound("cr_only.csv", "a,b\r1,x\r2,y\r"),
    Sound("crlf.csv", "a,b\r\n1,x\r\n2,y\r\n"),
    Sound("mixed_ends.csv", "a,b\r\n1,x\n2,y\r3,z\n\r4,v\r\n\n5,w"),
    Sound("mixed_ends_late.csv", "a,b\n" + "1,x\n" * 100_000 + "2,y\r\n3,z\r4,w\n"),
    Sound("no_last_end.csv", "a,b\n1,x\n2,"),
    Sound("blank_lines.csv", "a,b\n\n1,x\n\r\n\n2,y\n\n\n", cells=[("1", "x"), ("2", "y")]),
    Sound("one_column.csv", 'a\n1\n\n2\n""\n\n', cells=[("1",), (None,), ("2",), ("",), (None,)]),
    Sound("one_column_of_blanks.csv", "a\n \n  \n\t\n"),
    Sound("only_delimiters.csv", "a,b,c\n,,\n,,\n", cells=[(None, None, None)] * 2),
    Sound("quoted_breaks.csv", 'a,b\n"x\ny",1\n"x\r\ny",2\n"x\ry",3\n'),
    Sound("quoted_breaks_late.csv", "a,b\n" + "x,1\n" * 100_000 + '"x\n1,2\n",3\n'),
    Sound("cells_like_rows.csv", "a,b\n" + '"1,2\n3,4\n""5"",6\n\n",7\n' * 200_000),
    Sound("quotes_of_quotes.csv", 'a,b\n"""",""""""\n"a""b","""c"""\n'),
    Sound("quotes_inside.csv", PIPE),
    Sound("blanks_beside_quotes.csv", 'a,b\n "b", "c" \nx ,"y"\n'),
    Sound("backslashes.csv", 'a,b\n\\,"\\\\"\n\\n,c\\\n'),
    Sound(
        "long_cells.csv",
        "a,b\n" + "x" * 120_000 + ',1\n"' + "y,\n" * 80_000 + '",2\n' + "z" * 140_000 + ",3\n",
    ),
    Sound("20_megabytes.csv", 'a,b\n1,"' + 'long ""cell"",\n' * 1_400_000 + '"\n2,x\n'),
    Sound("20_plain_megabytes.csv", f"a,b\n1,{'z' * 20_000_000}\n2,x\n"),
    Sound("2000_columns.csv", WIDE),
    Sound("nul.csv", "a,b\nx\0y,1\n\0,2\n"),
    Sound("control.csv", "a,b\nx\x0b,\x0c\n\x1c,\x1d\x1e\n\x85,\u2028\u2029\n\x1a,\x7f\n"),
    Sound("wide_letters.csv", "name,b\n" + "名前 größe \U0001f600 e\u0301,x\n" * 150_000),
    Sound("header_only.csv", "a,b\n", types={"a": "string", "b": "string"}),
    Sound("header_without_end.csv", "a,b"),
    Sound("header_of_lines.csv", '"a\nb","c\r\n""d"""\n1,2\n'),
    Sound("header_of_digits.csv", "1,2\n3,4\n"),
    Sound("header_without_names.csv", ",b,\n1,2,3\n", notes=["column 1 has no name", "column 3 has no name"]),
    Sound(
        "header_of_one_name.csv",
        "a,A,b\n1,2,3\n",
        notes=["column 2, 'A', differs from another only in case; it is called 'A_2'"],
    ),
    Sound("long_header.csv", "a" * 100_000 + ",b\n1,2\n"),
    Sound(
        "semicolons.csv",
        "a;b\n1,5;x\n2,5;y\n",
        delimiter=";",
        types={"a": "string"},
        notes=["delimiter: ';'"],
    ),
    Sound("tabs.tsv", "a\tb\n1\tx, y\n", delimiter="\t", notes=["delimiter: tabs"]),
    Sound("tabs_too.csv", 'a\tb\n1\t"x\ty"\n', delimiter="\t", notes=["delimiter: tabs"]),
    Sound("pipes.csv", "a|b|c\n1|x|\n", delimiter="|", notes=["delimiter: '|'"]),
    Sound(
        "either.csv",
        "a;b,c\n1;2,3\n",
        notes=["delimiter: ',', detected from the first lines; ';' would fit too"],
    ),
    Sound("comma_in_tsv.tsv", "a,b\n1,x\n"),
)

FILES = (
    Sound("mark.csv", ROWS, data=(BOM + ROWS).encode()),
    Sound("mark_and_quotes.csv", '"a",b\n1,x\n', data=(BOM + '"a",b\n1,x\n').encode()),
    Sound("marks_inside.csv", f'a,b\n{BOM}x,1\n{BOM},2\n"{BOM}",x{BOM}\n', types={"a": "string"}),
    Sound("mark_at_chunks.csv", "a,b\n" + rows_of_64_bytes(140_000, BOM), types={"a": "string"}),
    Sound("quoted_mark_at_chunks.csv", "a,b,c\n" + rows_of_64_bytes(140_000, f'"{BOM}",')),
    Sound("two_marks.csv", BOM + ROWS, data=(BOM + BOM + ROWS).encode()),
    Sound("utf16.csv", LATIN, encoding="utf-16"),
    Sound("utf16_le.csv", CHINESE, encoding="utf-16-le"),
    Sound("cp1252.csv", LATIN, encoding="cp1252"),
    Sound("gb18030.csv", CHINESE, encoding="gb18030", types={"编号": "string"}),
    Sound("shift_jis.csv", JAPANESE, encoding="shift_jis"),
    Sound("utf7.csv", LATIN, encoding="utf-7"),
    Sound("marked_all_the_same.csv", LATIN, data=(BOM + LATIN).encode(), encoding="cp1252"),
    Sound("long_gb18030.csv", CHINESE + "3,衬衫\n" * 200_000, encoding="gb18030"),
    Sound("packed.csv.gz", ROWS, data=gzip.compress(ROWS.encode())),
    Sound(
        "packed_in_parts.csv.gz",
        ROWS + SHORT,
        data=gzip.compress(ROWS.encode()) + gzip.compress(SHORT.encode()),
    ),
    Sound("packed_by_content.csv", ROWS, data=gzip.compress(ROWS.encode())),
    Sound("plain_by_content.csv.gz", ROWS),
    Sound("packed_tabs.tsv.zst", "a\tb\n1\t2\n", data=zstd("a\tb\n1\t2\n"), delimiter="\t"),
    Sound("frames.csv.zst", ROWS + SHORT, data=zstd(ROWS) + zstd(SHORT)),
    Sound("packed_bz2.csv.bz2", ROWS, data=bz2.compress(ROWS.encode())),
    Sound("packed_xz.csv.xz", ROWS, data=lzma.compress(ROWS.encode())),
    Sound(
        "in_streams.csv.bz2", ROWS + SHORT, data=bz2.compress(ROWS.encode()) + bz2.compress(SHORT.encode())
    ),
    Sound(
        "streams_xz.csv.xz",
        ROWS + SHORT,
        data=lzma.compress(ROWS.encode()) + bytes(8) + lzma.compress(SHORT.encode()) + bytes(4),
    ),
    Sound("zipped.csv.zip", ROWS, data=zipped({"zipped.csv": ROWS})),
    Sound("stored.csv.zip", ROWS, data=zipped({"stored.csv": ROWS}, zipfile.ZIP_STORED)),
    Sound("zipped_xz.csv.zip", ROWS, data=zipped({"data/other.txt": ROWS}, zipfile.ZIP_LZMA)),
    Sound(
        "from_a_mac.tsv.zip",
        "a\tb\n1\t2\n",
        data=zipped({"x/": "", "x/a.tsv": "a\tb\n1\t2\n", "__MACOSX/x/._a.tsv": "?", "x/.DS_Store": "?"}),
        delimiter="\t",
    ),
    Sound("long_zipped.csv.zip", LATIN + SHORT * 500, data=zipped({"long.csv": LATIN + SHORT * 500})),
    Sound("BZh9.csv", "BZh91AY,b\n1,2\n"),
    Sound("PK.csv", "PK,b\n1,2\n"),
    Sound("packed_latin.csv.gz", LATIN, data=gzip.compress(LATIN.encode("latin-1")), encoding="latin-1"),
    Sound("[1].csv", "a,b\nmine,1\n"),
    Sound("1.csv", "a,b\nanother,1\n"),
    Sound("*.csv", "a,b\nstar,1\n"),
    Sound("a'b.csv", "a,b\nquote,1\n"),
    Sound("~.csv", "a,b\ntilde,1\n"),
    Sound('a "quote".csv', "a,b\nquotes,1\n"),
    Sound("back\\slash.csv", "a,b\nslash,1\n"),
    Sound("$HOME %41.csv", "a,b\nhome,1\n"),
    Sound("split=train.csv", "a,b\nsplit,1\n"),
    Sound("größe.csv", "a,b\nsize,1\n"),
)

SOUND = TYPES + SHAPES + FILES

BEHIND = "a quoted cell is malformed, there is text after its closing quote"
UNCLOSED = "a quoted cell is malformed, its quote is never closed"
MANY = b"a,b\n" + b"1,x\n" * 1_100_000
QUOTED = b"a,b\n" + b'"1\n",x\n' * 650_000

BROKEN = (
    Broken("empty.csv", b"", 1, "the file is empty: no header line"),
    Broken("mark_alone.csv", BOM.encode(), 1, "the file is empty: no header line"),
    Broken("empty_packed.csv.gz", gzip.compress(b""), 1, "the file is empty: no header line"),
    Broken("blank_first.csv", b"\na,b\n1,2\n", 1, "the first line is blank"),
    Broken("twice.csv", b"a,b,a\n1,2,3\n", 1, "columns 1 and 3 have the same name: 'a'"),
    Broken("open_header.csv", b'"a,b\n1,2\n', 1, "the header cannot be read"),
    Broken("comment_first.csv", b"# made by hand\na,b\n1,2\n", 2, "the row has 2 cells, the header has 1"),
    Broken("short.csv", b"a,b\n1,2\n3\n", 3, "the row has 1 cells, the header has 2: 3"),
    Broken("long.csv", b"a,b\n1,2\n3,4,5\n", 3, "the row has 3 cells, the header has 2: 3,4,5"),
    Broken("empty_cells_more.csv", b"a,b\n1,2,\n", 2, "the row has 3 cells, the header has 2: 1,2,"),
    Broken("short_late.csv", MANY + b"2\n", 1_100_002, "the row has 1 cells, the header has 2: 2"),
    Broken("long_late.csv", MANY + b"2,3,4\n" + b"1,x\n" * 9, 1_100_002, "the row has 3 cells"),
    Broken("short_of_blanks.csv", b"a,b\n  \n", 2, "the row has 1 cells, the header has 2:   "),
    Broken("short_behind_breaks.csv", b'a,b\n"1\n1",2\n\r\n3\n', 5, "the row has 1 cells, the header has 2"),
    Broken("end_of_dos.csv", b"a,b\r\n1,2\r\n\x1a", 3, "the row has 1 cells, the header has 2: \x1a"),
    Broken("unclosed.csv", b'a,b\n1,2\n3,"4\n5,6\n', 3, UNCLOSED),
    Broken("unclosed_first.csv", b'a,b\n"1,2\n' + MANY, 2, UNCLOSED),
    Broken("unclosed_late.csv", MANY + b'2,"x\n1,2\n', 1_100_002, UNCLOSED),
    Broken("unclosed_among_quoted.csv", QUOTED + b'2,"x\n', 1_300_002, UNCLOSED),
    Broken("behind.csv", b'a,b\n1,"2"x\n', 2, BEHIND),
    Broken("behind_blank.csv", b'a,b\n"1" ,2\n', 2, BEHIND),
    Broken("behind_late.csv", QUOTED + b'2,"x"y\n' + b"1,x\n" * 9, 1_300_002, BEHIND),
    Broken("behind_backslash.csv", b'a,b\n"a\\"b",1\n', 2, BEHIND),
    Broken("latin.csv", LATIN.encode("latin-1"), 2, "is not UTF-8: byte 0xeb"),
    Broken("latin_late.csv", MANY + b"2,\xe9\n", 1_100_002, "is not UTF-8: byte 0xe9"),
    Broken("half_a_surrogate.csv", b"a,b\n1,\xed\xa0\x80\n", 2, "is not UTF-8: byte 0xed"),
    Broken("half_a_letter.csv", "a,b\n1,é".encode()[:-1], 2, "is not UTF-8: byte 0xc3"),
    Broken("utf16_unsaid.csv", LATIN.encode("utf-16"), 1, "is UTF-16"),
    Broken("not_cp1252.csv", b"a,b\n1,2\n3,\x81\n", 3, "is not cp1252: byte 0x81", encoding="cp1252"),
    Broken(
        "not_cp1252_late.csv", MANY + b"3,\x81\n", 1_100_002, "is not cp1252: byte 0x81", encoding="cp1252"
    ),
    Broken("half_gb18030.csv", CHINESE.encode("gb18030")[:-2], 3, "is not gb18030", encoding="gb18030"),
    Broken("image.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 1, "is not UTF-8: byte 0x89"),
    Broken("cut.csv.gz", gzip.compress(ROWS.encode())[:-9], None, "cannot be read any further"),
    Broken("cut_late.csv.gz", gzip.compress(MANY, 1)[:-100], None, "cannot be read any further"),
    Broken("cut_zst.csv.zst", zstd(SHORT)[:-5], None, "cannot be read any further"),
    Broken("cut_bz2.csv.bz2", bz2.compress(ROWS.encode())[:-9], None, "cannot be read any further"),
    Broken("cut_xz.csv.xz", lzma.compress(ROWS.encode())[:-9], None, "cannot be read any further"),
    Broken("cut_zip.csv.zip", zipped({"cut.csv": ROWS})[:-30], None, "cannot be unpacked: "),
    Broken("behind_bz2.csv.bz2", bz2.compress(ROWS.encode()) + b"more", None, "cannot be read any further"),
    Broken("behind_xz.csv.xz", lzma.compress(ROWS.encode()) + b"more", None, "cannot be read any further"),
    Broken(
        "greedy.csv.xz",
        GREEDY,
        None,
        "cannot be read any further: Memory usage",
    ),
    Broken(
        "changed_zip.csv.zip",
        zipped({"t.csv": ROWS}, zipfile.ZIP_STORED).replace(ROWS.encode(), ROWS.encode().swapcase()),
        None,
        "cannot be read any further: Bad CRC-32",
    ),
    Broken(
        "several.csv.zip",
        zipped({f"{name}.csv": ROWS for name in "abcde"}),
        None,
        "has 5 files in it, a compressed table has one: a.csv, b.csv, c.csv, d.csv, ...",
    ),
    Broken("none.csv.zip", zipped({"folder/": ""}), None, "is an archive without files"),
    Broken("locked.csv.zip", locked(zipped({"t.csv": ROWS})), None, "is encrypted"),
    Broken(
        "changed.csv.gz", gzip.compress(b"a,b\n" * 99)[:-8] + bytes(8), None, "cannot be read any further"
    ),
    Broken(
        "behind_packed.csv.gz", gzip.compress(ROWS.encode()) + b"more", None, "cannot be read any further"
    ),
)
