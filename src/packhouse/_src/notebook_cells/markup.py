"""HTML of a notebook cell: every text is escaped, there are no scripts, and no style that leaves the cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from packhouse._src.wording.visible_text import visible as visible_text

MOST_CHARACTERS = 80
MOST_COLUMNS = 20
_BOX = "display:inline-block;margin:0 8px 8px 0;vertical-align:top;font-size:85%"
_LEFT = "text-align:left"


def visible(text: object, *, most: int | None = None) -> str:
    """Return text for HTML: escaped, and what is invisible or turns the direction of writing spelled out.

    Args:
        text: Anything; its text comes from a data set.
        most: Characters that are shown; None means all.
    """
    whole = str(text)
    shown = whole if most is None or len(whole) <= most else whole[: most - 1] + "…"
    return escape(visible_text(shown, keep="\n"))


def title(text: str, more: str = "") -> str:
    """Return a line in bold, with more text behind it."""
    return f"<div><b>{visible(text)}</b> {visible(more)}</div>"


def line(text: str) -> str:
    """Return a line."""
    return f"<div>{visible(text)}</div>"


def lines_as_typed(text: str) -> str:
    """Return lines of text with their blanks, in letters of one width."""
    return f'<pre style="white-space:pre-wrap;{_LEFT}">{visible(text)}</pre>'


def facts(values: Mapping[str, object]) -> str:
    """Return a table of two columns: names and values."""
    rows = "".join(
        f'<tr><td style="{_LEFT}">{visible(name)}</td><td style="{_LEFT}">{visible(value)}</td></tr>'
        for name, value in values.items()
    )
    return f"<table>{rows}</table>"


def grid_of_cells(names: Mapping[str, str], rows: Sequence[Mapping[str, object]]) -> str:
    """Return a table of values.

    Args:
        names: Column -> its type, which stands below the name.
        rows: Column -> value, row by row.

    Returns:
        HTML of at most 20 columns, cells cut after 80 characters; a missing value is an empty cell.
    """
    shown = list(names)[:MOST_COLUMNS]
    heads = "".join(f"<th>{visible(name, most=MOST_CHARACTERS)}</th>" for name in shown)
    types = "".join(f"<td><i>{visible(names[name], most=MOST_CHARACTERS)}</i></td>" for name in shown)
    body = "".join("<tr>" + "".join(_cell(row.get(name)) for name in shown) + "</tr>" for row in rows)
    left = len(names) - len(shown)
    more = line(f"and {left:,} more columns") if left else ""
    return f"<table><thead><tr>{heads}</tr><tr>{types}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: object) -> str:
    if value is None:
        return "<td></td>"
    place = "" if isinstance(value, int | float) else f' style="{_LEFT}"'
    return f"<td{place}>{visible(value, most=MOST_CHARACTERS)}</td>"


def folded(summary: str, html: str) -> str:
    """Return HTML that a click on its summary opens."""
    return f"<details><summary>{visible(summary)}</summary>{html}</details>"


def picture(source: str | None, problem: str = "") -> str:
    """Return one picture; in place of one that cannot be shown, why not.

    Args:
        source: Its data URI; None if it cannot be shown.
        problem: Why not.
    """
    if source is None:
        return f'<div style="padding:8px;border:1px solid">{visible(problem, most=MOST_CHARACTERS)}</div>'
    return f'<img src="{escape(source)}" alt="">'


def side_by_side(pictures: Iterable[tuple[str, str]]) -> str:
    """Return pictures in lines, each with a caption.

    Args:
        pictures: HTML of a picture, and the text below it.
    """
    return "".join(_boxes(pictures))


def _boxes(pictures: Iterable[tuple[str, str]]) -> Iterator[str]:
    for html, caption in pictures:
        yield f'<div style="{_BOX}">{html}<div>{visible(caption, most=MOST_CHARACTERS)}</div></div>'
