"""Rows of an image by its key, as a plain loop over what pyarrow reads finds them."""

from __future__ import annotations

import datetime as dt
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bound_tables import bound_tables
from packhouse._src.tables.linked_rows import LinkedRows
from packhouse._src.tables.table import Table
from packhouse.errors import CorruptStoreError

ROWS = 3_000


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A linked table in ten row groups: keys that repeat, that are missing, and are not ASCII."""
    rng = random.Random(5)
    keys = [None if n % 11 == 0 else f"0{n % 7}/größe{rng.randrange(1000)}" for n in range(ROWS)]
    columns = {
        "place": pa.array(range(ROWS), pa.int32()),
        "word": pa.array([None if n % 5 == 0 else f"word {n % 9}" for n in range(ROWS)]),
        "day": pa.array([dt.date(2018, 9, 20) + dt.timedelta(days=n % 50) for n in range(ROWS)]),
        "at": pa.array([dt.datetime(2018, 9, 20, 1, 2, 3, n) for n in range(ROWS)]),  # noqa: DTZ001
        "price": pa.array([n / 7 if n % 3 else None for n in range(ROWS)]),
        "image": pa.array([key is not None for key in keys]),
        "image_key": pa.array(keys, pa.string()),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=300)
    return bound_tables(tmp_path, {"t": "t.parquet"})["t"]


@pytest.mark.parametrize("cache_bytes", [0, 40_000, 1 << 30])
def test_rows_are_those_that_pyarrow_reads(table: Table, cache_bytes: int) -> None:
    """Every key, repeated ones in the order of the file, whether or not all row groups are kept."""
    expected: dict[str, list[dict[str, object]]] = {}
    for row in pq.read_table(table.path).to_pylist():
        expected.setdefault(row["image_key"], []).append(row)
    expected.pop(None)  # type: ignore[call-overload]
    rows = LinkedRows(table, "image_key", cache_bytes=cache_bytes)

    keys = sorted(expected, key=hash)[:300]
    assert {key: rows.all(key) for key in keys} == {key: expected[key] for key in keys}
    assert {key: rows.first(key) for key in keys} == {key: expected[key][0] for key in keys}
    for other in ("", "0", "zzz", "06/größe", "\U0010ffff"):
        assert (rows.all(other), rows.first(other)) == ([], None)


def test_decoded_row_groups_stay_within_the_bound(table: Table) -> None:
    """Those used last are kept; one is, however small the bound."""
    whole = pq.read_table(table.path, columns=["image_key"])["image_key"].to_pylist()
    keys = [key for key in whole if key]
    held = []
    for bound in (0, 40_000, 1 << 30):
        rows = LinkedRows(table, "image_key", cache_bytes=bound)
        for key in keys:
            rows.first(key)
        decoded = rows._open()._decoded
        held.append(len(decoded))
        assert len(decoded) == 1 or sum(one.nbytes for one in decoded.values()) <= bound

    assert held[0] == 1
    assert 1 < held[1] < held[2] == 10


def test_threads_share_it_and_it_opens_again(table: Table) -> None:
    """Eight threads get the right rows; after closing, the next question opens the file anew."""
    rows = LinkedRows(table, "image_key", cache_bytes=40_000)
    keys = [key for key in pq.read_table(table.path)["image_key"].to_pylist() if key]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(rows.first, keys[:800]))
    rows.close()
    rows.close()

    assert [row["image_key"] for row in found if row] == keys[:800]
    assert rows.first(keys[0]) is not None


def test_a_table_without_rows(tmp_path: Path) -> None:
    """Names nothing."""
    pq.write_table(pa.table({"image_key": pa.array([], pa.string())}), tmp_path / "t.parquet")

    rows = LinkedRows(bound_tables(tmp_path, {"t": "t.parquet"})["t"], "image_key")

    assert (rows.first("x"), rows.all("x")) == (None, [])


def test_damage_is_told_with_the_file(table: Table) -> None:
    """A cut file, and one that has not the columns that pack.json speaks of."""
    with pytest.raises(CorruptStoreError, match="no column 'key'"):
        LinkedRows(table, "key").first("x")
    table.path.write_bytes(table.path.read_bytes()[:-9])

    with pytest.raises(CorruptStoreError) as caught:
        LinkedRows(bound_tables(table.path.parent, {"t": "t.parquet"})["t"], "image_key").first("x")

    assert caught.value.where.file == str(table.path)
