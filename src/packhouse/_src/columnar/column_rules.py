"""Which types of other files are kept, and what a user can make of a column. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.padding import pad_numbers, without_marks

MOST_DIGITS = 38
"""Of decimals; DuckDB makes doubles of longer ones."""

TEXT, INTEGER, FLOAT = "text", "integer", "float"


class ColumnWish(NamedTuple):
    """What a user wants of a column."""

    type: str | None = None
    """As --types has it."""

    digits: int | None = None
    """Whole numbers are filled up with zeros in front, to so many digits."""

    marks: Sequence[str] = ()
    """Cells that mean a missing value."""


class NotPossibleError(Exception):
    """A column cannot be as it is wanted; the message says why."""

    def __init__(self, problem: str, row: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.row = row
        """Of the cell that cannot, counted from 0 in its batch."""


def stored_type(kind: pa.DataType) -> pa.DataType:
    """Return the type in which values are kept: that of the values, without Arrow's ways to hold them.

    Raises:
        NotPossibleError: Parquet, or DuckDB, has no such type, or has not all of its values.
    """
    if isinstance(kind, pa.BaseExtensionType):
        return pa.string() if _is_uuid(kind) else stored_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return stored_type(kind.value_type)
    if pa.types.is_decimal(kind) and kind.precision > MOST_DIGITS:
        raise NotPossibleError(f"has decimals of {kind.precision} digits; {MOST_DIGITS} are the most")
    if kind.num_fields:
        return _stored_nested(kind)
    for is_one, stored in _SAME:
        if is_one(kind):
            return stored
    if not any(is_one(kind) for is_one in _KEPT):
        raise NotPossibleError(f"has the type {kind}, which Parquet cannot keep")
    return kind


_SAME = (
    (pa.types.is_null, pa.string()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_string_view, pa.string()),
    (pa.types.is_large_binary, pa.binary()),
    (pa.types.is_binary_view, pa.binary()),
    (pa.types.is_date64, pa.date32()),
)
_KEPT = (
    *(pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    *(pa.types.is_string, pa.types.is_binary, pa.types.is_fixed_size_binary),
    *(pa.types.is_date32, pa.types.is_time, pa.types.is_timestamp, pa.types.is_duration),
)


def _stored_nested(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        lower = [field.name.lower() for field in fields]
        if "" in lower or len(set(lower)) < len(lower):
            raise NotPossibleError(f"has fields that SQL cannot tell apart: {kind}")
        return pa.struct([(field.name, _inner(field.type)) for field in fields])
    if pa.types.is_map(kind):
        return pa.map_(_inner(kind.key_type), _inner(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_inner(kind.value_type), kind.list_size)
    if any(
        is_one(kind)
        for is_one in (
            *(pa.types.is_list, pa.types.is_large_list),
            *(pa.types.is_list_view, pa.types.is_large_list_view),
        )
    ):
        return pa.list_(_inner(kind.value_type))
    raise NotPossibleError(f"has the type {kind}, which Parquet cannot keep")


def _inner(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        raise NotPossibleError(f"has {kind} inside lists or objects, which cannot be kept")
    return kind if pa.types.is_null(kind) else stored_type(kind)


def wanted_type(kind: pa.DataType, wish: ColumnWish) -> pa.DataType:
    """Return the type of a column that is kept as `kind`, as the user wants it.

    Raises:
        NotPossibleError: That is no conversion without loss, or would need to read text.
    """
    if wish.digits is not None:
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind)):
            raise NotPossibleError(f"cannot be padded: it is {kind} in the file")
        return pa.string()
    if wish.type is None or _is_already(kind, wish.type):
        return kind
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if wish.type == TEXT and (is_number or pa.types.is_boolean(kind) or pa.types.is_date(kind)):
        return pa.string()
    if wish.type in (INTEGER, FLOAT) and is_number:
        return pa.int64() if wish.type == INTEGER else pa.float64()
    raise NotPossibleError(f"cannot be {wish.type}: it is {kind} in the file")


def _is_already(kind: pa.DataType, wanted: str) -> bool:
    tests = {
        TEXT: pa.types.is_string,
        INTEGER: pa.types.is_integer,
        FLOAT: pa.types.is_floating,
        "boolean": pa.types.is_boolean,
        "date": pa.types.is_date,
        "timestamp": pa.types.is_timestamp,
    }
    return bool(tests[wanted](kind))


def stored(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return values in the type that `stored_type` says.

    Raises:
        NotPossibleError: A value is not in its range.
    """
    if isinstance(column.type, pa.BaseExtensionType):
        if _is_uuid(column.type):
            texts = [
                None if cell is None else str(uuid.UUID(bytes=cell)) for cell in column.storage.to_pylist()
            ]
            return pa.array(texts, pa.string())
        column = column.storage
    try:
        if pa.types.is_dictionary(column.type):
            values = column.dictionary.cast(kind)  # views, which Polars writes, cannot be decoded
            column = pa.DictionaryArray.from_arrays(column.indices, values).dictionary_decode()
        if pa.types.is_timestamp(kind) and kind.unit in ("s", "ms"):
            column.cast(pa.timestamp("us", kind.tz))  # in which DuckDB reads it
        return column if column.type == kind else column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as err:
        raise NotPossibleError(f"has a value that cannot be kept: {err}") from err


def as_wanted(column: pa.Array, kind: pa.DataType, wish: ColumnWish) -> tuple[pa.Array, int]:
    """Return values as the user wants them, and how many were marks of a missing value.

    Args:
        column: As `stored`.
        kind: What `wanted_type` says.
        wish: What is wanted.

    Raises:
        NotPossibleError: A value cannot be converted without loss.
    """
    marked = 0
    if wish.marks and pa.types.is_string(column.type):
        column, marked = without_marks(column, wish.marks)
    if wish.digits is not None:
        texts = column if pa.types.is_string(column.type) else _whole(column).cast(pa.string())
        padded, odd = pad_numbers(texts, wish.digits)
        if odd is not None:
            raise NotPossibleError(f"cannot be padded to {wish.digits} digits: {column[odd].as_py()!r}", odd)
        return padded, marked
    if column.type == kind:
        return column, marked
    if pa.types.is_floating(column.type) and not pa.types.is_floating(kind):
        column = _whole(column)
    try:
        return column.cast(kind), marked
    except pa.ArrowInvalid as err:
        raise NotPossibleError(f"cannot be {wish.type}: {err}") from err


def _whole(column: pa.Array) -> pa.Array:
    if not pa.types.is_floating(column.type):
        return column
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid as err:
        odd = pc.index(pc.fill_null(pc.equal(pc.trunc(column), column), fill_value=True), value=False).as_py()
        shown = f": {column[odd].as_py()!r}" if odd >= 0 else ""
        raise NotPossibleError(f"is not of whole numbers{shown}", odd if odd >= 0 else None) from err


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.UuidType)
