"""packhouse.toml: options of packing, written down beside the data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packhouse._src.option_types.named_values import join_named
from packhouse._src.option_types.option_fields import OptionField, ValueKind
from packhouse._src.packing.options import PackOptions, complete_options, options_in_pack
from packhouse._src.records import SourceFile
from packhouse._src.sources.sorting import is_junk
from packhouse._src.sources.source import Source
from packhouse.errors import UsageError, Where

SETTINGS_FILE = "packhouse.toml"
LONGEST_BYTES = 1 << 20


def find_settings(files: Sequence[SourceFile]) -> SourceFile | None:
    """Return packhouse.toml at the top of a data set, or in the one folder that holds all of it.

    Args:
        files: What the scan found.
    """
    named = {file.path: file for file in files if file.path.endswith(SETTINGS_FILE)}
    if SETTINGS_FILE in named:
        return named[SETTINGS_FILE]
    for path, file in named.items():
        top, name = path.partition("/")[::2]
        if name == SETTINGS_FILE and not is_junk(path) and _holds_all(f"{top}/", files):
            return file
    return None


def _holds_all(folder: str, files: Sequence[SourceFile]) -> bool:
    return all(file.path.startswith(folder) or is_junk(file.path) for file in files)


def read_settings(source: Source, file: SourceFile, options: PackOptions) -> PackOptions:
    """Take over the options that packhouse.toml sets.

    Args:
        source: The data set.
        file: packhouse.toml in it.
        options: As the user gave them.

    Returns:
        The options; those that the user gave count. Of text, types and encodings both count.

    Raises:
        UsageError: It is no TOML, or sets what is no option.
    """
    where = Where(file=file.path)
    with TemporaryDirectory(prefix="packhouse-") as place, source.as_file(file, Path(place)) as path:
        if path.stat().st_size > LONGEST_BYTES:
            raise UsageError(
                "the file is too long for a settings file",
                where=where,
                hint=f"use at most {LONGEST_BYTES:,} bytes",
            )
        data = path.read_bytes()
    try:
        said = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as err:  # of the encoding, too
        raise UsageError(f"cannot be read as TOML: {err}", where=where, hint="see docs/tables.md") from err
    try:
        return merge_settings(said, options)
    except UsageError as err:
        err.where = where
        raise


def merge_settings(said: Mapping[str, Any], options: PackOptions) -> PackOptions:
    """Take over settings where the user gave none.

    Args:
        said: What packhouse.toml holds.
        options: As the user gave them.

    Returns:
        The options, both taken together.

    Raises:
        UsageError: A setting is no option, or has a value of another kind.
    """
    known = options_in_pack()
    for name in said:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"unknown setting {name!r}", hint=f"{hint}settings: {', '.join(known)}")
    return complete_options(options, read_values(said))


def read_values(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that packhouse.toml or pack.json hold as options have them.

    Args:
        said: Name -> value as TOML and JSON have it; what is no option of a pack, or None, is left out.

    Raises:
        UsageError: A value is of another kind.
    """
    known = options_in_pack()
    return {
        name: _read(known[name], value) for name, value in said.items() if name in known and value is not None
    }


def _read(one: OptionField, value: object) -> object:
    """Return the value of a setting as an option has it."""
    match one.kind:
        case ValueKind.TEXTS if one.option.scoped and isinstance(value, dict):
            return tuple(join_named(table, text) for table, text in _flat(one.name, value, str))
        case ValueKind.TEXTS | ValueKind.TEXTS_OR_FALSE:
            may_be_false = one.kind is ValueKind.TEXTS_OR_FALSE
            return False if may_be_false and value is False else _listed(one.name, value)
        case ValueKind.TEXT_BY_NAME:
            return dict(_flat(one.name, value, str))
        case ValueKind.NUMBER_BY_NAME:
            return dict(_flat(one.name, value, int))
        case _:
            return _plain(one, value)


def _plain(one: OptionField, value: object) -> object:
    if one.kind is ValueKind.SWITCH_OR_TEXT and isinstance(value, bool):
        return value
    kind, example = {
        ValueKind.SWITCH: (bool, "true"),
        ValueKind.YES_NO: (bool, "true"),
        ValueKind.NUMBER: (int, str(one.option.minimum or 1)),
        ValueKind.SWITCH_OR_TEXT: (str, "true"),
        ValueKind.TEXT: (str, f'"{next(iter(one.option.choices), "...")}"'),
        ValueKind.TEXTS_BY_NAME: (dict, ""),
    }[one.kind]
    if type(value) is not kind:
        table = f'write [{one.name}], and below it train = ["customer_id"]'
        hint = table if kind is dict else f"write, for example, {one.name} = {example}"
        raise UsageError(f"{one.name!r} is {value!r}", hint=hint)
    return value


def _flat(name: str, value: object, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield "table.column" and value of nested tables: TOML takes a dot in a key for one."""
    if not isinstance(value, dict):
        raise UsageError(
            f"[{name}] must be a TOML table", hint=f"write [{name}], and below it one line per column"
        )
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from ((f"{key}.{rest}", text) for rest, text in _flat(f"{name}.{key}", inner, kind))
        elif type(inner) is kind:
            yield key, inner
        else:
            hint = "use a string in quotes" if kind is str else "use a whole number"
            raise UsageError(f"{name}.{key} is {inner!r}", hint=hint)


def _listed(name: str, value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise UsageError(f"{name!r} is {value!r}", hint=f'use a list of strings: {name} = ["..."]')
    return tuple(values)
