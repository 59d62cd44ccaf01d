"""Images as tensors, arrays or Pillow images, with the transforms that want them, and ImageFolder's names."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import packhouse
from frameworks_kit import COLOURS, COUNT, framework
from packhouse._src.opening import Pack
from packhouse.errors import UsageError

torch = framework("torch", extra="torch")
data = framework("torch.utils.data", extra="torch")
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for its version
albumentations = framework("albumentations", extra="torch")

from packhouse.torch import ImageBatches, ImageDataset, collate  # noqa: E402  # it needs PyTorch


def to_tensor(picture: Any) -> Any:
    """Do what torchvision's ToTensor does: a Pillow image to (channels, height, width) float32, 0 to 1."""
    assert isinstance(picture, Image.Image)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)


def test_pillow_images_are_those_of_image_folder(pack: Pack, colours: tuple[Path, dict[str, bytes]]) -> None:
    """With stored sizes: what Pillow itself opens, in the order of ImageFolder, with its label."""
    dataset = ImageDataset(pack, size=None, label="group", output="pil")

    for place, (key, encoded) in enumerate(sorted(colours[1].items())):
        picture, label = dataset[place]
        assert isinstance(picture, Image.Image)
        assert (picture.mode, picture.size) == ("RGB", (36, 48))
        assert sorted(COLOURS)[label] == key.partition("/")[0]
        opened = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"), int)
        assert np.abs(np.asarray(picture, int) - opened).max() <= 2  # libjpeg-turbo of another version


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "RGB"), ("L", "L")])
def test_modes_of_pillow_images(pack: Pack, mode: Any, kind: str) -> None:
    """One channel is mode L."""
    dataset = ImageDataset(pack, size=16, mode=mode, output="pil")

    picture = dataset[3]

    assert picture.mode == kind
    assert np.array_equal(np.asarray(picture).reshape(16, 16, -1), dataset.samples[3].image)


def test_arrays_have_their_channels_last(pack: Pack) -> None:
    """As OpenCV and albumentations want them; in a batch they are a tensor, as PyTorch has it."""
    dataset = ImageDataset(pack, size=(16, 12), label="group", output="numpy")

    image, label = dataset[7]

    assert isinstance(image, np.ndarray)
    assert (image.shape, image.dtype, label) == ((16, 12, 3), np.uint8, 0)
    assert np.array_equal(image, dataset.samples[7].image)
    for collate_fn in (None, collate):
        (images, _), *_ = data.DataLoader(dataset, batch_size=8, collate_fn=collate_fn)
        assert (type(images), tuple(images.shape)) == (torch.Tensor, (8, 16, 12, 3))
        assert np.array_equal(images[7], image)


def test_transforms_get_what_was_asked_for(pack: Pack) -> None:
    """A transform of torchvision a Pillow image, one of albumentations an array, by name."""
    plain = ImageDataset(pack, size=16)
    by_pillow = ImageDataset(pack, size=16, output="pil", transform=to_tensor)
    flip = albumentations.Compose([albumentations.HorizontalFlip(p=1.0)])
    by_array = ImageDataset(pack, size=16, output="numpy", transform=flip)
    own = ImageDataset(pack, size=16, output="numpy", transform=lambda image: flip(image=image)["image"])

    assert torch.equal(by_pillow[5], plain[5].float() / 255)
    flipped = plain[5].flip(2).permute(1, 2, 0).numpy()
    assert np.array_equal(by_array[5], flipped)
    assert np.array_equal(own[5], flipped)
    (images, *_) = data.DataLoader(by_pillow, batch_size=4)
    assert (images.dtype, tuple(images.shape)) == (torch.float32, (4, 3, 16, 16))


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_transformed_image_by_image(pack: Pack, workers: int) -> None:
    """In workers too; the labels stay with them."""
    options: dict[str, Any] = {"batch_size": 16, "size": 16, "label": "group", "shuffle": False}
    plain = list(ImageBatches(pack, **options))
    batches = ImageBatches(pack, output="pil", transform=to_tensor, **options)

    found = list(data.DataLoader(batches, batch_size=None, num_workers=workers, multiprocessing_context=None))

    assert [len(labels) for _, labels in found] == [16, 16, 16, 12]
    for (images, labels), (expected, expected_labels) in zip(found, plain, strict=True):
        assert torch.equal(images, expected.float() / 255)
        assert torch.equal(labels, expected_labels)


