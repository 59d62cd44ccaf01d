"""Rows of values as aligned text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from unicodedata import east_asian_width

from packhouse._src.wording.visible_text import visible_line

MOST_CHARACTERS = 32
MOST_WIDTH = 100


def text_table(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Yield the lines of a table: names, then rows; numbers stand to the right.

    Args:
        columns: Names of the columns.
        rows: Column -> value, row by row.

    Yields:
        Lines of at most about 100 characters. Cells are cut after 32 characters; the last line says how many
        columns have no place.
    """
    shown = {name: [_cell(name), *(_cell(row.get(name)) for row in rows)] for name in columns}
    widths = {name: max(map(width_of, cells)) for name, cells in shown.items()}
    placed = _that_fit(list(columns), widths)
    right = {
        name for name in placed if rows and all(isinstance(row.get(name), int | float | None) for row in rows)
    }
    for line in range(len(rows) + 1):
        cells = (_padded(shown[name][line], widths[name], right=name in right) for name in placed)
        yield "  ".join(cells).rstrip()
    if len(placed) < len(columns):
        yield f"and {len(columns) - len(placed):,} more columns"


def _that_fit(columns: list[str], widths: Mapping[str, int]) -> list[str]:
    used = 0
    for place, name in enumerate(columns):
        used += widths[name] + 2
        if used > MOST_WIDTH and place:
            return columns[:place]
    return columns


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    shown = visible_line(text)
    return shown if len(shown) <= MOST_CHARACTERS else shown[: MOST_CHARACTERS - 1] + "…"


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: a wide character (Chinese, Korean) takes two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - width_of(text))
    return blanks + text if right else text + blanks
