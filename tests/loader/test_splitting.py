"""A sample's split follows from its key and the seed, and from nothing else."""

from __future__ import annotations

from math import sqrt

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from packhouse._src.loader.order.splitting import split_of
from packhouse.errors import UsageError

KEYS = st.lists(st.text(max_size=12) | st.binary(max_size=12), unique=True, max_size=40)
PATHS = [f"{number % 97:03d}/{number:010d}" for number in range(40_000)]
FRACTIONS = {"val": 0.1, "test": 0.25}
GOLDEN = {
    "val": [15, 16],
    "test": [0, 1, 3, 6, 7, 10, 12, 14, 18, 19, 22, 23, 26],
}


def named(keys: list[str] | list[str | bytes], fractions: dict[str, float], seed: int = 0) -> list[str]:
    """Return the name of the split of each key."""
    names = [""] * len(keys)
    for name, rows in split_of(keys, fractions, seed=seed).items():
        for row in rows.tolist():
            assert not names[row]
            names[row] = name
    return names


def test_the_rule_is_the_one_that_is_written() -> None:
    """The xxhash library and a comparison of fractions give the same splits."""
    expected = []
    for key in PATHS[:2000]:
        part = int(xxhash.xxh3_128_hexdigest(f"7\0{key}".encode())[:14], 16) / 2**56
        expected.append("val" if part < 0.1 else "test" if part < 0.35 else "train")

    assert named(PATHS[:2000], FRACTIONS, seed=7) == expected


def test_golden_values() -> None:
    """A split means the same samples in every release: these may never change."""
    splits = split_of(PATHS[:30], FRACTIONS)

    assert {name: rows.tolist() for name, rows in splits.items() if name != "train"} == GOLDEN


@given(KEYS, KEYS, st.randoms())
def test_other_keys_move_nothing(
    keys: list[str | bytes], others: list[str | bytes], random: st.DataObject
) -> None:
    """Keys that are added, taken away or put in another order change no split of the rest."""
    mixed = [*keys, *others]
    random.shuffle(mixed)  # type: ignore[attr-defined]

    alone, among = named(keys, FRACTIONS), dict(zip(mixed, named(mixed, FRACTIONS), strict=True))

    assert alone == [among[key] for key in keys]


def test_every_sample_is_in_one_split() -> None:
    """Each row once, ascending, as int64; the names in their order."""
    splits = split_of(PATHS, FRACTIONS)

    assert list(splits) == ["val", "test", "train"]
    assert sorted(row for rows in splits.values() for row in rows.tolist()) == list(range(len(PATHS)))
    for rows in splits.values():
        assert rows.dtype == "int64"
        assert (rows[1:] > rows[:-1]).all()


@pytest.mark.parametrize("seed", range(5))
def test_fractions_are_met_as_chance_would(seed: int) -> None:
    """Within four standard deviations of the binomial distribution, in all and in each folder."""
    for keys in (PATHS, PATHS[5::97]):
        splits = split_of(keys, FRACTIONS, seed=seed)

        for name, fraction in (*FRACTIONS.items(), ("train", 0.65)):
            most = 4 * sqrt(len(keys) * fraction * (1 - fraction))
            assert abs(splits[name].size - fraction * len(keys)) < most


def test_seeds_are_independent() -> None:
    """Of what one seed puts into val, another puts a tenth there."""
    one, other = (set(split_of(PATHS, {"val": 0.1}, seed=seed)["val"].tolist()) for seed in (0, 1))

    assert abs(len(one & other) - 400) < 4 * sqrt(400)


def test_a_larger_fraction_gives_nothing_away() -> None:
    """What was in val at a tenth is there at a fifth."""
    small, large = (set(split_of(PATHS, {"val": part})["val"].tolist()) for part in (0.1, 0.2))

    assert small < large


def test_the_same_key_is_in_the_same_split() -> None:
    """Copies of a picture stay together; text and its UTF-8 bytes are the same key."""
    texts = [*PATHS[:500], "é"]
    keys: list[str | bytes] = [*texts, *(text.encode() for text in texts), *texts]

    names = named(keys, {"val": 0.5})

    assert names[:501] == names[501:1002] == names[1002:]


def test_names_that_are_no_text_are_split_too() -> None:
    """A lone surrogate, which a file name can hold, is a key like any other."""
    assert len(named(["a\udcff", "a\ud800", "a"], {"val": 0.5})) == 3


def test_nothing_and_all() -> None:
    """No keys, no fractions, a fraction of 0, and decimals that add up to 1 exactly."""
    assert {name: rows.size for name, rows in split_of([], {"val": 0.1}).items()} == {"val": 0, "train": 0}
    assert split_of(PATHS, {})["train"].size == len(PATHS)
    assert split_of(PATHS, {"val": 0})["val"].size == 0
    assert split_of(PATHS, {"val": 1})["train"].size == 0
    parts = {"a": 0.8, "b": 0.05, "c": 0.05, "d": 0.1}
    assert 0.8 + 0.05 + 0.05 + 0.1 > 1  # as binary fractions, added one by one
    assert split_of(PATHS, parts)["train"].size == 0
    assert list(split_of(["k"], {"val": 0.1}, rest="fit")) == ["val", "fit"]


@pytest.mark.parametrize(
    ("fractions", "words"),
    [
        ({"val": -0.1}, "val=-0.1"),
        ({"val": 10}, "val=10"),
        ({"val": float("nan")}, "val=nan"),
        ({"val": 0.6, "test": 0.5}, "add up to 1.1"),
        ({"train": 0.9, "val": 0.1}, "'train', which gets what the others leave"),
    ],
)
def test_fractions_that_are_none_are_refused(fractions: dict[str, float], words: str) -> None:
    """The error names the split and its fraction."""
    with pytest.raises(UsageError, match=words):
        split_of(["k"], fractions)
