"""Splits that are missing since they are symbolic links, which were not followed when the pack was made."""

from __future__ import annotations

import json
from pathlib import Path

from packhouse._src.imagefile.format import MANIFEST_FILE
from packhouse._src.loader.choice.split_names import split_word
from packhouse._src.sources.folder_walk import ANYWHERE, LINK_OUT, LINK_WITHIN
from packhouse._src.wording.quantities import counted


def hint_of_left_out_links(folder: Path, split: str) -> str | None:
    """Say that the images of a split are links that were not followed.

    Args:
        folder: The pack.
        split: What was asked for.

    Returns:
        What to do; None when no link that was left out is of this split, or the pack does not say.
    """
    try:
        left_out = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))["skipped"]
        links = [
            (str(one["path"]), str(one["reason"]))
            for one in left_out
            if str(one["reason"]).startswith((LINK_OUT, LINK_WITHIN))
        ]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    asked = split_word(split) or split
    for depth in (0, 1):  # train/, or DATA/train/
        tops = [(path.split("/")[depth : depth + 1], reason) for path, reason in links]
        meant = [
            (top[0], reason)
            for top, reason in tops
            if top and (top[0] == split or split_word(top[0]) == asked)
        ]
        if meant:
            outside = any(reason.startswith(LINK_OUT) for _, reason in meant)
            option = f"--follow-links={ANYWHERE}" if outside else "--follow-links"
            what = "is a symbolic link" if len(meant) == 1 else f"has {counted(len(meant), 'symbolic link')}"
            return f"{meant[0][0]} {what}, not followed when the data set was packed: pack it with {option}"
    return None
