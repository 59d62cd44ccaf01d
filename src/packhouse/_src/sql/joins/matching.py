"""Which row of each right table belongs to each left row, by its number: for joins many to one, in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from packhouse._src.parquet_ import ROW_GROUP_ROWS
from packhouse._src.sql.batches import Stream
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.join_sql import Chain, Link
from packhouse._src.sql.quoting import FILE_ROW_NUMBER, quote_name
from packhouse._src.table_records import JoinManner, JoinSpec, JoinStepReport
from packhouse.errors import DuplicateKeyError, Where, internal_error

Numbers = npt.NDArray[np.int32]

NONE = -1
"""The number of no row."""

MOST_ROWS = 2**31 - 1
NUMBERS_SHARE = 0.1
"""Of the memory, for the numbers of the rows that are matched at once."""


EXAMPLES = 5


def find_matches(engine: Engine, chain: Chain, manner: JoinManner) -> Matches | None:
    """Find the right row of each left row; None where rows are to be repeated or sorted, or have no numbers.

    Args:
        engine: Where queries run.
        chain: The join.
        manner: How it is made.

    Raises:
        DuplicateKeyError: A right side repeats a key; with examples.
        TableError: Memory did not suffice.
    """
    if manner.allow_many or manner.sorted_by or not _can_match(chain):
        return None
    for link in chain.links:
        check_unique(engine, chain.join, link)
    matches = Matches(engine, chain)
    try:
        matches.find()
    except BaseException:
        matches.close()
        raise
    return matches


def _can_match(chain: Chain) -> bool:
    """Say whether rows have numbers, and every key stands in the left table."""
    sides = [chain.left, *(link.side for link in chain.links)]
    return all(side.can_be_cut and side.rows < MOST_ROWS for side in sides) and all(
        cell.side is chain.left for link in chain.links for cell in link.left_cells
    )


@dataclass(slots=True)
class Matched:
    """What one step has found so far."""

    side_rows: int
    come: int = 0
    """Left rows that came to the step."""

    alone: int = 0
    """Those of them that have no partner."""

    seen: npt.NDArray[np.bool_] = field(init=False)
    """Of each right row, whether it has one."""

    def __post_init__(self) -> None:
        self.seen = np.zeros(self.side_rows, bool)

    def add(self, numbers: Numbers) -> None:
        """Count rows that come to the step."""
        found = numbers[numbers != NONE]
        self.come += len(numbers)
        self.alone += len(numbers) - len(found)
        self.seen[found] = True


class Matches:
    """The number of the right row of each left row, in a temporary file for each step; a context manager.

    Args:
        engine: Where queries run.
        chain: The join; no right table has a key twice.
    """

    def __init__(self, engine: Engine, chain: Chain) -> None:
        self._engine = engine
        self._chain = chain
        engine.spill.mkdir(exist_ok=True)
        self._files: list[IO[bytes]] = [tempfile.TemporaryFile(dir=engine.spill) for _ in chain.links]  # noqa: SIM115
        self.steps = [Matched(link.side.rows) for link in chain.links]
        self.rows = 0
        """Of the result."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove the files."""
        self.close()

    def close(self) -> None:
        """Remove the files."""
        for file in self._files:
            file.close()

    def report(self) -> list[JoinStepReport]:
        """Return what was counted."""
        return [
            JoinStepReport(
                link.step.right,
                link.step.written_keys,
                step.come,
                step.alone,
                int(np.count_nonzero(~step.seen)),
                link.renamed,
            )
            for link, step in zip(self._chain.links, self.steps, strict=True)
        ]

    def find(self) -> None:
        """Find them, and count.

        Raises:
            TableError: Memory did not suffice.
            AccountingError: A left row has two partners after all.

        Cost: reads the keys of all tables, those of the right ones once for each range of left rows.
        """
        most = max(1, int(self._engine.memory_bytes * NUMBERS_SHARE) // (4 * len(self._files)))
        step = -(-most // ROW_GROUP_ROWS) * ROW_GROUP_ROWS
        for first in range(0, self._chain.left.rows, step):
            last = min(self._chain.left.rows, first + step) - 1
            found = [self._find(link, first, last) for link in self._chain.links]
            alive = np.ones(last + 1 - first, bool)
            for matched, numbers in zip(self.steps, found, strict=True):
                matched.add(numbers[alive])
                if self._chain.how == "inner":
                    alive &= numbers != NONE
            self.rows += int(np.count_nonzero(alive))
            for file, numbers in zip(self._files, found, strict=True):
                file.write(numbers.data)

    def _find(self, link: Link, first: int, last: int) -> Numbers:
        chain, right = self._chain, link.side
        numbers = np.full(last + 1 - first, NONE, np.int32)
        left_keys = ", ".join({quote_name(cell.column) for cell in link.left_cells})
        right_keys = ", ".join(quote_name(name) for name in link.step.right_keys)
        sql = (
            f"SELECT CAST({chain.left.alias}.{FILE_ROW_NUMBER} - {first} AS INTEGER), "
            f"CAST({right.alias}.{FILE_ROW_NUMBER} AS INTEGER) "
            f"FROM (SELECT {left_keys}, {FILE_ROW_NUMBER} FROM {chain.left.numbered} "
            f"WHERE {FILE_ROW_NUMBER} BETWEEN {first} AND {last}) {chain.left.alias} "
            f"JOIN (SELECT {right_keys}, {FILE_ROW_NUMBER} FROM {right.numbered}) {right.alias} "
            f"ON {link.condition}"
        )

        def take(stream: Stream) -> int:
            pairs = 0
            for batch in stream:
                of_left, of_right = (np.frombuffer(one.buffers()[1], np.int32) for one in batch.columns)
                start, end = batch.column(0).offset, batch.column(0).offset + batch.num_rows
                numbers[of_left[start:end]] = of_right[start:end]
                pairs += batch.num_rows
            return pairs

        pairs = self._engine.stream([sql], take, rows=ROW_GROUP_ROWS)
        if pairs != np.count_nonzero(numbers != NONE):
            raise internal_error(
                f"{pairs:,} pairs of rows were found for fewer left rows",
                where=Where(member=f"join {chain.join}"),
            )
        return numbers

    def read(self, counts: Sequence[int]) -> Iterator[list[Numbers]]:
        """Yield the numbers of so many left rows, then of so many, one array for each step."""
        for file in self._files:
            file.seek(0)
        for count in counts:
            yield [np.frombuffer(file.read(4 * count), np.int32) for file in self._files]


def as_places(numbers: Numbers) -> pa.Array:
    """Return numbers of rows as Arrow has them: null where there is none."""
    # not pa.array, which imports pandas where that is installed: half a second
    there = numbers != NONE
    valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(pa.int32(), len(numbers), [valid, pa.py_buffer(numbers)])


def check_unique(engine: Engine, join: JoinSpec, link: Link) -> None:
    """See that no key of a right table occurs twice.

    Raises:
        DuplicateKeyError: One does; with examples.
    """
    columns = ", ".join(quote_name(name) for name in link.step.right_keys)
    present = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in link.step.right_keys)
    repeated = (
        f"SELECT {columns}, count(*) FROM {link.side.plain} "
        f"WHERE {present} GROUP BY {columns} HAVING count(*) > 1"
    )
    (number,) = engine.row(f"SELECT count(*) FROM ({repeated})")
    if number:
        rows = engine.query(f"{repeated} ORDER BY {columns} LIMIT {EXAMPLES}")
        examples = "; ".join(f"{', '.join(map(str, key))} ({n} rows)" for *key, n in rows)
        raise DuplicateKeyError(
            f"{number:,} keys occur more than once in {link.step.right}: {examples}",
            where=Where(member=str(join)),
            hint="remove the duplicates, or use --allow-many to repeat the left rows",
        )
