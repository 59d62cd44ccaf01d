"""The digest guards the one part of a Parquet file without a checksum, and other programs do not mind it."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packhouse._src.footers.footer_digest import (
    add_footer_digest,
    check_footer_digest,
    check_footer_size,
    read_footer_digest,
)
from packhouse.errors import CorruptStoreError


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A Parquet file of a thousand rows, with its digest."""
    path = tmp_path / "some.parquet"
    pq.write_table(pa.table({"n": range(1000), "t": [str(n) for n in range(1000)]}), path, row_group_size=300)
    add_footer_digest(path)
    return path


def footer_bytes(path: Path) -> int:
    """Return the length of the footer with its own length and the closing magic, as the file states it."""
    return int.from_bytes(path.read_bytes()[-8:-4], "little") + 8


def test_a_sealed_file_is_parquet(sealed: Path) -> None:
    """Other programs, pyarrow and DuckDB, read every row of it."""
    check_footer_digest(sealed)

    assert pq.read_table(sealed)["n"].to_pylist() == list(range(1000))
    assert duckdb.execute(f"SELECT sum(n), count(DISTINCT t) FROM '{sealed}'").fetchall() == [(499500, 1000)]  # noqa: S608


def test_every_flip_in_the_footer_is_seen(sealed: Path) -> None:
    """Whichever bit of footer, length, magic or digest flips, the file is refused."""
    whole = sealed.read_bytes()
    guarded = footer_bytes(sealed) + 16

    for bit in random.Random(3).sample(range(guarded * 8), 400):
        damaged = bytearray(whole)
        damaged[len(whole) - guarded + bit // 8] ^= 1 << bit % 8
        sealed.write_bytes(damaged)
        with pytest.raises(CorruptStoreError, match="digest"):
            check_footer_digest(sealed)


def test_a_cut_file_is_refused(sealed: Path) -> None:
    """Wherever it is cut, down to nothing."""
    whole = sealed.read_bytes()

    for length in [*range(30), *range(30, len(whole), 97), len(whole) - 1]:
        sealed.write_bytes(whole[:length])
        with pytest.raises(CorruptStoreError):
            check_footer_digest(sealed)


def test_a_file_without_a_seal_is_refused(tmp_path: Path) -> None:
    """A Parquet file of somebody else has none."""
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"n": range(10)}), path)

    with pytest.raises(CorruptStoreError):
        check_footer_digest(path)


def test_a_file_that_is_gone_is_an_error_of_ours(tmp_path: Path) -> None:
    """It was there when its folder was looked at; a pack that is replaced meanwhile is such a case."""
    for look in (read_footer_digest, check_footer_size):
        with pytest.raises(CorruptStoreError, match="No such file"):
            look(tmp_path / "t.parquet")
