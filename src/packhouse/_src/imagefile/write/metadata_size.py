"""How large the block at the head of images.h5 should be, so that HDF5's records lie side by side in it.

A hint and no more: where it is too small, HDF5 adds another block among the images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

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


def metadata_bytes(datasets: Sequence[tuple[str, str, int]]) -> int:
    """Estimate the bytes of HDF5's own records, rather too many than too few.

    Of 800 made-up data sets (1 to 60,000 images in 1 to 1,000 groups, names of 1 to 200 characters) the
    records took 98 % of it at most, 88 % in the middle. Longer names take more.

    Args:
        datasets: As for `write_skeleton`.

    Returns:
        Bytes.
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
