"""Which tables and joins need not be made again: those whose inputs, options and versions are the same.

Each table goes through states: converted, linked, sorted, numbered. The key of a state is a digest of all
that leads to it, so a file whose key is the one that is wanted has the bytes that would be written.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from packhouse._src.imagefile.digest import digest_of_file
from packhouse._src.packing.keeping.from_json import from_json
from packhouse._src.packing.keeping.source_digest import SourceDigest, is_old_enough
from packhouse._src.packing.keeping.table_journal import TableJournal, step_key
from packhouse._src.packing.options import PackOptions
from packhouse._src.packing.planning import Plan
from packhouse._src.table_records import JoinReport, LinkReport, TablePlan, TableReport, TextKey
from packhouse.errors import SourceError

SAID_BY_THE_STEPS = frozenset(
    (
        *("joins", "how", "allow_many", "sort", "link", "images", "tables", "include"),
        *("text", "types", "pad", "encoding", "follow_links", "name_encoding"),
        *("delimiter", "no_header", "skip_lines", "null", "table_name"),
    )
)
"""Options that decide nothing of a table, or are in the keys of the steps that they are for."""


class StartAgainError(Exception):
    """A file that was kept is not in the state that is needed; the table is to be made anew."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


@dataclass(slots=True)
class KeptJoin:
    """A join that is kept."""

    report: JoinReport
    tables: tuple[TableReport, ...]
    """The tables that got a column of numbers with it."""


