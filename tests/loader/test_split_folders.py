"""Which folders are splits, and what the classes below them are called: names alone, no pack."""

from __future__ import annotations

import pytest

from packhouse._src.loader.choice.split_folders import find_split_folders
from packhouse._src.loader.choice.split_names import resembled_split, split_word


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("train", "train"),
        ("Train", "train"),
        ("TRAINING", "train"),
        ("val", "val"),
        ("Valid", "val"),
        ("validation", "val"),
        ("test", "test"),
        ("testing", "test"),
        (" test ", "test"),
        ("train2017", None),
        ("trains", None),
        ("all", None),
        ("", None),
    ],
)
def test_spellings_of_a_split(name: str, word: str | None) -> None:
    """Case and blanks around it do not matter; other names stand for no split."""
    assert split_word(name) == word


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("train2017", "train"),
        ("seg_train", "train"),
        ("training_set", "train"),
        ("trainImages", "train"),
        ("asl_alphabet_test", "test"),
        ("DIV2K_valid_HR", "val"),
        ("trainval", "train"),
        ("TEST_SIMPLE", "test"),
        ("train_test", None),
        ("contest", None),
        ("latest", None),
        ("trainer", None),
        ("strain", None),
    ],
)
def test_names_that_resemble_a_split(name: str, word: str | None) -> None:
    """By whole words within the name, and only where it is one split's."""
    assert resembled_split(name) == word


@pytest.mark.parametrize(
    ("groups", "folders"),
    [
        (["train/cat", "test/cat"], {"train": ("train",), "test": ("test",)}),
        (["Train/0", "Meta", "Test"], {"train": ("Train",), "test": ("Test",)}),
        (["training/0", "testing/0"], {"train": ("training",), "test": ("testing",)}),
        (["train", "extra"], {"train": ("train",)}),
        (["train2017", "val2017"], {"train": ("train2017",), "val": ("val2017",)}),
        (["training_set/cats", "test_set/cats"], {"train": ("training_set",), "test": ("test_set",)}),
        (["train", "train_masks", "test"], {"train": ("train",), "test": ("test",)}),
        (["train", "test_images"], {"train": ("train",), "test": ("test_images",)}),
        (
            ["a/train/good", "a/test/bad", "b/train/good"],
            {"train": ("a/train", "b/train"), "test": ("a/test",)},
        ),
        (["train/x", "test/x", "copy/train/x", "copy/test/x"], {"train": ("train",), "test": ("test",)}),
        # classes of vehicles and of things, not splits
        (["bullet train", "cat", "dog"], {}),
        (["vehicles/train", "vehicles/bus", "animals/cat"], {}),
        (["bullet train", "test tube", "cat", "dog", "cow"], {}),
        (["a", "b/c", ""], {}),
        ([""], {}),
    ],
)
def test_folders_that_are_splits(groups: list[str], folders: dict[str, tuple[str, ...]]) -> None:
    """By their names, and by the folders beside them."""
    assert find_split_folders(groups).folders == folders


@pytest.mark.parametrize(
    ("dropped", "word"),
    [("train", "train"), ("data/Train", "train"), ("val/images", "val"), ("photos", None)],
)
def test_a_pack_of_one_split(dropped: str, word: str | None) -> None:
    """Keys leave out the folders that all images share; they still say which split it is."""
    found = find_split_folders(["cat", "dog"], dropped)

    assert found.folders == ({word: ("",)} if word else {})
    assert found.is_whole_pack == bool(word)
    assert dict(found.classes) == {"cat": "cat", "dog": "dog"}


@pytest.mark.parametrize(
    ("dropped", "name"), [("cat", "cat"), ("train/cat", "cat"), ("train", ""), ("", ""), ("pets/Train", "")]
)
def test_the_only_folder_is_a_class(dropped: str, name: str) -> None:
    """Its name is not in the keys, since all images share it; a split's folder is no class."""
    assert dict(find_split_folders([""], dropped).classes) == {"": name}


@pytest.mark.parametrize(
    ("group", "others", "name"),
    [
        ("train/cat", ["test/cat"], "cat"),
        ("test/cat", ["train/cat"], "cat"),
        ("train", ["train/cat", "test/cat"], ""),
        ("seg_train/seg_train/sea", ["seg_test/seg_test/sea"], "sea"),
        ("train/animals/cat", ["test/animals/cat"], "animals/cat"),
        ("bottle/train/good", ["bottle/test/bad", "cable/train/good"], "bottle/good"),
        ("set/train/cat", ["set/test/cat", "other"], "cat"),
        ("other", ["set/train/cat", "set/test/cat"], "other"),
        ("unlabeled/x", ["train/cat", "test/cat"], "unlabeled/x"),
        ("train/train", ["train/bus", "test/bus"], "train"),
    ],
)
def test_classes_do_not_name_their_split(group: str, others: list[str], name: str) -> None:
    """A class is called the same in every split."""
    assert find_split_folders(sorted([group, *others])).classes[group] == name
