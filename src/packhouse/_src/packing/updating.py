"""`--update`: what the pack that is there already holds, and how the new one differs from it.

A pack says nothing of clocks and hosts, so that the same input gives the same bytes. Which files its images
were read from is therefore remembered in the user's cache folder: the journal of the run, as it was. Where
that is missing, every file is read, and compared by what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from packhouse._src.footers.footer_digest import check_footer_digest
from packhouse._src.imagefile.format import DERIVED, IMAGES_FILE, INDEX_FILE, MANIFEST_FILE
from packhouse._src.imagefile.slots import IndexedImage
from packhouse._src.imagefile.write.journal import files_in, read_journal
from packhouse._src.imagefile.write.resume import JOURNAL_FILE
from packhouse._src.imagefile.write.reuse import EarlierImage
from packhouse._src.packing.keeping.run_memory import (
    RunMemory,
    keep_copy,
    recall_run,
    recall_tables,
    remembered,
)
from packhouse._src.packing.keeping.table_journal import TableMemory
from packhouse._src.packing.options import PackOptions, complete_options
from packhouse._src.packing.planning import Plan
from packhouse._src.packing.reporting.report_facts import Updated
from packhouse._src.packing.settings import read_values
from packhouse._src.parquet_ import ParquetSource
from packhouse.errors import SourceError, UsageError, Where


@dataclass(frozen=True, slots=True)
class EarlierPack:
    """The images of the pack that is there already."""

    digests: Mapping[str, bytes] = field(default_factory=dict)
    """Path below SRC -> digest."""

    tables: frozenset[str] = frozenset()
    """Paths of the CSV files that it has tables of."""

    derived: frozenset[str] = frozenset()
    """Its joins and links, as failures name them."""

    kept: Mapping[str, EarlierImage] = field(default_factory=dict)
    """Path below SRC -> where the image lies, and the file it was read from; only what is remembered."""

    stores: tuple[str, ...] = ()
    """Sizes of its derived stores."""

    made_of: TableMemory = field(default_factory=TableMemory)
    """What is known of its tables."""

    run: RunMemory | None = None
    """What is known of the run that made it."""

    def compare(self, images: Sequence[IndexedImage]) -> Updated:
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
            derived=self.stores,
        )


def with_earlier_options(options: PackOptions, dest: Path) -> PackOptions:
    """Take over the options with which the pack at DEST was made, where none are given now.

    Args:
        options: What the user asked for now.
        dest: The pack; there may be none.

    Returns:
        The options; those that are given now count.

    Raises:
        UsageError: The pack records options that cannot be.
    """
    try:
        said = json.loads((dest / MANIFEST_FILE).read_bytes())["given"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return options
    if not isinstance(said, dict):
        return options
    try:
        return complete_options(options, read_values(said))
    except UsageError as err:
        err.where = Where(file=str(dest / MANIFEST_FILE))
        raise


def check_nothing_is_lost(made: Plan, earlier: EarlierPack, failed: Collection[str]) -> None:
    """See that an update takes nothing from a pack that it only could not read.

    Args:
        made: The plan of the update.
        earlier: What the pack holds.
        failed: Paths below SRC of images that could not be read, as far as that is known.

    Raises:
        SourceError: An image or table of the pack cannot be read now, or SRC has none of its images.
    """
    unlisted = tuple(f"{one.path}/" for one in made.failed)
    lost = {one.path for one in made.failed} | set(failed)
    gone = [path for path in earlier.digests if path in lost or path.startswith(unlisted)]
    gone += sorted((earlier.tables | earlier.derived) & lost)
    hint = "fix what cannot be read, or use --overwrite to replace the pack anyway"
    if gone:
        raise SourceError(
            f"{len(gone):,} parts of the pack cannot be made now, such as {gone[0]}: it stays as it is",
            where=Where(file=str(made.source.path)),
            hint=hint,
        )
    if earlier.digests and not any(path in made.images for path in earlier.digests):
        raise SourceError(
            f"SRC has none of the {len(earlier.digests):,} images of the pack, which stays as it is",
            where=Where(file=str(made.source.path)),
            hint="check SRC; --overwrite replaces the pack anyway",
        )


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
    index, target = dest / INDEX_FILE, remembered(source, dest)
    tables = EarlierPack(
        tables=_tables_of(dest),
        derived=_derived_in(dest),
        made_of=recall_tables(target, dest),
        run=recall_run(target),
    )
    if not index.exists():
        return tables
    check_footer_digest(index)  # a damaged footer can bring pyarrow down
    opened = ParquetSource(index)
    digests: dict[str, bytes] = {}
    for table in opened.iterate(("file_name", "digest")):
        digests.update(zip(table["file_name"].to_pylist(), table["digest"].to_pylist(), strict=True))
    file_id = opened.metadata.get("file_id")
    opened.close()
    reading = None
    with suppress(OSError):
        reading = read_journal(target)
    kept = {}
    if reading is not None and reading.head.file_id == file_id:
        stored_in = dest.absolute() / IMAGES_FILE
        kept = {
            file.path: EarlierImage(stored_in, offset, digest, file)
            for file, offset, digest in files_in(reading)
        }
    return replace(tables, digests=digests, kept=kept, stores=_stores_in(dest))


def _tables_of(dest: Path) -> frozenset[str]:
    try:
        tables = json.loads((dest / MANIFEST_FILE).read_bytes())["tables"]
        return frozenset(table["source"] for table in tables.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()


def _stores_in(dest: Path) -> tuple[str, ...]:
    try:
        return tuple(json.loads((dest / MANIFEST_FILE).read_bytes()).get(DERIVED, ()))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return ()


def _derived_in(dest: Path) -> frozenset[str]:
    try:
        said = json.loads((dest / MANIFEST_FILE).read_bytes())
        joins = {f"join {name}" for name, facts in said["joins"].items() if not facts.get("problem")}
        return frozenset(joins | {f"link {link['table']}" for link in said["links"]})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()


def remember_files(source: Path, dest: Path, images: Path) -> None:
    """Keep the journal of a finished run in the user's cache folder, where that can be written.

    Args:
        source: The data set.
        dest: The pack to be.
        images: The image file, in the folder where it was made.
    """
    keep_copy(images.with_name(JOURNAL_FILE), remembered(source, dest))
