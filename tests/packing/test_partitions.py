"""Tables as Hive folders, one for each value of a column: --partition-by."""

from __future__ import annotations

import csv
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pds
import pyarrow.parquet as pq
import pytest
from PIL import Image

import packhouse
from packhouse.errors import ColumnNotFoundError, CorruptStoreError, UsageError

TEXTS = (
    *("007", "7", "", '""', "a/b", "..", ".", "a.", "=", "a=b", "%", "%41", "\\", "Mü", "a", "A", "aB", "Ab"),
    *("NULL", "CON", "a b", "a+b", "*?[x]", "~", "x\ny", "{}", "y" * 240),
)
YEARS = ("2020", "9", "10", "-5", "", "9007199254740993")
ROWS = 400
JOINS = ["joined = sales + shops on id"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three tables, two of which are to be joined."""
    folder = tmp_path_factory.mktemp("partitions") / "src"
    folder.mkdir()
    for name, column, values in (("sales", "year", YEARS), ("shops", "city", TEXTS)):
        cells = [values[(row * row + row // 7) % len(values)] for row in range(ROWS)]
        with (folder / f"{name}.csv").open("w", newline="") as file:
            file.write(f"id,{column},n,day\n")
            for row, cell in enumerate(cells):
                quoted = f'"{cell}"' if cell not in {"", '""'} else cell
                file.write(f"{row:04},{quoted},{row},{'' if row % 9 == 3 else f'2020-01-{row % 3 + 1:02}'}\n")
    return folder


@pytest.fixture(scope="module")
def packed(source: Path) -> Path:
    """Return the pack with partitions, of at most 30 rows a file."""
    dest = source.with_name("p.pack")
    report = packhouse.pack(
        source,
        dest,
        joins=JOINS,
        partition_by={"sales": "year", "shops": "city", "joined": "day"},
        rows_per_file=30,
    )
    assert report.is_complete
    assert [table.partitioned_by for table in report.tables] == ["year", "city"]
    return dest


def rows_of(source: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a table, by Python's csv."""
    with (source / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def ordered(table: pa.Table) -> pa.Table:
    """Return the rows in the order of the file."""
    return table.sort_by("n")


def test_folders_have_the_rows_of_one_value_in_their_order(source: Path, packed: Path) -> None:
    """Each folder has the rows that Python's csv finds with its value."""
    folders = sorted((packed / "sales.parquet").iterdir())

    assert [folder.name for folder in folders] == [
        *("year=-5", "year=10", "year=2020", "year=9", "year=9007199254740993"),
        "year=__HIVE_DEFAULT_PARTITION__",
    ]
    rows = rows_of(source, "sales")
    for folder in folders:
        value = folder.name.removeprefix("year=").replace("__HIVE_DEFAULT_PARTITION__", "")
        parts = [pq.ParquetFile(part).read() for part in sorted(folder.iterdir())]
        assert [part.num_rows for part in parts[:-1]] == [30] * (len(parts) - 1)
        expected = [int(row["n"]) for row in rows if row["year"] == value]
        assert pa.concat_tables(parts)["n"].to_pylist() == expected


def test_folders_of_hostile_values(packed: Path) -> None:
    """Folders differ on every file system, and none leads anywhere."""
    names = [folder.name for folder in (packed / "shops.parquet").iterdir()]

    assert len({name.lower() for name in names}) == len(names) == len(TEXTS)
    assert {"city=007", "city=", "city=a%2Fb", "city=.%2E", "city=%3D", "city=%25", "city=M%C3%BC"} < {*names}
    assert {"city=a", "city=%41", "city=a%42", "city=%41b"} < {*names}
    assert all(name.isascii() and not name.endswith(".") for name in names)


@pytest.mark.parametrize(("name", "column"), [("sales", "year"), ("shops", "city"), ("joined", "day")])
def test_every_reader_reads_one_table(source: Path, packed: Path, name: str, column: str) -> None:
    """Arrow, pandas, Polars and DuckDB read the exact values, in one order."""
    whole = source.with_name("whole.pack")
    if not whole.exists():
        packhouse.pack(source, whole, joins=JOINS)
    expected = pq.read_table(whole / f"{name}.parquet").replace_schema_metadata()
    folder = packed / f"{name}.parquet"

    schema = pa.schema([expected.schema.field(column)])
    hive = pds.partitioning(schema, flavor="hive")
    read = [
        pds.dataset(folder).to_table(),
        pds.dataset(folder, partitioning=hive).to_table(),
        pq.read_table(folder, partitioning=None),
        pl.read_parquet(folder).to_arrow().cast(expected.schema),
        pl.read_parquet(folder, hive_partitioning=False).to_arrow().cast(expected.schema),
    ]
    types = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.date32(): "DATE"}
    for options in (
        "hive_partitioning=false",
        f"hive_partitioning=true, hive_types={{'{column}': {types[schema.field(0).type]}}}",
    ):
        query = f"FROM read_parquet('{folder}/*/*.parquet', {options})"
        read.append(duckdb.connect().from_query(query).to_arrow_table())
    for table in read:
        found = ordered(table.replace_schema_metadata()).select(expected.column_names)
        assert found.equals(ordered(expected))
    with packhouse.open(packed) as pack:
        ours = pack.tables[name].to_arrow().replace_schema_metadata()
        assert ordered(ours).equals(expected)
        assert len(pack.tables[name]) == ROWS
        pd.testing.assert_frame_equal(
            pack.tables[name].to_pandas(), pd.read_parquet(folder, partitioning=None)
        )
        assert ours.equals(pds.dataset(folder).to_table().replace_schema_metadata())
        assert pack.tables.sql(f"FROM {name}").replace_schema_metadata().equals(ours)
        scanned = pack.tables[name].scan(where="n % 3 = 1").to_arrow().replace_schema_metadata()
        assert scanned["n"].to_pylist() == [n for n in ours["n"].to_pylist() if n % 3 == 1]


def test_the_same_bytes_whatever_the_workers(source: Path, packed: Path) -> None:
    """One worker and five write the same files; an update writes nothing; back to one file."""
    for workers in (1, 5):
        packhouse.pack(
            source,
            source.with_name(f"{workers}.pack"),
            workers=workers,
            joins=JOINS,
            partition_by=["sales=year", "shops=city", "joined=day"],
            rows_per_file=30,
        )
        assert contents(source.with_name(f"{workers}.pack")) == contents(packed)
    dest = source.with_name("5.pack")
    before = contents(dest)
    assert packhouse.pack(source, dest, update=True).up_to_date
    assert contents(dest) == before
    packhouse.pack(source, dest, overwrite=True, joins=JOINS)
    packhouse.pack(source, source.with_name("plain.pack"), joins=JOINS)
    assert contents(dest) == contents(source.with_name("plain.pack"))


def test_an_update_writes_partitions_anew(source: Path, tmp_path: Path) -> None:
    """A changed table is partitioned again, one that is not stays; the result is that of a first run."""
    folder = tmp_path / "src"
    shutil.copytree(source, folder)
    packhouse.pack(folder, tmp_path / "p.pack", partition_by="year")
    with (folder / "sales.csv").open("a") as file:
        file.write("9999,1999,9999,\n")

    packhouse.pack(folder, tmp_path / "p.pack", update=True)

    packhouse.pack(folder, tmp_path / "q.pack", partition_by="year")
    assert contents(tmp_path / "p.pack") == contents(tmp_path / "q.pack")
    assert (tmp_path / "p.pack/sales.parquet/year=1999/part-00000.parquet").is_file()


def test_sorting_stays_within_partitions(source: Path, tmp_path: Path) -> None:
    """A sorted table is sorted in each folder."""
    packhouse.pack(
        source, tmp_path / "p.pack", tables="sales.csv", sort={"sales": ["day"]}, partition_by="year"
    )

    folders = sorted((tmp_path / "p.pack/sales.parquet").iterdir())
    by_python = sorted(rows_of(source, "sales"), key=lambda row: row["day"] or "9999")
    for folder in folders:
        value = folder.name.removeprefix("year=").replace("__HIVE_DEFAULT_PARTITION__", "")
        found = pq.ParquetFile(folder / "part-00000.parquet").read()["n"].to_pylist()
        assert found == [int(row["n"]) for row in by_python if row["year"] == value]


@pytest.mark.parametrize("harm", ["a byte", "a missing part", "a moved folder", "a part of its own"])
def test_verify_and_repair_know_partitions(packed: Path, tmp_path: Path, harm: str) -> None:
    """Damage is named by its part; repair saves the other tables."""
    pack = tmp_path / "p.pack"
    shutil.copytree(packed, pack)
    assert packhouse.verify(pack).is_sound
    folder = pack / "sales.parquet"
    part = folder / "year=10/part-00001.parquet"
    if harm == "a byte":
        data = bytearray(part.read_bytes())
        data[30] ^= 1
        part.write_bytes(data)
    elif harm == "a missing part":
        part.unlink()
    elif harm == "a moved folder":
        part.parent.rename(folder / "year=11")
    else:
        (folder / "year=11").mkdir()
        shutil.copy(part, folder / "year=11")

    report = packhouse.verify(pack)
    repaired = packhouse.repair(pack, tmp_path / "mended.pack")

    if harm == "a part of its own":
        assert report.notes == ("sales.parquet/year=11/part-00001.parquet is not part of the pack",)
    else:
        assert "sales.parquet/year=10/part-00001.parquet" in {one.file for one in report.damaged}
    assert [one.file for one in repaired.lost] == ["sales.parquet"]
    assert packhouse.verify(tmp_path / "mended.pack").is_sound
    with packhouse.open(pack) as opened:
        if harm != "a byte":
            with pytest.raises(CorruptStoreError, match=r"is (missing|not of this table)"):
                opened.tables["sales"].to_arrow()
        assert len(opened.tables["shops"].to_arrow()) == ROWS


def test_repair_without_pack_json(tmp_path: Path) -> None:
    """Partitions are found as tables."""
    write_dataset(tmp_path)
    packhouse.pack(tmp_path / "src", tmp_path / "p.pack", partition_by="t=label")
    shutil.copytree(tmp_path / "p.pack", tmp_path / "q.pack")
    (tmp_path / "q.pack/pack.json").unlink()

    report = packhouse.repair(tmp_path / "q.pack", tmp_path / "mended.pack")

    assert report.tables == ("t.parquet",)
    with packhouse.open(tmp_path / "p.pack") as one, packhouse.open(tmp_path / "mended.pack") as other:
        assert one.tables["t"].to_arrow().equals(other.tables["t"].to_arrow())


def test_many_partitions_with_few_open_files(tmp_path: Path) -> None:
    """Two thousand partitions are written and read with 256 open files; more than 10,000 are refused."""
    (tmp_path / "src").mkdir()
    rows = "".join(f"{row % 2000},{row},{row % 10001}\n" for row in range(10_001))
    (tmp_path / "src/t.csv").write_text(f"k,n,many\n{rows}")
    with open_files(256):
        report = packhouse.pack(tmp_path / "src", tmp_path / "p.pack", partition_by="k", workers=3)
        assert len(report.tables[0].parts) == 2000
        with packhouse.open(tmp_path / "p.pack") as pack:
            table = pack.tables["t"].to_arrow()
            assert pack.tables.sql("SELECT n FROM t")["n"].equals(table["n"])
    assert sorted(table["n"].to_pylist()) == list(range(10_001))

    report = packhouse.pack(tmp_path / "src", tmp_path / "q.pack", partition_by="t=many")

    assert "10,001 different values: more partitions than 10,000" in report.failed[0].message
    assert (tmp_path / "q.pack/t.parquet").is_file()


@contextmanager
def open_files(most: int) -> Iterator[None]:
    """Let this process have no more open files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["x" * 300], "has 302 bytes, more than 255"),
        (["__HIVE_DEFAULT_PARTITION__", "a"], "stands for a missing value"),
        (["1.5", "2.5"], "is double: only text, integers, booleans and dates"),
    ],
)
def test_values_that_cannot_name_a_folder(tmp_path: Path, cells: list[str], said: str) -> None:
    """The table stays one file, and the report says why."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_text("\n".join(["k,n", *(f"{cell},1" for cell in cells), ""]))

    report = packhouse.pack(tmp_path / "src", tmp_path / "p.pack", partition_by="k")

    assert said in report.failed[0].message
    assert pq.read_table(tmp_path / "p.pack/t.parquet").num_rows == len(cells)
    assert not report.tables[0].parts


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ("sales=yaer", ColumnNotFoundError, "did you mean year"),
        ("yaer", ColumnNotFoundError, "did you mean year"),
        ("slaes=year", ColumnNotFoundError, "did you mean sales"),
        (("sales=year", "sales=day"), UsageError, "by year and by day"),
        (("year", "day"), UsageError, "by year and by day"),
    ],
)
def test_wrong_names_are_refused_at_once(
    source: Path, tmp_path: Path, asked: str | tuple[str, ...], error: type[Exception], said: str
) -> None:
    """A typo names what is near, before anything is written."""
    with pytest.raises(error, match=said):
        packhouse.pack(source, tmp_path / "p.pack", partition_by=asked)
    assert not (tmp_path / "p.pack").exists()


