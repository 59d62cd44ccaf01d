"""Single flipped bits anywhere in a pack: never a wrong image in silence, and `verify` sees each."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path

import pytest

import packhouse
from maintenance_kit import flip, ranges
from packhouse.errors import PackhouseError

FILES = ("images.h5", "image_index.parquet")
CHUNKS, FLIPS_PER_CHUNK = 20, 500


def bits(pack: Path, names: tuple[str, ...], *, seed: int, count: int) -> list[tuple[Path, int]]:
    """Return seeded places of bits, anywhere in some files of a pack with equal chance."""
    sizes = {name: 8 * (pack / name).stat().st_size for name in names}
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        place = rng.randrange(sum(sizes.values()))
        for name, size in sizes.items():
            if place < size:
                found.append((pack / name, place))
                break
            place -= size
    return found


def wrong_answers(pack: Path, truth: dict[str, bytes]) -> list[str]:
    """Open a pack, read every image and every fact; return what is wrong and was no PackhouseError."""
    wrong: list[str] = []
    with suppress(PackhouseError), packhouse.open(pack) as opened:
        images = opened.images
        with suppress(PackhouseError):
            wrong += ["keys"] * (sorted(images) != sorted(truth))
        with suppress(PackhouseError):
            wrong += ["groups"] * (sum(images.groups.values()) != len(truth))
        with suppress(PackhouseError):
            wrong += ["total"] * (images.total_bytes != sum(map(len, truth.values())))
        with suppress(PackhouseError):
            wrong += ["read_many"] * (images.read_many(truth) != list(truth.values()))
        for key, data in truth.items():
            with suppress(PackhouseError):
                wrong += [f"bytes of {key}"] * (images[key].bytes != data)
            with suppress(PackhouseError):
                wrong += [f"name of {key}"] * (images[key].file_name != f"{key}.jpg")
    return wrong


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_10000_flips_bring_no_wrong_image(
    small: tuple[Path, dict[str, bytes]], small_copy: Path, chunk: int
) -> None:
    """Right bytes or an error of ours, never wrong bytes, another exception or a crash."""
    truth = small[1]
    assert wrong_answers(small_copy, truth) == []
    for path, bit in bits(small_copy, FILES, seed=chunk, count=FLIPS_PER_CHUNK):
        flip(path, bit)
        assert wrong_answers(small_copy, truth) == [], (path.name, bit)
        flip(path, bit)


def test_verify_names_the_image_in_which_a_bit_is_flipped(
    small: tuple[Path, dict[str, bytes]], small_copy: Path
) -> None:
    """60 flips in image ranges: that key, and no other thing."""
    places = ranges(small[0])
    rng = random.Random(11)
    for _ in range(60):
        key = rng.choice(sorted(places))
        offset, length = places[key]
        bit = 8 * offset + rng.randrange(8 * length)
        flip(small_copy / "images.h5", bit)
        report = packhouse.verify(small_copy)
        flip(small_copy / "images.h5", bit)

        assert [(one.file, one.key) for one in report.damaged] == [("images.h5", key)], bit
    assert packhouse.verify(small_copy).is_sound


def test_verify_sees_a_flipped_bit_anywhere_else(small_copy: Path) -> None:
    """In HDF5's records and in the index: noticed each time, though most do no harm."""
    inside = [range(offset, offset + length) for offset, length in ranges(small_copy).values()]
    places = bits(small_copy, FILES, seed=3, count=200)
    rest = [
        (path, bit)
        for path, bit in places
        if path.name != "images.h5" or not any(bit // 8 in one for one in inside)
    ][:80]
    for path, bit in rest:
        flip(path, bit)
        report = packhouse.verify(small_copy)
        flip(path, bit)

        assert not report.is_sound, (path.name, bit)


def test_verify_sees_a_flipped_bit_in_a_table(copy: Path) -> None:
    """Each table and join has its digest; the file is named."""
    names = tuple(path.name for path in copy.glob("*.parquet") if path.name != "image_index.parquet")
    assert len(names) == 4
    for path, bit in bits(copy, names, seed=4, count=40):
        flip(path, bit)
        report = packhouse.verify(copy)
        flip(path, bit)

        assert [(one.file, one.key) for one in report.damaged] == [(path.name, None)]


def test_verify_sees_a_flipped_bit_in_the_manifest(small_copy: Path) -> None:
    """pack.json has a digest of what it says; white space does not count."""
    unseen = set()
    for path, bit in bits(small_copy, ("pack.json",), seed=6, count=120):
        before = json.loads(path.read_text())
        flip(path, bit)
        if packhouse.verify(small_copy).is_sound:
            unseen.add(json.loads(path.read_text()) == before)
        flip(path, bit)

    assert unseen <= {True}
