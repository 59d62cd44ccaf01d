"""`packhouse.sample`: writes a made-up data set, a folder of images and four tables."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.concurrency.threads import default_workers, run_in_threads
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse._src.synthetic.articles import ARTICLE_HEADER, MOST_IMAGES, article_ids, read_article
from packhouse._src.synthetic.csv_lines import Lines
from packhouse._src.synthetic.drawing import draw_jpeg, make_textures
from packhouse._src.synthetic.problems import PROBLEM_IDS, problem_files
from packhouse._src.synthetic.purchases import (
    CUSTOMERS_HEADER,
    SUBMISSION_HEADER,
    TRANSACTIONS_HEADER,
    customer_ids,
    customer_lines,
    submission_lines,
    transaction_lines,
)
from packhouse.errors import DestinationExistsError, UsageError, Where
from packhouse.progress import Observer, Task, task


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What `packhouse.sample` wrote."""

    folder: Path
    images: int
    """Sound JPEG files."""

    articles: int
    """Rows of articles.csv, including those without an image."""

    customers: int
    """Rows of customers.csv."""

    transactions: int
    """Rows of transactions_train.csv."""

    bytes: int
    """Size of all files."""

    problems: tuple[str, ...]
    """Paths, relative to the folder, of the files that are broken or odd on purpose, sorted."""


@shows_progress
def sample(  # noqa: PLR0913  # one keyword for each thing there can be more or less of
    folder: str | os.PathLike[str],
    *,
    images: int = 2000,
    customers: int = 5000,
    transactions: int = 100_000,
    seed: int = 0,
    problems: bool = False,
    progress: Progress = None,
) -> SampleSummary:
    """Write a generated fashion data set: drawn product photos and four CSV tables.

    The folder gets `images/NNN/0NNNNNNNNN.jpg` (RGB JPEG, 380-430 x 560-640 pixels), `articles.csv`,
    `customers.csv`, `transactions_train.csv` and `sample_submission.csv`. Each picture shows the garment,
    colour and pattern that its row of `articles.csv` names. The same arguments write the same bytes with the
    same versions of Python, NumPy and Pillow on the same kind of machine, however many cores it has.

    Args:
        folder: Where to write; must be missing or empty.
        images: Number of images, at most 500,000. A few more articles have no image.
        customers: Rows of customers.csv.
        transactions: Rows of transactions_train.csv.
        seed: Random seed; the same seed gives the same bytes. 0 or more.
        problems: Add broken and unusual files, as real data sets have them.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        What was written.

    Raises:
        DestinationExistsError: The folder is not empty, or is not a folder.
        UsageError: A number is negative, there are too many images, or transactions without customers.
        OSError: A file could not be written. After an error or Ctrl-C the folder is left empty.

    Cost: about 6 ms of one core per picture, 1 s per million transactions; memory stays below 200 MB, plus
    100 bytes per customer.
    """
    _check_numbers(images=images, customers=customers, transactions=transactions, seed=seed)
    target = Path(folder)
    _check_folder(target)
    target.mkdir(parents=True, exist_ok=True)
    writer = _SampleFiles(target, seed, listener(progress))
    try:
        return writer.write_all(images, customers, transactions, problems=problems)
    except BaseException:
        # it was empty before; half a data set would be in the way of the next try
        for made in target.iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()
        raise


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


@dataclass(frozen=True, slots=True)
class _SampleFiles:
    """Writes the files of one sample; each method returns the bytes that it wrote."""

    folder: Path
    seed: int
    progress: Observer

    def write_all(self, images: int, customers: int, transactions: int, *, problems: bool) -> SampleSummary:
        ids = article_ids(self.seed, images, PROBLEM_IDS if problems else 0)
        articles = ids.all()
        size = self.write_images(ids.pictured)
        odd = self.write_problems(ids.problems) if problems else {}
        size += sum(odd.values()) + self.write_articles(articles)
        size += self.write_people(customers, articles, transactions)
        return SampleSummary(
            self.folder, images, len(articles), customers, transactions, size, tuple(sorted(odd))
        )

    def write_images(self, ids: tuple[str, ...]) -> int:
        textures = make_textures(self.seed)
        sizes: list[int] = []
        for name in ["", *sorted({one[:3] for one in ids})]:
            (self.folder / "images" / name).mkdir()

        def write(one: str) -> int:
            data = draw_jpeg(read_article(self.seed, one), self.seed, textures)
            return (self.folder / "images" / one[:3] / f"{one}.jpg").write_bytes(data)

        with task(self.progress, "images", total=len(ids), unit="files") as running:

            def count(_one: str, size: int) -> None:
                sizes.append(size)
                running.advance()

            # most of drawing and compressing is C code that releases the interpreter lock
            run_in_threads(ids, lambda: nullcontext(write), count, workers=default_workers())
        return sum(sizes)

    def write_problems(self, ids: tuple[str, ...]) -> dict[str, int]:
        """Write the broken and odd files; return their sizes by path below the folder."""
        textures = make_textures(self.seed)
        pictures = tuple(draw_jpeg(read_article(self.seed, one), self.seed, textures) for one in ids)
        sizes: dict[str, int] = {}
        for path, data in problem_files(ids, pictures):
            target = self.folder / "images" / path
            target.parent.mkdir(exist_ok=True)
            sizes[f"images/{path}"] = target.write_bytes(data)
        return sizes

    def write_articles(self, ids: list[str]) -> int:
        path = self.folder / "articles.csv"
        with (
            task(self.progress, "articles", total=len(ids), unit="rows") as running,
            path.open("w", encoding="utf-8", newline="") as file,
        ):
            file.write(f"{ARTICLE_HEADER}\n")
            writer = csv.writer(file, lineterminator="\n")
            for one in ids:
                writer.writerow(read_article(self.seed, one).row())
                running.advance()
        return path.stat().st_size

    def write_people(self, customers: int, articles: list[str], transactions: int) -> int:
        """Write the two tables with a row for each customer, and what the customers bought."""
        seed, ids = self.seed, customer_ids(self.seed, customers)
        with task(self.progress, "customers", total=2 * customers, unit="rows") as running:
            size = self._write("customers.csv", CUSTOMERS_HEADER, customer_lines(seed, ids), running)
            lines = submission_lines(ids, articles, seed)
            size += self._write("sample_submission.csv", SUBMISSION_HEADER, lines, running)
        with task(self.progress, "transactions", total=transactions, unit="rows") as running:
            lines = transaction_lines(seed, ids, articles, transactions)
            return size + self._write("transactions_train.csv", TRANSACTIONS_HEADER, lines, running)

    def _write(self, name: str, header: str, chunks: Iterable[Lines], running: Task) -> int:
        with (self.folder / name).open("wb") as file:
            size = file.write(f"{header}\n".encode())
            for rows, data in chunks:
                size += file.write(data)
                running.advance(rows)
        return size
