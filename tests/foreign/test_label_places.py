"""Where third-party HDF5 files have labels: beside images, in groups of their own, in attributes; or none.

A label is given to an image only where the file says whose it is. Else it is refused by name, and what the
message says to do works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    found_in,
    png,
    texts,
    write,
)
from packhouse._src.cli.main import run
from packhouse.errors import SourceNotFoundError

ROWS = range(12)
COUNT = [f"{row:03d}" for row in ROWS]
LETTERS = ["k", "j", "h", "g", "f", "d", "s", "a", "q", "w", "e", "r"]
FIVES = [row * 5 % 12 for row in ROWS]
"""All rows in another order."""


def encoded(file: h5py.File, keys: Sequence[str]) -> None:
    """Write the pictures as PNG files, one a dataset."""
    for key, pixels in zip(keys, PIXELS, strict=True):
        file[key] = np.frombuffer(png(pixels), "u1")


def labels_beside_a_group(file: h5py.File) -> None:
    """N datasets in a group, N labels at the root."""
    encoded(file, [f"images/img_{name}.jpg" for name in COUNT])
    file["labels"] = texts(WORDS)


def numbers_without_zeros(file: h5py.File) -> None:
    """Names that HDF5 sorts as 0, 1, 10, 11, 2: the label of row 2 is that of image 2."""
    encoded(file, [f"images/{row}" for row in ROWS])
    file["labels"] = NUMBERS


def names_beside(file: h5py.File) -> None:
    """Names in no order, and a dataset with the order of the labels."""
    encoded(file, [f"images/{name}.png" for name in LETTERS])
    file["target"], file["files"] = NUMBERS, texts(LETTERS)


def created_in_order(file: h5py.File) -> None:
    """The file keeps the order in which its images were created, and it is that of their names."""
    group = file.create_group("photos", track_order=True)
    for name, pixels in zip(sorted(LETTERS), PIXELS, strict=True):
        group[name] = pixels
    file["y"] = NUMBERS


def references(file: h5py.File) -> None:
    """Object references in an order of their own; labels follow them."""
    for name, pixels in zip(COUNT, PIXELS, strict=True):
        file[f"store/{name}"] = pixels
    found = [file[f"store/{COUNT[row]}"].ref for row in FIVES]
    file.create_dataset("images", data=np.array(found, dtype=h5py.ref_dtype))
    file["labels"] = NUMBERS[FIVES]


def a_value_each(file: h5py.File) -> None:
    """One value a dataset, called as its image."""
    encoded(file, [f"train/images/{name}.png" for name in COUNT])
    for name, word in zip(COUNT, WORDS, strict=True):
        file[f"train/labels/{name}"] = word
        file[f"train/ages/{name}"] = int(name)


def other_groups(file: h5py.File) -> None:
    """Groups for the images and for what is known of them."""
    file["data/X_train"], file["data/X_test"] = PIXELS[:8], PIXELS[8:]
    file["answers/Y_train"], file["answers/Y_test"] = NUMBERS[:8], NUMBERS[8:]


def groups_with_attributes(file: h5py.File) -> None:
    """A group a sample, whose attributes are the labels; one image has its own."""
    for name, word in zip(COUNT, WORDS, strict=True):
        file[f"{name}/picture"] = PIXELS[int(name)]
        file[name].attrs["label"] = word if name != "003" else "wrong"
    file["003/picture"].attrs["label"] = WORDS[3]


def attributes_in_a_row(file: h5py.File) -> None:
    """One attribute with a label for each image, and one with the names of the classes."""
    images = file.create_dataset("images", data=PIXELS)
    images.attrs["labels"] = NUMBERS
    file.attrs["class_names"] = ["cat", "dog", "emu"]


def enumeration(file: h5py.File) -> None:
    """An HDF5 enumeration: its names are the labels."""
    kind = h5py.enum_dtype({"cat": 0, "dog": 1, "emu": 2}, basetype="u1")
    file["images"] = PIXELS
    file.create_dataset("labels", data=NUMBERS.astype("u1"), dtype=kind)
    file["is_dog"] = NUMBERS == 1


def one_hot(file: h5py.File) -> None:
    """Labels as Keras's to_categorical makes them, compressed."""
    file["x_train"] = PIXELS
    file.create_dataset("y_train", data=np.eye(3, dtype="f4")[NUMBERS], compression="gzip")


