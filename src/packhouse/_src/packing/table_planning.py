"""Plans the tables: what each is called, where its file goes, and what its header says."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from packhouse._src.columnar.copying import ColumnarColumns, read_columns
from packhouse._src.delimited.dialect import LONGEST_HEADER_BYTES, Start, read_start
from packhouse._src.delimited.json_lines.json_reader import JsonColumns, find_columns
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE, INDEX_TABLE, MANIFEST_FILE
from packhouse._src.packing.options import PackOptions
from packhouse._src.records import Failed, SourceFile
from packhouse._src.sources.named_images import texts_that_name
from packhouse._src.sources.sorting import kind_of_table, without_extension
from packhouse._src.sources.source import Source
from packhouse._src.sql.joins.join_specs import not_found
from packhouse._src.table_records import COLUMNAR, CSV, JSON_LINES, Dialect, TablePlan
from packhouse.errors import CsvError, SourceError, TableError, Where

HEADER_BYTES = 64 << 10
"""So much of a table in an archive is looked at to find its header line, and more if it is longer."""

LONGEST_NAME_BYTES = 255 - len(".linked")
"""Of the file of a table; most file systems have names of 255, and it is written anew under a longer one."""


ROWS_COMPARED = 20
MOST_DOUBTS = 3


def plan_tables(
    source: Source, files: Sequence[SourceFile], options: PackOptions, *, images: Collection[str] = ()
) -> tuple[tuple[TablePlan, ...], list[Failed]]:
    """Read the header of every table, and find it a place in the pack.

    Args:
        source: The data set.
        files: Its tables.
        options: What the user asked for.
        images: Paths of its images; a first line that names one is a row.

    Returns:
        The tables that can be converted, as far as can be told; those that cannot, with reasons.

    Raises:
        UsageError: A name is given to a file that is not there.
    """
    unknown = options.table_name.keys() - {file.path for file in files}
    if unknown:
        raise not_found("table file", min(unknown), [file.path for file in files], Where(member="table_name"))
    drafts: dict[str, _Draft] = {}
    failed: list[Failed] = []

    @contextmanager
    def may_fail(file: SourceFile) -> Iterator[None]:
        try:
            yield
        except (TableError, SourceError) as err:
            failed.append(Failed(file.path, type(err).__name__, str(err)))

    for file in files:
        with may_fail(file):
            draft = _draft(source, file, drafts, options)
            drafts[draft.name.lower()] = draft
    headless = _without_headers(list(drafts.values()), images)
    plans = []
    for draft in drafts.values():
        with may_fail(draft.file):
            plans.append(draft.plan(options, is_headless=draft.name in headless))
    return tuple(plans), failed


@dataclass(frozen=True, slots=True)
class _Draft:
    """A table whose first rows were read."""

    name: str
    file: SourceFile
    target: str
    encoding: str | None
    start: Start | JsonColumns | ColumnarColumns

    def plan(self, options: PackOptions, *, is_headless: bool) -> TablePlan:
        """Return the plan; raises CsvError when the header repeats a name."""
        if not isinstance(self.start, Start):
            return self._plan_of_names(self.start, options)
        header = self.start.header(is_row=is_headless)
        notes, dialect = list(header.notes), self.start.dialect
        if is_headless:
            dialect = replace(dialect, has_header=False)
            notes.append(
                f"the first line names an image, so it is a row: columns are called {header.columns[0]}, ... "
                f"(if it is the header: --skip-lines {self.name}=0)"
            )
        elif header.doubts:
            notes.append(
                f"the first line may be a row: {'; '.join(header.doubts[:MOST_DOUBTS])} "
                f"(--no-header {self.name} makes it one, --skip-lines {self.name}=0 confirms the header)"
            )
        return TablePlan(
            name=self.name,
            source=self.file.path,
            source_bytes=self.file.size,
            file=self.target,
            columns=header.columns,
            notes=tuple(notes),
            encoding=self.encoding,
            dialect=dialect,
            null_marks=options.null_marks(self.name, header.columns),
            may_lack_rows=bool(header.doubts),
        )

    def _plan_of_names(self, found: JsonColumns | ColumnarColumns, options: PackOptions) -> TablePlan:
        marks = options.null_marks(self.name, found.names)
        keys, kind = (found.keys, JSON_LINES) if isinstance(found, JsonColumns) else ((), COLUMNAR)
        if isinstance(found, ColumnarColumns):  # other values than text are missing or not by themselves
            marks = {name: some for name, some in marks.items() if name in found.texts}
        return TablePlan(
            name=self.name,
            source=self.file.path,
            source_bytes=self.file.size,
            file=self.target,
            columns=found.names,
            notes=found.notes,
            encoding=self.encoding,
            null_marks=marks,
            kind=kind,
            keys=keys,
        )


def _without_headers(drafts: Sequence[_Draft], images: Collection[str]) -> set[str]:
    """Return the tables whose first line names an image in a column that names images, so it is a row."""
    starts = [(draft.name, draft.start) for draft in drafts if isinstance(draft.start, Start)]
    open_ones = [one for one in starts if one[1].dialect.has_header and not one[1].is_confirmed]
    named = texts_that_name(images, {name for _, start in open_ones for name in start.names})
    suspects = [
        (table, name, [row[place] for row in start.rows if place < len(row) and row[place]])
        for table, start in open_ones
        for place, name in enumerate(start.names)
        if name in named
    ]
    named = texts_that_name(images, {cell for _, _, cells in suspects for cell in cells[:ROWS_COMPARED]})
    return {table for table, name, cells in suspects if _are_alike(name, cells[:ROWS_COMPARED], named)}


def _are_alike(name: str, cells: Sequence[str], named: Collection[str]) -> bool:
    """Say whether a name that is an image's stands above others, written alike."""
    suffix = PurePosixPath(name).suffix
    alike = [cell for cell in cells if cell in named and PurePosixPath(cell).suffix == suffix]
    return 2 * len(alike) >= len(cells) if cells else suffix != ""


