"""What work on tables takes and gives: plans before the work, reports after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packhouse.errors import TableError, UsageError, Where
from packhouse.progress import Observer

COMPRESSIONS = ("zstd", "gzip", "snappy", "lz4")
"""Of Parquet files; the first one is the default."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """Type of one column, with the reason."""

    name: str
    """Name of the column."""

    arrow: str
    """Arrow type, as the report and pack.json say it."""

    reason: str
    """Why it has this type, with counts."""

    nulls: int
    """Rows without a value."""

    spelling: str | None = ""
    """How to get the cells of the file back from the values.

    "" is as SQL writes them, CAST(c AS VARCHAR). "%.2f" has so many decimals, "%r" is as Python writes floats
    (5.0), "%s" the same without the .0 of whole numbers. "True|False" are the words of booleans.
    "%Y-%m-%dT%H:%M:%S.%3fZ" is the form of timestamps, where [.%3f] and [.%f] are left out when they are 0.
    None: no one rule gives all cells, as where 5 and 5.0 both occur.
    """


@dataclass(frozen=True, slots=True)
class TableOutput:
    """Where and how the tables of a pack are written."""

    folder: Path
    """Where the Parquet files of the pack are."""

    compression: str
    """One of `parquet_.COMPRESSIONS`."""

    observer: Observer
    """Progress callback."""

    def place_for(self, file: str, *, source: str) -> Path:
        """Return where a Parquet file goes; the folders above it are made.

        Args:
            file: Its path below the pack.
            source: What it is made from, for the error.

        Raises:
            TableError: A file has the name of one of the folders.
        """
        target = self.folder / file
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as err:
            raise TableError(
                f"its folder cannot be created: the pack has a file named {target.parent.name}",
                where=Where(file=source),
                hint="rename the folder",
            ) from err
        return target


WHITESPACE = "whitespace"
"""The delimiter of tables whose cells are separated by any number of blanks or tabs."""


_DELIMITER_WORDS = {"tab": "\t", "\\t": "\t", WHITESPACE: WHITESPACE}
_NO_DELIMITERS = '"\r\n\\'


def read_delimiter(text: str) -> str:
    """Return the delimiter that a user means: a character, or WHITESPACE.

    Raises:
        UsageError: It is not a single ASCII character, tab or whitespace.
    """
    mark = _DELIMITER_WORDS.get(text, text)
    if mark != WHITESPACE and (len(mark) != 1 or not mark.isascii() or mark in _NO_DELIMITERS):
        hint = f"one ASCII character, tab or {WHITESPACE}: --delimiter ';'"
        raise UsageError(f"{text!r} cannot be a delimiter", hint=hint)
    return mark


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is to be read, as far as the user has said so or it was found out."""

    table: str = "TABLE"
    """Name of the table, for hints."""

    delimiter: str | None = None
    """A character, or WHITESPACE; None: detected."""

    skip_lines: int = 0
    """Lines before the header."""

    has_header: bool = True
    """Whether the first line has the names of the columns; otherwise it is a row."""

    is_sure: bool = False
    """Whether the user has said what the first line is, so that it is not questioned."""


CSV, JSON_LINES, COLUMNAR = "csv", "jsonl", "columnar"
"""Kinds of tables."""


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One file that will become one Parquet file."""

    name: str
    """Its name in SQL: the path without extension, "/" turned to "_"."""

    source: str
    """Path of the file below SRC."""

    source_bytes: int
    file: str
    """Path of the Parquet file below the pack."""

    columns: tuple[str, ...]
    notes: tuple[str, ...]
    encoding: str | None = None
    """As the user said; None: UTF-8."""

    dialect: Dialect = Dialect()
    null_marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column -> cells that mean a missing value."""

    may_lack_rows: bool = False
    """Whether the first line, which was taken for the header, may be a row; a note says why."""

    kind: str = CSV
    """How the file is read."""

    keys: tuple[str, ...] = ()
    """Of JSON Lines, the key of each column."""


@dataclass(frozen=True, slots=True)
class TextKey:
    """A column that is kept as text, since it is compared with text."""

    reason: str
    """Why, in words."""

    digits: int | None = None
    """Whole numbers are filled up with zeros in front, to so many digits."""


PART_NAME = "part-{:05}.parquet"
PARTS = "part-*.parquet"
"""Names of the files of a table that is a folder of parts, in the order of its rows."""

PARTITIONS = f"*=*/{PARTS}"
"""The same of a table that is partitioned by a column; each folder is a value of it."""

MOST_PARTS = 100_000


@dataclass(frozen=True, slots=True)
class TablePart:
    """One file of a table that is a folder of parts."""

    file: str
    """Its path below the folder."""

    rows: int
    bytes: int
    digest: str
    """XXH3-128 of the file."""


