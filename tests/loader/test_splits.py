"""Splits of whole packs: a layout, what the user types, what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import packhouse
from packhouse._src.opening import Pack
from packhouse.errors import UsageError
from small_dataset import jpeg

LAYOUTS = {
    "class folders in train and test": [
        *(f"train/{name}/{number:02d}" for name in ("cat", "dog") for number in range(20)),
        *(f"test/{name}/{number:02d}" for name in ("cat", "dog") for number in range(10)),
    ],
    "train, val and test": ["train/cat/1", "train/dog/2", "val/dog/3", "test/cat/4", "test/dog/5"],
    "upper case": ["Train/0/1", "Train/1/2", "Test/3", "Meta/0"],
    "valid": ["train/cat/1", "train/dog/2", "valid/dog/3"],
    "training and validation": ["training/cat/1", "training/dog/2", "validation/cat/3"],
    "below a folder that keys drop": ["data/set/train/cat/1", "data/set/train/dog/2", "data/set/test/cat/3"],
    "below a folder that keys keep": ["set/train/cat/1", "set/test/cat/2", "readme"],
    "only train": [f"train/{name}/{number:02d}" for name in ("cat", "dog") for number in range(20)],
    "only test": [f"test/{name}/{number:02d}" for name in ("cat", "dog") for number in range(20)],
    "no split": [f"{name}/{number:02d}" for name in ("cat", "dog") for number in range(20)],
    "one class": ["train/cat/1", "train/cat/2"],
    "flat": [f"{number:02d}" for number in range(40)],
    "test beside classes": [
        *(f"{name}/{number:02d}" for name in ("cat", "dog") for number in range(20)),
        "test/1",
    ],
    "by year": ["train2017/1", "train2017/2", "val2017/3", "test2017/4"],
    "unpacked twice": ["seg_train/seg_train/sea/1", "seg_train/seg_train/ice/2", "seg_test/seg_test/sea/3"],
    "in each class": ["bottle/train/good/1", "bottle/test/good/2", "cable/train/good/3", "cable/test/bad/4"],
    "a class called train": ["bus/1", "car/2", "train/3"],
    "two folders of one split": ["train_a/1", "train_b/2", "test/3"],
}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pack]:
    """Return a function that gives the pack of a layout, made once."""
    folder, made, picture = tmp_path_factory.mktemp("layouts"), dict[str, Pack](), jpeg(1, width=16)

    def pack_of(layout: str) -> Pack:
        if layout not in made:
            source = folder / layout / "src"
            for name in LAYOUTS[layout]:
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / f"{name}.jpg").write_bytes(picture)
            packhouse.pack(source, folder / layout / "pack")
            made[layout] = packhouse.open(folder / layout / "pack")
        return made[layout]

    return pack_of


def below(pack: Pack, *folders: str) -> list[str]:
    """Return the keys below some folders."""
    return [key for key in pack.images if key.startswith(tuple(f"{folder}/" for folder in folders))]


@pytest.mark.parametrize(
    ("layout", "options", "folders"),
    [
        ("class folders in train and test", {"split": "train"}, ["train"]),
        ("class folders in train and test", {"split": "Training"}, ["train"]),
        ("class folders in train and test", {"split": "test"}, ["test"]),
        ("class folders in train and test", {"split": "test", "val": 0.2}, ["test"]),
        ("class folders in train and test", {"split": "all"}, ["train", "test"]),
        ("train, val and test", {"split": "validation"}, ["val"]),
        ("train, val and test", {"split": "train", "where": "key LIKE '%/dog/%'"}, ["train/dog"]),
        ("train, val and test", {"where": "key LIKE 'train/%'"}, ["train"]),
        ("upper case", {"split": "train"}, ["Train"]),
        ("upper case", {"split": "test"}, ["Test"]),
        ("upper case", {"split": "Meta"}, ["Meta"]),
        ("valid", {"split": "val"}, ["valid"]),
        ("valid", {"split": "valid"}, ["valid"]),
        ("valid", {"split": "validation"}, ["valid"]),
        ("training and validation", {"split": "train"}, ["training"]),
        ("training and validation", {"split": "val"}, ["validation"]),
        ("below a folder that keys drop", {"split": "test"}, ["test"]),
        ("below a folder that keys keep", {"split": "train"}, ["set/train"]),
        ("below a folder that keys keep", {"split": "all", "where": "key LIKE 'set/%'"}, ["set"]),
        ("only train", {"split": "train"}, ["cat", "dog"]),
        ("only train", {}, ["cat", "dog"]),
        ("only test", {"split": "test"}, ["cat", "dog"]),
        ("no split", {"split": "dog"}, ["dog"]),
        ("test beside classes", {"split": "test"}, ["test"]),
        ("by year", {"split": "train"}, ["train2017"]),
        ("by year", {"split": "val2017"}, ["val2017"]),
        ("unpacked twice", {"split": "test"}, ["seg_test"]),
        ("in each class", {"split": "train"}, ["bottle/train", "cable/train"]),
        ("in each class", {"split": "test", "where": "key LIKE 'cable/%'"}, ["cable/test"]),
        ("a class called train", {}, ["bus", "car", "train"]),
        ("two folders of one split", {"split": "train_a"}, ["train_a"]),
        ("two folders of one split", {"split": "train", "where": "key LIKE 'train_b/%'"}, ["train_b"]),
    ],
)
def test_a_split_is_a_folder(
    packed: Callable[[str], Pack], layout: str, options: dict[str, Any], folders: Sequence[str]
) -> None:
    """All images of the folders that are meant, and no other."""
    pack = packed(layout)

    assert pack.samples(size=8, **options).keys == below(pack, *folders)


@pytest.mark.parametrize(
    ("layout", "options", "folders"),
    [
        ("class folders in train and test", {}, ["train"]),
        ("class folders in train and test", {"where": "key LIKE '%/cat/%'"}, ["train/cat"]),
        ("only train", {}, ["cat", "dog"]),
        ("only test", {}, ["cat", "dog"]),
        ("no split", {}, ["cat", "dog"]),
        ("test beside classes", {"where": "key NOT LIKE 'test/%'"}, ["cat", "dog"]),
        ("valid", {"test": 0.5, "val": 0}, ["train"]),
    ],
)
def test_fractions_divide_what_is_for_training(
    packed: Callable[[str], Pack], layout: str, options: dict[str, Any], folders: Sequence[str]
) -> None:
    """The parts are disjoint and together the folder for training, or the pack where it has none."""
    pack, asked = packed(layout), {"val": 0.2, **options}
    names = ["train", *(name for name in ("val", "test") if asked.get(name))]

    parts = {name: keys_of(pack, split=name, **asked) for name in names}

    assert sorted(key for keys in parts.values() for key in keys) == below(pack, *folders)
    assert parts["train"]


def keys_of(pack: Pack, **options: Any) -> list[str]:  # noqa: ANN401
    """Return the chosen keys, none where nothing is left."""
    try:
        return pack.samples(size=8, **options).keys
    except UsageError as err:
        assert "no image is left" in err.problem  # noqa: PT017  # either is right
        return []


def test_three_parts_by_hash(packed: Callable[[str], Pack]) -> None:
    """val= and test= together; asking for a test part moves nothing into or out of val."""
    pack = packed("no split")

    train, val, test = (keys_of(pack, split=name, val=0.3, test=0.3) for name in ("train", "val", "test"))

    assert sorted(train + val + test) == list(pack.images)
    assert min(len(train), len(val), len(test)) >= 1
    assert val == keys_of(pack, split="validation", val=0.3)


@pytest.mark.parametrize(
    ("layout", "options", "says"),
    [
        ("class folders in train and test", {}, r"several splits: train/, test/.*\n.*\n?.*split=\"all\""),
        ("class folders in train and test", {"split": "val"}, r"only test, train(.*\n)*.*val=0\.1"),
        ("class folders in train and test", {"split": "train", "test": 0.1}, r"has one: folder test/"),
        ("class folders in train and test", {"split": "test", "test": 0.1}, r"has one: folder test/"),
        (
            "class folders in train and test",
            {"val": 0.1},
            r"say which part(.*\n)*.*split=\"train\", val=0\.1",
        ),
        ("class folders in train and test", {"split": "all", "val": 0.1}, r"has no effect"),
        ("class folders in train and test", {"split": "cat", "val": 0.1}, r"'train' and 'val'; split='cat'"),
        ("train, val and test", {"split": "train", "val": 0.2}, r"has one: folder val/"),
        ("train, val and test", {"split": "val", "val": 0.2}, r"has one: folder val/"),
        ("train, val and test", {"where": "key LIKE '%dog%'"}, r"train/, val/, test/"),
        ("valid", {"split": "train", "val": 0.2}, r"has one: folder valid/"),
        ("training and validation", {"split": "train", "val": 0.2}, r"has one: folder validation/"),
        ("valid", {"split": "test"}, r"(.*\n)*.*test=0\.1"),
        ("below a folder that keys drop", {}, r"several splits: train/, test/"),
        ("below a folder that keys keep", {}, r"several splits: set/train/, set/test/"),
        ("below a folder that keys keep", {"split": "set"}, r"several splits: set/train/, set/test/"),
        ("only train", {"split": "test"}, r"split='test'"),
        ("only test", {"split": "train"}, r"split='train'"),
        ("only test", {"split": "train", "test": 0.1}, r"test=0\.1 would make a split 'test'"),
        ("no split", {"split": "train"}, r"only cat, dog(.*\n)*.*val=0\.1"),
        ("flat", {"split": "train"}, r"nor any other"),
        ("test beside classes", {"split": "train", "val": 0.1}, r"folder test/ and no split 'train'"),
        ("by year", {}, r"train2017/, val2017/, test2017/"),
        ("in each class", {}, r"bottle/train/, cable/train/, bottle/test/, cable/test/"),
        ("two folders of one split", {"split": "train"}, r"several folders could be.*train_a/, train_b/"),
        ("two folders of one split", {"split": "train", "val": 0.1}, r"train_a/, train_b/"),
        ("no split", {"split": "train", "val": 0.6, "test": 0.4}, r"nothing is left to train on"),
        ("no split", {"split": "train", "test": 1.0}, r"test=1\.0"),
    ],
)
def test_what_could_leak_or_has_two_meanings_is_refused(
    packed: Callable[[str], Pack], layout: str, options: dict[str, Any], says: str
) -> None:
    """The error names the folders, and what to ask for."""
    with pytest.raises(UsageError, match=says):
        packed(layout).samples(size=8, **options)


@pytest.mark.parametrize(
    ("layout", "options", "classes"),
    [
        ("class folders in train and test", {"split": "train"}, ["cat", "dog"]),
        ("class folders in train and test", {"split": "train", "val": 0.2}, ["cat", "dog"]),
        ("class folders in train and test", {"split": "val", "val": 0.2}, ["cat", "dog"]),
        ("class folders in train and test", {"split": "test"}, ["cat", "dog"]),
        ("class folders in train and test", {"split": "all"}, ["cat", "dog"]),
        ("train, val and test", {"split": "val"}, ["cat", "dog"]),
        ("training and validation", {"split": "val"}, ["cat", "dog"]),
        ("below a folder that keys drop", {"split": "test"}, ["cat", "dog"]),
        ("below a folder that keys keep", {"split": "test"}, ["cat"]),
        ("upper case", {"split": "train"}, ["0", "1"]),
        ("only train", {"split": "val", "val": 0.2}, ["cat", "dog"]),
        ("no split", {}, ["cat", "dog"]),
        ("no split", {"split": "val", "val": 0.1}, ["cat", "dog"]),
        ("unpacked twice", {"split": "test"}, ["ice", "sea"]),
        ("one class", {"split": "train"}, ["cat"]),
        ("in each class", {"split": "train"}, ["bottle/good", "cable/good"]),
        ("a class called train", {}, ["bus", "car", "train"]),
    ],
)
def test_classes_are_the_same_in_every_split(
    packed: Callable[[str], Pack], layout: str, options: dict[str, Any], classes: list[str]
) -> None:
    """The sorted folders, as ImageFolder has them, each image that of its own folder."""
    pack = packed(layout)
    samples = pack.samples(size=8, label="group", **options)

    assert samples.classes == classes
    assert samples.class_to_idx == {name: place for place, name in enumerate(classes)}
    assert samples.targets is not None
    for key, target in zip(samples.keys, samples.targets, strict=True):
        assert set(classes[target].split("/")) <= set(pack.images[key].file_name.split("/"))


@pytest.mark.parametrize(
    ("layout", "options", "left_out"),
    [
        ("upper case", {"split": "all"}, ["Meta/0", "Test/3"]),
        ("in each class", {"split": "test"}, ["cable/test/bad/4"]),
        ("test beside classes", {}, ["test/1"]),
    ],
)
def test_images_of_no_class_have_no_label(
    packed: Callable[[str], Pack], layout: str, options: dict[str, Any], left_out: list[str]
) -> None:
    """They are an error, or left out and listed, as was asked for."""
    pack = packed(layout)

    with pytest.raises(UsageError, match=rf"{left_out[0]}.*not a class(.*\n)*.*on_unlabelled"):
        pack.samples(size=8, label="group", **options)
    samples = pack.samples(size=8, label="group", on_unlabelled="skip", **options)

    assert samples.unlabelled == left_out
    assert not set(left_out) & set(samples.keys)
    assert f"{len(left_out)} without a label" in repr(samples)
    assert samples.classes is not None
    assert samples.targets is not None
    assert min(samples.targets) == 0
    (batch,) = pack.loader(batch_size=99, size=8, label="group", on_unlabelled="skip", **options)
    assert sorted(batch.keys) == samples.keys


def test_folders_that_are_no_class_at_all(packed: Callable[[str], Pack]) -> None:
    """Without a folder there is no class; with a column each folder is one."""
    with pytest.raises(UsageError, match="no folders of the images could be classes"):
        packed("flat").samples(size=8, label="group")
    with pytest.raises(UsageError, match="no folders of the images could be classes"):
        packed("by year").samples(size=8, label="group", split="train")
    samples = packed("upper case").samples(size=8, label="image_index.group", split="all")
    assert samples.classes == ["Meta", "Test", "Train/0", "Train/1"]
    with pytest.raises(UsageError, match="on_unlabelled='drop'"):
        packed("flat").samples(size=8, on_unlabelled="drop")  # type: ignore[arg-type]


def test_a_loader_names_its_classes(packed: Callable[[str], Pack]) -> None:
    """As its samples do."""
    loader = packed("only train").loader(batch_size=4, size=8, label="group")

    assert loader.classes == ["cat", "dog"]
    assert loader.class_to_idx == {"cat": 0, "dog": 1}
    assert loader.targets == [0] * 20 + [1] * 20
    bare = packed("only train").loader(batch_size=4, size=8)
    assert (bare.classes, bare.class_to_idx, bare.targets) == (None, {}, None)


TABLE = """\
file,split,fold,part,given
a.jpg,train,0,one,train
b.jpg,Training,0,one,train
c.jpg,valid,1,two,train
d.jpg,validation,1,two,train
e.jpg,test,2,,train
f.jpg,spare,2,,train
g.jpg,,2,,
"""


@pytest.fixture(scope="module")
def tabled(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Eight images in folders train and test that do not count, with a table whose columns do."""
    folder: Path = tmp_path_factory.mktemp("tabled")
    for place, name in enumerate("abcdefgh"):
        path = folder / "src" / ("train" if place % 2 else "test") / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(place, width=16))
    (folder / "src/list.csv").write_text(TABLE)
    packhouse.pack(folder / "src", folder / "pack")
    return packhouse.open(folder / "pack")


