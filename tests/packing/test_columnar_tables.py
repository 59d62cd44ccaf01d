"""Parquet, Feather and Arrow files as tables: rows and types as pyarrow reads them, through every step."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

import packhouse
from packhouse._src.columnar.column_files import open_columns
from packhouse._src.packing import table_stage
from packhouse.errors import UsageError
from small_dataset import jpeg

Write = Callable[[pa.Table, Path], None]


def arrow_stream(table: pa.Table, path: Path) -> None:
    """Write an Arrow stream, as the datasets library does."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def arrow_file(table: pa.Table, path: Path) -> None:
    """Write an Arrow file without compression."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


WRITERS: dict[str, Write] = {
    "a.parquet": lambda table, path: pq.write_table(table, path, row_group_size=2),
    "b.parquet": lambda table, path: pq.write_table(table, path, compression="none", version="1.0"),
    "a.feather": lambda table, path: feather.write_feather(table, str(path), compression="zstd", chunksize=2),
    "a.arrow": arrow_file,
    "b.arrow": arrow_stream,
}

D, UTC = Decimal, dt.UTC
moment = dt.datetime.fromisoformat
N = None
VALUES: dict[str, tuple[list[Any], pa.DataType]] = {
    "bool": ([True, N, False], pa.bool_()),
    "int8": ([-128, N, 127], pa.int8()),
    "uint64": ([2**64 - 1, N, 0], pa.uint64()),
    "int64": ([-(2**63), N, 1234567890123456789], pa.int64()),
    "half": ([1.5, N, -0.0], pa.float16()),
    "float": ([0.1, N, float("inf")], pa.float32()),
    "double": ([0.1, N, -0.0], pa.float64()),
    "decimal": ([D("1.10"), N, D("-9.99")], pa.decimal128(10, 2)),
    "decimal38": ([D("9" * 38), N, D(1)], pa.decimal128(38, 0)),
    "decimal32": ([D("1.10"), N, D(0)], pa.decimal32(5, 2)),
    "text": (["007", N, "a\0é"], pa.string()),
    "large": (["x", N, ""], pa.large_string()),
    "view": (["x", N, "a long text, not in the view itself"], pa.string_view()),
    "bytes": ([b"\xff\0", N, b""], pa.binary()),
    "fixed": ([b"abcd", N, b"\0\0\0\0"], pa.binary(4)),
    "date": ([dt.date(1, 1, 1), N, dt.date(9999, 12, 31)], pa.date32()),
    "date64": ([dt.date(1, 1, 1), N, dt.date(2020, 2, 29)], pa.date64()),
    "time": ([dt.time(1, 2, 3, 4000), N, dt.time(0)], pa.time32("ms")),
    "time64": ([dt.time(1, 2, 3, 4), N, dt.time(23, 59, 59, 999_999)], pa.time64("us")),
    "stamp": ([moment("2020-01-01T01:02:03.000004"), N, moment("0001-01-01")], pa.timestamp("us")),
    "stamp_s": ([moment("2020-01-01"), N, moment("9999-12-31")], pa.timestamp("s")),
    "stamp_ns": ([1577836800_000_000_001, N, -1], pa.timestamp("ns")),
    "zoned": ([dt.datetime(2020, 6, 1, tzinfo=UTC), N, N], pa.timestamp("us", "Europe/Berlin")),
    "zoned_ns": ([1577836800_000_000_001, N, -1], pa.timestamp("ns", "Asia/Kolkata")),
    "duration": ([dt.timedelta(days=-1), N, dt.timedelta(microseconds=1)], pa.duration("us")),
    "category": (["b", N, "a"], pa.dictionary(pa.int8(), pa.string(), ordered=True)),
    "list": ([[1, N], N, []], pa.list_(pa.int64())),
    "embedding": ([[1.5, -0.0], N, [3, 4]], pa.list_(pa.float32(), 2)),
    "struct": (
        [{"a": 1, "b": "x"}, N, {"a": N, "b": ""}],
        pa.struct([("a", pa.int32()), ("b", pa.string())]),
    ),
    "map": ([[("k", 1)], N, []], pa.map_(pa.string(), pa.int64())),
    "deep": (
        [[{"a": [D("1.1")], "t": dt.datetime(2020, 1, 1, tzinfo=UTC)}], N, []],
        pa.list_(pa.struct([("a", pa.list_(pa.decimal128(5, 1))), ("t", pa.timestamp("us", "UTC"))])),
    ),
    "nothing": ([N, N, N], pa.null()),
}
"""Name -> values and type."""

NARROWED = {
    "large": "string",
    "view": "string",
    "date64": "date32",
    "stamp_s": "timestamp[ms]",
    "category": "string",
    "nothing": "string",
}


def table_of_all() -> pa.Table:
    """Return a table with a column of each type, and one that names images."""
    columns = {name: pa.array(values, kind) for name, (values, kind) in VALUES.items() if name != "category"}
    columns["category"] = pa.DictionaryArray.from_arrays(
        pa.array([0, N, 1], pa.int8()), pa.array(["b", "a"]), ordered=True
    )
    return pa.table({"file": ["2.jpg", "0.jpg", "1.jpg"], **columns})


def without_old_types(table: pa.Table) -> pa.Table:
    """Return what the old version of Parquet has: no nanoseconds."""
    return table.drop_columns(["stamp_ns", "zoned_ns"])


@pytest.fixture
def src(tmp_path: Path) -> Path:
    """A folder with three images."""
    folder = tmp_path / "src"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(jpeg(number, width=8, height=8))
    return folder


def test_every_type_is_kept_through_every_step(src: Path, tmp_path: Path) -> None:
    """Rows and types are what was written, in tables that were copied, linked, sorted, joined and cut."""
    written = {}
    for number, (file, write) in enumerate(WRITERS.items()):
        table = without_old_types(table_of_all()) if file == "b.parquet" else table_of_all()
        write(table, src / f"t{number}{Path(file).suffix}")
        written[f"t{number}"] = table
    (src / "right.csv").write_text("text,more\n007,1\nnone,2\n")

    report = packhouse.pack(
        src,
        tmp_path / "x.pack",
        joins=[f"j{name} = {name} + right on text" for name in written],
        how="left",
        sort=dict.fromkeys(written, "file"),
        rows_per_file=2,
    )

    assert [one.message for one in report.failed] == []
    assert {(link.table, link.column, link.rows_with_image) for link in report.links} == {
        (name, "file", 3) for name in written
    }
    for made in report.tables:
        kinds = {column.name: column.arrow for column in made.columns}
        assert made.name == "right" or {name: kinds[name] for name in NARROWED} == NARROWED
    for name, table in written.items():
        rows = sorted(table.to_pylist(), key=lambda row: row["file"])
        for read in (pq.read_table(tmp_path / f"x.pack/{one}.parquet") for one in (name, f"j{name}")):
            for column in table.column_names:
                assert read[column].to_pylist() == [row[column] for row in rows], column
                same = column in NARROWED or alike(read[column].type) == alike(table[column].type)
                assert same, (column, read[column].type)
        assert read["more"].to_pylist() == [None, None, 1]
    assert duckdb.read_parquet(f"{tmp_path}/x.pack/t0.parquet/*.parquet").shape[0] == 3
    with packhouse.open(tmp_path / "x.pack") as pack:
        assert pack.rows("2")["t0"][0]["text"] == "007"
        assert len(pack.tables["t0"].to_polars()) == len(pack.tables["t0"].to_pandas()) == 3


def alike(kind: pa.DataType) -> str:
    """Return a type without the names that Parquet gives to the inside of lists and maps."""
    return re.sub(r" \('[^']*'\)", "", str(kind).replace("item:", "element:"))


def test_files_of_pandas_and_polars(src: Path, tmp_path: Path) -> None:
    """Indexes, categories and large text come back as these libraries read them."""
    frame = pd.DataFrame(
        {"id": [1, 2, 3], "c": pd.Categorical(["x", "y", "x"]), "t": pd.Timestamp("2020-01-01", tz="UTC")},
        index=["a", "b", "c"],
    )
    frame.to_parquet(src / "pandas.parquet")
    frame.reset_index(drop=True).to_feather(src / "feather.feather")
    polars = pl.DataFrame(
        {"id": [1, None], "s": ["x", None], "l": [[1], None], "c": ["u", "v"]}
    ).with_columns(pl.col("c").cast(pl.Categorical))
    polars.write_parquet(src / "polars.parquet")
    polars.write_ipc(src / "ipc.arrow", compression="lz4")

    report = packhouse.pack(src, tmp_path / "x.pack")

    assert report.failed == ()
    with packhouse.open(tmp_path / "x.pack") as pack:
        assert pack.tables["pandas"].to_pandas()["__index_level_0__"].tolist() == ["a", "b", "c"]
        assert pack.tables["feather"].to_pandas()["c"].tolist() == frame["c"].tolist()
        assert pack.tables["pandas"].to_pandas()["t"].tolist() == frame["t"].tolist()
        for name in ("polars", "ipc"):
            assert pack.tables[name].to_polars().rows() == polars.rows()
    notes = {table.name: table.notes for table in report.tables}
    assert notes["pandas"] == ("column 'c': categories are stored as their values",)


def test_ids_that_another_tool_made_numbers(src: Path, tmp_path: Path) -> None:
    """Padded, they join with the text ids again, whether they are integers, floats or short text."""
    ids = {"i": pa.array([108775015, N], pa.int32()), "f": [108775015.0, N], "s": ["108775015", N]}
    pq.write_table(pa.table(ids), src / "sales.parquet")
    (src / "articles.csv").write_text("id,name\n0108775015,shirt\n")

    report = packhouse.pack(
        src,
        tmp_path / "x.pack",
        joins=[f"j{column} = sales + articles on {column} = id" for column in "ifs"],
        pad={f"sales.{column}": 10 for column in "ifs"},
        compact_keys=True,
    )

    assert report.is_complete
    assert [join.rows for join in report.joins] == [1, 1, 1]
    sales = pq.read_table(tmp_path / "x.pack/sales.parquet")
    assert sales.to_pylist()[0] == dict.fromkeys("ifs", "0108775015")


def test_keys_of_numbers_are_compared_with_text(src: Path, tmp_path: Path) -> None:
    """An integer key and a text key join as text, and both stay what they are."""
    pq.write_table(pa.table({"k": [1, 2], "v": [3, 4]}), src / "a.parquet")
    (src / "b.csv").write_text("k,w\n1,x\n02,y\n")

    report = packhouse.pack(src, tmp_path / "x.pack", joins=["j = a + b on k"])

    assert report.joins[0].rows == 1
    assert [str(pq.read_schema(tmp_path / f"x.pack/{name}.parquet").field("k").type) for name in "aj"] == [
        "int64",
        "int64",
    ]


@pytest.mark.parametrize(
    ("wanted", "values", "found"),
    [
        ("text", [1, -5, N], ["1", "-5", N]),
        ("text", [1.0, N], ["1", N]),
        ("text", [True], ["true"]),
        ("text", [dt.date(2020, 1, 1)], ["2020-01-01"]),
        ("text", ["x"], ["x"]),
        ("integer", [1.0, N, 2.0**53], [1, N, 2**53]),
        ("float", [1, N], [1.0, N]),
        ("date", [dt.date(2020, 1, 1)], [dt.date(2020, 1, 1)]),
        ("integer", [1, 2.5], "is not of whole numbers: 2.5, in row 2"),
        ("text", [0.5], "is not of whole numbers: 0.5, in row 1"),
        ("float", [2**53 + 1], "cannot be float: "),
        ("integer", ["1"], "cannot be integer: it is string in the file"),
        ("boolean", [1], "cannot be boolean: it is int64 in the file"),
        ("text", [[1]], "cannot be text: it is list<"),
    ],
)
def test_types_that_the_user_sets(
    src: Path, tmp_path: Path, wanted: str, values: list[Any], found: list[Any] | str
) -> None:
    """Numbers become others where nothing is lost; the rest is a clear error."""
    pq.write_table(pa.table({"x": values}), src / "t.parquet")

    report = packhouse.pack(src, tmp_path / "x.pack", types={"t.x": wanted})

    if isinstance(found, str):
        assert f"column 'x' {found}" in report.failed[0].message
        assert "columns of a Parquet or Arrow file keep their types" in report.failed[0].message
    else:
        assert pq.read_table(tmp_path / "x.pack/t.parquet")["x"].to_pylist() == found


def test_marks_of_missing_values(src: Path, tmp_path: Path) -> None:
    """--null is for text; numbers have missing values of their own."""
    pq.write_table(pa.table({"x": ["NA", "a"], "n": [1, N]}), src / "t.parquet")

    report = packhouse.pack(src, tmp_path / "x.pack", null=["NA", "1"], link=False)

    assert pq.read_table(tmp_path / "x.pack/t.parquet").to_pydict() == {"x": [N, "a"], "n": [1, N]}
    assert report.tables[0].notes == ("column 'x': 1 cell with 'NA' or '1' read as missing",)


@pytest.mark.parametrize("option", ["delimiter", "encoding"])
def test_options_for_text_are_refused(src: Path, tmp_path: Path, option: str) -> None:
    """A file with types has neither a delimiter nor an encoding."""
    pq.write_table(pa.table({"x": [1]}), src / "t.parquet")

    given: dict[str, Any] = {option: [f"t={';' if option == 'delimiter' else 'cp1252'}"]}
    with pytest.raises(UsageError, match=f"{option} is for .* tables, and t.parquet is none"):
        packhouse.pack(src, tmp_path / "x.pack", **given)


def named(names: list[str]) -> pa.Table:
    """Return a table with these columns."""
    return pa.Table.from_arrays([pa.array([number]) for number in range(len(names))], names=names)


DECIMAL = pa.array([D("9" * 50)], pa.decimal256(50, 0))
CASES = pa.array([{"a": 1, "A": 2}], pa.struct([("a", pa.int64()), ("A", pa.int64())]))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (named(["a", "b", "a"]), "columns 1 and 3 have the same name: 'a'"),
        (named(["a", ""]), "column 2 has no name"),
        (pa.table({"d": DECIMAL}), "column 'd' has decimals of 50 digits; 38 are the most"),
        (pa.table({"s": CASES}), "column 's' has fields that SQL cannot tell apart"),
        (pa.table({}), "has no columns"),
        (
            pa.table({"t": pa.array([2**62], pa.timestamp("ms"))}),
            "column 't' has a value that cannot be kept: ",
        ),
    ],
)
@pytest.mark.parametrize("file", ["t.parquet", "t.arrow"])
def test_what_cannot_be_kept_is_refused(
    src: Path, tmp_path: Path, table: pa.Table, said: str, file: str
) -> None:
    """The table fails with its name; images are packed."""
    WRITERS[f"a{Path(file).suffix}"](table, src / file)

    report = packhouse.pack(src, tmp_path / "x.pack")

    assert [one.path for one in report.failed] == [file]
    assert report.failed[0].message.startswith(said)
    assert report.images is not None
    assert report.images.count == 3


def test_types_that_only_arrow_has(src: Path, tmp_path: Path) -> None:
    """Those that Parquet has not are refused; UUIDs are text."""
    arrow_file(pa.table({"r": pa.RunEndEncodedArray.from_arrays([2], [1])}), src / "r.arrow")
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(range(16)), N], pa.binary(16)))
    pq.write_table(pa.table({"u": ids}), src / "u.parquet")

    report = packhouse.pack(src, tmp_path / "x.pack")

    assert "column 'r' has the type run_end_encoded" in report.failed[0].message
    assert pq.read_table(tmp_path / "x.pack/u.parquet")["u"].to_pylist() == [
        "00010203-0405-0607-0809-0a0b0c0d0e0f",
        N,
    ]


def test_names_that_sql_cannot_tell_apart(src: Path, tmp_path: Path) -> None:
    """They are made unique, and noted."""
    pq.write_table(named(["a", "A"]), src / "t.parquet")

    report = packhouse.pack(src, tmp_path / "x.pack")

    assert [column.name for column in report.tables[0].columns] == ["a", "A_2"]
    assert len(report.tables[0].notes) == 1


@pytest.mark.parametrize("file", ["a.parquet", "a.feather", "a.arrow", "b.arrow"])
def test_a_damaged_file_is_named(src: Path, tmp_path: Path, file: str) -> None:
    """Cut short, empty, of another kind or with changed bytes: an error, or the rows that were written."""
    table = pa.table({"n": list(range(5000)), "s": [f"value {number}" for number in range(5000)]})
    WRITERS[file if file != "a.parquet" else "b.parquet"](table, src / file)
    whole = (src / file).read_bytes()
    broken = {
        "cut": whole[: len(whole) // 2],
        "cut_late": whole[:-9],
        "empty": b"",
        "text": b"a,b\n1,2\n",
        "head": whole[:3] + b"?" + whole[4:],
        "zeros": whole[: len(whole) // 3] + bytes(200) + whole[len(whole) // 3 + 200 :],
    }
    for name, data in broken.items():
        (src / f"{name}{Path(file).suffix}").write_bytes(data)

    report = packhouse.pack(src, tmp_path / "x.pack")

    failed = {Path(one.path).stem for one in report.failed}
    assert failed >= {"cut", "empty", "text"}
    for one in report.failed:
        assert Path(one.path).stem in broken
        assert f"in {one.path}" in one.message
    for made in report.tables:
        assert made.rows == 5000


def test_row_groups_are_bounded(src: Path, tmp_path: Path) -> None:
    """One row group of theirs becomes several of ours, with all rows."""
    table = pa.table({"n": np.arange(300_000), "s": [f"{n % 977}" for n in range(300_000)]})
    pq.write_table(table, src / "t.parquet", row_group_size=300_000)

    packhouse.pack(src, tmp_path / "x.pack", link=False)

    made = pq.ParquetFile(tmp_path / "x.pack/t.parquet")
    assert [made.metadata.row_group(n).num_rows for n in range(3)] == [122_880, 122_880, 54_240]
    assert made.read().equals(table)


def test_an_update_keeps_what_is_unchanged(
    src: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known by its digest, a table is not copied again."""
    dest, done = tmp_path / "x.pack", []
    for name in "ab":
        pq.write_table(pa.table({"x": [name]}), src / f"{name}.parquet")
    packhouse.pack(src, dest)
    real = getattr(table_stage, "copy_columns")  # noqa: B009  # as the stage has it

    def watch(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        done.append(args[1].name)
        return real(*args, **options)

    monkeypatch.setattr(table_stage, "copy_columns", watch)

    assert packhouse.pack(src, dest, update=True).up_to_date
    pq.write_table(pa.table({"x": ["c", "d"]}), src / "b.parquet")
    packhouse.pack(src, dest, update=True)

    assert done == ["b"]
    assert pq.read_table(dest / "b.parquet").to_pydict() == {"x": ["c", "d"]}


def test_rows_are_printed_as_json(src: Path, tmp_path: Path) -> None:
    """What JSON has no numbers for is text: NaN, infinity, decimals, in lists too."""
    odd = {"image": ["0"], "x": [float("nan")], "l": [[float("inf"), 1.5]], "d": [D("1.10")], "b": [b"a"]}
    pq.write_table(pa.table(odd), src / "t.parquet")
    packhouse.pack(src, tmp_path / "x.pack")
    program = Path(sys.executable).with_name("packhouse")

    done = subprocess.run(
        [program, "rows", tmp_path / "x.pack", "0", "--json"], capture_output=True, check=True
    )

    (row,) = json.loads(done.stdout, parse_constant=pytest.fail)["t"]
    assert row == {
        "image": "0",
        "x": "nan",
        "l": ["inf", 1.5],
        "d": "1.10",
        "b": "b'a'",
        "has_image": True,
        "image_key": "0",
    }


def test_memory_does_not_grow_with_a_row_group(tmp_path: Path) -> None:
    """A row group of 80 MB is read in a fraction of that."""
    count = 2_000_000
    columns = dict.fromkeys("abcde", np.random.default_rng(1).random(count))
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=count, use_dictionary=False)
    del columns
    before = pa.total_allocated_bytes()

    with open_columns(tmp_path / "t.parquet", shown_as="t.parquet") as file:
        found = [(batch.num_rows, pa.total_allocated_bytes() - before) for batch in file.batches()]

    assert sum(rows for rows, _ in found) == count
    assert max(taken for _, taken in found) < 30 << 20