@dataclass(slots=True)
class KeptTables:
    """The tables of one run: the state that each should have, and the one that its file has."""

    journal: TableJournal
    plan: Plan
    spill: Path
    """Where a file of an archive can be put."""

    afresh: Collection[str] = ()
    """Tables that are made anew whatever is known."""

    digests: dict[str, str] = field(default_factory=dict)
    """Path below the pack -> digest of the file."""

    _wanted: dict[str, str] = field(default_factory=dict)
    _there: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def converted(
        self, table: TablePlan, wanted: Mapping[str, str], text_keys: Mapping[str, TextKey]
    ) -> TableReport | None:
        """Return what the conversion of a table reported; None when it is to be converted.

        Args:
            table: The table.
            wanted: Column -> type, as the user asked.
            text_keys: Columns that are text since they are keys.
        """
        digest = None if table.name in self.afresh else self._known_digest(table)
        if digest is None:
            return None
        key = self._conversion(table, wanted, text_keys, digest)
        found = self.journal.memory.steps.get(key)
        if found is None:
            return None
        self.journal.say_step(key, found)
        self._wanted[table.name] = key
        self._there.pop(table.name, None)
        return from_json(TableReport, found["table"])

    def say_converted(
        self,
        table: TablePlan,
        made: TableReport,
        source: SourceDigest,
        *,
        wanted: Mapping[str, str],
        text_keys: Mapping[str, TextKey],
    ) -> None:
        """Note a conversion.

        Args:
            table: The table.
            made: What was made.
            source: The digest of its source.
            wanted: As for `converted`.
            text_keys: As for `converted`.
        """
        # without a digest the key is of this run alone
        key = self._conversion(table, wanted, text_keys, source.digest or f"unknown {id(source)}")
        if source.digest is not None and source.known_by is not None:
            self.journal.say_source(source.known_by, source.digest)
        self._there.pop(table.name, None)
        self._wanted[table.name] = key
        self.say_state(made, key, {"table": asdict(made)}, is_first=True)

    def place(self, table: TableReport) -> bool:
        """Put the file of a table in its place, when an earlier run has made it of the same.

        Args:
            table: As its conversion reported it.

        Returns:
            Whether a file is there; it may be in a later state of the table.
        """
        if table.name in self._there:
            return True
        found = self.journal.place(table.file, self._wanted[table.name])
        if found is None:
            return False
        self._there[table.name] = found.states
        self.digests[table.file] = found.digest
        return True

    def key(self, table: str) -> str:
        """Return the key of the state that a table should have."""
        return self._wanted[table]

    def is_exact(self, table: str) -> bool:
        """Say whether the file of a table is in the state that it should have.

        Raises:
            StartAgainError: It is not, and converting it would not be enough.
        """
        wanted, there = self._wanted[table], self._there[table]
        if there[-1] == wanted:
            return True
        if there[0] != wanted:
            raise StartAgainError(table)
        return False

    def find(self, table: str, key: str) -> dict[str, Any] | None:
        """Return what a step of a table reported, when its file has gone through it; it is taken as done.

        Args:
            table: Name of the table.
            key: Of the step.
        """
        found = self.journal.memory.steps.get(key)
        if found is None or key not in self._there[table]:
            return None
        self.journal.say_step(key, found)
        self._wanted[table] = key
        return found

    def say_state(
        self, table: TableReport, key: str, report: Mapping[str, Any], *, is_first: bool = False
    ) -> None:
        """Note that a step has made a table anew.

        Args:
            table: As it is now.
            key: Of the step.
            report: What it reported.
            is_first: Whether it was converted.
        """
        states = (key,) if is_first else (*self._there[table.name], key)
        self._wanted[table.name] = key
        self._there[table.name] = states
        self.journal.say_step(key, report)
        self.digests[table.file] = self.journal.say_file(table.file, states)

    def linked(self, table: str, key: str) -> tuple[TableReport, LinkReport] | None:
        """Return what linking a table reported, when its file has gone through it."""
        found = self.find(table, key)
        if found is None:
            return None
        return from_json(TableReport, found["table"]), from_json(LinkReport, found["link"])

    def sorted(self, table: str, key: str) -> TableReport | None:
        """Return what sorting a table reported, when its file has gone through it."""
        found = self.find(table, key)
        return None if found is None else from_json(TableReport, found["table"])

    def joined(self, name: str, file: str, key: str) -> KeptJoin | None:
        """Put a join in its place, when an earlier run has made it of the same.

        Args:
            name: Of the join.
            file: Its path below the pack.
            key: Of the join.
        """
        found = self.journal.memory.steps.get(key)
        placed = self.journal.place(file, key) if found is not None else None
        if found is None or placed is None:
            return None
        self.journal.say_step(key, found)
        self._wanted[name] = key
        self.digests[file] = placed.digest
        tables = tuple(from_json(TableReport, one) for one in found["tables"])
        for table in tables:
            numbered = self.numbered_key(table)
            if numbered not in self._there[table.name]:
                raise StartAgainError(table.name)
            self._wanted[table.name] = numbered
        return KeptJoin(from_json(JoinReport, found["join"]), tables)

    def say_joined(self, made: JoinReport, key: str, numbered: Iterable[TableReport]) -> None:
        """Note a join that was made, and the tables that got a column of numbers for it.

        Args:
            made: The join.
            key: Of the join.
            numbered: Those tables, as they are now.
        """
        tables = tuple(numbered)
        for table in tables:
            self.say_state(table, self.numbered_key(table), {"table": asdict(table)})
        self.journal.say_step(key, {"join": asdict(made), "tables": [asdict(table) for table in tables]})
        self._wanted[made.name] = key
        self.digests[made.file] = self.journal.say_file(made.file, (key,))

    def numbered_key(self, table: TableReport) -> str:
        """Return the key of a table that gets a column of numbers."""
        return self.step("number", self._wanted[table.name], asdict(table)["columns"])

    def step(self, *parts: object) -> str:
        """Return the key of a step made of these parts and the options that can decide anything."""
        return step_key(parts, shared_options(self.plan.options))

    def _conversion(
        self, table: TablePlan, wanted: Mapping[str, str], text_keys: Mapping[str, TextKey], digest: str
    ) -> str:
        keys = {column: asdict(key) for column, key in text_keys.items()}
        return self.step("convert", asdict(table), dict(wanted), keys, digest)

    def _known_digest(self, table: TablePlan) -> str | None:
        file, known = self.plan.table_files[table.source], self.journal.memory.sources.get(table.source)
        is_settled = is_old_enough(file, time.time_ns())
        digest = known_digest(known, self.plan, file.path, self.spill)
        if digest is not None and known is not None and (is_settled or known[0] == file):
            self.journal.say_source(file, digest)
        return digest


def known_digest(known: tuple[Any, str] | None, plan: Plan, path: str, spill: Path) -> str | None:
    """Return the digest of a source file: the one that is known if the file is as it was, or else read.

    Args:
        known: The file as it was, and its digest.
        plan: What is packed.
        path: Of the file below SRC.
        spill: Where a file of an archive can be put.

    Returns:
        The digest; None when nothing is known of a file of this size, or it cannot be read.
    """
    file = plan.table_files[path]
    if known is None or known[0].size != file.size:
        return None
    if known[0] == file:
        return known[1]
    try:
        with plan.source.as_file(file, spill) as source:
            return digest_of_file(source)
    except (SourceError, OSError):
        return None


def shared_options(options: PackOptions) -> dict[str, object]:
    """Return the options that can decide how any table is written."""
    return {name: value for name, value in options.shaping.items() if name not in SAID_BY_THE_STEPS}
