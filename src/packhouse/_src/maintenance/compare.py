"""Compares the images of a pack with the originals, by their paths below SRC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from packhouse._src.concurrency.threads import run_in_threads
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.read.index_rows import IndexRow
from packhouse._src.maintenance.manifest_checks import Manifest
from packhouse._src.records import SourceFile
from packhouse._src.sources.sorting import Selection, sort_files
from packhouse._src.sources.source import Found, Source
from packhouse.errors import SourceChangedError, SourceError
from packhouse.progress import Observer, task

BUFFER_BYTES = 4 << 20
TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Difference:
    """One image that is not the same in SRC and in the pack."""

    path: str
    """Path below SRC."""

    what: str
    """How it differs."""


class _Pair(NamedTuple):
    file: SourceFile
    row: IndexRow


def compare(
    rows: Sequence[IndexRow],
    src: Path,
    manifest: Manifest,
    pack: Path,
    *,
    workers: int,
    observer: Observer,
) -> list[Difference]:
    """Compare every image of a pack with its original, and name those that only one of the two has.

    Args:
        rows: The images of the pack.
        src: The data set.
        manifest: What pack.json says: the globs that chose the images.
        pack: The folder of the pack, which is not a part of the data set if it lies in there.
        workers: Number of threads.
        observer: Progress callback.

    Returns:
        All differences, sorted by path.

    Raises:
        SourceNotFoundError: src does not exist, or is no data set.
        SourceError: It cannot be read.

    Cost: reads every original whose size is as in the pack.
    """
    from packhouse._src.packing.opening_sources import open_any_source  # brings all kinds of archives

    source = open_any_source(
        src, frozenset((pack.resolve(),)), manifest.source_options, wish=manifest.hdf5_wish
    )
    with task(observer, "scanning", total=None, unit="files") as progress:
        found = source.scan(progress.advance)
    files = _images_of(source, found, manifest)
    packed = {row.file_name: row for row in rows}
    different = [Difference(path, "is not in the pack") for path in files if path not in packed]
    reasons = {one.path: one.reason for one in found.skipped}
    reasons |= {one.path: one.message for one in found.failed}
    pairs = []
    for path, row in packed.items():
        file = files.get(path)
        if file is None:
            why = f": {reasons[path]}" if path in reasons else ""
            different.append(Difference(path, f"is not among the images of SRC{why}"))
        elif file.size != row.length:
            size = f"has {file.size:,} bytes in SRC, {row.length:,} in the pack"
            different.append(Difference(path, size))
        else:
            pairs.append(_Pair(file, row))
    different += _compare_bytes(source, pairs, workers=workers, observer=observer)
    return sorted(different, key=lambda one: one.path)


def _images_of(source: Source, found: Found, manifest: Manifest) -> dict[str, SourceFile]:
    selection = Selection(manifest.globs("images"), manifest.globs("tables"), manifest.globs("include"))
    images = sort_files(found.files, selection, all_chosen=source.chosen).images
    return {file.path: file for file in images}


def _compare_bytes(
    source: Source, pairs: list[_Pair], *, workers: int, observer: Observer
) -> list[Difference]:
    different: list[Difference] = []
    if source.in_turn or source.by_position:
        pairs.sort(key=lambda pair: pair.file.inode)
    pieces = [pairs[start : start + TOGETHER] for start in range(0, len(pairs), TOGETHER)]
    with task(observer, "originals", total=len(pairs), unit="files") as progress:

        @contextmanager
        def comparing() -> Iterator[Callable[[Sequence[_Pair]], list[Difference]]]:
            buffer = bytearray(BUFFER_BYTES)
            yield lambda piece: list(_compare_piece(source, piece, buffer))

        def on_done(piece: Sequence[_Pair], found: list[Difference]) -> None:
            different.extend(found)
            progress.advance(len(piece))

        run_in_threads(pieces, comparing, on_done, workers=1 if source.in_turn else workers)
    return different


def _compare_piece(source: Source, piece: Sequence[_Pair], buffer: bytearray) -> Iterator[Difference]:
    source.read_ahead([pair.file for pair in piece])
    for file, row in piece:
        kept = buffer if file.size <= len(buffer) else bytearray(file.size)
        with memoryview(kept) as whole, whole[: file.size] as view:
            try:
                source.read_into(file, view)
            except SourceChangedError as err:
                yield Difference(file.path, err.problem.replace("while packing", "while it was compared"))
            except SourceError as err:
                yield Difference(file.path, err.problem)
            else:
                if digest_of(view) != row.digest:
                    yield Difference(file.path, "its bytes differ from those in the pack")