def test_two_files_of_one_name(src: Path, tmp_path: Path) -> None:
    """A table that was kept in two formats is refused once, with the option that names it."""
    (src / "t.csv").write_text("a\n1\n")
    pq.write_table(pa.table({"a": [1]}), src / "t.parquet")

    report = packhouse.pack(src, tmp_path / "x.pack")

    assert [one.path for one in report.failed] == ["t.parquet"]
    assert "--table-name t.parquet=NAME" in report.failed[0].message


def test_nested_columns_hide_no_statistics(src: Path, tmp_path: Path) -> None:
    """Integers behind nested columns keep their bounds: narrow reads are exact, repeats are seen."""
    struct = pa.array([{"n": 1, "m": 2}] * 3, pa.struct([("n", pa.int64()), ("m", pa.int64())]))
    table = pa.table({"s": struct, "n": [300, 70_000, N], "image": ["0", "1", "2"]})
    pq.write_table(table, src / "t.parquet")

    packhouse.pack(src, tmp_path / "x.pack")

    with packhouse.open(tmp_path / "x.pack") as pack:
        narrow = pack.tables["t"].to_arrow(narrow=True)
        assert str(narrow["n"].type) == "int32"
        assert narrow["n"].to_pylist() == [300, 70_000, N]
        assert pack.tables["t"].to_pandas()["n"].tolist() == [300, 70_000, pd.NA]


def test_in_an_archive(src: Path, tmp_path: Path) -> None:
    """A table in a tar or zip is read like one in a folder."""
    pq.write_table(pa.table({"image": ["0", "1"], "v": [0.5, N]}), src / "t.parquet")
    for name, kind in (("x.zip", "zip"), ("x.tar.gz", "gztar")):
        shutil.make_archive(str(tmp_path / "x"), kind, src)

        report = packhouse.pack(tmp_path / name, tmp_path / f"{name}.pack")

        assert report.links[0].rows_with_image == 2
        assert pq.read_table(tmp_path / f"{name}.pack/t.parquet")["v"].to_pylist() == [0.5, N]
