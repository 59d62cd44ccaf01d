"""packhouse.toml: options of packing, written down beside the data."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packhouse._src.packing.options import SHAPING, PackOptions, is_not_given
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


_LISTS = ("joins", "images", "tables", "include", "text")


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
            raise UsageError("is too long for settings", where=where, hint=f"at most {LONGEST_BYTES:,} bytes")
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
    found: dict[str, Any] = {}
    for name, value in said.items():
        if name not in SHAPING:
            near = get_close_matches(name, SHAPING, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"there is no setting {name!r}", hint=f"{hint}settings: {', '.join(SHAPING)}")
        given = getattr(options, name)
        if name == "types":
            found[name] = {**dict(_flat(name, value)), **given}
        elif name == "encoding":
            named = [value] if isinstance(value, str) else [f"{t}={e}" for t, e in _flat(name, value)]
            found[name] = (*named, *given)
        elif name == "text":
            found[name] = (*(one for one in _listed(name, value) if one not in options.types), *given)
        else:
            read = _listed(name, value) if name in _LISTS else _like(name, value)
            if is_not_given(given):
                found[name] = read
    if "types" in found:  # a column that the command line calls text is text
        found["types"] = {name: kind for name, kind in found["types"].items() if name not in options.text}
    return replace(options, **found)


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield "table.column" and value of nested tables: TOML takes a dot in a key for one."""
    if not isinstance(value, dict):
        raise UsageError(f"{name!r} is no table", hint=f"a line [{name}], and below it one line a column")
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from ((f"{key}.{rest}", text) for rest, text in _flat(f"{name}.{key}", inner))
        elif isinstance(inner, str):
            yield key, inner
        else:
            raise UsageError(f"{name}.{key} is {inner!r}", hint="a text in quotes")


def _listed(name: str, value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise UsageError(f"{name!r} is {value!r}", hint=f'a list of texts: {name} = ["..."]')
    return tuple(values)


_KINDS: dict[str, tuple[type, str]] = {
    "how": (str, 'how = "left"'),
    "compression": (str, 'compression = "zstd"'),
    "allow_many": (bool, "allow_many = true"),
    "compact_keys": (bool, "compact_keys = true"),
    "sort": (dict, 'a line [sort], and below it train = ["customer_id"]'),
}


def _like(name: str, value: object) -> object:
    if name == "link":
        return value if value is False else _listed(name, value)
    kind, example = _KINDS[name]
    if type(value) is not kind:
        raise UsageError(f"{name!r} is {value!r}", hint=f"such as {example}")
    return value
