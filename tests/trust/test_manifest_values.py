"""A pack.json with any value in any place is read, or refused with an error of ours."""

from __future__ import annotations

import copy
import json
import random
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import packhouse
from packhouse._src.cache_folder import cache_folder
from packhouse._src.cli.main import group
from packhouse._src.imagefile.manifest_file import write_manifest
from packhouse._src.imagefile.read.manifest_schema import problems_of_values
from packhouse.errors import CorruptStoreError, PackhouseError
from small_dataset import JOIN, write_dataset

VALUES: list[Any] = [
    None, -1, 2**70, 1e308, float("nan"), 3.5, True, "x", "", "../x", "a\0b", "\ud800",
    [], [[]], {}, {"a": 1},
]  # fmt: skip
NOT_READ = {"options", "given", "digest", "format", "files", "archives"}
MISSING = object()
TRIES = 150
UNCHECKED = {
    "lookup_column", "may_lack_rows",
    "form", "format_version", "groups", "how", "id", "index_bytes", "is_number", "joins", "left_rows",
    "name_encodings", "originals", "packhouse", "problems", "rows", "source_bytes", "spelling", "unique",
}  # fmt: skip
"""Values that nothing is computed from; or that any object would do for."""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with a join, a link, compact keys and a derived store."""
    folder = tmp_path_factory.mktemp("values")
    write_dataset(folder / "src", images=6, transactions=20)
    packhouse.pack(folder / "src", folder / "a.pack", joins=[JOIN], compact_keys=True)
    packhouse.derive(folder / "a.pack", size=16)
    return folder / "a.pack"


def places(value: object, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value; of lists the first one stands for all."""
    if place:
        yield place
    if isinstance(value, dict):
        for name, one in value.items():
            if place or name not in NOT_READ:
                yield from places(one, (*place, name))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*place, 0))


def changed(document: dict[str, Any], place: tuple[Any, ...], value: object) -> dict[str, Any]:
    """Return it with another value in one place, or with nothing there."""
    made = copy.deepcopy(document)
    home: Any = made
    for step in place[:-1]:
        home = home[step]
    if value is MISSING:
        del home[place[-1]]
    else:
        home[place[-1]] = value
    return made


def ask_all(path: Path) -> None:
    """Ask everything that pack.json is read for."""
    with packhouse.open(path) as pack:
        keys = list(pack.images)
        pack.row(keys[0]), pack.rows(keys[0]), str(pack), repr(pack), pack.derived, pack.find("width > 1")
        if pack.links:
            list(pack.images_without_row()), list(pack.rows_without_image())
        for table in pack.tables.values():
            table.head().to_arrow()
        pack.sql("SELECT count(*) FROM image_index")


def inspect(path: Path) -> None:
    """Print what there is."""
    ran = CliRunner().invoke(group, ["inspect", str(path)], standalone_mode=False)
    if ran.exception is not None:
        raise ran.exception


def test_any_value_in_any_place_is_no_surprise(pack: Path, tmp_path: Path) -> None:
    """Drawn anew by the version; `open` and all calls on it, `verify`, and the command `inspect`."""
    shutil.copytree(pack, tmp_path / "a.pack")
    document = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
    draw = random.Random(packhouse.__version__)
    every = [(place, value) for place in places(document) for value in (MISSING, *VALUES)]
    tried = 0
    for place, value in draw.sample(every, TRIES):
        if value is MISSING and isinstance(place[-1], int):
            continue
        (tmp_path / "a.pack" / "pack.json").unlink()
        try:
            write_manifest(tmp_path / "a.pack" / "pack.json", changed(document, place, value))
        except UnicodeEncodeError:  # no file can say that
            (tmp_path / "a.pack" / "pack.json").write_text("{}", encoding="utf-8")
        for ask in (ask_all, inspect, packhouse.verify):
            tried += 1
            try:
                with warnings.catch_warnings(action="ignore"):
                    ask(tmp_path / "a.pack")
            except PackhouseError:
                pass
            except Exception as err:  # noqa: BLE001  # that is what is looked for
                pytest.fail(f"{place}={value!r}: {ask.__name__} raised {type(err).__name__}: {err}")
    assert tried > TRIES


def test_every_place_is_looked_at(pack: Path) -> None:
    """An object that is no one we know is noticed wherever it stands, unless anything may stand there."""
    document = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
    assert list(problems_of_values(document)) == []
    unseen = [
        place
        for place in places(document)
        if not list(problems_of_values(changed(document, place, {"a": []})))
    ]
    assert {place[-1] for place in unseen if isinstance(place[-1], str)} <= UNCHECKED


def test_a_malformed_pack_json_says_where(pack: Path, tmp_path: Path) -> None:
    """The place, and what belongs there."""
    shutil.copytree(pack, tmp_path / "a.pack")
    document = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
    document["tables"]["articles"]["rows"] = -5
    (tmp_path / "a.pack" / "pack.json").unlink()
    write_manifest(tmp_path / "a.pack" / "pack.json", document)
    with pytest.raises(CorruptStoreError, match=r"malformed: tables\.articles\.rows is not a number from 0"):
        packhouse.open(tmp_path / "a.pack")


def test_nesting_in_the_cache_is_as_if_nothing_were_known(tmp_path: Path) -> None:
    """What packhouse remembers of a run can be damaged in any way: an update looks at everything again."""
    write_dataset(tmp_path / "src", images=3, transactions=5)
    packhouse.pack(tmp_path / "src", tmp_path / "a.pack")
    remembered = [path for path in cache_folder().rglob("*.run") if path.is_file()]
    assert remembered
    for path in remembered:
        path.write_text("[" * 100_000)

    report = packhouse.pack(tmp_path / "src", tmp_path / "a.pack", update=True)

    assert report.updated is None or not (report.updated.new or report.updated.changed)
    assert packhouse.verify(tmp_path / "a.pack").is_sound
