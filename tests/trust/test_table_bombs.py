"""A table or pack.json that is small on disk and huge in memory is refused in 256 MB and 2 s."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse._src.footers.footer_digest import add_footer_digest
from packhouse._src.imagefile.digest import DigestSoFar
from packhouse._src.imagefile.manifest_file import write_manifest
from packhouse._src.parquet_ import ParquetSink, ParquetSource
from packhouse.errors import CorruptStoreError
from small_dataset import write_dataset

GROUP = 122_880
MOST_MB, MOST_S = 256, 2.0
Bomb = Callable[[Path], None]

ASK = """
import resource, sys, time
import packhouse, packhouse._src.opening, packhouse._src.loader.loader, packhouse._src.tables.per_image
import duckdb, pyarrow.parquet, pyarrow.compute, numpy
from packhouse.errors import CorruptStoreError

WAYS = {
    "to_arrow": lambda pack: pack.tables["articles"].to_arrow(),
    "scan": lambda pack: pack.tables["articles"].scan(where="1 = 1").to_arrow(),
    "sql": lambda pack: pack.sql("SELECT * FROM articles"),
    "find": lambda pack: pack.find("articles.name = 'x'"),
    "row": lambda pack: pack.row(next(iter(pack.images))),
    "columns": lambda pack: pack.tables["articles"].head().to_arrow(),
}
packhouse.open(sys.argv[2]).sql("SELECT count(*) FROM articles")  # what is loaded once is not the bomb's
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
said = []
for name, ask in WAYS.items():
    try:
        with packhouse.open(sys.argv[1]) as pack:
            ask(pack)
        said.append("answered")
    except CorruptStoreError as err:
        said.append("refused")
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(*sorted(set(said)), used >> 10, time.process_time() - started)
"""


def folded(text: str, count: int) -> pa.DictionaryArray:
    """Return one text so many times, without taking the memory of it."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), [text])


def write(path: Path, table: pa.Table, **options: object) -> None:
    """Write a table as one row group, with a digest that fits."""
    path.unlink()
    options = {"compression": "zstd", "store_schema": False, "row_group_size": 1 << 30, **options}
    pq.write_table(table, path, **options)
    add_footer_digest(path)


def one_text(path: Path) -> None:
    """500 bytes for 120 GB."""
    write(
        path, pa.table({"name": folded("k" * 1_000_000, GROUP), "image_key": folded("010/0107000000", GROUP)})
    )


def many_texts(path: Path) -> None:
    """Thousands of short texts beside the one that repeats."""
    texts = [*(f"{number:x}" for number in range(20_000)), "k" * 1_000_000]
    places = pa.array([*range(20_000), *[20_000] * (GROUP - 20_000)], pa.int32())
    write(
        path,
        pa.table({"name": pa.DictionaryArray.from_arrays(places, texts)}),
        dictionary_pagesize_limit=1 << 24,
    )


def many_rows(path: Path) -> None:
    """Thirty million numbers in some kilobytes."""
    write(path, pa.table({"name": pa.repeat(pa.scalar(7, pa.int64()), 30_000_000)}))


def many_columns(path: Path) -> None:
    """Two thousand columns of repeated numbers: 2 GB."""
    one = pa.repeat(pa.scalar(7, pa.int64()), GROUP)
    write(path, pa.table({f"c{number}": one for number in range(2_000)}))


def zeros(path: Path) -> None:
    """Two kilobytes that unpack to 140 MB."""
    write(path, pa.table({"name": ["0" * 70_000_000] * 2}), use_dictionary=False)


def many_pages(path: Path) -> None:
    """A hundred pages of a megabyte each, of a few hundred bytes."""
    write(path, pa.table({"name": ["0" * 1_000_000] * 100}), use_dictionary=False)


def a_long_dictionary(path: Path) -> None:
    """A dictionary of 90 MB."""
    texts = [digit * 45_000_000 for digit in "012"]
    write(path, pa.table({"name": texts}), dictionary_pagesize_limit=1 << 30)


def shared(path: Path) -> None:
    """Each text is that before it and no more: bytes that are shared."""
    text = pa.concat_arrays([pa.array(["k" * 10_000])] * 20_000)
    write(path, pa.table({"name": text}), use_dictionary=False, column_encoding={"name": "DELTA_BYTE_ARRAY"})


def long_metadata(path: Path) -> None:
    """A footer of 80 MB."""
    path.unlink()
    with pq.ParquetWriter(path, pa.schema({"name": pa.string()})) as writer:
        writer.add_key_value_metadata({f"k{number}": "v" * 1_000 for number in range(80_000)})
    add_footer_digest(path)


def deep(path: Path) -> None:
    """Five hundred structs in each other."""
    kind: pa.DataType = pa.int64()
    for _ in range(500):
        kind = pa.struct([("a", kind)])
    write(path, pa.table({"name": pa.nulls(1, kind)}))


