"""The names that a split goes by: each spelling stands for one of three words."""

from __future__ import annotations

import re

TRAIN, VAL, TEST = "train", "val", "test"
SPLITS = (TRAIN, VAL, TEST)
ALL = "all"

_EXACT = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VAL,
    "valid": VAL,
    "validation": VAL,
    "test": TEST,
    "testing": TEST,
}
_PARTS = {**_EXACT, "trainset": TRAIN, "trainval": TRAIN, "valset": VAL, "testset": TEST}
_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def split_word(name: str) -> str | None:
    """Return the split that a name stands for: "train" for "Training"; None for other names."""
    return _EXACT.get(name.strip().casefold())


def resembled_split(name: str) -> str | None:
    """Return the one split that a part of a name stands for.

    Args:
        name: Of a folder.

    Returns:
        "train" for "train2017", "seg_train" or "trainImages"; None where no part is such a name, or parts
        stand for several splits.
    """
    found = {_PARTS[token.lower()] for token in _TOKEN.findall(name) if token.lower() in _PARTS}
    return found.pop() if len(found) == 1 else None
