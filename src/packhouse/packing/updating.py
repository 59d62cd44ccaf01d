"""`--update`: what the pack that is there already holds, and how the new one differs from it.

A pack says nothing of clocks and hosts, so that the same input gives the same bytes. Which files its images
were read from is therefore remembered in the user's cache folder: the journal of the run, as it was. Where
that is missing, every file is read, and compared by what it holds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from packhouse.packing.report import Updated
from packhouse.parquet_ import ParquetSource
from packhouse.store.caching import cache_folder
from packhouse.store.digest import digest_of_all
from packhouse.store.filling import Filled
from packhouse.store.journal import files_in, read_journal
from packhouse.store.layout import IMAGES_FILE, INDEX_FILE
from packhouse.store.resuming import JOURNAL_FILE
from packhouse.store.reusing import Kept
from packhouse.store.sealing import check_seal


@dataclass(frozen=True, slots=True)
class EarlierPack:
    """The images of the pack that is there already."""

    digests: Mapping[str, bytes] = field(default_factory=dict)
    """Path below SRC -> digest."""

    kept: Mapping[str, Kept] = field(default_factory=dict)
    """Path below SRC -> where the image lies, and the file it was read from; only what is remembered."""

    def compare(self, images: Sequence[Filled]) -> Updated:
        """Say how the images of the new pack differ.

        Args:
            images: Of the new pack.

        Returns:
            What is new, changed and gone, by content.
        """
        now = {image.place.key.path: image.digest for image in images}
        both = self.digests.keys() & now.keys()
        return Updated(
            new=tuple(sorted(now.keys() - both)),
            changed=tuple(sorted(path for path in both if now[path] != self.digests[path])),
            removed=tuple(sorted(self.digests.keys() - both)),
            unchanged=sum(now[path] == self.digests[path] for path in both),
        )


NO_EARLIER_PACK = EarlierPack()


def read_earlier(source: Path, dest: Path) -> EarlierPack:
    """Read what the pack at DEST holds.

    Args:
        source: The data set.
        dest: The pack; there may be none.

    Returns:
        Its images; nothing when there is no pack, or one without images.

    Raises:
        CorruptStoreError: Its index is damaged.
    """
    index = dest / INDEX_FILE
    if not index.exists():
        return NO_EARLIER_PACK
    check_seal(index)  # a damaged footer can bring pyarrow down
    opened = ParquetSource(index)
    digests: dict[str, bytes] = {}
    for table in opened.iterate(("file_name", "digest")):
        digests.update(zip(table["file_name"].to_pylist(), table["digest"].to_pylist(), strict=True))
    file_id = opened.metadata.get("file_id")
    opened.close()
    reading = None
    with suppress(OSError):
        reading = read_journal(_remembered(source, dest))
    kept = {}
    if reading is not None and reading.head.file_id == file_id:
        stored_in = dest.absolute() / IMAGES_FILE
        kept = {
            file.path: Kept(stored_in, offset, digest, file) for file, offset, digest in files_in(reading)
        }
    return EarlierPack(digests, kept)


def remember_files(source: Path, dest: Path, images: Path) -> None:
    """Keep the journal of a finished run in the user's cache folder, where that can be written.

    Args:
        source: The data set.
        dest: The pack to be.
        images: The image file, in the folder where it was made.
    """
    target = _remembered(source, dest)
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copyfile(images.with_name(JOURNAL_FILE), fresh)
        fresh.replace(target)


def _remembered(source: Path, dest: Path) -> Path:
    parts = (os.fsencode(path.resolve()) for path in (source, dest))
    return cache_folder() / "packed" / digest_of_all(parts)
