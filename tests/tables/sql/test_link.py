"""Which column names the images is found by evidence; expected counts are those of Python's own sets."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

import packhouse
from packhouse._src.delimited.convert import convert_table
from packhouse._src.imagefile.index_file import Binding, write_index
from packhouse._src.imagefile.keys import assign_keys
from packhouse._src.imagefile.slots import ImageSlot, IndexedImage
from packhouse._src.records import HeaderFacts, SourceFile
from packhouse._src.sql.links.evidence import best_evidence, choose_links, find_links, prepare_names
from packhouse._src.sql.links.link import LinkTask, free_name, link_table
from packhouse._src.sql.query_output import Workbench
from packhouse._src.table_records import LinkEvidence, LinkReport, TablePlan, TableReport
from packhouse.errors import UsageError

Columns = Mapping[str, Sequence[str | None]]
PATHS = [f"images/01{n % 2}/{n:010d}.jpg" for n in range(20)]
NAMES = [f"{n:010d}" for n in range(20)]
KEYS = [f"01{n % 2}/{n:010d}" for n in range(20)]
NOTHING = "a-word"


class House:
    """A bench, an index of images, and tables."""

    def __init__(self, bench: Workbench, paths: Sequence[str]) -> None:
        keys = assign_keys(paths).keys
        facts = HeaderFacts("image/jpeg", 1, 1, None, None)
        file = SourceFile("", 1, 0, 0)
        filled = [
            IndexedImage(ImageSlot(key, 0, file), number.to_bytes(16, "big"), facts)
            for number, key in enumerate(keys)
        ]
        self.bench = bench
        self.index = bench.folder / "image_index.parquet"
        self.tables: dict[str, TableReport] = {}
        write_index(self.index, filled, Binding(file_size=1, file_id="0" * 32, id_offset=0))
        self.images = prepare_names(bench.engine, self.index)

    def add(self, name: str, columns: Columns, wanted: Mapping[str, str] | None = None) -> None:
        """Convert a table of these columns."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        source = self.bench.folder / f"{name}.csv"
        source.write_text(text.getvalue(), newline="")
        plan = TablePlan(name, source.name, 1, f"{name}.parquet", tuple(columns), ())
        self.tables[name] = convert_table(self.bench, plan, source, wanted=wanted or {})

    def _found(self) -> list[LinkEvidence]:
        return find_links(self.bench.engine, list(self.tables.values()), self.bench.folder, self.images)

    def found(self) -> list[str]:
        """Return the columns that name images, best first."""
        return [f"{one.table}.{one.column}" for one in self._found()]

    def chosen(self) -> list[str]:
        """Return the columns that would be linked, best first."""
        tables = list(self.tables.values())
        chosen = choose_links(self.bench.engine, self._found(), tables, self.bench.folder, self.images)
        return [f"{one.table}.{one.column}" for one in chosen]

    def link(self, table: str, column: str) -> tuple[LinkReport, Any]:
        """Link a table, and return the report and the table as pyarrow reads it."""
        report = self.tables[table]
        evidence = best_evidence(self.bench.engine, report, column, self.bench.folder, self.images)
        work = LinkTask(evidence, asked_for=True, others=(), images=self.images)
        self.tables[table], linked = link_table(self.bench, report, work, index=self.index)
        assert not list(self.bench.folder.glob("*.linked"))
        return linked, pq.ParquetFile(self.bench.folder / report.file).read()


Build = Callable[[Sequence[str]], House]


@pytest.fixture
def build(bench: Workbench, tmp_path: Path) -> Build:
    """Return a function from paths of images to a house of its own folder."""
    return lambda paths: House(dataclasses.replace(bench, folder=tmp_path), paths)


