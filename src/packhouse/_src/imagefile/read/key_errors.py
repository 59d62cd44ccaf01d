"""What to say when a key finds no image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from numbers import Integral
from os import PathLike, fspath

from packhouse._src.imagefile.read.image_index import ImageIndex
from packhouse.errors import KeyNotFoundError, Where

NEAREST_KEYS = 3
MOST_DIGITS = 30
"""Names of digits are looked up with zeros in front, up to this length."""

_LIST = "list the keys with packhouse ls PACK, or list(pack.images)"


def not_found(index: ImageIndex, key: object, several: Sequence[int], where: Where) -> KeyNotFoundError:
    """Return the error for a key that no image, or more than one, has.

    Args:
        index: The index that was searched.
        key: What was asked for, of any type.
        several: Rows of the images with that name.
        where: The file.

    Returns:
        The error; it names the keys that could be meant.
    """
    if not isinstance(key, str):
        return _not_text(index, key, where)
    if several:
        keys = ", ".join(index.key_of(row) for row in several[:NEAREST_KEYS])
        return KeyNotFoundError(
            f"{len(several)} images are named {key!r}", where=where, hint=f"use the full key: {keys}"
        )
    nearest = _named_by(index, _texts_like(key)) or get_close_matches(
        key, index.nearby_keys(key, most=200), n=NEAREST_KEYS, cutoff=0.5
    )
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else _LIST
    return KeyNotFoundError(f"no image has the key {key!r}", where=where, hint=hint)


def _named_by(index: ImageIndex, texts: Iterable[str]) -> list[str]:
    """Return the keys that some texts are, or name alone; none of them twice."""
    found: dict[str, None] = {}
    for text in texts:
        row = index.row_of(text)
        rows = index.rows_named(text) if row is None else [row]
        if len(rows) == 1:
            found[index.key_of(rows[0])] = None
    return list(found)[:NEAREST_KEYS]


def _texts_like(key: str) -> Iterator[str]:
    """Yield what a key may have been before a tool or a user changed it: an id, or the path of a file."""
    parts = key.strip("/").split("/")
    for at in range(len(parts)):
        path = "/".join(parts[at:])
        yield path
        yield path.rpartition(".")[0] or path
    if parts[-1].isascii() and parts[-1].isdigit():
        for width in range(len(parts[-1]) + 1, MOST_DIGITS + 1):
            yield parts[-1].zfill(width)


def _not_text(index: ImageIndex, key: object, where: Where) -> KeyNotFoundError:
    meant = _texts_for(key)
    found = [text for text in meant if index.row_of(text) is not None or len(index.rows_named(text)) == 1]
    if found:
        hint = " or ".join(map(repr, found[:NEAREST_KEYS])) + "?"
    elif isinstance(key, (Integral, slice)):
        first = next(islice(index.keys(), 1), None)
        hint = "list(pack.images) has the keys in order" + (f"; the first is {first!r}" if first else "")
    else:
        hint = _LIST
    return KeyNotFoundError(f"keys are text, not {type(key).__name__}: {key!r}", where=where, hint=hint)


def _texts_for(key: object) -> list[str]:
    """Return the keys that a number, a path or bytes could stand for."""
    if isinstance(key, bool):
        return []
    if isinstance(key, Integral):
        digits = str(int(key))
        return [digits.zfill(width) for width in range(len(digits), max(len(digits), MOST_DIGITS) + 1)]
    if isinstance(key, PathLike):
        key = fspath(key)
    if isinstance(key, bytes):
        key = key.decode("utf-8", "replace")
    if isinstance(key, str):
        folder_and_stem = key.rpartition(".")[0]
        return [text for text in (key, folder_and_stem) if text]
    return []
