"""What a user may ask of packing, checked when it is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from packhouse._src.concurrency.threads import default_workers
from packhouse._src.delimited.column_types import TYPE_NAMES
from packhouse._src.delimited.text_stream import check_encoding
from packhouse._src.parquet_ import COMPRESSIONS
from packhouse._src.sources.sorting import Selection
from packhouse._src.sql.joins.join_specs import HOW, parse_join
from packhouse._src.sql.memory_limit import parse_memory
from packhouse._src.sql.sort_specs import read_sort
from packhouse._src.table_records import JoinManner, JoinSpec
from packhouse.errors import UsageError

ON_ERROR = ("report", "stop")
ENGINES = ("local", "processes")
SHAPING = (
    "joins",
    "how",
    "allow_many",
    "sort",
    "compact_keys",
    "link",
    "images",
    "tables",
    "include",
    "text",
    "types",
    "encoding",
    "compression",
)
"""Options that decide what a pack holds, whatever machine makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOptions:
    """Options of one pack; raises UsageError when they contradict each other."""

    joins: tuple[str, ...] = ()
    """Joins as they are written: "train = transactions_train + customers on customer_id"."""

    how: str | None = None
    """"inner", the default, drops left rows without a partner, "left" keeps them."""

    allow_many: bool | None = None
    """Whether the right side of a join may repeat a key; by default not."""

    sort: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Table or join -> columns that its rows are sorted by."""

    compact_keys: bool | None = None
    """Whether joins have numbers of rows for text that is the key of another table; by default not."""

    link: tuple[str, ...] | Literal[False] | None = None
    """"TABLE.COLUMN"s that name the images, one a table; None finds them, False links nothing."""

    images: tuple[str, ...] = ()
    """Globs of the files that are images; empty: by extension."""

    tables: tuple[str, ...] = ()
    """Globs of the files that are tables; empty: *.csv."""

    include: tuple[str, ...] = ()
    """Globs of other files to pack as bytes."""

    text: tuple[str, ...] = ()
    """"TABLE.COLUMN"s that stay text."""

    types: Mapping[str, str] = field(default_factory=dict)
    """"TABLE.COLUMN" -> type that its values must have."""

    encoding: tuple[str, ...] = ()
    """Encodings of tables that are not UTF-8: "cp1252" for all, or "TABLE=cp1252"."""

    compression: str | None = None
    """Of the Parquet files; by default zstd."""

    workers: int | None = None
    """Threads or processes that copy images; None: one a core."""

    engine: str = "local"
    """"local": threads copy the images; "processes": processes do."""

    memory_limit: str | None = None
    """Of the table engine, such as "2GB"; None: min(2 GB, a quarter of the memory)."""

    on_error: str = "report"
    """"report": what cannot be packed is listed, the rest is packed; "stop": the first such thing ends it."""

    overwrite: bool = False
    """Whether a pack that is there may be replaced."""

    update: bool = False
    """Whether a pack that is there is replaced by one of the data set as it is now, reusing its bytes."""

    def __post_init__(self) -> None:
        """Check all that can be seen without the data."""
        for name, value, allowed in (
            ("how", self.how, HOW),
            ("compression", self.compression, COMPRESSIONS),
            ("on_error", self.on_error, ON_ERROR),
            ("engine", self.engine, ENGINES),
        ):
            if value is not None and value not in allowed:
                raise UsageError(f"{name} is {value!r}", hint=f"one of {', '.join(allowed)}")
        if self.update and self.overwrite:
            raise UsageError("update and overwrite contradict each other", hint="one of the two")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"workers is {self.workers}", hint="at least 1")
        for text in self.encoding:
            check_encoding(text.rpartition("=")[2])
        self._check_columns()
        _ = self.join_specs, self.sort_columns, self.memory_bytes

    def _check_columns(self) -> None:
        for column in (*self.text, *self.types, *(self.link or ())):
            split_column(column)
        for column, kind in self.types.items():
            if kind not in TYPE_NAMES:
                raise UsageError(f"{kind!r} is no type, for {column}", hint=f"one of {', '.join(TYPE_NAMES)}")
        both = sorted(set(self.text) & set(self.types))
        if both:
            raise UsageError(f"{both[0]} is in both text and types", hint="one of the two")

    @property
    def join_specs(self) -> tuple[JoinSpec, ...]:
        """The joins, read."""
        return tuple(parse_join(text) for text in self.joins)

    @property
    def sort_columns(self) -> dict[str, tuple[str, ...]]:
        """The orders, read: table or join -> columns."""
        return read_sort(self.sort)

    def join_manner(self, name: str) -> JoinManner:
        """Return how one join is to be made."""
        return JoinManner(self.how or HOW[0], bool(self.allow_many), self.sort_columns.get(name, ()))

    @property
    def shaping(self) -> dict[str, object]:
        """The options that decide what the pack holds, for pack.json."""
        shaping = {name: getattr(self, name) for name in SHAPING}
        return {**shaping, "types": dict(self.types), "sort": self.sort_columns}

    @property
    def memory_bytes(self) -> int:
        """The memory limit in bytes."""
        return parse_memory(self.memory_limit)

    @property
    def may_replace(self) -> bool:
        """Whether a pack that is there may be replaced."""
        return self.overwrite or self.update

    @property
    def n_workers(self) -> int:
        """Number of threads or processes."""
        return self.workers or default_workers()

    @property
    def selection(self) -> Selection:
        """The globs."""
        return Selection(self.images, self.tables, self.include)

    def encoding_of(self, table: str) -> str | None:
        """Return the encoding of one table, as the user said; None: UTF-8."""
        said = dict(text.rpartition("=")[::2] for text in self.encoding)
        return said.get(table, said.get(""))

    def wanted_types(self, table: str, tables: Collection[str]) -> dict[str, str]:
        """Return column -> type for the columns of one table, of all tables, that the user spoke of."""
        asked = {**dict.fromkeys(self.text, "text"), **self.types}
        split = ((split_column(name, tables), kind) for name, kind in asked.items())
        return {column: kind for (owner, column), kind in split if owner == table}


def is_not_given(value: object) -> bool:
    """Say whether an option is as it is when nobody has spoken of it."""
    return value is None or value in ((), {})


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
