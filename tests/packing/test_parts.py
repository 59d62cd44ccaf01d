"""Tables as folders of files of so many rows each: --rows-per-file."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as pds
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse.errors import CorruptStoreError
from small_dataset import JOIN, DataSet


@pytest.fixture
def packed(dataset: DataSet, tmp_path: Path) -> tuple[Path, Path]:
    """The data set as a pack of files, and as one of folders."""
    gap = dataset.folder / "late_gap.csv"
    gap.write_text("id,n\n" + "".join(f"{2**60 + row},{row if row != 90 else ''}\n" for row in range(100)))
    whole, parts = tmp_path / "whole.pack", tmp_path / "parts.pack"
    packhouse.pack(dataset.folder, whole, joins=JOIN)
    packhouse.pack(dataset.folder, parts, joins=JOIN, rows_per_file=7)
    return whole, parts


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


NAMES = ("articles", "customers", "transactions_train", "late_gap", "train")


@pytest.mark.parametrize("name", NAMES)
def test_every_reader_reads_one_table(packed: tuple[Path, Path], name: str) -> None:
    """pyarrow, pandas, Polars and DuckDB read the folder as they read the file."""
    file, folder = (pack / f"{name}.parquet" for pack in packed)
    expected = pq.read_table(file)

    parts = sorted(path.name for path in folder.iterdir())

    assert parts == [f"part-{number:05}.parquet" for number in range(-(-expected.num_rows // 7))]
    assert [pq.read_metadata(folder / part).num_rows for part in parts[:-1]] == [7] * (len(parts) - 1)
    assert pq.read_table(folder).equals(expected)
    assert pds.dataset(folder).to_table().equals(expected)
    pd.testing.assert_frame_equal(pd.read_parquet(folder), pd.read_parquet(file))
    assert pl.read_parquet(folder).equals(pl.read_parquet(file))
    parts_sql, file_sql = (f"FROM '{path}'" for path in (f"{folder}/*.parquet", file))
    assert duckdb.execute(parts_sql).fetchall() == duckdb.execute(file_sql).fetchall()


@pytest.mark.parametrize("name", NAMES)
def test_packhouse_reads_one_table(packed: tuple[Path, Path], name: str) -> None:
    """Tables, scans with and without a condition, and SQL are those of one file."""
    with packhouse.open(packed[0]) as whole, packhouse.open(packed[1]) as parts:
        one, many = whole.tables[name], parts.tables[name]
        assert many.count() == one.count()
        assert many.columns == one.columns
        assert many.to_arrow().equals(one.to_arrow())
        assert many.to_arrow(narrow=True).equals(one.to_arrow(narrow=True))
        pd.testing.assert_frame_equal(many.to_pandas(), one.to_pandas())
        column = next(iter(one.columns))
        where = f"{column} IS NOT NULL AND {column} NOT IN (SELECT {column} FROM {name} LIMIT 3)"  # noqa: S608
        assert many.scan(where=where).to_arrow().equals(one.scan(where=where).to_arrow())
        query = f"SELECT count(*) AS n, min({column}) AS first FROM {name}"  # noqa: S608
        assert parts.tables.sql(query).equals(whole.tables.sql(query))


def test_rows_and_find_of_images(packed: tuple[Path, Path], dataset: DataSet) -> None:
    """The rows of an image, and the images that meet a condition, are those of one file."""
    with packhouse.open(packed[0]) as whole, packhouse.open(packed[1]) as parts:
        for path in dataset.files:
            name = Path(path).stem
            assert parts.row(name) == whole.row(name)
            assert parts.rows(name) == whole.rows(name)
        assert parts.find("articles.name = 'Dress 1'") == whole.find("articles.name = 'Dress 1'") != []
        assert list(parts.rows_without_image()) == list(whole.rows_without_image())


def test_the_same_bytes_whatever_the_workers(packed: tuple[Path, Path], dataset: DataSet) -> None:
    """One worker and five write the same files; an update writes nothing."""
    for workers in (1, 5):
        dest = packed[1].with_name(f"{workers}.pack")
        packhouse.pack(dataset.folder, dest, joins=JOIN, rows_per_file=7, workers=workers)
        assert contents(dest) == contents(packed[1])
    before = contents(packed[1])
    assert packhouse.pack(dataset.folder, packed[1], update=True).up_to_date
    assert contents(packed[1]) == before


def test_large_parts(dataset: DataSet, tmp_path: Path) -> None:
    """A table that fits one part, and one without rows, have one part."""
    (dataset.folder / "empty.csv").write_text("a,b\n")
    report = packhouse.pack(dataset.folder, tmp_path / "s.pack", rows_per_file=10**9)

    assert {len(table.parts) for table in report.tables} == {1}
    assert (
        report.bytes
        == sum(path.stat().st_size for path in (tmp_path / "s.pack").rglob("*") if path.is_file())
        - (tmp_path / "s.pack/pack.json").stat().st_size
    )
    with packhouse.open(tmp_path / "s.pack") as pack:
        assert pack.tables["empty"].to_arrow().num_rows == 0
        assert list(pack.tables["empty"].columns) == ["a", "b"]


@pytest.mark.parametrize("harm", ["a byte", "a missing part", "two parts swapped", "a part of its own"])
def test_verify_and_repair_know_parts(packed: tuple[Path, Path], harm: str) -> None:
    """Damage is named by its part; repair saves the other tables."""
    pack = packed[1]
    assert packhouse.verify(pack).is_sound
    folder = pack / "customers.parquet"
    first, second = folder / "part-00000.parquet", folder / "part-00001.parquet"
    if harm == "a byte":
        data = bytearray(second.read_bytes())
        data[30] ^= 1
        second.write_bytes(data)
    elif harm == "a missing part":
        second.unlink()
    elif harm == "two parts swapped":
        first.rename(folder / "x")
        second.rename(first)
        (folder / "x").rename(second)
    else:
        (folder / "part-00099.parquet").write_bytes(first.read_bytes())

    report = packhouse.verify(pack)
    repaired = packhouse.repair(pack, pack.with_name("mended.pack"))

    if harm == "a part of its own":
        assert report.notes == ("customers.parquet/part-00099.parquet is not part of the pack",)
    else:
        assert "customers.parquet/part-00001.parquet" in {one.file for one in report.damaged}
    assert [one.file for one in repaired.lost] == ["customers.parquet"]
    assert packhouse.verify(pack.with_name("mended.pack")).is_sound
    if harm == "a missing part":
        with (
            packhouse.open(pack) as opened,
            pytest.raises(CorruptStoreError, match=r"00001.*is missing"),
        ):
            opened.tables["customers"].to_arrow()


def test_repair_without_pack_json(packed: tuple[Path, Path]) -> None:
    """Folders of parts are found as tables."""
    (packed[1] / "pack.json").unlink()

    report = packhouse.repair(packed[1], packed[1].with_name("mended.pack"))

    assert set(report.tables) == {f"{name}.parquet" for name in NAMES}
    with packhouse.open(packed[0]) as whole, packhouse.open(packed[1].with_name("mended.pack")) as mended:
        assert mended.tables["train"].to_arrow().equals(whole.tables["train"].to_arrow())


def test_back_to_one_file(packed: tuple[Path, Path], dataset: DataSet) -> None:
    """A pack of parts is replaced as any other."""
    packhouse.pack(dataset.folder, packed[1], joins=JOIN, overwrite=True)

    assert contents(packed[1]) == contents(packed[0])
    assert "parts.pack.packing" not in os.listdir(packed[1].parent)
