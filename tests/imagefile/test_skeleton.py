"""The skeleton is a plain HDF5 file, as h5py tells, in which every image has its own bytes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
import time
from itertools import pairwise
from pathlib import Path

import h5py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse._src.imagefile.write.skeleton import remove_datasets, write_skeleton
from packhouse.errors import DestinationError, NoSpaceError

FILE_ID = hashlib.md5(b"any", usedforsecurity=False).hexdigest()
Datasets = list[tuple[str, str, int]]

MIXED: Datasets = [
    ("", "root", 5),
    ("", "with space", 7),
    ("010", "0108775015", 1000),
    ("010", "0108775044", 0),
    ("011", "größe", 3),
    ("011", "日本 🧥", 123),
    ("a/b/c/d", "deep", 77),
    ("a/b/c/d", "line\nbreak", 1),
    ("a/b/e", "..jpg", 9),
    ("z", "empty", 0),
]


def key(group: str, name: str) -> str:
    """Return the path of a dataset."""
    return f"{group}/{name}" if group else name


def flat(count: int, length: int = 100) -> Datasets:
    """Return images with names of ten digits in one group."""
    return [("010", f"{row:010d}", length) for row in range(count)]


def names_in(path: Path) -> dict[str, bool]:
    """Return name -> whether it is a dataset, of all that h5py's own walk finds."""
    found: dict[str, bool] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, thing: found.update({name: isinstance(thing, h5py.Dataset)}))
    return found


@pytest.mark.parametrize("datasets", [MIXED, flat(3000), flat(1), flat(9), []], ids=len)
def test_every_dataset_is_a_range_of_the_file(tmp_path: Path, datasets: Datasets) -> None:
    """Each is 1-D uint8, contiguous, unfiltered, of the right length, and lies where we say."""
    path = tmp_path / "images.h5"

    offsets = write_skeleton(path, datasets, file_id=FILE_ID).offsets

    with h5py.File(path) as file:
        for (group, name, length), offset in zip(datasets, offsets, strict=True):
            dataset = file[key(group, name)]
            plist = dataset.id.get_create_plist()
            assert (dataset.shape, dataset.dtype) == ((length,), "uint8")
            assert dataset.chunks is None
            assert plist.get_layout() == h5py.h5d.CONTIGUOUS
            assert (plist.get_nfilters(), plist.get_external_count()) == (0, 0)
            assert dataset.id.get_offset() == (offset if length else None)


@pytest.mark.parametrize("datasets", [MIXED, flat(3000)], ids=["mixed", "3000"])
def test_ranges_neither_overlap_nor_leave_the_file(tmp_path: Path, datasets: Datasets) -> None:
    """They follow each other in the order given and end with the file."""
    path = tmp_path / "images.h5"

    offsets = write_skeleton(path, datasets, file_id=FILE_ID).offsets

    ends = [offset + length for offset, (_, _, length) in zip(offsets, datasets, strict=True)]
    assert all(end <= start for end, start in zip(ends, offsets[1:], strict=False))
    assert all(first <= second for first, second in pairwise(offsets))
    assert max(ends) <= path.stat().st_size


@pytest.mark.parametrize("datasets", [MIXED, flat(3000)], ids=["mixed", "3000"])
def test_walking_finds_images_and_their_groups_and_nothing_else(tmp_path: Path, datasets: Datasets) -> None:
    """What h5py's visititems lists is the keys, and the groups above them."""
    path = tmp_path / "images.h5"

    write_skeleton(path, datasets, file_id=FILE_ID)

    found = names_in(path)
    keys = {key(group, name) for group, name, _ in datasets}
    above = {name.rsplit("/", depth)[0] for name in keys for depth in range(1, name.count("/") + 1)}
    assert {name for name, is_dataset in found.items() if is_dataset} == keys
    assert {name for name, is_dataset in found.items() if not is_dataset} == above


def test_root_attributes_tell_what_the_file_is(tmp_path: Path) -> None:
    """Three fixed-length strings, at the root and nowhere else."""
    path = tmp_path / "images.h5"

    write_skeleton(path, MIXED, file_id=FILE_ID)

    with h5py.File(path) as file:
        assert dict(file.attrs) == {
            "format": b"packhouse images",
            "format_version": b"1",
            "id": FILE_ID.encode(),
        }
        assert sum(len(file[name].attrs) for name in names_in(path)) == 0