def as_many_classes_as_test_images(file: h5py.File) -> None:
    """Three test images, three names of classes: these name classes."""
    file["train_set_x"], file["train_set_y"] = PIXELS[:9], NUMBERS[:9]
    file["test_set_x"], file["test_set_y"] = PIXELS[9:], NUMBERS[9:]
    file["list_classes"] = np.array([b"cat", b"dog", b"emu"])


def numbered_classes(file: h5py.File) -> None:
    """A list of classes that says no more than 0, 1, 2."""
    file["images"], file["labels"], file["list_classes"] = PIXELS, NUMBERS, np.arange(3)


def a_single_image(file: h5py.File) -> None:
    """A stack of one, and its label."""
    file["images"], file["labels"] = PIXELS[:1], NUMBERS[:1]


def described(file: h5py.File) -> None:
    """Single values and texts that are of no image, and the mean of its three channels."""
    file["images"], file["labels"] = PIXELS[:3], NUMBERS[:3]
    file["mean"], file["n"], file["description"] = np.zeros(3), 3, "pictures of animals"


def two_sets(file: h5py.File) -> None:
    """Two cameras: left and right."""
    file["left/images"], file["right/images"], file["labels"] = PIXELS, PIXELS, NUMBERS


def names_in_no_order(file: h5py.File) -> None:
    """Names that do not count: the labels may be in the order of anything."""
    encoded(file, [f"images/{name}" for name in LETTERS])
    file["labels"] = NUMBERS


def demonstrations(file: h5py.File) -> None:
    """Groups of one length: a column belongs to the images below its own group."""
    for place, start in enumerate((0, 6)):
        file[f"demo_{place}/obs/camera_image"] = PIXELS[start : start + 6]
        file[f"demo_{place}/label"] = NUMBERS[start : start + 6]
        file[f"demo_{place}/obs/forces"] = np.zeros((6, 4), "f4")


def created_backwards(file: h5py.File) -> None:
    """Names count one way, and the images were created the other way."""
    group = file.create_group("images", track_order=True)
    for row in reversed(ROWS):
        group[COUNT[row]] = PIXELS[row]
    file["labels"] = NUMBERS


def sizes_of_two(file: h5py.File) -> None:
    """Two pictures, and two numbers that are not of them."""
    file["left"], file["right"], file["size"] = PIXELS[0], PIXELS[1], np.array([24, 18])


BY_NAME = sorted(zip(LETTERS, ROWS, strict=True))
UNPADDED = sorted(ROWS, key=str)
LABELLED = {
    "labels beside a group": Look(labels_beside_a_group, PIXELS, WORDS),
    "numbers without zeros": Look(numbers_without_zeros, PIXELS[UNPADDED], NUMBERS[UNPADDED].tolist()),
    "names beside": Look(
        names_beside, [PIXELS[row] for _, row in BY_NAME], [NUMBERS[row] for _, row in BY_NAME]
    ),
    "created in order": Look(created_in_order, PIXELS, NUMBERS.tolist()),
    "references": Look(references, PIXELS, NUMBERS.tolist()),
    "a value each": Look(a_value_each, PIXELS, WORDS, columns={"ages": ROWS}),
    "other groups": Look(
        other_groups,
        [*PIXELS[8:], *PIXELS[:8]],
        [*NUMBERS[8:], *NUMBERS[:8]],
        columns={"split": ["test"] * 4 + ["train"] * 8},
    ),
    "groups with attributes": Look(groups_with_attributes, PIXELS, WORDS),
    "attributes in a row": Look(attributes_in_a_row, PIXELS, NUMBERS.tolist(), columns={"y_name": WORDS}),
    "enumeration": Look(enumeration, PIXELS, WORDS, columns={"is_dog": [number == 1 for number in NUMBERS]}),
    "one-hot": Look(one_hot, PIXELS, NUMBERS.tolist()),
    "as many classes as test images": Look(
        as_many_classes_as_test_images,
        [*PIXELS[9:], *PIXELS[:9]],
        [*NUMBERS[9:], *NUMBERS[:9]],
        columns={"y_name": [*WORDS[9:], *WORDS[:9]]},
    ),
    "numbered classes": Look(numbered_classes, PIXELS, NUMBERS.tolist()),
    "a single image": Look(a_single_image, PIXELS[:1], [0]),
    "described": Look(described, PIXELS[:3], NUMBERS[:3].tolist(), refused=["description", "mean", "n"]),
    "two sets": Look(two_sets, [*PIXELS, *PIXELS], refused=["labels"]),
    "names in no order": Look(names_in_no_order, [PIXELS[row] for _, row in BY_NAME], refused=["labels"]),
    "demonstrations": Look(
        demonstrations, PIXELS, NUMBERS.tolist(), refused=["demo_0/obs/forces", "demo_1/obs/forces"]
    ),
    "created backwards": Look(created_backwards, PIXELS, refused=["labels"]),
    "sizes of two": Look(sizes_of_two, PIXELS[:2], refused=["size"]),
}


