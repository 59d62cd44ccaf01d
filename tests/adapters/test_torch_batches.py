"""`packhouse.torch.ImageBatches` alone, under DataLoader's workers, and saved by StatefulDataLoader."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from frameworks_kit import COUNT, framework
from packhouse._src.opening import Pack
from packhouse.errors import StateMismatchError

torch = framework("torch", extra="torch")
data = framework("torch.utils.data", extra="torch")

from packhouse.torch import ImageBatches  # noqa: E402  # it needs PyTorch

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.set_vital. is deprecated:UserWarning"),  # torchdata calls it
    pytest.mark.filterwarnings("ignore:This DataLoader will create .* worker processes:UserWarning"),
]
SIZE = 8


def batches_of(pack: Pack, **options: Any) -> ImageBatches:
    """Return batches of tiny images with their labels and numbers, which tell them apart."""
    return ImageBatches(pack, **{"size": SIZE, "batch_size": 7, "columns": ("price",), **options})


def numbers(batches: Any) -> list[list[int]]:
    """Return the number of each image, batch by batch."""
    return [(columns["price"] * 4).long().tolist() for *_, columns in batches]


def workers(batches: ImageBatches, count: int, **options: Any) -> Any:
    """Return a DataLoader of whole batches."""
    return data.DataLoader(batches, batch_size=None, num_workers=count, **options)


def test_batches_are_those_of_the_loader(pack: Pack) -> None:
    """The same images, labels and columns, as tensors with the channels first, without a copy."""
    options: dict[str, Any] = {
        "batch_size": 16,
        "size": (8, 12),
        "label": "group",
        "columns": ("price", "goods.name"),
        "seed": 5,
    }
    batches = ImageBatches(pack, **options)

    for batch, (images, labels, columns) in zip(pack.loader(**options), batches, strict=True):
        assert images.shape[1:] == (3, 8, 12)
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert np.array_equal(images.permute(0, 2, 3, 1).numpy(), batch.images)
        assert (labels.dtype, labels.tolist()) == (torch.int64, np.asarray(batch.labels).tolist())
        assert columns["price"].tolist() == batch.columns["price"].tolist()
        assert columns["goods.name"] == batch.columns["goods.name"].tolist()
    assert (len(batches), batches.classes) == (4, ["blue", "green", "red"])


@pytest.mark.parametrize(
    ("count", "method", "options"),
    [
        (2, "fork", {}),
        (2, "spawn", {"crop": "random", "flip": True}),
        (2, "forkserver", {"label": "group"}),
        (3, "fork", {"drop_last": True}),
        (3, "fork", {"pad": True, "rank": 1, "world_size": 2}),
        (11, "fork", {}),
    ],
)
def test_workers_share_the_batches(pack: Pack, count: int, method: str, options: dict[str, Any]) -> None:
    """Any number of them give the batches that there are without, in the same order."""
    alone = list(batches_of(pack, **options))
    shared = workers(batches_of(pack, **options), count, multiprocessing_context=method)

    assert len(shared) == len(alone)
    for ours, theirs in zip(shared, alone, strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert numbers([ours]) == numbers([theirs])


def test_ranks_and_workers_give_each_sample_once(pack: Pack) -> None:
    """Two ranks of two workers each have all samples between them, none twice."""
    found = [
        number
        for rank in range(2)
        for batch in numbers(workers(batches_of(pack, rank=rank, world_size=2), 2))
        for number in batch
    ]

    assert sorted(found) == list(range(COUNT))


def test_epochs_follow_each_other(pack: Pack) -> None:
    """Each loop has an order of its own; set_epoch goes back to one."""
    batches = batches_of(pack)

    first, second = numbers(batches), numbers(batches)
    batches.set_epoch(0)

    assert first != second
    assert numbers(batches) == first


@pytest.mark.parametrize("is_persistent", [False, True])
def test_workers_hear_of_the_epoch(pack: Pack, *, is_persistent: bool) -> None:
    """set_epoch reaches workers that are started anew, and those that run already."""
    batches, alone = batches_of(pack), batches_of(pack)
    loader = workers(batches, 2, persistent_workers=is_persistent)

    for epoch in (4, 2):
        batches.set_epoch(epoch)
        alone.set_epoch(epoch)
        assert numbers(loader) == numbers(alone)


@pytest.mark.parametrize(("method", "is_persistent"), [("fork", True), ("fork", False), ("spawn", False)])
def test_workers_count_epochs_by_themselves(pack: Pack, method: str, *, is_persistent: bool) -> None:
    """As the loader does without workers, those that run on and those that are started for each epoch."""
    batches, alone = batches_of(pack), batches_of(pack)
    loader = workers(batches, 2, persistent_workers=is_persistent, multiprocessing_context=method)

    assert [numbers(loader) for _ in range(3)] == [numbers(alone) for _ in range(3)]

    for one in (batches, alone):
        one.set_epoch(7)
    assert [numbers(loader) for _ in range(2)] == [numbers(alone) for _ in range(2)]


def test_loops_of_workers_that_are_left_are_over(pack: Pack) -> None:
    """The next workers begin the next epoch, whichever of them comes first."""
    batches, alone = batches_of(pack), batches_of(pack)
    for count in (1, 3, 2):
        next(iter(workers(batches, count)))
        next(iter(alone))

    assert numbers(workers(batches, 2)) == numbers(alone)


@pytest.mark.parametrize("is_persistent", [True, False])
@pytest.mark.parametrize("says_epochs", [True, False])
def test_workers_take_a_loaded_place_once(pack: Pack, *, is_persistent: bool, says_epochs: bool) -> None:
    """The rest of that epoch, then whole ones, with set_epoch as without."""
    first, alone = batches_of(pack, epoch=2), batches_of(pack, epoch=2)
    running = iter(first)
    begun = numbers([next(running), next(running)])
    batches = batches_of(pack)
    loader = workers(batches, 2, persistent_workers=is_persistent)
    batches.load_state_dict(first.state_dict())

    for epoch in (2, 3, 4):
        if says_epochs:
            batches.set_epoch(epoch)
        assert (begun if epoch == 2 else []) + numbers(loader) == numbers(alone)


def test_it_goes_on_in_the_middle(pack: Pack) -> None:
    """A state through JSON, after any batch, gives the rest of the epoch to another one."""
    every = numbers(batches_of(pack, seed=3))

    for given in range(len(every)):
        first, other = batches_of(pack, seed=3), batches_of(pack, seed=3)
        running = iter(first)
        for _ in range(given):
            next(running)
        other.load_state_dict(json.loads(json.dumps(first.state_dict())))
        assert numbers(other) == every[given:]


def test_a_place_in_the_epoch_goes_along_to_workers(pack: Pack) -> None:
    """What is loaded before the workers start is where they start, forked or pickled."""
    first, every = batches_of(pack), numbers(batches_of(pack))
    running = iter(first)
    next(running)
    next(running)
    state = first.state_dict()

    for method in ("fork", "spawn"):
        other = batches_of(pack)
        other.load_state_dict(state)
        assert numbers(workers(other, 2, multiprocessing_context=method)) == every[2:]


def test_a_state_of_other_data_is_refused(pack: Pack) -> None:
    """A checkpoint of another choice of images is no place in this one."""
    state = batches_of(pack, where="width > 0 AND price < 9").state_dict()

    with pytest.raises(StateMismatchError):
        batches_of(pack).load_state_dict(state)


def test_it_pickles_small(pack: Pack) -> None:
    """A worker is sent the recipe and the place, not the index; a loop that was left is over there too."""
    batches, alone = batches_of(pack, label="group"), batches_of(pack)
    batches.mean = 0.5  # as of a class of the user's
    next(iter(batches))
    next(iter(alone))

    sent = pickle.dumps(batches)
    received = pickle.loads(sent)  # noqa: S301

    assert len(sent) < 4096
    assert received.mean == 0.5
    assert numbers(received) == numbers(alone)


def test_images_of_stored_sizes_are_a_list(pack: Pack) -> None:
    """Without a size nothing is stacked; alone the images are no tuple."""
    batch = next(iter(ImageBatches(pack, size=None, batch_size=5)))

    assert [tuple(image.shape) for image in batch] == [(3, 48, 36)] * 5


@pytest.mark.filterwarnings("ignore:.*pin_memory.*no accelerator:UserWarning")  # PyTorch's, without a GPU
def test_data_loader_pins_whole_batches(pack: Pack) -> None:
    """The form for a GPU gives the same batches."""
    loader = data.DataLoader(batches_of(pack), batch_size=None, pin_memory=True)

    assert numbers(loader) == numbers(batches_of(pack))


@pytest.mark.parametrize("count", [0, 2])
def test_stateful_data_loader_goes_on_after_any_batch(pack: Pack, count: int) -> None:
    """Saved and restored by torchdata, in the middle and at the end, then the next epoch."""
    stateful = framework("torchdata.stateful_dataloader", extra="torch").StatefulDataLoader
    options = {"batch_size": None, "num_workers": count, "persistent_workers": count > 0}
    every = numbers(batches_of(pack))

    for given in range(1, len(every) + 1):
        loader = stateful(batches_of(pack), **options)
        running = iter(loader)
        begun = numbers(next(running) for _ in range(given))
        other = stateful(batches_of(pack), **options)
        other.load_state_dict(loader.state_dict())
        assert begun == every[:given]
        if given < len(every) or count:
            assert numbers(other) == every[given:]


@pytest.mark.parametrize("options", [{"sampler": "balanced", "label": "group"}, {"weights": "price"}])
@pytest.mark.parametrize("n_workers", [0, 2])
def test_draws_are_those_of_the_loader(pack: Pack, options: dict[str, Any], n_workers: int) -> None:
    """Balanced and weighted, with and without workers, epoch after epoch."""
    plain = pack.loader(7, size=SIZE, columns="price", **options)
    batches = batches_of(pack, **options)
    loader = workers(batches, n_workers)
    for _epoch in range(2):
        expected = [(batch.columns["price"] * 4).astype(int).tolist() for batch in plain]
        assert numbers(loader) == expected
