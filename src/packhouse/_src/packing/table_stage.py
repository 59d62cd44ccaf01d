"""Packs the tables: converts every CSV file, links one to the images, makes the joins.

What an earlier run has made of the same is kept, step by step: `keeping/kept_tables.py` knows what that is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

from packhouse._src.columnar.copying import copy_columns
from packhouse._src.delimited.convert import convert_table
from packhouse._src.imagefile.digest import digest_of_all, digest_of_parts
from packhouse._src.imagefile.format import INDEX_FILE
from packhouse._src.packing.destination import SPILL_FOLDER
from packhouse._src.packing.keeping.source_digest import SourceDigest
from packhouse._src.packing.keeping.table_journal import TableJournal, TableMemory
from packhouse._src.packing.options import PackOptions, split_column
from packhouse._src.packing.parts.cut_parts import cut_into_parts, workers_within
from packhouse._src.packing.planning import Plan
from packhouse._src.packing.reporting.report_facts import TableOutcome
from packhouse._src.packing.reusing.kept_tables import KeptTables, StartAgainError
from packhouse._src.parquet_ import ParquetSource, give_memory_back
from packhouse._src.records import Failed
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.compact_keys import Lookups
from packhouse._src.sql.joins.join import join_tables
from packhouse._src.sql.joins.join_sql import Side
from packhouse._src.sql.joins.key_columns import KeyColumns
from packhouse._src.sql.joins.reorder import rewrite_table
from packhouse._src.sql.links.evidence import (
    best_evidence,
    choose_links,
    find_links,
    is_link,
    prepare_names,
)
from packhouse._src.sql.links.link import LinkTask, link_table
from packhouse._src.sql.links.near_misses import nearest_miss
from packhouse._src.sql.links.search import ImageNames, Suspect
from packhouse._src.sql.memory_limit import SMALLEST_MEMORY
from packhouse._src.sql.partitioning import Partition, partition_rows
from packhouse._src.sql.query_output import Workbench
from packhouse._src.system.resident_memory import resident_bytes, trim_heap
from packhouse._src.table_records import (
    COLUMNAR,
    COMPRESSIONS,
    JoinReport,
    JoinSpec,
    TablePlan,
    TableReport,
    TextKey,
)
from packhouse.errors import SourceError, TableError
from packhouse.progress import Observer

_Made = TypeVar("_Made", TableReport, JoinReport)


def pack_tables(
    plan: Plan,
    folder: Path,
    observer: Observer,
    *,
    has_images: bool,
    limit_bytes: int,
    earlier: TableMemory | None = None,
) -> TableOutcome:
    """Write one Parquet file a CSV file and a join; one that fails does not stop the others.

    Args:
        plan: What to pack.
        folder: Where to write; image_index.parquet is there when there are images.
        observer: Progress callback.
        has_images: Whether there are images to link.
        limit_bytes: What this process may have in RAM.
        earlier: What is known of the tables of the pack that is updated.

    Returns:
        What was made, and what could not be.

    Raises:
        TableError: With on_error="stop", the first thing that went wrong.
        NoSpaceError: The disk ran full.
        AccountingError: Rows got lost.
    """
    journal = TableJournal(folder, earlier)
    if plan.options.memory_limit is None:  # the default fails nobody who has millions of images
        limit_bytes = max(limit_bytes, resident_bytes() + SMALLEST_MEMORY)
    afresh: set[str] = set()
    while True:
        kept = KeptTables(journal, plan, folder / SPILL_FOLDER, frozenset(afresh))
        try:
            return _pack(plan, folder, observer, kept, has_images=has_images, limit_bytes=limit_bytes)
        except StartAgainError as err:
            afresh.add(err.table)


def _pack(
    plan: Plan, folder: Path, observer: Observer, kept: KeptTables, *, has_images: bool, limit_bytes: int
) -> TableOutcome:
    with Engine(spill=folder / SPILL_FOLDER, memory_bytes=limit_bytes) as engine:
        engine.fit_into(limit_bytes)
        bench = Workbench(folder, plan.options.compression or COMPRESSIONS[0], observer, engine)
        work = _Work(plan, bench, kept, limit_bytes)
        with work.timed("tables"):
            work.convert()
        work.have_memory()
        if has_images and plan.options.link is not False:
            with work.timed("link"):
                work.link()
        with work.timed("tables"):
            work.sort()
        work.have_memory()
        with work.timed("joins"):
            work.join()
        with work.timed("tables"):
            work.finish()
        work.have_memory()
        with work.timed("parts"):
            work.partition()
    with work.timed("parts"):
        work.cut()
    return work.done


class _Work:
    """One run: the plan, where it is done, and what has come of it."""

    def __init__(self, plan: Plan, bench: Workbench, kept: KeptTables, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.done = TableOutcome(digests=kept.digests)
        self._kept = kept
        self._plan = plan
        self._options: PackOptions = plan.options
        self._bench = bench
        self._unlinked: tuple[str, str] | None = None
        self._partitions: dict[str, tuple[Partition, ...]] = {}
        self._how: dict[str, tuple[TablePlan, Mapping[str, str], Mapping[str, TextKey]]] = {}

    def have_memory(self) -> None:
        """Have freed memory given to the system, and let queries have what is left of the limit."""
        give_memory_back()
        trim_heap()
        self._bench.engine.give_memory_back()

    def convert(self) -> None:
        names = [table.name for table in self._plan.tables]
        (self._bench.folder / SPILL_FOLDER).mkdir(exist_ok=True)
        wanted = {
            table.name: self._options.wanted_types(table.name, names, table.columns)
            for table in self._plan.tables
        }
        keys = KeyColumns(
            self._plan.joins,
            asked={(table, column) for table, types in wanted.items() for column in types}
            | self._typed_columns(),
            padded=self._options.padded_columns(names),
        )
        for table in sorted(self._plan.tables, key=self._turn_of):
            self._convert(table, wanted[table.name], keys)
        for made in keys.to_be_text(self.done.tables):
            self.done.tables.remove(made)
            self._convert(self._plan.tables[names.index(made.name)], wanted[made.name], keys)
        for made in [*self.done.tables]:
            if not self._kept.place(made):
                self._convert_again(made.name)
        self.done.tables.sort(key=lambda made: names.index(made.name))

    def _typed_columns(self) -> set[tuple[str, str]]:
        """Return the columns that come with types; as keys they are compared as text where that is needed."""
        typed = (table for table in self._plan.tables if table.kind == COLUMNAR)
        return {(table.name, column) for table in typed for column in table.columns}

    def _convert(self, table: TablePlan, wanted: Mapping[str, str], keys: KeyColumns) -> None:
        text_keys = keys.text_keys(table.name, self.done.tables)
        self._how[table.name] = (table, wanted, text_keys)
        made = self._kept.converted(table, wanted, text_keys)
        if made is None:
            with self._may_fail(table.source, self.done.failed):
                self.done.tables.append(self._convert_now(table, wanted, text_keys))
        else:
            self.done.tables.append(made)

    def _convert_now(
        self, table: TablePlan, wanted: Mapping[str, str], text_keys: Mapping[str, TextKey]
    ) -> TableReport:
        file = self._plan.table_files[table.source]
        (self._bench.folder / table.file).unlink(missing_ok=True)
        with self._plan.source.as_file(file, self._bench.folder / SPILL_FOLDER) as path:
            with SourceDigest(path, file) as source:
                if table.kind == COLUMNAR:
                    made = copy_columns(self._bench, table, path, wanted=wanted, text_keys=text_keys)
                else:
                    made = convert_table(
                        self._bench,
                        table,
                        path,
                        wanted=wanted,
                        text_keys=text_keys,
                        memory_bytes=self._limit_bytes,
                    )
            self._kept.say_converted(table, made, source, wanted=wanted, text_keys=text_keys)
        return made

    def _convert_again(self, name: str) -> None:
        """Convert a table whose conversion is known and whose file is not in that state."""
        table, wanted, text_keys = self._how[name]
        place = [one.name for one in self.done.tables].index(name)
        before = self.done.tables.pop(place)
        with self._may_fail(table.source, self.done.failed):
            self.done.tables.insert(place, self._convert_now(table, wanted, text_keys))
            if self.done.tables[place] != before:
                raise StartAgainError(name)

    def _make_exact(self, name: str) -> None:
        if not self._kept.is_exact(name):
            self._convert_again(name)

    def _turn_of(self, table: TablePlan) -> int:
        """When a table is converted: small ones first, so that large ones find the types of their keys known.

        Those of an archive in the order of their places, so that a compressed one is read through once.
        """
        file = self._plan.table_files[table.source]
        return file.inode if self._plan.source.by_position else file.size

    def link(self) -> None:
        index = self._bench.folder / INDEX_FILE
        names = _names_in(index)
        with self._may_fail("link", self.done.undone):
            images = prepare_names(self._bench.engine, index)
            for work in self._link_tasks(images):
                with self._may_fail(f"link {work.evidence.table}", self.done.undone):
                    self._link(work, index, names)

    def _link(self, work: LinkTask, index: Path, names: str) -> None:
        name = self._table(work.evidence.table).name
        columns = self._options.sort_columns.get(name, ())
        said = [asdict(work.evidence), work.asked_for, [asdict(one) for one in work.others]]
        key = self._kept.step("link", self._kept.key(name), said, names, columns)
        made = self._kept.linked(name, key)
        if made is None:
            self._make_exact(name)
            made = link_table(self._bench, self._table(name), work, index=index, sorted_by=columns)
            self._kept.say_state(made[0], key, {"table": asdict(made[0]), "link": asdict(made[1])})
        self._replace(made[0])
        self.done.links.append(made[1])

    def _replace(self, table: TableReport) -> None:
        self.done.tables[[one.name for one in self.done.tables].index(table.name)] = table

    def _link_tasks(self, images: ImageNames) -> Iterator[LinkTask]:
        engine, folder = self._bench.engine, self._bench.folder
        if self._options.link:
            for text in self._options.link:
                with self._may_fail(f"link {text}", self.done.undone):
                    name, column = split_column(text, [table.name for table in self._plan.tables])
                    evidence = best_evidence(engine, self._table(name), column, folder, images)
                    yield LinkTask(evidence, asked_for=True, others=(), images=images)
            return
        missed: list[tuple[TableReport, Suspect]] = []
        found = find_links(
            engine,
            self.done.tables,
            folder,
            images,
            observer=self._bench.observer,
            on_miss=lambda table, suspect: missed.append((table, suspect)),
        )
        chosen = choose_links(engine, found, self.done.tables, folder, images)
        if not chosen:
            self._unlinked = nearest_miss(engine, self.done.tables, folder, images, missed=missed)
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
        for table in [*self.done.tables]:
            columns = self._options.sort_columns.get(table.name)
            if columns and not table.sorted_by:
                with self._may_fail(f"sort {table.name}", self.done.undone):
                    self._sort(table, columns)

    def _sort(self, table: TableReport, columns: Sequence[str]) -> None:
        key = self._kept.step("sort", self._kept.key(table.name), columns)
        made = self._kept.sorted(table.name, key)
        if made is None:
            self._make_exact(table.name)
            side = Side(self._bench.engine, table.name, self._bench.folder / table.file, "t")
            made = rewrite_table(self._bench, table, side, doing="sort", sorted_by=columns)
            self._kept.say_state(made, key, {"table": asdict(made)})
        self._replace(made)

    def join(self) -> None:
        files = {table.name: table.file for table in self.done.tables}
        lookups = self._lookups() if self._options.compact_keys else None
        for join in self._plan.joins.specs:
            with self._may_fail(f"join {join.name}", self.done.undone):
                missing = [table for table in join.tables if table not in files]
                if missing:
                    raise TableError(f"{missing[0]} could not be packed, so this join was not made: {join}")
                made = self._join(join, files, lookups)
                self.done.joins.append(made)
                files[join.name] = made.file
                if made.problem:
                    raise TableError(made.problem)

    def _join(self, join: JoinSpec, files: Mapping[str, str], lookups: Lookups | None) -> JoinReport:
        manner = self._options.join_manner(join.name)
        tables = [table.name for table in self.done.tables]
        read = [*join.tables, *(tables if lookups is not None else ())]  # any table can be a lookup table
        linked = [link.table for link in self.done.links] if lookups is not None else []
        keys = [self._kept.key(name) for name in read]
        key = self._kept.step("join", asdict(join), asdict(manner), keys, linked, lookups is not None)
        kept = self._kept.joined(join.name, f"{join.name}.parquet", key)
        if kept is not None:
            for table in kept.tables:
                self._replace(table)
            return kept.report
        for name in read:
            if name in tables:
                self._make_exact(name)
        (self._bench.folder / f"{join.name}.parquet").unlink(missing_ok=True)
        before = [*self.done.tables]
        origin = self._plan.joins.origin
        made = join_tables(self._bench, join, files, manner=manner, lookups=lookups, origin=origin)
        self._kept.say_joined(made, key, (table for table in self.done.tables if table not in before))
        return made

    def finish(self) -> None:
        """See that each file is in the state that it should have, where no later step has needed it."""
        for table in [*self.done.tables]:
            self._make_exact(table.name)
        if self._unlinked is not None:
            name, note = self._unlinked
            table = self._table(name)
            self._replace(replace(table, notes=(*table.notes, note)))

    def partition(self) -> None:
        """Sort the tables and joins that become partitions by these."""
        made: list[TableReport | JoinReport] = [*self.done.tables, *self.done.joins]
        files = {one.name: one.file for one in made}
        for table, column in self._plan.partitions.items():
            if table in files:
                with self._may_fail(f"partition {table}", self.done.undone):
                    path = self._bench.folder / files[table]
                    self._partitions[table] = partition_rows(self._bench, path, table, column)

    def cut(self) -> None:
        """Make a folder of parts of each table and join that shall be one."""
        give_memory_back()
        tables, joins = [*self.done.tables], [*self.done.joins]
        self.done.digests = dict(self.done.digests)
        for place, table in enumerate(tables):
            self.done.tables[place] = self._cut(table)
        for place, join in enumerate(joins):
            self.done.joins[place] = self._cut(join)

    def _cut(self, made: _Made) -> _Made:
        bench, partitions = self._bench, self._partitions.get(made.name, ())
        if self._options.rows_per_file is None and not partitions:
            return made
        parts = cut_into_parts(
            bench.folder / made.file,
            made.name,
            self._options.rows_per_file,
            partitions=partitions,
            compression=bench.compression,
            workers=workers_within(self._limit_bytes - resident_bytes(), self._options.n_workers),
            observer=bench.observer,
        )
        digest = digest_of_parts((part.file, part.digest) for part in parts)
        self.done.digests = {**self.done.digests, made.file: digest}
        column = self._plan.partitions[made.name] if partitions else ""
        return replace(made, bytes=sum(part.bytes for part in parts), parts=parts, partitioned_by=column)

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


def _names_in(index: Path) -> str:
    """Return a digest of all that tables can be linked by."""
    source = ParquetSource(index)
    try:
        columns = [column.to_pylist() for part in source.iterate(("key", "file_name")) for column in part]
    finally:
        source.close()
    return digest_of_all(name.encode() for column in columns for name in column)
