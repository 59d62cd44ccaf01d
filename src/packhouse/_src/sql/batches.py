"""The rows of queries as Arrow batches, one query after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from packhouse.errors import TableError

if TYPE_CHECKING:
    import pyarrow as pa


class Stream:
    """The rows of queries that are run one after the other: their schema, and their Arrow record batches.

    Args:
        run: Runs one query and returns DuckDB's Arrow reader.
        queries: What to run; all of one schema. The first is run at once.
        cancelled: Set when the queries are to stop.
    """

    def __init__(
        self,
        run: Callable[[str], pa.RecordBatchReader],
        queries: Sequence[str],
        cancelled: threading.Event,
    ) -> None:
        self._run = run
        self._rest = queries[1:]
        self._cancelled = cancelled
        self._reader = run(queries[0])
        self.schema: pa.Schema = self._reader.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches, once.

        Raises:
            TableError: The query was cancelled.
        """
        yield from self._batches()
        for sql in self._rest:
            self.close()
            self._stop_if_cancelled()
            self._reader = self._run(sql)
            yield from self._batches()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._reader:
            self._stop_if_cancelled()
            yield batch

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise TableError("the query was cancelled")

    def close(self) -> None:
        """End the query that is under way."""
        self._reader.close()
