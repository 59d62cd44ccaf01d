"""What the tests of third-party HDF5 files share: pixels, labels, and what is expected of a kind of file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import packhouse
from packhouse._src.foreign.evidence.layouts import Hdf5Wish
from packhouse._src.foreign.label_table import LabelTable, label_table
from packhouse._src.foreign.walked import Intake
from packhouse._src.foreign.walker import WORDS_OF, Walk

PIXELS = np.random.default_rng(15).integers(0, 256, (12, 24, 18, 3), dtype=np.uint8)
GREY = PIXELS[..., 0]
NUMBERS = np.arange(12) % 3
WORDS = [("cat", "dog", "emu")[number] for number in NUMBERS]


class Look(NamedTuple):
    """One kind of file."""

    make: Callable[[h5py.File], object]
    pixels: Iterable[NDArray[np.uint8]]
    """Of the images, in the order of their keys."""

    labels: Sequence[object] | None = None
    """The column "y" of the table "labels", in the same order; None: it has none."""

    in_place: bool = True
    """Whether `packhouse.open` reads the images without packing them."""

    refused: Sequence[str] = ()
    """Datasets that are no images, which pack and open name."""

    options: dict[str, Any] = {}  # noqa: RUF012  # never changed
    """Of pack."""

    columns: dict[str, Sequence[object]] = {}  # noqa: RUF012
    """Further columns of the table of labels."""


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG file as Pillow writes it."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def texts(values: Sequence[str]) -> NDArray[np.object_]:
    """Return text of variable length, as h5py stores it."""
    return np.array(values, dtype=h5py.string_dtype())


def write(folder: Path, make: Callable[[h5py.File], object]) -> Path:
    """Write a file with h5py."""
    with h5py.File(folder / "data.h5", "w") as file:
        make(file)
    return folder / "data.h5"


def as_pillow_reads(pack: packhouse.Pack) -> list[NDArray[np.uint8]]:
    """Return the pixels of all images, in the order of their keys."""
    return [np.asarray(image.to_pil()) for image in pack.images.values()]


def are_equal(found: Iterable[NDArray[np.uint8]], expected: Iterable[NDArray[np.uint8]]) -> bool:
    """Compare image by image."""
    return all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


def labels_of(pack: packhouse.Pack, column: str) -> list[object]:
    """Return a column of the labels in the order of the images that the rows are linked to."""
    rows = pack.tables["labels"].to_arrow().to_pylist()
    assert [row["image_key"] for row in rows] == list(pack.images)
    assert all(row["image"] for row in rows)
    return [row[column] for row in rows]


def check_labels(pack: packhouse.Pack, look: Look) -> None:
    """See that the labels are those that went in, and that the loader gives them."""
    if look.labels is None:
        assert "y" not in (pack.tables["labels"].columns if "labels" in pack.tables else ())
        return
    assert labels_of(pack, "y") == list(look.labels)
    for name, values in look.columns.items():
        assert labels_of(pack, name) == list(values)
    batch = next(iter(pack.loader(len(pack.images), label="labels.y", split="all", size=8, shuffle=False)))
    classes = sorted(set(look.labels))  # type: ignore[type-var]
    assert batch.labels is not None
    assert [classes[number] for number in batch.labels] == list(look.labels)


def check(look: Look, folder: Path) -> None:
    """See that a file of this kind is packed, and opened, with the pixels and labels that went in."""
    path = write(folder, look.make)

    report = packhouse.pack(path, folder / "x.pack", **look.options)

    assert [one.path for one in report.failed] == look.refused or not look.refused
    assert report.is_clean or look.refused
    with packhouse.open(folder / "x.pack") as pack:
        assert are_equal(as_pillow_reads(pack), look.pixels)
        check_labels(pack, look)
    with packhouse.open(path) as pack:
        refused = {one["path"]: one["reason"] for one in pack.manifest["refused"]}
        assert set(look.refused) <= set(refused)
        if look.in_place:
            assert are_equal(as_pillow_reads(pack), look.pixels)
            check_labels(pack, look)
        else:
            convert = " --convert" if look.options else ""
            assert len(pack.images) == 0
            assert {
                f"packhouse pack {path} -o DEST{convert} reads it" in one for one in refused.values()
            } == {True}


def found_in(path: Path, *said: str) -> tuple[dict[str, NDArray[np.uint8]], LabelTable, list[str]]:
    """Walk through a file in this process, which takes milliseconds.

    Args:
        path: The file.
        said: Datasets that are images, as the user would say.

    Returns:
        Key -> pixels of each image that lies in the file as it is; the labels; what is refused.
    """
    taking = Intake(path.stat().st_size)
    lines = [[WORDS_OF[type(item)], *item] for item in Walk(path, Hdf5Wish(said))]
    taking.take_all(json.loads(json.dumps([*lines, ["end"]])))
    walked = taking.walked
    data = path.read_bytes()
    images = {}
    for key, offset, length, pixels in sorted(walked.images):
        stored = data[offset : offset + length]
        raw = np.frombuffer(stored, "u1")
        is_file = pixels is None
        images[key] = np.asarray(Image.open(io.BytesIO(stored))) if is_file else raw.reshape(pixels)
    labels = label_table(walked, images)
    return images, labels, sorted(one.path for one in [*walked.refused, *labels.refused])
