"""Keys are unique, sorted, fit for HDF5 and the same in whatever order the files come."""

from __future__ import annotations

from itertools import accumulate
from posixpath import splitext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse._src.imagefile.keys import assign_keys, stem

AWKWARD = (
    "a",
    ".a",
    "a.",
    "a.jpg",
    "a.png",
    "a.jpg.jpg",
    "..jpg",
    "...",
    "..a.b",
    "b",
    "b.JPG",
    "ä.jpg",
    "日本",
    " ",
)
names = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6),
).filter(lambda name: name not in {".", ".."})


def levels(path: str) -> list[str]:
    """Return "a", "a/b", "a/b/c" for "a/b/c"."""
    return list(accumulate(path.split("/"), "{}/{}".format)) if path else []


def is_a_tree(paths: list[str]) -> bool:
    """Say whether no path is both a file and a folder, as in any file system."""
    folders = {level for path in paths for level in levels(path)[:-1]}
    return folders.isdisjoint(paths)


trees = st.lists(
    st.lists(names, min_size=1, max_size=4).map("/".join), min_size=1, max_size=25, unique=True
).filter(is_a_tree)


def keys_of(*paths: str) -> dict[str, str]:
    """Return path -> key."""
    return {key.path: key.key for key in assign_keys(paths).keys}


@settings(deadline=None, max_examples=60)
@given(paths=trees)
def test_keys_are_unique_and_sorted(paths: list[str]) -> None:
    """Each path gets one key, no key is given twice, and they come as the bytes of UTF-8 sort."""
    assigned = assign_keys(paths)

    found = [key.key for key in assigned.keys]
    assert sorted(key.path for key in assigned.keys) == sorted(paths)
    assert len(set(found)) == len(paths)
    assert found == sorted(found, key=str.encode)


@settings(deadline=None, max_examples=60)
@given(paths=trees)
def test_no_key_is_a_group(paths: list[str]) -> None:
    """A dataset never stands where a group of another image must stand."""
    keys = assign_keys(paths).keys

    groups = {level for key in keys for level in levels(key.group)}
    assert groups.isdisjoint(key.key for key in keys)


@settings(deadline=None, max_examples=60)
@given(paths=trees)
def test_a_key_is_group_and_name(paths: list[str]) -> None:
    """Group and name make the key; no part of it is empty, "." or "..", which mean something in HDF5."""
    for key in assign_keys(paths).keys:
        assert key.key == (f"{key.group}/{key.name}" if key.group else key.name)
        assert "/" not in key.name
        assert {"", ".", ".."}.isdisjoint(key.key.split("/"))


@settings(deadline=None, max_examples=60)
@given(paths=trees)
def test_a_key_comes_from_its_path(paths: list[str]) -> None:
    """The group is the file's folder, the name its name, and the report says whose extension was kept."""
    assigned = assign_keys(paths)

    for key in assigned.keys:
        folder, _, file_name = key.path.rpartition("/")
        assert "/".join(part for part in (assigned.dropped, key.group) if part) == folder
        assert key.name in {file_name, splitext(file_name)[0]}
    whole = {key.path for key in assigned.keys if key.name != stem(key.path.rpartition("/")[2])}
    assert whole <= set(assigned.kept_extensions)


@settings(deadline=None, max_examples=60)
@given(paths=trees, random=st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(paths: list[str], random: object) -> None:
    """The same files in another order get the same keys."""
    shuffled = list(paths)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert assign_keys(shuffled) == assign_keys(paths)


def test_shared_leading_folders_are_dropped() -> None:
    """What all paths begin with tells images apart in no way."""
    assigned = assign_keys(["data/images/010/a.jpg", "data/images/011/b.jpg"])

    assert assigned.dropped == "data/images"
    assert [key.key for key in assigned.keys] == ["010/a", "011/b"]


def test_folders_that_begin_alike_are_not_shared() -> None:
    """Whole names of folders are compared, not letters."""
    assigned = assign_keys(["im1/a.jpg", "im2/b.jpg"])

    assert assigned.dropped == ""
    assert [key.key for key in assigned.keys] == ["im1/a", "im2/b"]


def test_images_of_one_folder_lie_in_the_root_group() -> None:
    """When all files are in one folder, that folder is shared, and dropped."""
    assigned = assign_keys(["images/b.jpg", "images/a.jpg"])

    assert assigned.dropped == "images"
    assert [(key.key, key.group) for key in assigned.keys] == [("a", ""), ("b", "")]


def test_a_file_beside_its_folders_ends_the_sharing() -> None:
    """A file in the root shares no folder with the others."""
    assigned = assign_keys(["a.jpg", "images/b.jpg"])

    assert assigned.dropped == ""
    assert [key.key for key in assigned.keys] == ["a", "images/b"]


def test_one_image_loses_all_its_folders() -> None:
    """A single image is named by its file."""
    assert keys_of("a/b/c.jpg") == {"a/b/c.jpg": "c"}


def test_no_images_no_keys() -> None:
    """Nothing in, nothing out."""
    assigned = assign_keys([])

    assert (assigned.keys, assigned.dropped, assigned.kept_extensions) == ((), "", ())


def test_files_that_differ_in_their_extension_keep_it() -> None:
    """Both keep it, not one of them, and the report can name both."""
    assigned = assign_keys(["x/a.jpg", "x/a.png", "y/a.jpg"])

    assert [key.key for key in assigned.keys] == ["x/a.jpg", "x/a.png", "y/a"]
    assert assigned.kept_extensions == ("x/a.jpg", "x/a.png")


def test_a_file_named_like_a_folder_keeps_its_extension() -> None:
    """The key "a" would be the group of "a/b"."""
    assigned = assign_keys(["a.jpg", "a/b.jpg"])

    assert [key.key for key in assigned.keys] == ["a.jpg", "a/b"]
    assert assigned.kept_extensions == ("a.jpg",)


def test_a_kept_extension_can_clash_again() -> None:
    """Keeping "a.jpg" whole meets the name of "a.jpg.jpg" without its extension, so that is kept too."""
    assert keys_of("a.jpg", "a.png", "a.jpg.jpg") == {
        "a.jpg": "a.jpg",
        "a.png": "a.png",
        "a.jpg.jpg": "a.jpg.jpg",
    }


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("a.jpg", "a"),
        ("a", "a"),
        ("a.", "a"),
        (".a", ".a"),
        ("..jpg", "..jpg"),
        ("...jpg", "...jpg"),
        ("a.b.jpg", "a.b"),
        ("ä.JPEG", "ä"),
    ],
)
def test_stem(file_name: str, expected: str) -> None:
    """The last extension goes, unless nothing, "." or ".." would be left."""
    assert stem(file_name) == expected


def test_case_is_kept() -> None:
    """Names that differ in case are different keys, as in HDF5."""
    assert keys_of("A.jpg", "a.jpg") == {"A.jpg": "A", "a.jpg": "a"}
