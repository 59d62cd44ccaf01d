"""The options of `pack`: each is defined here, and checked when it is set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from packhouse._src.concurrency.threads import default_workers
from packhouse._src.delimited.column_types import TYPE_NAMES
from packhouse._src.foreign.evidence.layouts import LAYOUTS, Hdf5Wish, read_wish
from packhouse._src.imagefile.format import INDEX_TABLE
from packhouse._src.option_types.named_values import (
    columns_named,
    fits_table,
    is_glob,
    split_named,
    values_for,
)
from packhouse._src.option_types.option_fields import Option, OptionField, option_fields
from packhouse._src.sources.folder_walk import ANYWHERE
from packhouse._src.sources.names import is_encoding
from packhouse._src.sources.sorting import Selection
from packhouse._src.sources.source import SourceOptions
from packhouse._src.sql.joins.join_parsing import parse_join
from packhouse._src.sql.joins.join_specs import HOW
from packhouse._src.sql.memory_limit import parse_memory
from packhouse._src.sql.sort_specs import read_sort
from packhouse._src.table_records import COMPRESSIONS, Dialect, JoinManner, JoinSpec, read_delimiter
from packhouse.errors import UsageError

ON_ERROR = ("report", "stop")
ENGINES = ("local", "processes")
MOST_DIGITS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOptions:
    """Options of `pack`; raises UsageError if they contradict each other.

    Each option is defined here once; see CONTRIBUTING.md.
    """

    joins: Annotated[
        tuple[str, ...],
        Option(
            'Join tables, e.g. "train = transactions_train + customers on customer_id"',
            flag="--join",
            metavar="SPEC",
            in_pack=True,
        ),
    ] = ()
    how: Annotated[
        str | None,
        Option(
            "Type of join: inner drops left rows without a match, left keeps them",
            choices=HOW,
            default="inner",
            in_pack=True,
        ),
    ] = None
    allow_many: Annotated[
        bool | None, Option("Allow repeated keys in the right table of a join", default="no", in_pack=True)
    ] = None
    sort: Annotated[
        Mapping[str, str | Sequence[str]],
        Option("Sort the rows of a table or join", metavar="TABLE=COLUMN,...", in_pack=True),
    ] = field(default_factory=dict)
    compact_keys: Annotated[
        bool | None,
        Option("Replace text keys with row numbers of the lookup table", default="no", in_pack=True),
    ] = None
    link: Annotated[
        tuple[str, ...] | Literal[False] | None,
        Option(
            "Column that identifies the image of each row",
            metavar="TABLE.COLUMN",
            default="detected",
            off="Do not link tables to images",
            in_pack=True,
        ),
    ] = None
    images: Annotated[
        tuple[str, ...],
        Option("Files to pack as images", metavar="GLOB", default="by extension", in_pack=True),
    ] = ()
    tables: Annotated[
        tuple[str, ...],
        Option("Files to pack as tables", metavar="GLOB", default="by extension", in_pack=True),
    ] = ()
    include: Annotated[
        tuple[str, ...],
        Option("Other files to pack next to the images, byte for byte", metavar="GLOB", in_pack=True),
    ] = ()
    images_from: Annotated[
        tuple[str, ...],
        Option(
            "Dataset or group of an HDF5 file that contains the images",
            metavar="DATASET",
            default="detected",
            in_pack=True,
        ),
    ] = ()
    layout: Annotated[
        str | None,
        Option("Axes of the images of an HDF5 file", choices=LAYOUTS, default="detected", in_pack=True),
    ] = None
    convert: Annotated[
        bool | None,
        Option(
            "Convert float images (0 to 1) and base64 text of an HDF5 file to image files",
            default="no",
            in_pack=True,
        ),
    ] = None
    text: Annotated[
        tuple[str, ...],
        Option("Column to keep as text", metavar="TABLE.COLUMN", in_pack=True, adds_up=True),
    ] = ()
    types: Annotated[
        Mapping[str, str],
        Option(
            f"Type of a column: {', '.join(TYPE_NAMES)}",
            metavar="TABLE.COLUMN=TYPE",
            in_pack=True,
            adds_up=True,
        ),
    ] = field(default_factory=dict)
    pad: Annotated[
        Mapping[str, int],
        Option(
            "Give the ids of a column their leading zeros back: text of N digits",
            metavar="TABLE.COLUMN=N",
            in_pack=True,
            adds_up=True,
        ),
    ] = field(default_factory=dict)
    encoding: Annotated[
        tuple[str, ...],
        Option(
            "Encoding of tables that are not UTF-8, e.g. cp1252",
            metavar="[TABLE=]NAME",
            in_pack=True,
            adds_up=True,
            scoped=True,
        ),
    ] = ()
    delimiter: Annotated[
        tuple[str, ...],
        Option(
            "Delimiter of tables: a character, tab, or whitespace (any number of blanks)",
            metavar="[TABLE=]C",
            default="detected",
            in_pack=True,
            adds_up=True,
            scoped=True,
        ),
    ] = ()
    no_header: Annotated[
        tuple[str, ...],
        Option(
            "Table without a header; its columns are called column_1, column_2 and so on",
            metavar="TABLE",
            in_pack=True,
            adds_up=True,
        ),
    ] = ()
    skip_lines: Annotated[
        Mapping[str, int],
        Option(
            "Lines to skip before the header of a table; 0: the first line is the header",
            metavar="TABLE=N",
            minimum=0,
            in_pack=True,
            adds_up=True,
        ),
    ] = field(default_factory=dict)
    null: Annotated[
        tuple[str, ...],
        Option(
            "Cell that means a missing value, e.g. NA",
            metavar="[TABLE.COLUMN=]MARK",
            in_pack=True,
            adds_up=True,
            scoped=True,
        ),
    ] = ()
    table_name: Annotated[
        Mapping[str, str],
        Option(
            "Name of a table, if the name of its file is taken",
            metavar="FILE=NAME",
            in_pack=True,
            adds_up=True,
        ),
    ] = field(default_factory=dict)
    follow_links: Annotated[
        bool | str,
        Option(
            "Follow symbolic links inside SRC; anywhere: also those that lead out of SRC",
            default="no",
            choices=(ANYWHERE,),
            in_pack=True,
        ),
    ] = False
    name_encoding: Annotated[
        str | None,
        Option(
            "Encoding of names in zip archives that are not UTF-8, e.g. cp932",
            metavar="NAME",
            default="detected",
            in_pack=True,
        ),
    ] = None
    compression: Annotated[
        str | None,
        Option("Compression of the Parquet files", choices=COMPRESSIONS, default="zstd", in_pack=True),
    ] = None
    rows_per_file: Annotated[
        int | None,
        Option(
            "Write each table and join as a folder of Parquet files of N rows",
            metavar="N",
            default="one file",
            minimum=1,
            in_pack=True,
        ),
    ] = None
    partition_by: Annotated[
        tuple[str, ...],
        Option(
            "Write a table or join as Hive folders, one for each value of a column",
            metavar="[TABLE=]COLUMN",
            default="none",
            in_pack=True,
            adds_up=True,
            scoped=True,
        ),
    ] = ()
    workers: Annotated[
        int | None, Option("Number of workers", metavar="N", default="one per core", minimum=1)
    ] = None
    engine: Annotated[
        str, Option("How images are copied: by threads (local) or by processes", choices=ENGINES)
    ] = "local"
    memory_limit: Annotated[
        str | None,
        Option(
            "Memory of the process while it makes tables, e.g. 4GB",
            metavar="SIZE",
            default="2GB or a quarter of RAM, whichever is less",
        ),
    ] = None
    on_error: Annotated[
        str,
        Option("report: list failures and continue; stop: abort at the first one", choices=ON_ERROR),
    ] = "report"
    overwrite: Annotated[bool, Option("Replace an existing pack")] = False
    update: Annotated[bool, Option("Bring an existing pack up to date; unchanged images are reused")] = False

    def __post_init__(self) -> None:
        """Check everything that can be checked without the data."""
        for name, one in option_fields(PackOptions).items():
            one.check(getattr(self, name))
        if self.update and self.overwrite:
            raise UsageError("update and overwrite contradict each other", hint="use only one of them")
        if self.encoding:
            from packhouse._src.delimited.text_stream import check_encoding  # brings pyarrow

            for text in self.encoding:
                check_encoding(split_named(text)[1])
        if self.name_encoding is not None and not is_encoding(self.name_encoding):
            raise UsageError(f"{self.name_encoding!r} is not an encoding", hint="cp932, gbk, cp866")
        self._check_columns()
        self._check_reading()
        _ = self.join_specs, self.sort_columns, self.memory_bytes, self.hdf5_wish

    def _check_columns(self) -> None:
        for column in (*self.text, *self.types, *self.pad, *(self.link or ())):
            split_column(column)
        for column, digits in self.pad.items():
            if not 1 <= digits <= MOST_DIGITS:
                raise UsageError(f"pad is {digits}, for {column}", hint=f"from 1 to {MOST_DIGITS} digits")
            if self.types.get(column, "text") != "text":
                raise UsageError(f"{column} is in both pad and types", hint="padded ids are text")
        for column, kind in self.types.items():
            if kind not in TYPE_NAMES:
                raise UsageError(
                    f"{kind!r} is not a type, for {column}", hint=f"use one of {', '.join(TYPE_NAMES)}"
                )
        both = sorted(set(self.text) & set(self.types))
        if both:
            raise UsageError(f"{both[0]} is in both text and types", hint="use only one of them")

    def _check_reading(self) -> None:
        for text in self.delimiter:
            read_delimiter(split_named(text)[1])
        for table, number in self.skip_lines.items():
            if number < 0:
                raise UsageError(f"skip_lines is {number}, for {table}", hint="0 or more")
        for file, name in self.table_name.items():
            if not name or name.startswith(".") or set(name) & {"/", "\0"} or name.lower() == INDEX_TABLE:
                raise UsageError(f"{name!r} cannot name a table, for {file}", hint="a name without '/'")

    @property
    def join_specs(self) -> tuple[JoinSpec, ...]:
        """The joins, parsed."""
        return tuple(parse_join(text) for text in self.joins)

    @property
    def sort_columns(self) -> dict[str, tuple[str, ...]]:
        """The sort orders, parsed: table or join -> columns."""
        return read_sort(self.sort)

    def join_manner(self, name: str) -> JoinManner:
        """Return how to make one join."""
        return JoinManner(self.how or HOW[0], bool(self.allow_many), self.sort_columns.get(name, ()))

    @property
    def shaping(self) -> dict[str, object]:
        """The options that decide what the pack contains, for pack.json."""
        shaping = {name: getattr(self, name) for name in options_in_pack()}
        plain = ("types", "pad", "skip_lines", "table_name")
        return {**shaping, **{name: dict(shaping[name]) for name in plain}, "sort": self.sort_columns}

    @property
    def memory_bytes(self) -> int:
        """The memory limit in bytes."""
        return parse_memory(self.memory_limit)

    @property
    def may_replace(self) -> bool:
        """Whether an existing pack may be replaced."""
        return self.overwrite or self.update

    @property
    def source_options(self) -> SourceOptions:
        """How SRC is read."""
        return SourceOptions(self.follow_links, self.name_encoding)

    @property
    def n_workers(self) -> int:
        """Number of threads or processes."""
        return self.workers or default_workers()

    @property
    def selection(self) -> Selection:
        """The globs."""
        return Selection(self.images, self.tables, self.include)

    @property
    def hdf5_wish(self) -> Hdf5Wish:
        """What is said of an HDF5 file."""
        return read_wish(self.images_from, self.layout, convert=bool(self.convert))

    def encoding_of(self, table: str) -> str | None:
        """Return the encoding of one table as set by the user; None means UTF-8."""
        return next(reversed(values_for(self.encoding, table)), None)

    def padded_columns(self, tables: Collection[str]) -> dict[tuple[str, str], int]:
        """Return (table, column) -> digits of the columns to pad with zeros."""
        return {split_column(name, tables): digits for name, digits in self.pad.items()}

    def wanted_types(
        self, table: str, tables: Collection[str], columns: Collection[str] = ()
    ) -> dict[str, str]:
        """Return column -> type for the columns of one table, of all tables, that the user set.

        A name counts more than a glob, which stands for any of the columns of the table.
        """
        asked = {**dict.fromkeys(self.text, "text"), **self.types}
        found: dict[str, str] = {}
        for pattern, kind in sorted(asked.items(), key=lambda one: not is_glob(one[0])):
            owner, column = split_column(pattern, tables)
            if is_glob(pattern):
                found |= dict.fromkeys(columns_named(pattern, table, columns), kind)
            elif owner == table:
                found[column] = kind
        return found

    def null_marks(self, table: str, columns: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return column -> cells that mean a missing value, for the columns of one table that have some."""
        found: dict[str, list[str]] = {}
        for name, mark in map(split_named, self.null):
            for column in columns_named(name, table, columns) if name else columns:
                found.setdefault(column, []).append(mark)
        return {column: tuple(dict.fromkeys(marks)) for column, marks in found.items()}

    def dialect_of(self, table: str) -> Dialect:
        """Return how one table is to be read, as far as the user said."""
        delimiter = next(reversed(values_for(self.delimiter, table)), None)
        skipped = [number for name, number in self.skip_lines.items() if fits_table(name, table)]
        return Dialect(
            table=table,
            delimiter=None if delimiter is None else read_delimiter(delimiter),
            skip_lines=skipped[-1] if skipped else 0,
            has_header=not any(fits_table(name, table) for name in self.no_header),
            is_sure=bool(skipped),
        )


