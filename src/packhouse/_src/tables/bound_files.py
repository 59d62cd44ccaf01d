"""The Parquet files of an open pack: each is the one that pack.json speaks of, undamaged, before it is read.

pyarrow verifies the checksums of pages itself, so for its reads the footer is checked, which has none. DuckDB
verifies nothing, so before it reads a file, the whole file is compared with its digest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.footers.footer_digest import check_footer_size, read_footer_digest
from packhouse._src.imagefile.read.generation import FileIdentity, Generation, digest_once, identity_of
from packhouse._src.parquet_ import ParquetSource
from packhouse._src.sql.quoting import as_pattern
from packhouse._src.table_records import files_of_parts
from packhouse._src.tables.parted_table import PartedTable
from packhouse.errors import CorruptStoreError, StoreError, Where

RESTORE = "restore it from a copy, or pack the data set again"


@dataclass(frozen=True, slots=True)
class BoundFile:
    """The file of a table, or the folder of its parts, as pack.json has it."""

    path: Path
    digest: str | None = None
    """Of the bytes; None: pack.json does not say, and the file has a sealed footer."""

    parts: tuple[tuple[str, str], ...] = ()
    """Name and digest of each file in the folder; empty: it is one file."""

    @property
    def digests(self) -> dict[Path, str | None]:
        """File -> digest of its bytes."""
        if not self.parts:
            return {self.path: self.digest}
        return {self.path / name: digest for name, digest in self.parts}


class BoundFiles:
    """The files of all tables of a pack. Safe to share between threads and to pickle.

    Args:
        files: SQL name -> file.
        generation: The state of the pack; None for what has no pack.json.
        verify: Whether whole files are compared with their digests before DuckDB reads them.
    """

    def __init__(
        self, files: Mapping[str, BoundFile], generation: Generation | None, *, verify: bool = True
    ) -> None:
        self.files = dict(files)
        self.paths = {name: file.path for name, file in files.items()}
        self._generation = generation
        self._verify = verify
        self._seen: dict[Path, FileIdentity] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """Leave out the files as they are now: times and inodes are of one machine."""
        return (_again, (self.files, self._generation, self._verify))

    def open(self, name: str, *, text_as_dictionary: bool = False) -> ParquetSource | PartedTable:
        """Open a table whose footer is as it was written.

        Args:
            name: Name of the table.
            text_as_dictionary: As of `ParquetSource`.

        Returns:
            Its reader, to be closed.

        Raises:
            CorruptStoreError: It is missing, cut short or damaged.
            PackReplacedError: Another pack is in the place of this one.

        Cost: reads the footers, of each part one.
        """
        file = self.files[name]
        try:
            before = self._check_footers(file)
            source = _reader(file, text_as_dictionary=text_as_dictionary)
        except StoreError:
            self.check_generation()
            raise
        try:
            self.confirm(before)
        except BaseException:
            source.close()
            raise
        return source

    def hold(self, names: Iterable[str]) -> dict[Path, FileIdentity]:
        """See that whole tables are as they were written, before a program reads them that does not look.

        Args:
            names: The tables.

        Returns:
            The files that were seen; `confirm` says afterwards whether these are what was read.

        Raises:
            CorruptStoreError: A table is missing or damaged.
            PackReplacedError: Another pack is in the place of this one.

        Cost: the first time in a process one read of these files, 2 GB/s from memory; then a look at each.
        """
        seen: dict[Path, FileIdentity] = {}
        try:
            for name in names:
                seen |= self._check_whole(self.files[name])
        except StoreError:
            self.check_generation()
            raise
        return seen

    def confirm(self, seen: Mapping[Path, FileIdentity]) -> None:
        """See that files are still those that were looked at; raises as `hold` does."""
        self.check_generation()
        for path, identity in seen.items():
            if identity_of(path) != identity:
                raise _damaged(path, "the file was changed while it was read")

    def check_generation(self) -> None:
        """See that the pack is the one that was opened.

        Raises:
            PackReplacedError: It is not.
        """
        if self._generation is not None:
            self._generation.check()

    def named_in(self, query: str) -> list[str]:
        """Return the tables that a query may read: too many rather than too few."""
        text = query.lower()
        found = [
            name
            for name, path in self.paths.items()
            if name.lower() in text or as_pattern(os.fspath(path)) in query
        ]
        # functions that read a table or a file whose name they make up
        made_up = "query" in text or ("parquet" in text and not found)
        return list(self.files) if made_up else found

    def _check_footers(self, file: BoundFile) -> dict[Path, FileIdentity]:
        seen = {}
        for path, digest in _files_of(file).items():
            seen[path] = identity_of(path)
            is_new = self._seen.setdefault(path, seen[path]) == seen[path]
            sealed = read_footer_digest(path) is not None
            if not sealed:
                check_footer_size(path)
            if digest is None:
                if not sealed:
                    raise _damaged(path, "its footer does not match its digest")
            elif self._verify and not (sealed and is_new):
                # written before footers had digests, or damaged; or another file than at first
                seen[path] = _compare(path, digest)
                self._seen[path] = seen[path]
        return seen

    def _check_whole(self, file: BoundFile) -> dict[Path, FileIdentity]:
        if not self._verify:
            return self._check_footers(file)
        seen = {}
        for path, digest in _files_of(file).items():
            if digest is None:
                seen[path] = self._check_pages(path)
            else:
                seen[path] = self._seen[path] = _compare(path, digest)
                _check_sizes(path, digest)
        return seen

    def _check_pages(self, path: Path) -> FileIdentity:
        """Verify the checksums of all pages, of a file whose digest nobody knows."""
        identity, digest = digest_once(path)
        if digest not in _sound:
            if read_footer_digest(path) is None:
                raise _damaged(path, "its footer does not match its digest")
            with closing(ParquetSource(path, is_bounded=True)) as source:
                for _ in source.iterate(threads=True):
                    pass
            if identity_of(path) != identity:
                raise _damaged(path, "the file was changed while it was read")
            _sound.add(digest)
        return identity


_sound: set[str] = set()
"""Digests of files whose pages match their checksums."""

_small: set[str] = set()
"""Digests of files whose row groups are no larger than packhouse writes them."""


def _again(
    files: Mapping[str, BoundFile],
    generation: Generation | None,
    verify: bool,  # noqa: FBT001  # of pickle
) -> BoundFiles:
    return BoundFiles(files, generation, verify=verify)


def _files_of(file: BoundFile) -> dict[Path, str | None]:
    """Return the files of a table with their digests; refuse a folder that holds others."""
    wanted = file.digests
    if file.parts:
        there = set(files_of_parts(file.path))
        if there != set(wanted):
            what = "missing" if set(wanted) - there else "not of this table"
            first = min(set(wanted) ^ there).relative_to(file.path)
            raise _damaged(file.path, f"{first.as_posix()} is {what}")
    return wanted


def _reader(file: BoundFile, *, text_as_dictionary: bool) -> ParquetSource | PartedTable:
    if file.parts:
        return PartedTable(file.path, text_as_dictionary=text_as_dictionary)
    return ParquetSource(file.path, text_as_dictionary=text_as_dictionary, is_bounded=True)


def _compare(path: Path, digest: str) -> FileIdentity:
    identity, found = digest_once(path)
    if found != digest:
        raise _damaged(path, "its bytes do not match the digest in pack.json: the file was damaged")
    return identity


def _check_sizes(path: Path, digest: str) -> None:
    """See that no row group takes more memory than packhouse lets it, before DuckDB reads it."""
    if digest not in _small:
        with closing(ParquetSource(path, is_bounded=True)) as source:
            for group in range(len(source.row_group_starts) - 1):
                source.check_size(group)
        _small.add(digest)


def _damaged(path: Path, problem: str) -> CorruptStoreError:
    return CorruptStoreError(problem, where=Where(file=str(path)), hint=RESTORE)