@pytest.mark.parametrize(
    "values",
    [
        NAMES,
        KEYS,
        PATHS,
        [path.rpartition("/")[2] for path in PATHS],
        [(NAMES, KEYS, PATHS)[n % 3][n] for n in range(20)],
    ],
)
def test_every_form_of_a_name_is_known(build: Build, values: list[str]) -> None:
    """A column may hold names, keys, paths or file names of images, or mix them."""
    house = build(PATHS)
    house.add("articles", {"note": [NOTHING] * 20, "id": values})

    report, table = house.link("articles", "id")

    assert house.found() == ["articles.id"]
    assert table["image"].to_pylist() == [True] * 20
    assert table["image_key"].to_pylist() == KEYS
    assert (report.rows_with_image, report.images_without_row, report.images) == (20, 0, 20)


def test_a_column_without_repeated_values_comes_first(build: Build) -> None:
    """The table that describes the images has one row an image; sales name each of them many times."""
    house = build(PATHS)
    house.add("sales", {"article": NAMES * 3, "n": [str(n) for n in range(60)]})
    house.add("articles", {"article_id": [*NAMES[:15], *(f"no{n}" for n in range(5))]})
    house.add("more", {"article_id": NAMES})

    assert house.found() == ["more.article_id", "articles.article_id", "sales.article"]


def test_whole_numbers_may_name_images_when_none_repeats(build: Build) -> None:
    """A number names an image that is called like it; a repeated one is only a number."""
    house = build([f"images/{n}.jpg" for n in range(1, 21)])
    house.add("articles", {"id": [str(n) for n in range(1, 21)], "size": [str(n % 9 + 1) for n in range(20)]})

    report, table = house.link("articles", "id")

    assert house.tables["articles"].columns[0].arrow == "int64"
    assert house.found() == ["articles.id"]
    assert table["image_key"].to_pylist() == [str(n) for n in range(1, 21)]
    assert report.rows_with_image == 20


@pytest.mark.parametrize(
    ("n_values", "n_found", "n_images", "linked"),
    [
        (20, 10, 20, True),
        (20, 9, 20, False),
        (4, 2, 20, True),
        (40, 9, 20, False),
        (40, 10, 20, True),
        (3, 1, 20, False),
    ],
)
def test_half_of_the_values_or_of_the_images(
    build: Build,
    n_values: int,
    n_found: int,
    n_images: int,
    linked: bool,  # noqa: FBT001  # a parameter of the table above
) -> None:
    """A column is a link when half of its values name images, or name half of the images; not below."""
    house = build(PATHS[:n_images])
    values = [*NAMES[:n_found], *(f"no{n}" for n in range(n_values - n_found))]
    house.add("articles", {"id": values, "note": [NOTHING] * n_values})

    assert house.found() == (["articles.id"] if linked else [])


def test_tables_that_name_nothing_are_not_linked(build: Build) -> None:
    """Empty columns, words, floats and dates are no names; a table without rows neither."""
    house = build(PATHS)
    house.add("words", {"a": ["x", None], "b": [None, None], "c": ["0.5", "1.5"], "d": ["2018-02-03", None]})
    house.add("empty", {"id": [], "other": []})

    assert house.found() == []


def test_both_kinds_of_orphans_are_counted(build: Build) -> None:
    """Rows without an image and images without a row are the differences of two sets, with examples."""
    house = build(PATHS)
    values: list[str | None] = [*NAMES[3:], None, "no1", "no2", "no1", NAMES[5]]
    house.add("articles", {"id": values, "n": [str(n) for n in range(len(values))]})

    report, table = house.link("articles", "id")

    named = {value for value in values if value is not None} & set(NAMES)
    assert report.rows == table.num_rows == len(values)
    assert report.rows_with_image == sum(value in named for value in values)
    assert report.rows_without_image == sum(value not in named for value in values)
    assert report.rows_without_image_examples == ("(empty)", "no1", "no2", "no1")
    assert report.images_without_row == len(set(NAMES) - named)
    assert set(report.images_without_row_examples) == {KEYS[n] for n in range(3)}
    assert report.rows_ambiguous == 0
    assert table["image"].to_pylist() == [value in named for value in values]
    key_of = dict(zip(NAMES, KEYS, strict=True))
    assert table["image_key"].to_pylist() == [key_of.get(value or "") for value in values]


