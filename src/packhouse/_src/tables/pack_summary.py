"""What `print(pack)` and a notebook cell show of a pack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.notebook_cells.image_grid import small_pictures
from packhouse._src.notebook_cells.markup import facts, folded, line, title
from packhouse._src.tables.table import Table
from packhouse._src.wording.quantities import counted, size
from packhouse.errors import PackhouseError

PICTURES = 8


def describe_images(images: ImageStore) -> str:
    """Return counts, size and formats of the images, such as "9 images in 2 groups, 1.2 MB (9 image/png)"."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in images.media_types.items())
    return (
        f"{counted(len(images), 'image')} in {counted(len(images.groups), 'group')}, "
        f"{size(images.total_bytes)}{kinds and f' ({kinds})'}"
    )


def describe_pack(name: str, images: ImageStore | None, tables: Mapping[str, Table]) -> Iterator[str]:
    """Yield lines about a pack: name, images, and each table with its columns.

    A part that is damaged is a line with the reason.
    """
    yield name
    if images is not None:
        yield f"  images: {_or_problem(lambda: describe_images(images))}"
    for table_name, table in tables.items():
        yield f"  {table_name}: {_or_problem(lambda table=table: _describe_table(table))}"


def pack_html(name: str, images: ImageStore | None, tables: Mapping[str, Table]) -> str:
    """Return HTML about a pack: name, counts, eight pictures, and the tables, folded."""
    parts = [title(name)]
    if images is not None:
        parts.append(line(_or_problem(lambda: describe_images(images))))
        parts.append(small_pictures(images.grid(n=PICTURES).images) if len(images) else "")
    for table_name, table in tables.items():
        columns = _columns(table)
        counts = _or_problem(lambda table=table: f"{counted(len(table), 'row')}")
        parts.append(folded(f"{table_name}: {counts}, {counted(len(columns), 'column')}", facts(columns)))
    return "".join(parts)


def _columns(table: Table) -> dict[str, str]:
    try:
        return table.columns
    except PackhouseError as err:
        return {"": _first_line(err)}


def _describe_table(table: Table) -> str:
    return f"{counted(len(table), 'row')}, {counted(len(table.columns), 'column')}"


def _or_problem(describe: Any) -> str:  # noqa: ANN401  # a function without arguments
    try:
        return str(describe())
    except PackhouseError as err:
        return _first_line(err)


def _first_line(err: PackhouseError) -> str:
    return str(err).partition("\n")[0]
