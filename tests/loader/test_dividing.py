"""Splits by value, by class and exactly: nothing leaks, shares are near, and what is added moves nothing."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import packhouse
from packhouse._src.loader.choice.dividing import Units, divide
from packhouse.errors import ColumnNotFoundError, UsageError
from small_dataset import jpeg

IMAGES = 240


def write_photos(source: Path, count: int) -> Path:
    """Write photos of 60 products in three classes, with some copies, and their table."""
    rows = [["file", "product", "kind"]]
    for number in range(count):
        kind = "abc"[min(number % 9, 2)]
        name = f"p{number:04d}.jpg"
        (source / kind).mkdir(parents=True, exist_ok=True)
        (source / kind / name).write_bytes(jpeg(number - number % 5 if number % 7 == 0 else number, width=24))
        rows.append([name, "" if number % 40 == 1 else f"{number // 4:05d}", kind])
    with (source / "photos.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return source


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> packhouse.Pack:
    """240 photos."""
    folder = tmp_path_factory.mktemp("divided")
    packhouse.pack(write_photos(folder / "src", IMAGES), folder / "a.pack")
    return packhouse.open(folder / "a.pack")


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> packhouse.Pack:
    """The same, and 60 more."""
    folder = tmp_path_factory.mktemp("larger")
    packhouse.pack(write_photos(folder / "src", IMAGES + 60), folder / "a.pack")
    return packhouse.open(folder / "a.pack")


def splits(pack: packhouse.Pack, **options: Any) -> dict[str, set[str]]:  # noqa: ANN401  # options
    """Return the keys of each split."""
    return {
        split: set(pack.samples(size=8, split=split, val=0.2, test=0.1, **options).keys)
        for split in ("train", "val", "test")
    }


@pytest.mark.parametrize("exact", [False, True])
def test_what_belongs_together_is_on_one_side(pack: packhouse.Pack, exact: bool) -> None:  # noqa: FBT001
    """All images of a product; and the splits are all images, none twice."""
    found = splits(pack, together="photos.product", exact=exact)
    sides = defaultdict(set)
    for split, keys in found.items():
        for key in keys:
            row = pack.row(key)
            assert row is not None
            sides[row["product"] or key].add(split)
    assert all(len(side) == 1 for side in sides.values())
    assert sum(map(len, found.values())) == IMAGES
    assert set().union(*found.values()) == set(pack.images)
    assert all(found.values())


def test_copies_are_on_one_side(pack: packhouse.Pack) -> None:
    """Images of the same bytes; without it some are not."""

    def torn(found: dict[str, set[str]]) -> int:
        sides = defaultdict(set)
        for split, keys in found.items():
            for key in keys:
                sides[pack.images[key].digest].add(split)
        return sum(len(side) > 1 for side in sides.values())

    assert torn(splits(pack, together="duplicates")) == 0
    assert torn(splits(pack)) > 0


@pytest.mark.parametrize("options", [{}, {"together": "photos.product"}, {"together": "duplicates"}])
def test_images_that_are_added_move_none(
    pack: packhouse.Pack, larger: packhouse.Pack, options: dict[str, str]
) -> None:
    """Each is where it was."""
    before, after = splits(pack, **options), splits(larger, **options)
    for split, keys in before.items():
        assert keys == after[split] & set(pack.images)


def test_exact_shares(pack: packhouse.Pack) -> None:
    """Within one image of the fractions; of each class too, if it is asked for."""
    found = splits(pack, exact=True)
    assert {split: len(keys) for split, keys in found.items()} == {"train": 168, "val": 48, "test": 24}
    by_class = splits(pack, exact=True, stratify="label", label="group")
    sizes = Counter(key[0] for key in pack.images)
    for split, share in (("train", 0.7), ("val", 0.2), ("test", 0.1)):
        counts = Counter(key[0] for key in by_class[split])
        assert abs(len(by_class[split]) - share * IMAGES) <= 1
        for name, size in sizes.items():
            assert abs(counts[name] - share * size) <= 1


def test_shares_are_told(pack: packhouse.Pack) -> None:
    """Of the whole and of each class."""
    samples = pack.samples(size=8, split="train", val=0.25, label="group", stratify="label", exact=True)
    shares = samples.split_shares
    assert shares is not None
    assert shares.counts == {"val": 60, "train": 180}
    assert {name: sum(counts.values()) for name, counts in shares.classes.items()} == Counter(
        key[0] for key in pack.images
    )
    assert str(shares).startswith("val: 60 of 240 images, 25.00% (25.00% wanted); of each class ")
    assert pack.samples(size=8).split_shares is None
    unlabelled = pack.samples(size=8, split="val", val=0.25).split_shares
    assert "of each class" not in str(unlabelled)


@given(
    classes=st.lists(st.integers(0, 4), min_size=1, max_size=200),
    val=st.sampled_from([0.05, 0.1, 0.3, 0.5]),
    names=st.integers(0, 10**6),
)
def test_exact_shares_of_any_classes(classes: list[int], val: float, names: int) -> None:
    """Neither a class nor the whole is off by more than one image."""
    units = Units([f"{names}/{place}" for place in range(len(classes))], np.arange(len(classes)))
    strata = np.array(classes, np.int64)
    parts = divide(units, {"val": val}, rest="train", exact=True, strata=strata)
    chosen = Counter(strata[parts["val"]].tolist())
    assert sorted([*parts["val"].tolist(), *parts["train"].tolist()]) == list(range(len(classes)))
    assert abs(len(parts["val"]) - val * len(classes)) <= 1
    for name, size in Counter(classes).items():
        assert abs(chosen[name] - val * size) <= 1


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=60), val=st.sampled_from([0.1, 0.4]))
def test_exact_shares_of_groups_are_half_a_group_off_at_most(sizes: list[int], val: float) -> None:
    """As near as whole groups can come in the order of their hashes."""
    units = Units([str(place) for place in range(len(sizes))], np.repeat(np.arange(len(sizes)), sizes))
    parts = divide(units, {"val": val}, rest="train", exact=True)
    total = sum(sizes)
    assert abs(len(parts["val"]) - val * total) <= max(sizes) / 2 + 0.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"together": "photos.product"}, "nothing divides them"),
        ({"exact": True}, "nothing divides them"),
        ({"stratify": "label", "label": "group"}, "nothing divides them"),
        ({"val": 0.1, "split": "train", "stratify": "label", "exact": True}, "needs classes"),
        ({"val": 0.1, "split": "train", "stratify": "kind", "exact": True}, 'stratify="label"|"label"'),
        ({"val": 0.1, "split": "train", "exact": "yes"}, "True or False"),
        ({"val": 0.1, "split": "train", "together": 3}, "not a string"),
    ],
)
def test_what_has_no_meaning_is_refused(pack: packhouse.Pack, options: dict[str, Any], words: str) -> None:
    """With what is missing."""
    with pytest.raises(UsageError, match=words):
        pack.samples(size=8, **options)
    with pytest.raises(ColumnNotFoundError, match="product"):
        pack.samples(size=8, split="val", val=0.1, together="photos.prodcut")