def options_in_pack() -> dict[str, OptionField]:
    """Return the options that decide what a pack contains, on any machine."""
    return {name: one for name, one in option_fields(PackOptions).items() if one.option.in_pack}


def complete_options(given: PackOptions, said: Mapping[str, Any]) -> PackOptions:
    """Take over options from packhouse.toml or an earlier run where none are given.

    Args:
        given: As the user gave them, which count more.
        said: Values of options that decide what a pack holds, by name; others are left out.

    Returns:
        Both together. Of text, types and whatever else adds up both count, for a column what is given.
    """
    spoken_of = {*given.text, *given.types}
    found: dict[str, Any] = {}
    for name, one in options_in_pack().items():
        now, value = getattr(given, name), said.get(name)
        if value is None:
            continue
        if not one.option.adds_up:
            found[name] = value if now == one.default or now in ((), {}) else now
        elif isinstance(value, Mapping):
            found[name] = {**{key: what for key, what in value.items() if key not in spoken_of}, **now}
        elif name == "text":
            found[name] = (*(column for column in value if column not in spoken_of), *now)
        else:
            found[name] = (*value, *now)
    return replace(given, **found)


def split_column(text: str, tables: Collection[str] = ()) -> tuple[str, str]:
    """Split "TABLE.COLUMN" behind the longest name of a table, or else at the first dot.

    Args:
        text: What the user wrote.
        tables: Names of tables, which may have dots themselves.

    Returns:
        Table and column.

    Raises:
        UsageError: There is no dot, or nothing on one side of it.
    """
    known = max((name for name in tables if text.startswith(f"{name}.")), key=len, default=None)
    if known is not None and len(text) > len(known) + 1:
        return known, text[len(known) + 1 :]
    table, dot, column = text.partition(".")
    if not (table and dot and column):
        raise UsageError(f"{text!r} is not of the form TABLE.COLUMN", hint="articles.article_id")
    return table, column
