"""Which delimiter the first rows of a table speak for, with its extension as a first opinion. Pure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath

DELIMITERS = (",", ";", "\t", "|")
TAB_EXTENSIONS = (".tsv", ".tab")
PACKED_EXTENSIONS = (".gz", ".zst", ".xz", ".bz2", ".zip")
ROWS_TRIED = 200
_NAMED = {"\t": "tabs"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What the first rows look like with one delimiter."""

    mark: str
    widths: tuple[int, ...]
    """Cells of each row, blank lines left out; the header first."""

    is_broken: bool
    """Whether there is text behind a closing quote, which another delimiter may explain."""

    has_blanks: bool
    """Whether most of the marks have a blank behind them, as commas in prose."""

    @property
    def usual(self) -> int:
        """Number of cells that most rows have; the header counts only where it is alone."""
        return Counter(self.widths[1:] or self.widths).most_common(1)[0][0] if self.widths else 0

    @property
    def agreement(self) -> float:
        """Share of the rows, with the header, that have the usual number of cells."""
        return self.widths.count(self.usual) / len(self.widths) if self.widths else 0.0

    @property
    def splits_all(self) -> bool:
        """Whether it splits all rows, the header too, into as many cells."""
        return not self.is_broken and self.usual > 1 and len(set(self.widths)) == 1


def choose_delimiter(text: str, *, shown_as: str, whole: bool) -> tuple[str, tuple[str, ...]]:
    """Choose the delimiter by all rows of the start of a table.

    A delimiter that splits each row into as many cells comes first; of several, tabs, which hardly occur in
    text, then one that is not followed by blanks, then the one with the most cells. Where none does, the one
    with which most rows agree is chosen. In a .tsv file without tabs nothing splits a cell but a delimiter
    that splits all.

    Args:
        text: The start of the table, from its header on.
        shown_as: Path of the table, for its extension.
        whole: Whether that is all of it.

    Returns:
        The delimiter, and others that would fit too.
    """
    trials = [_try(text, mark, whole=whole) for mark in DELIMITERS]
    has_tabs_by_name = _extension(shown_as) in TAB_EXTENSIONS
    alike = [trial for trial in trials if trial.splits_all]
    if has_tabs_by_name:
        tabs = next(trial for trial in trials if trial.mark == "\t")
        if tabs.usual > 1 or not alike or all(trial.has_blanks for trial in alike):
            return "\t", ()
    if alike:
        alike.sort(key=lambda trial: (trial.mark != "\t", trial.has_blanks, -trial.usual))
        return alike[0].mark, tuple(trial.mark for trial in alike[1:])
    # a row that is not like the others is then named with its line
    several = [trial for trial in trials if max(trial.usual, *trial.widths[:1], 0) > 1] or trials[:1]
    best = min(several, key=lambda trial: (trial.is_broken, trial.usual < 2, -trial.agreement, -trial.usual))  # noqa: PLR2004
    return best.mark, ()


def delimiter_notes(delimiter: str, others: Sequence[str]) -> Iterator[str]:
    """Yield what the report says of a delimiter: nothing of a comma that has no rival.

    Args:
        delimiter: The one that was chosen.
        others: Those that would fit too.
    """
    if delimiter != "," or others:
        note = f"delimiter: {shown(delimiter)}, detected from the first lines"
        if others:
            note += f"; {' or '.join(map(shown, others))} would fit too"
        yield note


def shown(delimiter: str) -> str:
    """Return a delimiter as messages have it."""
    return _NAMED.get(delimiter, repr(delimiter))


def rows_of(text: str, delimiter: str, *, whole: bool) -> tuple[list[list[str]], bool]:
    """Return the first records, without blank lines, and whether a quote ends where it must not.

    Args:
        text: The start of a table.
        delimiter: Between cells.
        whole: Whether that is all of it; otherwise the last record may be half of one, and is left out.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    found: list[list[str]] = []
    try:
        found += (row for row in islice(reader, ROWS_TRIED + 1) if row)
    except csv.Error as err:
        return found, "expected after" in str(err)
    is_cut = not whole and len(found) <= ROWS_TRIED and len(found) > 1
    return (found[:-1] if is_cut else found), False


def _try(text: str, mark: str, *, whole: bool) -> Trial:
    rows, is_broken = rows_of(text, mark, whole=whole)
    marks = text.count(mark)
    has_blanks = 2 * text.count(f"{mark} ") > marks
    return Trial(mark, tuple(map(len, rows)), is_broken, has_blanks)


def _extension(path: str) -> str:
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    while suffixes and suffixes[-1] in PACKED_EXTENSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
