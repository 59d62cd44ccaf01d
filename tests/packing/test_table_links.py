"""Links of tables in folders, and of columns that became numbers or dates: through `packhouse.pack`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

import packhouse
from packhouse._src.sql.links.image_names import form_named, forms_in, forms_of, in_words, relative_to
from packhouse.errors import UsageError
from packhouse.progress import Event, Started


def make(folder: Path, images: Sequence[str], tables: Mapping[str, str]) -> Path:
    """Write images, each of its own colour, and CSV files."""
    for number, name in enumerate(images):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2), (number % 256, number // 256, 7)).save(path)
    for name, text in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def csv_of(column: str, names: Sequence[str], label: str = "") -> str:
    """Return a CSV file of names and labels; the label is the name and a suffix."""
    return f"{column},label\n" + "".join(f"{name},{name}{label}\n" for name in names)


def test_each_split_has_its_own_metadata(tmp_path: Path) -> None:
    """Of train/0000.png and test/0000.png each is described by the table in its own folder."""
    names = [f"{n:04d}.png" for n in range(6)]
    folders = ("train", "test", "val/deep")
    source = make(
        tmp_path / "src",
        [f"{folder}/{name}" for folder in folders for name in names],
        {f"{folder}/metadata.csv": csv_of("file_name", names, folder) for folder in folders},
    )

    report = packhouse.pack(source, tmp_path / "out.pack")

    assert {(link.table, link.form, link.rows_with_image, link.rows_ambiguous) for link in report.links} == {
        (f"{folder.replace('/', '_')}_metadata", f"as paths relative to ./{folder}", 6, 0)
        for folder in folders
    }
    with packhouse.open(tmp_path / "out.pack") as pack:
        for folder in folders:
            row = pack.row(f"{folder}/0003")
            assert row is not None
            assert row["label"] == f"0003.png{folder}"


def test_a_table_in_each_class_folder(tmp_path: Path) -> None:
    """GTSRB has one for each class, with names that repeat from class to class, several rows a name too."""
    images = [f"{cls:05d}/{n:05d}.png" for cls in (0, 1, 14) for n in range(4)]
    tables = {
        f"{cls:05d}/GT-{cls:05d}.csv": "Filename;ClassId\n"
        + "".join(f"{n % 4:05d}.png;{cls}\n" for n in range(4 if cls else 8))
        for cls in (0, 1, 14)
    }

    packhouse.pack(make(tmp_path / "src", images, tables), tmp_path / "out.pack")

    with packhouse.open(tmp_path / "out.pack") as pack:
        rows = {key: pack.rows(key) for key in pack.images}
    for key, found in rows.items():
        (table,) = [name for name, of_table in found.items() if of_table]
        assert {row["ClassId"] for row in found[table]} == {int(key.split("/")[0])}


def test_what_a_folder_lacks_is_not_taken_from_another(tmp_path: Path) -> None:
    """A row of train/labels.csv whose file is missing has no image, though test/ has one of that name."""
    images = [*(f"train/{n}.png" for n in range(5)), *(f"test/{n}.png" for n in range(4, 9))]
    source = make(tmp_path / "src", images, {"train/labels.csv": csv_of("f", [f"{n}.png" for n in range(8)])})

    report = packhouse.pack(source, tmp_path / "out.pack")

    (link,) = report.links
    assert (link.rows_with_image, link.rows_without_image_examples) == (5, ("5.png", "6.png", "7.png"))
    with packhouse.open(tmp_path / "out.pack") as pack:
        assert list(pack.images_without_row()) == [f"test/{n}" for n in range(4, 9)]


@pytest.mark.parametrize(
    ("table", "cell"),
    [
        ("a/annotations/labels.csv", "../images/{n}.png"),
        ("a/annotations/labels.csv", "images/{n}.png"),
        ("a/annotations/labels.csv", "./../images/{n}"),
        ("a/labels.csv", "images/{n}.png"),
        ("a/labels.csv", ".\\images\\{n}.png"),
        ("a/images/labels.csv", "{n}.png"),
        ("a/images/labels.csv", "{n}"),
        ("a/images/x/y/labels.csv", "../../{n}"),
    ],
)
def test_two_data_sets_side_by_side(tmp_path: Path, table: str, cell: str) -> None:
    """Paths begin in the folder of the table, or in one above it: each set has its own images."""
    images = [f"{name}/images/{n}.png" for name in "ab" for n in range(4)]
    cells = [cell.format(n=n) for n in range(4)]
    other = table.replace("a/", "b/", 1)
    source = make(tmp_path / "src", images, {table: csv_of("f", cells, "a"), other: csv_of("f", cells, "b")})

    report = packhouse.pack(source, tmp_path / "out.pack")

    assert [(link.rows_with_image, link.images_without_row) for link in report.links] == [(4, 4), (4, 4)]
    with packhouse.open(tmp_path / "out.pack") as pack:
        labels = {key: row["label"] for key in pack.images if (row := pack.row(key))}
    assert labels == {f"{name}/images/{n}": f"{cells[n]}{name}" for name in "ab" for n in range(4)}


def test_one_table_at_the_top_may_use_bare_names(tmp_path: Path) -> None:
    """A stray image at the top does not make paths of names that are in folders."""
    images = ["0.png", *(f"x/{n}.png" for n in range(1, 9))]
    source = make(tmp_path / "src", images, {"labels.csv": csv_of("f", [f"{n}.png" for n in range(9)])})

    (link,) = packhouse.pack(source, tmp_path / "out.pack").links

    assert (link.form, link.rows_with_image, link.rows_ambiguous) == ("", 9, 0)


def test_a_table_at_the_top_names_those_at_the_top_first(tmp_path: Path) -> None:
    """Where a folder has images of the same names, a path from the top means one at the top."""
    images = [*(f"{n}.png" for n in range(6)), *(f"x/{n}.png" for n in range(6))]
    source = make(tmp_path / "src", images, {"labels.csv": csv_of("f", [f"{n}.png" for n in range(6)])})

    (link,) = packhouse.pack(source, tmp_path / "out.pack").links

    assert (link.form, link.rows_with_image, link.rows_ambiguous) == ("as paths relative to ./", 6, 0)
    assert "as paths relative to the top folder" in link.chosen


@pytest.mark.parametrize(
    ("cells", "arrow"),
    [
        (["3081.960", "3082.000", "3082.040"], "double"),
        (["0.5", "1.5", "2.5"], "double"),
        (["2018-09-01", "2018-09-02", "2018-10-01"], "date32"),
        (["2018-09-01T10:00:00", "2018-09-01T10:00:01", "2018-09-01T10:00:02"], "timestamp[us]"),
        (["True", "False"], "bool"),
        (["7", "-3", "12"], "int64"),
    ],
)
@pytest.mark.parametrize("folder", ["", "frames/"])
def test_columns_of_any_type_name_images_by_their_text(
    tmp_path: Path, cells: list[str], arrow: str, folder: str
) -> None:
    """The cell as it was written is what counts, not the value: 3081.960 is a frame, 3081.96 none."""
    text = "t,x\n" + "".join(f"{cell},{n % 2}\n" for n, cell in enumerate(cells))
    source = make(tmp_path / "src", [f"frames/{cell}.png" for cell in cells], {f"{folder}t.csv": text})

    report = packhouse.pack(source, tmp_path / "out.pack")

    (link,) = report.links
    assert report.tables[0].columns[0].arrow == arrow
    assert (link.column, link.rows_with_image, link.images_without_row) == ("t", len(cells), 0)
    with packhouse.open(tmp_path / "out.pack") as pack:
        assert all(pack.row(cell) for cell in cells)


def test_orphans_of_a_column_of_floats_are_shown_as_written(tmp_path: Path) -> None:
    """Also by `find --orphans`."""
    cells = ["1.50", "2.50", "3.50"]
    source = make(tmp_path / "src", [f"{cell}.png" for cell in cells[:2]], {"t.csv": csv_of("t", cells)})

    (link,) = packhouse.pack(source, tmp_path / "out.pack", link="t.t").links

    assert link.rows_without_image_examples == ("3.50",)
    with packhouse.open(tmp_path / "out.pack") as pack:
        assert list(pack.rows_without_image()) == [("t", "3.50")]


@pytest.mark.parametrize("kind", ["text", "numbers", "floats"])
def test_many_columns_are_searched_together(tmp_path: Path, kind: str) -> None:
    """The one column that names images is found among hundreds, in rows that are not looked at first."""
    rows, wide = 17_000, 120
    cell = {"text": "v{}", "numbers": "{}", "floats": "{}.25"}[kind]
    header = ",".join(["id", *(f"c{n}" for n in range(wide))])
    rest = [",".join(cell.format((row * 7 + n) % 97) for n in range(wide)) for row in range(97)]
    lines = [f"i{row},{rest[row % 97]}\n" for row in range(rows)]
    names = range(5_000, 5_060)
    source = make(tmp_path / "src", [f"i{n}.png" for n in names], {"t.csv": f"{header}\n{''.join(lines)}"})
    events: list[Event] = []

    report = packhouse.pack(source, tmp_path / "out.pack", progress=events.append)

    (link,) = report.links
    assert (link.column, link.rows_with_image, link.images_without_row) == ("id", 60, 0)
    started = [event for event in events if isinstance(event, Started)]
    assert [(one.total, one.unit) for one in started if one.task == "search links"] == [(rows, "rows")]


@pytest.mark.parametrize(
    ("kind", "other", "names"),
    [
        ("double", "-0.50", [f"{n}.25" for n in range(60)]),
        ("date32", "2001-01-01", [f"{year}-02-03" for year in range(2010, 2070)]),
        ("string", "x" * 30, [f"id-{n:02d}" for n in range(60)]),
    ],
)
def test_names_between_many_equal_cells_are_found(
    tmp_path: Path, kind: str, other: str, names: list[str]
) -> None:
    """Each value of a column is looked at, whatever its type and however often another one comes."""
    cells = [other] * 2_200 + names + ["", other] * 10_000  # between the places that are looked at first
    source = make(tmp_path / "src", [f"{name}.png" for name in names], {"t.csv": csv_of("t", cells, "-")})

    report = packhouse.pack(source, tmp_path / "out.pack")

    (link,) = report.links
    assert (link.column, link.rows_with_image, link.images_without_row) == ("t", 60, 0)
    assert report.tables[0].columns[0].arrow.partition("[")[0] == kind


def test_forms_of_paths_are_had_back_from_their_words() -> None:
    """What pack.json says names the same SQL; reports say it in other words."""
    for folder in ("", "train", "a/b c", "it's {c} odd"):
        form = relative_to(folder)
        assert form_named(form.words) == form
    assert in_words(relative_to("a/b").words) == "as paths relative to a/b"
    assert [one.words for one in forms_in("a/b/t.csv", forms_of([]))] == [
        "as paths relative to ./a/b",
        "",
        "as paths relative to ./a",
        "as paths, with / for \\ and without ./ in front",
        "as paths relative to ./",
        "by the last part of the path",
    ]


def test_odd_names_of_folders(tmp_path: Path) -> None:
    """Quotes, brackets and our own placeholder in the name of a folder are only letters."""
    folder = "it's {c} [odd] *"
    source = make(
        tmp_path / "src",
        [f"{folder}/{n}.png" for n in range(3)] + [f"x/{n}.png" for n in range(3)],
        {f"{folder}/t.csv": csv_of("f", [f"{n}.png" for n in range(3)])},
    )

    (link,) = packhouse.pack(source, tmp_path / "out.pack").links

    assert (link.rows_with_image, link.rows_ambiguous) == (3, 0)


def copied(folder: Path, *, different: bool = False) -> Path:
    """Write images twice, in folders that differ in case; one may differ in its bytes."""
    names = [f"ISIC_{n:07d}" for n in range(6)]
    for top in ("HAM_part_1", "ham_part_1"):
        make(folder, [f"{top}/{name}.png" for name in names], {})
    if different:
        Image.new("RGB", (9, 9)).save(folder / "ham_part_1" / "ISIC_0000002.png")
    dx = ["nv", "mel", "bcc"] * 2
    text = "image_id,dx\n" + "".join(f"{name},{one}\n" for name, one in zip(names, dx, strict=True))
    (folder / "metadata.csv").write_text(text + "HAM_part_1/ISIC_0000001,again\n")
    return folder


def test_a_row_describes_every_copy_of_its_image(tmp_path: Path) -> None:
    """In `row`, `rows`, `find`, labels and columns alike; the report says how many rows these are."""
    report = packhouse.pack(copied(tmp_path / "src"), tmp_path / "out.pack")

    (link,) = report.links
    assert (link.rows_ambiguous, link.rows_of_copies, link.images_without_row) == (6, 6, 0)
    assert "6 of them with copies of one image: each copy gets the row" in str(report)
    with packhouse.open(tmp_path / "out.pack") as pack:
        found = {key: pack.rows(key)["metadata"] for key in pack.images}
        first = {key: row["dx"] for key in pack.images if (row := pack.row(key))}
        samples = pack.samples(size=None, label="dx", columns="dx")
        classes: list[str] = samples.classes or []
        labels = {one.key: (classes[one.label or 0], one.columns["dx"]) for one in samples}
        nevi, no_row = pack.find("dx = 'nv'"), list(pack.images_without_row())
    dx = ["nv", "mel", "bcc"] * 2
    expected = {f"{top}/ISIC_{n:07d}": dx[n] for n in range(6) for top in ("HAM_part_1", "ham_part_1")}
    assert first == expected
    assert labels == {key: (one, one) for key, one in expected.items()}
    assert nevi == sorted(key for key, one in expected.items() if one == "nv")
    assert no_row == []
    assert [row["dx"] for row in found["HAM_part_1/ISIC_0000001"]] == ["mel", "again"]
    assert [row["dx"] for row in found["ham_part_1/ISIC_0000001"]] == ["mel"]


def test_a_row_that_fits_different_images_describes_none(tmp_path: Path) -> None:
    """Which is meant cannot be known: the loader says so, and so do `rows` and the report."""
    report = packhouse.pack(copied(tmp_path / "src", different=True), tmp_path / "out.pack")

    (link,) = report.links
    assert (link.rows_ambiguous, link.rows_of_copies, link.images_without_row) == (6, 5, 2)
    with packhouse.open(tmp_path / "out.pack") as pack:
        assert list(pack.images_without_row()) == ["HAM_part_1/ISIC_0000002", "ham_part_1/ISIC_0000002"]
        assert pack.row("ham_part_1/ISIC_0000002") is None
        assert pack.row("HAM_part_1/ISIC_0000003") is not None
        with pytest.raises(UsageError, match="2 of them are named by rows that name several images each"):
            pack.samples(size=None, label="dx")
        assert len(pack.samples(size=None, label="dx", on_unlabelled="skip")) == 10


def test_names_of_images_and_masks_label_nothing_and_everybody_says_so(tmp_path: Path) -> None:
    """`images/0.png`, `masks/0.png` and a row of `0.png`: report, keys and loader agree; whole paths help."""
    rows = ["file,kind"]
    for number in range(8):
        for folder, shade in (("images", 10 * number), ("masks", 255 - number)):
            (tmp_path / "src" / folder).mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4), shade).save(tmp_path / "src" / folder / f"{number}.png")
        rows.append(f"{number}.png,{'ab'[number % 2]}")
    (tmp_path / "src" / "labels.csv").write_text("\n".join(rows) + "\n")
    report = packhouse.pack(tmp_path / "src", tmp_path / "out.pack")

    (link,) = report.links
    assert (link.rows_ambiguous, link.images_without_row, link.images) == (8, 16, 16)
    assert "16 of 16 images without a row" in str(report)
    with packhouse.open(tmp_path / "out.pack") as pack:
        assert list(pack.images_without_row()) == list(pack.images)
        with pytest.raises(UsageError, match="16 of them are named by rows that name several") as caught:
            pack.samples(size=None, label="labels.kind", on_unlabelled="skip")
    assert caught.value.hint == "values that are whole keys name one image each"

    (tmp_path / "src" / "labels.csv").write_text("\n".join(rows).replace("\n", "\nimages/") + "\n")
    packhouse.pack(tmp_path / "src", tmp_path / "out.pack", overwrite=True)

    with packhouse.open(tmp_path / "out.pack") as pack:
        samples = pack.samples(size=None, label="labels.kind", on_unlabelled="skip")
        assert [sample.key for sample in samples] == [f"images/{number}" for number in range(8)]
        assert [sample.label for sample in samples] == [0, 1] * 4


FULL = "C:\\data\\img\\"


@pytest.mark.parametrize(
    ("files", "cells", "expected"),
    [
        (["img/b/1.png"], [f"{FULL}a\\1.png", f"{FULL}b\\1.png"], {"1": 1}),
        (["b/1.png", "b/2.png"], ["/photos/a/1.png", "/photos/b/2.png"], {"2": 1}),
        (["a/1.png", "b/1.png"], [f"{FULL}a\\1.png", f"{FULL}b\\1.png"], {"a/1": 0, "b/1": 1}),
        (["img/1.png", "img/2.png"], [f"{FULL}x\\1.png", f"{FULL}y\\1.png", f"{FULL}x\\2.png"], {"2": 2}),
        (["img/1.png", "img/2.png"], [f"{FULL}x\\1.png", f"{FULL}y\\2.png"], {"1": 0, "2": 1}),
        (["img/1.png", "img/2.png"], ["old/1.png", "1.png", "old/2.png"], {"1": 1}),
        (["001.png", "002.png"], ["1", "001", "2"], {"001": 1, "002": 2}),
        (["b/1.png", "b/2.png"], ["b/1.png", f"{FULL}b\\1.png", "z/b/2.png"], {"1": 0}),
    ],
    ids=["stale", "subset", "both", "two folders", "moved", "bare", "zeros", "whole"],
)
def test_cells_that_differ_never_describe_one_image(
    tmp_path: Path, files: list[str], cells: list[str], expected: dict[str, int]
) -> None:
    """Where a part of the cells is left out, the folder decides, or the cell that is the name; else none."""
    for number, name in enumerate(files):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), 50 * number).save(tmp_path / "src" / name)
    lines = ["path,place", *(f"{cell},{place}" for place, cell in enumerate(cells))]
    (tmp_path / "src" / "t.csv").write_text("\n".join(lines) + "\n")
    packhouse.pack(tmp_path / "src", tmp_path / "out.pack", link=["t.path"])

    with packhouse.open(tmp_path / "out.pack") as pack:
        found = {key: [row["place"] for row in pack.rows(key).get("t", [])] for key in pack.images}
        assert found == {key: [expected[key]] if key in expected else [] for key in pack.images}
