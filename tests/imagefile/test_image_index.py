"""The index is a table like any other, agrees with pyarrow's reading of it, and never lies in silence."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import packhouse
from packhouse._src.footers.footer_digest import add_footer_digest
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_COLUMNS, INDEX_FILE
from packhouse._src.imagefile.index_file import Binding, write_index, write_rows
from packhouse._src.imagefile.read.image_index import ImageIndex
from packhouse._src.imagefile.read.store import ImageStore
from packhouse.errors import CorruptStoreError, PackReplacedError

FACTS = (
    "key",
    "group",
    "name",
    "file_name",
    "media_type",
    "width",
    "height",
    "orientation",
    "problem",
    "length",
)


@pytest.fixture(scope="module")
def index(pack: Path) -> ImageIndex:
    """The index of the small pack, opened."""
    return ImageIndex(pack / INDEX_FILE)


@pytest.fixture(scope="module")
def rows(pack: Path) -> list[dict[str, Any]]:
    """Its rows, as pyarrow reads them."""
    found: list[dict[str, Any]] = pq.read_table(pack / INDEX_FILE).to_pylist()
    return found


def write_sealed(path: Path, table: pa.Table, **metadata: object) -> None:
    """Write any table as an index that says so of itself."""
    pq.write_table(table.replace_schema_metadata({b"packhouse": json.dumps(metadata).encode()}), path)
    add_footer_digest(path)


@pytest.fixture
def copy(pack: Path, tmp_path: Path) -> Path:
    """A copy of the pack, to be damaged."""
    return Path(shutil.copytree(pack, tmp_path / "copy.pack"))


def rewrite(path: Path, **columns: list[object]) -> None:
    """Write an index anew with other columns: a sound file that asks for the wrong thing."""
    table = pq.read_table(path)
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(name), pa.array(values, table.schema.field(name).type)
        )
    facts = pq.read_metadata(path).metadata[b"packhouse"]
    pq.write_table(table.replace_schema_metadata({b"packhouse": facts}), path)
    add_footer_digest(path)


def test_columns_and_types_are_those_of_the_format(pack: Path) -> None:
    """The file has the columns that the format names, in that order, with Arrow's types of those names."""
    schema = pq.read_schema(pack / INDEX_FILE)

    wanted = {"digest": pa.binary(16), "string": pa.string()}
    assert {field.name: field.type for field in schema} == {
        name: wanted.get(kind) or pa.type_for_alias(kind) for name, kind in INDEX_COLUMNS.items()
    }
    assert schema.names == list(INDEX_COLUMNS)


def test_one_row_an_image_sorted_by_key(rows: list[dict[str, Any]], truth: dict[str, bytes]) -> None:
    """Keys are those of the files, by code point; lengths and digests are those of their bytes."""
    assert [row["key"] for row in rows] == sorted(truth, key=str.encode)
    for row in rows:
        assert row["length"] == len(truth[row["key"]])
        assert row["digest"] == xxhash.xxh3_128_digest(truth[row["key"]])


def test_offsets_are_where_the_bytes_lie(
    rows: list[dict[str, Any]], pack: Path, truth: dict[str, bytes]
) -> None:
    """Offset and length cut the image's bytes out of images.h5."""
    whole = (pack / "images.h5").read_bytes()

    assert {row["key"]: whole[row["offset"] : row["offset"] + row["length"]] for row in rows} == truth


def test_names_and_groups_make_the_key(rows: list[dict[str, Any]]) -> None:
    """Group and name are the parts of the key; the file's name is the path it came from."""
    for row in rows:
        assert row["key"] == "/".join(part for part in (row["group"], row["name"]) if part)
        assert row["file_name"] == f"{row['key']}.jpg"


def test_facts_are_those_of_pillow(rows: list[dict[str, Any]], source: Path) -> None:
    """Media type, stored size and EXIF orientation of the pictures are what Pillow finds."""
    pictures = [row for row in rows if row["group"] == "pictures"]

    assert len(pictures) == 6
    for row in pictures:
        with Image.open(source / row["file_name"]) as image:
            assert row["media_type"] == Image.MIME[str(image.format)]
            assert (row["width"], row["height"]) == image.size
            assert row["orientation"] == image.getexif().get(0x0112)


def test_problems_are_told(rows: list[dict[str, Any]]) -> None:
    """Noise, empty files and the cut picture are in the index with their problem; sound ones have none."""
    problems = {row["key"]: row["problem"] for row in rows}

    assert problems["empty/e0"] == "empty"
    assert problems["pictures/cut"] == "truncated"
    assert problems["010/0000000000"] == "not an image"
    assert problems["pictures/jpeg"] is None


