"""Lines of a table that may be something else: a header that is a row, a title, a footer. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from packhouse._src.delimited.column_types import (
    BOOLEAN,
    DEMANDED_FLOAT,
    Candidate,
    suggest,
)

Rows = Sequence[Sequence[str]]
_SEP = re.compile(r'"?sep=([^"\r\n])"?\1*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_COMMENT = ("#", "%", "//")
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+")
_FILE = re.compile(r"[^.]\.([A-Za-z][A-Za-z0-9]{1,4})$")
LEAST_ROWS = 2
"""So many rows must be alike before another is called odd."""


def sep_line(text: str) -> tuple[str, int] | None:
    """Return the delimiter that Excel's line "sep=;" names, and the length of the line; None without one."""
    match = _SEP.match(text)
    return (match[1], match.end()) if match else None


def rows_of_title(rows: Rows) -> int:
    """Return how many rows there are before those that all have one number of cells, as a title has not.

    Args:
        rows: The first ones of a file.

    Returns:
        0 when the first row is like the others, or the others are not alike.
    """
    if len(rows) <= LEAST_ROWS:
        return 0
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    unlike = [place for place, row in enumerate(rows) if len(row) != usual]
    if usual == 1 or not unlike or unlike != list(range(len(unlike))):
        return 0
    last = rows[unlike[-1]]
    is_text = not last[0].startswith(_COMMENT) and not any(_is_value(cell) for cell in last if cell)
    if len(unlike) > 1 and len(last) == usual - 1 and is_text:
        return len(unlike) - 1  # a header without a name for the first column
    return len(unlike)


def doubts(names: Sequence[str], rows: Rows) -> Iterator[str]:
    """Yield why a header may be a row: each a reason in words.

    Args:
        names: The first line.
        rows: Some of those that follow.
    """
    present = [name for name in names if name]
    if present and all(_is_value(name) for name in present):
        yield "it has numbers alone"
        return
    for place, name in enumerate(names):
        cells = [row[place] for row in rows if place < len(row) and row[place] and list(row) != list(names)]
        if name and len(cells) >= LEAST_ROWS and (why := _is_like(name, cells)):
            yield f"{name!r} {why}"


def _is_value(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None or any(one is not BOOLEAN for one in _kinds(text))


def _kinds(text: str) -> tuple[Candidate, ...]:
    found = suggest([text])
    return found or ((DEMANDED_FLOAT,) if DEMANDED_FLOAT.holds(text) else ())


def _is_like(name: str, cells: Sequence[str]) -> str | None:
    """Say how a name is like the cells below it; None when it is not."""
    if name in cells:
        return "occurs in the rows of its column, too"
    kinds = [kind for kind in suggest([name]) if kind in suggest(cells)]
    if kinds and kinds[0].arrow in ("int64", "double"):
        numbers = list(map(float, cells))
        is_among = min(numbers) <= float(name) <= max(numbers)
        return "is a number among those of its column" if is_among else None
    if kinds:
        return f"is one of the {kinds[0].plural}"
    match = _FILE.search(name)
    if match and all(PurePosixPath(cell).suffix == f".{match[1]}" for cell in cells):
        return f"is the name of a file, as all cells of its column are (.{match[1]})"
    return None


def title_notes(names: Sequence[str], rows: Rows, table: str) -> Iterator[str]:
    """Yield what speaks for a header that is only a title, or a comment, above the true one.

    Args:
        names: The first line.
        rows: Some of those that follow.
        table: Name of the table.
    """
    is_comment = names[0].startswith(_COMMENT) and len(names) > 1 and _is_header_of(rows)
    is_title = len(names) > LEAST_ROWS and not any(names[1:]) and names[0] != ""
    if is_comment or is_title:
        what = "a comment" if is_comment else "a title"
        yield f"the first line looks like {what}: {names[0]!r} (--skip-lines {table}=1 skips it)"
    elif _is_header_of(rows):
        example = ", ".join(map(repr, rows[0][:3]))
        yield f"the first row looks like the header: {example} (--skip-lines {table}=1 skips the line before)"


def have_row_names(names: Sequence[str], rows: Rows) -> bool:
    """Say whether all rows have one cell more than the names, which are no title."""
    if len(names) < LEAST_ROWS or len(rows) < LEAST_ROWS or {len(row) for row in rows} != {len(names) + 1}:
        return False
    return not names[0].startswith(_COMMENT) and not _is_header_of(rows)


def _is_header_of(rows: Rows) -> bool:
    """Say whether the first row has a text above numbers or dates, and no number or date itself."""
    if len(rows) <= LEAST_ROWS or any(_is_value(cell) for cell in rows[0] if cell):
        return False
    width = len(rows[0])
    for place in range(width):
        cells = [row[place] for row in rows[1:] if place < len(row) and row[place]]
        if rows[0][place] and len(cells) >= LEAST_ROWS and suggest(cells) and not suggest([rows[0][place]]):
            return True
    return False


def has_odd_end(cells: Sequence[str | None]) -> bool:
    """Say whether the cells of a column are of one type but for that of the last row."""
    before = [cell for cell in cells[:-1] if cell is not None]
    last = cells[-1] if cells else None
    return last is not None and len(before) >= LEAST_ROWS and bool(suggest(before)) and not suggest([last])


def footer_note(column: str, cell: str) -> str:
    """Return what the report says of a last row that is not like the others."""
    return f"the last row looks like a footer: column {column!r} has {cell!r} there alone"
