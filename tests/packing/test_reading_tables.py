"""What people's CSV files have beside cells: no header, titles, footers, marks, delimiters of all kinds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import packhouse
from packhouse.errors import ColumnNotFoundError, UsageError
from small_dataset import jpeg

PIXEL = jpeg(1, width=8, height=8)
Pack = Callable[..., tuple[packhouse.Report, dict[str, list[dict[str, Any]]]]]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Return a function from files to the report of packing them, and the rows of the tables."""

    def work(files: Mapping[str, str | bytes], **options: Any) -> Any:  # noqa: ANN401
        for name, data in files.items():
            path = tmp_path / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        report = packhouse.pack(tmp_path / "src", tmp_path / "out.pack", **options)
        with packhouse.open(tmp_path / "out.pack") as opened:
            return report, {
                table.name: opened.tables[table.name].to_arrow().to_pylist() for table in report.tables
            }

    return work


IMAGES = {f"img_{number:03}.jpg": PIXEL for number in (1, 2, 3)}
LABELS = "img_001.jpg,cat\nimg_002.jpg,dog\nimg_003.jpg,cat\n"


def values(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Return the cells without the columns of a link."""
    return [[value for name, value in row.items() if name not in ("image", "image_key")] for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        LABELS,
        LABELS.replace("img_", "some/where/img_"),
        LABELS.replace(".jpg", ""),
        LABELS.replace(",", ";"),
        LABELS.replace(",cat", ",7").replace(",dog", ",7"),
        "cat,img_001.jpg\ncat,img_002.jpg\n",
        "img_001.jpg\nimg_002.jpg\n",
        "img_001.jpg,0,0,1\nimg_002.jpg,0,0,1\n",
        "img_001.jpg,x\n",
    ],
)
def test_a_first_line_that_names_an_image_is_a_row(pack: Pack, text: str) -> None:
    """Where a header names an image in the column that names images, there is no header."""
    report, tables = pack({**IMAGES, "labels.csv": text})

    assert len(tables["labels"]) == len(text.splitlines())
    assert next(iter(tables["labels"][0])) == "column_1"
    assert any("names an image, so it is a row" in note for note in report.tables[0].notes)
    assert report.is_complete


def test_numbers_name_images_with_zeros(pack: Pack) -> None:
    """Images that are numbered are named by numbers, whose zeros another tool may have taken."""
    images = {f"{number:05}.jpg": PIXEL for number in range(7, 12)}

    _, tables = pack({**images, "l.csv": "7,1\n8,1\n9,0\n10,0\n11,0\n"})

    assert values(tables["l"]) == [[7, 1], [8, 1], [9, 0], [10, 0], [11, 0]]


@pytest.mark.parametrize(
    "text",
    [
        "image,label\nimg_001.jpg,cat\n",
        "img_001,label\nother,cat\nthings,dog\n",
        "0,1\nimg_001.jpg,cat\nimg_002.jpg,dog\n",
    ],
)
def test_a_header_stays_a_header(pack: Pack, text: str) -> None:
    """A name that is an image's by chance, above cells that name none, is a name."""
    _, tables = pack({**IMAGES, "0.jpg": PIXEL, "labels.csv": text})

    assert len(tables["labels"]) == len(text.splitlines()) - 1


@pytest.mark.parametrize(
    "text",
    [
        "1,2.5,3\n4,5.5,6\n7,8.5,9\n",
        "007\n008\n009\n",
        "2018-01-01,3\n2018-01-02,4\n",
        "5.1,3.5,setosa\n4.9,3.0,setosa\n5.3,3.9,virginica\n",
        "mary,3\njohn,5\npaul,1\nrose,4\n",
        "a.jpg,x\nb.jpg,y\nc.jpg,z\n",
        "hello,pos\nbye,neg\nso,pos\n",
        "x,2018-01-01\ny,2018-01-02\nz,2018-01-03\n",
    ],
)
def test_a_header_that_may_be_a_row_is_noted(pack: Pack, text: str) -> None:
    """Nothing sure speaks for a row: the report says so, and packing is not complete."""
    report, tables = pack({"t.csv": text})

    assert len(tables["t"]) == len(text.splitlines()) - 1
    assert not report.is_complete
    assert any(note.startswith("the first line may be a row: ") for note in report.tables[0].notes)
    assert "--no-header t" in "".join(report.tables[0].notes)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "id,2019,2020\nx,5,6\ny,7,8\n",
        "name,A,B\nx,1,2\ny,1,2\n",
        "name\nx\ny\n",
        "#chrom,pos\nx,1\ny,2\n",
        "a,b\n",
        "a,b\nx,y\n",
    ],
)
def test_ordinary_headers_are_not_questioned(pack: Pack, text: str) -> None:
    """Years as names of columns of other numbers, and a # before the first name, are no reason for doubt."""
    report, _ = pack({"t.csv": text})

    assert (report.tables[0].notes, report.is_complete) == ((), True)


