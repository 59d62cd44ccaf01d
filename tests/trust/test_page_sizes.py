"""The sizes of pages are read from their headers, and each that no writer of ours makes is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packhouse._src.page_sizes.chunk_bounds import ColumnChunk, most_bytes
from packhouse._src.page_sizes.group_bounds import GROUP_BYTES, GroupBounds
from packhouse._src.page_sizes.page_headers import DATA, DATA_2, DICTIONARY, pages_of
from packhouse._src.parquet_ import ParquetSource
from packhouse.errors import CorruptStoreError

LIMIT = 1 << 20


def written(texts: list[str], **options: object) -> tuple[io.BytesIO, ColumnChunk]:
    """Write one column of text by pyarrow; return the file, and where its pages are."""
    file = io.BytesIO()
    pq.write_table(
        pa.table({"t": texts}), file, **{"compression": "none", "write_statistics": False, **options}
    )
    facts = pq.ParquetFile(file).metadata.row_group(0).column(0)
    start = facts.dictionary_page_offset or facts.data_page_offset
    return file, ColumnChunk(start, start + facts.total_compressed_size, facts.num_values, is_text=True)


def as_it_is(data: bytes, _size: int) -> bytes:
    """Unpack what is not packed."""
    return data


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("folded", [True, False])
def test_pages_are_those_that_were_written(version: str, folded: bool) -> None:  # noqa: FBT001  # of pytest
    """As many values, and as many bytes, as pyarrow says in the footer."""
    file, chunk = written(["a", "bb", "a"] * 9_000, use_dictionary=folded, data_page_version=version)

    pages = list(pages_of(file, chunk.start, chunk.stop))

    data = [page for page in pages if page.kind == (DATA if version == "1.0" else DATA_2)]
    assert sum(page.values for page in data) == 27_000
    assert [page.values for page in pages if page.kind == DICTIONARY] == [2] * folded
    assert pages[-1].start + pages[-1].packed == chunk.stop


@pytest.mark.parametrize("texts", [["ab", "cd"], ["a", "bcd", ""], ["x" * 300, "y"], [""]], ids=str)
def test_text_is_taken_for_as_long_as_its_longest_value(texts: list[str]) -> None:
    """Never for less than it is, whether all values are of one length or not."""
    values = texts * 20_000
    file, chunk = written(values)

    most = most_bytes(file, chunk, as_it_is, limit=LIMIT)

    assert sum(map(len, values)) <= most
    if most > LIMIT:
        assert most == max(map(len, texts)) * len(values)


def test_what_no_writer_of_ours_makes_is_refused() -> None:
    """Too large, too many pages, another encoding, other numbers, no header, a header that ends nowhere."""
    large = written(["x" * 1_200_000], use_dictionary=False)
    each = {"use_dictionary": False, "data_page_size": 1, "write_batch_size": 1}
    sum_of = written(["x" * 400_000, "y" * 400_000, "z" * 400_000], **each)
    many = written([f"{n}" for n in range(5_000)], **each)
    shared = written(["abc", "abd"], use_dictionary=False, column_encoding={"t": "DELTA_BYTE_ARRAY"})
    file, chunk = written(["a", "b"])
    cases: dict[str, Callable[[], int]] = {
        "a page has 1,2": lambda: most_bytes(*large, as_it_is, limit=LIMIT),
        "a column has 1,2": lambda: most_bytes(*sum_of, as_it_is, limit=LIMIT),
        "more than 1,000 pages": lambda: most_bytes(*many, as_it_is, limit=LIMIT),
        "encoding 7": lambda: most_bytes(*shared, as_it_is, limit=LIMIT),
        "the footer says 3": lambda: most_bytes(file, chunk._replace(values=3), as_it_is, limit=LIMIT),
        "larger than its column": lambda: most_bytes(
            file, chunk._replace(stop=chunk.stop - 1), as_it_is, limit=LIMIT
        ),
        "no end": lambda: most_bytes(
            io.BytesIO(b"\x15" * 99), ColumnChunk(0, 99, 1, is_text=True), as_it_is, limit=1
        ),
        "lacks its sizes": lambda: most_bytes(
            io.BytesIO(bytes(99)), ColumnChunk(0, 99, 1, is_text=True), as_it_is, limit=1
        ),
        "no lists": lambda: most_bytes(
            io.BytesIO(b"\x19" * 99), ColumnChunk(0, 99, 1, is_text=True), as_it_is, limit=1
        ),
        "too deep": lambda: most_bytes(
            io.BytesIO(b"\x1c" * 99), ColumnChunk(0, 99, 1, is_text=True), as_it_is, limit=1
        ),
        "too long": lambda: most_bytes(
            io.BytesIO(b"\x15" + b"\xff" * 98), ColumnChunk(0, 99, 1, is_text=True), as_it_is, limit=1
        ),
    }
    for said, case in cases.items():
        with pytest.raises(ValueError, match=said):
            case()


@pytest.mark.parametrize("codec", ["none", "snappy", "zstd", "gzip", "lz4", "brotli"])
def test_a_column_with_a_dot_in_its_name_is_looked_at(tmp_path: Path, codec: str) -> None:
    """It is no part of a struct."""
    folded = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), 1_000), ["k" * 1_000_000])
    pq.write_table(pa.table({"a.b": folded, "a": pa.repeat(1, 1_000)}), tmp_path / "t", compression=codec)
    source = ParquetSource(tmp_path / "t", is_bounded=True)

    assert source.read(0, ["a"]).num_rows == 1_000
    with pytest.raises(CorruptStoreError, match="bytes of text"):
        source.read(0, ["a.b"])
    with pytest.raises(CorruptStoreError, match="bytes of text"):  # not only the first time
        source.read(0, ["a.b"])


def test_row_groups_are_as_packhouse_cuts_them(tmp_path: Path) -> None:
    """One row may be of any size; more are not."""
    wide = {f"c{number}": pa.repeat(pa.scalar(1, pa.int64()), 100_000) for number in range(100)}
    pq.write_table(pa.table(wide), tmp_path / "wide")
    pq.write_table(pa.table({"t": ["x" * (GROUP_BYTES + 1)]}), tmp_path / "one")
    pq.write_table(pa.table({"t": pa.repeat(1, 122_881)}), tmp_path / "long")

    for name in ("wide", "long"):
        with pytest.raises(ValueError, match="row group 0 has"):
            GroupBounds(tmp_path / name, pq.ParquetFile(tmp_path / name).metadata)
    assert ParquetSource(tmp_path / "one", is_bounded=True).read(0).num_rows == 1