@pytest.mark.parametrize("name", ["_id", ".k", "a/b", "a%b", "a:b"])
def test_columns_that_folders_cannot_be_named_after(tmp_path: Path, name: str) -> None:
    """Arrow skips folders that start with a point or _, and Polars decodes no names of columns."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_text(f"{name},n\n1,2\n")

    with pytest.raises(UsageError, match="folders cannot be named after"):
        packhouse.pack(tmp_path / "src", tmp_path / "p.pack", partition_by=name)


def test_images_find_their_rows(tmp_path: Path) -> None:
    """Rows of images, conditions and columns of the loader are those of one file."""
    write_dataset(tmp_path)
    whole, parts = tmp_path / "whole.pack", tmp_path / "parts.pack"
    packhouse.pack(tmp_path / "src", whole)
    packhouse.pack(tmp_path / "src", parts, partition_by="t=label")

    with packhouse.open(whole) as one, packhouse.open(parts) as other:
        for key in one.images:
            assert other.row(key) == one.row(key)
            assert other.rows(key) == one.rows(key)
        assert other.find("t.label = 'b'") == one.find("t.label = 'b'") != []
        batches = [list(pack.loader(4, size=8, label="t.label", shuffle=False)) for pack in (one, other)]
        labels = [[np.asarray(batch.labels).tolist() for batch in some] for some in batches]
        assert labels[0] == labels[1] != []


def write_dataset(folder: Path) -> None:
    """Write ten images and a table of theirs."""
    rows = [f"{number:03},{'ab'[number % 2]}" for number in range(10)]
    (folder / "src/img").mkdir(parents=True)
    for number in range(10):
        Image.new("RGB", (16, 16), (number * 20, 0, 0)).save(folder / f"src/img/{number:03}.jpg")
    (folder / "src/t.csv").write_text("\n".join(["id,label", *rows, ""]))


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
