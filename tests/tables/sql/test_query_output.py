"""Rows become the same Parquet file however they come, or none at all."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packhouse._src.parquet_ import ParquetSink
from packhouse._src.sql.query_output import Workbench, write_query
from packhouse.errors import TableError


def test_the_bytes_do_not_follow_the_batches(tmp_path: Path) -> None:
    """However the rows arrive, the same rows make the same file."""
    choice = random.Random(7)
    texts = [f"{choice.getrandbits(256):064x}" for _ in range(50_000)]
    table = pa.table({"n": range(50_000), "text": texts})
    found = set()

    for size in (50_000, 40_000, 7_001, 333):
        path = tmp_path / f"{size}.parquet"
        with ParquetSink(path, table.schema, metadata={}, row_group_rows=40_000) as sink:
            for batch in table.to_batches(max_chunksize=size):
                sink.write(batch)
        found.add(path.read_bytes())

    assert len(found) == 1
    assert pq.read_table(tmp_path / "333.parquet").equals(table)


@pytest.mark.parametrize("compression", ["zstd", "gzip", "snappy", "lz4"])
def test_each_compression_is_read_by_pyarrow(bench: Workbench, tmp_path: Path, compression: str) -> None:
    """The file is compressed as was asked for."""
    target = tmp_path / "t.parquet"
    one = Workbench(tmp_path, compression, bench.observer, bench.engine)

    write_query(one, "SELECT range FROM range(10)", target, names=["n"], metadata={}, on_rows=lambda _: None)

    assert pq.ParquetFile(target).metadata.row_group(0).column(0).compression.lower().startswith(compression)
    assert pq.ParquetFile(target).read()["n"].to_pylist() == list(range(10))


def test_a_query_that_fails_half_way_leaves_no_file(bench: Workbench, tmp_path: Path) -> None:
    """An error in a late row takes the file away, and the engine works on."""
    target = tmp_path / "t.parquet"
    sql = "SELECT CAST(CASE WHEN range = 2900000 THEN 'x' ELSE '1' END AS INT) AS n FROM range(3000000)"

    with pytest.raises(TableError, match="Could not convert string 'x'"):
        write_query(bench, sql, target, names=["n"], metadata={}, on_rows=lambda _: None)

    assert not target.exists()
    assert bench.engine.query("SELECT 1") == [(1,)]
