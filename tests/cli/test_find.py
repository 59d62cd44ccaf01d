"""`packhouse find`, `rows` and `inspect`: what a pack tells of its images and rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import packhouse
from small_dataset import JOIN, DataSet

PROGRAM = Path(sys.executable).with_name("packhouse")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command line."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def packed(dataset: DataSet, tmp_path: Path) -> Path:
    """A pack of the data set, with an image that no row names."""
    (dataset.folder / "images" / "010" / "text.jpg").write_text("no picture")
    packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN])
    return tmp_path / "shop.pack"


def test_find_answers_sql_over_images_and_their_rows(packed: Path) -> None:
    """The same keys as a condition on the linked table read by pyarrow; as JSON a list of them."""
    where = "articles.name = 'Dress 1' AND width = 40"

    found, document = run("find", packed, "--where", where), run("find", packed, "--where", where, "--json")

    with packhouse.open(packed) as pack:
        rows = pack.tables["articles"].to_arrow().to_pylist()
    expected = sorted(row["image_key"] for row in rows if row["image"] and row["name"] == "Dress 1")
    assert found.stdout.split() == json.loads(document.stdout) == expected
    assert f"{len(expected)} images" in found.stderr
    wrong = run("find", packed, "--where", "colour = 1")
    assert wrong.returncode == 1
    assert "colour" in wrong.stderr
    assert json.loads(run("find", packed, "--where", "false", "--json").stdout) == []


def test_find_lists_orphans_in_full(packed: Path, dataset: DataSet) -> None:
    """Images a line; rows as table, tab, value; as JSON lists."""
    images, rows = run("find", packed, "--orphans", "images"), run("find", packed, "--orphans", "rows")
    document = json.loads(run("find", packed, "--orphans", "rows", "--json").stdout)

    assert images.stdout == "010/text\n"
    assert rows.stdout.splitlines() == [f"articles\t{name}" for name in dataset.without_image]
    assert document == [{"table": "articles", "value": name} for name in dataset.without_image]
    assert "3 rows" in rows.stderr
    assert json.loads(run("find", packed, "--orphans", "images", "--json").stdout) == ["010/text"]


@pytest.mark.parametrize("arguments", [[], ["--where", "true", "--orphans", "rows"], ["--orphans", "cats"]])
def test_find_wants_one_question(packed: Path, arguments: list[str]) -> None:
    """--where and --orphans exclude each other, and one is needed."""
    assert run("find", packed, *arguments).returncode == 2


def test_rows_prints_the_rows_of_an_image_under_their_table(packed: Path, dataset: DataSet) -> None:
    """Column and value a line; as JSON table -> rows."""
    name = min(dataset.files).split("/")[2].removesuffix(".jpg")

    words = run("rows", packed, name).stdout
    document = json.loads(run("rows", packed, name, "--json").stdout)

    assert words.startswith("[articles]\n")
    assert f"article_id\t{name}\n" in words
    assert [row["article_id"] for row in document["articles"]] == [name]
    assert document["articles"][0]["image"] is True
    assert "no row of articles names this image alone" in run("rows", packed, "010/text").stderr


def test_inspect_shows_types_with_reasons_links_and_joins(packed: Path) -> None:
    """In words and as the manifest itself."""
    words = run("inspect", packed).stdout
    document = json.loads(run("inspect", packed, "--json").stdout)

    assert "article_id: string - text: 27 of 27 values start with 0" in words
    assert "t_dat: date32 - date: all 300 values are ISO dates" in words
    assert "link: articles.article_id" in words
    assert "24 rows with an image, 3 without (0990000001, " in words
    assert "1 of 25 images without a row (010/text)" in words
    assert "+ customers on customer_id: 0 of 300 left rows without a match; 5 rows of customers" in words
    assert document == json.loads((packed / "pack.json").read_text(encoding="utf-8"))


def test_what_has_line_breaks_stays_on_its_line(tmp_path: Path) -> None:
    """Keys and cells with tabs and line breaks are written with backslashes; JSON has them as they are."""
    (tmp_path / "src/a").mkdir(parents=True)
    (tmp_path / "src/b").mkdir()
    for name in ("a/1.jpg", "b/1.jpg", "a/ta\tb.jpg"):
        (tmp_path / "src" / name).write_bytes(b"")
    (tmp_path / "src/t.csv").write_text('id\n1\n"no\nimage"\n')
    run("pack", tmp_path / "src", "-o", tmp_path / "x.pack", "--link", "t.id")

    rows = run("find", tmp_path / "x.pack", "--orphans", "rows")
    images = run("find", tmp_path / "x.pack", "--orphans", "images")
    exact = run("find", tmp_path / "x.pack", "--orphans", "rows", "--json")
    ambiguous = run("rows", tmp_path / "x.pack", "a/1")

    assert rows.stdout == "t\tno\\nimage\n"
    assert images.stdout == "a/1\na/ta\\tb\nb/1\n"
    assert json.loads(exact.stdout) == [{"table": "t", "value": "no\nimage"}]
    assert "1 row of t with several matching images" in ambiguous.stderr
