"""The cells of a CSV file, had back from the values of its table: SQL. Pure.

Links and other questions about names are asked of the text that stood in the file, not of the value: a frame
may be called 3081.960 where the column is of floats.
"""

from __future__ import annotations

import re

_FRACTION = re.compile(r"\[?\.%(?P<digits>[1-6]?)f\]?")
_ZONE = re.compile(r"Z|([+-])([0-9]{2}):?([0-9]{2})?")
_FORM = "%Y-%m-%d{}%H:%M:%S"


def cell_text(value: str, spelling: str) -> str:
    """Return the SQL that writes a value as the cell of the file was written.

    Args:
        value: SQL of the value, such as the name of its column in quotes.
        spelling: As of `ColumnType`, where it is not None.

    Returns:
        SQL of a text; null where the cell was empty.
    """
    plain = f"CAST({value} AS VARCHAR)"
    if spelling in ("", "%r"):
        return plain
    if spelling == "%s":
        return f"regexp_replace({plain}, '\\.0$', '')"
    if re.fullmatch(r"%\.[0-9]+f", spelling):
        return f"format('{{:{spelling[1:]}}}', {value})"
    if spelling.startswith("%Y"):
        return _stamp(value, spelling)
    true, _, false = spelling.partition("|")
    return f"CASE {value} WHEN true THEN '{true}' WHEN false THEN '{false}' END"


def _stamp(value: str, spelling: str) -> str:
    form = _FORM.format(spelling[len("%Y-%m-%d")])
    rest = spelling.removeprefix(form)
    fraction = _FRACTION.match(rest)
    zone = rest[fraction.end() :] if fraction else rest
    moment = f"({_local(value, zone)})"
    text = f"strftime({moment}, '{form}')"
    if fraction is not None:
        digits = f"strftime({moment}, '%f')"
        if fraction["digits"]:
            digits = f"left({digits}, {fraction['digits']})"
            shown = f"'.' || {digits}"
        else:
            shown = f"'.' || rtrim({digits}, '0')"
        if fraction[0].startswith("["):
            shown = f"CASE WHEN microsecond({moment}) % 1000000 = 0 THEN '' ELSE {shown} END"
        text += f" || {shown}"
    return f"({text} || '{zone}')"


def _local(value: str, zone: str) -> str:
    match = _ZONE.fullmatch(zone)
    if match is None:
        return value
    minutes = int(f"{match[1] or ''}{60 * int(match[2] or 0) + int(match[3] or 0)}")
    return f"{value} AT TIME ZONE 'UTC' + INTERVAL '{minutes} minutes'"
