"""Names, texts and paths as SQL: nothing of the user's reaches a query but through these."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from packhouse._src.table_records import PARTS, files_of_parts

FILE_ROW_NUMBER = "file_row_number"
"""DuckDB's column of the numbers of the rows in a Parquet file; ranges of it are read alone."""


def quote_name(name: str) -> str:
    """Return a column or table name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return a string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_path(path: Path) -> str:
    """Return a path as an SQL literal that names this one file: DuckDB would read * ? [ as a pattern."""
    # absolute, or a folder of the name "~" would be taken for the user's home
    return quote_text(as_pattern(os.fspath(path.absolute())))


def as_pattern(path: str) -> str:
    """Return a path with the characters of patterns set in brackets, which stand for themselves."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def parquet_rows(path: Path) -> str:
    """Return the SQL that reads a Parquet file, its own columns and no others."""
    # by itself DuckDB makes columns of folders that are named like split=train
    return f"read_parquet({_quote_table(path)}, hive_partitioning=false)"


def _quote_table(path: Path) -> str:
    """Return the file of a table as SQL, or all its parts in their order."""
    if not path.is_dir():
        return quote_path(path)
    if next(path.glob(PARTS), None) is not None:
        return quote_text(f"{as_pattern(os.fspath(path.absolute()))}/{PARTS}")
    # what a pattern finds in several folders DuckDB reads in an order of its own
    return f"[{', '.join(map(quote_path, files_of_parts(path)))}]"


def numbered_rows(path: Path, columns: Iterable[str]) -> tuple[str, str]:
    """Return the SQL that reads a Parquet file with the number of each row, and the name of that column.

    Args:
        path: The file.
        columns: Its columns.
    """
    name = FILE_ROW_NUMBER
    taken = {column.lower() for column in columns}
    if name not in taken and not path.is_dir():
        return f"read_parquet({quote_path(path)}, hive_partitioning=false, file_row_number=true)", name
    while name in taken:
        name += "_"
    # slower, one thread: the order of the scan, which preserve_insertion_order keeps
    return f"(SELECT *, row_number() OVER () AS {name} FROM {parquet_rows(path)})", name
