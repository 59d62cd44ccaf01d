"""`packhouse.extract`: the packed images as files, byte for byte, under their original names."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from packhouse._src.concurrency.threads import default_workers, run_in_threads
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE
from packhouse._src.imagefile.read.index_rows import Damage, IndexRow, IndexRows, is_inside
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.maintenance.manifest_checks import Manifest, read_manifest
from packhouse._src.maintenance.scan import ScanPiece, ScanReader, cut, opened
from packhouse._src.maintenance.target import TargetFolder, parts_of
from packhouse._src.packing.destination import check_outside
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse._src.records import Failed
from packhouse._src.sources.names import unescape_path
from packhouse.errors import CorruptStoreError, DestinationError, NoSpaceError, NotAPackError, Where
from packhouse.progress import task

PIECE_BYTES = 1 << 20
BLOCK_BYTES = 4096
"""What a file takes at least, on most file systems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractReport:
    """What extracting did."""

    pack: Path
    target: Path
    images: int
    """Images of the pack."""

    written: int
    there_already: int
    """Files that already existed with the same bytes, for example after an interrupted run."""

    bytes: int
    """Bytes written."""

    failed: tuple[Failed, ...]
    """Images that could not be written, by their paths."""

    damaged: tuple[Damage, ...]
    """Images that do not match their digests and were not written."""

    tables: tuple[str, ...]
    """Tables of the pack; they are not converted back to CSV."""

    seconds: float
    """Wall time."""

    @property
    def is_complete(self) -> bool:
        """Whether every image of the pack is in the target."""
        return not (self.failed or self.damaged)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as `packhouse extract --json` prints it."""
        return {
            "pack": str(self.pack),
            "target": str(self.target),
            "images": self.images,
            "written": self.written,
            "there_already": self.there_already,
            "bytes": self.bytes,
            "failed": [asdict(one) for one in self.failed],
            "damaged": [one._asdict() for one in self.damaged],
            "tables_not_extracted": list(self.tables),
            "seconds": round(self.seconds, 3),
        }


class _Done(NamedTuple):
    """What came of one piece."""

    written: int
    bytes: int
    there_already: int
    failed: list[Failed]
    damaged: list[Damage]


@shows_progress
def extract(
    pack: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    progress: Progress = None,
) -> ExtractReport:
    """Write every image of a pack below a folder, under the path that its file had below SRC.

    Nothing is written outside the folder or over an existing file, and no link in the folder is followed. An
    existing file with the same bytes counts as done, so the same call resumes an interrupted run. Tables are
    not converted back to CSV. Times and permissions of the originals are not in a pack.

    Args:
        pack: The folder of the pack.
        target: The folder to write to; created if missing.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        What was written, and what was not and why: bad names, files in the way, damaged images.

    Raises:
        NotAPackError: There is no pack at this path, or it has no images.
        CorruptStoreError: Its manifest or its index is damaged.
        NoSpaceError: The disk is too small, or ran full.
        DestinationError: The target cannot be created or opened.

    Cost: reads the images once, in the order of the file, with digests checked; about 600 bytes of memory per
    image. Ctrl-C leaves no half-written file. A kill can leave one per thread; the next run lists them.
    """
    started = time.perf_counter()
    check_outside(target, pack)
    folder, out = Path(pack), Path(target)
    manifest, rows = _read_pack(folder)
    paths, failed = _paths(rows, manifest)
    damaged: list[Damage] = []
    written = there = n_bytes = 0
    sound = [row for row in rows if row.key in paths]
    _check_space(sound, paths, out)
    _make(out)
    with (
        opened(folder / IMAGES_FILE) as source,
        task(listener(progress), "images", total=len(rows), unit="files") as shown,
    ):
        shown.advance(len(failed))

        def on_done(piece: ScanPiece, done: _Done) -> None:
            nonlocal written, there, n_bytes
            written, there = written + done.written, there + done.there_already
            n_bytes += done.bytes
            failed.extend(done.failed)
            damaged.extend(done.damaged)
            shown.advance(len(piece.rows))

        pieces = list(cut(sound, most_bytes=PIECE_BYTES))
        run_in_threads(pieces, _Extracting(source, out, paths).open, on_done, workers=default_workers())
    return ExtractReport(
        pack=folder,
        target=out,
        images=len(rows),
        written=written,
        there_already=there,
        bytes=n_bytes,
        failed=tuple(sorted(failed, key=lambda one: one.path)),
        damaged=tuple(sorted(damaged)),
        tables=tuple(table.name for table in manifest.tables),
        seconds=time.perf_counter() - started,
    )


def _read_pack(folder: Path) -> tuple[Manifest, list[IndexRow]]:
    where = Where(file=str(folder))
    manifest = read_manifest(folder)
    if manifest.damaged:
        raise CorruptStoreError(
            str(manifest.damaged[0]),
            where=where,
            hint=f"packhouse verify {folder} lists all damage",
        )
    if not manifest.has_images:
        raise NotAPackError(
            "the pack has tables only, no images", where=where, hint="its Parquet files need no extracting"
        )
    store = ImageStore(folder / IMAGES_FILE, folder / INDEX_FILE)  # sees that the two belong together
    file_size = store.index.binding.file_size
    store.close()
    source = IndexRows(folder / INDEX_FILE)
    rows = source.read_all()
    source.close()
    if not all(is_inside(row, file_size) for row in rows):
        raise CorruptStoreError("an image is outside images.h5", where=Where(file=str(folder / INDEX_FILE)))
    return manifest, rows


def _paths(rows: Sequence[IndexRow], manifest: Manifest) -> tuple[dict[str, tuple[bytes, ...]], list[Failed]]:
    """Return key -> parts of the path, and the images whose names cannot be written."""
    escaped, code_pages = manifest.escaped_names, manifest.code_pages
    paths, failed = {}, []
    for row in rows:
        name = row.file_name
        try:
            raw = unescape_path(name) if name in escaped else name.encode(code_pages.get(name, "utf-8"))
            paths[row.key] = parts_of(raw)
        except UnicodeEncodeError as err:
            failed.append(Failed(name, DestinationError.__name__, f"its name is not {err.encoding}"))
        except DestinationError as err:
            failed.append(Failed(name, type(err).__name__, err.problem))
    return paths, failed


def _check_space(rows: Sequence[IndexRow], paths: dict[str, tuple[bytes, ...]], out: Path) -> None:
    above = next((path for path in (out, *out.absolute().parents) if path.exists()), Path("/"))
    free, block = shutil.disk_usage(above).free, BLOCK_BYTES
    needed = sum(-(-row.length // block) * block for row in rows)
    if needed <= free:
        return
    root = os.fsencode(out)
    for row in rows:  # what an earlier run has written needs no space
        try:
            there = os.lstat(os.path.join(root, *paths[row.key]))  # noqa: PTH118  # bytes are no Path
        except OSError:
            continue
        if there.st_size == row.length:
            needed -= -(-row.length // block) * block
    if needed > free:
        raise NoSpaceError(
            f"the images need {needed:,} bytes, the disk has {free:,} free",
            where=Where(file=str(out)),
            hint="free some space, or choose another DIR",
        )


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise DestinationError(
            f"the folder cannot be created: {err.strerror}",
            where=Where(file=str(out)),
            hint="choose another DIR",
        ) from err


class _Extracting:
    """How one thread writes its pieces."""

    def __init__(self, source: int, out: Path, paths: dict[str, tuple[bytes, ...]]) -> None:
        self._source = source
        self._out = out
        self._paths = paths

    @contextmanager
    def open(self) -> Iterator[Callable[[ScanPiece], _Done]]:
        """Give what writes one piece."""
        reader = ScanReader(self._source)
        with TargetFolder(self._out) as target:
            yield lambda piece: self._write(piece, reader, target)

    def _write(self, piece: ScanPiece, reader: ScanReader, target: TargetFolder) -> _Done:
        written: list[int] = []
        there: list[str] = []
        failed: list[Failed] = []
        damaged: list[Damage] = []

        def take(row: IndexRow, data: memoryview) -> None:
            try:
                if target.write(self._paths[row.key], data):
                    written.append(row.length)
                else:
                    there.append(row.key)
            except NoSpaceError as err:
                err.where = Where(file=str(self._out))
                raise
            except DestinationError as err:
                failed.append(Failed(row.file_name, type(err).__name__, err.problem))

        def refuse(row: IndexRow, what: str) -> None:
            damaged.append(Damage(IMAGES_FILE, row.key, what))

        reader.read(piece, take, refuse)
        return _Done(len(written), sum(written), len(there), failed, damaged)
