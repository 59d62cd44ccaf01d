"""What the tables' rooms hand on: plans before the work, reports after it."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse.tables.column_types import ColumnType


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One CSV file that will become one Parquet file."""

    name: str
    """Its name in SQL: the path without extension, "/" turned to "_"."""

    source: str
    """Path of the CSV file below SRC."""

    source_bytes: int
    file: str
    """Path of the Parquet file below the pack."""

    columns: tuple[str, ...]
    notes: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class LinkEvidence:
    """How well one column names the images."""

    table: str
    column: str
    values: int
    """Distinct values."""

    values_found: int
    """Those that name an image: its key, its name, its file name or its path."""

    images_found: int
    """Images that are named."""

    unique: bool
    """Whether no value repeats."""


@dataclass(frozen=True, slots=True)
class LinkReport:
    """The table that describes the images, and how the two fit."""

    table: str
    column: str
    chosen: str
    """Why: "asked for", or the evidence in words."""

    flag_column: str
    key_column: str
    rows: int
    rows_with_image: int
    rows_without_image: int
    rows_without_image_examples: tuple[str, ...]
    rows_ambiguous: int
    """Rows whose value names several images: flagged, but without a key."""

    images: int
    images_without_row: int
    images_without_row_examples: tuple[str, ...]
    other_candidates: tuple[LinkEvidence, ...]
    """Columns that would have done as well or nearly, best first."""


@dataclass(frozen=True, slots=True)
class JoinSpec:
    """A join that was asked for: "train = transactions_train + customers on customer_id"."""

    name: str
    left: str
    right: str
    on: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.name} = {self.left} + {self.right} on {', '.join(self.on)}"


@dataclass(frozen=True, slots=True)
class JoinReport:
    """One join of the pack."""

    name: str
    file: str
    spec: str
    how: str
    rows: int
    left_rows: int
    left_unmatched: int
    """Left rows without a partner: dropped by "inner", kept with empty cells by "left"."""

    right_unmatched: int
    """Right rows that no left row asked for."""

    bytes: int
    renamed: tuple[tuple[str, str], ...]
    """Right columns that had the name of a left one: (old name, new name)."""
