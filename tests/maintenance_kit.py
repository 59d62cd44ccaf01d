"""What the tests of maintenance share: trees, ranges and flipped bits, by os, pyarrow and nothing of ours."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq


def tree(folder: Path) -> dict[str, bytes]:
    """Return path below a folder -> bytes of all its files, by os.walk."""
    return {
        Path(below, name).relative_to(folder).as_posix(): Path(below, name).read_bytes()
        for below, _, names in os.walk(folder)
        for name in names
    }


def ranges(pack: Path) -> dict[str, tuple[int, int]]:
    """Return key -> offset and length, as pyarrow reads them."""
    rows = pq.read_table(pack / "image_index.parquet", columns=["key", "offset", "length"]).to_pylist()
    return {row["key"]: (row["offset"], row["length"]) for row in rows}


def flip(path: Path, bit: int) -> None:
    """Flip one bit of a file, in place."""
    descriptor = os.open(path, os.O_RDWR)
    (byte,) = os.pread(descriptor, 1, bit // 8)
    os.pwrite(descriptor, bytes([byte ^ 1 << bit % 8]), bit // 8)
    os.close(descriptor)
