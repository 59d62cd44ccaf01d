"""Packs the tables: converts every CSV file, links one to the images, makes the joins."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from packhouse.errors import SourceError, TableError
from packhouse.packing.destination import SPILL_FOLDER
from packhouse.packing.options import PackOptions, split_column
from packhouse.packing.planning import Plan
from packhouse.packing.report import TableOutcome
from packhouse.progress import Observer
from packhouse.records import Failed
from packhouse.store.layout import INDEX_FILE
from packhouse.tables.converting import convert_table
from packhouse.tables.duckdb_ import Engine
from packhouse.tables.joining import join_tables
from packhouse.tables.linking import LinkTask, find_link, link_table, prepare_names, weigh
from packhouse.tables.records import TablePlan, TableReport
from packhouse.tables.writing import Workbench


def pack_tables(plan: Plan, folder: Path, observer: Observer, *, has_images: bool) -> TableOutcome:
    """Write one Parquet file a CSV file and a join; one that fails does not stop the others.

    Args:
        plan: What to pack.
        folder: Where to write; image_index.parquet is there when there are images.
        observer: Told of the progress.
        has_images: Whether there are images to link.

    Returns:
        What was made, and what could not be.

    Raises:
        TableError: With on_error="stop", the first thing that went wrong.
        NoSpaceError: The disk ran full.
        AccountingError: Rows got lost.
    """
    memory = plan.options.memory_bytes
    with Engine(spill=folder / SPILL_FOLDER, memory_bytes=memory) as engine:
        work = _Work(plan, Workbench(engine, folder, plan.options.compression, observer))
        with work.timed("tables"):
            work.convert()
        if has_images and plan.options.link is not False:
            with work.timed("link"):
                work.link()
        with work.timed("joins"):
            work.join()
    return work.done


class _Work:
    """One run: the plan, where it is done, and what has come of it."""

    def __init__(self, plan: Plan, bench: Workbench) -> None:
        self.done = TableOutcome()
        self._plan = plan
        self._options: PackOptions = plan.options
        self._bench = bench

    def convert(self) -> None:
        plan, folder = self._plan, self._bench.folder / SPILL_FOLDER
        names = [table.name for table in plan.tables]
        folder.mkdir(exist_ok=True)
        for table in sorted(plan.tables, key=self._position):
            wanted = self._options.wanted_types(table.name, names)
            with (
                self._may_fail(table.source, self.done.failed),
                plan.source.as_file(plan.table_files[table.source], folder) as source,
            ):
                self.done.tables.append(convert_table(self._bench, table, source, wanted=wanted))
        self.done.tables.sort(key=lambda made: names.index(made.name))

    def _position(self, table: TablePlan) -> int:
        """Where a table lies in an archive, so that a compressed one is read through once."""
        return self._plan.table_files[table.source].inode if self._plan.source.by_position else 0

    def link(self) -> None:
        index = self._bench.folder / INDEX_FILE
        with self._may_fail("link", self.done.undone):
            images = prepare_names(self._bench.engine, index)
            task = self._link_task(images)
            if task is None:
                return
            table = self._table(task.evidence.table)
            self.done.link = link_table(self._bench, table, task, index=index)
            place = self.done.tables.index(table)
            size = (self._bench.folder / table.file).stat().st_size
            self.done.tables[place] = replace(table, bytes=size)

    def _link_task(self, images: int) -> LinkTask | None:
        engine, folder = self._bench.engine, self._bench.folder
        if self._options.link:
            name, column = split_column(self._options.link, [table.name for table in self._plan.tables])
            evidence = weigh(engine, self._table(name), column, folder, images=images)
            return LinkTask(evidence, asked_for=True, others=(), images=images)
        found = find_link(engine, self.done.tables, folder, images=images)
        if not found:
            return None
        return LinkTask(found[0], asked_for=False, others=tuple(found[1:]), images=images)

    def _table(self, name: str) -> TableReport:
        for table in self.done.tables:
            if table.name == name:
                return table
        raise TableError(f"{name} could not be packed, so it is not linked")

    def join(self) -> None:
        files = {table.name: table.file for table in self.done.tables}
        how, allow_many = self._options.how, self._options.allow_many
        for join in self._options.join_specs:
            with self._may_fail(f"join {join.name}", self.done.undone):
                missing = [side for side in (join.left, join.right) if side not in files]
                if missing:
                    raise TableError(f"{missing[0]} could not be packed, so this join was not made: {join}")
                made = join_tables(self._bench, join, files, how=how, allow_many=allow_many)
                self.done.joins.append(made)
                files[join.name] = made.file

    @contextmanager
    def _may_fail(self, name: str, failures: list[Failed]) -> Iterator[None]:
        try:
            yield
        except (TableError, SourceError) as err:
            if self._options.on_error == "stop":
                raise
            failures.append(Failed(name, type(err).__name__, str(err)))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.done.seconds[stage] = time.perf_counter() - started
