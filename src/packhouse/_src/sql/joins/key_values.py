"""Compares the values of two key columns that do not fit: what would match, and what helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.join_specs import ColumnOf
from packhouse._src.sql.joins.join_sql import TEXT, WHOLE_KINDS, Cell, Chain, Link
from packhouse._src.sql.quoting import quote_name
from packhouse._src.table_records import JoinStepReport
from packhouse.errors import TableError, Where

_WHOLE = r"-?[0-9]+(\.0+)?"
_NO_POINT = r"regexp_replace({v}, '^(-?[0-9]+)\.0+$', '\1')"
_NO_ZEROS = (
    r"CASE WHEN regexp_full_match({v}, '[0-9]+(\.0+)?') "
    r"THEN coalesce(nullif(ltrim(regexp_replace({v}, '\.0+$', ''), '0'), ''), '0') ELSE {v} END"
)
_NO_BLANKS = r"regexp_replace({v}, '^\s+|\s+$', '', 'g')"
_FILE_NAME = r"regexp_replace(regexp_extract({v}, '[^/\\]*$'), '\.[A-Za-z0-9]+$', '')"
MOST_SHOWN = 40
FLOAT_KINDS = frozenset(("FLOAT", "DOUBLE"))


@dataclass(frozen=True, slots=True)
class _Spelling:
    """A way to write values that may make those of two columns alike."""

    words: str
    sql: str
    """Of the text {v}."""


POINTS = _Spelling("without .0 behind whole numbers", _NO_POINT)
ZEROS = _Spelling("without leading zeros", _NO_ZEROS)
SPELLINGS = (
    POINTS,
    ZEROS,
    _Spelling("without blanks around them", _NO_BLANKS),
    _Spelling("in lower case", f"lower({_NO_BLANKS})"),
    _Spelling("by the day alone", "left({v}, 10)"),
    _Spelling("by the file name alone, without folder and extension", f"lower({_FILE_NAME})"),
)


@dataclass(frozen=True, slots=True)
class _Key:
    """One key column, as SQL and as the user knows it."""

    cell: Cell
    origin: ColumnOf

    @property
    def name(self) -> str:
        return ".".join(self.origin)

    @property
    def values(self) -> str:
        """SQL of its distinct values as text, in a column v."""
        cell = f"CAST({quote_name(self.cell.column)} AS {TEXT})"
        return f"(SELECT DISTINCT {cell} AS v FROM {self.cell.side.plain} WHERE {cell} IS NOT NULL)"


class KeyValues:
    """Looks into the key columns of a join that does not find what it should.

    Args:
        engine: Where queries run.
        chain: The join.
        origin: Tells of which column of a table a column of a join is made.
    """

    def __init__(self, engine: Engine, chain: Chain, origin: Callable[[ColumnOf], ColumnOf]) -> None:
        self._engine = engine
        self._chain = chain
        self._origin = origin

    def check_types(self) -> None:
        """See that the key columns of all steps can be compared.

        Whole numbers of any width can; text can with everything, as text; a column without values fits all.

        Raises:
            TableError: Some have types of which no value equals another for certain; says what would match.

        Cost: nothing where they can; else some scans of the two columns.
        """
        for link in self._chain.links:
            for left, right in self._keys_of(link):
                kinds = left.cell.kind, right.cell.kind
                if kinds[0] == kinds[1] or TEXT in kinds or WHOLE_KINDS.issuperset(kinds):
                    continue
                if self._has_values(left) and self._has_values(right):
                    raise self._unlike(left, right)

    def explain(self, steps: list[JoinStepReport]) -> TableError | None:
        """Say why no row has found a partner in one of the steps.

        Args:
            steps: What was counted.

        Returns:
            The reason, and what would help; None when each step has found one.

        Cost: nothing when each step has found one; else some scans of its key columns.
        """
        for link, step in zip(self._chain.links, steps, strict=True):
            if step.left_unmatched < step.left_rows:
                continue
            if not step.left_rows:
                return self._error(f"no row comes to {link.side.name}: the table before it is empty")
            problem = f"no row found a match in {link.side.name}"
            for left, right in self._keys_of(link):
                found = self._explain_pair(left, right)
                if found is not None:
                    return self._error(f"{problem}: {found[0]}", hint=found[1])
            return self._error(f"{problem}: the columns have values in common, but no row has all of them")
        return None

    def _keys_of(self, link: Link) -> list[tuple[_Key, _Key]]:
        pairs = zip(link.left_cells, link.right_cells, strict=True)
        return [(self._key(left), self._key(right)) for left, right in pairs]

    def _key(self, cell: Cell) -> _Key:
        return _Key(cell, self._origin((cell.side.name, cell.column)))

    def _error(self, problem: str, *, hint: str = "") -> TableError:
        return TableError(problem, where=Where(member=f"join {self._chain.join}"), hint=hint)

    def _unlike(self, left: _Key, right: _Key) -> TableError:
        same_name = left.cell.column == right.cell.column
        problem = (
            f"column {left.cell.column!r} is {left.cell.arrow_name} in {left.cell.side.name} and "
            f"{'' if same_name else f'{right.cell.column!r} is '}{right.cell.arrow_name} "
            f"in {right.cell.side.name}"
        )
        floats = [key for key in (left, right) if key.cell.kind in FLOAT_KINDS]
        whole = [key for key in (left, right) if key.cell.kind in WHOLE_KINDS]
        if len(floats) == len(whole) == 1:
            found, hint = self._compare_numbers(left, right, floats[0], whole[0])
        else:
            found, hint = self._explain_pair(left, right) or ("some values are written alike", "")
        return self._error(f"{problem}; {found}", hint=hint)

    def _compare_numbers(self, left: _Key, right: _Key, floats: _Key, whole: _Key) -> tuple[str, str]:
        number = "TRY_CAST(v AS DOUBLE)"
        values, same = self._engine.row(
            f"SELECT count(*), count(*) FILTER ({number} IN (SELECT {number} FROM {right.values})) "
            f"FROM {left.values}"
        )
        if not same:
            return self._nothing_alike(left, right)
        (fractions,) = self._engine.row(
            f"SELECT count(*) FROM {floats.values} WHERE NOT regexp_full_match(v, '{_WHOLE}')"
        )
        hint = f"--types {whole.name}=float" if fractions else f"--types {floats.name}=integer"
        return f"as numbers {same:,} of {values:,} values of {left.name} are in {right.name}", hint

    def _explain_pair(self, left: _Key, right: _Key) -> tuple[str, str] | None:
        """Return why two columns have no value in common, and a hint; None when they have one."""
        (values, same) = self._engine.row(
            f"SELECT count(*), count(*) FILTER (v IN (SELECT v FROM {right.values})) FROM {left.values}"
        )
        (others,) = self._engine.row(f"SELECT count(*) FROM {right.values}")
        if same:
            return None
        for key, count in ((left, values), (right, others)):
            if not count:
                return f"{key.name} has no values", ""
        tried = [(*self._count(spelling, left, right), spelling) for spelling in SPELLINGS]
        matches, one, other, best = max(tried, key=lambda found: found[0])
        if not matches:
            return self._nothing_alike(left, right)
        problem = (
            f"{left.name} has {_shown(one)} where {right.name} has {_shown(other)}; {best.words} "
            f"{matches:,} of {values:,} values match"
        )
        return problem, self._hint_for(best, left, right)

    def _nothing_alike(self, left: _Key, right: _Key) -> tuple[str, str]:
        (one,) = self._engine.row(f"SELECT min(v) FROM {left.values}")
        (other,) = self._engine.row(f"SELECT min(v) FROM {right.values}")
        problem = f"{left.name} has no value of {right.name}, such as {_shown(one)} and {_shown(other)}"
        return problem, 'are these the columns that belong together? other columns: --join "... on a = b"'

    def _count(self, spelling: _Spelling, left: _Key, right: _Key) -> tuple[int, str, str]:
        """Count the values of the left column that match in a spelling, with one of them and its match."""
        form = spelling.sql.format(v="v")
        count, one, other = self._engine.row(
            f"SELECT count(DISTINCT l.v), min(l.v), arg_min(r.v, l.v) "
            f"FROM (SELECT v, {form} AS f FROM {left.values}) l "
            f"JOIN (SELECT v, {form} AS f FROM {right.values}) r USING (f)"
        )
        return int(count), one, other

    def _hint_for(self, spelling: _Spelling, left: _Key, right: _Key) -> str:
        alike = "write them alike in both tables, or leave the join out"
        if spelling is POINTS:
            written = [key for key in (left, right) if self._all_match(key, _WHOLE)]
            pointed = [key for key in written if self._any_match(key, r".*\.0+")]
            return " ".join(f"--types {key.name}=integer" for key in pointed) or alike
        if spelling is ZEROS:
            for short, long in ((left, right), (right, left)):
                digits = self._width(long)
                if digits and self._fits(short, digits):
                    return f"--pad {short.name}={digits}"
        return alike

    def _has_values(self, key: _Key) -> bool:
        (count,) = self._engine.row(f"SELECT count({quote_name(key.cell.column)}) FROM {key.cell.side.plain}")
        return bool(count)

    def _all_match(self, key: _Key, pattern: str) -> bool:
        (odd,) = self._engine.row(
            f"SELECT count(*) FROM {key.values} WHERE NOT regexp_full_match(v, '{pattern}')"
        )
        return not odd

    def _any_match(self, key: _Key, pattern: str) -> bool:
        (some,) = self._engine.row(
            f"SELECT count(*) FROM {key.values} WHERE regexp_full_match(v, '{pattern}')"
        )
        return bool(some)

    def _width(self, key: _Key) -> int | None:
        """Return the number of digits that all numbers of a column have, when one begins with zero."""
        shortest, longest, zeros = self._engine.row(
            f"SELECT min(length(v)), max(length(v)), count(*) FILTER (starts_with(v, '0')) "
            f"FROM {key.values} WHERE regexp_full_match(v, '[0-9]+')"
        )
        return int(longest) if zeros and shortest == longest else None

    def _fits(self, key: _Key, digits: int) -> bool:
        """Say whether all values of a column are whole numbers that can be filled up to so many digits."""
        return self._all_match(key, rf"[0-9]{{1,{digits}}}(\.0+)?")


def _shown(text: str) -> str:
    return repr(text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…")
