"""`pack.to_hf()` and back, with the datasets library itself."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import packhouse
from frameworks_kit import COUNT, framework
from packhouse._src.opening import Pack
from packhouse.errors import CorruptStoreError, UsageError

datasets = framework("datasets", extra="hf")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it keeps stays out of the user's cache."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def test_a_round_trip_keeps_every_byte(
    colours: tuple[Path, dict[str, bytes]], pack: Pack, tmp_path: Path
) -> None:
    """Through a saved data set, with labels and columns."""
    files = colours[1]

    pack.to_hf(label="group", columns=("price", "goods.name", "stock")).save_to_disk(tmp_path / "saved")
    dataset = datasets.load_from_disk(tmp_path / "saved")

    assert len(dataset) == COUNT
    assert dataset.features["label"].names == ["blue", "green", "red"]
    whole = dataset.cast_column("image", datasets.Image(decode=False))
    assert {row["key"]: row["image"]["bytes"] for row in whole} == files
    for row in dataset.select([0, 30, 59]):
        number = int(row["key"][-4:])
        assert dataset.features["label"].int2str(row["label"]) == row["key"].partition("/")[0]
        assert (row["price"], row["goods.name"], row["stock"]) == (
            number / 4,
            f"Thing {number}",
            number % 7 or None,
        )
        theirs = Image.open(io.BytesIO(files[row["key"]]))
        assert np.array_equal(np.asarray(row["image"]), np.asarray(theirs))


def test_a_choice_is_another_data_set(pack: Pack) -> None:
    """Not the one that the cache has of all images."""
    assert len(pack.to_hf()) == COUNT
    some = pack.to_hf(where="price < 5")
    assert some["key"][:] == pack.find("price < 5")
    parts = [pack.to_hf(split=name, val=0.3)["key"][:] for name in ("train", "val")]
    assert sorted(parts[0] + parts[1]) == list(pack.images)


def test_what_cannot_be_is_refused(
    pack: Pack, tmp_path: Path, colours: tuple[Path, dict[str, bytes]]
) -> None:
    """A column named as one of its own; bytes that are damaged."""
    with pytest.raises(UsageError, match=r"TABLE\.key"):
        pack.to_hf(columns="key")
    for file in colours[0].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    offset = pack.images.index.range_of(7)[0]
    with (tmp_path / "images.h5").open("r+b") as images:
        images.seek(offset + 100)
        images.write(b"damaged")
    with (
        packhouse.open(tmp_path) as other,
        pytest.raises(CorruptStoreError, match=pack.images.index.key_of(7)),
    ):
        other.to_hf()
