"""Parquet files are the same for the same rows, whole or absent, and damage in a page is an error."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse._src.parquet_ import ROW_GROUP_BYTES, ParquetSink, ParquetSource, batch_of, fixed_width_values
from packhouse._src.table_records import COMPRESSIONS
from packhouse.errors import CorruptStoreError

TABLE = pa.table(
    {
        "n": pa.array(range(1000), pa.int64()),
        "small": pa.array([row % 7 for row in range(1000)], pa.int8()),
        "text": [None if row % 11 == 0 else f"row {row % 97} ü" for row in range(1000)],
        "long": [random.Random(row).randbytes(row % 60).hex() for row in range(1000)],
        "yes": [row % 3 == 0 for row in range(1000)],
        "real": [row / 3 for row in range(1000)],
        "digest": pa.array([row.to_bytes(16, "big") for row in range(1000)], pa.binary(16)),
        "day": pa.array(range(1000), pa.date32()),
    }
)


def write(
    path: Path,
    table: pa.Table,
    cuts: Sequence[int],
    *,
    row_group_rows: int = 100,
    row_group_bytes: int = ROW_GROUP_BYTES,
) -> bytes:
    """Write a table in batches cut at those rows; return the bytes of the file."""
    edges = [0, *sorted(cuts), table.num_rows]
    with ParquetSink(
        path,
        table.schema,
        metadata={"a": 1},
        row_group_rows=row_group_rows,
        row_group_bytes=row_group_bytes,
    ) as sink:
        for start, stop in pairwise(edges):
            for batch in table.slice(start, stop - start).combine_chunks().to_batches():
                sink.write(batch)
    assert sink.rows == table.num_rows
    return path.read_bytes()


@settings(deadline=None, max_examples=60)
@given(rows=st.integers(0, 1000), cuts=st.lists(st.integers(0, 1000), max_size=30), each=st.integers(20, 300))
def test_row_groups_and_bytes_do_not_follow_the_batches(
    tmp_path_factory: pytest.TempPathFactory, rows: int, cuts: list[int], each: int
) -> None:
    """Row groups are cut at exact counts whatever batches arrive; the files are equal byte for byte."""
    folder = tmp_path_factory.mktemp("sink")
    table = TABLE.slice(0, rows)

    in_pieces = write(folder / "a", table, [min(cut, rows) for cut in cuts], row_group_rows=each)
    in_one = write(folder / "b", table, [], row_group_rows=each)

    footer = pq.ParquetFile(folder / "a").metadata
    sizes = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
    assert sizes == [each] * (rows // each) + [rows % each] * (rows % each > 0)
    assert in_pieces == in_one
    assert pq.read_table(folder / "a").equals(table)


@settings(deadline=None, max_examples=15)
@given(
    cuts=st.lists(st.integers(0, 1000), max_size=30),
    each=st.integers(20, 300),
    most=st.integers(5_000, 30_000),
)
def test_row_groups_of_long_rows_do_not_follow_the_batches(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], each: int, most: int
) -> None:
    """A group ends before the row that would make it too large, wherever the batches are cut."""
    folder = tmp_path_factory.mktemp("sink")

    in_pieces = write(folder / "a", TABLE, cuts, row_group_rows=each, row_group_bytes=most)
    in_one = write(folder / "b", TABLE, [], row_group_rows=each, row_group_bytes=most)

    assert in_pieces == in_one
    assert pq.read_table(folder / "a").equals(TABLE)
    footer = pq.ParquetFile(folder / "a").metadata
    start = 0
    for rows in (footer.row_group(group).num_rows for group in range(footer.num_row_groups - 1)):
        # Arrow counts bits of missing values too
        size, with_next = (TABLE.slice(start, rows + more).combine_chunks().nbytes for more in (0, 1))
        assert rows == each or (with_next > most - 1000 and (rows == 1 or size <= most + 1000))
        start += rows


def test_pages_do_not_follow_the_batches(tmp_path: Path) -> None:
    """Columns that fill several pages are cut into the same pages, however the rows came."""
    table = pa.table({"long": [random.Random(row).randbytes(100).hex() for row in range(12_000)]})

    files = {write(tmp_path / str(cut), table, [cut], row_group_rows=12_000) for cut in (0, 700, 5000)}

    assert len(files) == 1


def test_batches_that_are_slices_of_others(tmp_path: Path) -> None:
    """Rows that lie in the middle of a larger batch are written as if they stood alone."""
    whole = TABLE.combine_chunks().to_batches()[0]
    with ParquetSink(tmp_path / "a", TABLE.schema, metadata={"a": 1}, row_group_rows=100) as sink:
        for start in range(0, 1000, 37):
            sink.write(whole.slice(start, 37))

    assert (tmp_path / "a").read_bytes() == write(tmp_path / "b", TABLE, [])


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_compression_is_read_by_pyarrow(tmp_path: Path, compression: str) -> None:
    """The file holds the rows, compressed as asked."""
    path = tmp_path / "a.parquet"
    with ParquetSink(path, TABLE.schema, metadata={}, compression=compression) as sink:
        sink.write(TABLE.combine_chunks().to_batches()[0])

    assert pq.read_table(path).equals(TABLE)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression.lower().startswith(compression)


def test_names_and_metadata_round_trip(tmp_path: Path) -> None:
    """Columns bear the names that were asked for, and facts come back as they were given."""
    path = tmp_path / "a.parquet"
    facts = {"b": {"ü": [1, 2.5, None]}, "a": "text"}
    names = ["one", "größe", "with space", "a.b", "C", "", "c6", "c7"]
    with ParquetSink(path, TABLE.schema, metadata=facts, names=names) as sink:
        sink.write(TABLE.combine_chunks().to_batches()[0])

    source = ParquetSource(path)

    assert source.metadata == facts
    assert source.schema.names == pq.read_schema(path).names == names
    assert json.loads(pq.read_metadata(path).metadata[b"packhouse"]) == facts
    assert pq.read_table(path)["größe"].to_pylist() == TABLE["small"].to_pylist()


def test_the_order_of_the_metadata_does_not_show(tmp_path: Path) -> None:
    """The same facts in another order make the same file."""
    for name, facts in (("a", {"x": 1, "y": 2}), ("b", {"y": 2, "x": 1})):
        with ParquetSink(tmp_path / name, TABLE.schema, metadata=facts):
            pass

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_wrong_number_of_names_is_refused(tmp_path: Path) -> None:
    """Names are as many as columns, or nothing is made."""
    with pytest.raises(ValueError, match="zip"):
        ParquetSink(tmp_path / "a", TABLE.schema, metadata={}, names=["one"])

    assert list(tmp_path.iterdir()) == []


def break_off(path: Path, error: BaseException, *, rows: int) -> None:
    """Write some rows, then fail."""
    with ParquetSink(path, TABLE.schema, metadata={}, row_group_rows=100) as sink:
        sink.write(TABLE.slice(0, rows).combine_chunks().to_batches()[0])
        raise error


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("rows", [1, 250])
def test_an_exception_removes_the_file(tmp_path: Path, error: BaseException, rows: int) -> None:
    """Whether or not rows have reached the disk, nothing is left, and the exception is the one raised."""
    with pytest.raises(type(error)) as caught:
        break_off(tmp_path / "a", error, rows=rows)

    assert caught.value is error
    assert list(tmp_path.iterdir()) == []


def test_a_failing_flush_removes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that does not reach the disk does not stay."""

    def fsync(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(OSError, match="Input/output error"):
        write(tmp_path / "a", TABLE, [])

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """It stays as it was."""
    path = tmp_path / "a"
    path.write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        ParquetSink(path, TABLE.schema, metadata={})

    assert path.read_bytes() == b"mine"


def test_the_file_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving the sink flushes the file, complete, with fsync."""
    sizes, fsync = list[int](), os.fsync

    def note(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)

    data = write(tmp_path / "a", TABLE, [])

    assert sizes == [len(data)]


def test_a_table_without_rows(tmp_path: Path) -> None:
    """No batch, or only empty ones: a file with columns and no rows."""
    write(tmp_path / "a", TABLE.slice(0, 0), [])

    source = ParquetSource(tmp_path / "a")

    assert (source.rows, source.row_group_starts, list(source.iterate(["n"]))) == (0, [0], [])
    assert pq.read_table(tmp_path / "a").equals(TABLE.slice(0, 0))


def test_a_source_reads_what_pyarrow_reads(tmp_path: Path) -> None:
    """Rows, row groups, columns and first values, part by part."""
    write(tmp_path / "a", TABLE, [], row_group_rows=300)

    source = ParquetSource(tmp_path / "a")

    assert (source.rows, source.row_group_starts) == (1000, [0, 300, 600, 900, 1000])
    assert (
        source.read(1, ["text", "n"])
        .select(["n", "text"])
        .equals(TABLE.select(["n", "text"]).slice(300, 300))
    )
    assert pa.concat_tables(source.iterate(["digest"])).equals(TABLE.select(["digest"]))
    assert source.first_values("long") == [
        min(TABLE["long"].slice(start, 300).to_pylist()) for start in (0, 300, 600, 900)
    ]
    source.close()


def test_flipped_bytes_in_a_page_are_an_error(tmp_path: Path) -> None:
    """Whatever bit of the pages flips, reading is refused or the rows are right."""
    path = tmp_path / "a"
    whole = write(path, TABLE, [], row_group_rows=500)
    pages = len(whole) - int.from_bytes(whole[-8:-4], "little") - 8
    refused, message = 0, ""
    for bit in random.Random(2).sample(range(32, pages * 8), 300):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            found = pa.concat_tables(ParquetSource(path).iterate(TABLE.schema.names))
        except CorruptStoreError as err:
            refused += 1
            message = str(err)
        else:
            assert found.equals(TABLE)

    assert refused > 200
    assert str(path) in message


@pytest.mark.parametrize("keep", [0, 3, 4, 100, -1, -9])
def test_a_cut_file_is_refused(tmp_path: Path, keep: int) -> None:
    """A file without its end is no Parquet file."""
    path = tmp_path / "a"
    path.write_bytes(write(path, TABLE, [])[:keep])

    with pytest.raises(CorruptStoreError, match="cannot be read as Parquet"):
        ParquetSource(path)


def test_files_of_others_have_no_facts(tmp_path: Path) -> None:
    """A Parquet file that packhouse did not write is read all the same."""
    pq.write_table(TABLE, tmp_path / "a")

    source = ParquetSource(tmp_path / "a")

    assert (source.metadata, source.rows) == ({}, 1000)


def test_without_statistics_there_are_no_first_values(tmp_path: Path) -> None:
    """What needs them says so."""
    pq.write_table(TABLE, tmp_path / "a", write_statistics=False)

    with pytest.raises(CorruptStoreError, match="no statistics of column 'text'"):
        ParquetSource(tmp_path / "a").first_values("text")


def test_batch_of_plain_values() -> None:
    """Names, types by name, and values, with nulls."""
    batch = batch_of(
        {"a": ("int8", [1, None]), "b": ("string", ["x", None]), "c": ("digest", [b"0" * 16, b"1" * 16])}
    )

    expected = {"a": pa.int8(), "b": pa.string(), "c": pa.binary(16)}
    assert {field.name: field.type for field in batch.schema} == expected
    assert batch.to_pylist() == [{"a": 1, "b": "x", "c": b"0" * 16}, {"a": None, "b": None, "c": b"1" * 16}]


@settings(deadline=None, max_examples=60)
@given(
    cuts=st.lists(st.integers(0, 50), max_size=4),
    start=st.integers(0, 50),
    name=st.sampled_from(["n", "digest"]),
)
def test_fixed_width_values_are_those_of_the_column(cuts: list[int], start: int, name: str) -> None:
    """However a column is chunked and sliced, its values are its own, in order."""
    edges = [0, *sorted(cuts), 50]
    chunks = [TABLE[name].slice(a, b - a).combine_chunks() for a, b in pairwise(edges)]
    flat = [chunk.chunk(0) if isinstance(chunk, pa.ChunkedArray) else chunk for chunk in chunks]
    column = pa.chunked_array(flat, type=TABLE[name].type).slice(start)

    found = bytes(fixed_width_values(column))

    values = TABLE[name].to_pylist()[start:50]
    assert found == b"".join(value if name == "digest" else value.to_bytes(8, "little") for value in values)
