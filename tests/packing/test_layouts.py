"""Data sets as they are published: what is on disk, what the user types, what comes out.

Each is a small look-alike. The truth is what the files were written from: the split and class of each image.
docs/layouts.md shows the same table; a test compares the two.
"""

from __future__ import annotations

import ast
import io
import shlex
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
from PIL import Image

import packhouse
from packhouse._src.cli.main import run

PAGE = (Path(__file__).parents[2] / "docs" / "layouts.md").read_text(encoding="utf-8")
SPLITS = ('split="train"', 'split="val"', 'split="test"')


class One(NamedTuple):
    """An image: what is known of it before it is written."""

    path: str
    """Below the folder that is packed, with its extension."""

    label: object = None
    split: str = 'split="all"'
    """How the user asks for its split."""


class Layout(NamedTuple):
    """One kind of data set."""

    make: Callable[[Path], Iterable[One]]
    disk: str
    """What is on disk, as the page has it."""

    label: str
    """How the user asks for labels."""

    options: str = ""
    """Further options of `packhouse pack`."""

    links: tuple[str, ...] = ()
    """Columns that name the images."""

    code: int = 0
    """Exit code: 3 where something on disk is neither an image nor a table."""

    is_partly_labelled: bool = False
    """Whether there are images without a label, or of another row of the page."""


def encoded(number: int, kind: str = "JPEG") -> bytes:
    """Return a small image of its own."""
    pixels = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def put(folder: Path, images: Iterable[One], kind: str = "JPEG") -> list[One]:
    """Write the images."""
    found = list(images)
    for number, one in enumerate(found):
        (folder / one.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / one.path).write_bytes(encoded(number, kind))
    return found


