"""Values of single tables or columns as users write them: NAME=VALUE, or [NAME=]VALUE. Pure.

NAME is a table, "articles", or a column, "articles.price". Tables in Hive folders have "=" in their names
(year=2020_sales), so a name ends at the last "=".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from packhouse.errors import UsageError


def split_named(text: str) -> tuple[str, str]:
    """Split "NAME=VALUE" at the last "="; the value may be "=" itself: "sales==".

    Args:
        text: What the user wrote.

    Returns:
        Name and value; without a name it is "", and the value is for all.
    """
    if text.endswith("="):
        name = text[:-1]
        return (name.removesuffix("="), "=") if not name or name.endswith("=") else (name, "")
    name, _, value = text.rpartition("=")
    return name, value


def join_named(name: str, value: str) -> str:
    """Return "NAME=VALUE", which `split_named` reads; without a name the value alone.

    Args:
        name: A table or column; "" means all.
        value: Its value.

    Raises:
        UsageError: The value has "=" among other characters, so that it could not be told from the name.
    """
    if "=" in value and value != "=":
        raise UsageError(f"{value!r} contains '='", hint="use a value without '=', or '=' alone")
    return f"{name}={value}" if name else value


def parse_named(text: str, form: str) -> tuple[str, str]:
    """Read "NAME=VALUE", of which both parts must be there.

    Args:
        text: What the user wrote.
        form: How to write it: "--pad TABLE.COLUMN=WIDTH".

    Raises:
        UsageError: It is not of that form.
    """
    name, value = split_named(text)
    if not (name and value):
        raise UsageError(f"cannot read {text!r}", hint=form)
    return name, value


def parse_named_list(text: str, form: str) -> tuple[str, tuple[str, ...]]:
    """Read "NAME=VALUE,VALUE..."; blanks around the parts do not count.

    Columns may have "=" in their names, so here the name ends at the first one.

    Args:
        text: What the user wrote.
        form: How to write it: "--sort TABLE=COLUMN,...".

    Raises:
        UsageError: It is not of that form.
    """
    name, _, listed = text.partition("=")
    values = tuple(value.strip() for value in listed.split(","))
    if not name.strip() or not all(values):
        raise UsageError(f"cannot read {text!r}", hint=form)
    return name.strip(), values


def several(values: str | Sequence[str] | Mapping[str, str]) -> tuple[str, ...]:
    """Return texts as a tuple; a single text is one value, and a mapping is "NAME=VALUE" for each entry."""
    if isinstance(values, str):
        return (values,)
    if isinstance(values, Mapping):
        return tuple(join_named(name, value) for name, value in values.items())
    return tuple(values)


def values_for(texts: Sequence[str], *names: str) -> tuple[str, ...]:
    """Return the values of one table or column, in the order in which they were written.

    Args:
        texts: "[NAME=]VALUE" each.
        names: What it is called, the most special name first: "articles.price", then "articles".

    Returns:
        The values that are for the first of these names that has any, or else those that are for all.
    """
    split = [split_named(text) for text in texts]
    found = ([value for owner, value in split if owner == name] for name in (*names, ""))
    return tuple(next(filter(None, found), ()))


def is_glob(name: str) -> bool:
    """Say whether a name may stand for several."""
    return any(mark in name for mark in "*?[")


def fits_table(name: str, table: str) -> bool:
    """Say whether a table is meant by a name, or by a glob."""
    return name == table or (is_glob(name) and fnmatchcase(table, name))


def columns_named(name: str, table: str, columns: Collection[str]) -> list[str]:
    """Return the columns of a table that "TABLE.COLUMN" means; a glob may mean several.

    Args:
        name: As the user wrote it.
        table: The table.
        columns: All its columns.
    """
    exact = [column for column in columns if name == f"{table}.{column}"]
    if exact or not is_glob(name):
        return exact
    return [column for column in columns if fnmatchcase(f"{table}.{column}", name)]
