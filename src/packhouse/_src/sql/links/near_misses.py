"""Why no table was linked: the column that came nearest, and what would link it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.links.evidence import THRESHOLD
from packhouse._src.sql.links.image_names import has_zeros
from packhouse._src.sql.links.search import INTEGERS, ImageNames, LinkSearch, Suspect
from packhouse._src.table_records import TableReport

MOST_COLUMNS = 50
"""Columns of repeated integers that are looked at."""


def nearest_miss(
    engine: Engine,
    tables: Sequence[TableReport],
    folder: Path,
    images: ImageNames,
    *,
    missed: Sequence[tuple[TableReport, Suspect]],
) -> tuple[str, str] | None:
    """Return the table that came nearest to a link, and a note for it.

    Args:
        engine: Where `prepare_names` was done.
        tables: Those that were searched.
        folder: Where their Parquet files are.
        images: What `prepare_names` said.
        missed: Columns that could name images and did not do so often enough.

    Returns:
        Name and note; None when no value of any column names an image.

    Cost: a look at some places of each column of integers that repeat.
    """
    search = LinkSearch(engine, folder, images)
    looked_at = {(table.name, suspect.column.name) for table, suspect in missed}
    repeated = [
        (table, column.name)
        for table in tables
        for column in table.columns
        if column.arrow in INTEGERS
        and column.nulls < table.rows
        and (table.name, column.name) not in looked_at
    ]
    found = [
        (table, suspect)
        for table, column in repeated[:MOST_COLUMNS]
        for suspect in search.suspects(table, lambda _rows: None, only=column)
        if suspect.values and min(_share(suspect), suspect.hit.images / max(1, images.count)) >= THRESHOLD
    ]
    if found:
        table, suspect = max(found, key=lambda one: one[1].hit.images)
        return table.name, f"no table is linked; {_of_repeated(table, suspect)}"
    near = [(table, suspect) for table, suspect in missed if suspect.values and suspect.hit.all]
    if not near:
        return None
    table, suspect = max(near, key=lambda one: (_share(one[1]), one[1].hit.images))
    return table.name, f"no table is linked; {_of_few(table, suspect, images)}"


def _share(suspect: Suspect) -> float:
    return suspect.hit.all / suspect.values


def _of_repeated(table: TableReport, suspect: Suspect) -> str:
    name, words = f"{table.name}.{suspect.column.name}", suspect.form.words if suspect.form else ""
    matches = f"{suspect.hit.all:,} of {suspect.values:,} values match an image"
    if has_zeros(words):
        digits = words.removesuffix(" digits").rpartition(" ")[2]
        matches, option = f"{matches} if they get leading zeros", f"--pad {name}={digits}"
    else:
        option = f"--text {name}"
    return f"{suspect.column.name} comes nearest: {matches}, but it repeats numbers ({option} links it)"


def _of_few(table: TableReport, suspect: Suspect, images: ImageNames) -> str:
    name = suspect.column.name
    return (
        f"{name} comes nearest: {suspect.hit.all:,} of {suspect.values:,} values match an image, "
        f"of {images.count:,} images (--link {table.name}.{name} links it)"
    )
