"""Keys of joins that other tools have changed: through `packhouse pack`, against Python's csv and pandas."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse._src.cli import main
from packhouse.errors import TableError, UsageError

IDS = [f"0{108775015 + 37 * n}" for n in range(40)]
ARTICLES = "article_id,name\n" + "".join(f"{one},n{n}\n" for n, one in enumerate(IDS))
SALES = [IDS[n * 7 % 40] for n in range(90)]
JOIN = "j = sales + articles on article_id"


def write(folder: Path, **tables: str) -> Path:
    """Write CSV files."""
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, newline="")
    return folder


def sales(ids: list[Any]) -> str:
    """Return the CSV file of some sales, as pandas writes it."""
    return str(pd.DataFrame({"article_id": ids, "n": range(len(ids))}).to_csv(index=False))


def rows_of(pack: Path, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table as pyarrow reads them."""
    rows: list[dict[str, Any]] = pq.ParquetFile(pack / f"{table}.parquet").read().to_pylist()
    return rows


def run(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Run `packhouse pack --json` and return its exit code and report."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = main.run(["pack", *map(str, arguments), "--json"])
    return code, json.loads(printed.getvalue())


def expected() -> list[dict[str, Any]]:
    """Return the rows of the join, by Python's csv alone."""
    names = {row["article_id"]: row["name"] for row in csv.DictReader(io.StringIO(ARTICLES))}
    return [{"article_id": one, "n": n, "name": names[one]} for n, one in enumerate(SALES)]


@pytest.mark.parametrize("kind", [int, float])
def test_ids_that_pandas_made_numbers_join_again(tmp_path: Path, kind: type) -> None:
    """The hint of the join that found nothing is the option that makes it the join of the original ids."""
    source = write(tmp_path / "src", articles=ARTICLES, sales=sales([kind(one) for one in SALES]))

    code, report = run(source, "-o", tmp_path / "a.pack", "--join", JOIN)

    assert code == 3
    (failed,) = report["failed"]
    assert failed["path"] == "join j"
    assert "30 of 30" in failed["message"] or "40 of 40" in failed["message"]
    hint = failed["message"].rpartition("try: ")[2].split()
    assert hint == ["--pad", "sales.article_id=10"]
    assert rows_of(tmp_path / "a.pack", "j") == []

    code, report = run(source, "-o", tmp_path / "b.pack", "--join", JOIN, *hint)

    assert (code, report["failed"]) == (0, [])
    assert rows_of(tmp_path / "b.pack", "j") == expected()
    (column, _) = report["tables"]["sales"]["columns"]
    assert column["reason"] == "text: padded with zeros to 10 digits, as requested"
    assert report["options"]["pad"] == {"sales.article_id": 10}


def test_a_missing_id_makes_floats_of_all(tmp_path: Path) -> None:
    """Beside an empty cell pandas writes ids as floats: nothing equals them, and the hint says what helps."""
    ids = ["7", "12", None, "300"]
    frame = pd.DataFrame({"id": [7.0, 12.0, None, 300.0], "x": range(4)})
    source = write(tmp_path / "src", right="id,y\n7,a\n12,b\n300,c\n", left=str(frame.to_csv(index=False)))

    code, report = run(source, "-o", tmp_path / "a.pack", "--join", "j = left + right on id")
    (failed,) = report["failed"]
    hint = failed["message"].rpartition("try: ")[2].split()
    again, second = run(source, "-o", tmp_path / "b.pack", "--join", "j = left + right on id", *hint)

    assert code == 3
    assert hint == ["--types", "left.id=integer"]
    assert (again, second["failed"]) == (0, [])
    assert [row["y"] for row in rows_of(tmp_path / "b.pack", "j")] == ["a", "b", "c"]
    assert [row["id"] for row in rows_of(tmp_path / "b.pack", "left")] == [
        None if one is None else int(one) for one in ids
    ]


def test_both_columns_get_one_type(tmp_path: Path) -> None:
    """Text, when either is: by the text as it was written, whatever the values would be as numbers."""
    spellings = ["1.10", "1.5", "2.50", "1.1"]
    source = write(
        tmp_path / "src",
        left="v,n\n" + "".join(f"{one},{n}\n" for n, one in enumerate(spellings)),
        right="v,y\n1.10,a\n1.5,b\nx,c\n",
        other="v,z\n1.5,1\n1.1,2\n",
    )

    report = packhouse.pack(
        source,
        tmp_path / "out.pack",
        joins=["j = left + right on v", "k = j + other on v", "m = other + left on v"],
    )

    assert not report.failed
    assert [row["y"] for row in rows_of(tmp_path / "out.pack", "j")] == ["a", "b"]
    assert rows_of(tmp_path / "out.pack", "k") == [{"v": "1.5", "n": 1, "y": "b", "z": 1}]
    assert [row["n"] for row in rows_of(tmp_path / "out.pack", "m")] == [1, 3]
    for table in ("left", "right", "other"):
        assert pq.read_schema(tmp_path / "out.pack" / f"{table}.parquet").field("v").type == "string"
    reasons = {table.name: table.columns[0].reason for table in report.tables}
    assert (
        reasons["other"] == "text: it is joined with left.v, which is text" or "right.v" in reasons["other"]
    )


@pytest.mark.parametrize("big", ["left", "right"])
def test_the_order_in_which_tables_are_converted_does_not_matter(tmp_path: Path, big: str) -> None:
    """Small tables are converted first; one that turns out to be wrong is converted again."""
    keys = {"left": ["1", "2", "3"], "right": ["1", "3", "03"]}
    filler = {name: "x" * (5000 if name == big else 1) for name in keys}
    source = write(
        tmp_path / "src",
        **{name: f"k,{name}\n" + "".join(f"{k},{filler[name]}\n" for k in keys[name]) for name in keys},
    )

    packhouse.pack(source, tmp_path / "out.pack", joins="j = left + right on k")

    assert [row["k"] for row in rows_of(tmp_path / "out.pack", "j")] == ["1", "3"]
    assert [row["k"] for row in rows_of(tmp_path / "out.pack", "left")] == keys["left"]


def test_a_type_that_was_asked_for_stays(tmp_path: Path) -> None:
    """Then the values are compared as text when the join is made."""
    source = write(tmp_path / "src", left="k,n\n1,0\n2,1\n", right="k,y\n2,a\n02,b\n")

    packhouse.pack(source, tmp_path / "out.pack", joins="j = left + right on k", types={"left.k": "integer"})

    assert rows_of(tmp_path / "out.pack", "j") == [{"k": 2, "n": 1, "y": "a"}]


def test_a_column_without_values_does_not_make_text_of_another(tmp_path: Path) -> None:
    """It fits any type: the numbers stay numbers, and that none matches is listed."""
    source = write(tmp_path / "src", left="k,n\n1,0\n2,1\n", right="k,y\n,a\n,b\n")

    code, report = run(
        source, "-o", tmp_path / "out.pack", "--join", "j = left + right on k", "--how", "left"
    )

    assert code == 3
    assert "right.k has no values" in report["failed"][0]["message"]
    assert rows_of(tmp_path / "out.pack", "j") == [{"k": 1, "n": 0, "y": None}, {"k": 2, "n": 1, "y": None}]


@pytest.mark.parametrize(
    ("tables", "join", "rows"),
    [
        ({"a": "x,n\n1,2\n", "b": "y,m\n1,3\n"}, "j = a + b on x = y", [{"x": 1, "n": 2, "m": 3}]),
        (
            {"a": "Image ID,n\n1,2\n", "b": "image id,m\n1,3\n"},
            "j = a + b on IMAGE ID",
            [{"Image ID": 1, "n": 2, "m": 3}],
        ),
        (
            {"a": '"x, y",n\n1,2\n', "b": "id,m\n1,3\n"},
            'j = A + B on "x, y" = id',
            [{"x, y": 1, "n": 2, "m": 3}],
        ),
        ({"a b": "x,n\n1,2\n", "c+d": "x,m\n1,3\n"}, 'j = a b + "c+d" on x', [{"x": 1, "n": 2, "m": 3}]),
    ],
)
def test_names_of_keys(
    tmp_path: Path, tables: Mapping[str, str], join: str, rows: list[dict[str, Any]]
) -> None:
    """Two names, other case, blanks and commas: all can be written."""
    code, report = run(write(tmp_path / "src", **tables), "-o", tmp_path / "out.pack", "--join", join)

    assert (code, report["failed"]) == (0, [])
    assert rows_of(tmp_path / "out.pack", "j") == rows


def test_compact_keys_of_two_names(tmp_path: Path) -> None:
    """The number stands for the text of the lookup table's own column, whatever that is called."""
    source = write(tmp_path / "src", sales="item_id,n\nb,1\na,2\n", items="id,y\na,5\nb,6\n")

    packhouse.pack(source, tmp_path / "o.pack", joins="j = sales + items on item_id = id", compact_keys=True)

    assert rows_of(tmp_path / "o.pack", "j") == [
        {"item_ix": 1, "n": 1, "y": 6},
        {"item_ix": 0, "n": 2, "y": 5},
    ]
    assert rows_of(tmp_path / "o.pack", "items") == [
        {"id": "a", "y": 5, "item_ix": 0},
        {"id": "b", "y": 6, "item_ix": 1},
    ]


@pytest.mark.parametrize(
    ("ids", "line"), [("108\n12345678901\n", 3), ("x12\n", 2), ("-5\n", 2), ("7.5\n", 2), ("1e3\n", 2)]
)
def test_what_cannot_be_padded_is_an_error(tmp_path: Path, ids: str, line: int) -> None:
    """An id that is no whole number, or longer than was said: the table is not packed, with the line."""
    source = write(tmp_path / "src", t=f"id\n{ids}", other="a\n1\n")

    code, report = run(source, "-o", tmp_path / "out.pack", "--pad", "t.id=10")

    assert code == 3
    assert f"t.csv, line {line}" in report["failed"][0]["message"]
    assert "cannot be padded to 10 digits" in report["failed"][0]["message"]


def test_padding_leaves_whole_ids_and_empty_cells(tmp_path: Path) -> None:
    """Those that have their zeros, and cells without a value."""
    source = write(tmp_path / "src", t='id,n\n7,1\n0012,2\n,3\n00000,4\n12.0,5\n"8",6\n')
    (source / "packhouse.toml").write_text("[pad]\nt.id = 5\n")

    packhouse.pack(source, tmp_path / "out.pack")

    ids = [row["id"] for row in rows_of(tmp_path / "out.pack", "t")]
    assert ids == ["00007", "00012", None, "00000", "00012", "00008"]


@pytest.mark.parametrize(
    "options", [{"pad": {"t.id": 0}}, {"pad": {"t": 3}}, {"pad": {"t.id": 3}, "types": {"t.id": "integer"}}]
)
def test_odd_padding_is_an_error_of_usage(tmp_path: Path, options: dict[str, Any]) -> None:
    """No digits, no column, or a type that is no text."""
    with pytest.raises(UsageError):
        packhouse.pack(write(tmp_path / "src", t="id\n1\n"), tmp_path / "out.pack", **options)


def test_a_join_of_no_row_stops_when_asked_to(tmp_path: Path) -> None:
    """With on_error="stop" it is raised, and no pack is made."""
    source = write(tmp_path / "src", a="k\n1\n", b="k\n2\n")

    with pytest.raises(TableError, match="no row found a match in b"):
        packhouse.pack(source, tmp_path / "out.pack", joins="j = a + b on k", on_error="stop")

    assert not (tmp_path / "out.pack").exists()


def test_an_update_is_not_stopped_by_what_was_so_before(tmp_path: Path) -> None:
    """A join without a match in the old pack may be without one in the new; one that had some may not."""
    source = write(tmp_path / "src", a="k\n1\n", b="k\n2\n", c="k\n1\n")
    joins = ["j = a + b on k", "m = a + c on k"]
    packhouse.pack(source, tmp_path / "out.pack", joins=joins)

    report = packhouse.pack(source, tmp_path / "out.pack", update=True)
    write(source, c="k\n3\n")
    with pytest.raises(packhouse.errors.SourceError, match="such as join m"):
        packhouse.pack(source, tmp_path / "out.pack", update=True)

    assert [one.path for one in report.failed] == ["join j"]
