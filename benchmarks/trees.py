"""Trees of JPEG files to measure on: a few drawn ones under many names, each with a tail of its own."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
from measuring import OUT, clear

import packhouse
from packhouse._src.synthetic.articles import ARTICLE_HEADER, article_ids, read_article
from packhouse._src.synthetic.purchases import (
    CUSTOMERS_HEADER,
    SUBMISSION_HEADER,
    TRANSACTIONS_HEADER,
    customer_ids,
    customer_lines,
    submission_lines,
    transaction_lines,
)

SEED = 0
IMAGE_BYTES = 37_000
DRAWN = 100
GROUPS = 86


def jpeg_tree(*, images: int, size: int) -> Path:
    """Write `images` files of about `size` bytes into 86 folders, or leave them as they are if there.

    A JPEG ends at its end marker; what follows is ignored by decoders, and makes every file unlike the
    others. Files smaller than a drawn image are its head and the end marker.

    Args:
        images: How many.
        size: Mean size in bytes; single files differ by up to a fifth.

    Returns:
        The folder.
    """
    folder = OUT / f"tree-{images}-of-{size}"
    if folder.exists() and sum(1 for _ in folder.rglob("*.jpg")) == images:
        return folder
    with tempfile.TemporaryDirectory() as place:
        packhouse.sample(Path(place) / "shop", images=DRAWN, customers=1, transactions=0)
        drawn = [path.read_bytes() for path in sorted((Path(place) / "shop").rglob("*.jpg"))]
    rng = np.random.default_rng(0)
    for number in range(images):
        name = f"0{10 + number % GROUPS}{number:07d}"
        wanted = int(size * rng.uniform(0.8, 1.2))
        data = drawn[number % DRAWN][: wanted - 10] + b"\xff\xd9"
        target = folder / "images" / name[:3] / f"{name}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data + rng.bytes(max(8, wanted - len(data))))
    return folder


def retailer_folder(*, images: int, customers: int, transactions: int) -> Path:
    """Write a data set like `packhouse.sample`, whose images are copies of a few with tails of their own.

    Args:
        images: How many, of 37 KB each; a few articles more have none.
        customers: Rows of customers.csv.
        transactions: Rows of transactions_train.csv.

    Returns:
        The folder; it is left as it is if it is there.
    """
    folder = OUT / f"retailer-{images}-{transactions}"
    if (folder / "sample_submission.csv").exists():
        return folder
    clear(folder)
    ids = article_ids(SEED, images, 0)
    with tempfile.TemporaryDirectory() as place:
        packhouse.sample(Path(place) / "shop", images=DRAWN, customers=1, transactions=0)
        drawn = [path.read_bytes() for path in sorted((Path(place) / "shop").rglob("*.jpg"))]
    rng = np.random.default_rng(0)
    for number, one in enumerate(ids.pictured):
        target = folder / "images" / one[:3] / f"{one}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        data = drawn[number % DRAWN][: IMAGE_BYTES - 10] + b"\xff\xd9"
        wanted = int(IMAGE_BYTES * rng.uniform(0.8, 1.2))
        target.write_bytes(data + rng.bytes(max(8, wanted - len(data))))
    with (folder / "articles.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"{ARTICLE_HEADER}\n")
        csv.writer(file, lineterminator="\n").writerows(read_article(SEED, one).row() for one in ids.all())
    people = customer_ids(SEED, customers)
    for name, header, lines in (
        ("customers", CUSTOMERS_HEADER, customer_lines(SEED, people)),
        ("transactions_train", TRANSACTIONS_HEADER, transaction_lines(SEED, people, ids.all(), transactions)),
        ("sample_submission", SUBMISSION_HEADER, submission_lines(people, ids.all(), SEED)),
    ):
        with (folder / f"{name}.csv").open("wb") as data_file:
            data_file.write(f"{header}\n".encode())
            data_file.writelines(data for _rows, data in lines)
    return folder


def warm(folder: Path) -> None:
    """Read every file once, so that the page cache has it."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 20):
                    pass
