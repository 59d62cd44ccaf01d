"""A small data set in the shape that packhouse is for, made by Pillow and csv alone."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

JOIN = "train = transactions_train + customers on customer_id"


@dataclass(frozen=True)
class DataSet:
    """A data set on disk, and what is known of it."""

    folder: Path
    files: dict[str, bytes]
    """Path below the folder -> bytes, of all images."""

    articles: list[str]
    """All article ids, those without an image too."""

    without_image: list[str]
    customers: list[str]
    transactions: list[tuple[str, str, str, str]]
    """(date, customer, article, price) as written."""


def jpeg(seed: int, *, width: int = 40, height: int = 60) -> bytes:
    """Return a small JPEG of its own."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (4, 3, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def write_dataset(folder: Path, *, images: int = 24, transactions: int = 300) -> DataSet:
    """Write images and tables below a folder."""
    ids = [f"0{10 + number % 5}{7000000 + 1000 * number:07d}" for number in range(images)]
    files = {f"images/{name[:3]}/{name}.jpg": jpeg(seed) for seed, name in enumerate(ids)}
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    without = ["0990000001", "0990000002", "0990000003"]
    articles = sorted([*ids, *without])
    with (folder / "articles.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["article_id", "product_code", "name", "colour_group_code", "detail"])
        for number, name in enumerate(articles):
            detail = ['Soft, "second skin" fit', "Two lines\nof text", ""][number % 3]
            writer.writerow([name, name[:7], f"Dress {number % 4}", f"{number % 12:02d}", detail])
    customers = [f"{number:064x}" for number in range(1, 31)]
    with (folder / "customers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["customer_id", "Active", "age", "news"])
        for number, name in enumerate(customers):
            age = "" if number % 7 == 0 else 16 + number
            writer.writerow([name, "1.0" if number % 2 else "", age, ["NONE", "Regularly", ""][number % 3]])
    rng = np.random.default_rng(3)
    rows = []
    for number in range(transactions):
        date = f"2018-{9 + number // (transactions // 3 + 1):02d}-{number % 28 + 1:02d}"
        price = repr(int(rng.integers(1, 3000)) / 59000)
        rows.append((date, customers[rng.integers(25)], articles[rng.integers(len(articles))], price))
    with (folder / "transactions_train.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["t_dat", "customer_id", "article_id", "price"])
        writer.writerows(rows)
    return DataSet(folder, files, articles, without, customers, rows)
