"""`packhouse.verify`: reads every byte of a pack and names all that is damaged."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from packhouse.care.comparing import Difference, compare
from packhouse.care.manifest import Manifest, TableFacts, read_manifest, why_unreadable
from packhouse.engines.threads import default_workers
from packhouse.errors import CorruptStoreError, UsageError
from packhouse.progress import Observer, silent, task
from packhouse.store.digest import digest_of_all, digest_of_file
from packhouse.store.index import ImageIndex
from packhouse.store.index_file import Binding
from packhouse.store.layout import IMAGES_FILE, INDEX_FILE, MANIFEST_FILE
from packhouse.store.rewriting import changed_bytes
from packhouse.store.rows import Damage, IndexRow, IndexRows, check_rows, is_inside
from packhouse.store.verifying import check_binding, check_bytes, check_structure


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What verifying found."""

    pack: Path
    images: int
    """Images whose bytes were read and compared with their digests."""

    tables: int
    """Tables and joins whose files were read and compared with their digests."""

    bytes: int
    """Bytes read from the pack."""

    damaged: tuple[Damage, ...]
    """All that is wrong with the pack."""

    against: Path | None
    """The originals it was compared with."""

    differences: tuple[Difference, ...]
    """How the originals differ from the pack."""

    notes: tuple[str, ...]
    """What is not damage, but should be known: files that are not of the pack, for one."""

    seconds: float
    """Wall time."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged, and nothing differs from the originals if they were compared."""
        return not (self.damaged or self.differences)

    def to_dict(self) -> dict[str, Any]:
        """Return it as `packhouse verify --json` prints it."""
        return {
            "pack": str(self.pack),
            "sound": self.is_sound,
            "images": self.images,
            "tables": self.tables,
            "bytes": self.bytes,
            "damaged": [one._asdict() for one in self.damaged],
            "against": str(self.against) if self.against else None,
            "differences": [asdict(one) for one in self.differences],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }


@dataclass(slots=True)
class _Findings:
    """What was found so far."""

    damaged: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    images: int = 0
    tables: int = 0
    bytes: int = 0

    def add(self, file: str, what: str, key: str | None = None) -> None:
        self.damaged.append(Damage(file, key, what))


