"""Decides everything that can be decided before a byte is written: which files, which keys, which tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packhouse._src.foreign.evidence.layouts import NO_WISH
from packhouse._src.imagefile.format import INDEX_TABLE
from packhouse._src.imagefile.keys import AssignedKeys, assign_keys, beyond_limits
from packhouse._src.imagefile.write.metadata_size import metadata_bytes
from packhouse._src.imagefile.write.resume import PlannedImages, folder_of, is_begun
from packhouse._src.option_types.named_values import columns_named, fits_table, split_named
from packhouse._src.packing.destination import packing_folder
from packhouse._src.packing.opening_sources import open_any_source
from packhouse._src.packing.options import PackOptions, split_column
from packhouse._src.packing.settings import find_settings, read_settings
from packhouse._src.packing.table_planning import plan_tables
from packhouse._src.records import Failed, Skipped, SourceFile
from packhouse._src.sources.detecting import is_hdf5
from packhouse._src.sources.folder_walk import ANYWHERE, LINK_OUT, LINK_WITHIN
from packhouse._src.sources.sorting import is_compressed, sort_files
from packhouse._src.sources.source import Found, Source
from packhouse._src.sql.hive_folders import choose_partitions
from packhouse._src.sql.joins.join_specs import ResolvedJoins, not_found, resolve_joins
from packhouse._src.sql.sort_specs import check_sort
from packhouse._src.table_records import CSV, JSON_LINES, TablePlan
from packhouse._src.wording.quantities import counted
from packhouse.errors import NoSpaceError, SourceError, SourceNotFoundError, UsageError, Where
from packhouse.progress import Observer, task

INDEX_BYTES_PER_IMAGE = 70
MOST_REASONS = 8
BLOCK_BYTES = 512
"""Unit of `st_blocks`, whatever the file system's blocks are."""

TABLE_SHARE = 0.5
"""Parquet and spill of a table, as a share of its CSV file; measured at 0.15 to 0.45."""

COMPRESSED_TABLE_SHARE = 1.5
"""The same of a CSV file that is compressed."""

LINKS = (LINK_OUT, LINK_WITHIN)


@dataclass(frozen=True)
class Plan:
    """What will be packed."""

    source: Source
    dest: Path
    options: PackOptions
    given: PackOptions
    """The same without packhouse.toml."""

    seen: int
    """Entries of the source that are no folder."""

    settings: str | None
    """Path of packhouse.toml; None when there is none."""

    images: dict[str, SourceFile]
    """Path -> file."""

    escaped: tuple[str, ...]
    """Paths of images whose names are not UTF-8."""

    keys: AssignedKeys
    code_pages: Mapping[str, str]
    """Path -> the code page of its name, of images in an archive that does not use UTF-8."""

    tables: tuple[TablePlan, ...]
    table_files: dict[str, SourceFile]
    """Path -> file, of the tables."""

    archives: tuple[str, ...]
    """Paths of archives inside of SRC, each packed as the folder of its name."""
    joins: ResolvedJoins
    partitions: Mapping[str, str]
    """Table or join -> the column whose values are its folders."""

    skipped: tuple[Skipped, ...]
    failed: tuple[Failed, ...]

    @cached_property
    def planned_images(self) -> PlannedImages:
        """The images, as the store wants them."""
        keys = self.keys.keys
        return PlannedImages.of(keys, [self.images[key.path] for key in keys])

    @property
    def image_bytes(self) -> int:
        """Sum of the sizes of the images."""
        return sum(file.size for file in self.images.values())

    @property
    def table_bytes(self) -> int:
        """Sum of the sizes of the CSV files."""
        return sum(table.source_bytes for table in self.tables)

    @cached_property
    def needed_bytes(self) -> int:
        """Estimate of the disk space that the pack takes."""
        records = metadata_bytes([(key.group, key.name, 0) for key in self.keys.keys])
        index = len(self.images) * INDEX_BYTES_PER_IMAGE
        tables = sum(table.source_bytes * _share(table) for table in self.tables)
        return self.image_bytes + records + index + int(tables)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "source": str(self.source.path),
            "dest": str(self.dest),
            "settings": self.settings,
            "images": {
                "count": len(self.images),
                "bytes": self.image_bytes,
                "dropped_folders": self.keys.dropped,
                "kept_extensions": list(self.keys.kept_extensions),
                "first_keys": [key.key for key in self.keys.keys[:5]],
            },
            "tables": [
                {
                    "name": table.name,
                    "source": table.source,
                    "source_bytes": table.source_bytes,
                    "file": table.file,
                    "columns": list(table.columns),
                    "notes": list(table.notes),
                }
                for table in self.tables
            ],
            "joins": [str(join) for join in self.joins.specs],
            "sort": {table: list(columns) for table, columns in self.options.sort_columns.items()},
            "partition_by": dict(self.partitions),
            "compact_keys": self.options.compact_keys,
            "link": "none" if self.options.link is False else list(self.options.link or ["to be found"]),
            "needed_bytes": self.needed_bytes,
            "free_bytes": free_bytes(self.dest),
            "archives": list(self.archives),
            "skipped": [{"path": one.path, "reason": one.reason} for one in self.skipped],
            "failed": [{"path": one.path, "message": one.message} for one in self.failed],
        }


