"""The main job, from a plan to a sealed pack."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from packhouse.errors import AccountingError, PackhouseError, TableError
from packhouse.packing.destination import SPILL_FOLDER, check_destination, under_construction
from packhouse.packing.image_stage import pack_images
from packhouse.packing.options import PackOptions, split_column
from packhouse.packing.planning import Plan, check_space, make_plan
from packhouse.packing.report import Accounts, ImagesReport, Report
from packhouse.progress import Observer, silent
from packhouse.records import Failed
from packhouse.store.digest import digest_of_file
from packhouse.store.layout import INDEX_FILE, MANIFEST_FILE
from packhouse.tables.converting import Workbench, convert_table
from packhouse.tables.duckdb_ import Engine
from packhouse.tables.joining import join_tables
from packhouse.tables.linking import LinkTask, find_link, link_table, prepare_names, weigh
from packhouse.tables.records import JoinReport, LinkReport, TableReport


def plan(
    src: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    options: PackOptions | None = None,
    progress: Observer | None = None,
) -> Plan:
    """Say what `pack` would do, without writing anything: `packhouse pack --dry-run`.

    Args:
        src: The data set: a folder.
        dest: The pack to be: a folder that is not there yet.
        options: As for `pack`.
        progress: Told of the progress.

    Returns:
        Files, keys, tables, sizes.

    Raises:
        SourceNotFoundError: src is missing, or holds nothing to pack.
        DestinationExistsError: dest is there already.
        ColumnNotFoundError: An option speaks of a table or column that is not there.
        UsageError: Options contradict each other.
    """
    chosen = options or PackOptions()
    check_destination(Path(dest), overwrite=chosen.overwrite)
    return make_plan(Path(src), Path(dest), chosen, progress or silent)


def pack(  # noqa: PLR0913  # the one face with all options, named as on the command line
    src: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    joins: Sequence[str] = (),
    how: str = "inner",
    allow_many: bool = False,
    link: str | Literal[False] | None = None,
    images: Sequence[str] = (),
    tables: Sequence[str] = (),
    include: Sequence[str] = (),
    text: Sequence[str] = (),
    types: dict[str, str] | None = None,
    compression: str = "zstd",
    workers: int | None = None,
    memory_limit: str | None = None,
    on_error: str = "report",
    overwrite: bool = False,
    progress: Observer | None = None,
) -> Report:
    """Pack a data set: images into one HDF5 file, CSV tables into Parquet files, linked and joined.

    Args:
        src: The data set: a folder with image files, in folders of any depth, and CSV files.
        dest: The pack to make: a folder that is not there yet. It appears when it is complete; until then the
            work is done in "dest.packing".
        joins: Such as "train = transactions_train + customers on customer_id", many to one; the order of the
            left rows is kept.
        how: "inner" drops left rows without a partner, "left" keeps them with empty cells.
        allow_many: Let the right side of a join repeat a key, and left rows multiply.
        link: "TABLE.COLUMN" that names the images; None finds it by evidence; False links nothing.
        images: Globs of the files that are images; empty: by extension.
        tables: Globs of the files that are tables; empty: *.csv.
        include: Globs of other files, packed as bytes beside the images.
        text: "TABLE.COLUMN"s that stay text.
        types: "TABLE.COLUMN" -> "text", "integer", "float", "date" or "timestamp"; every value must fit.
        compression: "zstd", "gzip", "snappy" or "lz4", of the Parquet files.
        workers: Threads that copy images; None: one a core.
        memory_limit: Of the table engine, "2GB"; None: min(2 GB, a quarter of the memory).
        on_error: "report" packs what can be packed and lists the rest; "stop" ends at the first error.
        overwrite: Replace a pack that is there.
        progress: Told of the progress; called from several threads.

    Returns:
        What was packed, what was not and why.

    Raises:
        UsageError: Options that contradict each other.
        SourceNotFoundError: src is missing, or holds nothing to pack.
        DestinationExistsError: dest is there already.
        DestinationBusyError: Another process packs to the same dest.
        NoSpaceError: The disk is too small, or ran full.
        ColumnNotFoundError: A join, link or type speaks of a table or column that is not there.
        PackhouseError: With on_error="stop", whatever went wrong first.

    Cost: images are read and written once; tables are read twice. Peak memory is that of memory_limit plus
    about 1 KB an image.
    """
    options = PackOptions(
        joins=tuple(joins),
        how=how,
        allow_many=allow_many,
        link=link,
        images=tuple(images),
        tables=tuple(tables),
        include=tuple(include),
        text=tuple(text),
        types=dict(types or {}),
        compression=compression,
        workers=workers,
        memory_limit=memory_limit,
        on_error=on_error,
        overwrite=overwrite,
    )
    started = time.perf_counter()
    made = plan(src, dest, options=options, progress=progress)
    scanned = time.perf_counter() - started
    return execute(made, progress or silent, seconds={"scan": scanned})


def execute(made: Plan, observer: Observer, *, seconds: dict[str, float]) -> Report:
    """Do what a plan says.

    Args:
        made: The plan.
        observer: Told of the progress.
        seconds: Wall time of earlier stages; the report has them too.

    Returns:
        What was packed.

    Raises:
        PackhouseError: As `pack`.
    """
    check_space(made)
    job = _Job(made, observer, seconds=seconds, failed=list(made.failed))
    if made.failed and made.options.on_error == "stop":
        first = made.failed[0]
        raise PackhouseError(f"{first.path}: {first.message}")
    with under_construction(made.dest, overwrite=made.options.overwrite) as folder:
        report = job.run(folder)
        _write_manifest(folder / MANIFEST_FILE, report)
    return report


@dataclass(slots=True)
class _Job:
    """One run: the plan, and what has come of it so far."""

    plan: Plan
    observer: Observer
    seconds: dict[str, float]
    failed: list[Failed]
    images: ImagesReport | None = None
    tables: list[TableReport] = field(default_factory=list)
    link: LinkReport | None = None
    joins: list[JoinReport] = field(default_factory=list)

    def run(self, folder: Path) -> Report:
        options = self.plan.options
        if self.plan.images:
            with self._timed("images"):
                self.images, failed = pack_images(self.plan, folder, self.observer)
            self._note_failures(failed)
        if self.plan.tables:
            with Engine(spill=folder / SPILL_FOLDER, memory_bytes=options.memory_bytes) as engine:
                bench = Workbench(engine, folder, options.compression, self.observer)
                with self._timed("tables"):
                    self._convert(bench)
                with self._timed("link"):
                    self._link(bench)
                with self._timed("joins"):
                    self._join(bench)
        return self._report(folder)

    def _note_failures(self, failed: Sequence[PackhouseError]) -> None:
        if failed and self.plan.options.on_error == "stop":
            raise failed[0]
        self.failed += [Failed(err.where.file or "", type(err).__name__, str(err)) for err in failed]

    def _convert(self, bench: Workbench) -> None:
        for table in self.plan.tables:
            source = self.plan.source / table.source
            wanted = self.plan.options.wanted_types(table.name)
            with self._table_may_fail(table.source):
                self.tables.append(convert_table(bench, table, source, wanted=wanted))

    @contextmanager
    def _table_may_fail(self, name: str) -> Iterator[None]:
        try:
            yield
        except AccountingError:
            raise
        except TableError as err:
            if self.plan.options.on_error == "stop":
                raise
            self.failed.append(Failed(name, type(err).__name__, str(err)))

    def _link(self, bench: Workbench) -> None:
        wanted = self.plan.options.link
        if wanted is False or self.images is None:
            return
        index = bench.folder / INDEX_FILE
        by_name = {table.name: table for table in self.tables}
        with self._table_may_fail("link"):
            images = prepare_names(bench.engine, index)
            if wanted:
                name, column = split_column(wanted)
                if name not in by_name:
                    return  # the table itself failed, and is listed
                evidence = weigh(bench.engine, by_name[name], column, bench.folder, images=images)
                work = LinkTask(evidence, asked_for=True, others=(), images=images)
            else:
                found = find_link(bench.engine, self.tables, bench.folder, images=images)
                if not found:
                    return
                work = LinkTask(found[0], asked_for=False, others=tuple(found[1:]), images=images)
            self.link = link_table(bench, by_name[work.evidence.table], work, index=index)
            self._measure_again(bench.folder)

    def _measure_again(self, folder: Path) -> None:
        self.tables = [replace(table, bytes=(folder / table.file).stat().st_size) for table in self.tables]

    def _join(self, bench: Workbench) -> None:
        files = {table.name: table.file for table in self.tables}
        for join in self.plan.options.join_specs:
            with self._table_may_fail(f"join {join.name}"):
                missing = [side for side in (join.left, join.right) if side not in files]
                if missing:
                    raise TableError(f"{missing[0]} could not be packed, so {join} was not made")
                options = self.plan.options
                self.joins.append(
                    join_tables(bench, join, files, how=options.how, allow_many=options.allow_many)
                )
                files[join.name] = self.joins[-1].file

    def _report(self, folder: Path) -> Report:
        images = self.images.count if self.images else 0
        joins = {f"join {join.name}" for join in self.plan.options.join_specs}
        failed_files = [one for one in self.failed if one.path not in joins and one.path != "link"]
        accounts = Accounts(
            seen=self.plan.seen,
            images=images,
            tables=len(self.tables),
            skipped=len(self.plan.skipped),
            failed=len(failed_files),
        )
        accounts.check()
        made = [(one.name, one.file) for one in self.tables]
        made += [(one.name, one.file) for one in self.joins]
        return Report(
            source=self.plan.source,
            dest=self.plan.dest,
            options=_shaping(self.plan.options),
            accounts=accounts,
            images=self.images,
            tables=tuple(self.tables),
            link=self.link,
            joins=tuple(self.joins),
            skipped=self.plan.skipped,
            failed=tuple(self.failed),
            table_digests={name: digest_of_file(folder / file) for name, file in made},
            seconds=self.seconds,
        )

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started


def _shaping(options: PackOptions) -> dict[str, object]:
    """Return the options that decide what the pack holds; not those of the machine."""
    names = (
        "joins",
        "how",
        "allow_many",
        "link",
        "images",
        "tables",
        "include",
        "text",
        "compression",
    )
    shaping: dict[str, object] = {name: getattr(options, name) for name in names}
    return {**shaping, "types": dict(options.types)}


def _write_manifest(path: Path, report: Report) -> None:
    with path.open("x", encoding="utf-8") as file:
        json.dump(report.to_manifest(), file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
