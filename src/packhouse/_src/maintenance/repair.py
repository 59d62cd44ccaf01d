"""`packhouse.repair`: a new pack of everything that is intact in a damaged one."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packhouse._src.concurrency.threads import workers_or_default
from packhouse._src.imagefile.digest import digest_of, digest_of_file, digest_of_table
from packhouse._src.imagefile.format import (
    DERIVED,
    DERIVED_FOLDER,
    FORMAT_VERSION,
    IMAGES_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
    MANIFEST_FORMAT,
)
from packhouse._src.imagefile.keys import Key
from packhouse._src.imagefile.manifest_file import write_manifest
from packhouse._src.imagefile.read.index_rows import Damage
from packhouse._src.imagefile.write.build import BuiltImages, CopyOptions, make_images
from packhouse._src.imagefile.write.resume import PlannedImages
from packhouse._src.imagefile.write.writer import flush
from packhouse._src.maintenance.manifest_checks import (
    Manifest,
    TableFacts,
    read_manifest,
    table_files,
    why_unreadable,
)
from packhouse._src.maintenance.salvage import Salvaged, salvage_images
from packhouse._src.packing.destination import (
    check_apart,
    check_destination,
    check_outside,
    install,
    under_construction,
)
from packhouse._src.packing.reporting.report_facts import describe_images
from packhouse._src.parquet_ import ParquetSource
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse._src.ranges import read_into
from packhouse._src.records import SourceFile
from packhouse._src.system.open_flags import READ
from packhouse._src.table_records import PARTS, TablePart, files_of_parts
from packhouse._src.tables.parted_table import PartedTable
from packhouse._src.version import __version__
from packhouse.errors import CorruptStoreError, SourceError, Where
from packhouse.progress import Observer


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReport:
    """What repairing saved."""

    pack: Path
    dest: Path
    images: int
    """Images saved."""

    unchecked: tuple[str, ...]
    """Keys of saved images that could not be checked, since their digests are lost with the index."""

    tables: tuple[str, ...]
    """Files of saved tables and joins."""

    lost: tuple[Damage, ...]
    """Everything that could not be saved, and why."""

    seconds: float
    """Wall time."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost, and everything was checked."""
        return not (self.lost or self.unchecked)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as `packhouse repair --json` prints it."""
        return {
            **asdict(self),
            "pack": str(self.pack),
            "dest": str(self.dest),
            "lost": [one._asdict() for one in self.lost],
            "seconds": round(self.seconds, 3),
        }


@shows_progress
def repair(
    pack: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    workers: int | None = None,
    progress: Progress = None,
) -> RepairReport:
    """Save everything that is intact in a damaged pack as a new pack; the damaged one is only read.

    Images are saved if their bytes match their digests. If the index is damaged, HDF5 locates the images;
    these cannot be checked, and are listed. Tables are saved if their files match their digests.

    Args:
        pack: The damaged pack.
        dest: The new pack: a folder that does not exist yet.
        workers: Number of workers. Default: one per core, 8 at most.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        What was saved and what is lost.

    Raises:
        NotAPackError: There is no pack at this path.
        CorruptStoreError: Nothing in it can be saved.
        DestinationExistsError: dest already exists.
        NoSpaceError: The disk ran full.
        UsageError: workers is less than 1.

    Cost: images are read twice and written once.
    """
    started = time.perf_counter()
    source, target, n_workers = Path(pack), Path(dest), workers_or_default(workers)
    check_outside(dest, pack)
    check_apart(source, target)
    check_destination(target, replace=False)
    manifest = read_manifest(source)
    salvaged = Salvaged()
    if manifest.has_images is not False:
        salvaged = salvage_images(source, workers=n_workers, observer=listener(progress))
    saved, lost_tables = _check_tables(source, manifest)
    if not salvaged.rows and not saved:
        raise CorruptStoreError(
            "nothing in it can be saved", where=Where(file=str(source)), hint=f"packhouse verify {source}"
        )
    with under_construction(target, replace=False) as folder:
        made = None
        if salvaged.rows:
            made = _save_images(source, folder, salvaged, n_workers, listener(progress))
        for table in saved:
            for file in table_files(table):
                _copy(source / file, folder / file)
        lost = (*manifest.damaged, *salvaged.lost, *lost_tables, *_derived(manifest))
        write_manifest(folder / MANIFEST_FILE, _document(manifest, saved, made, salvaged, lost))
        if made is not None:
            install(folder, made.path)
    return RepairReport(
        pack=source,
        dest=target,
        images=len(made.images) if made else 0,
        unchecked=tuple(salvaged.unchecked),
        tables=tuple(table.file for table in saved),
        lost=lost,
        seconds=time.perf_counter() - started,
    )


class _Salvage:
    """Reads images out of the damaged pack, and checks them once more."""

    def __init__(self, path: Path, digests: Mapping[str, bytes]) -> None:
        self._digests = digests
        self._descriptor = os.open(path, READ)

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        done = read_into(self._descriptor, view, file.inode)
        if done != len(view) or digest_of(view) != (self._digests[file.path] or digest_of(view)):
            raise SourceError("the table was damaged while it was saved", where=Where(member=file.path))
        return file

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        del files  # they were read a moment ago

    def close(self) -> None:
        os.close(self._descriptor)


def _save_images(
    source: Path, folder: Path, salvaged: Salvaged, workers: int, observer: Observer
) -> BuiltImages:
    keys = [Key(row.key, row.group, row.name, row.file_name) for row in salvaged.rows]
    # the digest stands for the time, so that a run never resumes what was begun for another pack
    stamps = [int.from_bytes(row.digest[:8], "little", signed=True) for row in salvaged.rows]
    files = [
        SourceFile(row.file_name, row.length, stamp, row.offset)
        for row, stamp in zip(salvaged.rows, stamps, strict=True)
    ]
    keys_of = {row.file_name: row.key for row in salvaged.rows}
    reader = _Salvage(source / IMAGES_FILE, {row.file_name: row.digest for row in salvaged.rows})
    try:
        how = CopyOptions(workers=workers, by_position=True)
        made = make_images(folder, PlannedImages.of(keys, files), reader, how, observer)
    finally:
        reader.close()
    for path, err in made.failed.items():
        salvaged.lost.append(Damage(IMAGES_FILE, keys_of[path], err.problem))
    return made


def _check_tables(source: Path, manifest: Manifest) -> tuple[list[TableFacts], list[Damage]]:
    """Return the tables that are whole; without pack.json all that are there, as they are."""
    if not manifest.document:
        return _unknown_tables(source), []
    whole, lost = [], []
    for table in manifest.tables:
        problem = next((why for file in table_files(table) if (why := why_unreadable(source / file))), None)
        if problem is None and digest_of_table(source / table.file) != table.digest:
            problem = "its bytes do not match their digest"
        if problem is None:
            whole.append(table)
        else:
            lost.append(Damage(table.file, None, problem))
    return whole, lost


def _unknown_tables(source: Path) -> list[TableFacts]:
    found = []
    for path in sorted(source.rglob("*.parquet")):
        file = path.relative_to(source).as_posix()
        if path.is_dir() or _is_part(path):
            found += _unknown_parts(source, path) if path.is_dir() and not _is_partition(path) else []
        elif file != INDEX_FILE and why_unreadable(path) is None:
            try:
                opened = ParquetSource(path)
            except CorruptStoreError:
                continue
            name = file.removesuffix(".parquet").replace("/", "_")
            found.append(TableFacts(name, file, opened.rows, digest_of_file(path)))
            opened.close()
    return found


def _is_part(path: Path) -> bool:
    return path.match(PARTS) and (path.parent.suffix == ".parquet" or _is_partition(path.parent))


def _is_partition(folder: Path) -> bool:
    return "=" in folder.name and folder.parent.suffix == ".parquet"


def _unknown_parts(source: Path, folder: Path) -> list[TableFacts]:
    """Return a folder of parts as a table, if all of them are there."""
    files = files_of_parts(folder)
    try:
        opened = PartedTable(folder)
    except CorruptStoreError:
        return []
    rows = opened.row_counts
    opened.close()
    parts = tuple(
        TablePart(file.relative_to(folder).as_posix(), n_rows, file.stat().st_size, digest_of_file(file))
        for file, n_rows in zip(files, rows, strict=True)
    )
    file = folder.relative_to(source).as_posix()
    name = file.removesuffix(".parquet").replace("/", "_")
    return [TableFacts(name, file, sum(rows), digest_of_table(folder), parts)]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    flush(target)


def _document(
    manifest: Manifest,
    tables: Sequence[TableFacts],
    made: BuiltImages | None,
    salvaged: Salvaged,
    lost: Sequence[Damage],
) -> dict[str, Any]:
    """Return pack.json of what was saved: that of the damaged pack without what is lost, which it names."""
    old, names = dict(manifest.document), {table.name for table in tables}
    known: dict[str, Any] = {**(old.get("tables") or {}), **(old.get("joins") or {})}
    entries = {table.name: known.get(table.name) or _entry(table) for table in tables}
    joins = {name: entry for name, entry in entries.items() if name in (old.get("joins") or {})}
    links = old.get("links")
    gone = [one for one in lost if one.key is not None]
    files = old.get("files")
    if isinstance(files, dict) and made is not None:
        lost_images = max(0, int(files.get("images") or 0) - len(made.images))
        files = {**files, "images": len(made.images), "failed": int(files.get("failed") or 0) + lost_images}
    images = None
    if made is not None:
        said = manifest.images
        images = asdict(
            describe_images(
                made,
                dropped=str(said.get("dropped_folders") or ""),
                kept_extensions=said.get("kept_extensions") or (),
                escaped=sorted(manifest.escaped_names),
                code_pages=manifest.code_pages,
                alike=said.get("alike") or (),
            )
        )
    return {
        **{name: said for name, said in old.items() if name != DERIVED},
        "format": MANIFEST_FORMAT,
        "format_version": FORMAT_VERSION,
        "packhouse": old.get("packhouse") or __version__,
        "source": old.get("source") or "",
        "options": old.get("options") or {},
        "files": files,
        "images": images,
        "tables": {name: entry for name, entry in entries.items() if name not in joins},
        "links": [link for link in links if link.get("table") in names] if isinstance(links, list) else [],
        "joins": joins,
        "skipped": old.get("skipped") or [],
        "failed": old.get("failed") or [],
        "repaired": {
            "lost": [one._asdict() for one in lost],
            "images_lost": len({one.key for one in gone}),
            "unchecked": salvaged.unchecked,
        },
    }


def _derived(manifest: Manifest) -> list[Damage]:
    """Name the derived stores, which are made anew rather than saved."""
    names = [DERIVED_FOLDER.format(size) for size in manifest.derived]
    return [Damage(name, None, "is not saved; packhouse derive makes it again") for name in names]


def _entry(table: TableFacts) -> dict[str, Any]:
    return {
        **asdict(table),
        "source": "",
        "source_bytes": 0,
        "bytes": 0,
        "columns": [],
        "notes": ["saved unchanged; its details were lost with pack.json"],
        "sorted_by": [],
    }
