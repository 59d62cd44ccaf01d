"""Sorting against pandas: stable, nulls last, text by its bytes; what cannot be sorted is said beforehand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import packhouse
from packhouse._src.parquet_ import ParquetSink, ParquetSource
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.join_sql import Side
from packhouse._src.sql.joins.reorder import rewrite_table
from packhouse._src.sql.query_output import Workbench
from packhouse._src.sql.sort_specs import check_sort, read_sort
from packhouse._src.table_records import ColumnType, TableReport
from packhouse.errors import ColumnNotFoundError, TableError, UsageError
from packhouse.progress import Event, Started, silent

CELLS = st.none() | st.sampled_from(["b", "a", "B", "é", "z", "", "\U0001f600", "\uffff"])


def put(bench: Workbench, columns: Mapping[str, Sequence[Any]]) -> TableReport:
    """Write a table as packing does, with facts of its own."""
    path = bench.folder / "t.parquet"
    path.unlink(missing_ok=True)
    made = pa.table(dict(columns))
    with ParquetSink(path, made.schema, metadata={"role": "table", "image_column": "i"}) as sink:
        for batch in made.to_batches():
            sink.write(batch)
    types = tuple(ColumnType(name, str(made[name].type), f"of {name}", 0) for name in columns)
    return TableReport("t", "t.parquet", "t.csv", 0, path.stat().st_size, made.num_rows, types, ())


def by_bytes(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return what pandas is to compare: bytes where there is text."""
    return column.map(lambda value: value.encode() if isinstance(value, str) else value)


@given(rows=st.lists(st.tuples(CELLS, st.none() | st.integers(-3, 3)), max_size=15))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_are_in_the_order_of_pandas(bench: Workbench, rows: list[tuple[str | None, int | None]]) -> None:
    """A stable sort with nulls last; text in the order of its UTF-8 bytes."""
    texts = pa.array([text for text, _ in rows], pa.string())
    numbers = pa.array([number for _, number in rows], pa.int8())
    table = put(bench, {"s": texts, "n": numbers, "row": pa.array(range(len(rows)), pa.int32())})
    side = Side(bench.engine, "t", bench.folder / table.file, "t")

    now = rewrite_table(bench, table, side, doing="sort", sorted_by=("s", "n"))

    frame = pd.DataFrame(rows, columns=["s", "n"], dtype=object)
    order = frame.sort_values(["s", "n"], key=by_bytes, kind="stable", na_position="last").index
    file = pq.ParquetFile(bench.folder / "t.parquet")
    assert file.read().column("row").to_pylist() == list(order)
    assert [str(field.type) for field in file.schema_arrow] == ["string", "int8", "int32"]
    assert (now.sorted_by, now.bytes) == (("s", "n"), (bench.folder / "t.parquet").stat().st_size)


def test_the_facts_in_the_file_stay(bench: Workbench) -> None:
    """What the file says of itself is kept, with the order behind it."""
    table = put(bench, {"n": [2, 1]})
    side = Side(bench.engine, "t", bench.folder / table.file, "t")

    rewrite_table(bench, table, side, doing="sort", sorted_by=("n",))

    facts = ParquetSource(bench.folder / "t.parquet").metadata
    assert facts == {
        "role": "table",
        "image_column": "i",
        "columns": {"n": "of n"},
        "sorted_by": ["n"],
    }


def test_orders_of_the_library() -> None:
    """One text is one column, not a sequence of letters; nothing to sort by is refused."""
    assert read_sort({"t": "abc", "u": ["a", "b"]}) == {"t": ("abc",), "u": ("a", "b")}
    with pytest.raises(UsageError, match="cannot sort t by"):
        read_sort({"t": []})


@pytest.mark.parametrize(
    ("sort", "problem", "hint"),
    [
        ({"trian": ["a"]}, "no table 'trian'", "did you mean train?"),
        ({"train": ["prise"]}, "no column 'prise'", "did you mean price?"),
    ],
)
def test_what_is_missing_is_named_with_the_nearest(
    sort: dict[str, list[str]], problem: str, hint: str
) -> None:
    """A table or column that is not there stops before any work, with what is there."""
    with pytest.raises(ColumnNotFoundError) as caught:
        check_sort(sort, {"train": ["price"], "other": []})

    assert problem in caught.value.problem
    assert hint in caught.value.hint


