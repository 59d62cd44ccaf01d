"""Makes a closed HDF5 file in which every dataset is allocated and still empty; imports h5py.

A contiguous dataset is a byte range of the file, and HDF5 says where it is as soon as it is made. So whoever
writes the images needs no HDF5, and need not wait until the last dataset is there.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from packhouse._src.full_disk import FULL
from packhouse._src.imagefile import format as file_format
from packhouse._src.imagefile.slots import Skeleton
from packhouse._src.imagefile.write.metadata_size import metadata_bytes
from packhouse._src.system.environment import without_variables
from packhouse.errors import (
    CHECK_DISK,
    FREE_SPACE,
    DestinationError,
    NoSpaceError,
    PackhouseError,
    Where,
    internal_error,
)

with without_variables("HDF5"):  # drivers, connectors and plugins, which HDF5 takes when it is loaded
    import h5py
    from h5py import h5a, h5d, h5f, h5g, h5o, h5p, h5s, h5t

DATASETS_AT_ONCE = 1000
"""Whose offsets are given at once: made in 20 ms."""

ROOT_HEADER_BYTES = 1 << 10
"""The attributes are the first that the header of the root group gets; they take 200 bytes."""


def write_skeleton(
    path: Path,
    datasets: Sequence[tuple[str, str, int]],
    *,
    file_id: str,
    on_offsets: Callable[[array[int]], None] = lambda _: None,
    names_are_marked: bool = True,
) -> Skeleton:
    """Write a closed HDF5 file with one empty 1-D uint8 dataset an image.

    Contiguous, early allocation, no fill, no time stamps, no filter; format bounds v110, so HDF5 >= 1.10
    reads it. HDF5's own records are gathered at the head, the data follows in the order given.

    Args:
        path: The file to make; it must not exist.
        datasets: (group, name, length in bytes) in order of their keys.
        file_id: 32 characters, kept as the root attribute "id".
        on_offsets: Called with the offsets of the next datasets, in their order, while the file is being
            made: they are final as soon as they are given.
        names_are_marked: Whether a name that is not ASCII is marked as UTF-8; the first files lack that.

    Returns:
        What was written.

    Raises:
        NoSpaceError: The disk is full.
        DestinationError: The file cannot be written for another reason.
        AccountingError: HDF5 has given a dataset no place.

    Cost: 15-20 us per image. No data goes through the HDF5 library: with it, a full disk crashes the
    interpreter (h5py 3.16); without, no crash was seen at any of twenty sizes of a full tmpfs.
    Source: HDF5 File Format Specification 3.0, IV.A.2.i (data layout message, contiguous).
    """
    try:
        utf_8 = _utf_8() if names_are_marked else None
        offsets, root = _write(path, datasets, file_id, on_offsets, utf_8)
        _flush(path)
        return Skeleton(offsets, path.stat().st_size, _find_id(path, root, file_id))
    except (OSError, RuntimeError) as err:  # h5py raises RuntimeError when the last flush fails
        if isinstance(err, PackhouseError):
            raise
        raise _translate(err, path) from err


def _flush(path: Path) -> None:
    with path.open("r+b") as file:  # Windows flushes only what is open for writing
        os.fsync(file.fileno())


def _translate(err: OSError | RuntimeError, path: Path) -> PackhouseError:
    told = re.search(r"errno = (\d+)", str(err))  # in the text of the HDF5 library, where err has none
    number = getattr(err, "errno", None) or (int(told[1]) if told else None)
    where = Where(file=str(path))
    if number is None:
        return internal_error(f"HDF5 cannot make the file: {err}", where=where)
    if number in FULL:
        return NoSpaceError("the disk is full", where=where, hint=FREE_SPACE)
    problem = f"the file cannot be written: {os.strerror(number)}"
    return DestinationError(problem, where=where, hint=CHECK_DISK)


def _write(
    path: Path,
    datasets: Sequence[tuple[str, str, int]],
    file_id: str,
    on_offsets: Callable[[array[int]], None],
    utf_8: h5p.PropLCID | None,
) -> tuple[array[int], int]:
    """Return the offsets, and the address of the root group's header."""
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fapl_sec2()  # whatever driver the environment named, if the program has loaded h5py before
    # otherwise the file stays open, and shorter than it says, while any object handle lives
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    access.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V110)
    access.set_meta_block_size(metadata_bytes(datasets))
    creation = h5p.create(h5p.FILE_CREATE)
    creation.set_obj_track_times(False)  # h5py's own signature
    file = h5f.create(os.fsencode(path), h5f.ACC_EXCL, fcpl=creation, fapl=access)
    try:
        _write_attributes(file, file_id)
        offsets = array("q")
        for some in _create_datasets(file, datasets, utf_8):
            on_offsets(some)
            offsets += some
        return offsets, _root_address(file)
    finally:
        file.close()


