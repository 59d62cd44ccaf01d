"""What conditions find, and what has no counterpart, against plain Python over the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bound_tables import bound_tables
from packhouse._src.tables.finding import find_keys, images_without_row, rows_without_image
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.table import Tables
from packhouse.errors import QueryError

ARTICLES = LinkedColumns("articles", "article_id", "", "image", "image_key")
LABELS = LinkedColumns("labels", "file", "", "has_image", "image_key")


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """Five images, one of them twice by its name; two linked tables."""
    index = {
        "key": ["a/1", "a/2", "b/2", "c/3", "c/4"],
        "name": ["1", "2", "2", "3", "4"],
        "file_name": ["a/1.jpg", "a/2.jpg", "b/2.jpg", "c/3.jpg", "c/4.jpg"],
        "width": [300, 200, 100, 400, 50],
    }
    articles = {
        "article_id": ["1", "2", "9", None, "1"],
        "price": [0.5, 1.5, 2.5, 3.5, 4.5],
        "image": [True, True, False, False, True],
        "image_key": ["a/1", None, None, None, "a/1"],
    }
    labels = {
        "file": [3, 77],
        "label": ["dress", "coat"],
        "price": [9.0, 8.0],
        "has_image": [True, False],
        "image_key": ["c/3", None],
    }
    for name, columns in (("image_index", index), ("articles", articles), ("labels", labels)):
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    return bound_tables(tmp_path, {name: f"{name}.parquet" for name in ("image_index", "articles", "labels")})


@pytest.mark.parametrize(
    ("where", "links", "keys"),
    [
        ("width < 250", [], ["a/2", "b/2", "c/4"]),
        ("true", [ARTICLES, LABELS], ["a/1", "a/2", "b/2", "c/3", "c/4"]),
        ("articles.price > 0 AND width > 200 -- both", [ARTICLES, LABELS], ["a/1"]),
        ("label = 'dress'", [ARTICLES, LABELS], ["c/3"]),
        ("label = 'dress' OR article_id = '1'", [ARTICLES, LABELS], ["a/1", "c/3"]),
        ("article_id IS NULL", [ARTICLES], ["a/2", "b/2", "c/3", "c/4"]),
        ("name IN (SELECT article_id FROM articles)", [LABELS], ["a/1", "a/2", "b/2"]),
        ("width > 1000", [ARTICLES], []),
    ],
)
def test_images_are_found_by_a_condition(
    tables: Tables, where: str, links: Sequence[LinkedColumns], keys: Sequence[str]
) -> None:
    """Keys come sorted, each once, however many rows an image has and tables are linked."""
    assert find_keys(tables, where, links) == keys


@pytest.mark.parametrize(
    "where", ["nope = 1", "true) OR (true", "true); DROP VIEW image_index; --", "", "true ORDER BY 1"]
)
def test_conditions_that_do_not_run(tables: Tables, where: str) -> None:
    """A condition is one condition; anything else is refused, and the next is answered."""
    with pytest.raises(QueryError):
        find_keys(tables, where, [ARTICLES])

    assert len(find_keys(tables, "true", [ARTICLES])) == 5


@pytest.mark.parametrize(
    ("where", "problem", "hint"),
    [
        ("widht > 1", "there is no column 'widht'", "did you mean width? text needs single quotes: 'widht'"),
        ("label = dress", "there is no column 'dress'", "text needs single quotes: 'dress'"),
        ("width >", "Parser Error: ", "write one SQL condition, such as width < 400 or name = 'Black'"),
        ("", "the condition is empty", "write, for example, width < 400"),
    ],
)
def test_conditions_that_do_not_run_say_what_to_write(
    tables: Tables, where: str, problem: str, hint: str
) -> None:
    """The error has the condition, the folder of the pack, and what to write instead."""
    with pytest.raises(QueryError) as caught:
        find_keys(tables, where, [ARTICLES, LABELS])

    assert caught.value.problem.startswith(problem)
    assert caught.value.hint == hint
    assert (caught.value.where.file, caught.value.where.member) == (str(tables.folder), where)


def test_a_name_that_several_tables_have_needs_its_table(tables: Tables) -> None:
    """The error says which there are."""
    with pytest.raises(QueryError) as caught:
        find_keys(tables, "Price > 1", [ARTICLES, LABELS])

    assert caught.value.hint == 'say which table: "articles"."price" or "labels"."price"'


@pytest.mark.parametrize(
    ("links", "keys"),
    [
        ([ARTICLES], ["a/2", "b/2", "c/3", "c/4"]),
        ([LABELS], ["a/1", "a/2", "b/2", "c/4"]),
        ([ARTICLES, LABELS], ["a/2", "b/2", "c/4"]),
    ],
)
def test_images_without_a_row(tables: Tables, links: Sequence[LinkedColumns], keys: Sequence[str]) -> None:
    """That no row of any of the tables describes; a value of two different images describes neither."""
    assert list(images_without_row(tables, links)) == keys


def test_rows_without_an_image(tables: Tables) -> None:
    """Table by table in the order of the file: the value as text, None for an empty cell."""
    assert list(rows_without_image(tables, [ARTICLES, LABELS])) == [
        ("articles", "9"),
        ("articles", None),
        ("labels", "77"),
    ]


def test_a_hint_of_names_that_sql_keeps_for_itself_can_be_typed(tmp_path: Path) -> None:
    """Names such as select, or with a blank, come quoted; the condition runs with what the hint says."""
    pq.write_table(pa.table({"key": ["a"], "name": ["a"], "file_name": ["a.jpg"]}), tmp_path / "i.parquet")
    for name in ("one two", "select"):
        columns = {"group": [1], "image": [True], "image_key": ["a"]}
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    files = {"image_index": "i.parquet", "one two": "one two.parquet", "select": "select.parquet"}
    made = bound_tables(tmp_path, files)
    links = [LinkedColumns(name, "group", "", "image", "image_key") for name in ("one two", "select")]

    with pytest.raises(QueryError) as caught:
        find_keys(made, '"group" = 1', links)

    offers = caught.value.hint.removeprefix("say which table: ").split(" or ")
    assert len(offers) == 2
    assert [find_keys(made, f"{offer} = 1", links) for offer in offers] == [["a"], ["a"]]


def test_rows_without_an_image_are_told_in_the_words_of_the_report(tmp_path: Path) -> None:
    """Whatever the type of the column: as DuckDB casts it to text, not as Python writes it."""
    columns = {
        "yes": [True, None],
        "when": pa.array([0, 1], pa.timestamp("us", "UTC")),
        "far": [1e20, 1e-7],
        "image": [False, False],
        "image_key": pa.array([None, None], pa.string()),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    made = bound_tables(tmp_path, {"t": "t.parquet"})

    for column in ("yes", "when", "far"):
        told = list(rows_without_image(made, [LinkedColumns("t", column, "", "image", "image_key")]))

        texts = made.sql("SELECT CAST(COLUMNS(?) AS VARCHAR) AS c FROM t", (column,))["c"].to_pylist()
        assert told == [("t", text) for text in texts]
