"""Which files of a data set are images, which are tables, and which are left out: pure, by name alone."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from posixpath import splitext

from packhouse._src.imagefile.format import MANIFEST_FILE
from packhouse._src.images.formats import IMAGE_EXTENSIONS
from packhouse._src.records import Skipped, SourceFile
from packhouse._src.table_records import COLUMNAR, CSV, JSON_LINES

KINDS_OF_TABLES = {
    ".csv": CSV,
    ".tsv": CSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    **dict.fromkeys((".parquet", ".feather", ".arrow"), COLUMNAR),
}
TABLE_EXTENSIONS = frozenset(KINDS_OF_TABLES)
TEXT_EXTENSIONS = frozenset(name for name, kind in KINDS_OF_TABLES.items() if kind != COLUMNAR)
COMPRESSED_EXTENSIONS = frozenset((".gz", ".zst", ".bz2", ".xz", ".zip"))
"""Behind that of a table: labels.csv.gz."""

ARCHIVE_EXTENSIONS = (
    ".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.bz2", ".tbz2", ".tar.xz", ".txz",
    ".h5", ".hdf5",
)  # fmt: skip
"""Of files that can hold images; a compressed table is none."""

OF_A_PACK = "a table of another pack (its folder has a pack.json); select it with --tables to include it"
OF_AN_INDEX = "the index or labels of an HDF5 file, made by packhouse; select it with --tables to include it"
SIDECARS = (".index.parquet", ".labels.parquet")
"""Behind the whole name of an HDF5 file."""

LEFT_BEHIND = "left behind by an operating system"
JUNK = frozenset(("thumbs.db", "desktop.ini", "ehthumbs.db"))
JUNK_FOLDERS = frozenset(("__macosx",))


@dataclass(frozen=True, slots=True)
class Selection:
    """Globs that choose files by their path below SRC; empty means: by extension."""

    images: tuple[str, ...] = ()
    """Which files are images."""

    tables: tuple[str, ...] = ()
    """Which files are tables."""

    include: tuple[str, ...] = ()
    """Which other files are packed as bytes, beside the images."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Every file in exactly one of the three."""

    images: tuple[SourceFile, ...]
    tables: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...]


def sort_files(
    files: Sequence[SourceFile],
    selection: Selection,
    *,
    all_chosen: bool = False,
    beside: Collection[str] = (),
) -> Sorted:
    """Tell images from tables from the rest.

    Args:
        files: What the scan found.
        selection: Globs that override the extensions; "*" matches "/" too, and a glob without "/" is matched
            against the file's name alone.
        all_chosen: Whether the user has listed the files, so that each is an image unless it is a table.
        beside: Paths of archives and HDF5 files that are packed as folders.

    Returns:
        The files, each in one place, in the order given.
    """
    is_image = _matcher(selection.images, IMAGE_EXTENSIONS)
    is_table = _matcher(selection.tables, TABLE_EXTENSIONS)
    is_included = _matcher(selection.include, frozenset())
    junk_of_folder = cache(_junk_folder_reason)
    is_of_pack = _pack_matcher(files, selection)
    sidecars = frozenset() if selection.tables else _sidecars({*beside, *(file.path for file in files)})
    images, tables, skipped = [], [], []
    for file in files:
        folder, _, name = file.path.rpartition("/")
        extension = _extension(name)
        if (selection.include and is_included(file.path, extension)) or (
            all_chosen and not is_table(file.path, extension)
        ):
            images.append(file)
        elif reason := junk_of_folder(folder) or _junk_name_reason(name):
            skipped.append(Skipped(file.path, reason))
        elif is_table(file.path, extension):
            if is_of_pack(file.path):
                skipped.append(Skipped(file.path, OF_A_PACK))
            elif file.path in sidecars:
                skipped.append(Skipped(file.path, OF_AN_INDEX))
            else:
                tables.append(file)
        elif is_image(file.path, extension):
            images.append(file)
        else:
            skipped.append(Skipped(file.path, _other_reason(extension, selection)))
    return Sorted(tuple(images), tuple(tables), tuple(skipped))