def test_no_header_and_the_confirmation_of_one(pack: Pack) -> None:
    """--no-header makes a row of the first line, and --skip-lines TABLE=0 says that it is the header."""
    text = "1,2\n3,4\n"
    report, tables = pack(
        {"a.csv": text, "b.csv": text, "sub/c.csv": text},
        no_header=["a", "sub*"],
        skip_lines={"b": 0},
    )

    assert values(tables["a"]) == values(tables["sub_c"]) == [[1, 2], [3, 4]]
    assert tables["a"][0].keys() == {"column_1", "column_2"}
    assert tables["b"] == [{"1": 3, "2": 4}]
    assert report.is_complete


def test_a_confirmed_header_may_name_an_image(pack: Pack) -> None:
    """What the user says of the first line counts more than what it looks like."""
    _, tables = pack({**IMAGES, "labels.csv": LABELS}, skip_lines={"labels": 0})

    assert len(tables["labels"]) == 2


@pytest.mark.parametrize(
    ("first", "mark"),
    [
        ("sep=;\n", ";"),
        ("SEP=;\r\n", ";"),
        ('"sep=;"\n', ";"),
        ("sep=\t\n", "\t"),
        ("sep=,\n", ","),
        ("\ufeffsep=^\n", "^"),
        ("sep=;;;\n", ";"),
    ],
)
def test_the_line_that_excel_writes_is_obeyed(pack: Pack, first: str, mark: str) -> None:
    """sep=; is neither a header nor a row, and it counts more than what the rows look like."""
    rows = [["a", "b"], ["1", "x,y,z"], ["2", ""]]
    text = first + "\n".join(mark.join(f'"{cell}"' for cell in row) for row in rows) + "\n"

    report, tables = pack({"t.csv": text})

    assert values(tables["t"]) == [[1, "x,y,z"], [2, ""]]
    assert list(tables["t"][0]) == ["a", "b"]
    assert report.is_complete


def test_a_header_without_its_first_name_is_no_title(pack: Pack) -> None:
    """As in CelebA: the number of rows, then a header with one name less than there are cells."""
    text = "3\nMale Young\na.jpg -1 1\nb.jpg 1 1\nc.jpg 1 -1\n"
    options = {"tables": ("*.txt", "*.csv"), "delimiter": "whitespace"}

    report, _ = pack({"t.txt": text, "other.csv": "a\nx\n"}, **options)
    _, tables = pack({"t.txt": text}, **options, skip_lines={"t": 1}, overwrite=True)

    assert report.failed[0].message.splitlines()[-1].endswith("--skip-lines t=1")
    assert tables["t"][1] == {"column_1": "b.jpg", "Male": 1, "Young": 1}


