"""Packs the images of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packhouse._src.imagefile.write.build import CopyOptions, make_images
from packhouse._src.imagefile.write.resume import kept_elsewhere
from packhouse._src.imagefile.write.reuse import CopiedFile, ReusingReader
from packhouse._src.packing.planning import Plan
from packhouse._src.packing.reporting.report_facts import ImagesReport, Resumed, Updated, describe_images
from packhouse._src.packing.updating import EarlierPack
from packhouse.errors import SourceError
from packhouse.progress import Observer


@dataclass(frozen=True, slots=True)
class PackedImages:
    """The images, packed."""

    path: Path
    """images.h5, in the folder where it was made."""

    failed: dict[str, SourceError]
    """Path below SRC -> why the file could not be read; it has no dataset."""

    report: ImagesReport
    resumed: Resumed
    updated: Updated | None
    """How they differ from those of the pack that is replaced."""


def pack_images(plan: Plan, folder: Path, earlier: EarlierPack, observer: Observer) -> PackedImages:
    """Write images.h5 and image_index.parquet, or go on where an earlier run has stopped.

    Args:
        plan: What to pack.
        folder: Where to write.
        earlier: The pack that this one replaces, with --update: what has not changed is copied from it.
        observer: Progress callback.

    Returns:
        What was packed, and the errors of files that could not be read.

    Raises:
        NoSpaceError: The disk ran full.
        DestinationError: The disk cannot be written.
        AccountingError: An image got lost between plan and index.
    """
    source, options, planned = plan.source, plan.options, plan.planned_images
    kept = {**earlier.kept, **kept_elsewhere(folder, but=planned.file_id)}
    how = CopyOptions(
        workers=1 if source.in_turn else options.n_workers,
        processes=options.engine == "processes" and not source.in_turn,
        by_position=source.by_position,
        look=source.look,
    )
    reader = ReusingReader(source, kept) if kept else None
    try:
        made = make_images(folder, planned, reader or source, how, observer)
    finally:
        if reader is not None:
            reader.close()
    report = describe_images(
        made,
        dropped=plan.keys.dropped,
        kept_extensions=plan.keys.kept_extensions,
        escaped=plan.escaped,
        code_pages=plan.code_pages,
        alike=plan.keys.alike,
    )
    copied = sum(isinstance(image.place.file, CopiedFile) for image in made.images)
    return PackedImages(
        made.path,
        made.failed,
        report,
        Resumed(found=made.found, changed=made.changed, copied=copied),
        earlier.compare(made.images) if options.update else None,
    )
