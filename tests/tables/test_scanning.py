"""Scans: columns and rows of a table, as pyarrow reads and filters them."""

from __future__ import annotations

import datetime as dt
import gc
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import packhouse
from bound_tables import bound_tables
from packhouse._src.tables.table import Table
from packhouse.errors import ColumnNotFoundError, QueryError

ROWS = 40_000


@pytest.fixture(scope="module")
def expected() -> pa.Table:
    """Forty thousand rows of every type that a pack has, with nulls."""
    rng = np.random.default_rng(7)
    numbers = rng.integers(-100, 100, ROWS).tolist()
    columns: dict[str, pa.Array] = {
        "place": pa.array(range(ROWS), pa.int64()),
        "small": pa.array([None if n == 7 else n for n in numbers], pa.int8()),
        "A": pa.array([f"upper {n % 13}" for n in numbers]),
        "a": pa.array([f"lower {n % 7}" if n % 3 else None for n in numbers]),
        "price": pa.array((rng.integers(1, 3000, ROWS) / 59000).tolist()),
        "day": pa.array([dt.date(2018, 9, 20) + dt.timedelta(days=n + 100) for n in numbers]),
        "at": pa.array([dt.datetime(2018, 9, 20, 1, 2, 3, n + 100) for n in numbers]),  # noqa: DTZ001
        "flag": pa.array([n > 0 for n in numbers]),
        "digest": pa.array([bytes([n + 100] * 16) for n in numbers], pa.binary(16)),
    }
    return pa.table(columns)


@pytest.fixture
def table(tmp_path: Path, expected: pa.Table) -> Table:
    """The same as a table of a pack, in many row groups."""
    pq.write_table(expected, tmp_path / "t.parquet", row_group_size=3_000)
    pq.write_table(pa.table({"k": ["upper 3", "upper 5"]}), tmp_path / "few.parquet")
    return bound_tables(tmp_path, {"t": "t.parquet", "few": "few.parquet"})["t"]


def test_columns_are_those_of_the_footer(table: Table, expected: pa.Table) -> None:
    """Names and types as pyarrow gives them, of a table and of a choice."""
    assert table.columns == {field.name: str(field.type) for field in expected.schema}
    assert table.scan(["day", "A"]).columns == {"day": "date32[day]", "A": "string"}
    assert len(table) == table.count() == ROWS