def test_batches_in_other_forms(pack: Pack) -> None:
    """Without a transform: arrays as they are, Pillow images as a list; stored sizes are lists."""
    options: dict[str, Any] = {"batch_size": 16, "shuffle": False}
    (arrays, *_) = ImageBatches(pack, size=16, output="numpy", **options)
    (pictures, *_) = ImageBatches(pack, size=16, output="pil", **options)
    (stored, *_) = ImageBatches(pack, size=None, output="pil", transform=to_tensor, **options)

    assert isinstance(arrays, np.ndarray)
    assert arrays.shape == (16, 16, 16, 3)
    assert all(np.array_equal(np.asarray(one), array) for one, array in zip(pictures, arrays, strict=True))
    assert [tuple(one.shape) for one in stored] == [(3, 48, 36)] * 16


def test_image_folder_s_names(pack: Pack, colours: tuple[Path, dict[str, bytes]]) -> None:
    """classes, class_to_idx, targets and imgs as a walk through the sorted folders gives them."""
    folder = colours[0].parent / "src" / "images"
    classes = sorted(one.name for one in folder.iterdir() if one.is_dir())
    paths = [path for name in classes for path in sorted((folder / name).iterdir())]
    dataset = ImageDataset(pack, size=8, label="group")

    assert dataset.classes == classes
    assert dataset.class_to_idx == {name: place for place, name in enumerate(classes)}
    assert dataset.targets == [classes.index(path.parent.name) for path in paths]
    assert dataset.imgs == [
        (path.relative_to(folder.parent).as_posix(), classes.index(path.parent.name)) for path in paths
    ]
    assert [int(label) for _, label in dataset] == dataset.targets
    batches = ImageBatches(pack, size=8, label="group")
    assert (batches.classes, batches.class_to_idx, batches.targets) == (
        dataset.classes,
        dataset.class_to_idx,
        dataset.targets,
    )
    some = ImageDataset(pack, size=8, where="key LIKE 'red/%'")
    assert (some.classes, some.class_to_idx, some.targets) == (None, {}, None)
    assert some.imgs == [(f"images/{key}.jpg", None) for key in some.samples.keys]


def test_a_short_description(pack: Pack) -> None:
    """How many of what, in which form."""
    dataset = ImageDataset(pack, size=8, label="group", output="pil", transform=to_tensor)
    batches = ImageBatches(pack, size=8, batch_size=16)

    assert repr(dataset).startswith(f"<ImageDataset: Samples: {COUNT} of {COUNT} images in ")
    assert repr(dataset).endswith("images.h5, 3 classes, output='pil', transformed>")
    assert repr(batches).startswith("<ImageBatches: 4 batches of 16, Samples: 60 of 60 images")


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("options", [{"batch_size": 32}, {}, {"batch_size": 1, "drop_last": True}])
def test_a_loader_that_would_batch_batches_is_refused(
    pack: Pack, options: dict[str, Any], workers: int
) -> None:
    """At once, with what to write instead; without a batch size it is right."""
    batches = ImageBatches(pack, batch_size=16, size=8)

    with pytest.raises(UsageError, match=r"whole batches(.*\n)*.*batch_size=None"):
        data.DataLoader(batches, num_workers=workers, **options)
    assert len(list(data.DataLoader(batches, batch_size=None, num_workers=workers))) == 4


def test_outputs_that_are_none_are_refused(pack: Pack, tmp_path: Path) -> None:
    """Before anything is read; and what Pillow has no image of when it comes."""
    kinds: tuple[Any, ...] = (ImageDataset, ImageBatches)
    for kind in kinds:
        with pytest.raises(UsageError, match=r"output='PIL'(.*\n)*.*\"pil\""):
            kind(pack, size=8, output="PIL")
    (tmp_path / "src").mkdir()
    Image.fromarray(np.zeros((8, 8, 2), np.uint8), "LA").save(tmp_path / "src/two.png")
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / "src/wide.png")
    packhouse.pack(tmp_path / "src", tmp_path / "pack")
    raw = ImageDataset(packhouse.open(tmp_path / "pack"), size=None, mode="raw", output="pil")
    assert [picture.mode for picture in raw] == ["LA", "I;16"]
