"""Pass two: a CSV file becomes a Parquet file, its types proved beforehand, its rows counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from packhouse.errors import AccountingError, CsvError, TableError, Where
from packhouse.progress import task
from packhouse.tables.column_types import ColumnType
from packhouse.tables.dialect import Header, locate_fault, source_clause
from packhouse.tables.proving import Proved, prove_types
from packhouse.tables.records import TablePlan, TableReport
from packhouse.tables.writing import Workbench, write_query

PROVING_SHARE = 40
"""Percent of the progress bar that pass one takes: measured at 0.4 of the whole."""


def convert_table(
    bench: Workbench, plan: TablePlan, source: Path, *, wanted: Mapping[str, str]
) -> TableReport:
    """Convert one CSV file.

    Args:
        bench: Where the work is done.
        plan: What to convert; its Parquet file must not exist, the folders above it are made.
        source: The CSV file.
        wanted: Column -> type that the user asked for.

    Returns:
        What was made.

    Raises:
        CsvError: The file is malformed: line and what was found.
        TypingError: A value does not fit the type that the user asked for.
        AccountingError: Rows written are not rows read.
        NoSpaceError: The disk ran full.

    Cost: two scans of the file; memory within the engine's limit and one row group.
    """
    header = Header(plan.columns)
    target = bench.folder / plan.file
    clause = source_clause(source, len(plan.columns))
    with task(bench.observer, f"table {plan.name}", total=100, unit="percent") as progress:
        try:
            proved = prove_types(
                bench.engine,
                clause,
                plan.columns,
                wanted=wanted,
                on_percent=lambda percent: progress.reach(int(percent * PROVING_SHARE / 100)),
            )
        except CsvError as err:
            raise locate_fault(source, header, shown_as=plan.source, said=err) from err
        except TableError as err:
            err.where = Where(file=plan.source)
            raise
        metadata = {
            "role": "table",
            "source": plan.source,
            "columns": {column.name: column.reason for column in proved.columns},
        }

        def on_rows(rows: int) -> None:
            share = rows / max(1, proved.rows)
            progress.reach(PROVING_SHARE + int(share * (100 - PROVING_SHARE)))

        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as err:
            raise TableError(
                f"its folder cannot be made: the pack has a file named {target.parent.name}",
                where=Where(file=plan.source),
                hint="rename the folder",
            ) from err
        written = write_query(
            bench,
            _convert_sql(proved.columns, clause),
            target,
            names=plan.columns,
            metadata=metadata,
            on_rows=on_rows,
        )
    _check_rows(plan, proved, written)
    return TableReport(
        name=plan.name,
        file=plan.file,
        source=plan.source,
        source_bytes=plan.source_bytes,
        bytes=Path(target).stat().st_size,
        rows=written,
        columns=proved.columns,
        notes=plan.notes,
    )


def _convert_sql(columns: Sequence[ColumnType], clause: str) -> str:
    cells = ", ".join(f"CAST(c{place} AS {column.sql}) AS c{place}" for place, column in enumerate(columns))
    return f"SELECT {cells} FROM {clause}"


def _check_rows(plan: TablePlan, proved: Proved, written: int) -> None:
    if written != proved.rows:
        raise AccountingError(
            f"{proved.rows:,} rows were read and {written:,} written", where=Where(file=plan.source)
        )
