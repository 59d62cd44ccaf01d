"""What notebooks show: pictures as Pillow makes them, all text escaped, nothing that runs."""

from __future__ import annotations

import base64
import csv
import io
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

import packhouse
from packhouse._src.loader.batch import Batch, Broken
from packhouse.errors import UsageError
from small_dataset import DataSet, jpeg, write_dataset

ALLOWED = {
    "div", "b", "i", "pre", "table", "thead", "tbody", "tr", "th", "td", "img", "details", "summary",
}  # fmt: skip
HOSTILE = "<script>alert(1)</script>"


class Cell(HTMLParser):
    """The HTML of a cell, parsed by Python's own parser."""

    def __init__(self, shown: object) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.pictures: list[Image.Image] = []
        self.text = ""
        self.feed(shown._repr_html_())  # type: ignore[attr-defined]
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check a tag and its attributes, and open its picture."""
        self.tags.append(tag)
        assert tag in ALLOWED
        for name, value in attrs:
            assert name in {"style", "src", "alt"}
            if name == "src":
                head, _, data = (value or "").partition(",")
                assert head == "data:image/jpeg;base64"
                self.pictures.append(Image.open(io.BytesIO(base64.b64decode(data, validate=True))))

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data + "\n"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> packhouse.Pack:
    """A pack whose pictures, names and cells include hostile ones."""
    folder = tmp_path_factory.mktemp("notebook")
    write_dataset(folder / "src")
    sideways = Image.open(io.BytesIO(jpeg(5, width=900, height=300)))
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(folder / "src/images/sideways.jpg", exif=exif)
    (folder / "src/images/broken.jpg").write_bytes(jpeg(7)[:300])
    (folder / f"src/images/<b onclick=x>{chr(0x202E)}gpj.png").write_bytes(_png())
    with (folder / "src/notes.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[HOSTILE, "n"], [HOSTILE, "1"], ["", "2"]])
    packhouse.pack(folder / "src", folder / "a.pack", rows_per_file=10)
    return packhouse.open(folder / "a.pack")


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("I;16", (20, 10), 60000).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_pack_shows_counts_and_eight_pictures(pack: packhouse.Pack) -> None:
    """Counts, formats, eight small pictures, and each table with its rows."""
    cell = Cell(pack)
    assert "27 images in 6 groups" in cell.text
    assert "26 image/jpeg, 1 image/png" in cell.text
    assert cell.tags.count("img") + cell.text.count("cannot") == 8
    assert all(max(picture.size) <= 128 for picture in cell.pictures)
    assert "articles: 27 rows, 7 columns" in cell.text
    assert len(pack._repr_html_()) < 60_000


def test_printing_a_pack_gives_its_tables(pack: packhouse.Pack) -> None:
    """One line for the images, one for each table."""
    name, images, *tables = str(pack).splitlines()
    assert name == "a.pack"
    assert images.startswith("  images: 27 images in 6 groups")
    assert [line.split(":")[0].strip() for line in tables] == list(pack.tables)


def test_an_image_is_upright_and_at_most_400_pixels(pack: packhouse.Pack) -> None:
    """As Pillow turns and scales it."""
    image = pack.images["sideways"]
    cell = Cell(image)
    (picture,) = cell.pictures
    assert picture.size == (133, 400)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(image.bytes)))
    expected = expected.convert("RGB").resize(picture.size, Image.Resampling.BILINEAR)
    assert np.abs(np.asarray(picture, float) - np.asarray(expected, float)).mean() < 3
    assert image.digest in cell.text
    assert "900 x 300 pixels" in cell.text


def test_a_small_image_keeps_its_size(pack: packhouse.Pack) -> None:
    """Nothing is enlarged."""
    (picture,) = Cell(pack.images[next(iter(pack.images))]).pictures
    assert picture.size == (40, 60)


def test_an_image_that_cannot_be_decoded_says_why(pack: packhouse.Pack) -> None:
    """The reason stands in the place of the picture."""
    cell = Cell(pack.images["broken"])
    assert cell.pictures == []
    assert "truncated" in cell.text


def test_names_are_text_and_show_what_is_invisible(pack: packhouse.Pack) -> None:
    """Tags in names do nothing, and nothing turns the direction of writing."""
    key = next(key for key in pack.images if "onclick" in key)
    for shown in (pack.images[key], pack.images.grid(n=100), pack.images):
        cell = Cell(shown)
        assert "\u202e" not in cell.text
        assert key.replace("\u202e", "\\u202e") in cell.text or shown is pack.images


def test_cells_of_tables_are_text(pack: packhouse.Pack) -> None:
    """Tags in cells and column names do nothing."""
    cell = Cell(pack.tables["notes"])
    assert cell.text.count(HOSTILE) == 2
    assert "int64" in cell.text
    assert "2 rows" in cell.text


def test_a_wide_table_shows_twenty_columns(tmp_path: Path) -> None:
    """The rest is counted."""
    src = tmp_path / "src"
    src.mkdir()
    (src / "wide.csv").write_text(
        ",".join(f"c{n}" for n in range(50)) + "\n" + ",".join(map(str, range(50))) + "\n"
    )
    packhouse.pack(src, tmp_path / "w.pack")
    with packhouse.open(tmp_path / "w.pack") as opened:
        cell = Cell(opened.tables["wide"])
        assert cell.tags.count("th") == 20
        assert "and 30 more columns" in cell.text
        assert "and 28 more columns" in str(opened.tables["wide"])
        assert "wide: 1 row, 50 columns" in Cell(opened).text


def test_a_grid_shows_what_meets_the_condition(pack: packhouse.Pack) -> None:
    """The same images as `find`; without a condition at equal distances."""
    grid = pack.images.grid(where="colour_group_code = '03'", n=24)
    assert grid.keys == pack.find("colour_group_code = '03'")
    assert "with colour_group_code = '03'" in Cell(grid).text
    assert len(pack.images.grid(n=5)) == 5
    assert pack.images.grid(n=1000).keys == list(pack.images)
    with pytest.raises(UsageError, match="at least one image"):
        pack.images.grid(n=0)


def test_a_store_without_tables_refuses_conditions(pack: packhouse.Pack) -> None:
    """It says what to open."""
    from packhouse._src.imagefile.read.store import ImageStore

    store = ImageStore(pack.path / "images.h5", pack.path / "image_index.parquet")
    assert len(store.grid(n=3)) == 3
    with pytest.raises(UsageError, match="tables of a pack"):
        store.grid(where="width > 3")
    store.close()


def test_a_report_is_what_the_command_prints(tmp_path: Path, dataset: DataSet) -> None:
    """In a cell as in a terminal."""
    report = packhouse.pack(dataset.folder, tmp_path / "r.pack")
    assert Cell(report).text.strip("\n") == str(report)
    assert "24 images + 3 tables packed" in str(report)


def test_a_batch_shows_its_first_images_with_labels(pack: packhouse.Pack) -> None:
    """Eight pictures, as they are in the batch."""
    loader = pack.loader(batch_size=10, size=64, label="articles.name", on_unlabelled="skip", shuffle=False)
    batch = next(iter(loader))
    assert batch.labels is not None
    cell = Cell(batch)
    assert [picture.size for picture in cell.pictures] == [(64, 64)] * 8
    assert f"{batch.keys[0]}: {batch.labels[0]}" in cell.text
    assert batch.keys[7] in cell.text
    assert batch.keys[8] not in cell.text
    difference = np.asarray(cell.pictures[3], float) - batch.images[3]
    assert np.abs(difference).mean() < 3
    assert "images per second" in Cell(loader.stats).text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_batch_of_any_pixels_has_pictures(dtype: type, channels: int) -> None:
    """Of one channel, of four, and of more than eight bits."""
    pixels: NDArray[Any] = np.linspace(0, 200, 30 * 20 * channels).reshape(30, 20, channels).astype(dtype)
    batch = Batch([pixels], ["a"], None, {}, (Broken("b", "gone"),))
    (picture,) = Cell(batch).pictures
    assert picture.size == (20, 30)


def test_a_damaged_table_is_named_and_the_rest_is_shown(tmp_path: Path, dataset: DataSet) -> None:
    """One damaged part does not hide the others."""
    packhouse.pack(dataset.folder, tmp_path / "d.pack")
    with packhouse.open(tmp_path / "d.pack") as opened:
        (opened.path / "customers.parquet").write_bytes(b"PAR1")
        assert "articles: 27 rows" in Cell(opened).text
        assert len(Cell(opened).pictures) == 8
        assert "articles: 27 rows" in str(opened)


def test_sql_sees_all_tables(pack: packhouse.Pack) -> None:
    """Those of images too, with parameters."""
    answer = pack.sql(
        "SELECT count(*) AS n FROM articles JOIN image_index ON image_key = key WHERE width > ?", (1,)
    )
    assert answer.to_pylist() == [{"n": 24}]