def make_plan(
    src: Path,
    dest: Path,
    options: PackOptions,
    observer: Observer,
    *,
    complete: Callable[[PackOptions], PackOptions],
) -> Plan:
    """Scan the source and decide what happens to every file.

    Args:
        src: The data set.
        dest: The pack to be.
        options: What the user asked for.
        observer: Progress callback.
        complete: Gives options that the user has not set now.

    Returns:
        The plan; nothing has been written.

    Raises:
        SourceNotFoundError: The source is missing, or holds neither images nor tables.
        ColumnNotFoundError: A join, link or type speaks of a table or column that is not there.
        UsageError: A join has the name of a table, or packhouse.toml cannot be read.
    """
    leave_out = frozenset((dest.resolve(), packing_folder(dest).resolve()))
    given = options = complete(options)
    source, found = _scan(src, leave_out, options, observer)
    settings = None if source.chosen else find_settings(found.files)
    if settings is not None:
        options = read_settings(source, settings, options)
        if (options.source_options, options.hdf5_wish) != (given.source_options, given.hdf5_wish):
            source, found = _scan(src, leave_out, options, observer)
    if options.compact_keys and not options.joins:
        raise UsageError(
            "compact keys need a join, and there is none",
            hint='--join "train = transactions_train + customers on customer_id"',
        )
    data = [file for file in found.files if file is not settings]
    sorted_files = sort_files(
        data,
        options.selection,
        all_chosen=source.chosen,
        beside=(*found.archives, *(f.path for f in found.failed)),
    )
    broken = {file.path: why for file in sorted_files.images if (why := beyond_limits(file.path))}
    images = {file.path: file for file in sorted_files.images if file.path not in broken}
    tables, failed = plan_tables(source, sorted_files.tables, options, images=images)
    not_read = (*found.failed, *(_refused(path, why) for path, why in broken.items()))
    if not images and not sorted_files.tables:
        raise _nothing_found(src, found, not_read)
    joins = _check_names(options, tables, {failure.path for failure in failed})
    return Plan(
        source=source,
        dest=dest,
        options=options,
        given=given,
        seen=found.seen,
        settings=None if settings is None else settings.path,
        images=images,
        escaped=tuple(path for path in found.escaped if path in images),
        keys=assign_keys(images),
        code_pages={path: page for path, page in found.code_pages.items() if path in images},
        tables=tables,
        table_files={file.path: file for file in sorted_files.tables},
        archives=found.archives,
        joins=joins,
        partitions=choose_partitions(options.partition_by, joins.columns),
        skipped=tuple(sorted((*found.skipped, *sorted_files.skipped), key=lambda one: one.path)),
        failed=(*not_read, *failed),
    )


def _scan(
    src: Path, leave_out: frozenset[Path], options: PackOptions, observer: Observer
) -> tuple[Source, Found]:
    source = open_any_source(src, leave_out, options.source_options, wish=options.hdf5_wish)
    with task(observer, "scanning", total=None, unit="files") as progress:
        found = source.scan(progress.advance)
    has_hdf5 = is_hdf5(src) or any(is_hdf5(src / path) for path in found.archives)
    if options.hdf5_wish != NO_WISH and not has_hdf5:
        raise UsageError(
            "images_from, layout and convert are for HDF5 files",
            where=Where(file=str(src)),
            hint="leave them out",
        )
    return source, found


def _refused(path: str, why: str) -> Failed:
    error = SourceError(f"cannot be packed: {why}", hint="move it up, or shorten the names of its folders")
    return Failed(path, type(error).__name__, str(error))


def _where_images_may_be(found: Found) -> str:
    links = [one for one in found.skipped if one.reason.startswith(LINKS)]
    if links:
        outside = any(one.reason.startswith(LINK_OUT) for one in links)
        which = f"{links[0].path} is one, {links[0].reason.partition(':')[0]}"
        option = f"--follow-links={ANYWHERE}" if outside else "--follow-links"
        return f"{counted(len(links), 'symbolic link')} not followed ({which}): {option} follows them"
    return (
        "choose a folder with .jpg, .png, .csv, .parquet, ... files, or select files with --images, --tables"
    )


