"""Which columns become text, since a join compares them with text. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from packhouse._src.sql.joins.join_specs import ColumnOf, ResolvedJoins
from packhouse._src.table_records import TableReport, TextKey

TEXT = "string"


class KeyColumns:
    """Gives the key columns of joins one type: text, if one of those that are compared is text.

    Args:
        joins: The joins.
        asked: Columns whose type the user asked for, which they keep.
        padded: Columns that the user wants filled up with zeros -> number of digits.
    """

    def __init__(
        self, joins: ResolvedJoins, *, asked: Collection[ColumnOf], padded: Mapping[ColumnOf, int]
    ) -> None:
        self._asked = asked
        self._padded = padded
        self._groups: dict[ColumnOf, set[ColumnOf]] = {}
        for pair in joins.key_pairs:
            group = set().union(*(self._groups.get(column, {column}) for column in pair))
            self._groups |= dict.fromkeys(group, group)

    def text_keys(self, table: str, made: Iterable[TableReport]) -> dict[str, TextKey]:
        """Return the columns of a table that are to be text, as far as is known.

        Args:
            table: Its name.
            made: The tables that are there already.

        Returns:
            Column -> why.
        """
        found = {
            column: TextKey(f"padded with zeros to {digits} digits, as requested", digits)
            for (owner, column), digits in self._padded.items()
            if owner == table
        }
        texts = {*self._padded, *_text_columns(made)}
        for key, group in self._groups.items():
            owner, column = key
            others = sorted(texts & group - {key})
            if owner == table and others and key not in self._asked and key not in self._padded:
                found[column] = TextKey(f"it is joined with {'.'.join(others[0])}, which is text")
        return found

    def to_be_text(self, made: Iterable[TableReport]) -> list[TableReport]:
        """Return the tables with a column that is to be text and is not."""
        tables = tuple(made)
        return [
            table
            for table in tables
            if self.text_keys(table.name, tables).keys()
            & {column.name for column in table.columns if column.arrow != TEXT}
        ]


def _text_columns(tables: Iterable[TableReport]) -> Iterator[ColumnOf]:
    """Yield the columns that hold text; one without values fits any type."""
    for table in tables:
        for column in table.columns:
            if column.arrow == TEXT and column.nulls < table.rows:
                yield table.name, column.name
