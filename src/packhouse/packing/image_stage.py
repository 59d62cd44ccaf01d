"""Packs the images of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packhouse.packing.planning import Plan
from packhouse.packing.report import ImagesReport, Resumed, describe_images
from packhouse.progress import Observer
from packhouse.store.making import How, Made, make_images
from packhouse.store.resuming import kept_elsewhere
from packhouse.store.reusing import CopiedFile, Kept, ReusingReader


@dataclass(frozen=True, slots=True)
class PackedImages:
    """The images, packed."""

    made: Made
    report: ImagesReport
    resumed: Resumed


def pack_images(plan: Plan, folder: Path, earlier: Mapping[str, Kept], observer: Observer) -> PackedImages:
    """Write images.h5 and image_index.parquet, or go on where an earlier run has stopped.

    Args:
        plan: What to pack.
        folder: Where to write.
        earlier: Path below SRC -> the image in a pack that this one replaces; copied unless it has changed.
        observer: Told of the progress.

    Returns:
        What was packed, and the errors of files that could not be read.

    Raises:
        NoSpaceError: The disk ran full.
        DestinationError: The disk cannot be written.
        AccountingError: An image got lost between plan and index.
    """
    source, options, planned = plan.source, plan.options, plan.planned_images
    kept = {**earlier, **kept_elsewhere(folder, but=planned.file_id)}
    how = How(
        workers=1 if source.in_turn else options.n_workers,
        processes=options.engine == "processes" and not source.in_turn,
        by_position=source.by_position,
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
        alike=plan.keys.alike,
    )
    copied = sum(isinstance(image.place.file, CopiedFile) for image in made.images)
    return PackedImages(made, report, Resumed(found=made.found, changed=made.changed, copied=copied))
