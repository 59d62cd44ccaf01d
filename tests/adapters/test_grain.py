"""`packhouse.grain.ImageSource` under Grain's DataLoader and MapDataset."""

from __future__ import annotations

import pickle
from itertools import chain
from typing import Any

import numpy as np
import pytest

import packhouse
from frameworks_kit import COUNT, framework
from packhouse._src.opening import Pack
from packhouse.errors import UsageError
from packhouse.grain import ImageSource

grain = framework("grain.python", extra="grain")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def loader_of(source: ImageSource, workers: int) -> Any:
    """Return Grain's DataLoader over one shuffled epoch in batches of 7."""
    sampler = grain.IndexSampler(
        num_records=len(source), shard_options=grain.NoSharding(), shuffle=True, num_epochs=1, seed=3
    )
    return grain.DataLoader(
        data_source=source,
        sampler=sampler,
        operations=[grain.Batch(batch_size=7)],
        worker_count=workers,
    )


def test_a_source_is_a_random_access_data_source(pack: Pack) -> None:
    """By Grain's own protocol; its elements are dicts of NumPy values."""
    source = ImageSource(pack, size=8, label="group", columns="price")

    element = source[4]

    assert isinstance(source, grain.RandomAccessDataSource)
    assert len(source) == COUNT
    assert element["key"] == list(pack.images)[4]
    assert np.array_equal(element["image"], pack.images[element["key"]].decode(size=(8, 8)))
    assert (element["label"].dtype, int(element["label"])) == (np.int64, 0)
    assert element["price"] * 4 == int(element["key"][-4:])
    assert len(pickle.dumps(source)) < 2000
    assert repr(source) == repr(
        ImageSource(packhouse.open(pack.path), size=8, label="group", columns="price", threads=1)
    )
    assert repr(source) != repr(ImageSource(pack, size=9, label="group", columns="price"))


@pytest.mark.parametrize("workers", [0, 2])
def test_data_loader_gives_each_image_once(pack: Pack, workers: int) -> None:
    """In the calling process and in worker processes; a checkpoint goes on in the middle."""
    source = ImageSource(pack, size=8, label="group", columns="price")
    loader = loader_of(source, workers)

    iterator = iter(loader)
    batches = [next(iterator) for _number in range(3)]
    state = iterator.get_state()
    rest = [batch["price"].tolist() for batch in iterator]
    batches_seen = [batch["price"].tolist() for batch in batches]

    again = iter(loader_of(ImageSource(pack, size=8, label="group", columns="price"), workers))
    again.set_state(state)
    assert [batch["price"].tolist() for batch in again] == rest
    assert sorted(chain(*batches_seen, *rest)) == [number / 4 for number in range(COUNT)]
    assert batches[0]["image"].shape == (7, 8, 8, 3)


def test_map_dataset_shuffles_and_batches(pack: Pack) -> None:
    """Grain's newer face."""
    dataset = grain.MapDataset.source(ImageSource(pack, size=8)).shuffle(seed=1).batch(20)

    keys = [key for batch in dataset for key in batch["key"].tolist()]

    assert sorted(keys) == list(pack.images) != keys


def test_nothing_can_be_skipped(pack: Pack) -> None:
    """There is an element at each index."""
    with pytest.raises(UsageError, match="blank"):
        ImageSource(pack, on_error="skip")