def test_same_input_same_bytes(tmp_path: Path) -> None:
    """More than a second later, under another name, the file is the same: nothing tells of the clock."""
    write_skeleton(tmp_path / "one.h5", MIXED, file_id=FILE_ID)
    time.sleep(1.1)
    write_skeleton(tmp_path / "another name.h5", MIXED, file_id=FILE_ID)

    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "another name.h5").read_bytes()


def test_the_file_is_in_the_format_of_hdf5_1_10(tmp_path: Path) -> None:
    """It opens with the library bound to 1.10, also to write, and stays the same when nothing is added."""
    path = tmp_path / "images.h5"
    write_skeleton(path, MIXED, file_id=FILE_ID)
    before = path.read_bytes()

    for mode in ("r", "r+"):
        with h5py.File(path, mode, libver=("v110", "v110")) as file:
            assert file["a/b/c/d/deep"].shape == (77,)

    assert path.read_bytes()[:4] == before[:4] == b"\x89HDF"
    assert path.stat().st_size == len(before)
    assert path.read_bytes() == before


def test_bytes_written_into_a_range_are_read_by_h5py(tmp_path: Path) -> None:
    """The offset is that of the image's first byte."""
    path = tmp_path / "images.h5"
    offsets = write_skeleton(path, MIXED, file_id=FILE_ID).offsets

    with path.open("r+b") as file:
        for row, ((_, _, length), offset) in enumerate(zip(MIXED, offsets, strict=True)):
            file.seek(offset)
            file.write(bytes([row + 1]) * length)

    with h5py.File(path) as file:
        for row, (group, name, length) in enumerate(MIXED):
            assert file[key(group, name)][()].tobytes() == bytes([row + 1]) * length


def test_overhead_is_small(tmp_path: Path) -> None:
    """5,000 images with names of ten digits take at most 360 bytes each beside their own."""
    path = tmp_path / "images.h5"

    write_skeleton(path, flat(5000, length=100), file_id=FILE_ID)

    assert path.stat().st_size - 5000 * 100 <= 5000 * 360


@pytest.mark.parametrize("per_group", [1, 2, 8, 9, 17, 24, 48, 100, 1000])
def test_metadata_lies_before_the_first_image(tmp_path: Path, per_group: int) -> None:
    """Whatever the size of the groups, the images are the tail of the file, without a gap."""
    path = tmp_path / "images.h5"
    datasets = [(f"g{row // per_group:04d}/sub", f"{row:010d}", 50) for row in range(1000)]

    offsets = write_skeleton(path, datasets, file_id=FILE_ID).offsets

    assert offsets[0] + 50 * 1000 == path.stat().st_size


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    depth=st.integers(1, 4),
    length=st.integers(8, 60),
)
def test_metadata_lies_before_the_first_image_in_any_tree(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], depth: int, length: int
) -> None:
    """Groups of unlike sizes, nested, with longer names: the images are the tail all the same."""
    path = tmp_path_factory.mktemp("tree") / "images.h5"
    datasets = [
        ("/".join([f"g{group:02d}"] * depth), f"{row:0{length}d}", 5)
        for group, count in enumerate(counts)
        for row in range(count)
    ]

    offsets = write_skeleton(path, datasets, file_id=FILE_ID).offsets

    assert offsets[0] + 5 * len(datasets) == path.stat().st_size


def test_folders_nested_a_thousand_deep(tmp_path: Path) -> None:
    """As deep as a path can be is not too deep for the interpreter's stack."""
    path = tmp_path / "images.h5"
    group = "/".join(["a"] * 1500)

    write_skeleton(path, [(group, "x", 3)], file_id=FILE_ID)

    with h5py.File(path) as file:
        assert file[f"{group}/x"].shape == (3,)


def test_an_existing_file_is_not_touched(tmp_path: Path) -> None:
    """The skeleton is made anew or not at all."""
    path = tmp_path / "images.h5"
    path.write_bytes(b"mine")

    with pytest.raises(DestinationError):
        write_skeleton(path, MIXED, file_id=FILE_ID)

    assert path.read_bytes() == b"mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["images.h5"]


