"""HDF5 files as tutorials and data sets have them: what is packed, which labels it has, what opens in place.

Pixels are compared with what h5py was given, through Pillow; labels with those that went in.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import packhouse
from hdf5_kit import (
    GREY,
    NUMBERS,
    PIXELS,
    WORDS,
    Look,
    are_equal,
    as_pillow_reads,
    check,
    labels_of,
    png,
    texts,
    write,
)
from packhouse._src.cli.main import run
from packhouse.errors import SourceNotFoundError, UsageError

ONE = (1, 24, 18, 3)


def pcam(file: h5py.File) -> None:
    """PatchCamelyon: labels have four axes, as the images."""
    file["x"] = PIXELS
    file["y"] = NUMBERS.astype("u1").reshape(-1, 1, 1, 1)


def cat(file: h5py.File) -> None:
    """The cat / non-cat tutorial."""
    file["train_set_x"] = PIXELS
    file["train_set_y"] = NUMBERS
    file["list_classes"] = np.array([b"cat", b"dog", b"emu"])


def images_and_labels(file: h5py.File) -> None:
    """The commonest tutorial: labels are text."""
    file["images"] = PIXELS
    file["labels"] = texts(WORDS)


def train_and_test(file: h5py.File) -> None:
    """Keras's four arrays, all of one length; in a pack the test images come first."""
    file["x_train"], file["y_train"] = PIXELS, NUMBERS
    file["x_test"], file["y_test"] = PIXELS[::-1], NUMBERS[::-1].reshape(-1, 1)


def group_per_split(file: h5py.File) -> None:
    """A group a split; the labels are bytes."""
    file["train/images"], file["train/labels"] = PIXELS[:8], NUMBERS[:8].astype("u1")
    file["val/images"], file["val/labels"] = PIXELS[8:], NUMBERS[8:].astype("u1")


def group_per_kind(file: h5py.File) -> None:
    """A group for the images and one for the labels."""
    file["labels/train"], file["labels/test"] = NUMBERS[:8], NUMBERS[8:]
    file["images/test"], file["images/train"] = PIXELS[8:], PIXELS[:8]


def cifar(file: h5py.File) -> None:
    """CIFAR-like: channels first."""
    file["data"] = PIXELS.transpose(0, 3, 1, 2)
    file["label"] = NUMBERS


def mnist(file: h5py.File) -> None:
    """MNIST-like: grey, without an axis of channels."""
    file["train/images"], file["train/labels"] = GREY, NUMBERS


def matlab(file: h5py.File) -> None:
    """MATLAB 7.3: all axes in reverse, numbers as double."""
    images = file.create_dataset("images", data=PIXELS.transpose(0, 3, 2, 1))
    labels = file.create_dataset("y", data=NUMBERS.astype("f8")[None, :])
    images.attrs["MATLAB_class"], labels.attrs["MATLAB_class"] = np.bytes_("uint8"), np.bytes_("double")


def matlab_cells(file: h5py.File) -> None:
    """MATLAB 7.3: pictures in a cell array, compressed; labels as a cell array of text."""

    def cells(name: str, elements: Sequence[NDArray[Any]], kind: str) -> None:
        made = []
        for element in elements:
            one = file.create_dataset(f"#refs#/_{len(file['#refs#'])}", data=element, compression="gzip")
            one.attrs["MATLAB_class"] = np.bytes_(kind)
            made.append(one.ref)
        cell = file.create_dataset(name, data=np.array([made], dtype=h5py.ref_dtype))
        cell.attrs["MATLAB_class"] = np.bytes_("cell")

    file.create_group("#refs#").create_dataset("a", data=np.zeros(2, "u8"))
    file["#refs#/a"].attrs["MATLAB_class"] = np.bytes_("canonical empty")
    cells("pictures", [one.transpose(2, 1, 0) for one in PIXELS], "uint8")
    cells("label", [np.frombuffer(word.encode("utf-16-le"), "<u2")[:, None] for word in WORDS], "char")


