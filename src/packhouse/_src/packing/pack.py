"""`packhouse.pack`: from a plan to a finished pack."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from packhouse._src.imagefile.format import MANIFEST_FILE
from packhouse._src.imagefile.manifest_file import write_manifest
from packhouse._src.option_types.named_values import several
from packhouse._src.packing.destination import (
    check_apart,
    check_destination,
    drop_others,
    install,
    under_construction,
)
from packhouse._src.packing.image_stage import PackedImages, pack_images
from packhouse._src.packing.keeping.run_memory import remember_tables, remembered
from packhouse._src.packing.options import PackOptions
from packhouse._src.packing.planning import Plan, check_space, make_plan
from packhouse._src.packing.reporting.report import Report
from packhouse._src.packing.reporting.report_facts import TableOutcome, Totals
from packhouse._src.packing.reusing.inputs import remember_plan
from packhouse._src.packing.reusing.unchanged import are_images_kept, keep_images, unchanged_report
from packhouse._src.packing.updating import (
    EarlierPack,
    check_nothing_is_lost,
    read_earlier,
    remember_files,
    with_earlier_options,
)
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse._src.records import Failed
from packhouse._src.system.resident_memory import foreign_bytes
from packhouse.errors import SourceError, UsageError
from packhouse.progress import Observer


@shows_progress
def plan(
    src: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    options: PackOptions | None = None,
    progress: Progress = None,
) -> Plan:
    """Return what `pack` would do, without writing anything: `packhouse pack --dry-run`.

    Args:
        src: The data set, as for `pack`.
        dest: The pack to make.
        options: As for `pack`.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        Files, keys, tables, sizes.

    Raises:
        SourceNotFoundError: src is missing, or contains nothing to pack.
        DestinationExistsError: dest already exists.
        ColumnNotFoundError: An option names a table or column that does not exist.
        UsageError: Options contradict each other.
    """
    chosen = options or PackOptions()
    if not os.fspath(src) or not os.fspath(dest):
        raise UsageError("SRC or DEST is empty", hint="packhouse pack SRC -o DEST")
    check_apart(Path(src), Path(dest))
    check_destination(
        Path(dest),
        replace=chosen.may_replace,
        hint=", --update to bring the pack up to date, or --overwrite to replace it",
    )

    def complete(found: PackOptions) -> PackOptions:
        return with_earlier_options(found, Path(dest)) if found.update else found

    return make_plan(Path(src), Path(dest), chosen, listener(progress), complete=complete)


@shows_progress
def pack(  # noqa: PLR0913  # all options, as `PackOptions` spells them
    src: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    joins: str | Sequence[str] = (),
    how: str | None = None,
    allow_many: bool | None = None,
    sort: Mapping[str, str | Sequence[str]] | None = None,
    compact_keys: bool | None = None,
    link: str | Sequence[str] | Literal[False] | None = None,
    images: str | Sequence[str] = (),
    tables: str | Sequence[str] = (),
    include: str | Sequence[str] = (),
    images_from: str | Sequence[str] = (),
    layout: str | None = None,
    convert: bool | None = None,
    text: str | Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    pad: Mapping[str, int] | None = None,
    encoding: str | Sequence[str] | Mapping[str, str] = (),
    delimiter: str | Sequence[str] | Mapping[str, str] = (),
    no_header: str | Sequence[str] = (),
    skip_lines: Mapping[str, int] | None = None,
    null: str | Sequence[str] | Mapping[str, str] = (),
    table_name: Mapping[str, str] | None = None,
    follow_links: bool | str = False,
    name_encoding: str | None = None,
    compression: str | None = None,
    rows_per_file: int | None = None,
    partition_by: str | Sequence[str] | Mapping[str, str] = (),
    workers: int | None = None,
    engine: str = "local",
    memory_limit: str | None = None,
    on_error: str = "report",
    overwrite: bool = False,
    update: bool = False,
    progress: Progress = None,
) -> Report:
    """Pack a data set: images into one HDF5 file, CSV tables into Parquet files, linked and joined.

    Args:
        src: The data set: a folder with image files, in folders of any depth, and CSV files; or a .zip, .tar,
            .tar.gz or .tar.zst of such a folder; or a list of paths (.txt, .csv, .parquet); or an HDF5 file
            of images.
        dest: The pack to make: a folder that does not exist yet. It appears when it is complete; until then
            the work is in "dest.packing". The same call resumes an interrupted run.
        joins: Join tables, e.g. "train = transactions_train + customers on customer_id". A left row matches
            one right row at most, and the order of the left rows is kept. Further right tables follow:
            "... + articles on article_id".
        how: Type of join: inner drops left rows without a match, left keeps them with missing values.
            Default: "inner".
        allow_many: Allow repeated keys in the right table of a join; left rows are then repeated too.
            Default: no.
        sort: Sort the rows of a table or join: {"train": ["customer_id", "t_dat"]}.
        compact_keys: Replace text keys with row numbers of the lookup table, in joins: the column customer_id
            becomes customer_ix, and the lookup table gets a column of that name. Default: no.
        link: Column that identifies the image of each row, "TABLE.COLUMN"; or several, one per table. None
            detects it, False links nothing.
        images: Files to pack as images, as globs. Default: by extension.
        tables: Files to pack as tables, as globs. Default: by extension.
        include: Other files to pack next to the images, byte for byte, as globs.
        images_from: Dataset or group of an HDF5 file that contains the images, or several. Default: detected
            by names, shapes and attributes; what they leave open is listed in the report.
        layout: Axes of the images of an HDF5 file: "NHWC", "NCHW", "NHW", "HWC", "CHW" or "HW". Default:
            detected.
        convert: Convert float images (0 to 1) and base64 text of an HDF5 file to image files. Default: no.
        text: Column to keep as text, "TABLE.COLUMN"; or several.
        types: Type of a column: text, integer, float, boolean, date, timestamp. "TABLE.COLUMN" -> type; every
            value must fit.
        pad: Give the ids of a column their leading zeros back: text of N digits. "TABLE.COLUMN" -> N; every
            value must be a whole number of at most N digits.
        encoding: Encoding of tables that are not UTF-8, e.g. cp1252 for all, or {"customers": "cp1252"}.
        delimiter: Delimiter of tables: a character, tab, or whitespace (any number of blanks). One for all,
            or {"boxes": "tab"}. Default: detected from the first rows and the extension.
        no_header: Table without a header; its columns are called column_1, column_2 and so on. Or several;
            names may be globs.
        skip_lines: Lines to skip before the header of a table; 0: the first line is the header. Table ->
            number; names may be globs.
        null: Cell that means a missing value, e.g. NA for all columns, or {"sales.price": "-"}; or several.
            The report counts these cells.
        table_name: Name of a table, if the name of its file is taken: {"old/a.csv": "a_old"}, by its path
            below src.
        follow_links: Follow symbolic links inside SRC; anywhere: also those that lead out of SRC. False
            (default), True or "anywhere". Links that would never end are skipped and listed.
        name_encoding: Encoding of names in zip archives that are not UTF-8, e.g. cp932. Default: detected.
        compression: Compression of the Parquet files: "zstd" (default), "gzip", "snappy" or "lz4".
        rows_per_file: Write each table and join as a folder of Parquet files of N rows: train.parquet holds
            part-00000.parquet and so on, which are read as one table. Default: one file.
        partition_by: Write a table or join as Hive folders, one for each value of a column:
            {"train": "year"} writes train.parquet/year=2020/part-00000.parquet and so on, which are read as
            one table, in the order of the names of the folders. The column stays in the files. "year" alone
            is for all tables with such a column. It is of text, integers, booleans or dates, with 10,000
            values at most. Default: none.
        workers: Number of workers that copy images. Default: one per core, 8 at most.
        engine: How images are copied: by threads (local) or by processes. "processes" is for sources that
            keep one interpreter busy; a script then needs `if __name__ == "__main__":`.
        memory_limit: Memory of the process while it makes tables, e.g. 4GB. What it had before the call does
            not count. Default: 2GB or a quarter of RAM, whichever is less.
        on_error: report: list failures and continue; stop: abort at the first one.
        overwrite: Replace an existing pack.
        update: Bring an existing pack up to date; unchanged images are reused: those whose files have the
            same size, times and inode as before. So are tables and joins whose inputs and options are those
            of before. If nothing has changed, nothing is written. Options that are not given stay as they
            were. If something in the pack cannot be read now, the pack stays as it is.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        What was packed, and what was not and why.

    Raises:
        UsageError: Options that contradict each other.
        SourceNotFoundError: src is missing, or contains nothing to pack.
        DestinationExistsError: dest already exists.
        DestinationBusyError: Another process is packing to the same dest.
        NoSpaceError: The disk is too small, or ran full.
        ColumnNotFoundError: A join, link or type names a table or column that does not exist.
        PackhouseError: With on_error="stop", the first failure.

    Cost: images are read and written once. A table is read once, and once more if a late row contradicts the
    types that its first rows propose. Memory: about 1 KB per image; for tables up to memory_limit.
    """
    options = PackOptions(
        joins=several(joins),
        how=how,
        allow_many=allow_many,
        sort=dict(sort or {}),
        compact_keys=compact_keys,
        link=several(link) if link else None if link is None else False,
        images=several(images),
        tables=several(tables),
        include=several(include),
        images_from=several(images_from),
        layout=layout,
        convert=convert,
        text=several(text),
        types=dict(types or {}),
        pad=dict(pad or {}),
        encoding=several(encoding),
        delimiter=several(delimiter),
        no_header=several(no_header),
        skip_lines=dict(skip_lines or {}),
        null=several(null),
        table_name=dict(table_name or {}),
        follow_links=follow_links,
        name_encoding=name_encoding,
        compression=compression,
        rows_per_file=rows_per_file,
        partition_by=several(partition_by),
        workers=workers,
        engine=engine,
        memory_limit=memory_limit,
        on_error=on_error,
        overwrite=overwrite,
        update=update,
    )
    started, before = time.perf_counter(), foreign_bytes()
    with _without_garbage_collection() as resume_collection:
        made = plan(src, dest, options=options, progress=progress)
        scanned = time.perf_counter() - started
        return _execute(made, listener(progress), resume_collection, before, seconds={"scan": scanned})


@contextmanager
def _without_garbage_collection() -> Iterator[Callable[[], None]]:
    """Keep the garbage collector from going through a million small records: a tenth of the time of packing.

    Memory is freed as always, by reference counts.

    Yields:
        What switches the collector on again, if it was on.
    """
    was_on = gc.isenabled()
    gc.disable()
    resume_collection = gc.enable if was_on else gc.disable
    try:
        yield resume_collection
    finally:
        resume_collection()


def _execute(
    made: Plan,
    observer: Observer,
    resume_collection: Callable[[], None],
    foreign: int,
    *,
    seconds: dict[str, float],
) -> Report:
    """Do what a plan says; the garbage collector is switched on again when the images are done.

    What else is in the memory of this process, `foreign`, does not count for the limit.
    """
    check_space(made)
    if made.failed and made.options.on_error == "stop":
        first = made.failed[0]
        raise SourceError(first.message)
    updates = made.options.update
    earlier = read_earlier(made.source.path, made.dest) if updates else EarlierPack()
    check_nothing_is_lost(made, earlier, ())
    kept = unchanged_report(made, earlier, seconds=seconds) if updates else None
    if kept is not None:
        return kept
    target = remembered(made.source.path, made.dest)
    with under_construction(made.dest, replace=made.options.may_replace) as folder:
        started = time.perf_counter()
        images = _pack_images(made, folder, earlier, observer) if made.images else None
        seconds = {**seconds, "images": time.perf_counter() - started}
        if made.tables:
            resume_collection()
        report = _pack_tables(made, folder, images, earlier, observer, seconds, foreign)
        check_nothing_is_lost(made, earlier, {failure.path for failure in report.failed})
        if report.images is None and not report.tables:
            first = report.failed[0]
            raise SourceError(f"nothing could be packed; the first failure is {first.path}: {first.message}")
        write_manifest(folder / MANIFEST_FILE, report.to_manifest())
        remember_tables(folder, target)
    remember_plan(made, report.to_manifest(), target)
    return report


def _pack_images(made: Plan, folder: Path, earlier: EarlierPack, observer: Observer) -> PackedImages:
    if made.options.update and are_images_kept(made, earlier):
        kept = keep_images(made, folder, earlier)
        if kept is not None:
            return kept
    images = pack_images(made, folder, earlier, observer)
    remember_files(made.source.path, made.dest, images.path)
    drop_others(folder, images.path)
    install(folder, images.path)
    if images.failed and made.options.on_error == "stop":
        raise next(iter(images.failed.values()))
    return images


def _pack_tables(  # noqa: PLR0913, PLR0917  # what is known by now
    made: Plan,
    folder: Path,
    images: PackedImages | None,
    earlier: EarlierPack,
    observer: Observer,
    seconds: dict[str, float],
    foreign: int,
) -> Report:
    failed = list(made.failed)
    if images is not None:
        failed += [Failed(path, type(err).__name__, str(err)) for path, err in images.failed.items()]
    done = TableOutcome()
    if made.tables:
        from packhouse._src.packing.table_stage import pack_tables  # brings DuckDB, which images do not need

        done = pack_tables(
            made,
            folder,
            observer,
            has_images=images is not None,
            limit_bytes=made.options.memory_bytes + foreign,
            earlier=earlier.made_of,
        )
        failed += done.failed
    totals = Totals(
        seen=made.seen,
        images=images.report.count if images else 0,
        tables=len(done.tables),
        settings=int(made.settings is not None),
        skipped=len(made.skipped),
        failed=len(failed),
    )
    totals.check()
    return Report(
        source=made.source.path,
        dest=made.dest,
        options=made.options.shaping,
        given=made.given.shaping,
        totals=totals,
        images=images.report if images else None,
        tables=tuple(done.tables),
        links=tuple(done.links),
        joins=tuple(done.joins),
        archives=made.archives,
        skipped=made.skipped,
        failed=(*failed, *done.undone),
        table_digests={name: done.digests[file] for name, file in done.files.items()},
        seconds={**seconds, **done.seconds},
        resumed=images.resumed if images else None,
        updated=images.updated if images else None,
    )
