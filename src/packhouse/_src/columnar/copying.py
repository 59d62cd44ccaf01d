"""A Parquet, Feather or Arrow file becomes a table of the pack: its rows and types as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

import pyarrow as pa

from packhouse._src.column_names import distinct_names
from packhouse._src.columnar.column_files import ColumnFile, open_columns
from packhouse._src.columnar.column_rules import (
    ColumnWish,
    NotPossibleError,
    as_wanted,
    stored,
    stored_type,
    wanted_type,
)
from packhouse._src.parquet_ import ParquetSink, ParquetSource
from packhouse._src.table_records import ColumnType, TableOutput, TablePlan, TableReport, TextKey
from packhouse.errors import TableError, TypingError, Where
from packhouse.progress import task

_Found = TypeVar("_Found")

GROUP_BYTES = 64 << 20
"""Row groups end sooner where rows are so long, in memory, that 122,880 of them would take more."""


class ColumnarColumns(NamedTuple):
    """The columns of a file."""

    names: tuple[str, ...]
    """Unique also without regard to case."""

    texts: frozenset[str]
    """Those that hold text."""

    notes: tuple[str, ...]


def read_columns(path: Path, *, shown_as: str) -> ColumnarColumns:
    """Read the names and types of the columns.

    Args:
        path: The file.
        shown_as: Its path below SRC, for errors.

    Raises:
        TableError: The file is damaged; a name is missing or repeated; or a type cannot be kept.
    """
    with open_columns(path, shown_as=shown_as) as file:
        where, given = Where(file=shown_as), file.schema.names
        if not given:
            raise TableError("has no columns", where=where, hint="exclude the file with --tables")
        for number, name in enumerate(given, 1):
            first = given.index(name) + 1
            if not name or first < number:
                raise TableError(
                    f"columns {first} and {number} have the same name: {name!r}"
                    if name
                    else f"column {number} has no name",
                    where=where,
                    hint="rename the column, and write the file again",
                )
        names, renamed = distinct_names(given)
        notes, texts = [*renamed], set()
        for name, kind, was in zip(names, file.schema.types, given, strict=True):
            if pa.types.is_string(_stored_type(kind, shown_as, name)):
                texts.add(name)
            if note := _note_on(kind, was in file.int96):
                notes.append(f"column {name!r}: {note}")
    return ColumnarColumns(names, frozenset(texts), tuple(notes))


def _note_on(kind: pa.DataType, is_int96: bool) -> str:  # noqa: FBT001  # one of two questions
    if pa.types.is_dictionary(kind):
        return "categories are stored as their values"
    return "INT96 timestamps are read in microseconds" if is_int96 else ""


def _stored_type(kind: pa.DataType, shown_as: str, name: str) -> pa.DataType:
    try:
        return stored_type(kind)
    except NotPossibleError as err:
        raise TableError(
            f"column {name!r} {err.problem}",
            where=Where(file=shown_as),
            hint="write the file again with another type, or without the column",
        ) from err


def copy_columns(
    output: TableOutput,
    plan: TablePlan,
    source: Path,
    *,
    wanted: Mapping[str, str],
    text_keys: Mapping[str, TextKey] | None = None,
) -> TableReport:
    """Copy one Parquet, Feather or Arrow file, batch by batch.

    Args:
        output: Where the Parquet file goes.
        plan: What to copy; its Parquet file must not exist, the folders above it are made.
        source: The file.
        wanted: Column -> type that the user asked for.
        text_keys: Columns whose numbers are filled up with zeros, and to how many digits.

    Returns:
        What was made.

    Raises:
        TableError: The file is damaged, or changes.
        TypingError: A value does not fit the type that the user asked for.
        NoSpaceError: The disk ran full.

    Cost: decodes and encodes the file once; memory of a row group of ours, whatever the size of theirs.
    """
    target = output.place_for(plan.file, source=plan.source)
    facts = source.stat()
    if read_columns(source, shown_as=plan.source).names != plan.columns:
        raise _changed(plan)
    wishes = {
        name: ColumnWish(
            wanted.get(name),
            text_keys[name].digits if text_keys and name in text_keys else None,
            plan.null_marks.get(name, ()),
        )
        for name in plan.columns
    }
    with open_columns(source, shown_as=plan.source) as file:
        copied = _Copy(output, plan, file, wishes)
        copied.run()
    if (source.stat().st_size, source.stat().st_mtime_ns) != (facts.st_size, facts.st_mtime_ns):
        target.unlink()
        raise _changed(plan)
    return TableReport(
        name=plan.name,
        file=plan.file,
        source=plan.source,
        source_bytes=plan.source_bytes,
        bytes=target.stat().st_size,
        rows=copied.rows,
        columns=copied.columns(target),
        notes=(*plan.notes, *copied.notes()),
    )


def _changed(plan: TablePlan) -> TableError:
    return TableError(
        "it changed while it was read",
        where=Where(file=plan.source),
        hint="pack again when nothing writes to it",
    )


class _Copy:
    """One table on its way."""

    def __init__(
        self, output: TableOutput, plan: TablePlan, file: ColumnFile, wishes: Mapping[str, ColumnWish]
    ) -> None:
        self._output = output
        self._plan = plan
        self._file = file
        self._wishes = wishes
        self._stored = [stored_type(kind) for kind in file.schema.types]
        self._kinds = [
            self._asked(name, lambda kind=kind, name=name: wanted_type(kind, wishes[name]), 0)  # type: ignore[misc]
            for name, kind in zip(plan.columns, self._stored, strict=True)
        ]
        self.rows = 0
        self._nulls = dict.fromkeys(plan.columns, 0)
        self._marked = dict.fromkeys(plan.columns, 0)

    def run(self) -> None:
        """Copy all rows."""
        pairs = zip(self._plan.columns, self._kinds, strict=True)
        facts = {"role": "table", "source": self._plan.source, "columns": self._reasons()}
        with (
            task(
                self._output.observer, f"table {self._plan.name}", total=self._file.rows, unit="rows"
            ) as progress,
            ParquetSink(
                self._output.folder / self._plan.file,
                pa.schema(list(pairs)),
                metadata=facts,
                compression=self._output.compression,
                row_group_bytes=GROUP_BYTES,
            ) as sink,
        ):
            for batch in self._file.batches():
                sink.write(self._converted(batch))
                self.rows += batch.num_rows
                progress.reach(self.rows)
            if self._file.rows not in (None, self.rows):
                raise TableError(
                    f"has {self.rows:,} of the {self._file.rows:,} rows that it should have",
                    where=Where(file=self._plan.source),
                    hint="the file is damaged: copy or download it again",
                )

    def _converted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = []
        for place, name in enumerate(self._plan.columns):
            column = self._made(batch.column(place), place, name)
            self._nulls[name] += column.null_count
            columns.append(column)
        return pa.RecordBatch.from_arrays(columns, names=list(self._plan.columns))

    def _made(self, column: pa.Array, place: int, name: str) -> pa.Array:
        def work() -> pa.Array:
            kept = stored(column, self._stored[place])
            made, marked = as_wanted(kept, self._kinds[place], self._wishes[name])
            self._marked[name] += marked
            return made

        return self._asked(name, work, self.rows)

    def _asked(self, name: str, work: Callable[[], _Found], rows: int) -> _Found:
        try:
            return work()
        except NotPossibleError as err:
            row = "" if err.row is None else f", in row {rows + err.row + 1:,}"
            raise TypingError(
                f"column {name!r} {err.problem}{row}",
                where=Where(file=self._plan.source),
                hint="columns of a Parquet or Arrow file keep their types; change it where the file is made",
            ) from err

    def _reasons(self) -> dict[str, str]:
        """Return why each column has its type."""
        return {
            name: self._reason(name, stored, kind)
            for name, stored, kind in zip(self._plan.columns, self._stored, self._kinds, strict=True)
        }

    def _reason(self, name: str, was: pa.DataType, kind: pa.DataType) -> str:
        wish, word = self._wishes[name], "text" if pa.types.is_string(kind) else _word(kind)
        if wish.digits is not None:
            return f"{word}: padded with zeros to {wish.digits} digits, as requested"
        return f"{word}: as in the file" if was == kind else f"{word}: requested; {_word(was)} in the file"

    def columns(self, target: Path) -> tuple[ColumnType, ...]:
        """Return the columns, as the file that was written has them."""
        reasons = self._reasons()
        with closing(ParquetSource(target)) as made:
            return tuple(
                ColumnType(field.name, _word(field.type), reasons[field.name], self._nulls[field.name])
                for field in made.schema
            )

    def notes(self) -> list[str]:
        """Return what to say of missing values."""
        return [
            f"column {name!r}: {count:,} cell{'s' if count > 1 else ''} with "
            f"{' or '.join(map(repr, self._wishes[name].marks))} read as missing"
            for name, count in self._marked.items()
            if count
        ]


def _word(kind: pa.DataType) -> str:
    return str(kind).removesuffix("[day]")
