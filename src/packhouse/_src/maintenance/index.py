"""`packhouse.index`: makes third-party HDF5 files of images readable at full speed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.concurrency.threads import workers_or_default
from packhouse._src.foreign.evidence.layouts import Layout, read_wish
from packhouse._src.foreign.foreign_index import index_foreign
from packhouse._src.foreign.found import Refused
from packhouse._src.option_types.named_values import several
from packhouse._src.progress_display.display import Progress, listener, shows_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What was indexed, and what was not."""

    file: Path
    """The HDF5 file."""

    index: Path
    """The index: next to the file, or in the user's cache folder."""

    images: int
    """Number of images in the index."""

    problems: dict[str, str]
    """Key -> what is wrong with an image that is in the index: "truncated", "not an image", ..."""

    labels: tuple[str, ...]
    """Columns of the table "labels"; empty if the file has no labels."""

    helpers: tuple[str, ...]
    """Datasets that say where images are, or what they are called."""

    refused: tuple[Refused, ...]
    """Everything else in the file that is not in the index, each with its path and reason."""

    seconds: float
    """Time taken."""

    @property
    def is_clean(self) -> bool:
        """Whether everything in the file is in the index, and there are images without problems."""
        return bool(self.images) and not self.refused and not self.problems

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "file": str(self.file),
            "index": str(self.index),
            "images": self.images,
            "problems": self.problems,
            "labels": list(self.labels),
            "helpers": list(self.helpers),
            "refused": [{"path": one.path, "reason": one.reason} for one in self.refused],
            "seconds": round(self.seconds, 3),
        }


@shows_progress
def index(
    file: str | os.PathLike[str],
    *,
    images_from: str | Sequence[str] = (),
    layout: Layout | None = None,
    workers: int | None = None,
    progress: Progress = None,
) -> IndexReport:
    """Make the index of a third-party HDF5 file of images, so that it opens at once and reads at full speed.

    `packhouse.open(file)` does the same when there is no index that fits. Call this to do it ahead of time,
    to see what in the file is not an image, or to make the index again. The index is written next to the
    file (`FILE.index.parquet`), or to the user's cache folder if the file's folder cannot be written to. The
    file itself is not changed. An existing index is replaced.

    Args:
        file: HDF5 file of images: one dataset of encoded bytes or uint8 pixels per image, or a few datasets
            that hold many images each. Labels become the table "labels" of the opened file.
        images_from: Dataset or group that contains the images, or several. Default: detected by names, shapes
            and attributes.
        layout: Axes of the images. Default: detected. Only images with the axes height, width and channels,
            in this order, can be indexed; `packhouse.pack` converts the others.
        workers: Number of workers that read and hash images. Default: one per core, 8 at most.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        Where the index is, what is in it, and what in the file is not in it and why.

    Raises:
        NotAPackError: There is no such file, or it is not an HDF5 file.
        CorruptStoreError: The HDF5 library cannot open the file, or its images overlap.
        StoreError: The file changed meanwhile, or the index cannot be written anywhere.
        UsageError: workers is less than 1, or the file has no dataset that `images_from` names.

    Cost: 40-50 us per image to find it, in a process of its own; then every image is read once and hashed.
    """
    started = time.perf_counter()
    path = Path(file)
    made = index_foreign(
        path,
        wish=read_wish(several(images_from), layout),
        workers=workers_or_default(workers),
        observer=listener(progress),
    )
    return IndexReport(
        file=path,
        index=made.path,
        images=made.images,
        problems=made.problems,
        labels=made.labels,
        helpers=made.helpers,
        refused=made.refused,
        seconds=time.perf_counter() - started,
    )
