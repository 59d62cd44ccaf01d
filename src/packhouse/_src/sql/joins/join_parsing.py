"""Joins as the user writes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packhouse._src.table_records import JoinSpec, JoinStep
from packhouse.errors import UsageError

_QUOTED = r'"(?:[^"]|"")+"'
_TABLE = rf'({_QUOTED}|[^=+"\s](?:[^=+]*?[^=+\s])?)'
_COLUMN = rf'({_QUOTED}|[^=+,"\s](?:[^=+,]*?[^=+,\s])?)'
# the name of the result becomes that of a file, the others are looked up
_START = re.compile(rf"\s*([\w-][\w.-]*)\s*=\s*{_TABLE}\s*(?=\+)")
_RIGHT = re.compile(rf"\+\s*{_TABLE}\s+on\s+", re.IGNORECASE)
_KEY = re.compile(rf"\s*{_COLUMN}\s*(?:=\s*{_COLUMN}\s*)?(,|(?=\+)|$)")


def parse_join(text: str) -> JoinSpec:
    """Read a join as the user writes it.

    Args:
        text: "NAME = LEFT + RIGHT on KEY[, KEY]... [+ RIGHT on KEY[, KEY]...]...". A KEY is a column of both
            sides, or "COLUMN = COLUMN" where the two have different names. Names of tables and columns may be
            in double quotes, which names with "=", "+", a comma or blanks at the ends need.

    Returns:
        Its parts.

    Raises:
        UsageError: It is not of that form, or names a column twice in one step.
    """
    start = _START.match(text)
    if start is None:
        raise _unreadable(text)
    steps, position = [], start.end()
    while position < len(text):
        step, position = _read_step(text, position)
        steps.append(step)
    for step in steps:
        for names in (step.on, step.right_keys):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise UsageError(
                    f"the join {text!r} names the column {twice!r} twice",
                    hint=f"name each column once: on {twice}",
                )
    return JoinSpec(start[1], _plain(start[2]), tuple(steps))


def _read_step(text: str, position: int) -> tuple[JoinStep, int]:
    right = _RIGHT.match(text, position)
    if right is None:
        raise _unreadable(text)
    position = right.end()
    pairs: list[tuple[str, str]] = []
    more = True
    while more:
        key = _KEY.match(text, position)
        if key is None:
            raise _unreadable(text)
        position = key.end()
        pairs.append((_plain(key[1]), _plain(key[2] or key[1])))
        more = key[3] == ","
    return _step_of(_plain(right[1]), pairs), position


def _step_of(right: str, pairs: Sequence[tuple[str, str]]) -> JoinStep:
    on, right_on = (tuple(names) for names in zip(*pairs, strict=True))
    return JoinStep(right, on, right_on if right_on != on else ())


def _plain(written: str) -> str:
    return written[1:-1].replace('""', '"') if written.startswith('"') else written


def _unreadable(text: str) -> UsageError:
    return UsageError(
        f"cannot read the join {text!r}",
        hint='--join "train = transactions_train + customers on customer_id"; further steps: '
        "+ articles on article_id; keys of two names: on image_id = id",
    )
