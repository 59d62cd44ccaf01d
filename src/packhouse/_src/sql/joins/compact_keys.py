"""Compact keys: in a join, text that is the key of another table becomes the number of its row there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from packhouse._src.sql.joins.join_specs import counted_on
from packhouse._src.sql.joins.join_sql import TEXT, Cell, Chain, Link, Side
from packhouse._src.sql.joins.reorder import AddedColumns, rewrite_table
from packhouse._src.sql.query_output import Workbench
from packhouse._src.sql.quoting import quote_name
from packhouse._src.table_records import ColumnType, CompactKey, TableReport

GLANCE_ROWS = 100_000
"""So many rows are looked at first: most columns that are no key repeat a value in them."""

MOST_INT32_ROWS = 2**31


@dataclass(frozen=True, slots=True)
class Compacted:
    """How the keys of one join are compacted."""

    keys: tuple[CompactKey, ...] = ()
    kept_text: tuple[tuple[str, str], ...] = ()
    numbers: tuple[str, ...] = ()
    """SQL of each key's numbers."""

    joins: str = ""
    """SQL of the lookup tables that are not part of the join itself."""

    def name_of(self, column: str) -> str:
        """Return what a column of the join is called in the file."""
        return next((key.ix_column for key in self.keys if key.column == column), column)

    def sql_of(self, column: str) -> str | None:
        """Return the SQL of a key's numbers; None: it stays what it is."""
        pairs = zip(self.keys, self.numbers, strict=True)
        return next((sql for key, sql in pairs if key.column == column), None)


@dataclass(frozen=True, slots=True)
class _Found:
    key: CompactKey
    number: str
    join: str = ""