BOMBS: dict[str, Bomb] = {
    "one text": one_text,
    "many texts": many_texts,
    "many rows": many_rows,
    "many columns": many_columns,
    "zeros": zeros,
    "many pages": many_pages,
    "a long dictionary": a_long_dictionary,
    "shared": shared,
    "long metadata": long_metadata,
    "deep": deep,
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of two images."""
    folder = tmp_path_factory.mktemp("bombs") / "shop"
    folder.mkdir()
    write_dataset(folder, images=2, transactions=4)
    packhouse.pack(folder, folder.with_name("a.pack"))
    return folder.with_name("a.pack")


def copy(small: Path, folder: Path) -> Path:
    """Copy the pack."""
    subprocess.run(["cp", "-r", small, folder / "a.pack"], check=True)
    return folder / "a.pack"


def asked(pack: Path, sound: Path) -> tuple[set[str], float, float]:
    """Ask a pack in a process of its own: what it said, megabytes, seconds of the processor."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, pack, sound], check=False, timeout=100, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    *said, megabytes, seconds = done.stdout.split()
    return set(said), float(megabytes), float(seconds)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused(small: Path, tmp_path: Path, bomb: Bomb) -> None:
    """By every way to read, whatever the footer says; with digests that fit."""
    pack = copy(small, tmp_path)
    path = pack / "articles.parquet"
    bomb(path)
    document = json.loads((pack / "pack.json").read_bytes())
    state = DigestSoFar()
    state.add(path.read_bytes())
    document["tables"]["articles"] |= {"digest": state.hex(), "bytes": path.stat().st_size}
    (pack / "pack.json").unlink()
    write_manifest(pack / "pack.json", document)

    said, megabytes, seconds = asked(pack, small)

    assert said == {"refused"}
    assert megabytes <= MOST_MB
    assert seconds <= MOST_S * 6  # of six questions
    assert path.stat().st_size < 100_000_000


def test_a_sound_table_answers(small: Path) -> None:
    """The same questions to a pack that is none."""
    assert asked(small, small)[0] == {"answered"}


MANIFESTS = {
    "lists": b"[" + b"[]," * 8_000_000 + b"[]]",
    "objects": b"[" + b"{}," * 8_000_000 + b"{}]",
    "numbers": b"[" + b"1," * 20_000_000 + b"1]",
    "deep": b"[" * 5_000_000,
}


@pytest.mark.parametrize("data", MANIFESTS.values(), ids=MANIFESTS)
def test_a_pack_json_of_many_values_is_refused(small: Path, tmp_path: Path, data: bytes) -> None:
    """24 megabytes of empty lists would take half a gigabyte."""
    pack = copy(small, tmp_path)
    (pack / "pack.json").write_bytes(b'{"tables": ' + data + b"}")

    said, megabytes, seconds = asked(pack, small)

    assert said == {"refused"}
    assert megabytes <= MOST_MB
    assert seconds <= MOST_S * 6


def test_what_packhouse_writes_is_no_bomb(tmp_path: Path) -> None:
    """Row groups as large as they get: long texts, one that repeats, lists; in all codecs."""
    schema = pa.schema({"t": pa.string(), "l": pa.list_(pa.float64())})
    texts = [*(f"{number:0900d}" for number in range(30_000)), *["r" * 260] * 90_000, "long" * 9_000_000]
    table = pa.table({"t": texts, "l": pa.repeat(pa.scalar([0.5] * 60, schema.field("l").type), len(texts))})
    for codec in ("zstd", "gzip", "snappy", "lz4"):
        with ParquetSink(tmp_path / codec, schema, metadata={}, compression=codec) as sink:
            for batch in table.to_batches():
                sink.write(batch)

        source = ParquetSource(tmp_path / codec, is_bounded=True)

        assert pa.concat_tables(source.iterate()).equals(table)
        source.close()


def test_a_header_of_a_page_that_lies_is_refused(tmp_path: Path) -> None:
    """The library goes by the headers of pages; every changed byte of one is refused or does no harm."""
    with ParquetSink(tmp_path / "t", pa.schema({"t": pa.string()}), metadata={}) as sink:
        sink.write(pa.record_batch({"t": ["a", "b", "a"]}))
    whole = (tmp_path / "t").read_bytes()
    refused = 0
    for place in range(4, 40):
        changed = io.BytesIO(whole).getbuffer()
        changed[place] ^= 0x55
        (tmp_path / f"{place}").write_bytes(changed)
        source = ParquetSource(tmp_path / f"{place}", is_bounded=True)
        try:
            assert source.read(0)["t"].to_pylist() == ["a", "b", "a"]
        except CorruptStoreError:
            refused += 1
    assert refused > 20