def test_a_name_of_several_images_is_flagged_without_a_key(build: Build) -> None:
    """Which of them is meant cannot be known: the row has an image, and no image has that row."""
    house = build(["images/a/1.jpg", "images/b/1.jpg", "images/a/2.jpg", "images/b/3.jpg"])
    house.add("articles", {"id": ["1", "2", "a/1", "b/1.jpg", "images/b/1.jpg", "9"], "x": ["y"] * 6})

    report, table = house.link("articles", "id")

    assert table["image"].to_pylist() == [True, True, True, True, True, False]
    assert table["image_key"].to_pylist() == [None, "a/2", "a/1", "b/1", "b/1", None]
    assert report.rows_ambiguous == 1
    assert (report.images_without_row, report.images_without_row_examples) == (1, ("b/3",))


def test_images_that_only_an_ambiguous_name_names_have_no_row(build: Build) -> None:
    """A row that may mean either of two different images describes neither, as everywhere."""
    house = build(["images/a/1.jpg", "images/b/1.jpg", "images/a/2.jpg"])
    house.add("articles", {"id": ["1.jpg", "x"], "x": ["y"] * 2})

    report, _ = house.link("articles", "id")

    assert (report.rows_ambiguous, report.rows_with_image) == (1, 1)
    assert (report.images_without_row, report.images_without_row_examples) == (3, ("a/1", "a/2", "b/1"))


def test_other_columns_and_the_order_of_rows_stay(build: Build) -> None:
    """Linking adds two columns behind the others and changes nothing else, nulls and types included."""
    house = build(PATHS)
    order = [n * 7 % 20 for n in range(20)]
    house.add(
        "articles",
        {
            "price": [None if n % 3 else f"{n}.5" for n in order],
            "id": [NAMES[n] for n in order],
            "file_row_number": [str(n) for n in order],
            "day": [f"2018-09-{n + 1:02d}" for n in order],
            'a "name", quoted': ["", None] * 10,
        },
    )
    before = pq.ParquetFile(house.bench.folder / "articles.parquet").read()

    _, after = house.link("articles", "id")

    assert after.column_names == [*before.column_names, "image", "image_key"]
    assert after.select(before.column_names).equals(before)
    assert after["image_key"].to_pylist() == [KEYS[n] for n in order]


@pytest.mark.parametrize(
    ("present", "flag", "key"),
    [
        (["image", "image_key"], "has_image", "packhouse_image_key"),
        (["IMAGE"], "has_image", "image_key"),
        (["image", "has_image", "image_key", "packhouse_image_key"], "has_image_2", "packhouse_image_key_2"),
    ],
)
def test_names_that_are_taken_are_left_alone(build: Build, present: list[str], flag: str, key: str) -> None:
    """A table that has such columns keeps them; ours get other names, which the report and the file say."""
    house = build(PATHS)
    house.add("articles", {"id": NAMES, **{name: [f"own{n}" for n in range(20)] for name in present}})

    report, table = house.link("articles", "id")

    assert (report.flag_column, report.key_column) == (flag, key)
    assert table[key].to_pylist() == KEYS
    assert table[flag].to_pylist() == [True] * 20
    assert all(table[name].to_pylist() == [f"own{n}" for n in range(20)] for name in present)
    assert (
        f'"image_key_column": "{key}"'.encode()
        in pq.read_metadata(house.bench.folder / "articles.parquet").metadata[b"packhouse"]
    )


def test_free_names_count_on() -> None:
    """The first free name is taken, else the last one with the first free number."""
    assert free_name(("a", "b"), set()) == "a"
    assert free_name(("a", "b"), {"a"}) == "b"
    assert free_name(("a", "b"), {"a", "b", "b_2"}) == "b_3"


def test_folders_named_like_partitions_and_patterns(bench: Workbench, tmp_path: Path) -> None:
    """Where a pack lies adds no column to its tables, and names no other file."""
    folder = tmp_path / "split=train" / "[1]*?"
    folder.mkdir(parents=True)
    house = House(dataclasses.replace(bench, folder=folder), PATHS)
    house.add("articles", {"id": NAMES})

    _, table = house.link("articles", "id")

    assert house.found() == ["articles.id"]
    assert table.column_names == ["id", "image", "image_key"]


