"""Balanced and weighted loaders of a real pack: what comes, what a state holds, what repeats look like."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

import packhouse
from packhouse._src.loader.loader import Loader
from packhouse.errors import ColumnNotFoundError, StateMismatchError, UsageError
from small_dataset import jpeg

COUNTS = {"cat": 20, "dog": 6, "emu": 3}


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> packhouse.Pack:
    """Folders of 20, 6 and 3 images, with a table of weights."""
    source = tmp_path_factory.mktemp("drawn") / "src"
    rows = [["file", "weight", "note", "gap"]]
    for folder, count in COUNTS.items():
        (source / folder).mkdir(parents=True)
        for number in range(count):
            name = f"{folder}{number:02d}.jpg"
            (source / folder / name).write_bytes(jpeg(len(rows), width=60, height=40))
            rows.append([name, str(1 + number % 4), "x", "" if number == 2 else "1"])
    with (source / "photos.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    packhouse.pack(source, source.parent / "a.pack")
    return packhouse.open(source.parent / "a.pack")


def test_a_balanced_epoch(pack: packhouse.Pack) -> None:
    """29 draws of three classes: 10, 10 and 9."""
    loader = pack.loader(8, size=16, label="group", sampler="balanced")
    keys = [key for batch in loader for key in batch.keys]
    assert sorted(Counter(key.split("/")[0] for key in keys).values()) == [9, 10, 10]
    assert len(keys) == 29
    assert loader.epoch == 1


def test_without_replacement_an_epoch_is_that_of_the_smallest_class(pack: packhouse.Pack) -> None:
    """Three from each."""
    loader = pack.loader(8, size=16, label="group", sampler="balanced", replacement=False)
    keys = [key for batch in loader for key in batch.keys]
    assert len(set(keys)) == len(keys) == 9
    assert len(loader) == 2
    assert Counter(key.split("/")[0] for key in keys) == {"cat": 3, "dog": 3, "emu": 3}


@pytest.mark.parametrize("as_column", [True, False])
def test_weights_of_a_column_and_of_an_array(pack: packhouse.Pack, as_column: bool) -> None:  # noqa: FBT001
    """The same draws; images with four times the weight come four times as often."""
    samples = pack.samples(columns="weight")
    weights = np.array([sample.columns["weight"] for sample in samples])
    loader = pack.loader(
        10, size=16, weights="photos.weight" if as_column else weights, epoch_size=10 * int(weights.sum())
    )
    counts = Counter(key for batch in loader for key in batch.keys)
    assert [counts[key] for key in samples.keys] == (10 * weights).tolist()


def test_an_image_that_comes_twice_has_two_crops(pack: packhouse.Pack) -> None:
    """And the same ones for every number of threads and batch size."""
    found = []
    for batch_size, threads in ((5, 1), (29, 3)):
        loader = pack.loader(
            batch_size, size=16, crop="random-resized", label="group", sampler="balanced", threads=threads
        )
        batches = list(loader)
        images = np.concatenate([batch.images for batch in batches])
        keys = [key for batch in batches for key in batch.keys]
        found.append((keys, images))
    (keys, images), (others, same) = found
    assert keys == others
    assert (images == same).all()
    emus = [images[place] for place, key in enumerate(keys) if key == "emu/emu00"]
    assert len(emus) >= 3
    assert not (emus[0] == emus[1]).all()


@pytest.mark.parametrize("options", [{"sampler": "balanced"}, {"weights": "weight"}])
def test_a_state_goes_on_exactly(pack: packhouse.Pack, options: dict[str, Any]) -> None:
    """With other ranks and batches; it has 200 bytes at most."""

    def loader(batch_size: int, rank: int = 0, world_size: int = 1) -> Loader:
        return pack.loader(
            batch_size, size=16, label="group", rank=rank, world_size=world_size, seed=7, **options
        )

    whole = [key for batch in loader(29) for key in batch.keys]
    begun = loader(4)
    first = [key for _, batch in zip(range(3), begun, strict=False) for key in batch.keys]
    state = json.loads(json.dumps(begun.state_dict()))
    assert len(json.dumps(state)) <= 200
    ranks = [loader(5, rank, 2) for rank in range(2)]
    for one in ranks:
        one.load_state_dict(state)
    rest = [key for pair in zip(*ranks, strict=True) for batch in pair for key in batch.keys]
    assert first + rest == whole


def test_a_state_of_another_way_of_drawing_is_refused(pack: packhouse.Pack) -> None:
    """Another sampler, other weights, or none."""
    weights = np.arange(1, 30)
    plain = pack.loader(8, size=16)
    balanced = pack.loader(8, size=16, label="group", sampler="balanced")
    weighted = pack.loader(8, size=16, weights=weights)
    for one, other in ((plain, balanced), (balanced, plain), (balanced, weighted)):
        with pytest.raises(StateMismatchError, match="sampler is"):
            one.load_state_dict(other.state_dict())
    with pytest.raises(StateMismatchError, match="sampler is"):
        weighted.load_state_dict(pack.loader(8, size=16, weights=weights[::-1]).state_dict())
    assert "sampler" not in plain.state_dict()


def test_columns_that_are_no_weights(pack: packhouse.Pack) -> None:
    """Text, gaps, and names that are not there."""
    with pytest.raises(UsageError, match="not of numbers"):
        pack.loader(8, weights="photos.note")
    with pytest.raises(UsageError, match="3 of the chosen images have no value, such as cat/cat02"):
        pack.loader(8, weights="photos.gap")
    with pytest.raises(ColumnNotFoundError, match="weight"):
        pack.loader(8, weights="photos.wieght")
    assert len(pack.loader(8, weights="photos.gap", where="gap IS NOT NULL").samples) == 26