def _root_address(file: h5f.FileID) -> int:
    return int(h5o.get_info(h5g.open(file, b"/")).addr)


def _find_id(path: Path, root: int, file_id: str) -> int:
    """Return the offset of the id: in the header of the root group, the library does not say where."""
    with path.open("rb") as file:
        file.seek(root)
        place = file.read(ROOT_HEADER_BYTES).find(file_id.encode("ascii"))
    if place < 0:
        raise internal_error("the id is not in the header of the root group", where=Where(file=str(path)))
    return root + place


def _write_attributes(file: h5f.FileID, file_id: str) -> None:
    scalar = h5s.create(h5s.SCALAR)
    for name, text in (
        (file_format.ATTRIBUTE_FORMAT, file_format.FORMAT_NAME),
        (file_format.ATTRIBUTE_VERSION, str(file_format.FORMAT_VERSION)),
        (file_format.ATTRIBUTE_ID, file_id),
    ):
        # fixed length: a Python str would become a variable-length string in the global heap
        value = np.bytes_(text.encode("ascii"))
        kind = h5t.py_create(value.dtype, logical=True)
        h5a.create(file, name.encode("ascii"), kind, scalar).write(np.asarray(value), mtype=kind)


def _create_datasets(
    file: h5f.FileID, datasets: Sequence[tuple[str, str, int]], utf_8: h5p.PropLCID | None
) -> Iterator[array[int]]:
    """Yield where HDF5 has put the next datasets."""
    create = h5p.create(h5p.DATASET_CREATE)
    create.set_layout(h5d.CONTIGUOUS)
    create.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    create.set_fill_time(h5d.FILL_TIME_NEVER)
    create.set_obj_track_times(False)  # h5py's own signature
    groups: dict[str, h5g.GroupID] = {"": file}
    space = h5s.create_simple((0,))
    end = 0
    for start in range(0, len(datasets), DATASETS_AT_ONCE):
        offsets = array("q")
        for group, name, length in datasets[start : start + DATASETS_AT_ONCE]:
            parent = groups.get(group) or _create_group(groups, group, utf_8)
            space.set_extent_simple((length,))  # one space for all: 15 us per dataset instead of 18
            link = None if name.isascii() else utf_8
            dataset = h5d.create(parent, name.encode(), h5t.STD_U8LE, space, create, link)
            if length:
                end = _place_of(dataset, name)
            offsets.append(end)
            end += length
        yield offsets


def _place_of(dataset: h5d.DatasetID, name: str) -> int:
    place = dataset.get_offset()
    if place is None:
        raise internal_error("HDF5 has not allocated a dataset", where=Where(member=name))
    return int(place)


def _create_group(groups: dict[str, h5g.GroupID], path: str, utf_8: h5p.PropLCID | None) -> h5g.GroupID:
    creation = h5p.create(h5p.GROUP_CREATE)
    creation.set_obj_track_times(False)  # h5py's own signature
    ends = [place for place, letter in enumerate(path) if letter == "/"]
    for end in (*ends, len(path)):
        parent, _, name = path[:end].rpartition("/")
        if path[:end] not in groups:
            link = None if name.isascii() else utf_8
            groups[path[:end]] = h5g.create(groups[parent], name.encode(), link, creation)
    return groups[path]


def _utf_8() -> h5p.PropLCID:
    """Return what marks a name as UTF-8: h5py takes every name for that, other readers go by the mark."""
    link = h5p.create(h5p.LINK_CREATE)
    link.set_char_encoding(h5t.CSET_UTF8)
    return link


def remove_datasets(path: Path, keys: Sequence[str], *, file_id: str) -> int:
    """Unlink the datasets of images that could not be read, so that none is left that holds only zeros.

    Args:
        path: A file that `write_skeleton` made.
        keys: Their keys; groups that become empty go too.
        file_id: Its id.

    Returns:
        Where the id is now, bytes from the start of the file.

    Raises:
        NoSpaceError: The disk is full.
        DestinationError: The file cannot be written for another reason.
    """
    try:
        with h5py.File(path, "r+", libver=("v110", "v110"), driver="sec2") as file:
            for key in keys:
                del file[key]
                group = key.rpartition("/")[0]
                while group and len(file[group]) == 0:
                    del file[group]
                    group = group.rpartition("/")[0]
            root = _root_address(file.id)
        _flush(path)
        return _find_id(path, root, file_id)
    except (OSError, RuntimeError) as err:
        if isinstance(err, PackhouseError):
            raise
        raise _translate(err, path) from err
