"""Packs the images: skeleton first, then the bytes into their ranges, then the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse.errors import AccountingError, SourceError
from packhouse.packing.planning import Plan
from packhouse.packing.report import ImagesReport, Resumed
from packhouse.progress import Observer, task
from packhouse.store.digest import digest_of_all
from packhouse.store.filling import Filled, Filling, Outcome, Taken, fill
from packhouse.store.index import Binding, write_index
from packhouse.store.layout import ID_LENGTH, INDEX_FILE
from packhouse.store.resuming import Begun, Planned, begin, folder_of, kept_elsewhere
from packhouse.store.reusing import Kept, ReusingReader
from packhouse.store.skeleton import find_id


@dataclass(frozen=True, slots=True)
class PackedImages:
    """The images, packed."""

    report: ImagesReport
    file: Path
    """images.h5, in the folder where it was made."""

    images: Sequence[Filled]
    """In order of their keys; each with its file as it was when it was read."""

    failed: dict[str, SourceError]
    """Path below SRC -> why the file could not be read; it has no dataset."""

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
        AccountingError: An image got lost between plan and index.
    """
    planned = _planned(plan)
    kept = {**earlier, **kept_elsewhere(folder, but=planned.file_id)}
    with task(observer, "layout", total=len(planned.keys), unit="files") as progress:
        started = begin(
            folder_of(folder, planned.file_id),
            planned,
            workers=plan.options.n_workers,
            on_checked=progress.advance,
        )
        progress.reach(len(planned.keys))
    with started:
        outcomes = _fill(plan, started, kept, observer)
        path = started.complete([row for row, one in enumerate(outcomes) if isinstance(one, SourceError)])
    binding = Binding(
        file_size=path.stat().st_size, file_id=planned.file_id, id_offset=find_id(path, planned.file_id)
    )
    images = [
        Filled(place._replace(file=outcome.file), outcome.digest, outcome.facts)
        for place, outcome in zip(started.places, outcomes, strict=True)
        if isinstance(outcome, Taken)
    ]
    index = folder / INDEX_FILE
    write_index(index, images, binding)
    return PackedImages(
        report=_report(plan, images, path, index),
        file=path,
        images=images,
        failed={
            place.file.path: outcome
            for place, outcome in zip(started.places, outcomes, strict=True)
            if isinstance(outcome, SourceError)
        },
        resumed=_resumed(started, images, kept),
    )


def _planned(plan: Plan) -> Planned:
    keys = plan.keys.keys
    files = [plan.images[key.path] for key in keys]
    parts = (f"{key.key}\0{file.size}".encode() for key, file in zip(keys, files, strict=True))
    return Planned(keys, files, digest_of_all(parts)[:ID_LENGTH])


def _fill(plan: Plan, started: Begun, kept: Mapping[str, Kept], observer: Observer) -> list[Outcome]:
    outcomes: list[Outcome | None] = [started.filled.get(row) for row in range(len(started.places))]
    source = plan.source
    reader = ReusingReader(source, kept) if kept else source
    missing = started.missing
    if source.by_position:
        missing.sort(key=lambda row: started.places[row].file.inode)
    with task(observer, "images", total=len(started.places), unit="files") as progress:
        progress.advance(len(started.filled))

        def on_filled(rows: Sequence[int], filled: Sequence[Outcome]) -> None:
            started.skeleton.check()
            started.journal.add(rows, filled)
            for row, outcome in zip(rows, filled, strict=True):
                outcomes[row] = outcome
            progress.advance(len(rows))

        fill(
            Filling(started.path, reader),
            started.places,
            missing,
            on_filled,
            workers=1 if source.in_turn else plan.options.n_workers,
            processes=plan.options.engine == "processes" and not source.in_turn,
        )
    done = [outcome for outcome in outcomes if outcome is not None]
    if len(done) != len(plan.images):
        raise AccountingError(f"{len(plan.images):,} images were planned, {len(done):,} packed or failed")
    return done


def _resumed(started: Begun, images: Sequence[Filled], kept: Mapping[str, Kept]) -> Resumed:
    copied = sum(
        (one := kept.get(image.place.file.path)) is not None and one.file == image.place.file
        for image in images
    )
    return Resumed(found=len(started.filled), changed=started.changed, copied=copied if kept else 0)


def _report(plan: Plan, images: Sequence[Filled], path: Path, index: Path) -> ImagesReport:
    return ImagesReport(
        file=path.name,
        count=len(images),
        source_bytes=sum(image.place.length for image in images),
        bytes=path.stat().st_size,
        index_bytes=index.stat().st_size,
        digest=digest_of_all(image.digest for image in images),
        groups=len({image.place.key.group for image in images}),
        dropped_folders=plan.keys.dropped,
        kept_extensions=plan.keys.kept_extensions,
        escaped_names=plan.escaped,
        alike=plan.keys.alike,
        problems={image.place.key.key: image.facts.problem for image in images if image.facts.problem},
    )
