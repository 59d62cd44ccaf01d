"""`packhouse.keras.ImageSequence` under Keras's own fit, on the torch backend."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import packhouse
from frameworks_kit import COUNT, framework
from packhouse._src.cli.main import run
from packhouse._src.opening import Pack
from packhouse.errors import ImageError

keras = framework("keras", extra="keras")

from packhouse.keras import ImageSequence  # noqa: E402  # it needs Keras

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras")


def numbers(sequence: ImageSequence) -> list[list[float]]:
    """Return a number of each image, which tells it apart, batch by batch."""
    return [inputs["price"].tolist() for inputs in (sequence[place] for place in range(len(sequence)))]


def test_an_epoch_gives_each_image_once(pack: Pack) -> None:
    """In another order each epoch, the same for the same seed; any thread may ask, in any order."""
    sequence = ImageSequence(pack, batch_size=16, size=8, columns="price", seed=3)
    first = numbers(sequence)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda place: sequence[place]["price"].tolist(), [3, 1, 0, 2]))

    sequence.on_epoch_end()
    second = numbers(sequence)

    assert [len(one) for one in first] == [16, 16, 16, 12]
    assert again == [first[place] for place in (3, 1, 0, 2)]
    assert sorted(chain(*first)) == sorted(chain(*second)) == [number / 4 for number in range(COUNT)]
    assert first != second
    assert numbers(ImageSequence(pack, batch_size=16, size=8, columns="price", seed=3, epoch=1)) == second
    assert len(ImageSequence(pack, batch_size=16, size=8, drop_last=True)) == 3


@pytest.mark.parametrize("options", [{"sampler": "balanced", "label": "group"}, {"weights": "price"}])
def test_draws_are_those_of_the_loader(pack: Pack, options: dict[str, Any]) -> None:
    """Balanced and weighted, with an epoch size of its own."""
    plain = pack.loader(16, size=8, columns="price", seed=3, epoch_size=50, **options)
    sequence = ImageSequence(pack, batch_size=16, size=8, columns="price", seed=3, epoch_size=50, **options)
    for _epoch in range(2):
        expected = [batch.columns["price"].tolist() for batch in plain]
        given = [sequence[place] for place in range(len(sequence))]
        inputs = [one[0] if isinstance(one, tuple) else one for one in given]
        assert [one["price"].tolist() for one in inputs] == expected
        sequence.on_epoch_end()


def test_batches_are_images_and_labels(pack: Pack) -> None:
    """As Keras takes them: channels last, labels for sparse losses."""
    sequence = ImageSequence(pack, batch_size=7, size=(8, 12), label="group", shuffle=False)

    images, labels = sequence[1]

    assert (images.shape, images.dtype) == ((7, 8, 12, 3), np.uint8)
    keys = list(pack.images)[7:14]
    assert sequence.classes is not None
    assert [sequence.classes[label] for label in labels] == [key.partition("/")[0] for key in keys]
    assert np.array_equal(images[2], pack.images[keys[2]].decode(size=(8, 12)))
    with pytest.raises(IndexError):
        sequence[9]


@pytest.mark.parametrize("options", [{}, {"workers": 2}])
def test_a_model_learns_the_colours(pack: Pack, options: dict[str, Any]) -> None:
    """By fit, over several epochs, each begun by Keras itself."""
    keras.utils.set_random_seed(0)
    sequence = ImageSequence(pack, batch_size=15, size=8, label="group", seed=1, **options)
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.1), loss, metrics=["accuracy"])

    history = model.fit(sequence, epochs=8, shuffle=False, verbose=0).history

    assert history["loss"][-1] < history["loss"][0] / 2
    assert model.evaluate(sequence, verbose=0)[1] > 0.9
    assert sequence.epoch >= 8


class _Noting(ImageSequence):
    """Notes what it is asked for."""

    asked: list[tuple[int, int]]

    def __getitem__(self, index: int) -> Any:
        self.asked.append((self.epoch, index))
        return super().__getitem__(index)


@pytest.mark.parametrize("is_built", [False, True])
def test_fit_trains_on_the_epochs_that_were_asked_for(pack: Pack, *, is_built: bool) -> None:
    """From the first one, one after the other; a model that is not built draws a batch more before."""
    sequence = _Noting(pack, batch_size=15, size=8, label="group", epoch=5)
    sequence.asked = []
    model = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
    if is_built:
        model.build((None, 8, 8, 3))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    model.fit(sequence, epochs=2, shuffle=False, verbose=0)
    model.fit(sequence, epochs=1, shuffle=False, verbose=0)
    model.evaluate(sequence, verbose=0)

    assert sequence.asked[0] == (5, 0)  # drawn to build the model, or its metrics
    assert sequence.asked[1:] == [(epoch, index) for epoch in (5, 6, 7, 8) for index in range(4)]
    assert sequence.epoch == 9


def test_a_broken_image_is_left_out_and_noted(damaged: Pack) -> None:
    """Or raises, by its name."""
    with pytest.raises(ImageError, match="red/0002"):
        numbers(ImageSequence(damaged, size=8, columns="price"))
    sequence = ImageSequence(damaged, size=8, columns="price", on_error="skip")
    with pytest.warns(UserWarning, match="red/0002"):
        assert sum(map(len, numbers(sequence))) == COUNT - 1
    assert set(sequence.broken) == {"red/0002"}


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_model_learns_from_the_file_of_a_tutorial(tmp_path: Path, *, is_packed: bool) -> None:
    """An HDF5 file with images and labels, as h5py writes them: opened where it is, or packed."""
    labels = np.arange(60) % 2
    images = np.random.default_rng(0).integers(0, 90, (60, 16, 16, 3), dtype=np.uint8)
    images[labels == 1, :, :, 0] += 120
    with h5py.File(tmp_path / "tutorial.h5", "w") as file:
        file["images"], file["labels"] = images, labels
    path = tmp_path / "tutorial.h5"
    if is_packed:
        assert run(["pack", str(path), "-o", str(tmp_path / "tutorial.pack")]) == 0
        path = tmp_path / "tutorial.pack"
    keras.utils.set_random_seed(0)

    sequence = ImageSequence(packhouse.open(path), batch_size=20, size=16, label="labels.y", seed=1)
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.1), loss, metrics=["accuracy"])
    model.fit(sequence, epochs=20, shuffle=False, verbose=0)
    inputs = [sequence[place] for place in range(len(sequence))]

    assert sequence.classes == [0, 1]
    found = sorted((image.tobytes(), label) for batch in inputs for image, label in zip(*batch, strict=True))
    assert found == sorted(zip((image.tobytes() for image in images), labels, strict=True))
    assert model.evaluate(sequence, verbose=0)[1] == 1.0