def test_remove_datasets_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    """Removed keys and emptied groups are gone; the others keep place and bytes."""
    path = tmp_path / "images.h5"
    offsets = write_skeleton(path, MIXED, file_id=FILE_ID).offsets
    with path.open("r+b") as file:
        for (_, _, length), offset in zip(MIXED, offsets, strict=True):
            file.seek(offset)
            file.write(b"\xab" * length)
    gone = ["010/0108775015", "a/b/c/d/deep", "a/b/c/d/line\nbreak", "root", "z/empty"]

    id_offset = remove_datasets(path, gone, file_id=FILE_ID)

    left = {
        key(group, name): (offset, length)
        for (group, name, length), offset in zip(MIXED, offsets, strict=True)
    }
    left = {name: place for name, place in left.items() if name not in gone}
    assert set(names_in(path)) == {*left, "010", "011", "a", "a/b", "a/b/e"}
    with h5py.File(path) as file:
        for name, (offset, length) in left.items():
            assert file[name].id.get_offset() == (offset if length else None)
            assert file[name][()].tobytes() == b"\xab" * length
    assert path.read_bytes()[id_offset : id_offset + 32] == FILE_ID.encode()


def test_all_datasets_can_be_removed(tmp_path: Path) -> None:
    """A data set of which no image could be read leaves an empty file that opens."""
    path = tmp_path / "images.h5"
    write_skeleton(path, MIXED, file_id=FILE_ID)

    id_offset = remove_datasets(path, [key(group, name) for group, name, _ in MIXED], file_id=FILE_ID)

    assert names_in(path) == {}
    assert path.read_bytes()[id_offset : id_offset + 32] == FILE_ID.encode()


def test_the_place_of_the_id_is_told(tmp_path: Path) -> None:
    """The 32 characters at that offset are the id."""
    path = tmp_path / "images.h5"

    offset = write_skeleton(path, flat(3000), file_id=FILE_ID).id_offset

    assert path.read_bytes()[offset : offset + 32] == FILE_ID.encode()


WRITE = """
    import resource, signal, sys
    from pathlib import Path
    from packhouse.errors import DestinationError, NoSpaceError
    from packhouse._src.imagefile.write.skeleton import write_skeleton

    folder, limit, grouped = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "grouped"
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    datasets = [(f"g{row}/h" if grouped else "010", f"{row:010d}", 1000) for row in range(500)]
    try:
        write_skeleton(folder / "images.h5", datasets, file_id="0" * 32)
    except DestinationError as err:
        print(type(err).__name__)
    else:
        print("written")
"""


def run_writer(command: list[str], folder: Path, *, limit: int, grouped: bool) -> str:
    """Write a skeleton of 500 images in a process of its own; return the error's name, or "written"."""
    script = textwrap.dedent(WRITE)
    arguments = [str(folder), str(limit), "grouped" if grouped else "flat"]
    run = subprocess.run(
        [*command, sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.strip()


@pytest.mark.parametrize("limit", [100, 3_000, 172_000, 300_000, 650_000])
def test_a_file_that_may_not_grow_is_a_clean_error(tmp_path: Path, limit: int) -> None:
    """Where a file has a largest size, wherever that lies, the error is ours and the process lives on."""
    assert run_writer([], tmp_path, limit=limit, grouped=False) == "DestinationError"


def can_mount() -> bool:
    """Say whether a private tmpfs can be mounted, seen by nobody but the process that does."""
    command = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not can_mount(), reason="needs unshare and a private mount of tmpfs")
@pytest.mark.parametrize("grouped", [False, True], ids=["flat", "grouped"])
def test_a_full_disk_is_a_clean_error(tmp_path: Path, *, grouped: bool) -> None:
    """On disks of every size, also a little too small, it is NoSpaceError or a file, never a crash."""
    told = []
    for size in range(100, 501, 50):
        mount = f'mount -t tmpfs -o size={size}k none "$0" && exec "$@"'
        command = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, str(tmp_path)]
        told.append(run_writer(command, tmp_path, limit=0, grouped=grouped))

    assert told == sorted(told)
    assert set(told) == {NoSpaceError.__name__, "written"}
