"""The made-up data set: what it contains, that its parts agree, and that it is the same every time."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TypedDict

import pytest
from PIL import Image

import packhouse
from packhouse import SampleSummary
from packhouse._src.synthetic.articles import article_ids
from packhouse._src.synthetic.purchases import CHUNK, customer_ids, customer_lines, transaction_lines
from packhouse.errors import DestinationExistsError, UsageError
from packhouse.progress import Event, Finished, Started


class Counts(TypedDict, total=False):
    """How much of everything."""

    images: int
    customers: int
    transactions: int
    seed: int


COUNTS: Counts = {"images": 40, "customers": 60, "transactions": 500}

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleSummary:
    """Return a small sample."""
    return packhouse.sample(tmp_path_factory.mktemp("sample"), **COUNTS)


def rows_of(path: Path) -> Rows:
    """Return the rows of a table by column name."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def digest(folder: Path) -> str:
    """Return one number for all names and bytes in a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        total.update(str(path.relative_to(folder)).encode() + b"\0")
        if path.is_file():
            total.update(path.read_bytes())
    return total.hexdigest()


def ids_on_disk(summary: SampleSummary) -> set[str]:
    """Return the ids that images are named after."""
    return {path.stem for path in (summary.folder / "images").rglob("*.jpg")}


def test_same_seed_same_bytes(sample: SampleSummary, tmp_path: Path) -> None:
    """The same arguments write the same bytes again."""
    packhouse.sample(tmp_path / "again", **COUNTS)
    assert digest(tmp_path / "again") == digest(sample.folder)


def test_other_seed_other_bytes(sample: SampleSummary, tmp_path: Path) -> None:
    """Another seed changes every table and every image."""
    counts: Counts = {**COUNTS, "seed": 1}
    packhouse.sample(tmp_path / "other", **counts)
    for name in ("articles.csv", "customers.csv", "transactions_train.csv", "sample_submission.csv"):
        assert (tmp_path / "other" / name).read_bytes() != (sample.folder / name).read_bytes()
    first = "images/010/0108775015.jpg"
    assert (tmp_path / "other" / first).read_bytes() != (sample.folder / first).read_bytes()


def test_one_core_writes_the_same_bytes(sample: SampleSummary, tmp_path: Path) -> None:
    """A process that may use a single core, and so one thread, writes the same files."""
    code = (
        "import os, sys, packhouse; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        f"packhouse.sample(sys.argv[1], **{COUNTS})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "one")], check=True)
    assert digest(tmp_path / "one") == digest(sample.folder)


def test_problems_change_no_image(sample: SampleSummary, tmp_path: Path) -> None:
    """Asking for problems adds files and rows, and takes none away."""
    packhouse.sample(tmp_path / "bad", problems=True, **COUNTS)
    for path in (sample.folder / "images").rglob("*.jpg"):
        again = tmp_path / "bad" / path.relative_to(sample.folder)
        assert again.read_bytes() == path.read_bytes()
    lines = (tmp_path / "bad" / "articles.csv").read_text("utf-8")
    assert all(row["article_id"] in lines for row in rows_of(sample.folder / "articles.csv"))


def test_summary_counts_what_is_there(sample: SampleSummary) -> None:
    """The summary's numbers are those of the files and rows on disk."""
    files = [path for path in sample.folder.rglob("*") if path.is_file()]
    assert sample.bytes == sum(path.stat().st_size for path in files)
    assert len(ids_on_disk(sample)) == sample.images == COUNTS["images"]
    assert len(rows_of(sample.folder / "articles.csv")) == sample.articles
    assert len(rows_of(sample.folder / "customers.csv")) == sample.customers == COUNTS["customers"]
    transactions = rows_of(sample.folder / "transactions_train.csv")
    assert len(transactions) == sample.transactions == COUNTS["transactions"]
    assert sample.problems == ()


def test_columns(sample: SampleSummary) -> None:
    """Every table has the columns of the real one, in the same order."""
    headers = {path.name: path.read_text("utf-8").split("\n", 1)[0] for path in sample.folder.glob("*.csv")}
    assert headers == {
        "articles.csv": (
            "article_id,product_code,prod_name,product_type_no,product_type_name,product_group_name,"
            "graphical_appearance_no,graphical_appearance_name,colour_group_code,colour_group_name,"
            "perceived_colour_value_id,perceived_colour_value_name,perceived_colour_master_id,"
            "perceived_colour_master_name,department_no,department_name,index_code,index_name,"
            "index_group_no,index_group_name,section_no,section_name,garment_group_no,"
            "garment_group_name,detail_desc"
        ),
        "customers.csv": ("customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code"),
        "transactions_train.csv": "t_dat,customer_id,article_id,price,sales_channel_id",
        "sample_submission.csv": "customer_id,prediction",
    }


