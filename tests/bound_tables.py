"""Tables without a pack, from files that any program has written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import xxhash

from packhouse._src.footers.footer_digest import add_footer_digest, read_footer_digest
from packhouse._src.tables.bound_files import BoundFile, BoundFiles
from packhouse._src.tables.table import Tables


def bound_tables(folder: Path, files: Mapping[str, str]) -> Tables:
    """Return the tables of some Parquet files below a folder, which are as they should be.

    Args:
        folder: The folder.
        files: SQL name -> path below the folder.
    """
    whole = folder.absolute()
    bound = {}
    for name, file in files.items():
        path = whole / file
        if read_footer_digest(path) is None:
            with suppress(OSError):  # no footer at all: it is as damaged as the test wants it
                add_footer_digest(path)
        bound[name] = BoundFile(path, xxhash.xxh3_128_hexdigest(path.read_bytes()))
    return Tables(whole, BoundFiles(bound, None))
