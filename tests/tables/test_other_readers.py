"""What the files of tables mean to other programs, and integers as narrow as the reader wants them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse.errors import QueryError

CSV = """id,n,qty,price,ok,yes,day,at,zoned,x,note
1582218195625938945,1,100,2000000000,true,true,2018-09-20,2018-09-20 10:00:00,2018-09-20 10:00:00+02:00,0.5,a
,2,127,3,,false,,,,,
9223372036854775807,-3,-128,-2147483648,false,true,0001-01-01,9999-12-31 23:59:59.999999,,1.5,"é
"
"""
VALUES: dict[str, list[Any]] = {
    "id": [1582218195625938945, None, 9223372036854775807],
    "n": [1, 2, -3],
    "qty": [100, 127, -128],
    "price": [2000000000, 3, -2147483648],
    "ok": [True, None, False],
    "yes": [True, False, True],
    "day": [date(2018, 9, 20), None, date(1, 1, 1)],
    "at": [datetime.fromisoformat("2018-09-20 10:00:00"), None, datetime.max],  # noqa: DTZ901  # without a zone
    "zoned": [datetime(2018, 9, 20, 8, tzinfo=UTC), None, None],
    "x": [0.5, None, 1.5],
    "note": ["a", None, "é\n"],
}
NARROW = {"id": "int64", "n": "int8", "qty": "int8", "price": "int32"}


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[packhouse.Pack]:
    """A pack of two tables, and a join of them in which every column has missing values."""
    folder = tmp_path_factory.mktemp("readers")
    (folder / "src").mkdir()
    (folder / "src/t.csv").write_text(CSV)
    (folder / "src/keys.csv").write_text("n,k\n1,7\n9,8\n")
    packhouse.pack(folder / "src", folder / "a.pack", joins="j = keys + t on n", how="left")
    with packhouse.open(folder / "a.pack") as opened:
        yield opened


def plain(frame: Any) -> dict[str, list[Any]]:  # noqa: ANN401  # a data frame
    """Return the values of a pandas DataFrame as Python has them, None where one is missing."""
    return {
        str(name): [None if pd.isna(value) else value for value in frame[name].astype(object)]
        for name in frame
    }


def test_pandas_reads_the_files_exactly(pack: packhouse.Pack) -> None:
    """Ids of 19 digits beside an empty cell keep their digits, and booleans are no objects."""
    frame = pd.read_parquet(pack.path / "t.parquet")

    assert plain(frame) == VALUES
    assert [str(frame.dtypes[name]) for name in ("id", "n", "ok", "yes", "x")] == [
        *("Int64", "int64", "boolean", "bool", "float64")
    ]
    some = pd.read_parquet(pack.path / "t.parquet", columns=["note", "id"], filters=[("n", "<", 5)])
    assert plain(some) == {name: VALUES[name] for name in ("note", "id")}
    joined = pd.read_parquet(pack.path / "j.parquet")
    assert joined["id"].tolist() == [1582218195625938945, pd.NA]


def test_other_programs_read_the_files_exactly(pack: packhouse.Pack) -> None:
    """The entry for pandas changes nothing for Polars, DuckDB and pyarrow."""
    path = pack.path / "t.parquet"
    zoned = pq.read_schema(path).field("zoned").type

    assert pl.read_parquet(path).to_dict(as_series=False) == VALUES
    assert pl.scan_parquet(path).select("id").collect()["id"].to_list() == VALUES["id"]
    assert duckdb.connect().execute(f"SELECT id, n, qty FROM '{path}'").fetchall() == [  # noqa: S608
        *zip(VALUES["id"], VALUES["n"], VALUES["qty"], strict=True)
    ]
    assert pq.read_table(path).to_pydict() == VALUES
    assert ds.dataset(path).to_table(columns=["id"]).to_pandas()["id"].tolist() == [
        *(VALUES["id"][0], pd.NA, VALUES["id"][2])
    ]
    assert str(zoned) == "timestamp[us, tz=+02:00]"


def test_what_we_hand_out_is_exact_in_pandas(pack: packhouse.Pack) -> None:
    """So is each Arrow table of ours when the user makes a DataFrame of it."""
    table = pack.tables["t"]
    frames = {
        "to_pandas": table.to_pandas(),
        "to_arrow": table.to_arrow().to_pandas(),
        "capsule": pa.table(table).to_pandas(),
        "sql": table.sql("SELECT * FROM t").to_pandas(),
        "scan": table.scan(where="true").to_arrow().to_pandas(),
    }

    assert {name: plain(frame) for name, frame in frames.items()} == dict.fromkeys(frames, VALUES)
    assert table.scan(["x", "id"]).to_arrow().to_pandas()["id"].tolist() == [
        *(VALUES["id"][0], pd.NA, VALUES["id"][2])
    ]
    assert table.sql("SELECT id, id FROM t").num_rows == 3


def test_arithmetic_does_not_overflow(pack: packhouse.Pack) -> None:
    """Integers are of 64 bits for whoever reads them: 100 * 2,000,000,000 is what it is."""
    wanted = [qty * price for qty, price in zip(VALUES["qty"], VALUES["price"], strict=True)]
    table = pack.tables["t"]
    pandas, polars = pd.read_parquet(pack.path / "t.parquet"), pl.read_parquet(pack.path / "t.parquet")

    assert (pandas["qty"] * pandas["price"]).tolist() == wanted
    assert (polars["qty"] * polars["price"]).to_list() == wanted
    assert table.sql("SELECT qty * price AS x FROM t")["x"].to_pylist() == wanted
    assert table.scan(["qty"], where="qty * price > 0").count() == 3
    assert {table.columns[name] for name in NARROW} == {"int64"}


def test_integers_are_narrow_on_request(pack: packhouse.Pack) -> None:
    """The smallest type that holds every value, and the same values."""
    table = pack.tables["t"]
    arrow = table.to_arrow(narrow=True)
    scan = table.scan(["qty", "id", "x"], where="qty < 0", narrow=True)
    kinds = {name: str(arrow.schema.field(name).type) for name in NARROW}

    assert kinds == NARROW
    assert arrow.to_pydict() == VALUES
    assert plain(table.to_pandas(narrow=True)) == VALUES
    assert str(table.to_pandas(narrow=True).dtypes["qty"]) == "int8"
    assert dict(table.to_polars(narrow=True).schema)["price"] == pl.Int32
    assert scan.columns == {"qty": "int8", "id": "int64", "x": "double"}
    assert scan.to_arrow().to_pydict() == {"qty": [-128], "id": [9223372036854775807], "x": [1.5]}
    assert pa.table(scan).schema.field("qty").type == pa.int8()
    assert [str(kind) for kind in pl.DataFrame(scan).dtypes] == ["Int8", "Int64", "Float64"]
    with pytest.raises(QueryError):
        table.scan([], narrow=True)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["127", "-128"], "int8"),
        (["128"], "int16"),
        (["-32769"], "int32"),
        (["2147483648"], "int64"),
        (["-9223372036854775808"], "int64"),
    ],
)
def test_each_width_begins_where_the_last_one_ends(tmp_path: Path, cells: list[str], kind: str) -> None:
    """At the bounds of two's complement; a column without values is as narrow as can be."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_text("a,b\n" + "".join(f"{cell},\n" for cell in cells))
    packhouse.pack(tmp_path / "src", tmp_path / "t.pack", types={"t.b": "integer"})

    with packhouse.open(tmp_path / "t.pack") as pack:
        made = pack.tables["t"].to_arrow(narrow=True)

    assert [str(field.type) for field in made.schema] == [kind, "int8"]
    assert made["a"].to_pylist() == [int(cell) for cell in cells]
