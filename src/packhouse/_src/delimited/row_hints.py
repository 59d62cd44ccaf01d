"""What to do about a row that has another number of cells than the header: the likely reason. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packhouse._src.delimited.delimiters import shown
from packhouse._src.delimited.dialect import Header
from packhouse._src.delimited.odd_lines import have_row_names

DOUBLED_HINT = 'write a quote inside a cell as "", and close the cell with a quote'
BACKSLASH_HINT = (
    'backslashes escape nothing in CSV: write a quote inside a cell as "" and put cells with delimiters into '
    'quotes, for instance with pandas.read_csv(..., escapechar="\\\\") and to_csv'
)


def hint_for_row(row: Sequence[str], header: Header, *, rows_behind: int | None) -> str:
    """Return what to do about a row.

    Args:
        row: Its cells.
        header: The header, which has another number of them.
        rows_behind: Rows that follow in the file, none of which fits the header either; None: one does.
    """
    return next(_hints(row, header, rows_behind))


def _hints(row: Sequence[str], header: Header, rows_behind: int | None) -> Iterator[str]:
    """Yield what may be the reason, the surest first."""
    start, mark, width = header.start, shown(header.delimiter), len(header.columns)
    table = start.dialect.table if start is not None else "TABLE"
    if len(row) == width + 1 and row[-1] == "":
        yield f"the row ends with a delimiter ({mark}) that the header does not have: add one to the header"
    if len(row) == width - 1 and header.columns[-1] == f"column_{width}":
        yield f"the header ends with a delimiter ({mark}) that the row does not have: remove it"
    if start is not None and have_row_names(start.names, start.rows):
        yield "the rows have one cell more, such as the row names of R: add a name for the first column"
    if start is not None and start.title_lines:
        number = start.lines_before + start.title_lines
        first = "the first line looks" if number == 1 else f"the first {number} lines look"
        yield f"{first} like a title or a comment: --skip-lines {table}={number}"
    if any(cell.endswith("\\") for cell in row[:-1]):
        yield BACKSLASH_HINT
    if rows_behind is not None:
        last = "the last line is" if rows_behind == 0 else f"the last {rows_behind + 1} lines are"
        yield f"if {last} a footer, remove it from the file; otherwise fix the row"
    if width == 1:
        yield f"fix the row, or, if {mark} is part of the text: --delimiter {table}=tab"
    yield f"fix the row (a {mark} inside a cell needs quotes), or set the delimiter: --delimiter {table}=C"
