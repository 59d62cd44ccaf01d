"""Everything that a pack can be asked: each answer by the name of the call."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import packhouse
from packhouse.errors import PackhouseError

Answers = dict[str, Any]
TABLES = ("articles", "transactions_train", "customers", "train", "image_index")
COUNTS = "SELECT colour_group_code, count(*) AS n FROM articles GROUP BY 1 ORDER BY 1"
SALES = "SELECT max(price) AS s, count(name) AS n FROM train JOIN articles USING (article_id)"


def questions(pack: packhouse.Pack) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield every way to read, with its name; images and tables each by several paths."""
    keys = ["010/0107000000", "013/0137003000"]
    yield "keys", lambda: list(pack.images)
    yield "read", lambda: [pack.images[key].bytes for key in pack.images]
    yield "read_many", lambda: pack.images.read_many(list(pack.images))
    yield "facts", lambda: [pack.images[key].file_name for key in pack.images]
    yield "row", lambda: [pack.row(key) for key in keys]
    yield "rows", lambda: [pack.rows(key) for key in keys]
    yield "find", lambda: pack.find("colour_group_code >= '03' AND width > 10")
    yield (
        "sql",
        lambda: pack.tables.sql(COUNTS).to_pylist(),
    )
    yield (
        "join",
        lambda: pack.tables.sql(
            "SELECT max(price) AS s, count(name) AS n FROM train JOIN articles USING (article_id)"
        ),
    )
    yield "without row", lambda: list(pack.images_without_row())
    yield "without image", lambda: list(pack.rows_without_image())
    for name in TABLES:
        yield f"{name} to_arrow", partial(whole, pack, name, None)
        yield f"{name} scan", partial(whole, pack, name, "1 = 1")
        yield f"{name} columns", partial(columns, pack, name)
        yield f"{name} count", partial(count, pack, name)
    yield "to_pandas", lambda: pack.tables["customers"].to_pandas().to_csv()
    yield "to_polars", lambda: pack.tables["train"].to_polars().rows()
    yield "loader", lambda: loaded(pack)


def whole(pack: packhouse.Pack, name: str, where: str | None) -> list[dict[str, Any]]:
    """Return all rows of a table."""
    rows: list[dict[str, Any]] = pack.tables[name].scan(where=where).to_arrow().to_pylist()
    return rows


def columns(pack: packhouse.Pack, name: str) -> dict[str, str]:
    """Return names and types of a table."""
    return dict(pack.tables[name].columns)


def count(pack: packhouse.Pack, name: str) -> int:
    """Return the number of rows of a table."""
    return len(pack.tables[name])


def loaded(pack: packhouse.Pack) -> list[tuple[Any, ...]]:
    """Return all that one epoch gives."""
    loader = pack.loader(
        5, size=16, seed=3, threads=1, label="articles.colour_group_code", columns=["width", "articles.name"]
    )
    found = []
    for batch in loader:
        columns = [list(batch.columns[name]) for name in batch.columns]
        found.append(
            (
                list(batch.keys),
                batch.images.tobytes(),
                [*(() if batch.labels is None else batch.labels)],
                columns,
            )
        )
    return found


def ask(path: Path, **options: Any) -> Answers:  # noqa: ANN401  # of packhouse.open
    """Open a pack and ask everything; errors of ours are answers, any other exception goes through."""
    try:
        pack = packhouse.open(path, **options)
    except PackhouseError as err:
        return {"open": err}
    with pack:
        return {name: answered(question) for name, question in questions(pack)}


def answered(question: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever it is
    """Return the answer, or the error of ours."""
    try:
        return question()
    except PackhouseError as err:
        return err


def wrong(found: Answers, truth: Answers) -> list[str]:
    """Return the calls whose answer is neither right nor an error of ours."""
    return [
        name
        for name, answer in found.items()
        if not isinstance(answer, PackhouseError) and answer != truth[name]
    ]


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        (byte,) = os.pread(descriptor, 1, bit // 8)
        os.pwrite(descriptor, bytes([byte ^ 1 << bit % 8]), bit // 8)
    finally:
        os.close(descriptor)


def places(pack: Path, *, seed: int, count: int) -> Iterator[tuple[Path, int]]:
    """Yield seeded bits of a pack: every file as often, footers of Parquet as often as the rest of it."""
    rng = random.Random(seed)
    files = sorted(path for path in pack.rglob("*") if path.is_file())
    for number in range(count):
        path = files[number % len(files)]
        size = path.stat().st_size
        first = 0
        if path.suffix == ".parquet" and number // len(files) % 2:
            first = size - 24 - int.from_bytes(path.read_bytes()[-8:-4], "little")
        yield path, rng.randrange(8 * first, 8 * size)