def a_group_each(file: h5py.File) -> None:
    """A group for each sample: its picture and its label."""
    for row in range(12):
        file[f"sample_{row:02d}/image"] = PIXELS[row]
        file[f"sample_{row:02d}/label"] = WORDS[row] if row % 2 else np.bytes_(WORDS[row])
        file[f"sample_{row:02d}/age"] = row


def one_each_with_attributes(file: h5py.File) -> None:
    """A dataset an image, whose attributes say what it is."""
    for row in range(12):
        image = file.create_dataset(f"images/{row:02d}", data=PIXELS[row])
        image.attrs["label"] = WORDS[row]
        image.attrs["price"] = row / 4


def hdf5_images(file: h5py.File) -> None:
    """The HDF5 Image specification: interlaced by pixel and by plane, a grey one, a palette."""
    for name, data, mode in (
        ("a", PIXELS[0], "INTERLACE_PIXEL"),
        ("b", PIXELS[1].transpose(2, 0, 1), "INTERLACE_PLANE"),
        ("c", PIXELS[2].transpose(0, 2, 1), "INTERLACE_LINE"),
        ("d", GREY[3], ""),
    ):
        image = file.create_dataset(name, data=data)
        image.attrs["CLASS"], image.attrs["IMAGE_VERSION"] = np.bytes_("IMAGE"), np.bytes_("1.2")
        if mode:
            image.attrs["INTERLACE_MODE"] = np.bytes_(mode)
    file.create_dataset("palette", data=PIXELS[0, :, 0]).attrs["CLASS"] = np.bytes_("PALETTE")


def planes(file: h5py.File) -> None:
    """A picture a dataset, channels first."""
    for row in range(12):
        file[f"photo_{row:02d}"] = PIXELS[row].transpose(2, 0, 1)


def with_masks(file: h5py.File) -> None:
    """Masks, landmarks, boxes and one-hot labels beside the images."""
    file["images"] = PIXELS
    file["masks"] = (GREY > 99).astype("u1")
    file["landmarks"] = np.zeros((12, 68, 2), "u1")
    file["bbox"] = np.zeros((12, 4))
    file["onehot"] = np.eye(12, dtype="u1")
    file["class"] = NUMBERS


def floats(file: h5py.File) -> None:
    """Pixels divided by 255, as networks want them."""
    file["images"] = (PIXELS / 255).astype("f4")
    file["labels"] = NUMBERS


def base64_text(file: h5py.File) -> None:
    """PNG files as base64 text."""
    file["images"] = texts([base64.b64encode(png(one)).decode() for one in PIXELS])
    file["labels"] = NUMBERS


def compressed(file: h5py.File) -> None:
    """Chunks that cut through images, gzip, checksums; the labels too."""
    how = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    file.create_dataset("x", data=PIXELS, chunks=(5, 7, 18, 2), **how)
    file.create_dataset("y", data=np.array(WORDS, "S3"), chunks=(5,), **how)


def resizable(file: h5py.File) -> None:
    """Chunks of h5py's choice in a dataset that can grow, lzf."""
    file.create_dataset("images", data=GREY, maxshape=(None, 24, 18), compression="lzf")
    file.create_dataset("labels", data=NUMBERS, maxshape=(None,), chunks=True)


def grown(file: h5py.File) -> None:
    """Resizable, one image a chunk, not compressed: read where it lies."""
    images = file.create_dataset("images", (0, *ONE[1:]), "u1", maxshape=(None, *ONE[1:]), chunks=ONE)
    for row in range(12):
        images.resize(row + 1, axis=0)
        images[row] = PIXELS[row]