def _draft(source: Source, file: SourceFile, others: Mapping[str, _Draft], options: PackOptions) -> _Draft:
    path = without_extension(file.path)
    given = options.table_name.get(file.path)
    if given is not None:
        path = f"{path.rpartition('/')[0]}/{given}".lstrip("/")
    name = given or path.replace("/", "_")
    clash = others.get(name.lower())
    if clash is not None or name.lower() == INDEX_TABLE:
        other = clash.file.path if clash is not None else "the image index"
        raise CsvError(
            f"its table would have the name {name}, like that of {other}",
            where=Where(file=file.path),
            hint=f"--table-name {file.path}=NAME gives it another name",
        )
    # DuckDB cannot list a folder that has a backslash in a name, and reads [ ? * as patterns
    target = f"{path}.parquet".replace("\\", "%5C")
    _check_target(target, file.path, others, options)
    encoding = options.encoding_of(name)
    try:
        start = (
            _start_of(source, file, encoding, options.dialect_of(name))
            if kind_of_table(file.path) == CSV
            else _columns_of(source, file, name, encoding)
        )
    except SourceError:
        raise
    except OSError as err:
        raise SourceError(f"cannot be read: {err.strerror}", where=Where(file=file.path)) from err
    return _Draft(name, file, target, encoding, start)


def _check_target(target: str, source: str, others: Mapping[str, _Draft], options: PackOptions) -> None:
    """See that a table's file has a place in the pack, where other files and folders have theirs."""
    joins = (f"{join.name}.parquet" for join in options.join_specs)
    taken = {MANIFEST_FILE, IMAGES_FILE, INDEX_FILE, *joins, *(other.target for other in others.values())}
    folders = {other.target.rpartition("/")[0] for other in others.values()}
    parts = target.split("/")
    above = {"/".join(parts[:number]) for number in range(1, len(parts))}
    if any(target == other.target for other in others.values()):
        raise CsvError(
            f"its file would be {target}, which another table has",
            where=Where(file=source),
            hint=f"--table-name {source}=NAME gives it another name",
        )
    clash = next((name for name in sorted(above & taken)), None)
    if clash is None and any(f"{folder}/".startswith(f"{target}/") for folder in folders):
        clash = target
    if clash is not None:
        raise CsvError(
            f"its file would be {target}, and the pack has both a file and a folder {clash}",
            where=Where(file=source),
            hint="rename the folder",
        )
    if len(os.fsencode(parts[-1])) > LONGEST_NAME_BYTES:
        raise CsvError(
            f"the name of its Parquet file would be longer than {LONGEST_NAME_BYTES} bytes",
            where=Where(file=source),
            hint="rename the file",
        )


def _columns_of(
    source: Source, file: SourceFile, table: str, encoding: str | None
) -> JsonColumns | ColumnarColumns:
    with TemporaryDirectory(prefix="packhouse-") as place, source.as_file(file, Path(place)) as path:
        if kind_of_table(file.path) == COLUMNAR:
            return read_columns(path, shown_as=file.path)
        return find_columns(path, shown_as=file.path, table=table, encoding=encoding)


def _start_of(source: Source, file: SourceFile, encoding: str | None, dialect: Dialect) -> Start:
    most = HEADER_BYTES
    while True:
        with (
            TemporaryDirectory(prefix="packhouse-") as place,
            source.as_file(file, Path(place), most=most) as path,
        ):
            # of a file in an archive there may be only the start
            short = most < file.size and path.stat().st_size < file.size
            start = read_start(
                path, shown_as=file.path, encoding=encoding, dialect=dialect, is_start_only=short
            )
        if start is not None:
            return start
        most = file.size if most >= LONGEST_HEADER_BYTES else most * 16
