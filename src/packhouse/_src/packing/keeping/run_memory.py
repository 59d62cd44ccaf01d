"""What is remembered of a finished run in the user's cache folder, beside the journal of its images.

A pack says nothing of clocks and hosts; what its files and those of the data set looked like is kept here.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packhouse._src.cache_folder import cache_folder
from packhouse._src.imagefile.digest import digest_of, digest_of_all
from packhouse._src.imagefile.format import DERIVED, MANIFEST_FILE
from packhouse._src.imagefile.manifest_file import DIGEST, is_as_written
from packhouse._src.packing.keeping.from_json import from_json
from packhouse._src.packing.keeping.table_journal import (
    TABLE_JOURNAL,
    TABLES_FOLDER,
    TableMemory,
    read_table_journal,
)


@dataclass(frozen=True, slots=True)
class RunMemory:
    """What a finished run has read and made."""

    inputs: str
    """Digest of all that decided what the pack holds, without the contents of the files."""

    images: str
    """The same of the images alone."""

    manifest: str
    """Digest of what pack.json said."""

    made: dict[str, tuple[int, ...]]
    """The image file and its index -> size, times and inode."""


def remembered(source: Path, dest: Path) -> Path:
    """Return where what is known of a pack is kept: the journal of its images; the rest lies beside it.

    Args:
        source: The data set.
        dest: The pack.
    """
    parts = (os.fsencode(path.resolve()) for path in (source, dest))
    return cache_folder() / "packed" / digest_of_all(parts)


def keep_copy(path: Path, target: Path) -> None:
    """Copy a file into the cache folder, where that can be written."""
    _put(target, lambda fresh: shutil.copyfile(path, fresh))


def remember_tables(folder: Path, target: Path) -> None:
    """Keep the journal of the tables.

    Args:
        folder: DEST.packing.
        target: As `remembered` says.
    """
    journal = folder / TABLES_FOLDER / TABLE_JOURNAL
    if journal.exists():
        keep_copy(journal, _tables(target))


def recall_tables(target: Path, dest: Path) -> TableMemory:
    """Return what is known of the tables of a pack: files only as pack.json says they are.

    Args:
        target: As `remembered` says.
        dest: The pack.
    """
    memory = TableMemory()
    read_table_journal(_tables(target), memory, lambda name, _: dest / name)
    said = read_said(dest)
    digests = {
        one["file"]: one.get("digest")
        for kind in ("tables", "joins")
        for one in dict(said.get(kind, {})).values()
        if isinstance(one, dict) and "file" in one
    }
    memory.files = {
        name: [one for one in files if one.digest == digests.get(name)]
        for name, files in memory.files.items()
    }
    return memory


def remember_run(memory: RunMemory, target: Path) -> None:
    """Keep what a finished run has read and made.

    Args:
        memory: That.
        target: As `remembered` says.
    """
    text = json.dumps(asdict(memory))
    _put(_run(target), lambda fresh: fresh.write_text(text, encoding="utf-8"))


def clocks_of(dest: Path, names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return size, times and inode of some files of a pack."""
    return {name: _facts(dest / name) for name in names}


def recall_run(target: Path) -> RunMemory | None:
    """Return what is known of a finished run; None when nothing is."""
    try:
        return from_json(RunMemory, json.loads(_run(target).read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def has_its_images(memory: RunMemory, dest: Path) -> bool:
    """Say whether nothing has touched the image file and its index since the run that made them."""
    try:
        return all(_facts(dest / name) == facts for name, facts in memory.made.items())
    except OSError:
        return False


def read_said(dest: Path) -> dict[str, Any]:
    """Return what pack.json says; nothing when it is not what was written into it."""
    try:
        said = json.loads((dest / MANIFEST_FILE).read_bytes())
        return said if isinstance(said, dict) and is_as_written(said) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def digest_of_said(manifest: Mapping[str, Any]) -> str:
    """Return a digest of what pack.json says, whatever derived stores were made of it since."""
    return digest_of_json({name: value for name, value in manifest.items() if name not in (DIGEST, DERIVED)})


def digest_of_json(document: object) -> str:
    """Return a digest of a JSON-able value; of what is not JSON, of its text."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, default=str)
    return digest_of(text.encode("utf-8", "surrogatepass")).hex()


def _facts(path: Path) -> tuple[int, ...]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino


def _tables(target: Path) -> Path:
    return target.with_name(f"{target.name}.tables")


def _run(target: Path) -> Path:
    return target.with_name(f"{target.name}.run")


def _put(target: Path, write: Callable[[Path], object]) -> None:
    """Let a fresh file be written that becomes the target; a cache that cannot be written is no error."""
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(fresh)
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