NULLABLE = {pa.int8(): pd.Int8Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def as_pandas(table: pa.Table) -> Any:  # noqa: ANN401  # pandas has no hints
    """Make a frame in which whole numbers and booleans with empty cells are nullable, and nothing else is."""
    frame = table.to_pandas()
    for place, column in enumerate(table.columns):
        if column.null_count and column.type in NULLABLE:
            frame.isetitem(place, column.to_pandas(types_mapper=NULLABLE.get).array)
    return frame


@pytest.mark.parametrize("columns", [None, ["price"], ["flag", "a", "A", "digest", "place"]])
@pytest.mark.parametrize(
    ("where", "mask"),
    [
        (None, None),
        ("small > 50 -- and no more", lambda t: pc.greater(t["small"], 50)),
        ("day >= DATE '2019-01-01'", lambda t: pc.greater_equal(t["day"], dt.date(2019, 1, 1))),
        ("t.place % 2 = 0", lambda t: pa.array((t["place"].to_numpy() % 2) == 0)),
        ("small IS NULL OR flag", lambda t: pc.or_(pc.is_null(t["small"]), t["flag"])),
        ('"A" IN (SELECT k FROM few)', lambda t: pc.is_in(t["A"], pa.array(["upper 3", "upper 5"]))),
        (
            f"place IN ({', '.join(map(str, range(0, ROWS, 97)))})",
            lambda t: pa.array((t["place"].to_numpy() % 97) == 0),
        ),
        ("place < 0", lambda t: pc.less(t["place"], 0)),
    ],
)
def test_a_scan_is_what_pyarrow_selects(
    table: Table,
    expected: pa.Table,
    columns: Sequence[str] | None,
    where: str | None,
    mask: Callable[[pa.Table], Any] | None,
) -> None:
    """The same columns, rows, order and types, as often as asked."""
    chosen = expected if mask is None else expected.filter(mask(expected))
    chosen = chosen if columns is None else chosen.select(list(columns))

    scan = table.scan(columns, where)

    assert scan.count() == len(chosen)
    assert scan.to_arrow().equals(chosen)
    assert pa.table(scan).equals(chosen)
    assert sum(batch.num_rows for batch in scan) == len(chosen)
    assert scan.schema.equals(chosen.schema)
    pd.testing.assert_frame_equal(scan.to_pandas(), as_pandas(chosen))
    assert scan.to_polars().equals(pl.DataFrame(chosen))


def test_other_programs_take_tables_and_scans(table: Table, expected: pa.Table) -> None:
    """Polars, pandas and DuckDB read them through Arrow's own interface, twice from the same object."""
    scan = table.scan(["place", "a"], "flag")
    whole = table  # "table" is a word of SQL
    flagged = expected.filter(expected["flag"]).select(["place", "a"])

    for _ in range(2):
        assert pl.DataFrame(whole).equals(pl.DataFrame(expected))
        assert pl.DataFrame(scan).equals(pl.DataFrame(flagged))
        assert duckdb.execute("SELECT count(*), sum(place) FROM scan").fetchall() == [
            (len(flagged), pc.sum(flagged["place"]).as_py())
        ]
        assert duckdb.execute("SELECT count(*) FROM whole").fetchall() == [(ROWS,)]
        if hasattr(pd.DataFrame, "from_arrow"):
            assert pd.DataFrame.from_arrow(scan)["place"].tolist() == flagged["place"].to_pylist()


def test_duckdb_reads_the_file_itself(table: Table, expected: pa.Table) -> None:
    """A relation in a database of its own, or in the user's beside a table of theirs."""
    own = table.to_duckdb()
    connection = duckdb.connect()
    connection.execute("CREATE TABLE mine AS SELECT 5 AS n")
    theirs = table.to_duckdb(connection)
    gc.collect()

    assert own.aggregate("sum(place)").fetchall() == [(ROWS * (ROWS - 1) // 2,)]
    assert theirs.filter("small = (SELECT n FROM mine)").aggregate("count(*)").fetchall() == [
        (pc.sum(pc.equal(expected["small"], 5)).as_py(),)
    ]


def test_a_stream_is_read_bit_by_bit(table: Table) -> None:
    """The first batch comes before the rest of the file is read: what lies behind it may be damaged."""
    data = bytearray(table.path.read_bytes())
    place = pq.ParquetFile(table.path).metadata.row_group(12).column(0).data_page_offset + 40
    data[place : place + 200] = bytes(200)
    table.path.write_bytes(data)

    reader = pa.RecordBatchReader.from_stream(table)

    assert reader.read_next_batch().num_rows == 3_000
    assert next(iter(table))["place"].to_pylist()[:3] == [0, 1, 2]


def test_streams_do_not_disturb_each_other(table: Table, expected: pa.Table) -> None:
    """Two streams taken in turn, with queries between, each give all their rows."""
    one, two = iter(table.scan(["place"], "flag")), iter(table.scan(["place"], "NOT flag"))
    found: dict[bool, list[int]] = {True: [], False: []}

    for first, second in zip(one, two, strict=False):
        found[True] += first.column(0).to_pylist()
        assert table.sql("SELECT count(*) AS n FROM t")["n"].to_pylist() == [ROWS]
        found[False] += second.column(0).to_pylist()
        assert table.scan(where="place < 10").count() == 10
    for value, rest in ((True, one), (False, two)):
        found[value] += [place for batch in rest for place in batch.column(0).to_pylist()]

    assert found[True] == expected.filter(expected["flag"])["place"].to_pylist()
    assert found[False] == expected.filter(pc.invert(expected["flag"]))["place"].to_pylist()


def test_a_stream_may_be_left_and_outlives_its_pack(table: Table) -> None:
    """One that is dropped half-way closes; one that is kept goes on after the tables are closed."""
    next(iter(table.scan(where="flag")))
    kept = pa.RecordBatchReader.from_stream(table.scan(["place"], "place >= 0"))

    table._views.close()
    gc.collect()

    assert kept.read_all().num_rows == ROWS
    assert table.scan(where="place < 3").count() == 3


def test_threads_share_a_scan(table: Table, expected: pa.Table) -> None:
    """Six threads read the same scans at once."""
    scans = [table.scan(["a"], "place % 2 = 0"), table.scan(["a"])] * 3
    whole = expected["a"].to_pylist()

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda scan: scan.to_arrow()["a"].to_pylist(), scans))

    assert found == [whole[::2], whole] * 3


def test_a_scan_is_pickled_as_its_choice(table: Table) -> None:
    """A copy in another process reads the same rows."""
    scan = table.scan(["A", "a"], "flag")
    rows = scan.to_arrow()

    copy = pickle.loads(pickle.dumps(scan))  # noqa: S301  # our own

    assert copy.to_arrow().equals(rows)
    assert repr(copy) == "<Scan of t: A, a; flag>"


@pytest.mark.parametrize(("columns", "near"), [(["prise"], "price"), (["place", "Smal"], "small")])
def test_an_unknown_column_names_the_nearest(table: Table, columns: list[str], near: str) -> None:
    """Before anything is read."""
    with pytest.raises(ColumnNotFoundError, match=f"did you mean {near}") as caught:
        table.scan(columns)

    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("columns", [[], ["price", "price"]])
def test_columns_are_chosen_once_each(table: Table, columns: list[str]) -> None:
    """None at all, and one twice, are refused."""
    with pytest.raises(QueryError, match="selected"):
        table.scan(columns)


@pytest.mark.parametrize(
    "where",
    [
        "",
        " ",
        "flag) OR (flag",
        "flag) UNION ALL SELECT #1 FROM t WHERE (flag",
        "flag ORDER BY 1",
        "flag LIMIT 1",
        "flag; DROP VIEW t",
        "flag, flag",
        "/* open",
        "'open",
    ],
)
def test_a_condition_is_one_condition(table: Table, where: str) -> None:
    """Nothing that would be more than a condition gets into the query."""
    with pytest.raises(QueryError):
        table.scan(where=where)


@pytest.mark.parametrize(
    "where",
    ["nope = 1", "EXISTS (FROM '/etc/passwd')", "EXISTS (FROM read_text('/etc/passwd'))", "a = 1", "nope.a"],
)
def test_a_condition_that_does_not_fit_is_told_when_it_is_asked(table: Table, where: str) -> None:
    """At once, not in the middle of somebody else's stream; no other file is read."""
    scan = table.scan(where=where)

    for ask in (scan.count, scan.to_arrow, lambda: pa.table(scan), lambda: iter(scan)):
        with pytest.raises(QueryError):
            ask()


def test_long_ids_with_gaps_stay_what_they_are_in_pandas(tmp_path: Path) -> None:
    """One empty cell does not make floats of whole numbers, nor objects of booleans."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_text("id,ok,n\n9007199254740993,true,1\n,,2\n9007199254740995,false,3\n")
    packhouse.pack(tmp_path / "src", tmp_path / "t.pack")

    with packhouse.open(tmp_path / "t.pack") as pack:
        frame = pack.tables["t"].to_pandas()

    assert [str(kind) for kind in frame.dtypes] == ["Int64", "boolean", "int64"]
    assert frame["id"].tolist() == [9007199254740993, pd.NA, 9007199254740995]
    assert frame["ok"].tolist() == [True, pd.NA, False]


def test_a_condition_knows_the_columns_of_the_table_only(tmp_path: Path) -> None:
    """Not the names that the query itself uses, whichever columns are chosen."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_text("a,b\n1,2\n3,4\n")
    packhouse.pack(tmp_path / "src", tmp_path / "t.pack")

    with packhouse.open(tmp_path / "t.pack") as pack, pytest.raises(QueryError, match="c0"):
        pack.tables["t"].scan(["b"], "c0 > 2").to_arrow()


def test_closing_while_another_thread_asks(tmp_path: Path) -> None:
    """Queries under way end well, and the next one opens the tables again."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_text("a\n" + "1\n" * 1000)
    packhouse.pack(tmp_path / "src", tmp_path / "t.pack")
    errors: list[BaseException] = []

    def ask(tables: Any) -> None:  # noqa: ANN401  # of packhouse
        try:
            for _ in range(30):
                assert tables.sql("SELECT sum(a) AS n FROM t")["n"][0].as_py() == 1000
        except BaseException as err:  # noqa: BLE001  # shown below
            errors.append(err)

    with packhouse.open(tmp_path / "t.pack") as pack:
        threads = [threading.Thread(target=ask, args=(pack.tables,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            pack.tables.close()
        for thread in threads:
            thread.join()

        assert errors == []
        assert pack.tables.sql("SELECT 1 AS n")["n"].to_pylist() == [1]