def files_of_parts(folder: Path) -> list[Path]:
    """Return the files of a table that is a folder of parts, in the order of its rows."""
    # by whole paths, as pyarrow and Polars do: "a-b/" is before "a/"
    return sorted((*folder.glob(PARTS), *folder.glob(PARTITIONS)), key=Path.as_posix)


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table of the pack."""

    name: str
    file: str
    source: str
    source_bytes: int
    bytes: int
    rows: int
    columns: tuple[ColumnType, ...]
    notes: tuple[str, ...]
    sorted_by: tuple[str, ...] = ()
    """Columns that the rows are sorted by; empty: as they are in the file."""

    may_lack_rows: bool = False
    """Whether a row may be missing, since the first line looks like one; a note says why."""

    parts: tuple[TablePart, ...] = ()
    """The files in the folder of this name; empty: it is one file."""

    partitioned_by: str = ""
    """Column whose values are its folders; the rows of each have the order that the table had."""


@dataclass(frozen=True, slots=True)
class LinkEvidence:
    """How well one column matches the images."""

    table: str
    column: str
    form: str
    """How its cells are read: "" as they are, or in words of `image_names`."""

    is_number: bool
    """Whether it holds whole numbers, or needs zeros in front: these may name images by chance."""

    values: int
    """Distinct values."""

    values_found: int
    """Values that match an image by key, name, file name or path."""

    images_found: int
    """Images that are matched."""

    unique: bool
    """Whether no value repeats."""

    spelling: str = ""
    """How its cells are had back from its values, as of `ColumnType`."""


@dataclass(frozen=True, slots=True)
class LinkReport:
    """A linked table: its column, and how it matches the images."""

    table: str
    column: str
    form: str
    """How the cells are read to find images by them: "" as they are, or such as "with zeros in front, to 10
    digits"."""

    chosen: str
    """Why this column was chosen, and the next best one."""

    flag_column: str
    key_column: str
    rows: int
    rows_with_image: int
    rows_without_image: int
    rows_without_image_examples: tuple[str, ...]
    rows_ambiguous: int
    """Rows whose value matches several images: flagged, but without a key."""

    images: int
    images_without_row: int
    images_without_row_examples: tuple[str, ...]
    other_candidates: tuple[LinkEvidence, ...]
    """All other columns that could have been linked instead, best first."""

    spelling: str = ""
    """How the cells of the column are had back from its values, as of `ColumnType`."""

    rows_of_copies: int = 0
    """Of `rows_ambiguous` those whose images are the same, byte by byte: they describe each of them."""


@dataclass(frozen=True, slots=True)
class JoinStep:
    """One right table of a join."""

    right: str
    on: tuple[str, ...]
    """Key columns of the left side."""

    right_on: tuple[str, ...] = ()
    """Key columns of the right table; empty: the same names."""

    @property
    def right_keys(self) -> tuple[str, ...]:
        """The key columns of the right table."""
        return self.right_on or self.on

    @property
    def written_keys(self) -> tuple[str, ...]:
        """The pairs of key columns as they are written: "image_id", or "image_id = id"."""
        pairs = zip(self.on, self.right_keys, strict=True)
        return tuple(
            _quoted(left) if left == right else f"{_quoted(left)} = {_quoted(right)}" for left, right in pairs
        )

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{_quoted(self.right)} on {', '.join(self.written_keys)}"


@dataclass(frozen=True, slots=True)
class JoinSpec:
    """A requested join: "train = transactions_train + customers on customer_id"."""

    name: str
    left: str
    steps: tuple[JoinStep, ...]

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.name} = {' + '.join([_quoted(self.left), *map(str, self.steps)])}"

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it needs, the left one first."""
        return (self.left, *(step.right for step in self.steps))


def _quoted(name: str) -> str:
    """Return the name of a table or column as a join is written: in quotes where it could be misread."""
    if name == name.strip() and not re.search(r'[=+,]|^"|\son\s', name, re.IGNORECASE):
        return name
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class JoinManner:
    """How a join is made."""

    how: str = "inner"
    """"inner" drops left rows without a match, "left" keeps them with missing values."""

    allow_many: bool = False
    """Whether a right side may repeat a key, so that left rows are repeated."""

    sorted_by: tuple[str, ...] = ()
    """Columns of the result to sort by; empty keeps the order of the left rows."""


@dataclass(frozen=True, slots=True)
class JoinStepReport:
    """One right table of a join, and how its rows match."""

    right: str
    on: tuple[str, ...]
    """The pairs of key columns as they are written: "image_id", or "image_id = id"."""

    left_rows: int
    """Rows that reach this step; at the first step, those of the left table."""

    left_unmatched: int
    """Of these, without a match: dropped by "inner", kept with missing values by "left"."""

    right_unmatched: int
    """Rows of the right table that match none of these."""

    renamed: tuple[tuple[str, str], ...]
    """Right columns whose names were taken: (old name, new name)."""


@dataclass(frozen=True, slots=True)
class CompactKey:
    """A text column that was replaced by row numbers of another table."""

    column: str
    ix_column: str
    """Name of the numbers, in the join and in the lookup table."""

    lookup: str
    """The table in which the text is."""

    lookup_column: str = ""
    """Its column there; empty: of the same name."""


@dataclass(frozen=True, slots=True)
class JoinReport:
    """One join of the pack."""

    name: str
    file: str
    spec: str
    how: str
    rows: int
    left_rows: int
    steps: tuple[JoinStepReport, ...]
    bytes: int
    sorted_by: tuple[str, ...] = ()
    """Columns as requested; empty: in the order of the left table."""

    compact_keys: tuple[CompactKey, ...] = ()
    kept_text: tuple[tuple[str, str], ...] = ()
    """Keys of other tables that stay text: (column, why)."""

    problem: str = ""
    """Why no row has a match, and what would help; empty if some rows match."""

    parts: tuple[TablePart, ...] = ()
    """The files in the folder of this name; empty: it is one file."""

    partitioned_by: str = ""
    """Column whose values are its folders; the rows of each have the order that the table had."""
