"""Records are cut, and parsed, as Python's csv module reads them, wherever the cuts fall; or both refuse."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from csv_cells import Rows, records, spelled, without_blanks
from packhouse._src.delimited.csv_ import line_of_row, parse_chunk
from packhouse._src.delimited.cutting import Chunk, cut_records
from packhouse._src.delimited.dialect import Header
from packhouse._src.delimited.limits.long_rows import RowLimit
from packhouse.errors import AccountingError, CsvError, Where

DELIMITERS = st.sampled_from(",;\t|")
LINE_ENDS = ("\n", "\r\n", "\r")
PIECES = (
    *',;\t| a1é"\r\n',
    "\r\n",
    '""',
    ',"',
    '",',
    '"\n',
    '\n"',
    '"\r',
    "\0",
    "\ufeff",
    "\u2028",
    "\x1c",
    "\\",
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=20)
SIZES = st.sampled_from((1, 2, 3, 7, 20, 4096))


class Dripping(io.BytesIO):
    """A stream that gives fewer bytes than it is asked for."""

    def __init__(self, data: bytes, steps: tuple[int, ...]) -> None:
        super().__init__(data)
        self._steps = steps
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return so many bytes as it is the turn of."""
        self._reads += 1
        step = self._steps[self._reads % len(self._steps)]
        return super().read(step if size is None or size < 0 else min(size, step))


NO_UTF8 = (b"\xff", b"\xe9", b"\xc3(", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80")
STEPS = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)


def cut(
    data: bytes, *, delimiter: str = ",", width: int = 2, size: int = 4096, steps: tuple[int, ...] = (4096,)
) -> Iterator[Chunk]:
    """Cut some bytes."""
    return cut_records(
        Dripping(data, steps),
        delimiter=delimiter,
        first_line=1,
        blank_is_record=width == 1,
        shown_as="t.csv",
        chunk_bytes=size,
    )


def cells_of(
    chunks: Iterable[Chunk], *, delimiter: str = ",", width: int = 2
) -> list[tuple[str | None, ...]]:
    """Parse chunks as they come."""
    header = Header(tuple(f"c{place}" for place in range(width)), delimiter=delimiter)
    found: list[tuple[str | None, ...]] = []
    for chunk in chunks:
        batch = parse_chunk(chunk, header, shown_as="t.csv")
        found += zip(*(column.to_pylist() for column in batch.columns), strict=True)
    return found