def values_of_bytes(file: h5py.File) -> None:
    """PNG files as bytes of variable length, in compressed chunks."""
    kind = h5py.vlen_dtype(np.uint8)
    images = file.create_dataset("images", (12,), kind, compression="gzip", chunks=(5,))
    for row in range(12):
        images[row] = np.frombuffer(png(PIXELS[row]), "u1")
    file["labels"] = NUMBERS


def compressed_files(file: h5py.File) -> None:
    """A dataset an image, its PNG file compressed once more, or within the header of the dataset."""
    for row in range(11):
        data = np.frombuffer(png(PIXELS[row]), "u1")
        file.create_dataset(f"images/{row:02d}", data=data, compression="gzip", chunks=(100,))
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_layout(h5py.h5d.COMPACT)
    data = np.frombuffer(png(PIXELS[11]), "u1")
    space = h5py.h5s.create_simple((len(data),))
    made = h5py.h5d.create(file["images"].id, b"11", h5py.h5t.NATIVE_UINT8, space, created)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, data)


BOTH = [*PIXELS[::-1], *PIXELS]
LOOKS = {
    "pcam": Look(pcam, PIXELS, NUMBERS.tolist()),
    "cat": Look(cat, PIXELS, NUMBERS.tolist(), columns={"y_name": WORDS, "split": ["train"] * 12}),
    "images and labels": Look(images_and_labels, PIXELS, WORDS),
    "train and test": Look(
        train_and_test,
        BOTH,
        [*NUMBERS[::-1], *NUMBERS],
        columns={"split": ["test"] * 12 + ["train"] * 12},
    ),
    "group per split": Look(
        group_per_split, PIXELS, NUMBERS.tolist(), columns={"split": ["train"] * 8 + ["val"] * 4}
    ),
    "group per kind": Look(group_per_kind, [*PIXELS[8:], *PIXELS[:8]], [*NUMBERS[8:], *NUMBERS[:8]]),
    "cifar": Look(cifar, PIXELS, NUMBERS.tolist(), in_place=False),
    "mnist": Look(mnist, GREY, NUMBERS.tolist()),
    "matlab": Look(matlab, PIXELS, NUMBERS.tolist(), in_place=False),
    "matlab cells": Look(matlab_cells, PIXELS, WORDS, in_place=False),
    "a group each": Look(a_group_each, PIXELS, WORDS, columns={"age": range(12)}),
    "attributes": Look(
        one_each_with_attributes, PIXELS, WORDS, columns={"price": [row / 4 for row in range(12)]}
    ),
    "planes": Look(planes, PIXELS, in_place=False),
    "masks": Look(with_masks, PIXELS, NUMBERS.tolist(), refused=["bbox", "landmarks", "masks", "onehot"]),
    "floats": Look(floats, PIXELS, NUMBERS.tolist(), in_place=False, options={"convert": True}),
    "base64": Look(base64_text, PIXELS, NUMBERS.tolist(), in_place=False, options={"convert": True}),
    "compressed": Look(compressed, PIXELS, WORDS, in_place=False),
    "resizable": Look(resizable, GREY, NUMBERS.tolist(), in_place=False),
    "grown": Look(grown, PIXELS),
    "values of bytes": Look(values_of_bytes, PIXELS, NUMBERS.tolist(), in_place=False),
    "compressed files": Look(compressed_files, PIXELS, in_place=False),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_alike(tmp_path: Path, name: str) -> None:
    """Packed: pixels, labels, and what is refused; opened: the same, or the command that packs it."""
    check(LOOKS[name], tmp_path)


def test_images_by_the_hdf5_specification(tmp_path: Path) -> None:
    """Attributes say how pixels are interlaced; a palette is no image."""
    path = write(tmp_path, hdf5_images)

    report = packhouse.pack(path, tmp_path / "x.pack")

    assert [one.path for one in report.failed] == ["palette"]
    with packhouse.open(tmp_path / "x.pack") as pack:
        found = as_pillow_reads(pack)
    expected = [PIXELS[0], PIXELS[1], PIXELS[2], GREY[3]]
    assert are_equal(found, expected)


@pytest.mark.parametrize("make", [floats, base64_text])
def test_what_is_converted_only_on_request_is_refused_by_name(
    tmp_path: Path, make: Callable[[h5py.File], object], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --convert: which dataset, and the option; exit code 1, since there is nothing else."""
    path = write(tmp_path, make)

    assert run(["pack", str(path), "-o", str(tmp_path / "x.pack")]) == 1

    told = capsys.readouterr().err
    assert "images: holds" in told
    assert "--convert" in told
    assert not (tmp_path / "x.pack").exists()


@pytest.mark.parametrize(
    ("shape", "name", "layouts"),
    [
        ((12, 24, 18), "things", ["NHW"]),
        ((3, 24, 18), "images", ["CHW", "NHW"]),
        ((4, 24, 18), "thing", ["CHW", "NHW"]),
        ((12, 4, 5, 4), "data", ["NHWC", "NCHW"]),
    ],
)
def test_what_is_unclear_is_refused_with_the_option(
    tmp_path: Path, shape: tuple[int, ...], name: str, layouts: list[str]
) -> None:
    """No guess: the message has the options, and each of them gives the pixels that NumPy gives."""
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = write(tmp_path, lambda file: file.create_dataset(name, data=array))

    with pytest.raises(SourceNotFoundError, match=f"--images-from {name}") as caught:
        packhouse.pack(path, tmp_path / "x.pack")
    for layout in layouts:
        assert f"--layout {layout}" in str(caught.value)
        packhouse.pack(path, tmp_path / "x.pack", images_from=name, layout=layout, overwrite=True)
        axes = [layout.index(axis) for axis in "NHWC" if axis in layout]
        images = array.transpose(axes) if "N" in layout else array.transpose(axes)[None]
        with packhouse.open(tmp_path / "x.pack") as pack:
            assert are_equal(as_pillow_reads(pack), images)


def test_chosen_datasets_and_groups(tmp_path: Path) -> None:
    """Only they are images; their labels stay; `open` and `index` take them too, and keep the choice."""
    path = write(tmp_path, with_masks)

    report = packhouse.pack(path, tmp_path / "x.pack", images_from="/masks")
    with packhouse.open(path, images_from=["masks"]) as pack:
        found = as_pillow_reads(pack)
        assert labels_of(pack, "y") == NUMBERS.tolist()
    with packhouse.open(path) as pack:
        assert next(iter(pack.images)) == "masks/00"
    assert run(["index", str(path), "--images-from", "images", "--layout", "NHWC"]) == 3
    with packhouse.open(path) as pack:
        assert next(iter(pack.images)) == "images/00"

    assert {one.path for one in report.failed} == {"images", "landmarks", "bbox", "onehot"}
    assert are_equal(found, (GREY > 99).astype("u1"))


def test_wishes_that_cannot_be_met(tmp_path: Path) -> None:
    """A dataset that is not there, an unknown layout, one that does not fit, and no HDF5 file at all."""
    path = write(tmp_path, pcam)

    with pytest.raises(UsageError, match="no dataset 'imgs'") as caught:
        packhouse.open(path, images_from="imgs")
    assert "x, y" in caught.value.hint
    with pytest.raises(UsageError, match="layout is 'XYZ'"):
        packhouse.pack(path, tmp_path / "x.pack", layout="XYZ")
    with pytest.raises(SourceNotFoundError, match=r"\(12, 24, 18, 3\) is not NCHW .*; NHWC fits it"):
        packhouse.pack(path, tmp_path / "x.pack", images_from="x", layout="NCHW")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="for HDF5 files"):
        packhouse.pack(tmp_path / "folder", tmp_path / "y.pack", convert=True)
    with pytest.raises(UsageError, match="for HDF5 files"):
        packhouse.open(tmp_path, layout="NCHW")
