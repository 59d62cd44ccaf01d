"""Whether images.h5 is what its index says, byte by byte and in HDF5's own view."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from packhouse._src.imagefile.format import ID_LENGTH, IMAGES_FILE
from packhouse._src.imagefile.index_file import Binding
from packhouse._src.imagefile.read.index_rows import Damage, IndexRow
from packhouse._src.maintenance.scan import opened
from packhouse._src.ranges import outside, read_range
from packhouse.errors import CorruptStoreError, PackhouseError

COMPARE_BYTES = 1 << 20
FEW_BYTES = 64
"""Another release of the HDF5 library lays its records out in another way altogether; damage is local."""


def check_binding(path: Path, binding: Binding) -> Iterator[Damage]:
    """See that an image file is the one that its index was made for.

    Args:
        path: images.h5.
        binding: What the index says.

    Yields:
        What is wrong.
    """
    try:
        with opened(path) as descriptor:
            size = os.fstat(descriptor).st_size
            if size != binding.file_size:
                yield Damage(IMAGES_FILE, None, f"has {size:,} bytes, the index says {binding.file_size:,}")
            if read_range(descriptor, ID_LENGTH, max(0, binding.id_offset)) != binding.file_id.encode():
                yield Damage(IMAGES_FILE, None, "its id differs from the one in the index")
    except CorruptStoreError as err:
        yield Damage(IMAGES_FILE, None, err.problem)


def check_structure(path: Path, rows: Sequence[IndexRow], binding: Binding) -> tuple[list[Damage], list[str]]:
    """See that HDF5 finds in the file what the index says: those datasets, there, of that size, and no other.

    What is not an image's has no digest of its own. But it is always the same for the same keys and sizes, so
    it is written anew and compared, byte by byte; HDF5 tells then where each dataset lies. Only when that is
    not possible (an image was taken out after a failed read, another release of HDF5, damage), the file
    itself is walked, in a process of its own.

    Args:
        path: images.h5.
        rows: All images, sorted, their ranges parts of the file.
        binding: What the index says of the file.

    Returns:
        What is wrong, and what is not but should be known.

    Cost: 20 us per image, and the temporary disk space of the file's metadata, 330 bytes per image; 40-50 us
    per image more for a walk.
    """
    different = _compare_with_skeleton(path, rows, binding)
    if different == []:
        return [], []
    damaged = compare_views(rows, walk(path))
    if damaged or different is None:
        return damaged, []
    text = f"{len(different):,} bytes of HDF5's own records differ from what was written, the first at byte "
    text += f"{different[0]:,}; HDF5 still finds every image"
    if len(different) <= FEW_BYTES:
        return [Damage(IMAGES_FILE, None, text)], []
    return [], [f"{IMAGES_FILE}: {text}. Another release of HDF5 may have written it"]


def walk(path: Path) -> Iterator[tuple[str, int, int] | Damage]:
    """Yield (key, offset, length) of every dataset that HDF5 finds, and what it cannot read.

    Args:
        path: images.h5.

    Yields:
        Datasets in the order of the walk, and damage.

    Cost: 40-50 us per image, in a process of its own: the HDF5 library may crash on a damaged file.
    """
    from packhouse._src.foreign.walker_process import walk_apart

    try:
        walked = walk_apart(path, path.stat().st_size)
    except CorruptStoreError as err:
        yield Damage(IMAGES_FILE, None, err.problem)
        return
    for image in walked.images:
        if image.pixels is None:
            yield image.key, image.offset, image.length
        else:
            yield Damage(IMAGES_FILE, image.key, "HDF5 describes it as pixels, not as the bytes of a file")
    for refused in walked.refused:
        yield Damage(IMAGES_FILE, refused.path, f"in HDF5's view it {refused.reason}")
    for helper in walked.helpers:
        yield Damage(IMAGES_FILE, helper, "HDF5 describes it as a column, not as the bytes of a file")


def compare_views(
    rows: Sequence[IndexRow], datasets: Iterable[tuple[str, int, int] | Damage]
) -> list[Damage]:
    """Compare HDF5's own view of a file with its index.

    Args:
        rows: All images.
        datasets: (key, offset, length) of each dataset that HDF5 finds, and what it cannot read.

    Returns:
        What is wrong.
    """
    left = {row.key: row for row in rows}
    damaged = []
    for found in datasets:
        if isinstance(found, Damage):
            damaged.append(found)
            if found.key is None:  # HDF5 cannot go on, so that it finds nothing more says nothing more
                return damaged
            left.pop(found.key, None)
            continue
        key, offset, length = found
        row = left.pop(key, None)
        if row is None:
            damaged.append(Damage(IMAGES_FILE, key, "HDF5 has a dataset with this name, the index does not"))
        elif length != row.length or (length and offset != row.offset):
            damaged.append(
                Damage(
                    IMAGES_FILE,
                    key,
                    f"HDF5 says {length:,} bytes at byte {offset:,}, the index {row.length:,} "
                    f"at byte {row.offset:,}",
                )
            )
    missing = "the index has this image, HDF5 has no such dataset"
    return damaged + [Damage(IMAGES_FILE, key, missing) for key in left]


def _compare_with_skeleton(path: Path, rows: Sequence[IndexRow], binding: Binding) -> list[int] | None:
    """Return the offsets of all bytes that differ; None when the file cannot be made anew."""
    different = _compare_with(path, rows, binding, names_are_marked=True)
    if different == [] or all(row.key.isascii() for row in rows):
        return different
    unmarked = _compare_with(path, rows, binding, names_are_marked=False)
    return unmarked if different is None or unmarked == [] else different


def _compare_with(
    path: Path, rows: Sequence[IndexRow], binding: Binding, *, names_are_marked: bool
) -> list[int] | None:
    from packhouse._src.imagefile.write.skeleton import write_skeleton

    datasets = [(row.group, row.name, row.length) for row in rows]
    try:
        with tempfile.TemporaryDirectory(prefix="packhouse-") as folder:
            fresh = Path(folder) / IMAGES_FILE
            made = write_skeleton(fresh, datasets, file_id=binding.file_id, names_are_marked=names_are_marked)
            moved = any(
                row.offset != place for row, place in zip(rows, made.offsets, strict=True) if row.length
            )
            if moved or made.file_size != path.stat().st_size:
                return None
            ranges = ((row.offset, row.length) for row in rows)
            return list(_differences(path, fresh, outside(ranges, binding.file_size)))
    except (PackhouseError, OSError, ValueError, KeyError):  # h5py's, for names that cannot be made
        return None


def _differences(one: Path, other: Path, ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    with one.open("rb") as first, other.open("rb") as second:
        for begin, end in ranges:
            for start in range(begin, end, COMPARE_BYTES):
                length = min(COMPARE_BYTES, end - start)
                first.seek(start)
                second.seek(start)
                mine, fresh = first.read(length), second.read(length)
                if mine != fresh:
                    pairs = np.frombuffer(mine, "u1") != np.frombuffer(fresh, "u1")
                    yield from (start + int(place) for place in np.flatnonzero(pairs))