def read_by_python(text: str, delimiter: str) -> tuple[list[tuple[int, list[str]]], int | None]:
    """Return the records before the first malformed one, with their lines, and the line of that one."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    found: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            found.append((line, row))
            line = 1 + reader.line_num
    except csv.Error:
        return found, line
    return found, None


@settings(deadline=None, max_examples=600)
@given(text=TEXTS, delimiter=DELIMITERS, size=SIZES, steps=STEPS, extra=st.integers(0, 12))
@example(text='a,b\n"', delimiter=",", size=1, steps=(1,), extra=0)
@example(text='\n"a"x', delimiter=";", size=4096, steps=(9,), extra=0)
@example(text="\n\r\n\r,", delimiter="|", size=2, steps=(1,), extra=0)
def test_any_text_is_read_as_by_python_or_refused_by_both(
    text: str, delimiter: str, size: int, steps: tuple[int, ...], extra: int
) -> None:
    """No cell differs, no row is lost or made up; an error names the first malformed row."""
    found, broken_line = read_by_python(text, delimiter)
    width = next((len(row) for _line, row in found if row), 1) if extra < 10 else extra - 9
    faults = [line for line, row in found if row and len(row) != width]
    faults += [] if broken_line is None else [broken_line]
    expected = without_blanks([row for _line, row in found], width)

    chunks = cut(text.encode(), delimiter=delimiter, width=width, size=size, steps=steps)
    if faults:
        with pytest.raises(CsvError) as caught:
            cells_of(chunks, delimiter=delimiter, width=width)
        assert caught.value.where.line == min(faults)
        assert caught.value.hint
        return

    cells = cells_of(chunks, delimiter=delimiter, width=width)

    assert [[cell or "" for cell in row] for row in cells] == expected


@settings(deadline=None, max_examples=200)
@given(before=TEXTS, bad=st.sampled_from(NO_UTF8), after=TEXTS, width=st.integers(1, 2), size=SIZES)
def test_bytes_that_are_no_text_are_refused(
    before: str, bad: bytes, after: str, width: int, size: int
) -> None:
    """What is not UTF-8 is never read as something else."""
    data = before.encode() + bad + after.encode()

    with pytest.raises(CsvError):
        cells_of(cut(data, width=width, size=size), width=width)


ODD_CELLS = ("", "a", " ", '"', '5" pipe', "\n", "\r\n", "x\ry", ",", ";", "\ufeff", "1")
CELLS = st.none() | st.sampled_from(ODD_CELLS) | st.text(max_size=4)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
)


@settings(deadline=None, max_examples=300)
@given(rows=TABLES, delimiter=DELIMITERS, quoted=st.booleans(), size=SIZES, steps=STEPS, data=st.data())
def test_what_is_written_is_read(
    rows: Rows,
    delimiter: str,
    quoted: bool,  # noqa: FBT001
    size: int,
    steps: tuple[int, ...],
    data: st.DataObject,
) -> None:
    """Every table comes back, missing cells as null and empty texts as such, whatever the line ends."""
    ends = [data.draw(st.sampled_from(LINE_ENDS)) for _ in rows]
    lines = [
        delimiter.join(spelled(cell, delimiter=delimiter, quoted=quoted) for cell in row) for row in rows
    ]
    if "" in lines:  # CR and LF of two blank lines would be one CRLF
        ends = ends[:1] * len(ends)
    text = "".join(line + end for line, end in zip(lines, ends, strict=True))
    if lines[-1] and data.draw(st.booleans()):
        text = text[: -len(ends[-1])]

    chunks = cut(text.encode(), delimiter=delimiter, width=len(rows[0]), size=size, steps=steps)

    assert cells_of(chunks, delimiter=delimiter, width=len(rows[0])) == [tuple(row) for row in rows]


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(st.lists(st.text(max_size=4), min_size=2, max_size=2), min_size=1, max_size=6),
    delimiter=DELIMITERS,
    style=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), *((csv.QUOTE_ALL, end) for end in LINE_ENDS)]),
    size=SIZES,
)
def test_what_the_csv_module_writes_is_read(
    rows: list[list[str]], delimiter: str, style: tuple[Literal[0, 1], str], size: int
) -> None:
    """Texts that csv.writer writes come back; the empty text as null, unless it quotes all."""
    quoting, end = style  # with another end some versions of csv.writer do not quote all that they must
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)

    cells = cells_of(cut(file.getvalue().encode(), delimiter=delimiter, size=size), delimiter=delimiter)

    empty = None if quoting == csv.QUOTE_MINIMAL else ""
    assert cells == [tuple(cell or empty for cell in row) for row in rows]


@settings(deadline=None, max_examples=200)
@given(rows=TABLES, size=SIZES, steps=STEPS, other_steps=STEPS, ends=st.sampled_from(LINE_ENDS))
def test_chunks_are_the_same_however_the_bytes_arrive(
    rows: Rows, size: int, steps: tuple[int, ...], other_steps: tuple[int, ...], ends: str
) -> None:
    """Chunks follow from the bytes alone, join to all of them, and know their first lines and records."""
    text = "".join(",".join(map(spelled, row)) + ends for row in rows)
    width = len(rows[0])

    chunks = list(cut(text.encode(), width=width, size=size, steps=steps))

    assert chunks == list(cut(text.encode(), width=width, size=size, steps=other_steps))
    assert b"".join(chunk.data for chunk in chunks).decode() == text
    lines = [line for line, _row in records(text)]
    starts = accumulate((chunk.records for chunk in chunks), initial=0)
    assert [chunk.first_line for chunk in chunks] == [lines[start] for start in list(starts)[:-1]]
    header = Header(tuple(map(str, range(width))))
    found = [line_of_row(chunk, row, header) for chunk in chunks for row in range(chunk.records)]
    assert found == lines


def test_a_plain_chunk_ends_at_its_last_line() -> None:
    """Chunks are as long as whole records allow, and one longer record is read whole."""
    chunks = list(cut(b"1,2\n" * 5 + b"3," + b"x" * 90 + b"\n4,5", size=10))

    assert [len(chunk.data) for chunk in chunks][:2] == [8, 8]
    assert sum(chunk.records for chunk in chunks) == 7
    assert max(len(chunk.data) for chunk in chunks) > 93


@pytest.mark.parametrize("cell", [b'"' + b"x\n" * 600, b"y" * 1200])
def test_a_cell_that_is_too_long_is_named(cell: bytes) -> None:
    """Not the whole file is taken into memory in search of its end."""
    stream = io.BytesIO(b"1,2\n3," + cell * 9)

    with pytest.raises(CsvError, match="a cell is longer than 1,000 bytes") as caught:
        list(
            cut_records(
                stream,
                delimiter=",",
                first_line=5,
                blank_is_record=False,
                shown_as="t",
                limit=RowLimit(1000, ("a", "b")),
                chunk_bytes=64,
            )
        )

    assert caught.value.where == Where(file="t", line=6, member="column 'b'")
    assert "--memory-limit" in caught.value.hint
    assert stream.tell() < 1200


def test_a_row_of_many_cells_that_is_too_long_is_called_so() -> None:
    """No cell alone is to blame."""
    stream = io.BytesIO(b"1," * 5000)

    with pytest.raises(CsvError, match="a row is longer than 1,000 bytes"):
        list(
            cut_records(
                stream,
                delimiter=",",
                first_line=1,
                blank_is_record=False,
                shown_as="t",
                limit=RowLimit(1000),
                chunk_bytes=64,
            )
        )


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_quote_that_swallows_rows_is_told_as_such(line_end: bytes) -> None:
    """Of what looks like thousands of rows in one cell no more is read than a cell may have."""
    rows = line_end.join(b"%d,text of some length,%d" % (row, row % 7) for row in range(2_000_000))
    stream = io.BytesIO(b'1,"a",2' + line_end + b'2,"open,3' + line_end + rows)

    with pytest.raises(
        CsvError, match="its quote is never closed: the lines behind it look like rows"
    ) as caught:
        list(
            cut_records(
                stream,
                delimiter=",",
                first_line=2,
                blank_is_record=False,
                shown_as="t",
                limit=RowLimit(4_000_000, columns=("a", "b", "c")),
            )
        )

    assert caught.value.where == Where(file="t", line=3, member="column 'b'")
    assert stream.tell() < 10_000_000 < len(stream.getbuffer())


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_long_cell_that_holds_a_table_is_read(line_end: str) -> None:
    """A quoted cell of 6 MiB whose lines are like rows of its table is what Python's csv reads."""
    inner = line_end.join(f"{row},name {row}" for row in range(400_000))
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows([("1", inner), ("2", "short"), ("3", inner)])
    assert len(inner) > 6 << 20

    chunks = list(
        cut_records(
            io.BytesIO(text.getvalue().encode()),
            delimiter=",",
            first_line=1,
            blank_is_record=False,
            shown_as="t",
            limit=RowLimit(columns=("a", "b")),
        )
    )

    before = csv.field_size_limit(1 << 30)
    expected = list(csv.reader(io.StringIO(text.getvalue(), newline="")))
    csv.field_size_limit(before)
    assert [list(row) for row in cells_of(chunks)] == expected


