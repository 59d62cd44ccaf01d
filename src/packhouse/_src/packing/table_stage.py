"""Packs the tables: converts every CSV file, links one to the images, makes the joins."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from packhouse._src.delimited.convert import convert_table
from packhouse._src.imagefile.format import INDEX_FILE
from packhouse._src.packing.destination import SPILL_FOLDER
from packhouse._src.packing.options import PackOptions, split_column
from packhouse._src.packing.planning import Plan
from packhouse._src.packing.report import TableOutcome
from packhouse._src.records import Failed
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.compact_keys import Lookups
from packhouse._src.sql.joins.join import join_tables
from packhouse._src.sql.joins.join_sql import Side
from packhouse._src.sql.joins.key_columns import KeyColumns
from packhouse._src.sql.joins.reorder import rewrite_table
from packhouse._src.sql.links.evidence import (
    ImageNames,
    best_evidence,
    choose_links,
    find_links,
    is_link,
    prepare_names,
)
from packhouse._src.sql.links.link import LinkTask, link_table
from packhouse._src.sql.query_output import Workbench
from packhouse._src.table_records import COMPRESSIONS, TablePlan, TableReport
from packhouse.errors import SourceError, TableError
from packhouse.progress import Observer


def pack_tables(plan: Plan, folder: Path, observer: Observer, *, has_images: bool) -> TableOutcome:
    """Write one Parquet file a CSV file and a join; one that fails does not stop the others.

    Args:
        plan: What to pack.
        folder: Where to write; image_index.parquet is there when there are images.
        observer: Progress callback.
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
        work = _Work(plan, Workbench(folder, plan.options.compression or COMPRESSIONS[0], observer, engine))
        with work.timed("tables"):
            work.convert()
        if has_images and plan.options.link is not False:
            with work.timed("link"):
                work.link()
        with work.timed("tables"):
            work.sort()
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
        names = [table.name for table in self._plan.tables]
        (self._bench.folder / SPILL_FOLDER).mkdir(exist_ok=True)
        wanted = {name: self._options.wanted_types(name, names) for name in names}
        keys = KeyColumns(
            self._plan.joins,
            asked={(table, column) for table, types in wanted.items() for column in types},
            padded=self._options.padded_columns(names),
        )
        for table in sorted(self._plan.tables, key=self._turn_of):
            self._convert(table, wanted[table.name], keys)
        for made in keys.to_be_text(self.done.tables):
            (self._bench.folder / made.file).unlink()
            self.done.tables.remove(made)
            self._convert(self._plan.tables[names.index(made.name)], wanted[made.name], keys)
        self.done.tables.sort(key=lambda made: names.index(made.name))

    def _convert(self, table: TablePlan, wanted: Mapping[str, str], keys: KeyColumns) -> None:
        folder, file = self._bench.folder / SPILL_FOLDER, self._plan.table_files[table.source]
        with (
            self._may_fail(table.source, self.done.failed),
            self._plan.source.as_file(file, folder) as source,
        ):
            text_keys = keys.text_keys(table.name, self.done.tables)
            made = convert_table(self._bench, table, source, wanted=wanted, text_keys=text_keys)
            self.done.tables.append(made)

    def _turn_of(self, table: TablePlan) -> int:
        """When a table is converted: small ones first, so that large ones find the types of their keys known.

        Those of an archive in the order of their places, so that a compressed one is read through once.
        """
        file = self._plan.table_files[table.source]
        return file.inode if self._plan.source.by_position else file.size

    def link(self) -> None:
        index = self._bench.folder / INDEX_FILE
        with self._may_fail("link", self.done.undone):
            images = prepare_names(self._bench.engine, index)
            for work in self._link_tasks(images):
                with self._may_fail(f"link {work.evidence.table}", self.done.undone):
                    table = self._table(work.evidence.table)
                    columns = self._options.sort_columns.get(table.name, ())
                    linked, report = link_table(self._bench, table, work, index=index, sorted_by=columns)
                    self.done.tables[self.done.tables.index(table)] = linked
                    self.done.links.append(report)

    def _link_tasks(self, images: ImageNames) -> Iterator[LinkTask]:
        engine, folder = self._bench.engine, self._bench.folder
        if self._options.link:
            for text in self._options.link:
                with self._may_fail(f"link {text}", self.done.undone):
                    name, column = split_column(text, [table.name for table in self._plan.tables])
                    evidence = best_evidence(engine, self._table(name), column, folder, images)
                    yield LinkTask(evidence, asked_for=True, others=(), images=images)
            return
        found = find_links(engine, self.done.tables, folder, images)
        chosen = choose_links(engine, found, self.done.tables, folder, images)
        linked = {evidence.table for evidence in chosen}
        for place, evidence in enumerate(chosen):
            # with the first link stand also the tables that are not linked at all
            others = tuple(
                other
                for other in found
                if other is not evidence
                and is_link(other, images.count)
                and (other.table == evidence.table or (place == 0 and other.table not in linked))
            )
            yield LinkTask(evidence, asked_for=False, others=others, images=images)

    def _table(self, name: str) -> TableReport:
        for table in self.done.tables:
            if table.name == name:
                return table
        raise TableError(f"{name} could not be packed, so it is not linked")

    def sort(self) -> None:
        """Sort what was not linked; a table that was is sorted by the same rewrite."""
        engine, folder = self._bench.engine, self._bench.folder
        for place, table in enumerate(self.done.tables):
            columns = self._options.sort_columns.get(table.name)
            if columns and not table.sorted_by:
                with self._may_fail(f"sort {table.name}", self.done.undone):
                    side = Side(engine, table.name, folder / table.file, "t")
                    sorted_one = rewrite_table(self._bench, table, side, doing="sort", sorted_by=columns)
                    self.done.tables[place] = sorted_one

    def join(self) -> None:
        files = {table.name: table.file for table in self.done.tables}
        lookups = self._lookups() if self._options.compact_keys else None
        for join in self._plan.joins.specs:
            with self._may_fail(f"join {join.name}", self.done.undone):
                missing = [table for table in join.tables if table not in files]
                if missing:
                    raise TableError(f"{missing[0]} could not be packed, so this join was not made: {join}")
                manner = self._options.join_manner(join.name)
                origin = self._plan.joins.origin
                made = join_tables(self._bench, join, files, manner=manner, lookups=lookups, origin=origin)
                self.done.joins.append(made)
                files[join.name] = made.file
                if made.problem:
                    raise TableError(made.problem)

    def _lookups(self) -> Lookups:
        joins = self._plan.joins
        return Lookups(
            self._bench,
            self.done.tables,
            linked=[link.table for link in self.done.links],
            join_columns=[name for join in joins.specs for name in joins.columns[join.name]],
        )

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
        self.done.seconds[stage] = self.done.seconds.get(stage, 0.0) + time.perf_counter() - started
