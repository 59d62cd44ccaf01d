"""Tables beside the folders of splits: each describes the images of the folder that it is named after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import packhouse
from packhouse.errors import UsageError
from small_dataset import jpeg

NAMES = {
    "padded": [f"{number:04}" for number in range(6)],
    "numbers": [str(number) for number in range(1, 7)],
}


def written(folder: Path, names: list[str], tables: dict[str, tuple[str, str]], form: str) -> None:
    """Write images of the same names in two folders, and one table for each; the labels say of which."""
    for place, split in enumerate(tables):
        (folder / split).mkdir(parents=True)
        table, ending = tables[split]
        cells = [(f"{name}{ending}", f"{split}{number % 2}") for number, name in enumerate(names)]
        for number, name in enumerate(names):
            (folder / split / f"{name}.jpg").write_bytes(jpeg(10 * place + number))
        if form == "jsonl":
            as_number = names[0] == "1" and not ending
            lines = [json.dumps({"id": int(cell) if as_number else cell, "y": y}) for cell, y in cells]
        else:
            lines = ["id,y", *(f"{cell},{y}" for cell, y in cells)]
        (folder / table).write_text("\n".join([*lines, ""]))


@pytest.mark.parametrize("ending", ["", ".jpg"])
@pytest.mark.parametrize("kind", list(NAMES))
@pytest.mark.parametrize(
    "tables",
    [
        ("{}.jsonl", "jsonl"),
        ("{}.csv", "csv"),
        ("{}_labels.csv", "csv"),
        ("{}Labels.csv", "csv"),
        ("{}/metadata.csv", "csv"),
    ],
    ids=lambda one: one[0],
)
def test_each_table_describes_its_split(
    tmp_path: Path, tables: tuple[str, str], kind: str, ending: str
) -> None:
    """Names that are in both folders get the labels of their own table."""
    named, form = tables
    files = {split: (named.format(split), ending) for split in ("train", "test")}
    written(tmp_path / "src", NAMES[kind], files, form)

    report = packhouse.pack(tmp_path / "src", tmp_path / "a.pack")

    assert len(report.links) == 2
    with packhouse.open(tmp_path / "a.pack") as pack:
        for key in pack.images:
            split, name = str(key).split("/")
            (row,) = (row for rows in pack.rows(key).values() for row in rows)
            assert row["y"] == f"{split}{NAMES[kind].index(name) % 2}"
        tables_of = {one.table for one in report.links}
        labels = next(table for table in tables_of if table.lower().startswith("train"))
        batches = pack.loader(6, size=8, label=f"{labels}.y", split="train")
        assert batches.classes == ["train0", "train1"]


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("classes", "class,name"),
        ("classes", "id,name"),
        ("meta", "label_id,name"),
        ("species_classes", "id,name"),
        ("categories", "id,name"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "{:02}"])
def test_a_list_of_classes_is_not_linked(tmp_path: Path, table: str, columns: str, form: str) -> None:
    """Classes 1 to 9 do not describe the images of these names; with --link they do."""
    src = numbered(tmp_path, 30, form)
    rows = [f"{form.format(number)},class {number}" for number in range(1, 10)]
    (src / f"{table}.csv").write_text("\n".join([columns, *rows, ""]))

    assert packhouse.pack(src, tmp_path / "a.pack").links == ()

    column = columns.partition(",")[0]
    report = packhouse.pack(src, tmp_path / "a.pack", overwrite=True, link=f"{table}.{column}")
    assert [link.images_without_row for link in report.links] == [21]


@pytest.mark.parametrize(
    ("table", "columns", "first"),
    [("labels", "id,label", 1), ("classes", "id,name", 5), ("meta", "image,y", 1)],
)
def test_a_table_of_some_images_is_linked_and_the_rest_is_not_dropped_silently(
    tmp_path: Path, table: str, columns: str, first: int
) -> None:
    """A table that describes a third of the images: the report counts, and the loader refuses or warns."""
    src = numbered(tmp_path, 30, "{}")
    rows = [f"{number},{'ab'[number % 2]}" for number in range(first, first + 9)]
    (src / f"{table}.csv").write_text("\n".join([columns, *rows, ""]))

    report = packhouse.pack(src, tmp_path / "a.pack")

    assert [link.images_without_row for link in report.links] == [21]
    label = f"{table}.{columns.partition(',')[2]}"
    with packhouse.open(tmp_path / "a.pack") as pack:
        with pytest.raises(UsageError, match="20 others of the chosen images have no row"):
            pack.loader(1, size=8, label=label)
        with pytest.warns(UserWarning, match="only 9 of 30 chosen images have a label"):
            loader = pack.loader(1, size=8, label=label, on_unlabelled="skip")
        assert len(loader.targets or ()) == 9


def numbered(folder: Path, count: int, form: str) -> Path:
    """Write images called 1, 2, ..."""
    (folder / "src/images").mkdir(parents=True)
    for number in range(1, count + 1):
        (folder / "src/images" / f"{form.format(number)}.jpg").write_bytes(jpeg(number))
    return folder / "src"


def test_the_table_that_came_nearest_says_why_it_is_not_linked(tmp_path: Path) -> None:
    """Ids that lost their zeros and repeat: --pad is named, and links them; too few names: how many."""
    src = numbered(tmp_path, 10, "{:010}")
    rows = [f"{number},{box}" for number in range(1, 11) for box in range(3)]
    (src / "boxes.csv").write_text("\n".join(["article,box", *rows, ""]))

    report = packhouse.pack(src, tmp_path / "a.pack")

    assert report.links == ()
    (note,) = report.tables[0].notes
    assert "10 of 10 values" in note
    assert "--pad boxes.article=10" in note
    padded = packhouse.pack(src, tmp_path / "a.pack", overwrite=True, pad={"boxes.article": 10})
    assert [link.images_without_row for link in padded.links] == [0]
    assert padded.tables[0].notes == ()

    names = [f"{number:010}" for number in range(1, 4)] + [f"other {number}" for number in range(6)]
    (src / "boxes.csv").write_text("\n".join(["article,box", *(f"{name},1" for name in names), ""]))
    report = packhouse.pack(src, tmp_path / "a.pack", overwrite=True)
    assert "3 of 9 values match an image, of 10 images" in report.tables[0].notes[0]
    assert "--link boxes.article" in report.tables[0].notes[0]


def test_numbers_that_repeat_are_linked_as_text(tmp_path: Path) -> None:
    """Several rows of each image, by its number: the note names --text, and that links them."""
    src = numbered(tmp_path, 10, "{}")
    rows = [f"{number},{box}" for number in range(1, 11) for box in "xyz"]
    (src / "boxes.csv").write_text("\n".join(["article,box", *rows, ""]))

    report = packhouse.pack(src, tmp_path / "a.pack")

    assert report.links == ()
    assert "10 of 10 values match an image, but it repeats numbers" in report.tables[0].notes[0]
    assert "--text boxes.article" in report.tables[0].notes[0]
    linked = packhouse.pack(src, tmp_path / "a.pack", overwrite=True, text="boxes.article")
    assert [(link.images_without_row, link.rows) for link in linked.links] == [(0, 30)]
