"""Whether an update would make the very pack that is there: then nothing is written at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from packhouse._src.imagefile.digest import digest_of, digest_of_table
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE
from packhouse._src.packing.destination import LOCK_FILE
from packhouse._src.packing.image_stage import PackedImages
from packhouse._src.packing.keeping.from_json import from_json
from packhouse._src.packing.keeping.run_memory import digest_of_said, has_its_images, read_said
from packhouse._src.packing.planning import Plan
from packhouse._src.packing.reporting.report import Report
from packhouse._src.packing.reporting.report_facts import ImagesReport, Resumed, Totals, Updated
from packhouse._src.packing.reusing.inputs import digest_of_images, digest_of_inputs
from packhouse._src.packing.reusing.kept_tables import known_digest
from packhouse._src.packing.updating import EarlierPack
from packhouse._src.records import Failed, SourceFile
from packhouse._src.system.hard_links import link
from packhouse._src.table_records import JoinReport, LinkReport, TableReport
from packhouse.errors import SourceError

NOTHING_RESUMED = Resumed(found=0, changed=0, copied=0)


def are_images_kept(plan: Plan, earlier: EarlierPack) -> bool:
    """Say whether the image file of the pack is the one that would be made.

    Args:
        plan: What is packed.
        earlier: The pack that is there.

    Cost: reads those images whose files have other times than when they were packed, up to one that differs.
    """
    run = earlier.run
    if run is None or not run.made or run.images != digest_of_images(plan):
        return False
    if earlier.digests.keys() != plan.images.keys() or not has_its_images(run, plan.dest):
        return False
    return all(_holds(plan, earlier, plan.images[path]) for path in _by_position(plan, plan.images))


def keep_images(plan: Plan, folder: Path, earlier: EarlierPack) -> PackedImages | None:
    """Put the image file of the earlier pack and its index into the new one, as hard links.

    Args:
        plan: What is packed; its images are those of the pack.
        folder: DEST.packing.
        earlier: The pack that is there.

    Returns:
        The images; None when the file system has no hard links.
    """
    said = read_said(plan.dest)
    try:
        report = from_json(ImagesReport, said["images"])
        for name in (IMAGES_FILE, INDEX_FILE):
            (folder / name).unlink(missing_ok=True)
            link(plan.dest / name, folder / name)
    except (OSError, ValueError, KeyError):
        return None
    return PackedImages(folder / IMAGES_FILE, {}, report, NOTHING_RESUMED, _updated(earlier))


def unchanged_report(plan: Plan, earlier: EarlierPack, *, seconds: dict[str, float]) -> Report | None:
    """Return the report of the pack that is there, when nothing has changed since it was made.

    Args:
        plan: What would be packed.
        earlier: The pack that is there.
        seconds: Stage -> wall time so far.

    Returns:
        The report; None when there is something to do.

    Cost: reads the tables and joins of the pack to check their digests, and those input files whose times
    have changed.
    """
    run, said = earlier.run, read_said(plan.dest)
    if (plan.dest / LOCK_FILE).exists():  # a run was killed while it put the pack in place
        return None
    if run is None or run.manifest != digest_of_said(said):
        return None
    if run.inputs != digest_of_inputs(plan, digest_of_images(plan)) or not _has_its_tables(said, plan.dest):
        return None
    if not _tables_are_as_they_were(plan, earlier) or (plan.images and not are_images_kept(plan, earlier)):
        return None
    try:
        return Report(
            source=plan.source.path,
            dest=plan.dest,
            options=plan.options.shaping,
            given=plan.given.shaping,
            totals=from_json(Totals, said["files"]),
            images=from_json(ImagesReport, said["images"]) if said["images"] else None,
            tables=tuple(from_json(TableReport, one) for one in said["tables"].values()),
            links=tuple(from_json(LinkReport, one) for one in said["links"]),
            joins=tuple(from_json(JoinReport, one) for one in said["joins"].values()),
            archives=plan.archives,
            skipped=plan.skipped,
            failed=tuple(from_json(Failed, one) for one in said["failed"]),
            table_digests={
                name: one["digest"] for kind in ("tables", "joins") for name, one in said[kind].items()
            },
            seconds=seconds,
            resumed=NOTHING_RESUMED if plan.images else None,
            updated=_updated(earlier) if plan.images else None,
            up_to_date=True,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _updated(earlier: EarlierPack) -> Updated:
    return Updated(new=(), changed=(), removed=(), unchanged=len(earlier.digests))


def _by_position(plan: Plan, paths: Iterable[str]) -> Iterable[str]:
    return sorted(paths, key=lambda path: plan.images[path].inode) if plan.source.by_position else paths


def _holds(plan: Plan, earlier: EarlierPack, file: SourceFile) -> bool:
    kept = earlier.kept.get(file.path)
    if kept is not None and kept.file == file:
        return True
    data = bytearray(file.size)
    try:
        plan.source.read_into(file, memoryview(data))
    except SourceError:
        return False
    return digest_of(data) == earlier.digests[file.path]


def _has_its_tables(said: dict[str, dict[str, dict[str, str]]], dest: Path) -> bool:
    try:
        made = [*said["tables"].values(), *said["joins"].values()]
        return all(digest_of_table(dest / one["file"]) == one["digest"] for one in made)
    except (OSError, KeyError, TypeError, AttributeError):
        return False


def _tables_are_as_they_were(plan: Plan, earlier: EarlierPack) -> bool:
    with tempfile.TemporaryDirectory(prefix="packhouse-") as spill:
        for path in plan.table_files:
            known = earlier.made_of.sources.get(path)
            if known is None or known_digest(known, plan, path, Path(spill)) != known[1]:
                return False
    return True
