"""Names of the folders of a partitioned table, as Hive has them: COLUMN=VALUE. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import quote_from_bytes

from packhouse._src.option_types.named_values import split_named, values_for
from packhouse._src.sql.joins.join_specs import not_found
from packhouse.errors import TableError, UsageError, Where

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What stands for a missing value."""

LONGEST_NAME_BYTES = 255
"""Of a folder, on most file systems."""

CHARACTERS_SHOWN = 40

_PLAIN = "-._"
"""What stands for itself beside letters and digits: other programs decode the rest."""

_UNFIT_NAME = re.compile(r"""[._]|.*[/\\=%:*?"<>|\x00-\x1f\x7f]""", re.DOTALL)

PartitionValue = str | int | bool | date | None


def _check_name(column: str, where: Where) -> None:
    """See that folders can have the name of a column: nobody decodes it.

    Raises:
        UsageError: They cannot.
    """
    if _UNFIT_NAME.match(column):
        raise UsageError(
            f"folders cannot be named after the column {column!r}",
            where=where,
            hint="partition by a column whose name does not start with '.' or '_' and has none of "
            '/ \\ = % : * ? " < > |',
        )


def choose_partitions(texts: Sequence[str], known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return table or join -> the column that it is partitioned by.

    Args:
        texts: "[TABLE=]COLUMN" each.
        known: Table or join -> its columns.

    Raises:
        ColumnNotFoundError: A table or column is not there; names the nearest.
        UsageError: A table would have two columns, or one whose name folders cannot have.
    """
    for table, column in map(split_named, texts):
        there = list(dict.fromkeys(name for columns in known.values() for name in columns))
        where = Where(member=f"partition_by {table or column}")
        if table and table not in known:
            raise not_found("table", table, list(known), where)
        if column not in (known[table] if table else there):
            raise not_found("column", column, known[table] if table else there, where)
    chosen: dict[str, str] = {}
    for table, columns in known.items():
        for column in dict.fromkeys(values_for(texts, table)):
            if column not in columns:
                continue  # said of all tables, and not of this one
            where = Where(member=f"partition_by {table}")
            if chosen.setdefault(table, column) != column:
                raise UsageError(
                    f"{table} would be partitioned by {chosen[table]} and by {column}",
                    where=where,
                    hint=f"one of them: --partition-by {table}={column}",
                )
            _check_name(column, where)
    return chosen


def folder_names(column: str, values: Sequence[PartitionValue], where: Where) -> list[str]:
    """Return the folder of each value.

    Args:
        column: The column.
        values: Its values, each once.
        where: Place to name in an error.

    Returns:
        Names that differ on file systems that do not tell upper from lower case, too.

    Raises:
        TableError: A value cannot name a folder.
    """
    names = [f"{column}={_encoded(value, where)}" for value in values]
    times = Counter(name.lower() for name in names)
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        if times[name.lower()] > 1:
            names[place] = f"{column}={_without_capitals(_text_of(value))}"
    for name in names:
        if len(name.encode()) > LONGEST_NAME_BYTES:
            raise TableError(
                f"a value of {column} is too long to name a folder: {name[:CHARACTERS_SHOWN]}... has "
                f"{len(name.encode()):,} bytes, more than {LONGEST_NAME_BYTES}",
                where=where,
                hint="partition by another column",
            )
    return names


def _encoded(value: PartitionValue, where: Where) -> str:
    if value is None:
        return NO_VALUE
    if value == NO_VALUE:
        raise TableError(
            f"the text {NO_VALUE} occurs, which stands for a missing value in names of folders",
            where=where,
            hint="partition by another column",
        )
    return _last_point_encoded(quote_from_bytes(_text_of(value).encode(), safe=_PLAIN).replace("~", "%7E"))


def _without_capitals(text: str) -> str:
    plain = quote_from_bytes(text.encode(), safe=_PLAIN).replace("~", "%7E")
    return _last_point_encoded(
        re.sub(r"%..|[A-Z]", lambda found: found[0] if found[0][0] == "%" else f"%{ord(found[0]):02X}", plain)
    )


def _last_point_encoded(name: str) -> str:
    """Windows drops a point at the end."""
    return f"{name[:-1]}%2E" if name.endswith(".") else name


def _text_of(value: PartitionValue) -> str:
    match value:
        case None:
            return NO_VALUE
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case _:
            return str(value)
