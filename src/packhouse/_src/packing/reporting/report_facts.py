"""What the report of `pack` is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packhouse._src.imagefile.digest import digest_of_all
from packhouse._src.imagefile.format import IMAGES_FILE
from packhouse._src.imagefile.write.build import BuiltImages
from packhouse._src.records import Failed, Skipped
from packhouse._src.table_records import JoinReport, LinkReport, TableReport
from packhouse.errors import (
    internal_error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts of the entries of SRC that are not folders."""

    seen: int
    images: int
    tables: int
    settings: int
    """1 if there is a packhouse.toml; it was read and is not packed."""

    skipped: int
    failed: int

    def check(self) -> None:
        """Check that every entry is accounted for.

        Raises:
            AccountingError: seen is not packed + skipped + failed.
        """
        total = self.images + self.tables + self.settings + self.skipped + self.failed
        if self.seen != total:
            raise internal_error(
                f"{self.seen:,} files were seen, {total:,} accounted for: {self.images:,} images, "
                f"{self.tables:,} tables, {self.settings} settings, {self.skipped:,} skipped, "
                f"{self.failed:,} failed"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesReport:
    """The images of a pack."""

    file: str
    count: int
    source_bytes: int
    """Total size of the original files."""

    bytes: int
    """Size of images.h5."""

    index_bytes: int
    digest: str
    """XXH3-128 over the digests of all images, in the order of their keys."""

    groups: int
    dropped_folders: str
    kept_extensions: tuple[str, ...]
    """Paths of files whose keys keep their extension, because another file has the same name without it."""

    escaped_names: tuple[str, ...]
    """Paths of files whose names are not UTF-8: each invalid byte is written as %XX, and % as %25."""

    name_encodings: dict[str, tuple[str, ...]]
    """Code page -> paths in zip archives whose names were in it; `extract` writes them so again."""

    alike: tuple[str, ...]
    """Keys that differ from another only in case or in Unicode form: one file on a macOS disk."""

    problems: dict[str, str]
    """Key -> what is wrong with the file, which is packed anyway."""


def describe_images(
    made: BuiltImages,
    *,
    dropped: str,
    kept_extensions: Sequence[str],
    escaped: Sequence[str],
    code_pages: Mapping[str, str],
    alike: Sequence[str],
) -> ImagesReport:
    """Describe an image file that was made; the names are those of ImagesReport."""
    return ImagesReport(
        file=IMAGES_FILE,
        count=len(made.images),
        source_bytes=sum(image.place.length for image in made.images),
        bytes=made.path.stat().st_size,
        index_bytes=made.index.stat().st_size,
        digest=digest_of_all(image.digest for image in made.images),
        groups=len({image.place.key.group for image in made.images}),
        dropped_folders=dropped,
        kept_extensions=tuple(kept_extensions),
        escaped_names=tuple(escaped),
        name_encodings={
            page: tuple(path for path, one in code_pages.items() if one == page)
            for page in sorted(set(code_pages.values()))
        },
        alike=tuple(alike),
        problems={image.place.key.key: image.facts.problem for image in made.images if image.facts.problem},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What an interrupted earlier run had done."""

    found: int
    """Images that were already written."""

    changed: int
    """Images that were written, but whose files or bytes have changed since; they were read again."""

    copied: int
    """Images copied from an earlier image file, since other files changed in size, came or went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What `--update` changed; paths below SRC, sorted."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    derived: tuple[str, ...] = ()
    """Sizes of derived stores that the earlier pack had and the new one does not."""


@dataclass(slots=True)
class TableOutcome:
    """What was done with the tables."""

    tables: list[TableReport] = field(default_factory=list)
    links: list[LinkReport] = field(default_factory=list)
    joins: list[JoinReport] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    """CSV files that could not be packed."""

    undone: list[Failed] = field(default_factory=list)
    """The links, sorts and joins that could not be made."""

    seconds: dict[str, float] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    """Path of a Parquet file below the pack -> digest of its bytes."""

    @property
    def files(self) -> dict[str, str]:
        """Table or join -> its Parquet file below the pack."""
        made = {table.name: table.file for table in self.tables}
        return {**made, **{join.name: join.file for join in self.joins}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """Everything that `pack` did, without its words."""

    source: Path
    dest: Path
    options: dict[str, object]
    given: dict[str, object]
    """The options without those of packhouse.toml, which an update reads again."""

    totals: Totals
    images: ImagesReport | None
    """None if the data set has no images."""

    tables: tuple[TableReport, ...]
    links: tuple[LinkReport, ...]
    """Linked tables, best first."""

    joins: tuple[JoinReport, ...]
    skipped: tuple[Skipped, ...]
    failed: tuple[Failed, ...]
    table_digests: dict[str, str]
    """Table or join -> XXH3-128 of its Parquet file."""

    seconds: dict[str, float]
    """Stage -> wall time."""

    archives: tuple[str, ...] = ()
    """Archives and HDF5 files inside of SRC, each packed as the folder of its name."""

    resumed: Resumed | None = None
    """What an interrupted earlier run had done; None without images. Not in pack.json."""

    updated: Updated | None = None
    """How the images differ from those of the pack that was replaced, with `--update`. Not in pack.json."""

    up_to_date: bool = False
    """Whether `--update` found nothing that has changed, and wrote nothing. Not in pack.json."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was skipped, failed or has a problem."""
        problems = self.images.problems if self.images else {}
        return self.is_complete and not problems

    @property
    def is_complete(self) -> bool:
        """Whether all was packed: nothing was skipped or failed, and no header looks like a row."""
        return not (self.skipped or self.failed or any(table.may_lack_rows for table in self.tables))

    @property
    def has_what_is_no_image(self) -> bool:
        """Whether something that was packed as an image is none."""
        problems = self.images.problems if self.images else {}
        return not {"not an image", "empty"}.isdisjoint(problems.values())

    @property
    def bytes(self) -> int:
        """Size of the pack without pack.json."""
        images = self.images.bytes + self.images.index_bytes if self.images else 0
        return images + sum(one.bytes for one in self.tables) + sum(one.bytes for one in self.joins)

    def skipped_by_reason(self) -> dict[str, list[str]]:
        """Return reason -> paths, the most frequent reason first."""
        count = Counter(one.reason for one in self.skipped)
        return {
            reason: [one.path for one in self.skipped if one.reason == reason]
            for reason, _ in count.most_common()
        }
