"""A CSV or JSON Lines file becomes a Parquet file, in one pass where the first rows tell the types of all.

The first rows propose a type for each column. Then every chunk is parsed, proved and converted on threads,
and written in order. When a later row breaks a proposal, the rest of the file is only counted, and the next
pass begins with what is known: so a file is complete only if each of its cells was proved to fit.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.concurrency.in_order import map_in_order
from packhouse._src.concurrency.memory_gate import MemoryGate
from packhouse._src.concurrency.threads import default_workers
from packhouse._src.delimited.column_types import INTEGER
from packhouse._src.delimited.cutting import Chunk
from packhouse._src.delimited.deciding import Counts, Guess, TableName, Tally, clash_of, decide, guess
from packhouse._src.delimited.json_lines.json_reader import JsonLinesReader
from packhouse._src.delimited.limits.converting_memory import (
    COMFORTABLE_BYTES,
    MemoryShares,
)
from packhouse._src.delimited.odd_lines import footer_note, has_odd_end
from packhouse._src.delimited.proving import arrow_type, prove_column
from packhouse._src.delimited.spelling.collisions import Pairs, Spellings
from packhouse._src.delimited.table_reader import CellWishes, TableReader
from packhouse._src.delimited.text_stream import TableStream
from packhouse._src.parquet_ import ParquetSink, give_memory_back
from packhouse._src.table_records import (
    CSV,
    JSON_LINES,
    ColumnType,
    TableOutput,
    TablePlan,
    TableReport,
    TextKey,
)
from packhouse.errors import Where, internal_error
from packhouse.progress import Task, task

FIRST_ROWS = 10_000
"""Rows that propose the types."""

LONGEST_FIRST = 2000
"""Characters of a cell of those: none that is longer is anything but text."""


def convert_table(
    output: TableOutput,
    plan: TablePlan,
    source: Path,
    *,
    wanted: Mapping[str, str],
    text_keys: Mapping[str, TextKey] | None = None,
    memory_bytes: int = COMFORTABLE_BYTES,
) -> TableReport:
    """Convert one CSV or JSON Lines file.

    Args:
        output: Where the Parquet file goes.
        plan: What to convert; its Parquet file must not exist, the folders above it are made.
        source: The file.
        wanted: Column -> type that the user asked for.
        text_keys: Column -> why it is text, and to how many digits its numbers are filled up.
        memory_bytes: What this process may have in RAM.

    Returns:
        What was made.

    Raises:
        TableError: The file is malformed: line and what was found. Or a cell is too long for the memory.
        TypingError: A value does not fit the type that the user asked for.
        AccountingError: Rows written are not rows read.
        NoSpaceError: The disk ran full.

    Cost: one scan of the file; another one when a later row breaks what the first had suggested. Memory of
    some chunks and one row group, whatever the size of the file; of fewer chunks where memory is short.
    """
    target = output.place_for(plan.file, source=plan.source)
    give_memory_back()
    shares = MemoryShares.of(memory_bytes, columns=len(plan.columns), in_python=plan.kind == JSON_LINES)
    rows, columns, notes = _Conversion(output, plan, source, wanted, text_keys or {}, shares).run()
    give_memory_back()
    return TableReport(
        name=plan.name,
        file=plan.file,
        source=plan.source,
        source_bytes=plan.source_bytes,
        bytes=target.stat().st_size,
        rows=rows,
        columns=columns,
        notes=(*plan.notes, *notes),
        may_lack_rows=plan.may_lack_rows,
    )


_READERS = {CSV: TableReader, JSON_LINES: JsonLinesReader}


class _MisfitFoundError(Exception):
    """A cell does not fit what its column was guessed to be."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What has come of one chunk."""

    tallies: list[Tally]
    rows: int
    batch: pa.RecordBatch | None
    """Its cells converted; None when one does not fit its column."""

    position: int
    """How much of the file had been read."""

    pairs: list[Pairs | None]
    """The spellings of the columns that are compared."""

    cost: int
    """Memory that was counted for it."""

    def fitting(self) -> pa.RecordBatch:
        """Return the converted cells."""
        if self.batch is None:
            raise _MisfitFoundError
        return self.batch


class _Comparison:
    """Compares the spellings of some columns; a context manager."""

    def __init__(self, guesses: Sequence[Guess], folder: Path, shares: MemoryShares) -> None:
        self._candidates = {place: one.candidates[0] for place, one in enumerate(guesses) if one.collects}
        most = shares.pairs_of(len(self._candidates))
        self._spellings = {place: Spellings(folder, most=most) for place in self._candidates}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for one in self._spellings.values():
            one.close()

    def add(self, part: _Part) -> _Part:
        """Take in a chunk, and hand it on."""
        for place, one in self._spellings.items():
            pairs = part.pairs[place]
            if pairs is not None:
                one.add(pairs)
        return part

    def finish(self, counts: Counts) -> None:
        """Write down the spellings of one value that were found."""
        for place, one in self._spellings.items():
            counts.tallies[place].clash = clash_of(self._candidates[place], one.clash())