@pytest.mark.parametrize("name", LABELLED)
def test_labels_are_found_where_they_are_clear(tmp_path: Path, name: str) -> None:
    """Each image has the label that went in with it; a column that is refused labels nothing."""
    look = LABELLED[name]

    images, labels, refused = found_in(write(tmp_path, look.make))

    assert refused == list(look.refused)
    assert are_equal(images.values(), look.pixels)
    expected = {"y": look.labels, **look.columns} if look.labels is not None else {}
    for column, values in expected.items():
        assert values is not None
        assert [labels.columns[column].get(key) for key in images] == list(values)
    assert labels.columns or look.labels is None


@pytest.mark.parametrize("name", ["labels beside a group", "a value each", "enumeration", "one-hot"])
def test_they_are_packed_and_opened_alike(tmp_path: Path, name: str) -> None:
    """The pack, the opened file and the loader have them."""
    check(LABELLED[name], tmp_path)


def class_groups(file: h5py.File, prefix: str = "", pictures: NDArray[np.uint8] = PIXELS) -> None:
    """A group a class."""
    for row in ROWS:
        file[f"{prefix}{WORDS[row]}/{row:04d}"] = pictures[row]


def class_groups_of_files(file: h5py.File) -> None:
    """A group a class, image files in them."""
    encoded(file, [f"{word}/{row:04d}" for row, word in enumerate(WORDS)])


def class_stacks(file: h5py.File) -> None:
    """A dataset a class."""
    for number, word in enumerate(("cat", "dog", "emu")):
        file[word] = PIXELS[number == NUMBERS]


def class_groups_in_splits(file: h5py.File) -> None:
    """A group a split, and in it a group a class."""
    encoded(file, [f"{'train' if row < 9 else 'test'}/{WORDS[row]}/{row:04d}" for row in ROWS])


def grey_class_groups(file: h5py.File) -> None:
    """A group a class, tables of bytes in them."""
    class_groups(file, pictures=GREY)


def class_groups_below(file: h5py.File) -> None:
    """A group for all classes."""
    class_groups(file, prefix="images/")