def test_packing_links_by_itself(tmp_path: Path) -> None:
    """A folder of images and a table is packed and linked; the row of an image is found by its key."""
    source = tmp_path / "source"
    for path in PATHS[:6]:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2)).save(source / path)
    (source / "articles.csv").write_text(
        "id,price\n" + "".join(f"{name},{n}\n" for n, name in enumerate(NAMES[1:8]))
    )

    report = packhouse.pack(source, tmp_path / "out.pack")

    (link,) = report.links
    assert (link.table, link.column) == ("articles", "id")
    assert link.chosen == (
        "5 of 7 values match an image, no value repeats; 5 of 6 images are matched; "
        "preferred to articles.price, which needs leading zeros"
    )
    assert link.rows_without_image_examples == (NAMES[6], NAMES[7])
    assert link.images_without_row_examples == (KEYS[0],)
    with packhouse.open(tmp_path / "out.pack") as pack:
        assert pack.row(KEYS[2]) == {"id": NAMES[2], "price": 1, "image": True, "image_key": KEYS[2]}
        assert pack.row(KEYS[0]) is None


def test_numbers_name_images_with_zeros_in_front(build: Build) -> None:
    """Ids that a spreadsheet has made numbers of find images whose names are digits of one width."""
    house = build(PATHS)
    house.add("articles", {"id": [str(n) for n in range(18)] + ["77", "78"], "note": [NOTHING] * 20})

    report, table = house.link("articles", "id")

    assert house.tables["articles"].columns[0].arrow == "int64"
    assert house.found() == ["articles.id"]
    assert report.form == "with zeros in front, to 10 digits"
    assert "18 of 20 values match an image, with leading zeros, to 10 digits" in report.chosen
    assert table["image_key"].to_pylist() == [*KEYS[:18], None, None]
    assert table["id"].to_pylist() == [*range(18), 77, 78]


def test_zeros_are_only_tried_where_all_numbers_have_one_width(build: Build) -> None:
    """Of images named 7 and 07 a 7 is the first: nothing is filled up."""
    house = build(["images/7.jpg", "images/07.jpg", "images/012.jpg"])
    house.add("articles", {"id": ["7", "12"]})

    report, table = house.link("articles", "id")

    assert report.form == ""
    assert table["image_key"].to_pylist() == ["7", None]


def test_a_number_as_it_is_comes_before_zeros(build: Build) -> None:
    """Small numbers of another column would name numbered images too: that is only a near miss."""
    house = build(PATHS)
    house.add("articles", {"line": [str(n) for n in range(20)], "file": [f"{name}.jpg" for name in NAMES]})

    assert house.found() == ["articles.file", "articles.line"]


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("./{path}", "as paths, with / for \\ and without ./ in front"),
        ("/{path}", "as paths, with / for \\ and without ./ in front"),
        ("data\\{path}", "by the last part of the path"),
        ("/elsewhere/{path}", "by the last part of the path"),
        ("{path}", ""),
    ],
)
@pytest.mark.parametrize("part", ["path", "below", "stem"])
def test_paths_are_found_however_they_are_written(build: Build, written: str, form: str, part: str) -> None:
    """With another folder in front, with other slashes, below the shared folder, without the extension."""
    house = build(PATHS)
    wanted = {
        "path": PATHS,
        "below": [path.removeprefix("images/") for path in PATHS],
        "stem": [path.removesuffix(".jpg") for path in PATHS],
    }[part]
    house.add("articles", {"file": [written.format(path=path) for path in wanted]})

    report, table = house.link("articles", "file")

    assert report.form == form
    assert table["image_key"].to_pylist() == KEYS


def test_each_table_of_one_row_an_image_is_linked(build: Build) -> None:
    """Labels of two halves are both linked; sales, which repeat the names, are not."""
    house = build(PATHS)
    house.add("train", {"file": PATHS[:12], "n": ["5"] * 12})
    house.add("test", {"file": PATHS[12:], "n": ["5"] * 8})
    house.add("sales", {"article": NAMES * 3, "n": ["5"] * 60})

    assert house.chosen() == ["train.file", "test.file"]


