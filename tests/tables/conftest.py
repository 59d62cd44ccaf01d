"""A bench to work on tables, and the shortest way from the bytes of a CSV file to its Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow.parquet as pq
import pytest

from packhouse._src.delimited.convert import convert_table
from packhouse._src.delimited.dialect import read_header
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.query_output import Workbench
from packhouse._src.table_records import TablePlan, TableReport
from packhouse.progress import silent

MEMORY_BYTES = 500_000_000


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A bench with an empty folder, one for all tests of a file."""
    folder = tmp_path_factory.mktemp("pack")
    with Engine(spill=folder / "spill", memory_bytes=MEMORY_BYTES) as engine:
        yield Workbench(folder, "zstd", silent, engine)


@pytest.fixture(scope="module")
def convert(
    bench: Workbench, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[TableReport, Any]]:
    """Return a function from the text of a CSV file to its report, and its table as pyarrow reads it."""
    made = 0

    def work(
        data: bytes | str,
        *,
        wanted: Mapping[str, str] | None = None,
        file_name: str = "table.csv",
        neighbours: Mapping[str, str] | None = None,
        encoding: str | None = None,
    ) -> tuple[TableReport, Any]:
        nonlocal made
        made += 1
        source = tmp_path_factory.mktemp("source") / file_name
        for name, text in (neighbours or {}).items():
            source.with_name(name).write_text(text)
        source.write_bytes(data if isinstance(data, bytes) else data.encode())
        header = read_header(source, shown_as=file_name, encoding=encoding)
        assert header is not None
        size = source.stat().st_size
        target = f"table{made}.parquet"
        plan = TablePlan(f"table{made}", file_name, size, target, header.columns, header.notes, encoding)
        before = set(bench.folder.iterdir())
        try:
            report = convert_table(bench, plan, source, wanted=wanted or {})
        except BaseException:
            assert set(bench.folder.iterdir()) == before, "a failure left a file behind"
            raise
        finally:
            source.unlink()
        return report, pq.ParquetFile(bench.folder / target).read()

    return work
