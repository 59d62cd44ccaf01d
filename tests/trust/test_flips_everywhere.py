"""One flipped bit anywhere in a pack: every way to read gives the right answer or an error of ours."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pytest

import packhouse
from packhouse.errors import PackhouseError
from small_dataset import JOIN, DataSet, write_dataset
from trust.pack_answers import Answers, ask, flip, places, wrong

FLIPS = int(os.environ.get("PACKHOUSE_FLIPS", "200"))
CHUNKS = max(4, FLIPS // 50)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """A data set of 9 images and 40 sales."""
    folder = tmp_path_factory.mktemp("flips") / "shop"
    folder.mkdir()
    return write_dataset(folder, images=9, transactions=40)


@pytest.fixture(scope="module", params=["files", "parts"])
def whole(request: pytest.FixtureRequest, shop: DataSet) -> tuple[Path, Answers]:
    """A pack, with its tables as files or as folders, and all its answers."""
    pack = shop.folder.with_name(f"{request.param}.pack")
    packhouse.pack(shop.folder, pack, joins=[JOIN], rows_per_file=13 if request.param == "parts" else None)
    return pack, ask(pack)


def test_the_answers_are_those_of_the_data_set(shop: DataSet, whole: tuple[Path, Answers]) -> None:
    """What the flips are measured by: the files themselves, and the tables as Python's csv reads them."""
    answers = whole[1]

    assert not [name for name, answer in answers.items() if isinstance(answer, PackhouseError)]
    assert answers["read"] == [shop.files[name] for name in answers["facts"]] == answers["read_many"]
    for table in ("articles", "customers", "transactions_train"):
        with (shop.folder / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert answers[f"{table} to_arrow"] == answers[f"{table} scan"]
        assert answers[f"{table} count"] == len(rows)
        first = next(iter(rows[0]))
        assert [row[first] for row in rows] == [str(row[first]) for row in answers[f"{table} to_arrow"]]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_flip_gives_a_wrong_answer(whole: tuple[Path, Answers], tmp_path: Path, chunk: int) -> None:
    """`PACKHOUSE_FLIPS=6000` tries more of them."""
    pack, truth = tmp_path / "a.pack", whole[1]
    shutil.copytree(whole[0], pack)
    seen = 0
    for path, bit in places(pack, seed=chunk, count=FLIPS // CHUNKS // 2):
        flip(path, bit)
        found = ask(pack)
        flip(path, bit)

        assert wrong(found, truth) == [], (path.name, bit)
        seen += any(isinstance(answer, PackhouseError) for answer in found.values())
    assert seen > 0
    assert wrong(ask(pack), truth) == []
