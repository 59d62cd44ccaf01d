"""pack.json names files of the pack alone: `open` and `verify` refuse every other name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import packhouse
from packhouse._src.imagefile.manifest_file import write_manifest
from packhouse.errors import CorruptStoreError
from small_dataset import DataSet

Change = Callable[[dict[str, Any], Path], None]


@pytest.fixture
def packed(dataset: DataSet, tmp_path: Path) -> Path:
    """A pack, and beside it a table that is none of its business."""
    packhouse.pack(dataset.folder, tmp_path / "a.pack")
    (tmp_path / "secret.parquet").write_bytes((tmp_path / "a.pack" / "articles.parquet").read_bytes())
    return tmp_path / "a.pack"


def name_table(file: str) -> Change:
    """Let the table have some file."""

    def change(document: dict[str, Any], _pack: Path) -> None:
        document["tables"]["articles"]["file"] = file

    return change


def name_absolute(document: dict[str, Any], pack: Path) -> None:
    """Let the table have a file by its whole path."""
    document["tables"]["articles"]["file"] = str(pack.with_name("secret.parquet"))


def link_file(_document: dict[str, Any], pack: Path) -> None:
    """Put a link in the place of the table."""
    (pack / "articles.parquet").unlink()
    (pack / "articles.parquet").symlink_to("../secret.parquet")


def link_folder(document: dict[str, Any], pack: Path) -> None:
    """Let the table be in a folder that is a link."""
    (pack / "more").symlink_to("..")
    document["tables"]["articles"]["file"] = "more/secret.parquet"


def name_join(document: dict[str, Any], _pack: Path) -> None:
    """Let a join have a file elsewhere."""
    document["joins"] = {"train": {**document["tables"]["articles"], "file": "../secret.parquet"}}


def derive_elsewhere(document: dict[str, Any], _pack: Path) -> None:
    """Let a derived store be elsewhere."""
    document["derived"] = {"16": {"file": "../b.pack/images.h5", "index": "../b.pack/image_index.parquet"}}


def derive_by_a_name(document: dict[str, Any], _pack: Path) -> None:
    """Let the size of a derived store be a path."""
    document["derived"] = {"/../../b": {"file": "derived-/../../b/images.h5", "index": "x"}}


def name_part(file: str) -> Change:
    """Let a part of the table have some name."""

    def change(document: dict[str, Any], _pack: Path) -> None:
        facts = document["tables"]["articles"]
        part = {"file": file, "rows": facts["rows"], "bytes": facts["bytes"], "digest": facts["digest"]}
        document["tables"]["articles"] = {**facts, "parts": [part]}

    return change


def link_part(document: dict[str, Any], pack: Path) -> None:
    """Put a link in the place of a part."""
    (pack / "articles.parquet").unlink()
    (pack / "articles.parquet").mkdir()
    (pack / "articles.parquet" / "part-00000.parquet").symlink_to("../../secret.parquet")
    name_part("part-00000.parquet")(document, pack)


CHANGES: dict[str, Change] = {
    "above": name_table("../secret.parquet"),
    "inside": name_table("a/../../secret.parquet"),
    "empty": name_table(""),
    "nul": name_table("articles.parquet\0"),
    "absolute": name_absolute,
    "link": link_file,
    "folder": link_folder,
    "join": name_join,
    "part above": name_part("../../secret.parquet"),
    "part absolute": name_part("/secret.parquet"),
    "part elsewhere": name_part("secret.parquet"),
    "part link": link_part,
    "derived": derive_elsewhere,
    "derived name": derive_by_a_name,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_names_that_lead_elsewhere_are_refused(packed: Path, change: Change) -> None:
    """Above the pack, absolute, by a link, in a table, a join or a derived store; with a digest that fits."""
    document = json.loads((packed / "pack.json").read_bytes())
    change(document, packed)
    (packed / "pack.json").unlink()
    write_manifest(packed / "pack.json", document)

    with pytest.raises(CorruptStoreError, match=r"outside of the pack|link out|not say where"):
        packhouse.open(packed)
    assert not packhouse.verify(packed).is_sound


def test_every_changed_letter_of_pack_json_is_noticed(packed: Path) -> None:
    """It is refused when it is opened: it does not parse, or is not what its digest says."""
    whole = (packed / "pack.json").read_bytes()
    for place in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 7
        (packed / "pack.json").write_bytes(changed)
        try:
            pack = packhouse.open(packed)
        except CorruptStoreError:
            continue
        assert pack.manifest == json.loads(whole)  # white space


def test_a_linked_pack_is_opened(packed: Path, tmp_path: Path) -> None:
    """The folder itself may be a link: the user has named it."""
    (tmp_path / "link").symlink_to(packed)

    with packhouse.open(tmp_path / "link") as pack:
        assert len(pack.tables["articles"])
