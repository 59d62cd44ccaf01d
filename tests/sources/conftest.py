"""Fixtures for the tests of sources."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from packhouse._src.sources.source import Source

FILES = {
    "top.jpg": b"top",
    "empty.jpg": b"",
    "a/with space.jpg": b"space",
    "a/größe 日本.jpg": b"unicode",
    "a/100%.jpg": b"percent",
    "a/back\\slash.jpg": b"backslash",
    "a/b/c/deep.csv": b"1,2\n" * 30_000,
    "a/b/" + "long " * 40 + ".jpg": b"long name",
    "z/text.jpg": b"the same again and " * 5000,
    "z/noise.jpg": random.Random(5).randbytes(300_000),
}


@pytest.fixture
def files() -> dict[str, bytes]:
    """Paths and bytes of some files."""
    return dict(FILES)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Those files in a folder."""
    folder = tmp_path / "tree"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture
def read_all() -> Callable[[Source], dict[str, bytes]]:
    """Scan a source and read every file of it, in the order of positions."""

    def read(source: Source) -> dict[str, bytes]:
        found = source.scan(lambda _: None)
        source.read_ahead(found.files)
        result = {}
        for file in sorted(found.files, key=lambda file: file.inode):
            data = bytearray(file.size)
            assert source.read_into(file, memoryview(data)) == file
            result[file.path] = bytes(data)
        return result

    return read
