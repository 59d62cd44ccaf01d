"""Compact keys: numbers of rows in place of text, and the way back, checked with DuckDB and pyarrow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import packhouse
from packhouse._src.parquet_ import ParquetSource
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.compact_keys import Lookups
from packhouse._src.sql.joins.join import join_tables
from packhouse._src.sql.joins.join_parsing import parse_join
from packhouse._src.sql.query_output import Workbench
from packhouse._src.table_records import ColumnType, CompactKey, JoinManner, JoinReport, TableReport
from packhouse.errors import UsageError
from packhouse.progress import silent

DOCS = Path(__file__).parents[3] / "docs"
Rows = list[dict[str, Any]]
Columns = Mapping[str, Any]


class Shop:
    """Tables in a folder, and joins of them with compact keys."""

    def __init__(self, bench: Workbench, tables: Mapping[str, Columns]) -> None:
        self.bench = bench
        self.tables = [self._put(name, columns) for name, columns in tables.items()]
        self.columns = {name: list(columns) for name, columns in tables.items()}

    def _put(self, name: str, columns: Columns) -> TableReport:
        texts = {"k_id", "a_id", "id", "city", "s"}
        made = pa.table({n: pa.array(v, pa.string()) if n in texts else v for n, v in columns.items()})
        pq.write_table(made, self.bench.folder / f"{name}.parquet")
        types = tuple(ColumnType(one, str(made[one].type), "", made[one].null_count) for one in columns)
        return TableReport(name, f"{name}.parquet", "", 0, 0, made.num_rows, types, ())

    def join(
        self, text: str, manner: JoinManner | None = None, *, linked: Sequence[str] = ()
    ) -> tuple[JoinReport, Rows]:
        """Make a join, and return the report and the rows."""
        spec = parse_join(text)
        (self.bench.folder / f"{spec.name}.parquet").unlink(missing_ok=True)
        lookups = Lookups(self.bench, self.tables, linked=linked, join_columns=[])
        files = {table.name: table.file for table in self.tables}
        report = join_tables(self.bench, spec, files, manner=manner or JoinManner(), lookups=lookups)
        return report, self.rows(spec.name)

    def rows(self, name: str) -> Rows:
        """Return the rows of a file."""
        rows: Rows = pq.ParquetFile(self.bench.folder / f"{name}.parquet").read().to_pylist()
        return rows


def query(folder: Path, sql: str) -> Rows:
    """Run a query of DuckDB over all Parquet files of a folder."""
    with duckdb.connect() as connection:
        for path in folder.glob("*.parquet"):
            connection.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
        found = connection.execute(sql)
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


SALES = {"k_id": ["b", "a", "b", "c"], "a_id": ["01", "02", "02", "01"], "price": [1, 2, 3, 4]}
CUSTOMERS = {"k_id": ["a", "b", "c", "d"], "age": [10, 20, 30, 40]}
ARTICLES = {"a_id": ["02", "01"], "what": [5, 6]}


@pytest.fixture
def own_bench(tmp_path: Path) -> Workbench:
    """A bench with a folder of its own."""
    return Workbench(tmp_path, "zstd", silent, Engine(spill=tmp_path / "spill", memory_bytes=400_000_000))


def test_keys_become_numbers_of_rows(own_bench: Workbench) -> None:
    """Of the right table, and of a table that is no part of the join; both tables get the column."""
    shop = Shop(own_bench, {"sales": SALES, "customers": CUSTOMERS, "articles": ARTICLES})

    report, rows = shop.join("train = sales + customers on k_id")

    assert report.compact_keys == (
        CompactKey("k_id", "k_ix", "customers"),
        CompactKey("a_id", "a_ix", "articles"),
    )
    assert rows == [
        {"k_ix": 1, "a_ix": 1, "price": 1, "age": 20},
        {"k_ix": 0, "a_ix": 0, "price": 2, "age": 10},
        {"k_ix": 1, "a_ix": 0, "price": 3, "age": 20},
        {"k_ix": 2, "a_ix": 1, "price": 4, "age": 30},
    ]
    schema = pq.read_schema(own_bench.folder / "train.parquet")
    assert [schema.field(name).type for name in ("k_ix", "a_ix")] == [pa.int32(), pa.int32()]
    assert [row["k_ix"] for row in shop.rows("customers")] == [0, 1, 2, 3]
    assert [row["a_ix"] for row in shop.rows("articles")] == [0, 1]
    assert [one.name for one in shop.tables[1].columns] == ["k_id", "age", "k_ix"]
    assert shop.tables[1].bytes == (own_bench.folder / "customers.parquet").stat().st_size
    facts = ParquetSource(own_bench.folder / "train.parquet").metadata
    assert facts["compact_keys"] == {"k_ix": "customers.k_id", "a_ix": "articles.a_id"}


KEYS = st.lists(st.none() | st.sampled_from(["a", "b", "c", "é", ""]), max_size=8)


@given(left=KEYS, right=KEYS, how=st.sampled_from(["inner", "left"]))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_join_gives_the_text_back(
    bench: Workbench, left: list[str | None], right: list[str | None], how: str
) -> None:
    """Whatever the keys, the lookup table gives the rows of a join that kept its text."""
    tables = {
        "l": {"k_id": left, "x": list(range(len(left)))},
        "r": {"k_id": list(dict.fromkeys(right)), "y": list(range(len(dict.fromkeys(right))))},
    }
    plain = join_tables(
        bench,
        parse_join("plain = l + r on k_id"),
        {table.name: table.file for table in _fresh(bench, tables).tables},
        manner=JoinManner(how),
    )
    shop = Shop(bench, tables)

    report, rows = shop.join("compact = l + r on k_id", JoinManner(how))

    assert report.steps == plain.steps
    if report.compact_keys:
        (key,) = report.compact_keys
        texts = {row[key.ix_column]: row["k_id"] for row in shop.rows(key.lookup)}
        texts[None] = None
        rows = [{"k_id": texts[row.pop(key.ix_column)], **row} for row in rows]
    else:
        assert report.kept_text or how == "left"
    assert rows == shop.rows("plain")


def _fresh(bench: Workbench, tables: Mapping[str, Columns]) -> Shop:
    (bench.folder / "plain.parquet").unlink(missing_ok=True)
    return Shop(bench, tables)


def test_a_value_that_is_in_no_lookup_keeps_the_text(own_bench: Workbench) -> None:
    """The report says how many rows; rows that the join drops do not count."""
    sales = {**SALES, "a_id": ["01", "03", "02", "03"]}
    shop = Shop(own_bench, {"sales": sales, "customers": CUSTOMERS, "articles": ARTICLES})

    report, rows = shop.join("train = sales + customers on k_id")
    short = Shop(own_bench, {"sales": sales, "customers": {"k_id": ["b"], "age": [1]}, "articles": ARTICLES})
    dropped, _ = short.join("train = sales + customers on k_id")

    assert report.kept_text == (("a_id", "2 rows have a value that is not in articles"),)
    assert [row["a_id"] for row in rows] == sales["a_id"]
    assert [key.column for key in dropped.compact_keys] == ["k_id", "a_id"]


def test_what_a_right_table_says_of_its_rows_stays(own_bench: Workbench) -> None:
    """A column of its own without repeated values is no key into the very table it came from."""
    customers = {"k_id": ["a", "b", "c"], "city": ["Ulm", "Bonn", "Trier"]}
    shop = Shop(own_bench, {"sales": SALES, "customers": customers})

    report, rows = shop.join("train = sales + customers on k_id")

    assert [key.column for key in report.compact_keys] == ["k_id"]
    assert [row["city"] for row in rows] == ["Bonn", "Ulm", "Bonn", "Trier"]
    assert list(shop.rows("customers")[0]) == ["k_id", "city", "k_ix"]


def test_one_reason_is_given_for_text_that_is_kept(own_bench: Workbench) -> None:
    """That of the table which would have come first, however many others would not do either."""
    short = {"a_id": ["01"], "p": [1]}
    linked = {"a_id": ["02"], "p": [1]}
    tables = {"sales": SALES, "customers": CUSTOMERS, "one": short, "three": linked, "two": short}

    report, _ = Shop(own_bench, tables).join("train = sales + customers on k_id", linked=["three"])

    assert report.kept_text == (("a_id", "2 rows have a value that is not in three"),)


def test_missing_values_stay_missing(own_bench: Workbench) -> None:
    """A left join keeps rows without a key; the key of a right table may be missing, that of another not."""
    sales = {"k_id": ["a", None, "b"], "a_id": [None, "01", None], "price": [1, 2, 3]}
    articles = {"a_id": ["01", None], "what": [1, 2]}
    customers = {"k_id": [None, "a", "b"], "age": [1, 2, 3]}
    shop = Shop(own_bench, {"sales": sales, "customers": customers, "articles": articles})

    report, rows = shop.join("train = sales + customers on k_id", JoinManner("left"))

    assert [row["k_ix"] for row in rows] == [1, None, 2]
    assert [row["a_id"] for row in rows] == [None, "01", None]
    assert [key.column for key in report.compact_keys] == ["k_id"]


def test_which_table_is_the_lookup(own_bench: Workbench) -> None:
    """A right table of the join on that column, then linked ones, then more columns, then by name."""
    wide = {"a_id": ["01", "02"], "p": [1, 2], "q": [1, 2]}
    tables = {
        "sales": SALES,
        "a_wide": {"k_id": ["c", "b", "a"], "p": [1, 2, 3], "q": [1, 2, 3]},
        "customers": CUSTOMERS,
        "articles": ARTICLES,
        "wide": wide,
        "also": wide,
        "repeated": {"a_id": ["01", "02", "01"], "p": [1, 2, 3], "q": [1, 2, 3], "r": [1, 2, 3]},
    }

    by_columns, _ = Shop(own_bench, tables).join("train = sales + customers on k_id")
    by_link, _ = Shop(own_bench, tables).join("train = sales + customers on k_id", linked=["articles"])

    assert [key.lookup for key in by_columns.compact_keys] == ["customers", "also"]
    assert [key.lookup for key in by_link.compact_keys] == ["customers", "articles"]


def test_names_that_are_taken_are_counted_on(own_bench: Workbench) -> None:
    """The number has one name in the join and the lookup table; two tables never share one."""
    sales = {"id": ["x", "y"], "a_id": ["01", "02"], "s": ["p", "p"]}
    right = {"id": ["y", "x"], "id_ix": [7, 8]}
    other = {"a_id": ["02", "01"], "a_ix": [1, 2]}
    shop = Shop(own_bench, {"sales": sales, "r": right, "t": other})

    report, rows = shop.join("train = sales + r on id")

    assert [key.ix_column for key in report.compact_keys] == ["id_ix_2", "a_ix_2"]
    assert rows == [
        {"id_ix_2": 1, "a_ix_2": 1, "s": "p", "id_ix": 8},
        {"id_ix_2": 0, "a_ix_2": 0, "s": "p", "id_ix": 7},
    ]


def test_two_joins_share_a_lookup(own_bench: Workbench) -> None:
    """The table gets its column once, and is not written a second time."""
    shop = Shop(own_bench, {"sales": SALES, "customers": CUSTOMERS})
    lookups = Lookups(own_bench, shop.tables, linked=(), join_columns=[])
    files = {table.name: table.file for table in shop.tables}

    for name in ("one", "two"):
        join = parse_join(f"{name} = sales + customers on k_id")
        join_tables(own_bench, join, files, manner=JoinManner(), lookups=lookups)

    assert [row["k_ix"] for row in shop.rows("one")] == [row["k_ix"] for row in shop.rows("two")]
    assert list(shop.rows("customers")[0]) == ["k_id", "age", "k_ix"]


def test_a_sorted_join_is_sorted_by_the_text(own_bench: Workbench) -> None:
    """The order is that of the ids, also where the numbers stand in their place."""
    shop = Shop(own_bench, {"sales": SALES, "customers": {"k_id": ["c", "b", "a"], "age": [1, 2, 3]}})

    _, rows = shop.join("train = sales + customers on k_id", JoinManner(sorted_by=("k_id", "price")))

    assert [(row["k_ix"], row["price"]) for row in rows] == [(2, 2), (1, 1), (1, 3), (0, 4)]


def test_the_way_back_that_the_docs_show(tmp_path: Path) -> None:
    """A pack with compact keys, and the query of docs/tables.md, give what a join of the CSV files gives."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "sales.csv").write_text("customer_id,t\nb,2\na,1\nb,3\n")
    (tmp_path / "src" / "customers.csv").write_text("customer_id,age\na,10\nb,20\n")
    blocks = re.findall(r"```text\n(.*?)```", (DOCS / "tables.md").read_text(encoding="utf-8"), re.DOTALL)
    (sql,) = (block for block in blocks if "USING (customer_ix)" in block)

    report = packhouse.pack(
        tmp_path / "src",
        tmp_path / "shop.pack",
        joins="train = sales + customers on customer_id",
        sort={"sales": "t"},
        compact_keys=True,
    )

    found = query(tmp_path / "shop.pack", sql)
    assert sorted(found, key=lambda row: row["t"]) == [
        {"customer_id": "a", "t": 1, "age": 10},
        {"customer_id": "b", "t": 2, "age": 20},
        {"customer_id": "b", "t": 3, "age": 20},
    ]
    sales, customers = sorted(report.tables, key=lambda one: one.name, reverse=True)
    assert sales.sorted_by == ("t",)
    assert [column.name for column in customers.columns] == ["customer_id", "age", "customer_ix"]


def test_without_a_join_there_are_no_compact_keys(tmp_path: Path) -> None:
    """The option alone would do nothing, and says so."""
    with pytest.raises(UsageError, match="compact keys need a join"):
        packhouse.pack(tmp_path, tmp_path / "x.pack", compact_keys=True)
