"""Packs the images: skeleton first, then the bytes into their ranges, then the index."""

from __future__ import annotations

from pathlib import Path

from packhouse.errors import AccountingError, SourceError
from packhouse.packing.planning import Plan
from packhouse.packing.report import ImagesReport
from packhouse.progress import Observer, task
from packhouse.sources.folder import FolderReader
from packhouse.store.digest import digest_of_all
from packhouse.store.filling import Filled, Outcome, Place, fill
from packhouse.store.index import Binding, write_index
from packhouse.store.layout import ID_LENGTH, IMAGES_FILE, INDEX_FILE
from packhouse.store.skeleton import find_id, remove_datasets, write_skeleton


def pack_images(plan: Plan, folder: Path, observer: Observer) -> tuple[ImagesReport, list[SourceError]]:
    """Write images.h5 and image_index.parquet.

    Args:
        plan: What to pack.
        folder: Where to write.
        observer: Told of the progress.

    Returns:
        What was packed, and the errors of files that could not be read; those have no dataset.

    Raises:
        NoSpaceError: The disk ran full.
        AccountingError: An image got lost between plan and index.
    """
    path = folder / IMAGES_FILE
    datasets = [(key.group, key.name, plan.images[key.path].size) for key in plan.keys.keys]
    file_id = _id_of(plan)
    with task(observer, "skeleton", total=len(datasets), unit="files") as progress:
        offsets = write_skeleton(path, datasets, file_id=file_id)
        progress.advance(len(datasets))
    places = [
        Place(key, offset, size)
        for key, offset, (_, _, size) in zip(plan.keys.keys, offsets, datasets, strict=True)
    ]
    outcomes = _fill(plan, path, places, observer)
    filled = [outcome for outcome in outcomes if isinstance(outcome, Filled)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, SourceError)]
    if len(filled) + len(failed) != len(plan.images):
        raise AccountingError(
            f"{len(plan.images):,} images were planned, {len(filled):,} packed and {len(failed):,} failed"
        )
    lost = [
        place.key.key
        for place, outcome in zip(places, outcomes, strict=True)
        if isinstance(outcome, SourceError)
    ]
    if lost:
        remove_datasets(path, lost)
    binding = Binding(file_size=Path(path).stat().st_size, file_id=file_id, id_offset=find_id(path, file_id))
    index = folder / INDEX_FILE
    write_index(index, filled, binding)
    return _report(plan, filled, path, index), failed


def _id_of(plan: Plan) -> str:
    parts = (f"{key.key}\0{plan.images[key.path].size}".encode() for key in plan.keys.keys)
    return digest_of_all(parts)[:ID_LENGTH]


def _fill(plan: Plan, path: Path, places: list[Place], observer: Observer) -> list[Outcome]:
    reader = FolderReader(plan.source)
    with task(observer, "images", total=len(places), unit="files") as progress:
        return fill(
            path,
            places,
            lambda place, view: reader.read_into(plan.images[place.key.path], view),
            workers=plan.options.n_workers,
            on_filled=progress.advance,
        )


def _report(plan: Plan, filled: list[Filled], path: Path, index: Path) -> ImagesReport:
    return ImagesReport(
        file=path.name,
        count=len(filled),
        source_bytes=sum(image.place.length for image in filled),
        bytes=Path(path).stat().st_size,
        index_bytes=Path(index).stat().st_size,
        digest=digest_of_all(image.digest for image in filled),
        groups=len({image.place.key.group for image in filled}),
        dropped_folders=plan.keys.dropped,
        kept_extensions=plan.keys.kept_extensions,
        problems={image.place.key.key: image.facts.problem for image in filled if image.facts.problem},
    )
