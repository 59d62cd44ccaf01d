"""`packhouse.torch.ImageDataset` under PyTorch's own DataLoader."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from frameworks_kit import COUNT, framework
from packhouse._src.opening import Pack
from packhouse.errors import ImageError, UsageError

torch = framework("torch", extra="torch")
data = framework("torch.utils.data", extra="torch")

from packhouse.torch import ImageDataset, collate  # noqa: E402  # it needs PyTorch

METHODS = ("fork", "spawn", "forkserver")
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks:DeprecationWarning")


def loaded(dataset: Any, **options: Any) -> list[Any]:
    """Return all batches that a DataLoader gives."""
    return list(data.DataLoader(dataset, batch_size=16, **options))


def images_of(batches: list[Any]) -> Any:
    """Return the images of all batches as one tensor, sorted so that their order does not matter."""
    rows = torch.cat(batches).flatten(1).numpy()
    return rows[np.lexsort(rows.T)]


def test_a_sample_is_image_and_label_as_image_folder_has_it(pack: Pack) -> None:
    """The image is what the pack decodes, channels first; the label counts the sorted folders."""
    dataset = ImageDataset(pack, size=(24, 32), label="group")

    image, label = dataset[45]

    key = dataset.samples.keys[45]
    assert (image.dtype, tuple(image.shape)) == (torch.uint8, (3, 24, 32))
    assert np.array_equal(image.permute(1, 2, 0).numpy(), pack.images[key].decode((24, 32)))
    assert dataset.classes is not None
    assert (type(label), dataset.classes[label]) == (int, key.partition("/")[0])
    assert dataset.class_to_idx == {"blue": 0, "green": 1, "red": 2}
    assert len(dataset) == COUNT


def test_what_a_sample_is_follows_from_what_is_asked_for(pack: Pack) -> None:
    """The image alone; with columns a dict comes last."""
    alone = ImageDataset(pack, size=16)[0]
    image, columns = ImageDataset(pack, size=16, columns=("price", "goods.name"))[1]
    three = ImageDataset(pack, size=16, columns=("price",), label="group")[1]

    assert alone.shape == image.shape == (3, 16, 16)
    assert (float(columns["price"]), columns["goods.name"]) == (0.75, "Thing 3")
    assert [type(part) for part in three] == [torch.Tensor, int, dict]


def test_a_dataset_is_a_sequence_that_ends(pack: Pack) -> None:
    """Iteration stops behind the last sample, and a place that is none is an IndexError."""
    dataset = ImageDataset(pack, size=16)

    assert len(list(dataset)) == COUNT
    with pytest.raises(IndexError):
        dataset[COUNT]


def test_transforms_see_the_tensor(pack: Pack) -> None:
    """The transform is called with each image; the rest of the sample is left alone."""
    dataset = ImageDataset(pack, size=16, label="group", transform=lambda image: image.float() / 255)

    image, label = next(iter(data.DataLoader(dataset, batch_size=4, collate_fn=collate)))

    assert image.dtype == torch.float32
    assert 0 < float(image.mean()) < 1
    assert label.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("columns", [(), ("price", "goods.name")])
def test_collate_gives_what_pytorch_gives_without_copying(pack: Pack, columns: tuple[str, ...]) -> None:
    """The same values as default_collate, in the memory that the samples are views of."""
    dataset = ImageDataset(pack, size=16, label="group", columns=columns)
    samples = dataset.__getitems__([3, 1, 50])

    ours, theirs = collate(samples), data.default_collate(samples)

    assert torch.equal(ours[0], theirs[0])
    assert ours[0].data_ptr() == samples[0][0].data_ptr()
    assert ours[0].is_contiguous(memory_format=torch.channels_last)
    assert ours[1].dtype == torch.int64
    assert torch.equal(ours[1], theirs[1])
    for name in columns:
        assert torch.equal(ours[2]["price"], theirs[2]["price"]), name
        assert ours[2]["goods.name"] == theirs[2]["goods.name"]


@pytest.mark.parametrize("method", METHODS)
def test_workers_give_the_same_however_they_are_started(pack: Pack, method: str) -> None:
    """Two worker processes give the batches of none, in order, each sample once."""
    dataset = ImageDataset(pack, size=16, label="group", crop="random", flip=True, threads=2)
    dataset.set_epoch(3)

    alone = loaded(dataset)
    shared = loaded(dataset, num_workers=2, multiprocessing_context=method, collate_fn=collate)

    assert sum(len(labels) for _, labels in shared) == COUNT
    for (image, label), (other_image, other_label) in zip(alone, shared, strict=True):
        assert torch.equal(image, other_image)
        assert torch.equal(label, other_label)


def test_workers_share_the_cores(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eight cores two workers take four each, unless told otherwise; this process keeps all of them."""
    monkeypatch.setattr("packhouse._src.loader.sample_options.default_workers", lambda *, most: min(8, most))
    dataset, told = ImageDataset(pack, size=16), ImageDataset(pack, size=16, threads=3)

    def found(dataset: ImageDataset) -> set[int]:
        options = {"num_workers": 2, "multiprocessing_context": "fork"}
        return set(loaded(dataset, collate_fn=lambda _samples: dataset.samples.threads, **options))

    assert found(dataset) == {4}
    assert found(told) == {3}
    assert dataset.samples.threads == 8


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_persistent_workers_hear_of_the_next_epoch(pack: Pack, method: str) -> None:
    """set_epoch changes the crops of workers that are running already, to those of that epoch."""
    dataset = ImageDataset(pack, size=16, crop="random-resized")
    loader = data.DataLoader(
        dataset, batch_size=16, num_workers=1, persistent_workers=True, multiprocessing_context=method
    )

    found = []
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        found.append(torch.cat(list(loader)))

    assert not torch.equal(found[0], found[1])
    assert torch.equal(found[1], torch.cat(loaded(dataset)))