def test_no_carriage_returns(sample: SampleSummary) -> None:
    """Lines end in a line feed alone, and the last line ends too."""
    for path in sample.folder.glob("*.csv"):
        data = path.read_bytes()
        assert b"\r" not in data
        assert data.endswith(b"\n")


def test_ids(sample: SampleSummary) -> None:
    """Article ids are unique, sorted, of ten digits with a leading zero; several share a product."""
    ids = [row["article_id"] for row in rows_of(sample.folder / "articles.csv")]
    assert all(re.fullmatch(r"0\d{9}", one) for one in ids)
    assert ids == sorted(set(ids))
    assert "0108775015" in ids
    assert max(Counter(one[:7] for one in ids).values()) > 1


def test_folders_are_the_first_three_digits(sample: SampleSummary) -> None:
    """Each image lies in the folder its id begins with, and there are several folders."""
    paths = list((sample.folder / "images").rglob("*.jpg"))
    assert all(path.parent.name == path.stem[:3] for path in paths)
    assert len({path.parent for path in paths}) > 2


def test_some_articles_have_no_image(sample: SampleSummary) -> None:
    """At least three articles lack an image, and no image lacks an article."""
    ids = {row["article_id"] for row in rows_of(sample.folder / "articles.csv")}
    assert ids_on_disk(sample) < ids
    assert len(ids - ids_on_disk(sample)) == 3


def test_full_size_uses_many_folders() -> None:
    """Two thousand images spread over all folders, and one article in two hundred lacks an image."""
    ids = article_ids(0, 2000)
    assert {one[:3] for one in ids.pictured} == {f"{number:03d}" for number in range(10, 96)}
    assert (len(ids.pictured), len(ids.unpictured)) == (2000, 10)
    assert len(set(ids.all())) == 2010


def test_images_open(sample: SampleSummary) -> None:
    """Every image is a whole JPEG in RGB, of the sizes and weights of a product photo."""
    for path in (sample.folder / "images").rglob("*.jpg"):
        with Image.open(path) as image:
            image.load()
            assert (image.format, image.mode) == ("JPEG", "RGB")
            assert 380 <= image.width <= 430
            assert 560 <= image.height <= 640
        assert 10_000 < path.stat().st_size < 120_000


def test_text_cells_need_a_real_parser(sample: SampleSummary) -> None:
    """Some descriptions hold commas, quotes and line breaks, and csv reads them back."""
    texts = [row["detail_desc"] for row in rows_of(sample.folder / "articles.csv")]
    for sign in (",", '"', "\n"):
        assert any(sign in text for text in texts)
    assert '""' in (sample.folder / "articles.csv").read_text("utf-8")


def test_articles_csv_is_what_the_csv_module_writes(sample: SampleSummary) -> None:
    """Reading and writing articles.csv with the csv module gives the same bytes."""
    text = (sample.folder / "articles.csv").read_text("utf-8")
    again = io.StringIO()
    csv.writer(again, lineterminator="\n").writerows(csv.reader(io.StringIO(text, newline="")))
    assert again.getvalue() == text


def test_customers(sample: SampleSummary) -> None:
    """Customers are unique and sorted, and every cell has one of the real spellings."""
    rows = rows_of(sample.folder / "customers.csv")
    ids = [row["customer_id"] for row in rows]
    assert ids == sorted(set(ids))
    for row in rows:
        assert re.fullmatch(r"[0-9a-f]{64}", row["customer_id"])
        assert re.fullmatch(r"[0-9a-f]{64}", row["postal_code"])
        assert row["FN"] in {"1.0", ""}
        assert row["Active"] in {"1.0", ""}
        assert row["club_member_status"] in {"ACTIVE", "PRE-CREATE", "LEFT CLUB", ""}
        assert row["fashion_news_frequency"] in {"NONE", "None", "Regularly", "Monthly", ""}
        assert re.fullmatch(r"\d\d|", row["age"])


def test_transactions_refer_to_rows(sample: SampleSummary) -> None:
    """Every purchase is of a known article by a known customer; some customers never buy."""
    rows = rows_of(sample.folder / "transactions_train.csv")
    customers = {row["customer_id"] for row in rows_of(sample.folder / "customers.csv")}
    articles = {row["article_id"] for row in rows_of(sample.folder / "articles.csv")}
    assert {row["customer_id"] for row in rows} < customers
    assert {row["article_id"] for row in rows} <= articles