def lines(folder: Path, name: str, rows: Iterable[str]) -> None:
    """Write a text file."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{row}\n" for row in rows))


def stem(one: One) -> str:
    """Return the name of a file without its extension."""
    return Path(one.path).stem


def image_folder(folder: Path) -> list[One]:
    """A folder a split, in it a folder a class."""
    return put(
        folder,
        [
            One(f"{split}/{label}/{label}.{number}.jpg", label, f'split="{split}"')
            for split in ("train", "val", "test")
            for label in ("cat", "dog")
            for number in range(2)
        ],
    )


def celeba(folder: Path) -> list[One]:
    """One folder; attributes and splits as text in columns, the first line of one is a number of rows."""
    images = put(
        folder,
        [
            One(
                f"img_align_celeba/{number:06d}.jpg",
                1 if number % 3 else -1,
                f'where="list_eval_partition.column_2 = {number // 3 % 3}"',
            )
            for number in range(1, 10)
        ],
    )
    rows = [f"{Path(one.path).name}  -1 {one.label:2d} -1 " for one in images]
    lines(folder, "list_attr_celeba.txt", ["9", "5_o_Clock_Shadow Male Young ", *rows])
    splits = [f"{Path(one.path).name} {one.split[-2]}" for one in images]
    lines(folder, "list_eval_partition.txt", splits)
    return images


def cub(folder: Path) -> list[One]:
    """Numbers of images in one file, their paths, classes and splits in others; no headers."""
    birds = ("001.Black_footed_Albatross", "002.Laysan_Albatross")
    images = put(
        folder,
        [
            One(f"images/{bird}/{bird[4:]}_{number:04d}.jpg", bird, f'{CUB_SPLIT} = {int(number < 2)})"')
            for bird in birds
            for number in range(3)
        ],
    )
    paths = [one.path.removeprefix("images/") for one in images]
    lines(folder, "images.txt", [f"{place} {path}" for place, path in enumerate(paths, 1)])
    classes = [birds.index(str(one.label)) + 1 for one in images]
    lines(folder, "image_class_labels.txt", [f"{place} {one}" for place, one in enumerate(classes, 1)])
    lines(folder, "train_test_split.txt", [f"{place} {one.split[-3]}" for place, one in enumerate(images, 1)])
    lines(folder, "classes.txt", [f"{place} {bird}" for place, bird in enumerate(birds, 1)])
    return images


CUB_SPLIT = 'where="column_1 IN (SELECT column_1 FROM train_test_split WHERE column_2'


def ham10000(folder: Path) -> list[One]:
    """Two folders of images, a table with their names without .jpg."""
    images = put(
        folder,
        [
            One(f"HAM10000_images_part_{1 + number // 4}/ISIC_{24306 + number:07d}.jpg", label)
            for number, label in enumerate(("nv", "mel", "bkl", "nv", "nv", "mel", "nv"))
        ],
    )
    rows = [f"HAM_{place // 2:07d},{stem(one)},{one.label},histo," for place, one in enumerate(images)]
    lines(folder, "HAM10000_metadata.csv", ["lesion_id,image_id,dx,dx_type,age", *reversed(rows)])
    return images


def dog_breed(folder: Path) -> list[One]:
    """train/ with a table of names without .jpg; test/ without labels."""
    names = [f"{number * 0x1357924680ACE13579:032x}" for number in range(8)]
    breeds = ("boston_bull", "dingo", "pekinese")
    train = [One(f"train/{name}.jpg", breeds[place % 3], SPLITS[0]) for place, name in enumerate(names[:6])]
    put(folder, [*train, *(One(f"test/{name}.jpg") for name in names[6:])])
    lines(folder, "labels.csv", ["id,breed", *(f"{stem(one)},{one.label}" for one in train)])
    return train


def gtsrb(folder: Path) -> list[One]:
    """PPM files; in each folder of a class a table with semicolons, in which the names repeat."""
    images = put(
        folder,
        [
            One(f"{number:05d}/00000_{place:05d}.ppm", f"{number:05d}")
            for number in (0, 1, 10)
            for place in range(2)
        ],
        "PPM",
    )
    for label in sorted({str(one.label) for one in images}):
        rows = [f"{Path(one.path).name};12;9;1;1;{int(label)}" for one in images if one.label == label]
        lines(folder, f"{label}/GT-{label}.csv", ["Filename;Width;Height;Roi.X1;Roi.Y1;ClassId", *rows])
    return images


def isic_2024(folder: Path) -> list[One]:
    """One HDF5 file of JPEG files beside a table."""
    images = [One(f"ISIC_{15670 + 7 * number:07d}", int(number == 4)) for number in range(6)]
    with h5py.File(folder / "train-image.hdf5", "w") as file:
        for number, one in enumerate(images):
            file[one.path] = np.bytes_(encoded(number))
    rows = [f"{one.path},{one.label},IP_{place}" for place, one in enumerate(images)]
    lines(folder, "train-metadata.csv", ["isic_id,target,patient_id", *rows])
    return [one._replace(path=f"train-image/{one.path}.jpg") for one in images]


def pcam(folder: Path) -> list[One]:
    """Pixels and labels in an HDF5 file."""
    labels = np.array([0, 1, 1, 0, 1, 0], "u1")
    with h5py.File(folder / "pcam.h5", "w") as file:
        file["x"] = np.random.default_rng(0).integers(0, 256, (6, 12, 12, 3), dtype=np.uint8)
        file["y"] = labels.reshape(-1, 1, 1, 1)
    return [One(f"pcam/x/{row}.png", int(label)) for row, label in enumerate(labels)]


def tiny_imagenet(folder: Path) -> list[One]:
    """A folder `images` in each class; the images of val are in one folder, with a table without a header."""
    classes = ("n01443537", "n01629819")
    train = [
        One(f"train/{label}/images/{label}_{number}.JPEG", label, SPLITS[0])
        for label in classes
        for number in range(2)
    ]
    val = [One(f"val/images/val_{number}.JPEG") for number in range(3)]
    put(folder, [*train, *val])
    rows = [f"{Path(one.path).name}\t{classes[place % 2]}\t0\t1\t8\t7" for place, one in enumerate(val)]
    lines(folder, "val/val_annotations.txt", rows)
    lines(folder, "words.txt", ["n01443537\tgoldfish, Carassius auratus", "n01629819\tfire salamander"])
    lines(folder, "wnids.txt", classes[::-1])
    return train


def tiny_imagenet_val(folder: Path) -> list[One]:
    """The same files, with the labels of val."""
    tiny_imagenet(folder)
    rows = (folder / "val/val_annotations.txt").read_text().splitlines()
    cells = [row.split("\t") for row in rows]
    return [One(f"val/images/{name}", label, SPLITS[1]) for name, label, *_ in cells]


def chest_xray(folder: Path) -> list[One]:
    """A folder around the splits; val is tiny."""
    return put(
        folder,
        [
            One(f"chest_xray/{split}/{label}/IM-{number:04d}-0001.jpeg", label, f'split="{split}"')
            for split in ("train", "test", "val")
            for label in ("NORMAL", "PNEUMONIA")
            for number in range(2)
        ],
    )


def kaggle_zip(folder: Path) -> list[One]:
    """Archives as they were downloaded, beside a table."""
    train = [One(f"train/{number:08x}.jpg", number % 2, SPLITS[0]) for number in range(6)]
    with zipfile.ZipFile(folder / "train.zip", "w") as archive:
        for number, one in enumerate(train):
            archive.writestr(one.path, encoded(number))
    with zipfile.ZipFile(folder / "test.zip", "w") as archive:
        archive.writestr("test/00000009.jpg", encoded(9))
    lines(folder, "train.csv", ["id,label", *(f"{Path(one.path).name},{one.label}" for one in train)])
    return train


def symlinks(folder: Path) -> list[One]:
    """A subset of ImageNet as a tree of links to files elsewhere."""
    images = [
        One(f"train/{label}/{label}_{number}.JPEG", label, SPLITS[0])
        for label in ("n01440764", "n01443537")
        for number in (0, 2)
    ]
    put(folder.with_name("imagenet"), images)
    for one in images:
        (folder / one.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / one.path).symlink_to(folder.with_name("imagenet") / one.path)
    return images


def hugging_face(folder: Path) -> list[One]:
    """A table in each split."""
    images = put(
        folder,
        [
            One(f"{split}/{number:04d}.png", ("cat", "dog")[number % 2], f'split="{split}"')
            for split in ("train", "test")
            for number in range(3)
        ],
        "PNG",
    )
    for split in ("train", "test"):
        rows = [f"{Path(one.path).name},{one.label}" for one in images if one.path.startswith(split)]
        lines(folder, f"{split}/metadata.csv", ["file_name,label", *rows])
    return [one for one in images if one.path.startswith("train")]


LAYOUTS = {
    "ImageFolder": Layout(image_folder, "`train/cat/*.jpg`, `val/...`, `test/...`", 'label="group"'),
    "CelebA": Layout(
        celeba,
        "`img_align_celeba/*.jpg`, `list_attr_celeba.txt`, `list_eval_partition.txt`",
        'label="list_attr_celeba.Male"',
        '--tables "*.txt" --delimiter whitespace --skip-lines list_attr_celeba=1',
        ("list_attr_celeba.column_1", "list_eval_partition.column_1"),
    ),
    "CUB-200": Layout(
        cub,
        "`images/001.Black_footed_Albatross/*.jpg`, `images.txt`, `train_test_split.txt`, ...",
        'label="group"',
        '--tables "*.txt" --delimiter whitespace --no-header "*"',
        ("images.column_2",),
    ),
    "HAM10000": Layout(
        ham10000,
        "`HAM10000_images_part_1/*.jpg`, `HAM10000_images_part_2/*.jpg`, `HAM10000_metadata.csv`",
        'label="HAM10000_metadata.dx"',
        links=("HAM10000_metadata.image_id",),
    ),
    "Dog Breed": Layout(
        dog_breed,
        "`train/*.jpg`, `test/*.jpg`, `labels.csv`",
        'label="labels.breed"',
        links=("labels.id",),
        is_partly_labelled=True,
    ),
    "GTSRB": Layout(
        gtsrb,
        "`00000/*.ppm`, `00000/GT-00000.csv`, ...",
        'label="group"',
        links=("00000_GT-00000.Filename", "00001_GT-00001.Filename", "00010_GT-00010.Filename"),
    ),
    "ISIC 2024": Layout(
        isic_2024,
        "`train-image.hdf5`, `train-metadata.csv`",
        'label="train-metadata.target"',
        links=("train-metadata.isic_id",),
    ),
    "PatchCamelyon": Layout(
        pcam, "`pcam.h5` with `x` and `y`", 'label="pcam_labels.y"', links=("pcam_labels.file_name",)
    ),
    "Tiny ImageNet": Layout(
        tiny_imagenet,
        "`train/n01443537/images/*.JPEG`, `val/images/*.JPEG`, `val/val_annotations.txt`, ...",
        'label="group"',
        "--tables val_annotations.txt --delimiter tab --no-header val_val_annotations",
        ("val_val_annotations.column_1",),
        code=3,
        is_partly_labelled=True,
    ),
    "Tiny ImageNet, val": Layout(
        tiny_imagenet_val,
        "the same",
        'label="val_val_annotations.column_2"',
        "--tables val_annotations.txt --delimiter tab --no-header val_val_annotations",
        ("val_val_annotations.column_1",),
        code=3,
        is_partly_labelled=True,
    ),
    "Chest X-ray": Layout(
        chest_xray, "`chest_xray/train/NORMAL/*.jpeg`, `chest_xray/val/...`, ...", 'label="group"'
    ),
    "Kaggle": Layout(
        kaggle_zip,
        "`train.zip`, `test.zip`, `train.csv`",
        'label="train.label"',
        links=("train.id",),
        is_partly_labelled=True,
    ),
    "Subset of ImageNet": Layout(
        symlinks, "`train/n01440764/*.JPEG`: symbolic links", 'label="group"', "--follow-links=anywhere"
    ),
    "Hugging Face": Layout(
        hugging_face,
        "`train/*.png`, `train/metadata.csv`, `test/...`",
        'label="train_metadata.label"',
        links=("test_metadata.file_name", "train_metadata.file_name"),
        is_partly_labelled=True,
    ),
}


def said(*options: str) -> dict[str, Any]:
    """Return options as the page writes them, as Python reads them."""
    call = ast.parse(f"dict({', '.join(options)})", mode="eval").body
    assert isinstance(call, ast.Call)
    return {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}


def row_of(name: str, layout: Layout, truth: Iterable[One]) -> str:
    """Return the row of the page."""
    images = list(truth)
    typed = f"packhouse pack DIR -o DEST {layout.options}".strip().replace("|", "\\|")
    splits = sorted({one.split for one in images}, key=[one.split for one in images].index)
    choices = "".join(f", `{one}`" for one in splits if one != 'split="all"')
    classes = ", ".join(f"`{one}`" for one in sorted({one.label for one in images}, key=str))
    links = "".join(f"; link `{one}`" for one in layout.links)
    return f"| {name} | {layout.disk} | `{typed}` | `{layout.label}`{choices} | {classes}{links} |"


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout(tmp_path: Path, name: str) -> None:
    """Packed by the command of the page: counts, links, classes, and the split and label of each image."""
    layout = LAYOUTS[name]
    (tmp_path / "src").mkdir()
    truth = list(layout.make(tmp_path / "src"))
    assert row_of(name, layout, truth) in PAGE.splitlines()

    dest = tmp_path / "x.pack"
    code = run(["pack", str(tmp_path / "src"), "-o", str(dest), *shlex.split(layout.options)])

    assert code == layout.code
    with packhouse.open(dest) as pack:
        links = [f"{link['table']}.{link['column']}" for link in pack.manifest["links"]]
        assert sorted(links) == sorted(layout.links)
        assert all(not link["rows_without_image"] for link in pack.manifest["links"])
        rows = pack.tables["image_index"].to_arrow().to_pylist()
        name_of = {row["key"]: row["file_name"] for row in rows}
        labelled = {one.path for one in truth}
        assert labelled == set(name_of.values()) or layout.is_partly_labelled
        found = set()
        for split in {one.split for one in truth}:
            samples = pack.samples(size=8, **said(layout.label, split))
            assert samples.classes == sorted({one.label for one in truth}, key=lambda label: (str(label),))
            numbers = zip(samples.keys, samples.targets or (), strict=True)
            found |= {One(name_of[key], samples.classes[number], split) for key, number in numbers}
    assert found == set(truth)


def test_the_page_has_these_rows_and_no_others() -> None:
    """One for each layout of the table above."""
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]

    assert rows[1:] == list(LAYOUTS)