@pytest.mark.parametrize(
    ("before", "number"),
    [
        ("Report of 2020\n", 1),
        ("# made by hand, at night\n", 1),
        ("Report\n\nof 2020\n", 3),
        ("Title,x\n# note\n", 2),
    ],
)
def test_lines_before_the_header(pack: Pack, before: str, number: int) -> None:
    """A title with another number of cells stops the table, and the hint names the option that skips it."""
    text = before + "a,b,c\n1,2,x\n3,4,y\n5,6,z\n"
    report, _ = pack({"t.csv": text, "other.csv": "a\nx\n"})
    again, tables = pack({"t.csv": text}, skip_lines={"t": number}, overwrite=True)

    hint = report.failed[0].message.splitlines()[-1]
    assert f"--skip-lines t={number}" in hint
    assert tables["t"] == [{"a": 1, "b": 2, "c": "x"}, {"a": 3, "b": 4, "c": "y"}, {"a": 5, "b": 6, "c": "z"}]
    assert again.is_complete


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Report 2020,,\nid,name,n\n1,x,2\n2,y,3\n", "the first line looks like a title: 'Report 2020'"),
        ("# by hand,v2\nid,n\n1,2\n3,4\n5,6\n", "the first line looks like a comment: '# by hand'"),
        ("data,sheet\nid,name\n1,x\n2,y\n3,z\n", "the first row looks like the header: 'id', 'name'"),
        ("id,n\n1,2\n3,4\n5,6\nTotal,12\n", "the last row looks like a footer: column 'id' has 'Total'"),
        ("n\n1\n2\n3\n(3 rows)\n", "the last row looks like a footer: column 'n' has '(3 rows)'"),
        ("n,w\n" + "7,x\n" * 20_000 + "end,\n", "the last row looks like a footer: column 'n' has 'end'"),
    ],
)
def test_lines_that_are_no_rows_are_noted(pack: Pack, text: str, said: str) -> None:
    """A title, a comment or a footer with as many cells as the rows is packed, and noted."""
    report, tables = pack({"t.csv": text})

    assert len(tables["t"]) == len(text.splitlines()) - 1
    assert [note for note in report.tables[0].notes if note.startswith(said)]
    assert report.is_complete


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("A,B,C\n1,4,7,\n2,5,8,\n", "ends with a delimiter (',') that the header does not have"),
        ("A;B\n1;2\n3;4;\n", "ends with a delimiter (';') that the header does not have"),
        ("A|B|\n1|2\n3|4\n", "the header ends with a delimiter ('|')"),
        ('a,b\n"say \\"hi\\", you",1\n', "backslashes escape nothing"),
        ("a,b\nx\\,y,1\nz,2\n", "backslashes escape nothing"),
        ("a,b\n1,2\n3,4\nTotal: 2 rows\n", "if the last line is a footer"),
        ("a,b\n1,2\n3,4\n\nby hand\nin 2020\n", "if the last 2 lines are a footer"),
        ("x,y\nr1,1,2\nr2,3,4\n", "the row names of R"),
        ("text\nhello, world\nx\n", "--delimiter t=tab"),
        ("a,b\n1,2\n3,4,5\n6,7\n", "inside a cell needs quotes"),
        ("\na,b\n1,2\n", "--skip-lines t=1"),
        ("0,0\n1,2\n", "--no-header t"),
    ],
)
def test_a_hint_fits_the_file(pack: Pack, text: str, hint: str) -> None:
    """What is wrong with a file says what to do."""
    report, _ = pack({"t.csv": text, "other.csv": "a\nx\n"})

    (failed,) = report.failed
    assert hint in failed.message.splitlines()[-1]


CELEBA = "2\nSmiling  Young \n000001.jpg -1  1\n000002.jpg  1 -1\n"
CUB = "1 001.Albatross/Albatross_0001_796111.jpg\n2 001.Albatross/Albatross_0002_55.jpg\n"


def test_the_text_files_of_celeba_and_cub(pack: Pack) -> None:
    """Any number of blanks between cells, lines before the header, a column without a name, no header."""
    images = {"img/000001.jpg": PIXEL, "img/000002.jpg": PIXEL}
    cub = {line.split()[1]: PIXEL for line in CUB.splitlines()}
    files = {"list_attr.txt": CELEBA, "images.txt": CUB, "boxes.txt": "1 60.0\t27.0 \n2 5.5 6.5"}
    report, tables = pack(
        {**images, **cub, **files},
        tables="*.txt",
        delimiter="whitespace",
        skip_lines={"list_attr": 1},
        no_header="boxes",
    )

    assert not report.failed
    assert [list(row.values())[:3] for row in tables["list_attr"]] == [
        ["000001.jpg", -1, 1],
        ["000002.jpg", 1, -1],
    ]
    assert list(tables["list_attr"][0])[:3] == ["column_1", "Smiling", "Young"]
    assert [row["column_1"] for row in tables["images"]] == [1, 2]
    assert values(tables["boxes"]) == [[1, 60.0, 27.0], [2, 5.5, 6.5]]