def _share(table: TablePlan) -> float:
    return COMPRESSED_TABLE_SHARE if is_compressed(table.source) else TABLE_SHARE


def _nothing_found(src: Path, found: Found, failed: Sequence[Failed]) -> SourceNotFoundError:
    where = Where(file=str(src))
    if is_hdf5(src):
        reasons = "".join(f"\n  {one.path}: {one.message}" for one in failed[:MOST_REASONS])
        return SourceNotFoundError(f"no dataset of the file can be packed as images{reasons}", where=where)
    first = f"; {failed[0].path}: {failed[0].message}" if failed else ""
    return SourceNotFoundError(
        f"SRC contains no images and no tables ({found.seen:,} other files){first}",
        where=where,
        hint=_where_images_may_be(found),
    )


def _check_columns(options: PackOptions, columns: Mapping[str, Sequence[str]], hint: str) -> None:
    nulls = [name for name, _ in map(split_named, options.null) if name]
    takes_globs = {*options.text, *options.types, *nulls}
    for name in [*options.text, *options.types, *options.pad, *(options.link or ()), *nulls]:
        if name in takes_globs and any(columns_named(name, *one) for one in columns.items()):
            continue
        table, column = split_column(name, columns)
        if table not in columns:
            raise not_found("table", table, list(columns), Where(member=name + hint))
        if column not in columns[table]:
            raise not_found("column", column, columns[table], Where(file=table, member=name))


def _check_tables(options: PackOptions, tables: Sequence[TablePlan]) -> None:
    of_text = {"delimiter": [split_named(text)[0] for text in options.delimiter]}
    of_text |= {"no_header": [*options.no_header], "skip_lines": [*options.skip_lines]}
    encodings = [split_named(text)[0] for text in options.encoding]
    for option, owners in (("encoding", encodings), *of_text.items()):
        for owner in filter(None, owners):
            meant = [table for table in tables if fits_table(owner, table.name)]
            if not meant:
                raise not_found("table", owner, [table.name for table in tables], Where(member=owner))
            kinds = (CSV,) if option in of_text else (CSV, JSON_LINES)
            if all(table.kind not in kinds for table in meant):
                text = "CSV" if option in of_text else "text"
                raise UsageError(
                    f"{option} is for {text} tables, and {meant[0].source} is none",
                    where=Where(member=owner),
                    hint="leave it out",
                )


def _check_names(options: PackOptions, tables: Sequence[TablePlan], broken: set[str]) -> ResolvedJoins:
    columns = {table.name: table.columns for table in tables}
    _check_columns(options, columns, f"; not readable: {', '.join(sorted(broken))}" if broken else "")
    if not broken:
        _check_tables(options, tables)
    linked = [split_column(name, columns)[0] for name in options.link or ()]
    if len(set(linked)) != len(linked):
        raise UsageError("two links name the same table", hint="use one --link per table")
    if options.join_specs and INDEX_TABLE in {join.name.lower() for join in options.join_specs}:
        raise UsageError(
            f"{INDEX_TABLE} is the name of the image index", hint="choose another name for the join"
        )
    joins = resolve_joins(options.join_specs, columns, compact_keys=bool(options.compact_keys))
    check_sort(options.sort_columns, joins.columns)
    return joins


def free_bytes(dest: Path) -> int:
    """Return the free space of the disk that a pack would lie on, also before its folder is there."""
    folder = dest.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_space(plan: Plan) -> None:
    """See before anything is written that the pack will fit.

    Args:
        plan: What will be packed.

    Raises:
        NoSpaceError: It will not.
    """
    free, needed = free_bytes(plan.dest), plan.needed_bytes - _bytes_there(plan)
    if needed > free:
        raise NoSpaceError(
            f"the pack needs about {needed:,} bytes, the disk has {free:,} free",
            where=Where(file=str(plan.dest)),
            hint="free some space, or choose a DEST on a larger disk",
        )


def _bytes_there(plan: Plan) -> int:
    """Return the disk space that an earlier run for the same images has taken already."""
    packing = packing_folder(plan.dest)
    if not is_begun(packing):
        return 0
    made = folder_of(packing, plan.planned_images.file_id)
    files = [path.stat() for path in made.glob("*.h5")]
    return sum({facts.st_ino: facts.st_blocks * BLOCK_BYTES for facts in files}.values())
