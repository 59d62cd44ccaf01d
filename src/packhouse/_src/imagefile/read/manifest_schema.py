"""What pack.json must look like for us to read it: names, types and ranges of all values that we use. Pure.

Entries that we do not know are left alone, so that later versions can add some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

MOST = 1 << 63
Check: TypeAlias = Callable[[object, str], Iterator[str]]
"""Takes a value and its place, such as "tables.articles.rows"; yields what is wrong with it."""


def text(value: object, place: str) -> Iterator[str]:
    """Text."""
    if not isinstance(value, str):
        yield f"{place} is not text"


def count(value: object, place: str) -> Iterator[str]:
    """A whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MOST:
        yield f"{place} is not a number from 0 to 2**63"


def any_map(value: object, place: str) -> Iterator[str]:
    """An object of anything."""
    if not isinstance(value, dict):
        yield f"{place} is not an object"


def maybe(check: Check) -> Check:
    """Return a check that takes null too."""
    return lambda value, place: iter(()) if value is None else check(value, place)


def list_of(check: Check, length: int | None = None) -> Check:
    """Return the check of a list."""

    def checked(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, list) or (length is not None and len(value) != length):
            yield f"{place} is not a list" + ("" if length is None else f" of {length}")
            return
        for number, one in enumerate(value):
            yield from check(one, f"{place}[{number}]")

    return checked


def map_of(check: Check) -> Check:
    """Return the check of an object with any names."""

    def checked(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place} is not an object"
            return
        for name, one in value.items():
            yield from check(one, f"{place}.{name}")

    return checked


def record(needed: Mapping[str, Check], **added: Check) -> Check:
    """Return the check of an object with certain names.

    Args:
        needed: Names that must be there.
        added: Names that may be there: earlier versions did not write them.
    """

    def checked(value: object, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place} is not an object"
            return
        for name, check in needed.items():
            if name in value:
                yield from check(value[name], f"{place}.{name}")
            else:
                yield f"{place} has no {name!r}"
        for name, check in added.items():
            if name in value:
                yield from check(value[name], f"{place}.{name}")

    return checked


def _all(check: Check, *names: str) -> dict[str, Check]:
    return dict.fromkeys(names, check)


_COLUMN = record(_all(text, "name", "arrow", "reason") | _all(count, "nulls"), spelling=maybe(text))
_PART = record(_all(text, "file", "digest") | _all(count, "rows", "bytes"))
_TABLE = record(
    _all(text, "name", "file", "digest")
    | _all(count, "rows", "bytes")
    | {"columns": list_of(_COLUMN), "sorted_by": list_of(text)},
    source=text,
    source_bytes=count,
    notes=list_of(text),
    parts=list_of(_PART),
    partitioned_by=maybe(text),
)
_CANDIDATE = record(_all(text, "table", "column") | _all(count, "values", "values_found", "images_found"))
_LINK = record(
    _all(text, "table", "column", "form", "chosen", "flag_column", "key_column")
    | _all(count, "rows_with_image", "rows_without_image", "images", "images_without_row", "rows_ambiguous")
    | _all(list_of(maybe(text)), "rows_without_image_examples", "images_without_row_examples")
    | {"other_candidates": list_of(_CANDIDATE)},
    spelling=text,
    rows_of_copies=count,
)
_PAIR = list_of(text, 2)
_STEP = record(
    _all(count, "left_rows", "left_unmatched", "right_unmatched")
    | {"right": text, "on": list_of(text), "renamed": list_of(_PAIR)}
)
_KEY = record(_all(text, "column", "ix_column", "lookup"))
_JOIN = record(
    _all(text, "name", "file", "spec", "how", "digest")
    | _all(count, "rows", "bytes")
    | {"steps": list_of(_STEP), "compact_keys": list_of(_KEY), "kept_text": list_of(_PAIR)}
    | {"sorted_by": list_of(text)},
    problem=text,
    parts=list_of(_PART),
    partitioned_by=maybe(text),
)
_IMAGES = record(
    _all(text, "file", "digest")
    | _all(count, "count", "bytes", "index_bytes", "groups")
    | {"problems": map_of(text)},
    source_bytes=count,
    dropped_folders=text,
    kept_extensions=list_of(text),
    escaped_names=list_of(text),
    alike=list_of(text),
    name_encodings=map_of(list_of(text)),
)
_DERIVED = record(
    _all(text, "file", "index", "digest") | _all(count, "size", "count", "bytes", "scaled", "quality")
)
_MANIFEST = record(
    {
        "source": text,
        "packhouse": text,
        "images": maybe(_IMAGES),
        "tables": map_of(_TABLE),
        "links": list_of(_LINK),
        "joins": map_of(_JOIN),
        "skipped": list_of(record(_all(text, "path", "reason"))),
        "failed": list_of(record(_all(text, "path", "error", "message"))),
        "options": any_map,
    },
    derived=map_of(_DERIVED),
    given=any_map,
    archives=list_of(text),
)


def problems_of_values(manifest: object) -> Iterator[str]:
    """Yield what is wrong with the values of pack.json.

    Args:
        manifest: What it says.
    """
    is_sound = True
    for problem in _MANIFEST(manifest, "pack.json"):
        is_sound = False
        yield problem.removeprefix("pack.json.")
    if is_sound and isinstance(manifest, dict):
        yield from _problems_between(manifest)


def _problems_between(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield what does not go together, of values that are each all right."""
    for size in manifest.get("derived", ()):
        if not (size.isascii() and size.isdigit() and len(size) <= len("65535")):
            yield f"derived.{size!r} is not a size in pixels"
    columns = {
        name: {column["name"] for column in table["columns"]} for name, table in manifest["tables"].items()
    }
    for number, link in enumerate(manifest["links"]):
        if link["column"] not in columns.get(link["table"], ()):
            yield f"links[{number}] names a column that is not there: {link['table']}.{link['column']}"
