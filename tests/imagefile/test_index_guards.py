"""An index from anyone is looked at before it is used: each thing that can be wrong with it is named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from handmade_pack import write_pack
from packhouse._src.footers.footer_digest import add_footer_digest
from packhouse._src.imagefile.index_bounds import check_bounds, check_width
from packhouse._src.imagefile.read.index_rows import IndexRow, IndexRows, check_rows
from packhouse._src.parquet_ import ParquetSource
from packhouse.errors import CorruptStoreError

SOUND = IndexRow("a/b", "a", "b", "a/b.jpg", 100, 10, bytes(16))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([SOUND], []),
        ([SOUND, SOUND._replace(key="a/a", name="a", offset=200)], ["comes after that of 'a/b'"]),
        ([SOUND._replace(name="c")], ["says group 'a' and name 'c'"]),
        ([SOUND._replace(key="a/..", name="..")], ["cannot be the name of a dataset"]),
        ([SOUND._replace(key="a/x\0", name="x\0")], ["cannot be the name of a dataset"]),
        ([SOUND._replace(offset=995)], ["outside the file"]),
        ([SOUND._replace(length=-1)], ["outside the file"]),
        ([SOUND._replace(offset=2**63 - 1)], ["outside the file"]),
        ([SOUND, SOUND._replace(key="a/c", name="c", offset=109)], ["overlaps that of 'a/b'"]),
        ([SOUND, SOUND._replace(key="a/c", name="c", offset=110)], []),
    ],
)
def test_rows_that_contradict_each_other_are_named(rows: list[IndexRow], said: list[str]) -> None:
    """Order, names, ranges."""
    found = [what for _key, what in check_rows(rows, file_size=1_000)]

    assert len(found) == len(said)
    assert all(part in what for part, what in zip(said, found, strict=True))


@pytest.mark.parametrize(("rows", "size"), [(40_000, 20_000), (100, 30), (16_384, 16_384)])
def test_row_groups_are_those_that_packhouse_writes(tmp_path: Path, rows: int, size: int) -> None:
    """All of one size but the last, and none larger than 16,384."""
    pq.write_table(pa.table({"n": range(rows)}), tmp_path / "t", row_group_size=size)
    source = ParquetSource(tmp_path / "t")

    if size > 16_384:
        with pytest.raises(CorruptStoreError, match="40,000 rows are not in groups of 16,384"):
            check_bounds(source, source.row_group_starts)
    else:
        check_bounds(source, source.row_group_starts)
    with pytest.raises(CorruptStoreError, match="not in groups"):
        check_bounds(source, [0, 5, 7, 100])
    check_width(source, 4_096, 16_384)
    with pytest.raises(CorruptStoreError, match="keys of up to 4,097 bytes are too many"):
        check_width(source, 4_097, 16_384)


def test_an_index_of_other_columns_or_without_values_is_refused(tmp_path: Path) -> None:
    """With digests that fit."""
    index = write_pack(tmp_path / "a.pack", {"a/b": ("a/b.jpg", b"data")}) / "image_index.parquet"
    whole = pq.read_table(index)
    empty = whole.set_column(3, whole.field(3), pa.array([None], whole.field(3).type))
    for name, table in (("fewer", whole.drop_columns(["offset"])), ("empty", empty)):
        pq.write_table(table, tmp_path / name, store_schema=False)
        add_footer_digest(tmp_path / name)

    with pytest.raises(CorruptStoreError, match="does not have the columns of an index"):
        IndexRows(tmp_path / "fewer")
    rows = IndexRows(tmp_path / "empty")
    with pytest.raises(CorruptStoreError, match="has missing values"):
        rows.read_all()
    rows.close()
    assert [row.key for row in IndexRows(index).read_all()] == ["a/b"]
