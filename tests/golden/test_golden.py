"""Every later version reads the packs of earlier ones: each golden pack beside what other programs say."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import packhouse

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.iterdir() if (path / "pack").is_dir())


@pytest.fixture(params=VERSIONS)
def golden(request: pytest.FixtureRequest) -> Path:
    """The folder of one golden pack."""
    return HERE / str(request.param)


def expected(golden: Path) -> Any:  # noqa: ANN401  # JSON
    """What was packed, by hashlib and csv."""
    return json.loads((golden / "expected.json").read_text("utf-8"))


def as_written(value: object) -> str:
    """Return a cell as the CSV file had it."""
    if value is None:
        return ""
    return str(value)


def test_every_image_is_read_by_its_key(golden: Path) -> None:
    """Each file that was packed comes back, byte for byte."""
    pack = packhouse.open(golden / "pack")

    found = {
        pack.images[key].file_name: hashlib.sha256(pack.images[key].bytes).hexdigest() for key in pack.images
    }
    assert found == expected(golden)["images"]


def test_every_table_is_read(golden: Path) -> None:
    """Each cell of each table is what the CSV file said."""
    pack = packhouse.open(golden / "pack")

    for path, (header, *rows) in expected(golden)["tables"].items():
        table = pack.tables[path.removesuffix(".csv")].to_arrow().select(header)
        found = [[as_written(value) for value in row.values()] for row in table.to_pylist()]
        assert found == rows, path


def test_the_join_is_that_of_a_dict(golden: Path) -> None:
    """The joined table has each sale in order, with the customer that a dict gives."""
    pack = packhouse.open(golden / "pack")
    tables = expected(golden)["tables"]
    ages = dict(tables["customers.csv"][1:])
    (header, *sales) = tables["sales.csv"]

    table = pack.tables["train"].to_arrow().select([*header, "age"])
    found = [[as_written(value) for value in row.values()] for row in table.to_pylist()]

    assert found == [[*sale, ages[sale[1]]] for sale in sales]


def test_rows_are_linked_to_images(golden: Path) -> None:
    """An image knows its row and a row says whether it has an image."""
    pack = packhouse.open(golden / "pack")
    rows = {row[0]: row for row in expected(golden)["tables"]["articles.csv"][1:]}
    names = {Path(path).stem for path in expected(golden)["images"]}

    flags = {row["article_id"]: row["image"] for row in pack.tables["articles"].to_arrow().to_pylist()}
    assert flags == {name: name in names for name in rows}
    for name in sorted(names & set(rows)):
        row = pack.row(name)
        assert row is not None
        assert (row["article_id"], row["name"]) == (name, rows[name][1])


def test_conditions_and_the_loader_work(golden: Path) -> None:
    """SQL over rows and images, labels and pixels."""
    pack = packhouse.open(golden / "pack")

    keys = pack.find("code = '01' OR code = '05'")
    batch = next(iter(pack.loader(batch_size=4, size=(16, 16), where="code IN ('01', '05')", label="code")))

    assert [row["code"] for key in keys if (row := pack.row(key))] == ["01", "05"]
    assert sorted(batch.keys) == sorted(keys)
    assert batch.images.shape == (len(keys), 16, 16, 3)


def test_the_derived_store_is_read_and_all_is_sound(golden: Path, tmp_path: Path) -> None:
    """Smaller images are there, `verify` and `extract` take the pack."""
    copied = tmp_path / "pack"
    shutil.copytree(golden / "pack", copied)

    with packhouse.open(copied / "derived-16" / "images.h5") as store:
        sizes = {min(Image.open(io.BytesIO(store.images[key].bytes)).size) for key in list(store.images)[:3]}
    assert sizes == {16}
    report = packhouse.verify(copied)
    assert report.is_sound
    # every golden pack so far was written before footers were sealed
    tables = [path.name for path in copied.glob("*.parquet") if path.name != "image_index.parquet"]
    assert [note for note in report.notes if "not sealed" in note and any(one in note for one in tables)]
    packhouse.extract(copied, tmp_path / "out")
    found = {
        path.relative_to(tmp_path / "out").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == expected(golden)["images"]
