"""Writing a sample: folder of images and tables, the same bytes for the same arguments."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.synthetic.articles import (
    COLUMNS,
    MOST_IMAGES,
    ArticleIds,
    article_ids,
    read_article,
    read_articles,
)
from packhouse._src.synthetic.crew import draw_all, fitting_helpers
from packhouse._src.synthetic.customers import (
    CUSTOMERS_HEADER,
    PREDICTED,
    SUBMISSION_HEADER,
    customer_ids,
    customer_lines,
    submission_lines,
)
from packhouse._src.synthetic.drawing import draw_jpeg
from packhouse._src.synthetic.hexdigits import Raw
from packhouse._src.synthetic.problems import PROBLEM_IDS, problem_files
from packhouse._src.synthetic.surfaces import make_surfaces
from packhouse._src.synthetic.transactions import TRANSACTIONS_HEADER, favourites, transaction_lines
from packhouse.errors import DestinationExistsError, UsageError, Where
from packhouse.progress import Observer, Task, silent, task


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What was written."""

    folder: Path
    images: int
    """Sound JPEG files."""

    articles: int
    """Rows of articles.csv, those without an image included."""

    customers: int
    transactions: int
    bytes: int
    """Of all files."""

    problems: tuple[str, ...]
    """Paths below the folder of the files that are bad or odd on purpose, sorted."""


def write_sample(  # noqa: PLR0913  # one keyword for each thing there can be more or less of
    folder: Path,
    *,
    images: int = 2000,
    customers: int = 5000,
    transactions: int = 100_000,
    seed: int = 0,
    problems: bool = False,
    progress: Observer = silent,
) -> SampleSummary:
    """Write a made-up data set in the shape of a fashion retailer's: drawn product photos and four tables.

    The same arguments give the same bytes with the same versions of NumPy and Pillow on the same
    kind of machine, however many processors draw.

    Args:
        folder: Where to write; must be missing or empty.
        images: JPEG files, at most 500,000; a few articles more have no image.
        customers: Rows of customers.csv.
        transactions: Rows of transactions_train.csv.
        seed: Not negative; another seed gives another data set.
        problems: Also write broken, mislabelled and odd files, as real data sets have them.
        progress: Told of the tasks "images", "articles", "customers" and "transactions".

    Returns:
        What was written.

    Raises:
        DestinationExistsError: The folder holds something, or is no folder.
        UsageError: A count or the seed is negative, there are too many images, or transactions
            without customers.

    Cost: about 10 ms of one processor a picture, 1 s a million transactions; memory stays below
    200 MB, plus 100 bytes a customer.
    """
    _check_numbers(images=images, customers=customers, transactions=transactions, seed=seed)
    _check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _write_all(folder, images, customers, transactions, seed, problems=problems, progress=progress)
    except BaseException:
        # it was empty before; half a data set would be in the way of the next try
        for made in folder.iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()
        raise


def _write_all(  # noqa: PLR0913  # those of write_sample
    folder: Path,
    images: int,
    customers: int,
    transactions: int,
    seed: int,
    *,
    problems: bool,
    progress: Observer,
) -> SampleSummary:
    ids = article_ids(seed, images, PROBLEM_IDS if problems else 0)
    size = write_images(folder / "images", ids.pictured, seed, progress)
    odd = _write_problems(folder, ids, seed) if problems else {}
    size += sum(odd.values())
    every = ids.all()
    size += _write_articles(folder / "articles.csv", every, seed, progress)
    buyers = customer_ids(seed, customers)
    best = favourites(seed, every, PREDICTED)
    size += _write_customers(folder, buyers, best, seed, progress)
    lines = transaction_lines(seed, buyers, every, transactions)
    with task(progress, "transactions", total=transactions, unit="rows") as running:
        path = folder / "transactions_train.csv"
        size += _write_chunks(path, TRANSACTIONS_HEADER, lines, running)
    return SampleSummary(
        folder=folder,
        images=images,
        articles=len(every),
        customers=customers,
        transactions=transactions,
        bytes=size,
        problems=tuple(sorted(odd)),
    )


def write_images(
    folder: Path, ids: tuple[str, ...], seed: int, progress: Observer, *, helpers: int | None = None
) -> int:
    """Draw the images of the ids, below folders named after their first three digits.

    Args:
        folder: Folder of the images; may exist.
        ids: Article ids.
        seed: Not negative.
        progress: Told of the task "images".
        helpers: How many interpreters draw at a time, 0 for this one; None for as many as are worth
            it. The bytes do not depend on it.

    Returns:
        Bytes written.
    """
    folder.mkdir(exist_ok=True)
    for name in sorted({one[:3] for one in ids}):
        (folder / name).mkdir(exist_ok=True)

    def keep(one: str, data: bytes) -> int:
        return (folder / one[:3] / f"{one}.jpg").write_bytes(data)

    helpers = fitting_helpers(len(ids)) if helpers is None else helpers
    size = 0
    with task(progress, "images", total=len(ids), unit="files") as running:
        for written in draw_all(ids, seed, keep, helpers=helpers):
            size += written
            running.advance()
    return size


def _check_numbers(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 0:
            raise UsageError(f"{name} is {number}", hint="give 0 or more")
    if numbers["images"] > MOST_IMAGES:
        raise UsageError(f"images is {numbers['images']}", hint=f"give at most {MOST_IMAGES}")
    if numbers["transactions"] and not numbers["customers"]:
        raise UsageError("transactions need customers, and customers is 0", hint="give 1 or more")


def _check_folder(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if os.path.lexists(folder):
        problem = "the folder is not empty" if folder.is_dir() else "there is a file of that name"
        raise DestinationExistsError(
            problem, where=Where(file=str(folder)), hint="name a new or an empty folder"
        )


def _write_problems(folder: Path, ids: ArticleIds, seed: int) -> dict[str, int]:
    """Write the files that are bad on purpose; return their sizes by path below the folder."""
    surfaces = make_surfaces(seed)
    pictures = tuple(draw_jpeg(read_article(seed, one), seed, surfaces) for one in ids.problems)
    sizes: dict[str, int] = {}
    for path, data in problem_files(ids.problems, pictures):
        target = folder / "images" / path
        target.parent.mkdir(exist_ok=True)
        sizes[f"images/{path}"] = target.write_bytes(data)
    return sizes


def _write_articles(path: Path, ids: list[str], seed: int, progress: Observer) -> int:
    with (
        task(progress, "articles", total=len(ids), unit="rows") as running,
        path.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for article in read_articles(seed, ids):
            writer.writerow(article.row())
            running.advance()
    return path.stat().st_size


def _write_customers(folder: Path, customers: Raw, best: list[str], seed: int, progress: Observer) -> int:
    """Write the two tables with a row for every customer; return their bytes."""
    with task(progress, "customers", total=2 * len(customers), unit="rows") as running:
        size = _write_chunks(
            folder / "customers.csv", CUSTOMERS_HEADER, customer_lines(seed, customers), running
        )
        return size + _write_chunks(
            folder / "sample_submission.csv", SUBMISSION_HEADER, submission_lines(customers, best), running
        )


def _write_chunks(path: Path, header: bytes, chunks: Iterator[tuple[int, bytes]], running: Task) -> int:
    size = len(header)
    with path.open("wb") as file:
        file.write(header)
        for rows, data in chunks:
            size += file.write(data)
            running.advance(rows)
    return size