def test_a_table_alone_is_linked_even_when_its_values_repeat(build: Build) -> None:
    """Several rows an image, such as boxes or captions, are better than no link at all."""
    house = build(PATHS)
    house.add("boxes", {"file": PATHS * 2, "x": [str(n) for n in range(100, 140)]})

    assert house.chosen() == ["boxes.file"]


def test_front_and_back_are_a_near_tie(tmp_path: Path) -> None:
    """Of two columns that both name images one is linked; the report names the other and says why."""
    source = tmp_path / "source"
    for name in ("f1", "f2", "b1", "b2", "b3"):
        (source / "images").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2)).save(source / "images" / f"{name}.png")
    (source / "items.csv").write_text("front,back\nf1,b1\nf2,b2\nf3,b3\n")

    report = packhouse.pack(source, tmp_path / "out.pack")

    (link,) = report.links
    assert (link.column, [one.column for one in link.other_candidates]) == ("back", ["front"])
    assert link.chosen == (
        "3 of 3 values match an image, no value repeats; 3 of 5 images are matched; "
        "preferred to items.front, which matches 2 images"
    )
    assert "also possible: items.front, 2 of 3 values match 2 images" in str(report)


def test_several_links_are_asked_for(tmp_path: Path) -> None:
    """Each table that is named gets its columns, whatever the evidence; but only one link."""
    source = tmp_path / "source"
    (source / "images").mkdir(parents=True)
    for name in ("a", "b"):
        Image.new("RGB", (3, 2)).save(source / "images" / f"{name}.png")
    (source / "one.csv").write_text("id,other\na,x\nb,y\n")
    (source / "two.csv").write_text("ref\na\na\nq\n")

    report = packhouse.pack(source, tmp_path / "out.pack", link=["two.ref", "one.other"])

    assert [(link.table, link.rows_with_image) for link in report.links] == [("two", 2), ("one", 0)]
    assert report.links[1].chosen.startswith("requested; 0 of 2 values match an image")
    with packhouse.open(tmp_path / "out.pack") as pack:
        assert pack.row("a") == {"ref": "a", "image": True, "image_key": "a"}
        assert [link.table for link in pack.links] == ["two", "one"]
    with pytest.raises(UsageError, match="two links name the same table"):
        packhouse.pack(source, tmp_path / "no.pack", link=["one.id", "one.other"])


def test_a_sample_of_a_long_table_finds_a_link_in_its_last_rows(build: Build) -> None:
    """Only some places of a long table are looked at first; they include its beginning and its end."""
    house = build(PATHS)
    house.add("long", {"id": [*(f"no{n}" for n in range(30_000)), *NAMES]})

    report, _ = house.link("long", "id")

    assert report.rows_with_image == 20
    assert house.found() == ["long.id"]


@pytest.mark.parametrize("written", ["{}", "/elsewhere/{}.jpg"])
def test_a_stretch_of_a_long_catalogue_is_found(build: Build, written: str) -> None:
    """All images may lie in one stretch of a sorted table that none of the sampled places touches."""
    house = build([f"images/{n:010d}.jpg" for n in range(2500, 4500)])
    house.add("catalogue", {"id": [written.format(f"{n:010d}") for n in range(40_000)]})

    report, _ = house.link("catalogue", "id")

    assert house.chosen() == ["catalogue.id"]
    assert (report.rows_with_image, report.images_without_row) == (2000, 0)


@pytest.mark.parametrize("packed", [["train"], ["test", "train"]])
def test_another_folder_means_another_image(build: Build, packed: list[str]) -> None:
    """Where paths are known as they are, one of a folder that was not packed names no image at all."""
    stems = range(10)
    paths = [f"images/{folder}/{n}.jpg" for folder in packed for n in stems]
    house = build(paths)
    house.add("all", {"file": [f"images/{folder}/{n}.jpg" for folder in ("gone", *packed) for n in stems]})

    report, table = house.link("all", "file")

    assert report.form == ""
    assert table["image"].to_pylist() == [False] * 10 + [True] * 10 * len(packed)
    assert table["image_key"].to_pylist()[10:] == [one.key for one in assign_keys(paths).keys]
    assert (report.rows_without_image, report.rows_ambiguous) == (10, 0)