@pytest.mark.parametrize(
    ("split", "names"), [("train", "ab"), ("val", "cd"), ("valid", "cd"), ("test", "e"), ("spare", "f")]
)
def test_a_column_may_say_the_split(tabled: Pack, split: str, names: str) -> None:
    """Any spelling of a split in the column and in the call, whatever folders there are."""
    samples = tabled.samples(size=8, split=split, split_column="list.split")

    assert sorted(key[-1] for key in samples.keys) == list(names)


def test_columns_that_say_no_split_are_refused(tabled: Pack) -> None:
    """With the values that they have, and what takes the images of one."""
    with pytest.raises(UsageError, match=r"values 0, 1, 2(.*\n)*.*where=\"list\.fold = 0\""):
        tabled.samples(size=8, split="train", split_column="list.fold")
    with pytest.raises(UsageError, match=r"only value 'one', value 'two'"):
        tabled.samples(size=8, split="train", split_column="part")
    with pytest.raises(UsageError, match="say which part"):
        tabled.samples(size=8, split_column="list.split")
    with pytest.raises(UsageError, match=r"has one: value 'valid', 'validation'"):
        tabled.samples(size=8, split="train", split_column="list.split", val=0.1)
    with pytest.raises(UsageError, match="no such value"):
        tabled.samples(size=8, split="train/x", split_column="list.split")


def test_the_training_images_of_a_column_are_divided(tabled: Pack) -> None:
    """A fraction is taken from those that the column has for training, and from no others."""
    column: dict[str, Any] = {"split_column": "list.given", "val": 0.5}

    train, val = keys_of(tabled, split="train", **column), keys_of(tabled, split="val", **column)

    assert sorted(key[-1] for key in train + val) == list("abcdef")
    assert train
    assert val
