"""The paths in a list: a text file, a CSV or TSV file, or a Parquet file."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from packhouse.errors import PackhouseError, SourceError, Where

COLUMNS = ("path", "file", "file_name", "filename", "image_path", "image", "img")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
LIST_EXTENSIONS = (".txt", ".csv", ".tsv", ".parquet")


def read_paths(path: Path) -> Iterator[str]:
    """Read the paths of a list; empty ones are left out.

    Args:
        path: A text file with a path a line and "#" before comments, or a table.

    Yields:
        Each path as it stands there, with surrogates for bytes that are no text.

    Raises:
        SourceError: The list cannot be read, or no column of it holds paths.
    """
    if not path.is_file():  # opening a FIFO would wait for ever
        raise SourceError("this is not a regular file", where=Where(file=str(path)))
    try:
        yield from _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_text(path)
    except PackhouseError:
        raise
    except (OSError, csv.Error) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise SourceError(f"cannot be read as a list: {reason}", where=Where(file=str(path))) from err


def _read_text(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        delimiter = DELIMITERS.get(path.suffix.lower())
        if delimiter is None:
            yield from _read_lines(file)
        else:
            yield from _read_rows(csv.reader(file, delimiter=delimiter, strict=True), path)


def _read_lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        # a name may begin or end with a space
        text = line.rstrip("\r\n")
        if text.strip() and not text.startswith("#"):
            yield text


def _read_rows(rows: Iterator[list[str]], path: Path) -> Iterator[str]:
    names, first = next(rows, []), next(rows, [])
    place = names.index(_choose(names, dict(zip(names, first, strict=False)).get, path))
    for row in (first, *rows):
        if len(row) > place and row[place]:
            yield row[place]


def _read_parquet(path: Path) -> Iterator[str]:
    from packhouse._src.parquet_ import ParquetSource

    try:
        table = ParquetSource(path)
    except PackhouseError as err:
        raise SourceError(err.problem, where=err.where) from err
    try:
        texts = [field.name for field in table.schema if str(field.type) in {"string", "large_string"}]

        def first_of(name: str) -> str | None:
            return next((value for part in table.iterate([name]) for value in part[name].to_pylist()), None)

        name = _choose(texts, first_of, path)
        for part in table.iterate([name]):
            yield from filter(None, part[name].to_pylist())
    except SourceError:
        raise
    except PackhouseError as err:
        raise SourceError(err.problem, where=err.where) from err
    finally:
        table.close()


def _choose(names: Sequence[str], first_of: Callable[[str], str | None], path: Path) -> str:
    if any("\0" not in name and name and os.path.isfile(path.parent / name) for name in names):  # noqa: PTH113
        raise SourceError(
            "its first line names a file: the list has no header",
            where=Where(file=str(path), line=1),
            hint="add a header line with column names, such as: path",
        )
    known = {name.lower(): name for name in reversed(names)}
    for column in COLUMNS:
        if column in known:
            return known[column]
    for name in names:
        first = first_of(name)
        if first and "\0" not in first and os.path.isfile(path.parent / first):  # noqa: PTH113  # raises nothing
            return name
    raise SourceError(
        "no column contains paths of files",
        where=Where(file=str(path)),
        hint=f"name one of its columns {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}, or give the folder itself",
    )
