"""Slices of tables give the rows that pyarrow's slices give."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import packhouse
from packhouse.errors import UsageError

ROWS = 1000


@pytest.fixture(scope="module", params=["one file", "parts"])
def pack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> packhouse.Pack:
    """A table of a thousand rows, in one file and in parts."""
    folder = tmp_path_factory.mktemp("slices")
    (folder / "src").mkdir()
    lines = ["id,n,word", *(f"{row:05d},{row * 7 % 300},w{row % 11}" for row in range(ROWS))]
    (folder / "src/things.csv").write_text("\n".join(lines) + "\n")
    rows = 130 if request.param == "parts" else None
    packhouse.pack(folder / "src", folder / "a.pack", rows_per_file=rows)
    return packhouse.open(folder / "a.pack")


BOUNDS = st.none() | st.integers(-ROWS - 5, ROWS + 5)


@given(start=BOUNDS, stop=BOUNDS, inner=st.tuples(BOUNDS, BOUNDS))
def test_slices_are_those_of_lists(
    pack: packhouse.Pack, start: int | None, stop: int | None, inner: tuple[int | None, int | None]
) -> None:
    """For any bounds, and for slices of slices."""
    table = pack.tables["things"]
    rows = table.to_arrow().to_pylist()
    part = table[start:stop]
    assert part.to_arrow().to_pylist() == rows[start:stop]
    assert part.count() == len(rows[start:stop])
    assert (
        part[inner[0] : inner[1]].to_arrow(narrow=True).to_pylist() == rows[start:stop][inner[0] : inner[1]]
    )


@given(start=BOUNDS, stop=BOUNDS)
def test_slices_of_what_meets_a_condition(pack: packhouse.Pack, start: int | None, stop: int | None) -> None:
    """The rows of the answer are counted."""
    scan = pack.tables["things"].scan(["id", "n"], "n < 40")
    rows = scan.to_arrow().to_pylist()
    assert scan[start:stop].to_arrow().to_pylist() == rows[start:stop]


def test_head_gives_the_first_rows(pack: packhouse.Pack) -> None:
    """Five, unless it is told."""
    table = pack.tables["things"]
    assert table.head().to_arrow().equals(table.to_arrow().slice(0, 5))
    assert pa.table(table.head(2)).num_rows == 2
    assert str(table).splitlines()[:3] == ["things: 1,000 rows", "id      n  word", "00000   0  w0"]


def test_only_the_row_groups_that_are_needed_are_read(tmp_path: Path) -> None:
    """A damaged row group elsewhere does not matter."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/long.csv").write_text("n\n" + "\n".join(map(str, range(300_000))) + "\n")
    packhouse.pack(tmp_path / "src", tmp_path / "a.pack")
    path = tmp_path / "a.pack" / "long.parquet"
    with pq.ParquetFile(path) as file:
        column = file.metadata.row_group(0).column(0)
        assert file.metadata.num_row_groups > 1
    with packhouse.open(tmp_path / "a.pack") as opened:
        data = bytearray(path.read_bytes())
        data[column.data_page_offset + column.total_compressed_size // 2] ^= 0x10
        path.write_bytes(data)
        assert opened.tables["long"][299_990:].to_arrow()["n"].to_pylist() == list(range(299_990, 300_000))


@pytest.mark.parametrize("wrong", [5, "id", slice(0, 10, 2), (1, 2)])
def test_what_is_no_slice_is_refused(pack: packhouse.Pack, wrong: object) -> None:
    """The error shows what is meant."""
    with pytest.raises(UsageError, match=r"table\[10:20\]"):
        pack.tables["things"][wrong]  # type: ignore[index]
