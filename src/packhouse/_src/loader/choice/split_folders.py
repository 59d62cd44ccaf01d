"""Which folders of a pack are splits: told by their names and by the folders beside them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packhouse._src.loader.choice.split_names import SPLITS, resembled_split, split_word

_OF_IMAGES = frozenset(
    ["images", "image", "imgs", "img", "jpegs", "jpeg", "jpg", "pngs", "png", "photos", "pictures"]
)
"""Folders within each class that only say what is in them: n01443537/images."""

_LEAST_SHARE = 0.5
"""Of the folders beside each other that must resemble splits, where none is named exactly like one."""


@dataclass(frozen=True, slots=True)
class SplitFolders:
    """The folders that are splits, and what they say about each group."""

    folders: Mapping[str, tuple[str, ...]]
    """Split -> its folders as groups, sorted; "" is the whole pack."""

    words: Mapping[str, str]
    """Group -> the split that it is in; groups that are in none are missing."""

    classes: Mapping[str, str]
    """Group -> the group without what says which split it is in: "train/cat" -> "cat"."""

    @property
    def is_whole_pack(self) -> bool:
        """Whether all images come from one folder named as a split, which their keys leave out."""
        return any("" in folders for folders in self.folders.values())

    def folder_of(self, group: str) -> str | None:
        """Return the split folder that a group is in; None where it is in none."""
        if group not in self.words:
            return None
        return next(folder for folder in self.folders[self.words[group]] if is_below(group, folder))


def is_below(group: str, folder: str) -> bool:
    """Say whether a group is a folder, or is somewhere below it."""
    return not folder or group == folder or group.startswith(f"{folder}/")


def find_split_folders(groups: Sequence[str], dropped: str = "") -> SplitFolders:
    """Find the folders that are splits.

    A folder at the top counts when it is named "train", "training", "val", "valid", "validation", "test" or
    "testing", in upper or lower case. So do "train2017" or "seg_train" where folders of another split are
    beside them, and folders further down ("bottle/train" beside "bottle/test") where the top has none. If
    there are none at all, but all images come from a folder of such a name, the pack is that split.

    Args:
        groups: Those of all images, each once.
        dropped: The folders that all images share and that their keys leave out.

    Returns:
        The folders, and what they say about each group.
    """
    found = _shallowest(groups)
    if not found:
        named = [word for word in map(split_word, dropped.split("/")) if word is not None]
        whole = dict.fromkeys(named[-1:], ("",))
        # what all share is no part of a class; an HDF5 file that is opened where it is has it in its keys
        shared = _shared(groups) if len(groups) > 1 else "".join(groups).rpartition("/")[0]
        classes = {group: group[len(shared) :].strip("/") for group in groups}
        last = dropped.rpartition("/")[2]
        if list(groups) == [""] and split_word(last) is None:
            classes[""] = last  # all images are in one folder, so it is the only class
        words = {group: word for word in whole for group in groups}
        return SplitFolders(whole, words, _without_last(classes, words))
    folders = {word: tuple(sorted(f for f, w in found.items() if w == word)) for word in SPLITS}
    shared = _shared([folder.rpartition("/")[0] for folder in found])
    words, classes = dict[str, str](), {group: group for group in groups}
    for folder, word in found.items():
        inside = [group for group in groups if is_below(group, folder)]
        parent = folder.rpartition("/")[0][len(shared) :].strip("/")
        skipped = len(_with_repeats(folder, word, inside))
        for group in inside:
            words[group] = word
            classes[group] = "/".join(part for part in (parent, group[skipped:].strip("/")) if part)
    there = {word: paths for word, paths in folders.items() if paths}
    return SplitFolders(there, words, _without_last(classes, words))


def _without_last(classes: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    """Drop the folder that all classes of a split have, where it only says that images are in it."""
    found = dict(classes)
    for split in {words.get(group) for group in classes}:
        ends = {
            group: end.rpartition("/") for group, end in classes.items() if words.get(group) == split and end
        }
        names = {name for _, _, name in ends.values()}
        if (
            len(names) == 1
            and names.pop().lower() in _OF_IMAGES
            and all(parent for parent, _, _ in ends.values())
        ):
            found.update((group, parent) for group, (parent, _, _) in ends.items())
    return found


def _shallowest(groups: Iterable[str]) -> dict[str, str]:
    """Return folder -> split, of the first level that has any."""
    paths = [group.split("/") for group in groups if group]
    for depth in range(max(map(len, paths), default=0)):
        beside = defaultdict[str, set[str]](set)
        for path in paths:
            if len(path) > depth:
                beside["/".join(path[:depth])].add(path[depth])
        found = {parent: _splits_among(names) for parent, names in beside.items()}
        if depth == 0:
            is_split_level = any(found.values())
        else:
            is_split_level = any(len(set(splits.values())) > 1 for splits in found.values())
        if is_split_level:
            return {
                f"{parent}/{name}" if parent else name: word
                for parent, splits in found.items()
                for name, word in splits.items()
            }
    return {}


def _splits_among(names: set[str]) -> dict[str, str]:
    """Return name -> split, of folders beside each other."""
    exact = {name: word for name in names if (word := split_word(name)) is not None}
    alike = {name: word for name in names if (word := resembled_split(name)) is not None}
    alike = {name: word for name, word in alike.items() if name in exact or word not in exact.values()}
    is_clear = len(set(alike.values())) > 1 and (exact or len(alike) >= _LEAST_SHARE * len(names))
    return alike if is_clear else exact


def _shared(paths: Iterable[str]) -> str:
    """Return the folders that several paths begin with."""
    shared = list[str]()
    for level in zip(*(path.split("/") for path in paths), strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)


def _with_repeats(folder: str, word: str, inside: Sequence[str]) -> str:
    """Return a split folder with folders below it that only repeat which split it is, as unpacking leaves."""
    while True:
        below = {group[len(folder) :].strip("/").partition("/")[0] for group in inside}
        name = below.pop()
        if below or resembled_split(name) != word:
            return folder
        folder = f"{folder}/{name}"