def _pack_matcher(files: Sequence[SourceFile], selection: Selection) -> Callable[[str], bool]:
    """Return what tells the Parquet files of packs in the data set, unless the user chose the tables."""
    names = [] if selection.tables else [file.path for file in files if file.path.endswith(MANIFEST_FILE)]
    folders = tuple(name[: -len(MANIFEST_FILE)] for name in names if name.rpartition("/")[2] == MANIFEST_FILE)
    return lambda path: path.startswith(folders) and path.lower().endswith(".parquet")


def _sidecars(paths: Collection[str]) -> frozenset[str]:
    """Return what opening HDF5 files has left beside them."""
    names = (f"{path}{suffix}" for path in paths if _is_hdf5_name(path) for suffix in SIDECARS)
    return frozenset(name for name in names if name in paths)


def _is_hdf5_name(path: str) -> bool:
    return path.lower().endswith((".h5", ".hdf5"))


def without_extension(path: str) -> str:
    """Return the path of a table without its extension, and without that of its compression."""
    stem, last = splitext(path)
    if last.lower() in COMPRESSED_EXTENSIONS and _extension(path) != last.lower():
        stem = splitext(stem)[0]
    return stem


def kind_of_table(path: str) -> str:
    """Return how a table is read, by its name: another one that was chosen as a table is CSV."""
    return KINDS_OF_TABLES.get(_extension(path), CSV)


def archive_stem(path: str) -> str | None:
    """Return the path of an archive or HDF5 file without its extension; None for other files."""
    lower = path.lower()
    if not lower.endswith(ARCHIVE_EXTENSIONS):
        return None
    longest = max((one for one in ARCHIVE_EXTENSIONS if lower.endswith(one)), key=len)
    stem = path[: -len(longest)]
    name = stem.rpartition("/")[2]
    return stem if name and _extension(name) not in TEXT_EXTENSIONS else None


def is_compressed(path: str) -> bool:
    """Say whether a table is compressed, by its name; one in Parquet or Arrow is."""
    return splitext(path)[1].lower() in COMPRESSED_EXTENSIONS or kind_of_table(path) == COLUMNAR


def _extension(name: str) -> str:
    """Return the extension in lower case; of a compressed table that of the table."""
    stem, last = splitext(name)
    extension = last.lower()
    if extension in COMPRESSED_EXTENSIONS and splitext(stem)[1].lower() in TEXT_EXTENSIONS:
        return splitext(stem)[1].lower()
    return extension


def is_junk(path: str) -> bool:
    """Say whether a file is hidden, or left behind by an operating system."""
    folder, _, name = path.rpartition("/")
    return bool(_junk_folder_reason(folder) or _junk_name_reason(name))


def _junk_folder_reason(folder: str) -> str | None:
    names = folder.lower().split("/")
    if any(name.startswith(".") for name in names):
        return "in a hidden folder"
    return LEFT_BEHIND if JUNK_FOLDERS.intersection(names) else None


def _junk_name_reason(name: str) -> str | None:
    if name.startswith("."):
        return "hidden file"
    return LEFT_BEHIND if name.lower() in JUNK else None


def _other_reason(extension: str, selection: Selection) -> str:
    if extension in IMAGE_EXTENSIONS and selection.images:
        return "not matched by --images"
    if extension in TABLE_EXTENSIONS and selection.tables:
        return "not matched by --tables"
    if extension in ARCHIVE_EXTENSIONS:
        return "an archive inside of an archive: unpack the outer one first"
    return "neither an image nor a table, by its name"


def _matcher(globs: Sequence[str], extensions: frozenset[str]) -> Callable[[str, str], bool]:
    if not globs:
        return lambda _path, extension: extension in extensions
    whole = [re.compile(fnmatch.translate(glob)) for glob in globs if "/" in glob]
    names = [re.compile(fnmatch.translate(glob)) for glob in globs if "/" not in glob]
    return lambda path, _extension: (
        any(pattern.match(path) for pattern in whole)
        or any(pattern.match(path.rpartition("/")[2]) for pattern in names)
    )
