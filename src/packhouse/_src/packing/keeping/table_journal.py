"""The journal of the tables: what each step of making them was made of, and what came out of it.

Each line is one JSON document behind its digest; it is only added to, and counts up to the first line that is
not whole. What it says of a file is compared with the file before it is used.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packhouse._src.imagefile.digest import digest_of, digest_of_all, digest_of_file
from packhouse._src.records import SourceFile
from packhouse._src.system.hard_links import link
from packhouse._src.version import __version__

TABLES_FOLDER = ".tables"
"""In DEST.packing: the journal, and the tables that are finished under the names of their keys."""

TABLE_JOURNAL = "journal"
DIGEST_LETTERS = 32


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A Parquet file that a step has made."""

    states: tuple[str, ...]
    """Keys of the steps that led to it: the conversion first; of a join, that of the join alone."""

    digest: str
    path: Path
    """Where it may be."""

    @property
    def key(self) -> str:
        """Key of all that it was made of."""
        return self.states[-1]


@dataclass(slots=True)
class TableMemory:
    """What earlier runs say of the tables."""

    sources: dict[str, tuple[SourceFile, str]] = field(default_factory=dict)
    """Path below SRC -> the file as it was, and the digest of its bytes."""

    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Key of a step -> what it reported."""

    files: dict[str, list[MadeFile]] = field(default_factory=dict)
    """Path below the pack -> what was made for it."""


def versions() -> list[str]:
    """Return the versions of all that decides the bytes of a table."""
    return [__version__, *(version(name) for name in ("pyarrow", "duckdb"))]


def step_key(*parts: object) -> str:
    """Return the key of a step: a digest of all that decides what it makes.

    Args:
        parts: JSON-able values.
    """
    text = json.dumps([versions(), parts], ensure_ascii=False, sort_keys=True, default=str)
    return digest_of(text.encode("utf-8", "surrogatepass")).hex()


def has_tables(folder: Path) -> bool:
    """Say whether tables are finished in DEST.packing."""
    try:
        return any(path.name != TABLE_JOURNAL for path in (folder / TABLES_FOLDER).iterdir())
    except OSError:
        return False


class TableJournal:
    """The journal of one run, in DEST.packing; goes on with that of an earlier run.

    Args:
        folder: DEST.packing.
        earlier: What is known of the pack that is updated.
    """

    def __init__(self, folder: Path, earlier: TableMemory | None = None) -> None:
        self._folder = folder
        self._kept = folder / TABLES_FOLDER
        self._kept.mkdir(exist_ok=True)
        self._path = self._kept / TABLE_JOURNAL
        self.memory = TableMemory() if earlier is None else earlier
        length = read_table_journal(self._path, self.memory, lambda _, key: self._kept / key)
        with self._path.open("ab") as file:
            file.truncate(length)
        self._now: dict[str, str] = {}
        self._said: set[str] = set()

    def say_source(self, file: SourceFile, digest: str) -> None:
        """Note the digest of a source file."""
        self.memory.sources[file.path] = (file, digest)
        self._add({"source": list(file), "digest": digest})

    def say_step(self, key: str, report: Mapping[str, Any]) -> None:
        """Note what a step reported."""
        self.memory.steps[key] = dict(report)
        self._add({"step": key, "report": report})

    def say_file(self, file: str, states: Sequence[str], digest: str | None = None) -> str:
        """Note that a file is what a step makes, and keep it for a run that resumes this one.

        Args:
            file: Its path below the pack.
            states: Keys of the steps that led to it.
            digest: Of its bytes, if it is known.

        Returns:
            The digest of its bytes.
        """
        digest, key = digest or digest_of_file(self._folder / file), states[-1]
        with suppress(OSError):  # a file system without hard links: a resumed run makes it again
            (self._kept / key).unlink(missing_ok=True)
            link(self._folder / file, self._kept / key)
        before = self._now.get(file)
        if before not in (None, key):
            (self._kept / str(before)).unlink(missing_ok=True)
        self._now[file] = key
        self.memory.files.setdefault(file, []).append(MadeFile(tuple(states), digest, self._kept / key))
        self._add({"file": file, "states": list(states), "digest": digest})
        return digest

    def place(self, file: str, base: str) -> MadeFile | None:
        """Put a file that an earlier run has made in its place, when its bytes are those that were written.

        Args:
            file: Its path below the pack.
            base: Key of the conversion, or of the join, that it must come from.

        Returns:
            What it is; None when there is none.
        """
        target = self._folder / file
        for made in reversed(self.memory.files.get(file, [])):
            if made.states[0] != base:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            with suppress(OSError):
                try:
                    link(made.path, target)
                except OSError:
                    shutil.copyfile(made.path, target)
                if digest_of_file(target) == made.digest:
                    self.say_file(file, made.states, made.digest)
                    return made
            target.unlink(missing_ok=True)
        return None

    def _add(self, document: Mapping[str, Any]) -> None:
        line = _line_of(document)
        if line not in self._said:
            self._said.add(line)
            with self._path.open("a", encoding="utf-8", errors="surrogatepass") as file:
                file.write(line)


def _line_of(document: Mapping[str, Any]) -> str:
    text = json.dumps(document)
    return f"{digest_of_all([text.encode()])} {text}\n"


def read_table_journal(path: Path, memory: TableMemory, place: Callable[[str, str], Path]) -> int:
    """Take in what a journal says, as far as it is whole.

    Args:
        path: The journal.
        memory: What is filled.
        place: Tells where a file may be: (path below the pack, key) -> path.

    Returns:
        Bytes of it that count.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return 0
    length = 0
    for line in data.splitlines(keepends=True):
        digest, text = line[:DIGEST_LETTERS], line[DIGEST_LETTERS + 1 : -1]
        if not line.endswith(b"\n") or digest_of_all([text]).encode() != digest:
            break
        _take_in(json.loads(text), memory, place)
        length += len(line)
    return length


def _take_in(said: Mapping[str, Any], memory: TableMemory, place: Callable[[str, str], Path]) -> None:
    if "source" in said:
        file = SourceFile(*said["source"])
        memory.sources[file.path] = (file, said["digest"])
    elif "step" in said:
        memory.steps[said["step"]] = said["report"]
    else:
        name, states = said["file"], tuple(said["states"])
        made = MadeFile(states, said["digest"], place(name, states[-1]))
        memory.files.setdefault(name, []).append(made)