def test_transactions_cells(sample: SampleSummary) -> None:
    """Days are sorted, prices are the shortest text of a float, rows repeat, channels are 1 and 2."""
    rows = rows_of(sample.folder / "transactions_train.csv")
    days = [row["t_dat"] for row in rows]
    assert days == sorted(days)
    assert days[0] >= "2018-09-20"
    assert days[-1] <= "2020-09-22"
    for row in rows:
        price = float(row["price"])
        assert repr(price) == row["price"]
        assert repr(round(price * 59_000) / 59_000) == row["price"]
    assert {row["sales_channel_id"] for row in rows} == {"1", "2"}
    assert len({tuple(row.values()) for row in rows}) < len(rows)


def test_submission(sample: SampleSummary) -> None:
    """The sample submission predicts twelve known articles for each customer, in the customers' order."""
    rows = rows_of(sample.folder / "sample_submission.csv")
    articles = {row["article_id"] for row in rows_of(sample.folder / "articles.csv")}
    customers = [row["customer_id"] for row in rows_of(sample.folder / "customers.csv")]
    assert [row["customer_id"] for row in rows] == customers
    for row in rows:
        predicted = row["prediction"].split(" ")
        assert len(predicted) == 12
        assert set(predicted) <= articles


def test_progress_tells_of_every_task(tmp_path: Path) -> None:
    """An observer hears four tasks start with their totals and end."""
    events: list[Event] = []
    packhouse.sample(tmp_path, images=2, customers=3, transactions=4, progress=events.append)
    started = [(event.task, event.unit) for event in events if isinstance(event, Started)]
    assert started == [
        ("images", "files"),
        ("articles", "rows"),
        ("customers", "rows"),
        ("transactions", "rows"),
    ]
    assert [event.task for event in events if isinstance(event, Finished)] == [name for name, _ in started]


def test_nothing_at_all(tmp_path: Path) -> None:
    """Counts of zero give tables with their headers, and articles without images."""
    summary = packhouse.sample(tmp_path, images=0, customers=0, transactions=0, problems=True)
    assert summary.images == summary.customers == summary.transactions == 0
    assert summary.articles == 3 + 8
    assert rows_of(tmp_path / "customers.csv") == []
    assert rows_of(tmp_path / "transactions_train.csv") == []
    assert len(rows_of(tmp_path / "articles.csv")) == summary.articles


@pytest.mark.parametrize("images", [1, 2, 19, 20])
def test_small_counts(tmp_path: Path, images: int) -> None:
    """Few images work too, and the article that documentation names always has one."""
    summary = packhouse.sample(tmp_path, images=images, customers=1, transactions=5)
    assert len(ids_on_disk(summary)) == images
    assert "0108775015" in ids_on_disk(summary)


def test_full_folder_is_refused(tmp_path: Path) -> None:
    """A folder that holds something is refused with advice, and stays as it is."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DestinationExistsError) as caught:
        packhouse.sample(tmp_path, **COUNTS)
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_file_is_refused(tmp_path: Path) -> None:
    """A file in the place of the folder is refused and kept."""
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(DestinationExistsError):
        packhouse.sample(tmp_path / "mine", **COUNTS)
    assert (tmp_path / "mine").read_text() == "keep"


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": -1},
        {"customers": -1},
        {"transactions": -1},
        {"seed": -1},
        {"images": 10**9},
        {"customers": 0, "transactions": 1},
    ],
)
def test_impossible_numbers_are_refused(tmp_path: Path, wrong: Counts) -> None:
    """Numbers that cannot be are refused before anything is written."""
    with pytest.raises(UsageError):
        packhouse.sample(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_customers_and_purchases_in_bulk() -> None:
    """Purchases come in bounded chunks, of heavy-tailed customers and articles."""
    ids = customer_ids(0, 2000)
    articles = article_ids(0, 500).all()
    counts = Counter[bytes]()
    rows = 0
    tiny = 0
    for number, data in transaction_lines(0, ids, articles, 450_000):
        assert number <= CHUNK
        assert data.count(b"\n") == number
        rows += number
        tiny += data.count(b"e-05,")
        counts.update(line.split(b",")[1] for line in data.splitlines())
    assert rows == 450_000
    assert len(counts) < 2000
    top = sum(count for _, count in counts.most_common(200))
    assert top > 0.3 * rows
    assert tiny > 0
    assert sum(number for number, _ in customer_lines(0, ids)) == 2000