def test_a_list_of_classes_does_not_describe_numbered_images(build: Build) -> None:
    """The numbers 0 to 9 name images by chance, which the table of labels names already."""
    house = build([f"images/{n}.jpg" for n in range(100)])
    numbers = [str(n) for n in range(100)]
    house.add("classes", {"id": numbers[:10], "name": [f"class {n}" for n in range(10)]})
    house.add("labels", {"id": numbers, "class_id": [str(n % 10) for n in range(100)]})

    assert house.chosen() == ["labels.id"]


def test_boxes_come_before_numbers_that_name_few_images(build: Build) -> None:
    """A column of text that repeats is better evidence than a few small numbers without repetition."""
    house = build([f"images/{n}.jpg" for n in range(100)])
    house.add("boxes", {"file": [f"{n}.jpg" for n in range(100)] * 2})
    house.add("classes", {"id": [str(n) for n in range(10)]})

    assert house.chosen() == ["boxes.file"]


@pytest.mark.parametrize("width", [1, 6])
def test_numbers_of_two_halves_are_both_linked(build: Build, width: int) -> None:
    """A smaller table of numbers is linked when it names the images that the larger one leaves over."""
    house = build([f"images/{n:0{width}d}.jpg" for n in range(100)])
    house.add("test", {"id": [str(n) for n in range(70, 100)]})
    house.add("train", {"id": [str(n) for n in range(70)]})

    assert house.chosen() == ["train.id", "test.id"]


@pytest.mark.parametrize(
    "name", ["value", "key", "n", "form", "cells", "c", "{c}", "file_row_number", "i", "t"]
)
def test_columns_may_be_called_like_ours(build: Build, name: str) -> None:
    """Whatever a column is called, its own cells are read."""
    house = build(PATHS)
    house.add("articles", {name: [f"./{path}" for path in PATHS], "other": [NOTHING] * 20})

    report, table = house.link("articles", name)

    assert house.found() == [f"articles.{name}"]
    assert report.rows_with_image == 20
    assert table["image_key"].to_pylist() == KEYS


def test_equal_columns_are_all_reported(tmp_path: Path) -> None:
    """Of columns that fit alike the first by name is taken, the others are listed, however many."""
    source = tmp_path / "source"
    (source / "images").mkdir(parents=True)
    for name in ("a", "b"):
        Image.new("RGB", (3, 2)).save(source / "images" / f"{name}.png")
    header = [f"c{n}" for n in range(9)]
    (source / "t.csv").write_text("\n".join([",".join(header), ",".join("a" * 9), ",".join("b" * 9), ""]))

    report = packhouse.pack(source, tmp_path / "out.pack")

    (link,) = report.links
    assert [link.column, *(other.column for other in link.other_candidates)] == header
    assert link.chosen.endswith("preferred to t.c1, which fits equally well but comes later by name")
    assert "and 5 more, in pack.json" in str(report)


def test_linking_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """The same input gives the same files, whatever threads have done."""
    source = tmp_path / "source"
    (source / "images").mkdir(parents=True)
    for name in NAMES:
        Image.new("RGB", (3, 2)).save(source / "images" / f"{name}.png")
    (source / "one.csv").write_text("id\n" + "".join(f"{name}\n" for name in NAMES[:12]))
    (source / "two.csv").write_text("id\n" + "".join(f"{name}\n" for name in NAMES[12:]))

    for dest in ("first.pack", "second.pack"):
        packhouse.pack(source, tmp_path / dest)

    for file in ("one.parquet", "two.parquet"):
        first, second = ((tmp_path / dest / file).read_bytes() for dest in ("first.pack", "second.pack"))
        assert first == second
