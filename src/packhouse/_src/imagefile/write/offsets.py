"""Where every image goes in images.h5, before the file is there: arithmetic, without the HDF5 library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from packhouse.errors import AccountingError, Where

METADATA_BYTES_PER_IMAGE = 330
"""Object header and link of one dataset without its name: measured 308 to 340 bytes with names of ten
characters."""

METADATA_BYTES_PER_GROUP = 170
"""Object header and link of one group without its name."""

MOST_LINKS_IN_HEADER = 8
METADATA_BYTES_PER_HEAP = 1500
"""Heap and tree of a group that has more links than its header holds: measured 1,200 bytes and more."""

HEAP_NAMES = 8
LONGEST_NAME = 255
"""A heap grows by blocks, and so many names may find no room in the last of them."""

SPARE_BYTES = 512
SMALLEST_METADATA_BLOCK = 1 << 11
HEAD_BYTES = 64 << 10


class Layout(NamedTuple):
    """Where everything goes in a file, before it is made."""

    offsets: list[int]
    """Of each dataset, bytes from the start of the file; one of length 0 gets the end of the one before."""

    file_size: int
    """Bytes; without any data HDF5 leaves out what its metadata does not need."""


def lay_out(datasets: Sequence[tuple[str, str, int]]) -> Layout:
    """Say where each dataset goes: behind one block of metadata, one after the other.

    Args:
        datasets: As for `write_skeleton`.

    Returns:
        The layout that `write_skeleton` keeps to.
    """
    start = metadata_bytes(datasets)
    ends = list(accumulate((length for _, _, length in datasets), initial=start))
    return Layout(ends[:-1], ends[-1])


def metadata_bytes(datasets: Sequence[tuple[str, str, int]]) -> int:
    """Return a little more than it takes; else a second block, as large, would follow among the data.

    In 800 made-up data sets (1 to 60,000 images in 1 to 1,000 groups, names of 1 to 200 characters) it took
    98 % at most, 88 % in the middle.
    """
    links: Counter[str] = Counter()
    longest: dict[str, int] = {}
    names = 0
    for group, members in groupby(datasets, key=itemgetter(0)):
        sizes = [len(name) if name.isascii() else len(name.encode()) for _, name, _ in members]
        links[group] += len(sizes)
        longest[group] = max(*sizes, longest.get(group, 0))
        names += len(sizes) * METADATA_BYTES_PER_IMAGE + sum(sizes) * 5 // 4
    for group in list(links):
        above = group
        while above:
            above = above.rpartition("/")[0]
            links[above] += 1
            if links[above] > 1:  # so those further up are counted
                break
    groups = sum(METADATA_BYTES_PER_GROUP + len(group.rpartition("/")[2].encode()) for group in links)
    heaps = sum(
        METADATA_BYTES_PER_HEAP + HEAP_NAMES * longest.get(group, LONGEST_NAME)
        for group, count in links.items()
        if count > MOST_LINKS_IN_HEADER
    )
    return max(SMALLEST_METADATA_BLOCK, names + groups + heaps + SPARE_BYTES)


def find_id(path: Path, file_id: str) -> int:
    """Return the offset of the id's characters, which lie near the head of the file.

    Args:
        path: A file that `write_skeleton` made.
        file_id: Its id.

    Returns:
        Bytes from the start of the file.

    Raises:
        AccountingError: They are not there.
    """
    with path.open("rb") as file:
        offset = file.read(HEAD_BYTES).find(file_id.encode("ascii"))
    if offset < 0:
        raise AccountingError("the id is not at the head of the file", where=Where(file=str(path)))
    return offset
