"""One line of JSON Lines becomes one row, each value as it is spelled. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, KeysView, Mapping
from json.scanner import make_scanner

from packhouse.errors import TableError, Where

WHITE = " \t\r\n"
"""What JSON has as white space (RFC 8259, 2)."""

MOST_SHOWN = 60


class Number(str):
    """A number as it is spelled, also NaN and Infinity, which Python and others write."""

    __slots__ = ()


class Nested(str):
    """A list or an object as it is spelled."""

    __slots__ = ()


Value = str | Number | Nested | bool | None


class NoRowError(Exception):
    """A line is no JSON object."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def at(self, file: str, line: int) -> TableError:
        """Return the error of the table."""
        return TableError(self.problem, where=Where(file=file, line=line), hint=self.hint)


# objects come as tuples of pairs, so that they are told from lists, and repeated keys are seen
_decoder = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=Number, parse_float=Number, parse_constant=Number
)
_scan = make_scanner(_decoder)  # type: ignore[arg-type]  # it takes what has these attributes
_scan_plain = make_scanner(json.JSONDecoder(parse_int=str, parse_float=str))  # type: ignore[arg-type]

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_KEY = rf"[{{,][ \t]*{_STRING}[ \t]*:[ \t]*"
_TO_NESTED = re.compile(rf'[ \t]*(?:{_KEY}(?:{_STRING}|[^"\[\]{{}},\s]+)[ \t]*)*{_KEY}')
"""Members whose values are neither list nor object, of a line that is JSON; then the key of one that is."""

_KINDS = {tuple: "an object", list: "a list", str: "a string", Number: "a number", bool: "true or false"}
_ONE_A_LINE = "a .jsonl file has one JSON object per line; jq -c '.[]' makes one of a JSON list"


def read_row(line: str) -> dict[str, Value]:
    """Read one line that is not blank.

    Args:
        line: Without white space around it.

    Returns:
        Key -> value, in the order of the line: a string decoded, a number and what is nested as spelled.

    Raises:
        NoRowError: It is not JSON, not an object, or has a key twice.

    Cost: 2 us and 0.3 us a key; about 2 us more for each value that is nested.
    """
    try:
        found, end = _scan(line, 0)
    except StopIteration as err:
        raise _no_json(line, "a value is missing", err.value) from err
    except json.JSONDecodeError as err:
        raise _no_json(line, err.msg, err.pos) from err
    except RecursionError as err:
        raise NoRowError("its lists and objects are nested too deeply") from err
    if type(found) is not tuple:
        kind = _KINDS.get(type(found), "null")
        raise NoRowError(f"is {kind}, not an object: {_shown(line)}", _ONE_A_LINE)
    if end != len(line):
        raise _no_json(line, "text after the object", end)
    row = dict(found)
    if len(row) != len(found):
        raise NoRowError(f"the key {_repeated(found)!r} is there twice", "rename one, or remove it")
    kinds = set(map(type, row.values()))
    if tuple in kinds or list in kinds:
        row.update(_nested(line, row))
    return row


def read_keys(line: str) -> KeysView[str]:
    """Return the keys of a line; as `read_row`, but for keys that are there twice.

    Raises:
        NoRowError: It is not JSON, or not an object.
    """
    try:
        found, end = _scan_plain(line, 0)
    except (StopIteration, ValueError, RecursionError):
        return read_row(line).keys()
    return found.keys() if type(found) is dict and end == len(line) else read_row(line).keys()


def _nested(text: str, row: Mapping[str, object]) -> Iterator[tuple[str, Nested]]:
    """Yield the values that are lists or objects, as they are spelled."""
    place = 0
    for key in [key for key, value in row.items() if type(value) in (tuple, list)]:
        before = _TO_NESTED.match(text, place)
        if before is None:
            message = f"no key at {place} of a line that is JSON"
            raise AssertionError(message)
        start = before.end()
        _, place = _scan_plain(text, start)
        yield key, Nested(text[start:place])


def _repeated(pairs: tuple[tuple[str, object], ...]) -> str:
    seen: set[str] = set()
    return next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def _no_json(text: str, what: str, place: int) -> NoRowError:
    problem = f"is not JSON: {what[:1].lower()}{what[1:]}, at character {place + 1}: {_shown(text)}"
    return NoRowError(problem, _ONE_A_LINE if text[:1] in "[{" and len(text) < len('{"a":1}') else "")


def _shown(text: str) -> str:
    text = text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