class Lookups:
    """The tables of a pack whose keys joins may have as numbers.

    Args:
        bench: Where the work is done.
        tables: All that were made of files; one that gets a column of numbers is replaced in this very list.
        linked: Names of those that are linked to the images, best first.
        join_columns: Columns of all joins, whose names no column of numbers may have.
    """

    def __init__(
        self,
        bench: Workbench,
        tables: list[TableReport],
        *,
        linked: Sequence[str],
        join_columns: Iterable[str],
    ) -> None:
        self._bench = bench
        self._tables = tables
        self._linked = linked
        self._taken = {name.lower() for name in join_columns}
        self._names: dict[tuple[str, str], str] = {}
        self._unique: dict[tuple[str, str], bool] = {}

    def compact(self, chain: Chain) -> Compacted:
        """Find the keys of a join, and give their lookup tables a column of numbers.

        Args:
            chain: The join.

        Returns:
            What is to be written in place of the text.

        Raises:
            TableError: Memory did not suffice.

        Cost: each lookup table is written anew once; each key is counted once against it.
        """
        found: list[_Found] = []
        kept: list[tuple[str, str]] = []
        for cell in chain.cells:
            if cell.kind == TEXT:
                one = self._look_up(chain, cell, alias=f"x{len(found)}")
                if isinstance(one, _Found):
                    found.append(one)
                elif one:
                    kept.append((cell.name, one))
        return Compacted(
            keys=tuple(one.key for one in found),
            kept_text=tuple(kept),
            numbers=tuple(one.number for one in found),
            joins=" ".join(one.join for one in found if one.join),
        )

    def _look_up(self, chain: Chain, cell: Cell, *, alias: str) -> _Found | str:
        """Return where the text of a column stands as a key; or why not, if a table looked like it."""
        reasons = []
        for table in sorted(self._tables, key=lambda one: self._rank(chain, cell, one)):
            right_key = _right_key(chain, cell, table)
            is_right, column = right_key is not None, right_key or cell.name
            if table.name in (chain.left.name, cell.side.name) and not is_right:
                continue  # what a table says of its own rows is no key of another
            if not self._is_key(table, column, may_be_null=is_right):
                continue
            rights = (link for link in chain.links if link.side.name == table.name)
            own = next((link.side for link in rights if _holds(link, cell)), None)
            side = own or Side(self._bench.engine, table.name, self._bench.folder / table.file, alias)
            needs_count = own is None or chain.how == "left"
            missing = self._count_missing(chain, cell, side, column) if needs_count else 0
            if missing:
                reasons.append(f"{missing:,} rows have a value that is not in {table.name}")
                continue
            ix_column = self._number(table, column, called=cell.name)
            kind = "INTEGER" if table.rows < MOST_INT32_ROWS else "BIGINT"
            joined = f"LEFT JOIN {side.numbered} {alias} ON {cell.sql} = {alias}.{quote_name(column)}"
            return _Found(
                CompactKey(cell.name, ix_column, table.name, "" if column == cell.name else column),
                f"CAST({side.row_number} AS {kind})",
                joined if own is None else "",
            )
        return reasons[0] if reasons else ""

    def _rank(self, chain: Chain, cell: Cell, table: TableReport) -> tuple[object, ...]:
        linked = self._linked.index(table.name) if table.name in self._linked else len(self._linked)
        return (_right_key(chain, cell, table) is None, linked, -len(table.columns), table.name)

    def _is_key(self, table: TableReport, column: str, *, may_be_null: bool) -> bool:
        kind = next((one for one in table.columns if one.name == column and one.arrow == "string"), None)
        if kind is None or (kind.nulls and not may_be_null):
            return False
        if (table.name, column) not in self._unique:
            self._unique[table.name, column] = self._has_no_repeats(table, column)
        return self._unique[table.name, column]

    def _has_no_repeats(self, table: TableReport, column: str) -> bool:
        engine, name = self._bench.engine, quote_name(column)
        rows = Side(engine, table.name, self._bench.folder / table.file, "t").plain
        glance = f"SELECT {name} FROM {rows} LIMIT {GLANCE_ROWS}"
        (repeats,) = engine.row(f"SELECT count({name}) - count(DISTINCT {name}) FROM ({glance})")
        if repeats:
            return False
        groups = f"SELECT {name} FROM {rows} WHERE {name} IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
        (repeated,) = engine.row(f"SELECT count(*) FROM ({groups})")
        return not repeated

    def _count_missing(self, chain: Chain, cell: Cell, side: Side, column: str) -> int:
        """Count the rows of the join whose text is not in the lookup table."""
        key = quote_name(column)
        (of_table,) = self._bench.engine.row(
            f"SELECT count(*) FROM {cell.side.plain} {cell.side.alias} "
            f"ANTI JOIN {side.plain} k ON {cell.sql} = k.{key} WHERE {cell.sql} IS NOT NULL"
        )
        if not of_table:
            return 0
        (of_join,) = self._bench.engine.row(
            f"SELECT count(*) FROM {chain.source(len(chain.links))} "
            f"ANTI JOIN {side.plain} k ON {cell.sql} = k.{key} WHERE {cell.sql} IS NOT NULL"
        )
        return int(of_join)

    def _number(self, table: TableReport, column: str, *, called: str) -> str:
        """Give a lookup table its column of numbers, unless it has it; return the column's name."""
        known = self._names.get((table.name, column))
        if known is not None:
            return known
        side = Side(self._bench.engine, table.name, self._bench.folder / table.file, "t")
        stem = called[:-3] if called.lower().endswith("_id") and len(called) > len("_id") else called
        ix_column = counted_on(f"{stem}_ix", self._taken | {name.lower() for name in side.columns})
        new = ColumnType(
            ix_column,
            "int32" if table.rows < MOST_INT32_ROWS else "int64",
            f"row number, which joins use instead of {column}",
            0,
        )
        kind = "INTEGER" if new.arrow == "int32" else "BIGINT"
        added = rewrite_table(
            self._bench,
            replace(table, columns=(*table.columns, new)),
            side,
            doing="number",
            added=AddedColumns({ix_column: f"CAST({side.row_number} AS {kind})"}),
        )
        self._tables[[one.name for one in self._tables].index(table.name)] = added
        self._taken.add(ix_column.lower())
        self._names[table.name, column] = ix_column
        return ix_column


def _right_key(chain: Chain, cell: Cell, table: TableReport) -> str | None:
    """Return the key column of a right table that the join compares with just this cell, if there is one."""
    links = (link for link in chain.links if link.side.name == table.name and link.left_cells == (cell,))
    return next((link.step.right_keys[0] for link in links), None)


def _holds(link: Link, cell: Cell) -> bool:
    """Say whether the right row that a step finds is the one in which the text of a cell stands."""
    return link.left_cells == (cell,)
