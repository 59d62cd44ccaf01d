"""What an image may be called in a table, and in which forms a table may write it: pieces of SQL. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packhouse._src.sql.quoting import quote_name

MOST_DIGITS = 30
"""Longer names of digits are no numbers with zeros in front."""

_ZEROS = "with zeros in front, to "
_EXTENSION = r"regexp_extract(file_name, '\.[^./]*$')"


@dataclass(frozen=True, slots=True)
class Form:
    """How the cells of a column are read to find images by them."""

    words: str
    """As pack.json names it; "" for cells taken as they are."""

    sql: str
    """Of the text {c}."""

    def of(self, column: str, table: str = "") -> str:
        """Return the SQL of one column in this form.

        Args:
            column: Its name.
            table: Alias of its table.
        """
        cell = f"{table}.{quote_name(column)}" if table else quote_name(column)
        return "(" + self.sql.replace("{c}", f"CAST({cell} AS VARCHAR)") + ")"


AS_IT_IS = Form("", "{c}")
AS_PATH = Form(
    "as paths, with / for \\ and without ./ in front",
    r"regexp_replace(replace({c}, '\', '/'), '^(\./|/)+', '')",
)
LAST_PART = Form("by the last part of the path", r"regexp_extract(replace({c}, '\', '/'), '[^/]*$')")


def with_zeros(digits: int) -> Form:
    """Return the form that fills numbers up with zeros in front.

    Args:
        digits: Length of the names of the images.
    """
    is_short = f"regexp_full_match({{c}}, '[0-9]+') AND length({{c}}) < {digits}"
    sql = f"CASE WHEN {is_short} THEN lpad({{c}}, {digits}, '0') ELSE {{c}} END"
    return Form(f"{_ZEROS}{digits} digits", sql)


def has_zeros(words: str) -> bool:
    """Say whether these are the words of a form `with_zeros`."""
    return words.startswith(_ZEROS)


def in_words(words: str) -> str:
    """Return the name of a form as a report says it; the name in pack.json belongs to the format."""
    return words.replace("zeros in front", "leading zeros").replace("last part", "last component")


def forms_of(widths: Sequence[int]) -> tuple[Form, ...]:
    """Return the forms to try, the plainest first.

    Args:
        widths: Lengths of those names of images that are digits alone; zeros are tried when it is one.
    """
    zeros = (with_zeros(widths[0]),) if len(widths) == 1 and 1 < widths[0] <= MOST_DIGITS else ()
    return (AS_IT_IS, *zeros, AS_PATH, LAST_PART)


def form_named(words: str) -> Form:
    """Return the form that a report describes by these words; raises ValueError for others."""
    digits = words.removeprefix(_ZEROS).removesuffix(" digits")
    forms = (AS_IT_IS, AS_PATH, LAST_PART, *((with_zeros(int(digits)),) if digits.isdigit() else ()))
    found: dict[str, Form] = {form.words: form for form in forms}
    if words not in found:
        message = f"there is no form {words!r}"
        raise ValueError(message)
    return found[words]


def names_sql(index: str) -> str:
    """Return the query of all that the images may be called: pairs of value and key, each once.

    An image is called by its key, its name, the path of its file below SRC with or without extension, that
    path below the folders that all images share, and the name of its file.

    Args:
        index: SQL that gives image_index.
    """
    # below the shared folders the path is the key with the extension, which a key may keep
    below = (
        f"CASE WHEN ends_with(file_name, key) THEN key "
        f"ELSE right(file_name, length(key) + length({_EXTENSION})) END"
    )
    called = (
        "key",
        "name",
        "file_name",
        f"left(file_name, length(file_name) - length({_EXTENSION}))",
        below,
        "regexp_extract(file_name, '[^/]*$')",
    )
    return " UNION ".join(f"SELECT {value} AS value, key FROM {index}" for value in called)
