"""Compares the pages of an index with those of one written anew: the headers of pages have no checksum."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from packhouse._src.footers.footer_digest import TAIL_BYTES
from packhouse._src.imagefile.digest import DIGEST_BYTES
from packhouse._src.imagefile.format import INDEX_COLUMNS, INDEX_FILE
from packhouse._src.imagefile.index_file import Binding, write_rows
from packhouse._src.parquet_ import ParquetSource, fixed_width_values
from packhouse.errors import PackhouseError

FEW_BYTES = 64
"""Another release of Arrow or zstd writes other pages altogether; damage is local."""


def changed_bytes(path: Path, binding: Binding) -> list[int]:
    """Return the offsets of the bytes of an index that are not what was written.

    Args:
        path: An index of a pack, the digest of its footer and the checksums of its pages checked.
        binding: What it is bound to.

    Returns:
        Offsets; none when there are many, since then another release of a library has written the file, or
        when it cannot be written anew.

    Cost: 6 us per row, and the temporary disk space of the file.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="packhouse-") as folder:
            fresh = Path(folder) / INDEX_FILE
            write_rows(fresh, _all_columns(path), binding)
            mine, written = _pages(path), _pages(fresh)
    except (PackhouseError, OSError, ValueError):  # such as a full disk, or text that is none
        return []
    if len(mine) != len(written) or mine == written:
        return []
    pairs = enumerate(zip(mine, written, strict=True))
    found = [place for place, (one, other) in pairs if one != other]
    return found if len(found) <= FEW_BYTES else []


def _all_columns(path: Path) -> Iterator[tuple[object, ...]]:
    source = ParquetSource(path)
    try:
        for table in source.iterate(tuple(INDEX_COLUMNS)):
            columns = []
            for name, kind in INDEX_COLUMNS.items():
                if kind == "digest":
                    data = bytes(fixed_width_values(table[name]))
                    columns.append([data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES)])
                else:
                    columns.append(table[name].to_pylist())
            yield from zip(*columns, strict=True)
    finally:
        source.close()


def _pages(path: Path) -> bytes:
    """Return all but footer and digest: the footer names the release that wrote it, and has the digest."""
    data = path.read_bytes()
    footer = int.from_bytes(data[-TAIL_BYTES:][:4], "little") + TAIL_BYTES + DIGEST_BYTES
    return data[:-footer]
