"""The tables of a join as SQL: which cells the result has, where they stand, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.parquet_ import ROW_GROUP_ROWS, ParquetSource
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.join_specs import rename_right
from packhouse._src.sql.quoting import FILE_ROW_NUMBER, numbered_rows, parquet_rows, quote_name
from packhouse._src.table_records import JoinSpec, JoinStep

SAMPLE_ROWS = 2048
CELL_BYTES = 16
"""What DuckDB takes for a cell, the letters of a text not counted."""

TEXT = "VARCHAR"
WHOLE_KINDS = frozenset(
    f"{sign}{width}"
    for sign in ("", "U")
    for width in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)


class Side:
    """One table of a join, as SQL and as facts.

    Args:
        engine: Where queries run.
        name: Of the table.
        path: Its Parquet file.
        alias: Its name in the query.
    """

    def __init__(self, engine: Engine, name: str, path: Path, alias: str) -> None:
        self.name = name
        self.alias = alias
        self.path = path
        self.plain = parquet_rows(path)
        described = engine.query(f"DESCRIBE SELECT * FROM {self.plain}")
        self.columns: dict[str, str] = {row[0]: row[1] for row in described}
        with closing(ParquetSource(path)) as facts:
            self.types = dict(zip(facts.schema.names, facts.schema.types, strict=True))
        self.numbered, row_number = numbered_rows(path, self.columns)
        self.row_number = f"{alias}.{row_number}"
        self.can_be_cut = row_number == FILE_ROW_NUMBER
        (self.rows,) = engine.row(f"SELECT count(*) FROM {self.plain}")
        texts = [f"coalesce(strlen({quote_name(n)}), 0)" for n, kind in self.columns.items() if kind == TEXT]
        (letters,) = engine.row(
            f"SELECT coalesce(avg({' + '.join(texts) or 0}), 0) FROM (FROM {self.plain} LIMIT {SAMPLE_ROWS})"
        )
        self.row_bytes = int(letters) + CELL_BYTES * len(self.columns)


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of the result."""

    name: str
    side: Side
    column: str
    """Its name in the table of its side."""

    @property
    def sql(self) -> str:
        """Return it as the query of the join knows it."""
        return f"{self.side.alias}.{quote_name(self.column)}"

    @property
    def kind(self) -> str:
        """Return its type in DuckDB's words."""
        return self.side.columns[self.column]

    @property
    def arrow_name(self) -> str:
        """Return its type as reports and pack.json call it."""
        return str(self.side.types[self.column]).removesuffix("[day]")


@dataclass(frozen=True, slots=True)
class Link:
    """One step of a chain: the right side, and the pairs of cells that must be equal."""

    step: JoinStep
    side: Side
    left_cells: tuple[Cell, ...]
    renamed: tuple[tuple[str, str], ...]

    @property
    def right_cells(self) -> tuple[Cell, ...]:
        """The key columns of the right side."""
        return tuple(Cell(name, self.side, name) for name in self.step.right_keys)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The keys of both sides as SQL that can be compared: as text where their types differ."""
        return [
            (left.sql, right.sql)
            if left.kind == right.kind or WHOLE_KINDS.issuperset((left.kind, right.kind))
            else (f"CAST({left.sql} AS {TEXT})", f"CAST({right.sql} AS {TEXT})")
            for left, right in zip(self.left_cells, self.right_cells, strict=True)
        ]

    @property
    def condition(self) -> str:
        """Return when a row of the steps before and one of the right side belong together."""
        return " AND ".join(f"{left} = {right}" for left, right in self.pairs)


class Chain:
    """A join of one left table with one or more right ones.

    Args:
        engine: Where queries run.
        join: What to join.
        folder: Where the Parquet files lie.
        files: Table -> Parquet file below the folder.
        how: "inner" or "left".
    """

    def __init__(
        self, engine: Engine, join: JoinSpec, folder: Path, files: Mapping[str, str], *, how: str
    ) -> None:
        self.join = join
        self.how = how
        self.left = Side(engine, join.left, folder / files[join.left], "l")
        self.cells = [Cell(name, self.left, name) for name in self.left.columns]
        self.links: list[Link] = []
        for place, step in enumerate(join.steps):
            right = Side(engine, step.right, folder / files[step.right], f"r{place}")
            known = {cell.name: cell for cell in self.cells}
            renamed = rename_right(list(known), list(right.columns), step)
            link = Link(step, right, tuple(known[name] for name in step.on), tuple(renamed))
            self.links.append(link)
            names = dict(renamed)
            others = [name for name in right.columns if name not in step.right_keys]
            self.cells += [Cell(names.get(name, name), right, name) for name in others]

    def source(self, steps: int, rows: tuple[int, int] | None = None) -> str:
        """Return the SQL of the first steps, without SELECT and FROM.

        Args:
            steps: How many.
            rows: The first and the last row of the left table that take part; None: all.
        """
        left = self.left
        of_left = left.numbered
        if rows is not None:
            first, last = rows
            of_left = f"(FROM {of_left} WHERE {FILE_ROW_NUMBER} BETWEEN {first} AND {last})"
        joined = [
            f"{self.how.upper()} JOIN {link.side.numbered} {link.side.alias} ON {link.condition}"
            for link in self.links[:steps]
        ]
        return " ".join([f"{of_left} {left.alias}", *joined])

    def cuts(self, memory_bytes: int) -> Sequence[tuple[int, int] | None]:
        """Cut the left table in ranges that can be joined and put in order in memory, one after the other.

        Args:
            memory_bytes: For one range.

        Returns:
            First and last row of each. A range is no smaller than the largest right side, which is read anew
            for each: so that takes no longer than making the result.
        """
        rows = self.left.rows
        if not self.left.can_be_cut or not rows:
            return [None]
        rights = [link.side for link in self.links]
        row_bytes = sum(side.row_bytes for side in (self.left, *rights))
        range_bytes = max(memory_bytes, *(side.rows * side.row_bytes for side in rights))
        most = max(1, range_bytes // row_bytes // ROW_GROUP_ROWS) * ROW_GROUP_ROWS
        return [(first, min(rows, first + most) - 1) for first in range(0, rows, most)]
