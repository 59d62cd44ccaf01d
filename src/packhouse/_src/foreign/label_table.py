"""The labels of a third-party HDF5 file as a table: one row an image, as the text of a CSV file. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from packhouse._src.foreign.evidence.name_words import is_label_name
from packhouse._src.foreign.found import Refused, Value
from packhouse._src.foreign.walked import Walked

LABELS = "labels"
"""Name of the table."""

LABEL = "y"
FILE_NAME = "file_name"
SPLIT = "split"
CLASS_NAME = "y_name"
_MOST_WHOLE = 2**53


class LabelTable(NamedTuple):
    """The table."""

    columns: Mapping[str, Mapping[str, Value]]
    """Name -> key of an image -> value; FILE_NAME is not among them."""

    keys: tuple[str, ...]
    """Images that have a row, sorted."""

    refused: tuple[Refused, ...]
    """Datasets that name classes, and of which it is unclear whose."""

    @property
    def header(self) -> list[str]:
        """Names of all columns, the first of which has the names of the images' files."""
        return [_free(FILE_NAME, self.columns), *self.columns]

    def row(self, key: str) -> list[Value]:
        """Return the cells of an image, but for its file name."""
        return [values.get(key) for values in self.columns.values()]


def label_table(walked: Walked, keys: Collection[str]) -> LabelTable:
    """Gather the labels of a file.

    Args:
        walked: What the walk found.
        keys: Of the images that there are.

    Returns:
        Each dataset and attribute that labels images as a column of its name; "y", the labels themselves,
        where one of them is called so; "y_name", the names of these classes, where the file has them; and
        "split", where the paths speak of train, val or test. No columns where nothing labels an image.
    """
    known = set(keys)
    columns: dict[str, dict[str, Value]] = {}
    for name, values in walked.labels.items():
        there = {key: value for key, value in values.items() if key in known}
        if any(value is not None for value in there.values()):
            # DuckDB tells no "Y" from "y"
            columns[_free(LABEL if name.lower() == LABEL else name, columns)] = _as_integers(there)
    refused = []
    if columns:
        columns |= _label_of(columns)
    for path, names in walked.class_names:
        named = _named(columns.get(LABEL, {}), names)
        if named and CLASS_NAME not in columns:
            columns[CLASS_NAME] = named
        elif path:  # not an attribute
            reason = "names classes, and there are no labels from 0 to one less than there are names"
            refused.append(Refused(path, reason))
    labelled = {key for values in columns.values() for key in values}
    splits = _splits(walked, known) if columns else {}
    labelled |= splits.keys()
    if splits and SPLIT not in {name.lower() for name in columns}:
        columns[SPLIT] = splits
    first = [name for name in (SPLIT, LABEL, CLASS_NAME) if name in columns]
    order = [*first, *(name for name in columns if name not in first)]
    return LabelTable({name: columns[name] for name in order}, tuple(sorted(labelled)), tuple(refused))


def csv_of(table: LabelTable, file_names: Mapping[str, str]) -> bytes:
    """Write the table as a CSV file.

    Args:
        table: The table.
        file_names: Key of an image -> name of its file.

    Returns:
        UTF-8: a header line, and a line an image that has a label.
    """
    lines = [_line(table.header), *(_line([file_names[key], *table.row(key)]) for key in table.keys)]
    return "".join(lines).encode("utf-8", "backslashreplace")


def linked_csv_of(table: LabelTable, file_names: Mapping[str, str]) -> tuple[bytes, str, str]:
    """Write the table with the two columns that link it to its images, as `packhouse pack` adds them.

    Args:
        table: The table.
        file_names: Key of an image -> name of its file.

    Returns:
        The CSV file; the names of the column that is true, and of that with the keys.
    """
    flag = _free("image", table.header)
    key_column = _free("image_key", table.header)
    lines = [_line([*table.header, flag, key_column])]
    lines += (_line([file_names[key], *table.row(key), True, key]) for key in table.keys)
    return "".join(lines).encode("utf-8", "backslashreplace"), flag, key_column


def _line(cells: Sequence[Value]) -> str:
    return ",".join(map(_cell, cells)) + "\n"


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return repr(value)


def _free(name: str, columns: Collection[str]) -> str:
    """Return a name that no column has yet, in either case of letters."""
    taken = {one.lower() for one in columns}
    found, number = name.strip() or "label", 2
    while found.lower() in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _as_integers(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return whole numbers as integers: MATLAB writes classes as floating-point numbers."""
    numbers = [value for value in values.values() if value is not None]
    if all(isinstance(one, float) and math.isfinite(one) and one == int(one) for one in numbers) and all(
        abs(one) < _MOST_WHOLE for one in numbers if isinstance(one, float)
    ):
        return {key: None if value is None else int(value) for key, value in values.items()}
    return dict(values)


def _label_of(columns: Mapping[str, dict[str, Value]]) -> dict[str, dict[str, Value]]:
    """Return the column LABEL, where it is clear which one it is."""
    like_labels = [name for name in columns if is_label_name(name)]
    if LABEL in columns or len(like_labels) != 1:
        return {}
    return {LABEL: columns[like_labels[0]]}


def _named(labels: Mapping[str, Value], names: Sequence[str]) -> dict[str, Value]:
    """Return the name of each label; nothing when they are not the places of names."""
    found: dict[str, Value] = {}
    for key, value in labels.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(names):
            return {}
        found[key] = names[value]
    return found


def _splits(walked: Walked, keys: Collection[str]) -> dict[str, Value]:
    """Return the split of each image whose dataset says one."""
    found: dict[str, Value] = {}
    for path, split in walked.splits:
        start = f"{path}/"
        found.update((key, split) for key in keys if key.startswith(start))
    return found