def test_a_pack_is_sorted_where_it_was_asked_for(tmp_path: Path) -> None:
    """Tables and joins; a join of a sorted table has its order; the plan, the report and pack.json say so."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "sales.csv").write_text("k,x\nb,1\na,2\nb,3\nc,4\n")
    (tmp_path / "src" / "shops.csv").write_text("k,city\nc,Ulm\na,Bonn\nb,Ulm\n")
    options: dict[str, Any] = {
        "joins": ["one = sales + shops on k", "two = sales + shops on k"],
        "sort": {"sales": "k", "two": ["city", "x"]},
    }

    report = packhouse.pack(tmp_path / "src", tmp_path / "a.pack", **options)
    packhouse.pack(tmp_path / "src", tmp_path / "b.pack", **options, memory_limit="400MB")

    files = {
        name: pq.ParquetFile(tmp_path / "a.pack" / f"{name}.parquet") for name in ("sales", "one", "two")
    }
    numbers = {name: file.read()["x"].to_pylist() for name, file in files.items()}
    manifest = json.loads((tmp_path / "a.pack" / "pack.json").read_bytes())
    assert numbers == {"sales": [2, 1, 3, 4], "one": [2, 1, 3, 4], "two": [2, 1, 3, 4]}
    assert [one.sorted_by for one in report.joins] == [(), ("city", "x")]
    assert manifest["tables"]["sales"]["sorted_by"] == ["k"]
    assert manifest["options"]["sort"] == {"sales": ["k"], "two": ["city", "x"]}
    for file in ("sales.parquet", "one.parquet", "two.parquet", "pack.json"):
        assert (tmp_path / "a.pack" / file).read_bytes() == (tmp_path / "b.pack" / file).read_bytes()


def test_a_linked_table_is_sorted_by_the_same_rewrite(tmp_path: Path) -> None:
    """What a link adds and the order come in one go, and are what one after the other would give."""
    (tmp_path / "src").mkdir()
    for name in "acdb":
        Image.new("RGB", (4, 4)).save(tmp_path / "src" / f"{name}.png")
    (tmp_path / "src" / "shops.csv").write_text("id,city\nc,Ulm\na,Bonn\nx,Ulm\nb,Aachen\nd,\n")
    tasks: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Started):
            tasks.append(event.task)

    packhouse.pack(tmp_path / "src", tmp_path / "a.pack", sort={"shops": ["city"]}, progress=listen)

    frame = pd.read_csv(tmp_path / "src" / "shops.csv").sort_values("city", kind="stable", na_position="last")
    table = pq.ParquetFile(tmp_path / "a.pack" / "shops.parquet").read().to_pydict()
    manifest = json.loads((tmp_path / "a.pack" / "pack.json").read_bytes())
    assert [task for task in tasks if "shops" in task] == ["table shops", "link shops"]
    assert table["id"] == frame["id"].to_list() == ["b", "a", "c", "x", "d"]
    assert table["image_key"] == ["b", "a", "c", None, "d"]
    assert table["image"] == [True, True, True, False, True]
    assert manifest["tables"]["shops"]["sorted_by"] == ["city"]


def test_too_little_memory_to_sort_says_so_and_where(tmp_path: Path) -> None:
    """The error names the table and the sort; the table is as it was."""
    rows = 400_000
    with Engine(spill=tmp_path / "spill", memory_bytes=30_000_000) as engine:
        engine.query("SET max_temp_directory_size='1MB'")
        bench = Workbench(tmp_path, "zstd", silent, engine)
        table = put(bench, {"s": pa.array([f"{n * 7919 % rows:0200d}" for n in range(rows)])})
        before = (tmp_path / "t.parquet").read_bytes()
        side = Side(engine, "t", tmp_path / table.file, "t")
        with pytest.raises(TableError, match="sorting needs more memory than the limit allows") as caught:
            rewrite_table(bench, table, side, doing="sort", sorted_by=("s",))

    assert caught.value.where.member == "sort t"
    assert "--memory-limit" in caught.value.hint
    assert (tmp_path / "t.parquet").read_bytes() == before
