"""JSON Lines: what Python's json finds in a line is in the row, numbers and nested values as spelled."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csv_corpus import zipped
from packhouse._src.delimited.convert import convert_table
from packhouse._src.delimited.json_lines import json_reader
from packhouse._src.delimited.json_lines.json_reader import find_columns
from packhouse._src.delimited.json_lines.line_cutting import cut_lines
from packhouse._src.sql.query_output import Workbench
from packhouse._src.table_records import JSON_LINES, TablePlan, TableReport
from packhouse.errors import TableError, TypingError

Read = Callable[..., tuple[TableReport, Any]]


@pytest.fixture
def read(bench: Workbench, tmp_path: Path) -> Read:
    """Return a function from the bytes of a file to its report, and its table as pyarrow reads it."""

    def work(data: bytes | str, *, encoding: str | None = None, **options: Any) -> Any:  # noqa: ANN401
        path = tmp_path / "t.jsonl"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        found = find_columns(path, shown_as="below/t.jsonl", table="t", encoding=encoding)
        plan = TablePlan(
            name="t",
            source="below/t.jsonl",
            source_bytes=path.stat().st_size,
            file="t.parquet",
            columns=found.names,
            notes=found.notes,
            encoding=encoding,
            null_marks=options.pop("null_marks", {}),
            kind=JSON_LINES,
            keys=found.keys,
        )
        target = bench.folder / "t.parquet"
        target.unlink(missing_ok=True)
        report = convert_table(bench, plan, path, wanted=options.pop("wanted", {}), **options)
        return report, pq.ParquetFile(target).read()

    return work


def reasons(report: TableReport) -> dict[str, str]:
    """Return column -> why it has its type."""
    return {column.name: column.reason for column in report.columns}


LINES = "".join(json.dumps({"n": row, "s": f"v{row}"}) + "\n" for row in range(300))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-5", "0"], "int64"),
        (["9223372036854775807", "-9223372036854775808"], "int64"),
        (["1234567890123456789", "1"], "int64"),
        (["9223372036854775808", "1"], "string"),
        (["123456789012345678901234567890", "1"], "string"),
        (["0.1", "2.5"], "double"),
        (["1", "1.5"], "double"),
        (["5.0", "5"], "double"),
        (["1e-05", "2.5E+10"], "double"),
        (["1.1", "1.10"], "string"),
        (["0", "-0"], "string"),
        (["0.1000000000000000055511151231257827", "1.5"], "string"),
        (["1e400", "1.5"], "string"),
        (["NaN", "1.5"], "string"),
        (["Infinity", "-Infinity"], "string"),
        (["true", "false"], "bool"),
        (["true", "1"], "string"),
        (["null", "7"], "int64"),
        (["null", "null"], "string"),
        (['"7"', '"8"'], "string"),
        (['"7"', "8"], "string"),
        (['"2018-09-20"', '"2018-09-21"'], "string"),
        (['"true"', "true"], "string"),
        (['""', "null"], "string"),
        (["[1,  2.50]", '{"a" : "\\u00e9"}'], "string"),
        (["[]", "{}"], "string"),
        (["[1]", "1"], "string"),
        (['{"a": 1, "a": 2}', "[[[], {}]]"], "string"),
        (['"a]}"', '[",", "\\"]", {"x": "}"}]'], "string"),
    ],
)
def test_each_value_is_kept(read: Read, values: Sequence[str], kind: str) -> None:
    """Numbers are equal to what Python reads; text is the string, or the number or list as it is spelled."""
    for order in (values, values[::-1]):
        _, table = read("".join(f'{{"before": [1], "x": {value}, "y": {{}}}}\n' for value in order))

        assert str(table["x"].type) == kind
        for found, spelled in zip(table["x"].to_pylist(), order, strict=True):
            value = json.loads(spelled)
            if kind != "string" or isinstance(value, str) or value is None:
                assert found == value
                assert type(found) is type(value) or kind == "double"
            else:
                assert found == spelled


def test_why_a_column_is_text(read: Read) -> None:
    """The report counts the strings and what is nested."""
    report, _ = read(
        '{"a": "1", "b": 1, "c": [], "d": 1, "e": "x"}\n'
        '{"a": "2", "b": "1", "c": {}, "d": [1], "e": null}\n'
        '{"a": "3", "b": 3, "c": [2], "d": "x"}\n'
    )

    assert reasons(report) == {
        "a": "text: all 3 values are strings",
        "b": "text: 1 of 3 values is a string",
        "c": "text: all 3 values are lists or objects, kept as JSON",
        "d": "text: 1 of 3 values is a string, 1 of 3 values is a list or object",
        "e": "text: the only value is a string",
    }


def test_keys_that_come_and_go(read: Read) -> None:
    """A key may first appear in the last of many lines, in any order; what a line lacks is missing."""
    lines = ['{"a": 1}', '{"b": "x", "a": 2}', "{}", *['{"a": 3}'] * 200_000, '{"late": true, "b": null}']

    report, table = read("\n".join(lines))

    rows = [json.loads(line) for line in lines]
    assert table.column_names == ["a", "b", "late"]
    assert table.to_pydict() == {name: [row.get(name) for row in rows] for name in table.column_names}
    assert [column.nulls for column in report.columns] == [2, 200_003, 200_003]


@pytest.mark.parametrize("last", ['"5"', "5.5", "[5]", "null"])
def test_a_late_line_decides(read: Read, last: str) -> None:
    """Another kind of value far behind the first rows makes text, or a wider number, of all."""
    report, table = read('{"n": 1}\n' * 20_000 + f'{{"n": {last}}}')

    assert str(table["n"].type) == {"5.5": "double", "null": "int64"}.get(last, "string")
    assert table["n"].to_pylist()[-1] == {"5.5": 5.5, "null": None, '"5"': "5"}.get(last, last)
    assert table["n"][0].as_py() == (1 if last in ("5.5", "null") else "1")
    assert report.notes == ()


def test_odd_files(read: Read) -> None:
    """A byte order mark, CRLF, blank lines and an open last line change nothing."""
    _, table = read(
        b'\xef\xbb\xbf\r\n{"a": 1}\r\n \t \r\n\n  {"a": 2, "b": "\\r\\n\\u2028\xe2\x80\xa8\xc2\x85"} '
    )

    assert table.to_pylist() == [{"a": 1, "b": None}, {"a": 2, "b": "\r\n\u2028\u2028\x85"}]


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        lambda data: zipped({"t.jsonl": data}),
        lambda data: bytes(pa.compress(data, codec="zstd", asbytes=True)),
    ],
    ids=["gzip", "bzip2", "xz", "zip", "zstd"],
)
def test_compressed(read: Read, pack: Callable[[bytes], bytes]) -> None:
    """Compressed files are read as CSV files are."""
    assert read(pack(LINES.encode()))[1].to_pylist() == [json.loads(line) for line in LINES.splitlines()]


def test_another_encoding(read: Read) -> None:
    """An encoding is set by the user, and noted."""
    report, table = read('{"näme": "Zoë"}\n'.encode("utf-16"), encoding="utf-16")

    assert table.to_pylist() == [{"näme": "Zoë"}]
    assert report.notes == ("read as utf-16, as requested",)


def test_names_of_columns(read: Read) -> None:
    """Names that SQL cannot tell apart, and the empty one, are made unique, and noted."""
    report, table = read('{"a": 1, "A": 2, "": 3, "a.b": 4, "é\\n": 5}')

    assert table.to_pylist() == [{"a": 1, "A_2": 2, "column_3": 3, "a.b": 4, "é\n": 5}]
    assert len(report.notes) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": 1, "b": 2, "a": 1}', "the key 'a' is there twice"),
        ('{"a": 1, "\\u0061": 2}', "the key 'a' is there twice"),
        ("[1]", "is a list, not an object: [1]"),
        ('"x"', 'is a string, not an object: "x"'),
        ("7", "is a number, not an object: 7"),
        ("null", "is null, not an object"),
        ("true", "is true or false, not an object"),
        ('{"a": 1', "is not JSON: expecting ',' delimiter, at character 8"),
        ('{"a": }', "is not JSON: a value is missing, at character 7"),
        ('{"a": 1} {"a": 2}', "is not JSON: text after the object, at character 9"),
        ('{"a": 1,}', "is not JSON: "),
        ("{'a': 1}", "is not JSON: "),
        ('{"a": 01}', "is not JSON: "),
        ('{"a": +1}', "is not JSON: "),
        ('{"a": "\t"}', "is not JSON: invalid control character at, at character 8"),
        ('{"a": [1, }', "is not JSON: "),
        ("a,b", "is not JSON: a value is missing, at character 1: a,b"),
        ("\ufeff{}", "is not JSON: "),
        ('{"a": ' + "[" * 200_000, "its lists and objects are nested too deeply"),
        ('{"a": "\\ud800"}', "'\\ud800' contains an unpaired surrogate"),
        ('{"\\udc00": 1}', "the key '\\udc00' cannot name a column"),
        ('{"\\u0000": 1}', "the key '\\x00' cannot name a column"),
        (b'{"a": "\xe9"}', "is not UTF-8: byte 0xe9"),
        (b'{"a": "\xed\xa0\x80"}', "is not UTF-8: byte 0xed"),
        (
            "{" + ", ".join(f'"k{n}": 0' for n in range(10_001)) + "}",
            "there are more than 10,000 different keys",
        ),
    ],
)
def test_what_is_no_row_is_refused(read: Read, line: str | bytes, said: str) -> None:
    """The error names the table and the line."""
    data = line if isinstance(line, bytes) else line.encode()

    with pytest.raises(TableError) as caught:
        read(b'{"b": 1}\n\r\n' + data + b"\n{}\n")

    assert caught.value.problem.startswith(said)
    assert (caught.value.where.file, caught.value.where.line) == ("below/t.jsonl", 3)


@pytest.mark.parametrize("data", [b"", b"\n \r\n", b"{}\n{}\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_key_is_refused(read: Read, data: bytes) -> None:
    """There is no column."""
    with pytest.raises(TableError, match="has no JSON object with a key"):
        read(data)


@pytest.mark.parametrize("start", ["[", "{"])
def test_a_document_over_several_lines_has_a_hint(read: Read, start: str) -> None:
    """A JSON list, or an object over several lines, is no JSON Lines: the hint says what is."""
    with pytest.raises(TableError) as caught:
        read(f"{start}\n1]")

    assert "one JSON object per line" in caught.value.hint


def test_a_cut_file_is_no_shorter_one(read: Read) -> None:
    """A compressed file that ends early is an error."""
    with pytest.raises(TableError, match="cannot be read any further"):
        read(gzip.compress(LINES.encode())[:-20])


def test_a_line_without_end(monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    """Memory is bounded: a line longer than a cell may be is refused with its number."""
    monkeypatch.setattr("packhouse._src.delimited.limits.converting_memory.LONGEST_RECORD_BYTES", 1000)

    with pytest.raises(TableError, match=r"longer than 4,194,304 bytes") as caught:
        read(b'{"a": 1}\n' + b" " * (9 << 20))

    assert caught.value.where.line == 2
    assert "--memory-limit" in caught.value.hint


def test_a_file_that_changes_is_refused(read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A key that was not there when the file was planned is not dropped."""
    real = json_reader.JsonLinesReader._read_header

    def change(self: json_reader.JsonLinesReader) -> Any:  # noqa: ANN401
        (tmp_path / "t.jsonl").write_text('{"a": 1, "new": 2}\n')
        return real(self)

    monkeypatch.setattr(json_reader.JsonLinesReader, "_read_header", change)

    with pytest.raises(TableError, match="it changed while it was read"):
        read('{"a": 1}\n')