def test_it_has_several_row_groups(pack: Path, rows: list[dict[str, Any]]) -> None:
    """These tests cross row groups: every one holds 16 rows but the last."""
    footer = pq.ParquetFile(pack / INDEX_FILE).metadata

    sizes = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
    assert sizes == [16] * (len(rows) // 16) + [len(rows) % 16]


def test_every_key_has_its_row(index: ImageIndex, rows: list[dict[str, Any]]) -> None:
    """From key to row and back, range and facts: all as pyarrow reads them."""
    assert len(index) == len(rows)
    assert list(index.keys()) == [row["key"] for row in rows]
    for number, row in enumerate(rows):
        assert index.row_of(row["key"]) == number
        assert index.key_of(number) == row["key"]
        assert index.range_of(number) == (row["offset"], row["length"], row["digest"])
        facts = index.facts_of(number)
        assert facts == {name: row[name] for name in facts}


def test_stored_image_gives_every_column(pack: Path, rows: list[dict[str, Any]]) -> None:
    """The properties of an image are the columns of its row."""
    store = ImageStore(pack / IMAGES_FILE, pack / INDEX_FILE)

    for row in rows:
        image = store[row["key"]]
        assert {name: getattr(image, name) for name in FACTS} == {name: row[name] for name in FACTS}
        assert image.digest == row["digest"].hex()


@pytest.mark.parametrize(
    "key", ["", "!", "010", "010/", "010/00000000000", "zzz", "\U0010ffff", "\udcff", "8\0", "é"]
)
def test_what_is_no_key_has_no_row(index: ImageIndex, key: str) -> None:
    """Before the first key, behind the last, between two, a group, a lone surrogate, a NUL behind a key."""
    assert index.row_of(key) is None


def test_rows_named(index: ImageIndex, rows: list[dict[str, Any]]) -> None:
    """A name gives the rows of all images that bear it, in whatever group."""
    assert {rows[row]["key"] for row in index.rows_named("same")} == {"010/same", "011/deep/er/same"}
    assert [rows[row]["key"] for row in index.rows_named("größe ü")] == ["pictures/größe ü"]
    assert index.rows_named("sam") == index.rows_named("\udcff") == []


def test_counts_are_those_of_the_tree(index: ImageIndex, truth: dict[str, bytes]) -> None:
    """Images a group and bytes in all, counted from the files."""
    groups = Counter(key.rpartition("/")[0] for key in truth)

    assert index.count_groups() == dict(sorted(groups.items()))
    assert list(index.count_groups()) == sorted(groups)
    assert index.total_bytes() == sum(map(len, truth.values()))


def test_nearby_keys_hold_neighbours(index: ImageIndex) -> None:
    """Keys that differ in a digit, or that lie in another group, are among the nearby ones."""
    assert "010/0000000004" in index.nearby_keys("010/00000000045", most=10)
    assert "011/deep/er/same" in index.nearby_keys("011/same", most=10)
    assert index.nearby_keys("", most=4) != []
    assert index.nearby_keys("\U0010ffff", most=4) != []


def test_it_is_a_table_for_others(pack: Path, rows: list[dict[str, Any]]) -> None:
    """DuckDB answers SQL on it as on any Parquet file."""
    found = duckdb.execute(f"SELECT key FROM '{pack / INDEX_FILE}' WHERE width < 10 ORDER BY key").fetchall()  # noqa: S608

    assert found == [(row["key"],) for row in rows if row["width"] is not None and row["width"] < 10]


def test_the_index_of_no_images(tmp_path: Path) -> None:
    """An index without rows opens, and knows no key."""
    path = tmp_path / INDEX_FILE

    write_index(path, [], Binding(file_size=1, file_id="0" * 32, id_offset=0))

    empty = ImageIndex(path)
    assert (len(empty), list(empty.keys()), empty.row_of("a"), empty.rows_named("a")) == (0, [], None, [])
    assert (empty.count_groups(), empty.total_bytes(), empty.nearby_keys("a", most=3)) == ({}, 0, [])


def test_same_images_same_index(
    source: Path, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed again, on more threads, the index has the same bytes."""
    monkeypatch.setattr("packhouse._src.imagefile.index_file.INDEX_ROW_GROUP_ROWS", 16)

    packhouse.pack(source, tmp_path / "again.pack", workers=5)

    assert (tmp_path / "again.pack" / INDEX_FILE).read_bytes() == (pack / INDEX_FILE).read_bytes()


def test_reading_after_close_opens_it_again(pack: Path, truth: dict[str, bytes]) -> None:
    """What is not in memory when it is closed is read all the same."""
    index = ImageIndex(pack / INDEX_FILE)
    index.close()
    index.close()

    assert list(index.keys()) == sorted(truth)
    assert index.row_of(max(truth)) == len(truth) - 1


def test_another_index_in_its_place_is_refused(copy: Path, tmp_path: Path, source: Path) -> None:
    """An index that is opened again must be the one it was."""
    index = ImageIndex(copy / INDEX_FILE)
    index.close()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.jpg").write_bytes((source / "0.jpg").read_bytes())
    packhouse.pack(tmp_path / "other", tmp_path / "other.pack")
    shutil.copy(tmp_path / "other.pack" / INDEX_FILE, copy / INDEX_FILE)

    with pytest.raises(PackReplacedError, match="replaced"):
        index.row_of("0")


@pytest.mark.parametrize(
    ("offset", "length"),
    [(-1, 5), (0, -1), (0, 1 << 62), (1 << 62, 1), ((1 << 63) - 1, (1 << 63) - 1), (1 << 40, 0)],
)
def test_a_range_outside_of_the_file_is_refused(copy: Path, offset: int, length: int) -> None:
    """An index that asks for bytes before or behind the file, or for all memory, is corrupt."""
    count = len(ImageIndex(copy / INDEX_FILE))
    rewrite(copy / INDEX_FILE, offset=[offset] * count, length=[length] * count)

    with pytest.raises(CorruptStoreError) as caught:
        ImageStore(copy / IMAGES_FILE, copy / INDEX_FILE).read("0")
    # of no bytes nothing lies outside, but they are not those of the image
    assert ("outside" if length else "digest") in caught.value.problem


def test_a_range_that_leaves_the_file_is_refused(copy: Path) -> None:
    """It begins inside, and would end one byte behind."""
    size = (copy / "images.h5").stat().st_size
    count = len(ImageIndex(copy / INDEX_FILE))
    rewrite(copy / INDEX_FILE, offset=[size - 4] * count, length=[5] * count)

    with pytest.raises(CorruptStoreError, match="outside"):
        ImageStore(copy / IMAGES_FILE, copy / INDEX_FILE).read("0")


def observe(folder: Path) -> list[object]:
    """Return all that a store tells."""
    store = ImageStore(folder / IMAGES_FILE, folder / INDEX_FILE)
    keys = list(store)
    facts = [[getattr(store[key], name) for name in (*FACTS, "digest")] for key in keys]
    return [len(store), keys, store.read_many(keys), facts, store.groups, store.total_bytes]


def test_a_flipped_bit_in_the_index_is_never_believed(copy: Path) -> None:
    """Whichever bit flips: an error of ours, or all is right all the same."""
    sound, path = observe(copy), copy / INDEX_FILE
    whole = path.read_bytes()
    seen = Counter[str]()
    for bit in random.Random(11).sample(range(len(whole) * 8), 250):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            found = observe(copy)
        except CorruptStoreError:
            seen["refused"] += 1
        else:
            assert found == sound
            seen["harmless"] += 1

    assert seen["refused"] > 200


GOOD = {"role": "image_index", "format_version": 1, "file_size": 1, "file_id": "0" * 32, "id_offset": 0}


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "table"},
        {"format_version": 2},
        {"format_version": None},
        {"file_size": None},
        {"file_size": "1"},
        {"file_id": 5},
        {"id_offset": None},
    ],
    ids=repr,
)
def test_metadata_that_is_not_ours_is_refused(copy: Path, changes: dict[str, object]) -> None:
    """A sound table, its digest right, that does not say what an index says is none."""
    path = copy / INDEX_FILE
    write_sealed(path, pq.read_table(path), **(GOOD | changes))

    with pytest.raises(CorruptStoreError):
        ImageIndex(path)


def test_other_columns_are_refused(copy: Path) -> None:
    """A column less, and it is no index."""
    path = copy / INDEX_FILE
    write_sealed(path, pq.read_table(path).drop_columns(["digest"]), **GOOD)

    with pytest.raises(CorruptStoreError, match="not an image index"):
        ImageIndex(path)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.text("ab/", min_size=1, max_size=5), min_size=1, max_size=150), st.data())
def test_any_keys_are_found_and_no_others(keys: set[str], data: st.DataObject) -> None:
    """Few letters, many keys: the end of one and the beginning of the next often make a third."""
    ordered = sorted(keys)
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            (key, "", key, key, None, row, 1, None, None, None, bytes(16), None)
            for row, key in enumerate(ordered)
        ]
        write_rows(Path(folder, "i.parquet"), rows, Binding(file_size=1000))
        index = ImageIndex(Path(folder, "i.parquet"))

        asked = ordered + data.draw(st.lists(st.text("ab/\0", max_size=9), max_size=100))
        expected = [ordered.index(key) if key in keys else None for key in asked]

        assert [index.row_of(key) for key in asked] == expected
        assert index.ranges_of(asked) == [None if row is None else (row, 1, bytes(16)) for row in expected]
        index.close()
