"""A column of image_index, or of a linked table, with one value for each image: as the loader wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from packhouse._src.parquet_ import batch_of
from packhouse._src.sql.joins.join_specs import not_found
from packhouse._src.tables.copies import INDEX, places_of_copies
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.table import Tables
from packhouse.errors import UsageError, Where


class ColumnSource(NamedTuple):
    """Where a column is found."""

    table: str
    column: str


class ImageColumn:
    """Values of all images, in the order of the index.

    Args:
        values: Arrow values, one per image; null where no row names the image, or the cell is empty.
    """

    def __init__(self, values: pa.ChunkedArray) -> None:
        self._values = values

    @property
    def is_floating(self) -> bool:
        """Whether the values are floating-point numbers."""
        return bool(pa.types.is_floating(self._values.type))

    @property
    def type_name(self) -> str:
        """The type in Arrow's words."""
        return str(self._values.type)

    def numbers(self, rows: NDArray[np.int64]) -> NDArray[Any] | None:
        """Return the values of some images as NumPy has them.

        Args:
            rows: Of the index.

        Returns:
            Integers, floats, booleans, datetime64; None where one is missing, or NumPy has no such type.
        """
        kind = self._values.type
        fits = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        if not fits and not pa.types.is_date(kind) and not pa.types.is_timestamp(kind):
            return None
        taken = self._values.take(pa.array(rows))
        return None if taken.null_count else np.asarray(taken.to_numpy())

    def coded(self) -> tuple[list[Any], NDArray[np.int32]]:
        """Return the distinct values, as Python objects, and for each image its place among them.

        Returns:
            The values, and int32 codes; -1 where one is missing.
        """
        encoded = self._values.dictionary_encode().combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):  # of no chunk at all
            return [], np.zeros(0, np.int32)
        codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int32)
        return encoded.dictionary.to_pylist(), codes


def rows_of_keys(tables: Tables, keys: Sequence[str]) -> NDArray[np.int64]:
    """Return the rows in the index of some images.

    Args:
        tables: The tables of a pack.
        keys: Keys of images that are there.

    Returns:
        Ascending.

    Cost: 0.2 us per image of the pack.
    """
    found = pc.is_in(_keys(tables), value_set=pa.array(keys, pa.string()))
    return np.flatnonzero(found.to_numpy())


def groups_of_images(tables: Tables) -> tuple[list[str], NDArray[np.int32]]:
    """Return the groups, and for each image which of them it is in."""
    return image_column(tables, (), ColumnSource(INDEX, "group")).coded()


def image_column(tables: Tables, links: Sequence[LinkedColumns], source: ColumnSource) -> ImageColumn:
    """Read a column for all images.

    Args:
        tables: The tables of a pack.
        links: The linked tables.
        source: Which column, as `source_of` found it.

    Returns:
        Its values; of several rows that name an image the first of the file counts, as of `Pack.row`.

    Raises:
        CorruptStoreError: A table is missing or damaged.

    Cost: two columns of the table are read whole; 0.3 us per row beyond that.
    """
    if source.table == INDEX:
        return ImageColumn(tables[INDEX].scan([source.column]).to_arrow()[source.column])
    link = next(link for link in links if link.table == source.table)
    read = tables[source.table].scan(list(dict.fromkeys([link.key_column, source.column]))).to_arrow()
    keys = _keys(tables)
    images = pc.index_in(read[link.key_column].cast(pa.string()), value_set=keys.combine_chunks())
    numbers = np.asarray(images.fill_null(-1).to_numpy(), np.int64)
    named = np.flatnonzero(numbers >= 0)[::-1]
    first = np.full(len(keys), -1, np.int64)
    first[numbers[named]] = named  # of several the last one written stays, which is the first of the file
    copies = places_of_copies(tables, link)
    if copies:
        images = pc.index_in(
            batch_of({"key": ("string", [*copies])}).column(0), value_set=keys.combine_chunks()
        )
        for image, places in zip(images.to_pylist(), copies.values(), strict=True):
            first[image] = min(places[0], first[image] if first[image] >= 0 else places[0])
    return ImageColumn(read[source.column].take(pa.array(first, mask=first < 0)))


def source_of(tables: Tables, links: Sequence[LinkedColumns], name: str) -> ColumnSource:
    """Find out which column is meant.

    Args:
        tables: The tables of a pack.
        links: The linked tables.
        name: "table.column", or a column that only one of image_index and the linked tables has.

    Returns:
        The column.

    Raises:
        ColumnNotFoundError: There is no such column; names the nearest.
        UsageError: Several tables have it, or its table is not linked to the images.
    """
    candidates = [
        ColumnSource(table, column)
        for table in dict.fromkeys((INDEX, *(link.table for link in links)))
        for column in tables[table].columns
    ]
    meant = [one for one in candidates if name in (one.column, f"{one.table}.{one.column}")]
    whole = [one for one in meant if name == f"{one.table}.{one.column}"]
    if len(whole or meant) == 1:
        return (whole or meant)[0]
    if meant:
        raise UsageError(
            f"several tables have a column {name!r}",
            hint=f"name the table: {' or '.join(f'{one.table}.{one.column}' for one in meant)}",
        )
    table = name.partition(".")[0]
    if table in tables and table not in {one.table for one in candidates}:
        raise UsageError(
            f"{name!r}: the table {table!r} is not linked to the images",
            hint=f"packhouse pack SRC -o DEST --link {table}.COLUMN links a column to the images",
        )
    present = [one.column for one in candidates]
    if "." in name:
        present = [f"{one.table}.{one.column}" for one in candidates]
    raise not_found("column", name, present, Where(file=str(tables.folder)))


def _keys(tables: Tables) -> pa.ChunkedArray:
    return tables[INDEX].scan(["key"]).to_arrow()["key"].cast(pa.string())
