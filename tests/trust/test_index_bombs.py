"""An index that is small on disk and huge in memory is refused in 256 MB of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse._src.footers.footer_digest import add_footer_digest
from packhouse._src.imagefile.manifest_file import write_manifest
from small_dataset import write_dataset

Rows = Iterator[pa.Table]
Making = Callable[[dict[str, Any], pa.Schema], Rows]
GROUP = 16_384

OPEN = """
import resource, sys, time
import packhouse, packhouse._src.opening, pyarrow.parquet, numpy
from packhouse.errors import CorruptStoreError

before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    with packhouse.open(sys.argv[1]) as pack:
        list(pack.images.values())[-1].bytes
        pack.images.groups
        [image.file_name for image in pack.images.values()]
    print("opened")
except CorruptStoreError as err:
    print("refused")
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(used >> 10, time.process_time() - started)
"""


def rows(like: dict[str, Any], schema: pa.Schema, count: int, **cells: str) -> pa.Table:
    """Return one row so many times, without taking the memory of it."""
    columns = []
    for field in schema:
        value = cells.get(field.name, like[field.name])
        if field.type == pa.string() and value is not None:
            folded = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), [value])
            columns.append(folded)
        else:
            columns.append(pa.repeat(pa.scalar(value, field.type), count))
    return pa.table(columns, names=schema.names)


def wide(column: str, width: int) -> Making:
    """One row group of long texts: a few kilobytes on the disk, gigabytes in memory."""

    def make(like: dict[str, Any], schema: pa.Schema) -> Rows:
        yield rows(like, schema, GROUP, **{column: "k" * width})

    return make


def long(like: dict[str, Any], schema: pa.Schema) -> Rows:
    """Thirty million rows in one row group: a megabyte on the disk."""
    yield rows(like, schema, 30_000_000)


BOMBS = {
    "a wide fact": wide("file_name", 100_000),
    "a wide key": wide("key", 3_000_000),
    "keys of four kilobytes": wide("key", 4_097),
    "a long row group": long,
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of two images."""
    folder = tmp_path_factory.mktemp("bombs") / "shop"
    folder.mkdir()
    write_dataset(folder, images=2, transactions=4)
    packhouse.pack(folder, folder.with_name("a.pack"))
    return folder.with_name("a.pack")


def arm(pack: Path, make: Making) -> None:
    """Put a bomb into the place of the index, with digests that fit."""
    path = pack / "image_index.parquet"
    whole = pq.ParquetFile(path)
    like, schema, facts = whole.read().to_pylist()[0], whole.schema_arrow, whole.metadata.metadata
    path.unlink()
    writer = None
    for table in make(like, schema):
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
        writer.write_table(table, row_group_size=1 << 30)
    assert writer is not None
    writer.add_key_value_metadata(facts)
    writer.close()
    add_footer_digest(path)
    document = json.loads((pack / "pack.json").read_bytes())
    document["images"]["count"] = pq.ParquetFile(path).metadata.num_rows
    (pack / "pack.json").unlink()
    write_manifest(pack / "pack.json", document)


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused(small: Path, tmp_path: Path, make: Making) -> None:
    """Whatever its footer says and its pages hold."""
    subprocess.run(["cp", "-r", small, tmp_path / "a.pack"], check=True)
    arm(tmp_path / "a.pack", make)

    answer, megabytes = opened(tmp_path / "a.pack")
    assert answer == "refused"
    assert int(megabytes) <= 256
    assert (tmp_path / "a.pack" / "image_index.parquet").stat().st_size < 10_000_000


def test_a_sound_index_is_read_in_the_same_way(small: Path) -> None:
    """The same questions to a pack that is none."""
    assert opened(small)[0] == "opened"


def opened(pack: Path) -> list[str]:
    """Read a pack in a process of its own: whether it was opened, and the megabytes that it took."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN, pack], check=True, timeout=60, capture_output=True, text=True
    )
    return done.stdout.split()[:2]