def test_crops_are_new_each_time_until_an_epoch_is_said(pack: Pack) -> None:
    """As transforms of torchvision: from PyTorch's generator, so that a seed repeats them."""
    dataset = ImageDataset(pack, size=16, crop="random-resized")

    torch.manual_seed(7)
    first, second = dataset[0], dataset[0]
    torch.manual_seed(7)
    again = dataset[0]
    dataset.set_epoch(0)

    assert not torch.equal(first, second)
    assert torch.equal(first, again)
    assert torch.equal(dataset[0], dataset[0])
    assert np.array_equal(dataset[0].permute(1, 2, 0).numpy(), dataset.samples[0].image)


def test_subsets_ask_for_batches_too(pack: Pack) -> None:
    """Parts of random_split give all samples between them, and share memory through collate."""
    dataset = ImageDataset(pack, size=16)
    parts = data.random_split(dataset, [45, 15], generator=torch.Generator().manual_seed(0))

    batches = [batch for part in parts for batch in loaded(part, collate_fn=collate)]

    assert np.array_equal(images_of(batches), images_of(loaded(dataset)))


def test_images_of_stored_sizes_are_a_list(pack: Pack) -> None:
    """Without a size nothing is stacked: a batch is a list of tensors."""
    (batch, *_) = loaded(ImageDataset(pack, size=None), collate_fn=collate)

    assert [tuple(image.shape) for image in batch] == [(3, 48, 36)] * 16


def test_batches_are_shorter_by_what_is_skipped(damaged: Pack) -> None:
    """DataLoader gets 59 samples, with one warning that names the image; alone it cannot be left out."""
    dataset = ImageDataset(damaged, size=16, label="group", on_error="skip")
    place = dataset.samples.keys.index("red/0002")

    with pytest.warns(UserWarning, match="red/0002: not an image"):
        batches = loaded(dataset)

    assert sum(len(label) for _, label in batches) == COUNT - 1
    assert list(dataset.broken) == ["red/0002"]
    with pytest.raises(ImageError, match=r"red/0002.* nothing is left to return"):
        dataset[place]


def test_a_broken_image_says_so_through_a_worker(damaged: Pack) -> None:
    """The error of a worker process arrives as ours, with the key."""
    with pytest.raises(ImageError, match="red/0002"):
        loaded(ImageDataset(damaged, size=16), num_workers=1)


def test_it_pickles_small(pack: Pack) -> None:
    """A worker is sent the recipe, not the index."""
    dataset = ImageDataset(pack, size=16, label="group", columns=("price",))

    sent = pickle.dumps(dataset)

    assert len(sent) < 4096
    assert torch.equal(pickle.loads(sent)[5][0], dataset[5][0])  # noqa: S301


def test_options_that_are_none_are_refused(pack: Pack) -> None:
    """What pack.samples does not know, the dataset does not either."""
    with pytest.raises(TypeError, match="colour"):
        ImageDataset(pack, colour="red")
    with pytest.raises(UsageError, match="crop"):
        ImageDataset(pack, crop="middle")


@pytest.mark.filterwarnings("ignore:.*pin_memory.*no accelerator:UserWarning")  # PyTorch's, without a GPU
def test_pinned_batches_are_the_same(pack: Pack) -> None:
    """pin_memory takes what collate gives."""
    dataset = ImageDataset(pack, size=16, label="group", columns=("price", "goods.name"))

    pinned = loaded(dataset, pin_memory=True, collate_fn=collate)

    assert torch.equal(pinned[1][0], loaded(dataset)[1][0])


@pytest.fixture
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_two_threads")
def test_a_model_learns_the_colours(pack: Pack) -> None:
    """A few steps of gradient descent on the tensors as they come tell red from green from blue."""
    torch.manual_seed(0)
    dataset = ImageDataset(pack, size=16, label="group", crop="random-resized", flip=True)
    model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []

    for epoch in range(10):
        dataset.set_epoch(epoch)
        for images, labels in data.DataLoader(dataset, batch_size=20, shuffle=True, collate_fn=collate):
            loss = torch.nn.functional.cross_entropy(model(images.float() / 255), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))

    assert losses[-1] < losses[0] / 2
