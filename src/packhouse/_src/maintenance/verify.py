"""`packhouse.verify`: reads every byte of a pack and lists everything that is damaged."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packhouse._src.concurrency.threads import workers_or_default
from packhouse._src.footers.footer_digest import read_footer_digest
from packhouse._src.imagefile.digest import digest_of_file, digest_of_parts
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE, MANIFEST_FILE
from packhouse._src.imagefile.read.index_rows import Damage, IndexRow
from packhouse._src.maintenance.compare import Difference, compare
from packhouse._src.maintenance.image_checks import Findings, check_derived, check_images
from packhouse._src.maintenance.manifest_checks import Manifest, TableFacts, read_manifest, why_unreadable
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse.errors import CorruptStoreError
from packhouse.progress import Observer, task


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
    """Everything that is wrong with the pack."""

    against: Path | None
    """Path of the originals that it was compared with."""

    differences: tuple[Difference, ...]
    """How the originals differ from the pack."""

    notes: tuple[str, ...]
    """What is worth knowing but not damage, such as files that are not part of the pack."""

    seconds: float
    """Wall time."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged, and nothing differs from the originals if they were compared."""
        return not (self.damaged or self.differences)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as `packhouse verify --json` prints it."""
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


@shows_progress
def verify(
    pack: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Progress = None,
) -> VerifyReport:
    """Read every byte of a pack and compare it with its digests.

    Images and tables are compared with their digests. The index is compared with its checksums, pack.json and
    HDF5's own view of images.h5. Nothing is changed.

    Args:
        pack: The folder of the pack, even one that `packhouse.open` refuses.
        against: Compare the images with the original data set too, at this path.
        workers: Number of workers. Default: one per core, 8 at most.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        Everything that is damaged, and how the originals differ.

    Raises:
        NotAPackError: There is neither a pack at this path nor what is left of one.
        UsageError: workers is less than 1.
        SourceNotFoundError: against does not exist, or is not a data set.
        SourceError: against cannot be read.

    Cost: one read of the pack at the speed of the disk, 25 us per image to check the index and HDF5's view,
    and 600 bytes of memory per image.
    """
    started = time.perf_counter()
    folder, observer, threads = Path(pack), listener(progress), workers_or_default(workers)
    manifest = read_manifest(folder)
    findings = Findings(list(manifest.damaged))
    rows: list[IndexRow] | None = None
    has_parts = any((folder / name).exists() for name in (IMAGES_FILE, INDEX_FILE))
    if manifest.has_images or (manifest.has_images is None and has_parts):
        rows = check_images(folder, manifest, findings, threads, observer)
    _check_tables(folder, manifest, findings, observer)
    derived = check_derived(folder, manifest, rows, findings, threads, observer)
    findings.notes += _unknown_files(folder, manifest, derived)
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


def _check_tables(folder: Path, manifest: Manifest, findings: Findings, observer: Observer) -> None:
    if not manifest.tables:
        return
    with task(observer, "tables", total=len(manifest.tables), unit="files") as progress:
        for table in manifest.tables:
            if table.parts:
                _check_parts(folder, table, findings)
            else:
                for what in _check_table(folder, table, findings):
                    findings.add(table.file, what)
            progress.advance()


def _check_parts(folder: Path, table: TableFacts, findings: Findings) -> None:
    tables, sound = findings.tables, True
    for part in table.parts:
        one = TableFacts(table.name, f"{table.file}/{part.file}", part.rows, part.digest)
        for what in _check_table(folder, one, findings):
            findings.add(one.file, what)
            sound = False
    findings.tables = tables + 1
    said = digest_of_parts((part.file, part.digest) for part in table.parts)
    rows = sum(part.rows for part in table.parts)
    if sound and (said, rows) != (table.digest, table.rows):
        findings.add(table.file, "its parts are not those that were written")


def _check_table(folder: Path, table: TableFacts, findings: Findings) -> Iterator[str]:
    from packhouse._src.parquet_ import ParquetSource

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
        if read_footer_digest(path) is None:
            findings.notes.append(
                f"the footer of {table.file} is not sealed: it was written by an earlier version, "
                "so its whole file is compared with its digest before it is read"
            )


def _unknown_files(folder: Path, manifest: Manifest, derived: Sequence[str]) -> Iterator[str]:
    """Name what lies in the folder and is not part of the pack."""
    ours = {MANIFEST_FILE, *derived, *(table.file for table in manifest.tables)}
    ours |= {f"{table.file}/{part.file}" for table in manifest.tables for part in table.parts}
    if manifest.has_images is not False:
        ours |= {IMAGES_FILE, INDEX_FILE}
    for below, folders, names in os.walk(folder):
        for name in sorted((*names, *(one for one in folders if Path(below, one).is_symlink()))):
            path = Path(below, name).relative_to(folder).as_posix()
            if path not in ours:
                yield f"{path} is not part of the pack"
        folders.sort()