def test_a_long_cell_of_prose_is_read() -> None:
    """Lines with commas are no rows unless each has as many as the table."""
    prose = "".join(f"line {number}, and{',' * (number % 3)} more\n" for number in range(400_000))
    data = f'1,"{prose}"\n2,"{prose}"\n'.encode()
    chunks = list(
        cut_records(
            io.BytesIO(data),
            delimiter=",",
            first_line=1,
            blank_is_record=False,
            shown_as="t",
            limit=RowLimit(columns=("a", "b")),
        )
    )

    assert cells_of(chunks) == [("1", prose), ("2", prose)]
    assert [chunk.first_line for chunk in chunks][-1] == 400_002


@pytest.mark.parametrize("records_cut", [1, 3])
def test_rows_are_counted_against_the_cut(records_cut: int) -> None:
    """A parser that finds another number of rows than were cut is not believed."""
    chunk = Chunk(b"1,2\n3,4\n", 7, records_cut)

    with pytest.raises(AccountingError, match="2 parsed") as caught:
        parse_chunk(chunk, Header(("a", "b")), shown_as="t.csv")

    assert (caught.value.where.file, caught.value.where.line) == ("t.csv", 7)


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"1,2\n3\n", 2, "the row has 1 cells, the header has 2: 3"),
        (b"1,2\n3,4,5\n", 2, "the row has 3 cells, the header has 2: 3,4,5"),
        (b'"1\n1",2\n\n3\n', 4, "the row has 1 cells, the header has 2: 3"),
        (b'"1\r1",2\n"3\n3"\n', 3, "the row has 1 cells, the header has 2: 3\\n3"),
        (b'"1\r\n1",2\r\n3\r\n', 3, "the row has 1 cells, the header has 2: 3"),
        (b'1,2\n3,"4\n5,6\n', 2, 'a quoted cell is malformed, its quote is never closed: 3,"4'),
        (b'1,"2\n2"\n"4"x\n', 3, 'a quoted cell is malformed, there is text after its closing quote: "4"x'),
        (b"1,2\n3,\xe9\n", 2, "is not UTF-8: byte 0xe9"),
        (b'1,"\n\n\xc3"\n', 3, "is not UTF-8: byte 0xc3"),
        (b"1" * 200_000 + b"\n", 1, "the row has 1 cells, the header has 2: " + "1" * 79 + "…"),
    ],
)  # fmt: skip
def test_faults_are_located(data: bytes, line: int, problem: str) -> None:
    """The error names the file, the line where the row begins, and what stands there, cut if long."""
    with pytest.raises(CsvError) as caught:
        cells_of(cut(data))

    assert caught.value.problem == problem
    assert (caught.value.where.file, caught.value.where.line) == ("t.csv", line)
    assert caught.value.hint


def test_locating_leaves_the_limit_of_the_csv_module_alone() -> None:
    """The limit of cells is a setting of the whole process, and not ours to change."""
    before = csv.field_size_limit(4321)
    try:
        with pytest.raises(CsvError, match="the row has 1 cells"):
            cells_of(cut(b'"' + b"x" * 5000 + b'"\n'))
    finally:
        now = csv.field_size_limit(before)

    assert now == 4321