def test_types_and_marks_that_the_user_sets(read: Read) -> None:
    """--types reads strings as it reads cells; --null makes missing cells of strings and of numbers."""
    data = '{"id": "5", "day": "2018-09-20", "x": "NA", "y": -1}\n{"id": "6", "day": null, "x": 2, "y": 3}\n'
    marks = {"x": ("NA",), "y": ("-1",)}

    report, table = read(data, wanted={"id": "integer", "day": "date"}, null_marks=marks)

    assert [str(column.arrow) for column in report.columns] == ["int64", "date32", "int64", "int64"]
    assert table["x"].to_pylist() == [None, 2]
    assert table["y"].to_pylist() == [None, 3]
    assert report.notes[0] == "column 'x': 1 cell with 'NA' read as missing"
    with pytest.raises(TypingError) as caught:
        read(data, wanted={"x": "integer"})
    assert caught.value.where.line == 1


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text("ab", max_size=2), SCALARS)
ROWS = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, min_size=1), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, escaped=st.booleans())
def test_any_rows_come_back(read: Read, rows: list[dict[str, Any]], escaped: bool) -> None:  # noqa: FBT001
    """What Python wrote is read as Python reads it: equal, or as the text that stands for it."""
    report, table = read("\n".join(json.dumps(row, ensure_ascii=escaped) for row in rows))

    assert report.rows == len(rows)
    for found, row in zip(table.to_pylist(), rows, strict=True):
        for name, value in found.items():
            expected = row.get(name)
            if isinstance(value, str) and not isinstance(expected, str):
                assert value == json.dumps(expected, ensure_ascii=escaped)
            else:
                assert value == expected


@given(
    data=st.lists(st.sampled_from([b"{}", b"\n", b"\r\n", b" ", b"xyz"])).map(b"".join),
    size=st.integers(1, 9),
)
def test_chunks_are_whole_lines(data: bytes, size: int) -> None:
    """Whatever their size, chunks have all lines that are not blank, and know on which line they begin."""
    wanted = [number for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]

    class Source:
        rest = data

        def read(self, most: int) -> bytes:
            found, self.rest = self.rest[:most], self.rest[most:]
            return found

    chunks = list(cut_lines(Source(), shown_as="t", chunk_bytes=size))

    found = []
    for chunk in chunks:
        lines = chunk.data.split(b"\n")
        numbers = [number for number, line in enumerate(lines, chunk.first_line) if line.strip()]
        assert len(numbers) == chunk.records
        found += numbers
    assert found == wanted
