"""What the name of a dataset says: images, labels, something else, and which split. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

IMAGES = "images"
IMAGE = "image"
OTHER = "other"
"""What a name may say of a dataset: it holds images, it is one image, or it is neither."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_STACK_WORDS = _set(
    "images imgs x pictures pics photos pixels frames data inputs patches tiles observations obs scans "
    "slices jpegs jpgs pngs thumbnails thumbs crops faces digits"
)
_PICTURE_WORDS = _set(
    "image img picture pic photo pixel rgb rgba bgr frame input patch tile observation scan slice jpeg jpg "
    "png thumbnail thumb crop face gray grey grayscale greyscale"
)
LABEL_WORDS = _set("y label labels target targets class classes category categories")
_OTHER_WORDS = LABEL_WORDS | _set(
    "lbl lbls mask masks seg segs segmentation segmentations annotation annotations annot gt truth "
    "groundtruth landmark landmarks keypoint keypoints bbox bboxes box boxes feature features feat feats "
    "embedding embeddings descriptor descriptors depth depths disparity attribute attributes attr attrs id "
    "ids index indices idx meta metadata mean means std var weight weights kernel bias count counts score "
    "scores coordinate coordinates coord coords point points pts onehot histogram histograms hist heatmap "
    "heatmaps anchor anchors flow flows palette lut colormap cmap volume volumes vol voxel voxels spectrum "
    "spectra signal signals logits probs probabilities pose poses action actions reward rewards offset "
    "offsets length lengths size sizes shape shapes instance instances edge edges"
)
_STATISTICS = _set("mean means std stds var shape size")
_SPLITS = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("test", "testing", "tst", "te"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
}
CLASS_NAMES = _set("listclasses classnames labelnames classes classlist targetnames categories labels")
"""Datasets of text that name the classes, when there are not as many of them as images."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_JOINED = re.compile(
    r"(?:(?P<what>x|y|images?|labels?|data)(?P<split>train|test|valid|val|tr|te)|"
    r"(?P<split2>train|test|valid|val)(?P<what2>x|y|images?|imgs?|labels?|data|targets?|masks?))",
    re.IGNORECASE,
)


class Named(NamedTuple):
    """What a path says."""

    says: str | None
    """IMAGES, IMAGE, OTHER, or None for a name that says nothing."""

    word: str
    """The part of the path that says so; "" where none does."""

    split: str | None
    """"train", "test" or "val"; None where the path speaks of no split."""

    is_leaf: bool
    """Whether it is the dataset's own name that says so, not a group above it."""


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Split a part of a path into words: "train_set_x" into train, set, x, and "xtrain" into x, train."""
    found: list[str] = []
    for word in _WORD.findall(name):
        joined = _JOINED.fullmatch(word)
        if joined is None:
            found.append(word)
        elif joined["what"]:
            found += [joined["what"], joined["split"]]
        else:
            found += [joined["split2"], joined["what2"]]
    return tuple(found)


def read_name(path: str) -> Named:
    """Say what a path says; its own name counts before those of the groups above it.

    Args:
        path: Of a dataset, parts joined by "/".

    Returns:
        What it holds by its name, and the split that it belongs to.
    """
    parts = path.split("/")[::-1]
    said, word, is_leaf = None, "", False
    for place, part in enumerate(parts):
        said = _says(_lower(part))
        if said is not None:
            word, is_leaf = part, place == 0
            break
    splits = (_SPLITS[one] for part in parts for one in reversed(_lower(part)) if one in _SPLITS)
    return Named(said, word, next(splits, None), is_leaf)


def column_name(path: str) -> str:
    """Name the column of a table that a dataset becomes: "y" for "y_train", "labels" for "train/labels"."""
    for part in reversed(path.split("/")):
        words = words_of(part)
        left = [word for word in words if word.lower() not in _SPLITS and word.lower() != "set"]
        if len(left) == len(words):
            return part
        if left:
            return "_".join(left)
    return path.rpartition("/")[2]


def is_label_name(name: str) -> bool:
    """Say whether a name is that of the labels themselves, not of what describes them further."""
    words = [word for word in _lower(name) if word not in _SPLITS and word != "set"]
    return len(words) == 1 and words[0] in LABEL_WORDS


def speaks_of_labels(path: str) -> bool:
    """Say whether a dataset, or a group that it is in, is called labels or the like."""
    return any(word in LABEL_WORDS for part in path.split("/") for word in _lower(part))


def is_statistic(path: str) -> bool:
    """Say whether a dataset is called as what is said of all images together: their mean, their shape."""
    return not _STATISTICS.isdisjoint(_lower(path.rpartition("/")[2]))


def without_kinds(path: str) -> tuple[str, ...]:
    """Return the parts of a path that do not say what is in them: "train" of "train/images"."""
    return tuple(part for part in path.split("/") if part and _says(_lower(part)) is None)


def names_classes(name: str) -> bool:
    """Say whether a dataset of text is, by its name, a list of classes."""
    return "".join(_lower(name)) in CLASS_NAMES


def _lower(part: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in words_of(part))


def _says(words: Sequence[str]) -> str | None:
    if any(word in _OTHER_WORDS for word in words):
        return OTHER
    if any(word in _STACK_WORDS for word in words):
        return IMAGES
    return IMAGE if any(word in _PICTURE_WORDS for word in words) else None