class _Conversion:
    """One table on its way."""

    def __init__(
        self,
        output: TableOutput,
        plan: TablePlan,
        source: Path,
        wanted: Mapping[str, str],
        text_keys: Mapping[str, TextKey],
        shares: MemoryShares,
    ) -> None:
        self._output = output
        self._plan = plan
        self._shares = shares
        self._reader = _READERS[plan.kind](plan, source, longest_bytes=shares.longest_row)
        self._header = self._reader.header
        self._known: dict[int, ColumnType] = {}
        self._wanted = wanted
        self._text_keys = dict(text_keys)
        self._wishes = CellWishes(
            null_marks=plan.null_marks,
            padded={name: key.digits for name, key in text_keys.items() if key.digits is not None},
            whole={name for name, kind in wanted.items() if kind == INTEGER.name},
        )
        self._notes: list[str] = []

    def run(self) -> tuple[int, tuple[ColumnType, ...], list[str]]:
        """Make passes until one has written all; each has fewer types left to try than the one before."""
        guesses = self._first_guesses()
        counts, was_written = self._scan(guesses, f"table {self._plan.name}")
        while not was_written:
            guesses = self._next_guesses(guesses, counts)
            counts, was_written = self._scan(guesses, f"table {self._plan.name}, again")
        self._reader.check()
        return counts.rows, self._columns(guesses, counts), [*self._notes, *self._null_notes(counts)]

    def _null_notes(self, counts: Counts) -> Iterator[str]:
        for name, tally in zip(self._header.columns, counts.tallies, strict=True):
            if tally.marked:
                marks = " or ".join(map(repr, self._wishes.null_marks[name]))
                cells = "1 cell" if tally.marked == 1 else f"{tally.marked:,} cells"
                yield f"column {name!r}: {cells} with {marks} read as missing"

    def _first_guesses(self) -> list[Guess]:
        names = self._header.columns
        with self._reader.chunks() as (_, chunks):
            first = next(chunks, None)
        if first is None:
            return [guess([], self._wanted.get(name)) for name in names]
        cells = self._reader.parse(first, self._wishes)
        firsts = [
            (cells.columns[place] if name in self._wanted else cells.to_prove(place)).slice(0, FIRST_ROWS)
            for place, name in enumerate(names)
        ]
        # not millions of Python's characters for one cell
        columns = [pc.utf8_slice_codeunits(column, 0, LONGEST_FIRST) for column in firsts]
        guesses = [
            self._first_guess(name, column, self._wanted.get(name))
            for column, name in zip(columns, names, strict=True)
        ]
        if self._reader.has_footers and first.is_last and first.records <= FIRST_ROWS:
            self._note_footer(guesses, columns)
        return guesses

    def _note_footer(self, guesses: Sequence[Guess], columns: Sequence[pa.StringArray]) -> None:
        for name, one, cells in zip(self._header.columns, guesses, columns, strict=True):
            if one.candidate is None and not one.forced and has_odd_end(texts := cells.to_pylist()):
                self._notes.append(footer_note(name, texts[-1]))
                return

    def _first_guess(self, name: str, cells: pa.StringArray, wanted: str | None) -> Guess:
        first, key = cells.to_pylist(), self._text_keys.get(name)
        if key is None:
            return self._compared(guess(first, wanted), cells)
        natural = self._compared(guess(first, None), cells)
        if key.digits is None and natural.candidate is None and not natural.is_empty:
            del self._text_keys[name]  # it is text anyway, for a reason of its own
            return natural
        return guess(first, "text")

    def _compared(self, made: Guess, cells: pa.StringArray) -> Guess:
        """Compare the first values of a column that is spelled in several styles, to save a pass."""
        if made.forced or made.candidate is None:
            return made
        proof = prove_column(replace(made, collects=True), cells)
        if proof.pairs is None or proof.tally.styles is None or proof.tally.styles.is_one:
            return made
        with Spellings(self._output.folder) as spellings:
            spellings.add(proof.pairs)
            clash = clash_of(made.candidates[0], spellings.clash())
        return Guess(clash=clash) if clash is not None else replace(made, collects=True)

    def _next_guesses(self, tried: Sequence[Guess], counts: Counts) -> list[Guess]:
        found = []
        for place, decision in enumerate(self._decide(tried, counts)):
            if isinstance(decision, ColumnType):
                self._known[place] = decision
                proved = () if decision.arrow == "string" else tried[place].candidates[:1]
                found.append(Guess(proved, decision.arrow))
                tally = counts.tallies[place]
                is_odd = self._reader.has_footers and tally.is_odd_last(counts.rows) and not self._notes
                if decision.arrow == "string" and is_odd:
                    self._notes.append(footer_note(decision.name, tally.misfit or ""))
            else:
                found.append(decision)
        return found

    def _scan(self, guesses: Sequence[Guess], name: str) -> tuple[Counts, bool]:
        """Count over all rows, and write them if all fit; say whether they were written."""
        counts, gate = Counts([Tally() for _ in guesses]), self._shares.gate()

        def wait() -> None:
            gate.wait_until_empty()
            give_memory_back()

        with (
            task(self._output.observer, name, total=100, unit="percent") as progress,
            self._reader.chunks(wait) as (stream, chunks),
            closing(self._parts(stream, chunks, guesses, progress, gate)) as found,
            _Comparison(guesses, self._output.folder, self._shares) as comparison,
        ):
            parts = map(comparison.add, found)
            try:
                with self._sink(guesses) as sink:
                    for part in parts:
                        counts.add(part.rows, part.tallies)
                        sink.write(part.fitting())
                        del part
                    self._check_rows(counts.rows, sink.rows)
                    comparison.finish(counts)
                    sink.metadata = self._metadata(self._exact_columns(guesses, counts))
            except _MisfitFoundError:
                for part in parts:  # the rest is only counted
                    counts.add(part.rows, part.tallies)
                comparison.finish(counts)
                return counts, False
        return counts, True

    def _exact_columns(self, guesses: Sequence[Guess], counts: Counts) -> tuple[ColumnType, ...]:
        """Return the decisions, when each is what was written."""
        columns = self._columns(guesses, counts)
        if [column.arrow for column in columns] != [one.arrow for one in guesses]:
            raise _MisfitFoundError
        return columns

    def _sink(self, guesses: Sequence[Guess]) -> ParquetSink:
        named = zip(self._header.columns, guesses, strict=True)
        return ParquetSink(
            self._output.folder / self._plan.file,
            pa.schema([(name, arrow_type(one.arrow)) for name, one in named]),
            metadata={},
            compression=self._output.compression,
        )

    def _parts(
        self,
        stream: TableStream,
        chunks: Iterator[Chunk],
        guesses: Sequence[Guess],
        progress: Task,
        gate: MemoryGate,
    ) -> Generator[_Part]:
        size = max(1, self._reader.size)
        done = map_in_order(
            self._admitted(stream, chunks, gate),
            lambda one: self._prove(*one, guesses),
            workers=default_workers(),
        )
        with closing(done):
            try:
                for part in done:
                    cost, position, parts = part.cost, part.position, [part]
                    del part  # or a long one would be kept until the next one is there
                    yield parts.pop()
                    gate.leave(cost)
                    progress.reach(int(100 * position / size))
            finally:
                gate.open()

    def _admitted(
        self, stream: TableStream, chunks: Iterator[Chunk], gate: MemoryGate
    ) -> Iterator[tuple[Chunk, int, int]]:
        """Yield the chunks with their places and costs, each when there is memory for it."""
        for chunk in chunks:
            cost = self._shares.cost(len(chunk.data), chunk.records)
            gate.enter(cost)
            pieces = [(chunk, stream.position, cost)]
            del chunk
            yield pieces.pop()

    def _prove(self, chunk: Chunk, position: int, cost: int, guesses: Sequence[Guess]) -> _Part:
        cells = self._reader.parse(chunk, self._wishes)
        proofs = [
            prove_column(one, cells.columns[place] if one.takes_any_text else cells.to_prove(place))
            for place, one in enumerate(guesses)
        ]
        for place, (one, proof) in enumerate(zip(guesses, proofs, strict=True)):
            proof.tally.marked = cells.marked[place]
            proof.tally.strings, proof.tally.nested = cells.count_strings(place), cells.nested.get(place, 0)
            if one.forced and proof.tally.misfit is not None:
                proof.tally.misfit_line = self._reader.line_of(chunk, proof.misfit_row)
        arrays = [proof.typed for proof in proofs]
        fits = all(array is not None for array in arrays)
        batch = pa.RecordBatch.from_arrays(arrays, names=self._header.columns) if fits else None
        pairs = [proof.pairs for proof in proofs]
        return _Part([proof.tally for proof in proofs], chunk.records, batch, position, pairs, cost)

    def _decide(self, tried: Sequence[Guess], counts: Counts) -> Iterator[ColumnType | Guess]:
        for place, (one, tally) in enumerate(zip(tried, counts.tallies, strict=True)):
            known = self._known.get(place)
            if known is None:
                name = self._header.columns[place]
                source = TableName(self._plan.name, self._plan.source)
                decision = decide(name, one, tally, rows=counts.rows, source=source)
                key = self._text_keys.get(name)
                if key is not None and isinstance(decision, ColumnType):
                    decision = replace(decision, reason=f"text: {key.reason}")
                yield decision
            elif known.nulls != counts.rows - tally.values:
                raise self._reader.changed()
            else:
                yield known

    def _columns(self, tried: Sequence[Guess], counts: Counts) -> tuple[ColumnType, ...]:
        return tuple(one for one in self._decide(tried, counts) if isinstance(one, ColumnType))

    def _metadata(self, columns: Sequence[ColumnType]) -> dict[str, object]:
        return {
            "role": "table",
            "source": self._plan.source,
            "columns": {column.name: column.reason for column in columns},
            "spellings": {column.name: column.spelling for column in columns if column.spelling != ""},
        }

    def _check_rows(self, read: int, written: int) -> None:
        if read != written:
            raise internal_error(
                f"{read:,} rows were read, {written:,} written", where=Where(file=self._plan.source)
            )
