"""What a user may ask of packing, checked when it is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from packhouse.engines.threads import default_workers
from packhouse.errors import UsageError
from packhouse.parquet_ import COMPRESSIONS
from packhouse.sources.sorting import Selection
from packhouse.tables.column_types import TYPE_NAMES
from packhouse.tables.join_specs import HOW, parse_join
from packhouse.tables.memory import parse_memory
from packhouse.tables.records import JoinSpec

ON_ERROR = ("report", "stop")
ENGINES = ("local", "processes")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOptions:
    """Options of one pack; raises UsageError when they contradict each other."""

    joins: tuple[str, ...] = ()
    """Joins as they are written: "train = transactions_train + customers on customer_id"."""

    how: str = "inner"
    """"inner" drops left rows without a partner, "left" keeps them."""

    allow_many: bool = False
    """Whether the right side of a join may repeat a key."""

    link: str | Literal[False] | None = None
    """"TABLE.COLUMN" that names the images; None finds it, False links nothing."""

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

    compression: str = "zstd"
    """Of the Parquet files."""

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
            if value not in allowed:
                raise UsageError(f"{name} is {value!r}", hint=f"one of {', '.join(allowed)}")
        if self.update and self.overwrite:
            raise UsageError("update and overwrite contradict each other", hint="one of the two")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"workers is {self.workers}", hint="at least 1")
        self._check_columns()
        _ = self.join_specs, self.memory_bytes

    def _check_columns(self) -> None:
        for column in (*self.text, *self.types, *([self.link] if self.link else [])):
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

    def wanted_types(self, table: str, tables: Collection[str]) -> dict[str, str]:
        """Return column -> type for the columns of one table, of all tables, that the user spoke of."""
        asked = {**dict.fromkeys(self.text, "text"), **self.types}
        split = ((split_column(name, tables), kind) for name, kind in asked.items())
        return {column: kind for (owner, column), kind in split if owner == table}


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