def verify(
    pack: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Observer | None = None,
) -> VerifyReport:
    """Read every byte of a pack and compare it with all that is known of it.

    Every image is compared with its digest; the index with its seal, its checksums, pack.json and HDF5's own
    view of images.h5; every table with its digest. Nothing is changed.

    Args:
        pack: The folder; one that `packhouse.open` refuses is looked at all the same.
        against: The data set it was made of: its images are compared with those of the pack.
        workers: Number of threads; None: one a core.
        progress: Told of the progress; called from several threads.

    Returns:
        All that is damaged, and how the originals differ.

    Raises:
        NotAPackError: There is no pack at that place, nor what is left of one.
        UsageError: workers is less than 1.
        SourceNotFoundError: against does not exist, or is no data set.
        SourceError: against cannot be read.

    Cost: one read of the pack at the speed of the disk, 25 us an image to check the index and HDF5's view,
    and 600 bytes of memory an image.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers is {workers}, and must be at least 1")
    started = time.perf_counter()
    folder, observer, threads = Path(pack), progress or silent, workers or default_workers()
    manifest = read_manifest(folder)
    findings = _Findings(list(manifest.damaged))
    rows: list[IndexRow] | None = None
    has_parts = any((folder / name).exists() for name in (IMAGES_FILE, INDEX_FILE))
    if manifest.has_images or (manifest.has_images is None and has_parts):
        rows = _check_images(folder, manifest, findings, threads, observer)
    _check_tables(folder, manifest, findings, observer)
    findings.notes += _strangers(folder, manifest)
    differences: list[Difference] = []
    if against is not None:
        differences = compare(rows or [], Path(against), manifest, folder, workers=threads, observer=observer)
    return VerifyReport(
        pack=folder,
        images=findings.images,
        tables=findings.tables,
        bytes=findings.bytes,
        damaged=tuple(dict.fromkeys(findings.damaged)),
        against=Path(against) if against is not None else None,
        differences=tuple(differences),
        notes=tuple(findings.notes),
        seconds=time.perf_counter() - started,
    )


def _check_images(
    folder: Path, manifest: Manifest, findings: _Findings, workers: int, observer: Observer
) -> list[IndexRow] | None:
    """Check images.h5 and its index; return the rows that could be read, None when it cannot be opened."""
    path = folder / IMAGES_FILE
    problem = why_unreadable(path)
    if problem:
        findings.add(IMAGES_FILE, problem)
    read = _read_index(folder, findings)
    if read is None:
        return None
    rows, binding, is_whole = read
    if is_whole:
        _compare_counts(rows, manifest, folder, findings)
    if problem:
        return rows
    file_size = path.stat().st_size
    findings.damaged += check_binding(path, binding)
    wrong = [Damage(INDEX_FILE, key, what) for key, what in check_rows(rows, file_size=binding.file_size)]
    findings.damaged += wrong
    inside = [row for row in rows if is_inside(row, binding.file_size)]
    with task(observer, "images", total=len(rows), unit="files") as progress:
        findings.damaged += check_bytes(path, inside, workers=workers, on_read=progress.advance)
    findings.images = len(inside)
    if is_whole and not wrong:
        with task(observer, "HDF5's view", total=len(rows), unit="files") as progress:
            damaged, notes = check_structure(path, rows, binding)
            progress.reach(len(rows))
        findings.damaged += damaged
        findings.notes += notes
    findings.bytes += file_size
    return rows


def _read_index(folder: Path, findings: _Findings) -> tuple[list[IndexRow], Binding, bool] | None:
    """Return rows, binding, and whether all rows could be read."""
    path = folder / INDEX_FILE
    problem = why_unreadable(path)
    if problem:
        findings.add(INDEX_FILE, problem)
        return None
    findings.bytes += path.stat().st_size
    rows: list[IndexRow] = []
    try:
        index = ImageIndex(path)
        binding = index.binding
        index.close()
        source = IndexRows(path)
    except CorruptStoreError as err:
        findings.add(INDEX_FILE, err.problem)
        return None
    before = len(findings.damaged)
    for group in source.groups:
        for what in source.check_columns(group):
            findings.add(INDEX_FILE, what)
        try:
            rows += source.read(group)
        except CorruptStoreError as err:
            first, last = source.starts[group], source.starts[group + 1] - 1
            findings.add(INDEX_FILE, f"rows {first:,} to {last:,} cannot be read: {err.problem}")
    source.close()
    is_whole = len(findings.damaged) == before
    if is_whole and (changed := changed_bytes(path, binding)):
        text = f"{len(changed):,} bytes are not what was written, the first at byte {changed[0]:,}"
        findings.add(INDEX_FILE, f"{text}; its rows can still be read")
    return rows, binding, is_whole


def _compare_counts(rows: Sequence[IndexRow], manifest: Manifest, folder: Path, findings: _Findings) -> None:
    if not manifest.images:
        if manifest.has_images:
            findings.add(MANIFEST_FILE, "its part 'images' is not what packhouse writes")
        return
    actual = {
        "count": len(rows),
        "source_bytes": sum(row.length for row in rows),
        "index_bytes": (folder / INDEX_FILE).stat().st_size,
        "digest": digest_of_all(row.digest for row in rows),
        "groups": len({row.group for row in rows}),
    }
    for name, value in actual.items():
        said = manifest.images.get(name)
        if said != value:
            findings.add(MANIFEST_FILE, f"says images.{name} is {said!r}, the index says {value!r}")
    if not manifest.escaped_names <= {row.file_name for row in rows}:
        findings.add(MANIFEST_FILE, "images.escaped_names holds names that the index has not")


def _check_tables(folder: Path, manifest: Manifest, findings: _Findings, observer: Observer) -> None:
    if not manifest.tables:
        return
    with task(observer, "tables", total=len(manifest.tables), unit="files") as progress:
        for table in manifest.tables:
            for what in _check_table(folder, table, findings):
                findings.add(table.file, what)
            progress.advance()


def _check_table(folder: Path, table: TableFacts, findings: _Findings) -> Iterator[str]:
    from packhouse.parquet_ import ParquetSource

    path = folder / table.file
    problem = why_unreadable(path)
    if problem:
        yield problem
        return
    try:
        digest = digest_of_file(path)
        findings.bytes += path.stat().st_size
        findings.tables += 1
        if digest != table.digest:
            yield "its bytes do not match the digest in pack.json"
            return  # a damaged footer can make the Parquet library abort the process
        source = ParquetSource(path)
        rows = source.rows
        source.close()
    except CorruptStoreError as err:
        yield err.problem
    except OSError as err:
        yield f"cannot be read: {err.strerror}"
    else:
        if rows != table.rows:
            yield f"has {rows:,} rows, pack.json says {table.rows:,}"


def _strangers(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Name what lies in the folder and is not of the pack."""
    ours = {MANIFEST_FILE, *(table.file for table in manifest.tables)}
    if manifest.has_images is not False:
        ours |= {IMAGES_FILE, INDEX_FILE}
    for below, folders, names in os.walk(folder):
        for name in sorted((*names, *(one for one in folders if Path(below, one).is_symlink()))):
            path = Path(below, name).relative_to(folder).as_posix()
            if path not in ours:
                yield f"{path} is not of the pack"
        folders.sort()