@pytest.mark.parametrize(
    ("files", "table", "columns"),
    [
        ({"t.csv": 'name;price,EUR\n"Shirt";"10"\n"Hat";"5"\n'}, "t", ["name", "price,EUR"]),
        ({"t.csv": 'id|label;kind\n"1"|"cat"\n"2"|"dog"\n'}, "t", ["id", "label;kind"]),
        ({"t.tsv": "image\tx,y,w,h\ni\t1,2,3,4\nj\t5,6,7,8\n"}, "t", ["image", "x,y,w,h"]),
        ({"t.csv": "image\tx,y,w,h\ni\t1,2,3,4\nj\t5,6,7,8\n"}, "t", ["image", "x,y,w,h"]),
        ({"t.tsv": "title\nHello, world\nx\n"}, "t", ["title"]),
        ({"t.tsv": "city, country\nParis, France\nRome, Italy\n"}, "t", ["city, country"]),
        ({"t.TSV.gz": "title\nHello, world\nx\n"}, "t", ["title"]),
        ({"t.tsv": "a,b\n1,2\n"}, "t", ["a", "b"]),
        ({"t.csv": "a;b;c, in EUR\n1;x;2\n3;y;4\n5;z;6;7\n"}, None, []),
        ({"t.csv": "id;text, in full\n1;a, b, c\n2;d\n"}, "t", ["id", "text, in full"]),
        ({"t.csv": "Report\nid;n\n1;2\n3;4\n"}, None, []),
        ({"t.csv": 'a,b\n"x;y",1\n"z;w",2\n'}, "t", ["a", "b"]),
    ],
)
def test_the_delimiter_is_what_all_rows_speak_for(
    pack: Pack, files: dict[str, str], table: str | None, columns: list[str]
) -> None:
    """Quotes, the extension and all rows decide, not the number of cells of the first one."""
    report, tables = pack({**files, "other.csv": "a\nx\n"}, tables="*t*")

    if table is None:
        assert [failed.path for failed in report.failed] == list(files)
        assert "line 4" in report.failed[0].message or "line 2" in report.failed[0].message
    else:
        assert list(tables[table][0]) == columns
        assert not report.failed


@pytest.mark.parametrize(
    ("said", "text", "rows"),
    [
        ("t=:", "a:b\n1,5:x\n", [["1,5", "x"]]),
        (" ", "a b\n1 x\n2  \n", None),
        ("tab", "a,b\tc\n1,2\t3\n", [["1,2", 3]]),
        ("\\t", "a,b\tc\n1,2\t3\n", [["1,2", 3]]),
        ("=", "a=b\n1=2\n", [[1, 2]]),
        ("t==", "a=b\n1=2\n", [[1, 2]]),
        ("whitespace", '  a   b\t c \n\n 1 \t "x  y"   2\r\n', [[1, "x  y", 2]]),
    ],
)
def test_a_delimiter_that_is_set(pack: Pack, said: str, text: str, rows: list[list[Any]] | None) -> None:
    """For one table or all; it needs no evidence."""
    report, tables = pack({"t.csv": text, "u.csv": "only\nx\n"}, delimiter=said)

    if rows is None:
        assert report.failed[0].path == "t.csv"
    else:
        assert values(tables["t"]) == rows


def test_marks_of_missing_values(pack: Pack) -> None:
    """Columns with NA become numbers by the usual proof, and the report counts the marks."""
    files = {
        "h.csv": 'front,code,n,x\n65,NA,-,\\N\nNA,"NA",7,1.5\n80,b,,2.5\n',
        "c.csv": "code,name\nNA,Namibia\nDE,-\n",
    }
    report, tables = pack(files, null=["h.front=NA", "h.*=-", "h.x=\\N", "h.n=never"])

    assert values(tables["h"]) == [[65, "NA", None, None], [None, "NA", 7, 1.5], [80, "b", None, 2.5]]
    assert values(tables["c"]) == [["NA", "Namibia"], ["DE", "-"]]
    made = {table.name: table for table in report.tables}
    assert [column.arrow for column in made["h"].columns] == ["int64", "string", "int64", "double"]
    assert [column.nulls for column in made["h"].columns] == [1, 0, 2, 1]
    assert made["h"].notes == (
        "column 'front': 1 cell with 'NA' or '-' read as missing",
        "column 'n': 1 cell with '-' or 'never' read as missing",
        "column 'x': 1 cell with '-' or '\\\\N' read as missing",
    )
    assert not made["c"].notes