@pytest.mark.parametrize(
    "make",
    [
        class_groups,
        grey_class_groups,
        class_groups_below,
        class_groups_of_files,
        class_stacks,
        class_groups_in_splits,
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_groups_are_classes(tmp_path: Path, make: Callable[[h5py.File], None], *, is_packed: bool) -> None:
    """label="group", after packing and after opening the file: each image has the class of its group."""
    path = write(tmp_path, make)
    if is_packed:
        assert run(["pack", str(path), "-o", str(tmp_path / "x.pack")]) == 0
        path = tmp_path / "x.pack"

    with packhouse.open(path) as pack:
        loader = pack.loader(12, label="group", split="all", shuffle=False, size=(24, 18))
        batch = next(iter(loader))

    assert loader.classes == ["cat", "dog", "emu"]
    assert batch.labels is not None
    found = [(int(number), image.tobytes()) for number, image in zip(batch.labels, batch.images, strict=True)]
    grey = np.stack([GREY] * 3, axis=-1)
    pictures = grey if found[0][1] in {one.tobytes() for one in grey} else PIXELS
    assert sorted(found) == sorted(
        (int(number), picture.tobytes()) for number, picture in zip(NUMBERS, pictures, strict=True)
    )


def bytes_of(pictures: Iterable[Any]) -> list[bytes]:
    """Return pixels in an order that does not depend on keys."""
    return sorted(picture.tobytes() for picture in pictures)


def masks_in_a_group(file: h5py.File) -> None:
    """Pictures and, as many, masks of the same names."""
    for name, pixels, grey in zip(COUNT, PIXELS, GREY, strict=True):
        file[f"images/{name}"], file[f"masks/{name}"] = pixels, (grey > 99).astype("u1")


ADVICE: dict[str, tuple[Callable[[h5py.File], object], str, list[str], Any]] = {
    "volume": (
        lambda file: file.create_dataset("brain", data=GREY),
        "brain",
        ["--images-from", "brain", "--layout", "NHW"],
        GREY,
    ),
    "a stack of three": (
        lambda file: file.create_dataset("images", data=PIXELS[0].transpose(2, 0, 1)),
        "images",
        ["--images-from", "images", "--layout", "CHW"],
        PIXELS[:1],
    ),
    "a grey picture": (
        lambda file: file.create_dataset("a/thing", data=GREY[0]),
        "a/thing",
        ["--images-from", "a/thing", "--layout", "HW"],
        GREY[:1],
    ),
    "masks": (masks_in_a_group, "masks/000", ["--images-from", "masks"], (GREY > 99).astype("u1")),
    "depth": (
        lambda file: file.create_dataset("depth", data=GREY),
        "depth",
        ["--images-from", "depth"],
        GREY,
    ),
    "all groups": (
        lambda file: class_groups(file, pictures=GREY[:, :7]),
        "cat/0000",
        ["--images-from", "/", "--layout", "HW"],
        GREY[:, :7],
    ),
}


@pytest.mark.parametrize("name", ADVICE)
def test_the_option_that_a_message_names_takes_the_dataset(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message has the option; with it the pixels are those of NumPy; index and open take it too."""
    make, refused, options, pictures = ADVICE[name]
    path = write(tmp_path, make)

    assert run(["index", str(path)]) == 3
    told = capsys.readouterr().out
    assert refused in told
    assert all(option in told for option in options) or "/" in options
    assert run(["pack", str(path), "-o", str(tmp_path / "x.pack"), *options]) in {0, 3}

    with packhouse.open(tmp_path / "x.pack") as pack:
        assert bytes_of(as_pillow_reads(pack)) == bytes_of(pictures)


def rows_of_files(file: h5py.File) -> None:
    """Image files padded to one length."""
    rows = [png(one) for one in PIXELS]
    width = max(map(len, rows))
    file["images"] = np.stack([np.frombuffer(one.ljust(width, b"\0"), "u1") for one in rows])


def records(file: h5py.File) -> None:
    """A compound type with picture and label."""
    table = np.zeros(12, [("image", "u1", (24, 18, 3)), ("label", "i4")])
    table["image"], table["label"] = PIXELS, NUMBERS
    file["data"] = table


REFUSED: dict[str, tuple[Callable[[h5py.File], object], str]] = {
    "16 bits": (
        lambda file: file.create_dataset("x", data=PIXELS.astype("u2") * 257),
        "holds uint16 .*store them as uint8",
    ),
    "64 bits": (lambda file: file.create_dataset("x", data=PIXELS.astype("i8")), "holds int64 .*as uint8"),
    "floats": (
        lambda file: file.create_dataset("x", data=PIXELS.astype("f4")),
        "from 0 to 255; only .*as uint8",
    ),
    "booleans": (lambda file: file.create_dataset("x", data=PIXELS > 9), "true and false.*as uint8"),
    "flattened": (
        lambda file: file.create_dataset("data", data=GREY[:, :18].reshape(12, -1)),
        r"\(12, 18, 18\)",
    ),
    "flattened colours": (
        lambda file: file.create_dataset("data", data=np.zeros((12, 3072), "f4")),
        r"\(12, 32, 32, 3\)",
    ),
    "images along the last axis": (
        lambda file: file.create_dataset("X", data=PIXELS.transpose(1, 2, 3, 0)),
        "transpose it to",
    ),
    "a table among images": (
        lambda file: file.create_dataset("images/positions", data=np.zeros((12, 14), "f4")),
        "12 rows of 14 numbers: neither",
    ),
    "floats without a name": (
        lambda file: file.create_dataset("spectrogram", data=np.zeros((24, 18, 3), "f4")),
        "--images-from spectrogram takes it",
    ),
    "several labels": (
        lambda file: file.create_dataset("labels", data=np.ones((12, 3), "u1")),
        "no dataset or group has 12 images",
    ),
    "rows of files": (rows_of_files, "image files padded to .*variable length"),
    "records": (records, "records .*store each field as a dataset"),
    "a filter": (
        lambda file: file.create_dataset("x", data=PIXELS, scaleoffset=0),
        r"\(scaleoffset\), which is not read",
    ),
    "videos": (
        lambda file: file.create_dataset("videos", data=PIXELS.reshape(3, 4, 24, 18, 3)),
        "neither the bytes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_in_plain_words(tmp_path: Path, name: str) -> None:
    """Never packed as something else, not even with --convert; the message says what to do."""
    make, told = REFUSED[name]
    path = write(tmp_path, make)

    with pytest.raises(SourceNotFoundError, match=told):
        packhouse.pack(path, tmp_path / "x.pack", convert=True)


def test_flattened_columns_are_named(tmp_path: Path) -> None:
    """MATLAB's files have pixels in rows and images in columns: the labels show it."""
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file["train/images"] = np.zeros((784, 12), "u1")
        file["train/labels"] = NUMBERS.astype("f8")[None, :]

    with pytest.raises(SourceNotFoundError, match=r"transpose it, then give .* \(12, 28, 28\)"):
        packhouse.pack(path, tmp_path / "x.pack")


def test_a_text_is_no_image_unless_it_is_chosen(tmp_path: Path) -> None:
    """A description beside an image is refused; bytes that no reader of text takes may be a broken image."""
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["caption"], file["broken"] = "a cat, photographed", np.bytes_(b"\x01\xff\xd8 broken")
        file["picture"] = np.void(png(PIXELS[0]))

    with packhouse.open(tmp_path / "t.h5") as pack:
        assert list(pack.images) == ["broken", "picture"]
        assert [one["path"] for one in pack.manifest["refused"]] == ["caption"]
        assert "holds text, not images" in pack.manifest["refused"][0]["reason"]
    with packhouse.open(tmp_path / "t.h5", images_from="caption") as pack:
        assert pack.images["caption"].bytes == b"a cat, photographed"


def test_images_without_labels_are_counted_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the report, by `inspect`, by `rows` and by the loader, of the file as of the pack."""
    path = tmp_path / "p.h5"
    with h5py.File(path, "w") as file:
        file["images"], file["labels"], file["extra/photos"] = PIXELS, NUMBERS, PIXELS[:5]

    report = packhouse.pack(path, tmp_path / "x.pack")

    (link,) = report.links
    assert (link.images_without_row, link.rows_without_image, link.rows_ambiguous) == (5, 0, 0)
    for place in (path, tmp_path / "x.pack"):
        assert run(["inspect", str(place)]) == 0
        assert "5 of 17 images without a row" in capsys.readouterr().out
        with packhouse.open(place) as pack:
            lonely = [key for key in pack.images if not pack.rows(key)["labels"]]
            assert lonely == [f"extra/photos/{row}" for row in range(5)]
            with pytest.raises(packhouse.errors.UsageError, match="and 4 others of the chosen images"):
                pack.loader(4, label="labels.y", size=8)
            loader = pack.loader(4, label="labels.y", size=8, on_unlabelled="skip")
            assert (len(loader.targets or ()), loader.classes) == (12, [0, 1, 2])
