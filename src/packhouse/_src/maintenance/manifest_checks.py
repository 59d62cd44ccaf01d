"""Reads pack.json part by part, as far as it can be read; says what is wrong with the rest."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packhouse._src.foreign.evidence.layouts import LAYOUTS, Hdf5Wish
from packhouse._src.imagefile.format import (
    DERIVED,
    FORMAT_VERSION,
    IMAGES_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
    MANIFEST_FORMAT,
)
from packhouse._src.imagefile.manifest_file import is_as_written
from packhouse._src.imagefile.read.index_rows import Damage
from packhouse._src.imagefile.read.named_files import is_below, names_of_parts, problems_of_names
from packhouse._src.sources.folder_walk import ANYWHERE
from packhouse._src.sources.names import is_encoding
from packhouse._src.sources.source import SourceOptions
from packhouse._src.table_records import TablePart
from packhouse.errors import NotAPackError, Where

PARTS = ("format", "format_version", "options", "images", "tables", "links", "joins", "skipped", "failed")


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table or join, as pack.json has it."""

    name: str
    file: str
    rows: int
    digest: str
    parts: tuple[TablePart, ...] = ()
    """The files in the folder of this name; empty: it is one file."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What pack.json says, as far as it could be read."""

    document: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[TableFacts, ...] = ()
    damaged: tuple[Damage, ...] = ()

    @property
    def images(self) -> Mapping[str, Any]:
        """The part on images; empty when there is none, or it is not one."""
        found = self.document.get("images")
        return found if isinstance(found, dict) else {}

    @property
    def derived(self) -> Mapping[str, Mapping[str, Any]]:
        """The derived stores, size as text -> what is said of each; what is not one is left out."""
        found = self.document.get(DERIVED)
        entries = found.items() if isinstance(found, dict) else ()
        return {size: said for size, said in entries if size.isdigit() and isinstance(said, dict)}

    @property
    def has_images(self) -> bool | None:
        """Whether the pack has images; None when it does not say."""
        return self.document["images"] is not None if "images" in self.document else None

    @property
    def escaped_names(self) -> frozenset[str]:
        """Paths below SRC whose names are not UTF-8, and stand escaped in the index."""
        found = self.images.get("escaped_names")
        return (
            frozenset(name for name in found if isinstance(name, str))
            if isinstance(found, list)
            else frozenset()
        )

    @property
    def code_pages(self) -> dict[str, str]:
        """Path -> the code page that its name was in, in a zip archive; unknown ones are left out."""
        found = self.images.get("name_encodings")
        entries = found.items() if isinstance(found, dict) else ()
        return {
            path: page
            for page, paths in entries
            if is_encoding(page) and isinstance(paths, list)
            for path in paths
            if isinstance(path, str)
        }

    @property
    def source_options(self) -> SourceOptions:
        """How the data set was read."""
        options = self.document.get("options")
        said = options if isinstance(options, dict) else {}
        follow, page = said.get("follow_links"), said.get("name_encoding")
        return SourceOptions(
            follow_links=ANYWHERE if follow == ANYWHERE else follow is True,
            name_encoding=page if is_encoding(page) else None,
        )

    @property
    def hdf5_wish(self) -> Hdf5Wish:
        """What was said of the HDF5 file that the pack was made of."""
        options = self.document.get("options")
        said = options if isinstance(options, dict) else {}
        layout = said.get("layout")
        return Hdf5Wish(
            self.globs("images_from"),
            layout if layout in LAYOUTS else None,
            convert=said.get("convert") is True,
        )

    def globs(self, option: str) -> tuple[str, ...]:
        """Return the globs of one option of `pack`."""
        options = self.document.get("options")
        found = options.get(option) if isinstance(options, dict) else None
        return tuple(str(glob) for glob in found) if isinstance(found, list) else ()


def read_manifest(folder: Path) -> Manifest:
    """Read pack.json.

    Args:
        folder: The pack.

    Returns:
        What could be read, and what is wrong.

    Raises:
        NotAPackError: There is no pack at that place, nor what is left of one.
    """
    _check_folder(folder)
    path = folder / MANIFEST_FILE
    problem = why_unreadable(path)
    if problem:
        return Manifest(damaged=(Damage(MANIFEST_FILE, None, problem),))
    try:
        document = json.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        return Manifest(damaged=(Damage(MANIFEST_FILE, None, f"cannot be read: {err}"),))
    if not isinstance(document, dict):
        return Manifest(damaged=(Damage(MANIFEST_FILE, None, "is not valid"),))
    problems = [f"lacks: {part}" for part in PARTS if part not in document]
    if document.get("format") != MANIFEST_FORMAT:
        problems.append(f"its format is {document.get('format')!r}, not {MANIFEST_FORMAT!r}")
    if document.get("format_version") != FORMAT_VERSION:
        problems.append(
            f"has format version {document.get('format_version')!r}, this packhouse reads {FORMAT_VERSION}"
        )
    if not is_as_written(document):
        problems.append("it was changed after it was written: its digest does not match")
    tables = []
    for part in ("tables", "joins"):
        found, wrong = _tables(document.get(part, {}), part)
        tables += found
        problems += wrong
    problems += problems_of_names({DERIVED: document.get(DERIVED, {})}, folder)
    problems += [one for one in problems_of_names({**document, DERIVED: {}}, folder) if "a link" in one]
    return Manifest(document, tuple(tables), tuple(Damage(MANIFEST_FILE, None, one) for one in problems))


def table_files(table: TableFacts) -> tuple[str, ...]:
    """Return the files of a table, below the pack."""
    return tuple(f"{table.file}/{part.file}" for part in table.parts) or (table.file,)


def _check_folder(folder: Path) -> None:
    where = Where(file=str(folder))
    if not folder.exists():
        raise NotAPackError("there is no such pack", where=where)
    if not folder.is_dir():
        is_part = (folder.parent / MANIFEST_FILE).exists()
        hint = (
            f"{folder.parent}, the folder it is in" if is_part else "choose a folder made by packhouse pack"
        )
        raise NotAPackError("this is not a pack: a pack is a folder", where=where, hint=hint)
    if not any((folder / name).exists() for name in (MANIFEST_FILE, IMAGES_FILE, INDEX_FILE)):
        raise NotAPackError(f"this is not a pack: it has no {MANIFEST_FILE}", where=where)


def why_unreadable(path: Path) -> str | None:
    """Return why a file of a pack is not to be opened; None when it is a regular file."""
    try:
        mode = path.stat().st_mode
    except OSError as err:
        return "is missing" if isinstance(err, FileNotFoundError) else f"cannot be read: {err.strerror}"
    return None if stat.S_ISREG(mode) else "is not a regular file"  # a FIFO would make us wait for ever


def _tables(part: object, name: str) -> tuple[list[TableFacts], list[str]]:
    if not isinstance(part, dict):
        return [], [f"its entry {name!r} is not valid"]
    found, wrong = [], []
    for table, facts in part.items():
        match facts:
            case {"file": str(file), "rows": int(rows), "digest": str(digest)} if (
                is_below(file) and names_of_parts(facts.get("parts")) is not None
            ):
                found.append(TableFacts(table, file, rows, digest, _parts(facts.get("parts"))))
            case _:
                wrong.append(f"lacks file, rows or digest of {table!r}")
    return found, wrong


def _parts(said: object) -> tuple[TablePart, ...]:
    found = []
    for part in said if isinstance(said, list) else ():
        match part:
            case {"file": str(file), "rows": int(rows), "bytes": int(size), "digest": str(digest)}:
                found.append(TablePart(file, rows, size, digest))
            case _:
                pass
    return tuple(found)
