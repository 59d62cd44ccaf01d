"""Checks images.h5 with its index, of a pack and of the stores derived from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packhouse._src.imagefile.digest import digest_of_all
from packhouse._src.imagefile.format import DERIVED_FOLDER, IMAGES_FILE, INDEX_FILE, MANIFEST_FILE
from packhouse._src.imagefile.index_file import Binding
from packhouse._src.imagefile.read.image_index import ImageIndex
from packhouse._src.imagefile.read.index_rows import Damage, IndexRow, IndexRows, check_rows, is_inside
from packhouse._src.maintenance.index_pages import changed_bytes
from packhouse._src.maintenance.manifest_checks import Manifest, why_unreadable
from packhouse._src.maintenance.scan import check_bytes
from packhouse._src.maintenance.structure import check_binding, check_structure
from packhouse.errors import CorruptStoreError
from packhouse.progress import Observer, task


@dataclass(slots=True)
class Findings:
    """What was found so far."""

    damaged: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    images: int = 0
    tables: int = 0
    bytes: int = 0

    def add(self, file: str, what: str, key: str | None = None) -> None:
        """Note damage of a file, or of an image in it."""
        self.damaged.append(Damage(file, key, what))


def check_images(
    folder: Path, manifest: Manifest, findings: Findings, workers: int, observer: Observer
) -> list[IndexRow] | None:
    """Check images.h5 and its index.

    Args:
        folder: Where both lie.
        manifest: What pack.json says of them.
        findings: Takes what is wrong.
        workers: Number of threads.
        observer: Progress callback.

    Returns:
        The rows that could be read; None when the index cannot be opened.
    """
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
        findings.damaged += check_bytes(path, inside, workers=workers, on_read=progress.advance)[1]
    findings.images = len(inside)
    if is_whole and not wrong:
        with task(observer, "HDF5 structure", total=len(rows), unit="files") as progress:
            damaged, notes = check_structure(path, rows, binding)
            progress.reach(len(rows))
        findings.damaged += damaged
        findings.notes += notes
    findings.bytes += file_size
    return rows


def _read_index(folder: Path, findings: Findings) -> tuple[list[IndexRow], Binding, bool] | None:
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
        text = f"{len(changed):,} bytes differ from what was written, the first at byte {changed[0]:,}"
        findings.add(INDEX_FILE, f"{text}; its rows can still be read")
    return rows, binding, is_whole


def _compare_counts(rows: Sequence[IndexRow], manifest: Manifest, folder: Path, findings: Findings) -> None:
    if not manifest.images:
        if manifest.has_images:
            findings.add(MANIFEST_FILE, "its entry 'images' is not valid")
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
        findings.add(MANIFEST_FILE, "images.escaped_names has names that are not in the index")


def check_derived(
    folder: Path,
    manifest: Manifest,
    originals: Sequence[IndexRow] | None,
    findings: Findings,
    workers: int,
    observer: Observer,
) -> list[str]:
    """Check the stores that were derived from the images; otherwise as `check_images`.

    Args:
        folder: The pack.
        manifest: What pack.json says.
        originals: Rows of the images of the pack, where they could be read.
        findings: Takes what is wrong.
        workers: Number of threads.
        observer: Progress callback.

    Returns:
        Files of the pack that were checked, below its folder.
    """
    files = []
    for size, entry in manifest.derived.items():
        name, inner = DERIVED_FOLDER.format(size), Findings()
        files += [f"{name}/{IMAGES_FILE}", f"{name}/{INDEX_FILE}"]
        rows = check_images(folder / name, Manifest({"images": entry}), inner, workers, observer)
        for one in inner.damaged:
            if one.file == MANIFEST_FILE:
                findings.add(MANIFEST_FILE, f"{name}: {one.what}")
            else:
                findings.add(f"{name}/{one.file}", one.what, one.key)
        findings.notes += [f"{name}: {note}" for note in inner.notes]
        findings.bytes += inner.bytes
        if rows and originals and [row.key for row in rows] != [row.key for row in originals]:
            findings.add(f"{name}/{INDEX_FILE}", "its keys differ from those of the images")
        if entry.get("originals") != manifest.images.get("digest"):
            findings.add(MANIFEST_FILE, f"{name} was derived from other images than these")
    return files