def test_marks_in_all_tables(pack: Pack) -> None:
    """A mark without a name is one everywhere; a late one is counted as an early one."""
    rows = "".join(f"{number}\n" if number % 3 else "NA\n" for number in range(30_000))
    report, tables = pack({"a.csv": "n\n" + rows, "b.csv": "w,v\nNA,x\n"}, null="NA")

    assert report.tables[0].columns[0].arrow == "int64"
    assert report.tables[0].notes == ("column 'n': 10,000 cells with 'NA' read as missing",)
    assert tables["b"] == [{"w": None, "v": "x"}]


def test_globs_name_columns(pack: Pack) -> None:
    """--text 'sales.*' and --text '*.id'; a type of one column counts more than a glob."""
    text = "id,n,x\n1,2,3.5\n4,5,6.5\n"
    report, _ = pack(
        {"sales.csv": text, "deep/other.csv": text},
        text=["sales.*", "*.id"],
        types={"sales.n": "integer", "deep_*.x": "text"},
    )

    kinds = {table.name: [column.arrow for column in table.columns] for table in report.tables}
    assert kinds == {"sales": ["string", "int64", "string"], "deep_other": ["string", "int64", "string"]}


@pytest.mark.parametrize(
    "options",
    [
        {"text": "nothing.*"},
        {"text": "*.nothing"},
        {"no_header": "nothing"},
        {"skip_lines": {"no*": 1}},
        {"delimiter": "nothing=;"},
        {"null": "t.nothing=NA"},
        {"table_name": {"nothing.csv": "x"}},
    ],
)
def test_names_of_nothing_are_refused(pack: Pack, options: dict[str, Any]) -> None:
    """An option that would do nothing is a mistake."""
    with pytest.raises(ColumnNotFoundError):
        pack({"t.csv": "a,b\n1,2\n"}, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": "::"},
        {"delimiter": "t="},
        {"delimiter": '"'},
        {"delimiter": "é"},
        {"skip_lines": {"t": -1}},
        {"table_name": {"t.csv": "a/b"}},
        {"table_name": {"t.csv": "image_index"}},
    ],
)
def test_options_that_make_no_sense(pack: Pack, options: dict[str, Any]) -> None:
    """They are refused before the data is looked at."""
    with pytest.raises(UsageError):
        pack({"t.csv": "a,b\n1,2\n"}, **options)


def test_tables_of_one_name_are_told_apart(pack: Pack) -> None:
    """A file can have another name as a table; its error says how."""
    files = {"a/b.csv": "x\n1\n", "a_b.csv": "x\n2\n", "c.csv": "x\n3\n", "c.tsv": "x\n4\n"}
    report, _ = pack(files)
    _, tables = pack({}, table_name={"a_b.csv": "other", "c.tsv": "c tabs"}, overwrite=True)

    assert "--table-name a_b.csv=NAME" in report.failed[0].message
    first = {name: rows[0]["x"] for name, rows in tables.items()}
    assert first == {"a_b": 1, "other": 2, "c": 3, "c tabs": 4}


def test_the_command_line_and_the_settings_file_say_the_same(tmp_path: Path) -> None:
    """Each option has its place in both; a header that may be a row is exit code 3."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_text("title\n1:NA\n3:4\n")
    (tmp_path / "src/u.csv").write_text("1,2\n3,4\n")
    command: list[str | Path] = [
        Path(sys.executable).with_name("packhouse"),
        "pack",
        tmp_path / "src",
        "--json",
    ]
    options = "--skip-lines t=1 --no-header t --delimiter t=: --null t.column_2=NA --table-name u.csv=v"
    said = subprocess.run(
        [*command, "-o", tmp_path / "a", *options.split()], capture_output=True, check=False
    )
    (tmp_path / "src/packhouse.toml").write_text(
        'no_header = ["t", "v"]\n[skip_lines]\nt = 1\n[delimiter]\nt = ":"\n[null]\nt.column_2 = "NA"\n'
        '[table_name]\n"u.csv" = "v"\n'
    )
    written = subprocess.run([*command, "-o", tmp_path / "b"], capture_output=True, check=False)

    one, other = (json.loads(done.stdout) for done in (said, written))
    assert (said.returncode, written.returncode) == (3, 0)
    assert one["tables"]["t"]["digest"] == other["tables"]["t"]["digest"]
    assert one["tables"]["t"]["columns"][1]["nulls"] == 1
    assert (one["tables"]["v"]["may_lack_rows"], other["tables"]["v"]["rows"]) == (True, 2)
