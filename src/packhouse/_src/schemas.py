"""Schemas for other readers: types that pandas keeps exactly, and the narrowest integers. Pure.

By itself pandas makes floats of whole numbers beside a missing value, and ids of 19 digits are rounded. An
entry in the metadata of a schema tells it to take its nullable types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping

import pyarrow as pa

PANDAS_KEY = b"pandas"
"""Key of the entry in the metadata of a schema, as pyarrow and pandas have agreed on it."""

_PANDAS_TYPES = {
    "string": "unicode",
    "bool": "bool",
    "double": "float64",
    "float": "float32",
    "date32[day]": "date",
}
_NUMPY_TYPES = {"bool": "bool", "double": "float64", "float": "float32"}
_INTEGER = re.compile(r"u?int(8|16|32|64)")


def is_made_float(kind: pa.DataType) -> bool:
    """Say whether pandas makes floats, or objects, of such values when one of them is missing."""
    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def with_pandas_entry(schema: pa.Schema, with_nulls: Collection[str]) -> pa.Schema:
    """Return a schema with what pandas needs to read it exactly, if anything.

    Args:
        schema: Names and types; its own metadata is dropped.
        with_nulls: Columns in which a value is missing.
    """
    schema = schema.remove_metadata()
    if not any(field.name in with_nulls and is_made_float(field.type) for field in schema):
        return schema
    columns = ((field.name, str(field.type), field.name in with_nulls) for field in schema)
    return schema.with_metadata({PANDAS_KEY: _pandas_entry(columns)})


def exact_in_pandas(table: pa.Table) -> pa.Table:
    """Return a table whose own `to_pandas` changes no value: whole numbers with gaps are not made floats."""
    names = table.column_names
    if len(set(names)) < len(names):  # pandas finds columns by their names
        return table
    with_nulls = [name for name, column in zip(names, table.columns, strict=True) if column.null_count]
    return table.replace_schema_metadata(with_pandas_entry(table.schema, with_nulls).metadata)


def narrow_schema(schema: pa.Schema, bounds: Mapping[str, tuple[int, int]]) -> pa.Schema:
    """Return a schema with the narrowest integers.

    Args:
        schema: Names and types.
        bounds: Column -> its smallest and largest value; others keep their types.
    """
    fields = []
    for field in schema:
        if pa.types.is_integer(field.type) and field.name in bounds:
            lowest, highest = bounds[field.name]
            kinds = _SIGNED if pa.types.is_signed_integer(field.type) else _UNSIGNED
            narrow = next(kind for kind, low, high in kinds if low <= lowest and highest <= high)
            fields.append(field.with_type(narrow))
        else:
            fields.append(field)
    return pa.schema(fields, schema.metadata)


_SIGNED = [
    (kind, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for bits, kind in ((8, pa.int8()), (16, pa.int16()), (32, pa.int32()), (64, pa.int64()))
]
_UNSIGNED = [
    (kind, 0, 2**bits - 1)
    for bits, kind in ((8, pa.uint8()), (16, pa.uint16()), (32, pa.uint32()), (64, pa.uint64()))
]


def _pandas_entry(columns: Iterable[tuple[str, str, bool]]) -> bytes:
    """Return the entry for some columns.

    Args:
        columns: Name, Arrow type, and whether a value is missing.

    Returns:
        JSON. Whole numbers and booleans with missing values are of pandas' nullable types; all others as
        pandas has them anyway.
    """
    described = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": _pandas_type(kind),
            "numpy_type": _nullable(kind) if has_nulls else _numpy_type(kind),
            "metadata": _zone(kind),
        }
        for name, kind, has_nulls in columns
    ]
    entry = {"index_columns": [], "column_indexes": [], "columns": described, "pandas_version": "2.2.0"}
    return json.dumps(entry, ensure_ascii=False, sort_keys=True).encode()


def _pandas_type(kind: str) -> str:
    if _INTEGER.fullmatch(kind):
        return kind
    if kind.startswith("timestamp"):
        return "datetimetz" if "tz=" in kind else "datetime"
    return _PANDAS_TYPES.get(kind, "object")


def _numpy_type(kind: str) -> str:
    if _INTEGER.fullmatch(kind):
        return kind
    if kind.startswith("timestamp"):
        return f"datetime64[{kind[len('timestamp[') :].rstrip(']').partition(',')[0]}]"
    return _NUMPY_TYPES.get(kind, "object")


def _nullable(kind: str) -> str:
    if _INTEGER.fullmatch(kind):
        return kind.replace("uint", "UInt").replace("int", "Int")
    return "boolean" if kind == "bool" else _numpy_type(kind)


def _zone(kind: str) -> dict[str, str] | None:
    _, found, zone = kind.partition("tz=")
    return {"timezone": zone.rstrip("]")} if found else None
