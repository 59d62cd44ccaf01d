"""Tables beside the folders of splits: each describes the images of the folder that it is named after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import packhouse
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
