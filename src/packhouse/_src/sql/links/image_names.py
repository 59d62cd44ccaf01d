"""What an image may be called in a table, and in which forms a table may write it: pieces of SQL. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from packhouse._src.sql.cell_text import cell_text
from packhouse._src.sql.quoting import quote_name, quote_text

MOST_DIGITS = 30
"""Longer names of digits are no numbers with zeros in front."""

_CELL = "\0"
"""Stands for a cell in the SQL of a form; no name of a folder has it."""

_PATH_MARK = "chr(1)"
"""In front of whole paths, so that they are told from names."""

_ZEROS = "with zeros in front, to "
_RELATIVE = "as paths relative to ./"
_EXTENSION = r"regexp_extract(file_name, '\.[^./]*$')"

_OF_SPLIT = re.compile(
    r"(?P<split>train(ing)?|val|valid(ation)?|dev|test(ing)?)([-_]?(labels?|metadata|annotations?))?\..*",
    re.IGNORECASE,
)
"""Names of tables that describe the images of the folder beside them: train.jsonl, trainLabels.csv."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the cells of a column are read to find images by them."""

    words: str
    """As pack.json names it; "" for cells taken as they are."""

    sql: str
    """Of a text, which is written as `_CELL`."""

    def of(self, column: str, table: str = "", spelling: str | None = "") -> str:
        """Return the SQL of one column in this form.

        Args:
            column: Its name.
            table: Alias of its table.
            spelling: How its cells are had back from its values, as of `ColumnType`.
        """
        cell = f"{table}.{quote_name(column)}" if table else quote_name(column)
        return self.of_text(cell_text(cell, spelling or ""))

    def of_text(self, text: str) -> str:
        """Return the SQL of a text in this form."""
        return "(" + self.sql.replace(_CELL, text) + ")"


def _form(words: str, sql: str) -> Form:
    return Form(words, sql.replace("{c}", _CELL))


AS_IT_IS = _form("", "{c}")
AS_PATH = _form(
    "as paths, with / for \\ and without ./ in front",
    r"regexp_replace(replace({c}, '\', '/'), '^(\./|/)+', '')",
)
LAST_PART = _form("by the last part of the path", r"regexp_extract(replace({c}, '\', '/'), '[^/]*$')")


def with_zeros(digits: int) -> Form:
    """Return the form that fills numbers up with zeros in front.

    Args:
        digits: Length of the names of the images.
    """
    is_short = f"regexp_full_match({{c}}, '[0-9]+') AND length({{c}}) < {digits}"
    sql = f"CASE WHEN {is_short} THEN lpad({{c}}, {digits}, '0') ELSE {{c}} END"
    return _form(f"{_ZEROS}{digits} digits", sql)


def relative_to(folder: str) -> Form:
    """Return the form of paths that begin in a folder below SRC, such as the one a table is in.

    Args:
        folder: Its path below SRC; "" is SRC itself.
    """
    plain = rf"regexp_replace(replace({_CELL}, '\', '/'), '^(\./)+', '')"
    above = folder.split("/") if folder else []
    cases = [
        f"WHEN starts_with({plain}, '{'../' * ups}') THEN "
        f"{quote_text(''.join(f'{part}/' for part in above[: len(above) - ups]))} || "
        f"substr({plain}, {3 * ups + 1})"
        for ups in range(len(above), 0, -1)
    ]
    inside = quote_text(f"{folder}/" if folder else "")
    cases.append(f"WHEN true THEN {inside} || {plain}")
    return Form(f"{_RELATIVE}{folder}", f"{_PATH_MARK} || CASE {' '.join(cases)} END")


def is_relative(form: Form) -> bool:
    """Say whether a form is of paths that begin in a folder below SRC, other than SRC itself."""
    return form.words.startswith(_RELATIVE) and form.words != _RELATIVE


def has_zeros(words: str) -> bool:
    """Say whether these are the words of a form `with_zeros`."""
    return words.startswith(_ZEROS)


def in_words(words: str) -> str:
    """Return the name of a form as a report says it; the name in pack.json belongs to the format."""
    if words.startswith(_RELATIVE):
        return f"as paths relative to {words.removeprefix(_RELATIVE) or 'the top folder'}"
    return words.replace("zeros in front", "leading zeros").replace("last part", "last component")


def forms_of(widths: Sequence[int]) -> tuple[Form, ...]:
    """Return the forms to try in any table, the plainest first.

    Args:
        widths: Lengths of those names of images that are digits alone; zeros are tried when it is one.
    """
    zeros = (with_zeros(widths[0]),) if len(widths) == 1 and 1 < widths[0] <= MOST_DIGITS else ()
    return (AS_IT_IS, *zeros, AS_PATH, LAST_PART)


def _split_named_by(source: str) -> str:
    """Return the folder beside a table that it is named after, if that is one of a split; else ""."""
    folder, _, name = source.rpartition("/")
    found = _OF_SPLIT.fullmatch(name)
    return "" if found is None else f"{folder}/{found['split']}".removeprefix("/")


def forms_in(source: str, forms: Sequence[Form]) -> tuple[Form, ...]:
    """Return the forms to try in one table, the first of equals first: paths relative to its folder.

    Args:
        source: Path of the table's file below SRC.
        forms: Those of any table.

    Returns:
        With them paths relative to the folders above: where two data sets lie side by side, each has its own.
        So has train.jsonl beside train/ and test/.
    """
    parts = source.split("/")[:-1]
    folders = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    near = [relative_to(folder) for folder in folders]
    plain, *others, last = forms
    split = _split_named_by(source)
    own = (relative_to(split),) if split else ()
    return (*own, *near[:1], plain, *near[1:], *others, relative_to(""), last)


def form_named(words: str) -> Form:
    """Return the form that a report describes by these words; raises ValueError for others."""
    if words.startswith(_RELATIVE):
        return relative_to(words.removeprefix(_RELATIVE))
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
    path below the folders that all images share, and the name of its file. Its path has besides a mark in
    front, for cells that are known to be paths.

    Args:
        index: SQL that gives image_index.
    """
    # below the shared folders the path is the key with the extension, which a key may keep
    below = (
        f"CASE WHEN ends_with(file_name, key) THEN key "
        f"ELSE right(file_name, length(key) + length({_EXTENSION})) END"
    )
    stem = f"left(file_name, length(file_name) - length({_EXTENSION}))"
    called = (
        "key",
        "name",
        "file_name",
        stem,
        below,
        "regexp_extract(file_name, '[^/]*$')",
        f"{_PATH_MARK} || file_name",
        f"{_PATH_MARK} || {stem}",
    )
    return " UNION ".join(f"SELECT {value} AS value, key FROM {index}" for value in called)
