"""Every legal tree packs: names of 1 to 255 bytes, folders and files mixed, any depth, any number."""

from __future__ import annotations

import os
import random
import tarfile
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import packhouse
from packhouse._src.imagefile.format import MOST_KEY_BYTES, MOST_LEVELS
from packhouse._src.imagefile.write import skeleton_process
from packhouse.errors import SourceNotFoundError

NAME_BYTES = 255
SUFFIX = ".jpg"
LETTERS = "abz09 _-.ЖßéÅ日本🧥"

HEAP = [*(f"{number}{'Ж' * 75}/only.jpg" for number in range(9)), "c.jpg"]
LONG = [f"{number:02d}{'n' * 233}.jpg" for number in range(10)]
"""Two trees whose records once took more room than was planned for them."""


def cut_to_bytes(text: str, most: int) -> str:
    """Return as much of a text as fits."""
    return text.encode()[:most].decode(errors="ignore")


@st.composite
def names(draw: st.DrawFn, most: int = NAME_BYTES) -> str:
    """A name of 1 to 255 bytes, often near either end, that is a folder's or a file's without its suffix."""
    wanted = draw(st.one_of(st.integers(1, most), st.integers(most - 5, most), st.integers(1, 3)))
    letter = draw(st.sampled_from(LETTERS))
    text = cut_to_bytes(draw(st.text(LETTERS, min_size=1, max_size=8)) + letter * wanted, wanted)
    return text.strip(" .") or "x"


@st.composite
def trees(draw: st.DrawFn) -> list[str]:
    """Paths of up to 60 images: files and folders side by side, at depths of 0 to 4."""
    folders = [""]
    for name in draw(st.lists(names(), max_size=12, unique=True)):
        above = draw(st.sampled_from(folders))
        if above.count("/") < 4:
            folders.append(f"{above}{name}/")
    files = draw(st.lists(names(NAME_BYTES - len(SUFFIX)), min_size=1, max_size=60, unique=True))
    paths = {draw(st.sampled_from(folders)) + name + SUFFIX for name in files}
    return sorted(path for path in paths if f"{path}/" not in folders)


def write_tree(folder: Path, paths: list[str]) -> dict[str, bytes]:
    """Write files of noise of 0 to 3,000 bytes below a folder; return path -> bytes."""
    rng = random.Random(len(paths))
    files = {path: rng.randbytes(rng.choice((0, 1, 40, 3000))) for path in paths}
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return files


def check_pack(pack: Path, files: dict[str, bytes]) -> None:
    """See that h5py finds every file's bytes, where the index says that they are."""
    index = pq.read_table(pack / "image_index.parquet").to_pylist()
    assert {row["file_name"] for row in index} == set(files)
    data = (pack / "images.h5").read_bytes()
    with h5py.File(pack / "images.h5") as file:
        for row in index:
            dataset = file[row["key"]]
            assert np.array(dataset).tobytes() == files[row["file_name"]]
            assert data[row["offset"] :][: row["length"]] == files[row["file_name"]]
            assert dataset.id.get_offset() == (row["offset"] if row["length"] else None)
    ranges = sorted((row["offset"], row["offset"] + row["length"]) for row in index if row["length"])
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))


@settings(deadline=None, max_examples=12)
@given(paths=trees())
@example(paths=HEAP)
@example(paths=LONG)
def test_every_tree_packs_and_is_sound(tmp_path_factory: pytest.TempPathFactory, paths: list[str]) -> None:
    """Whatever the names are, h5py reads each image, `verify` is content, and a second run makes the same."""
    folder = tmp_path_factory.mktemp("tree")
    files = write_tree(folder / "src", paths)

    report = packhouse.pack(folder / "src", folder / "one.pack")
    packhouse.pack(folder / "src", folder / "two.pack", workers=1)

    assert report.totals.failed == 0
    check_pack(folder / "one.pack", files)
    assert packhouse.verify(folder / "one.pack", against=folder / "src").is_sound
    one, two = folder / "one.pack" / "images.h5", folder / "two.pack" / "images.h5"
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("paths", [HEAP, LONG], ids=["heap", "long"])
def test_offsets_come_from_another_process_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: list[str]
) -> None:
    """A file made by a process of its own, offsets streamed, has the same bytes."""
    files = write_tree(tmp_path / "src", paths)
    packhouse.pack(tmp_path / "src", tmp_path / "here.pack")
    monkeypatch.setattr(skeleton_process, "APART_FROM_IMAGES", 0)

    packhouse.pack(tmp_path / "src", tmp_path / "apart.pack")

    check_pack(tmp_path / "apart.pack", files)
    here, apart = (tmp_path / name / "images.h5" for name in ("here.pack", "apart.pack"))
    assert here.read_bytes() == apart.read_bytes()


def test_many_images_with_long_names(tmp_path: Path) -> None:
    """12,000 images, names of 1 to 250 bytes, 300 folders: more records than were reckoned with."""
    rng = random.Random(7)
    names = {f"{number:05d}"[: 1 + number % 5] + "Ж" * rng.randrange(120) for number in range(20_000)}
    paths = sorted(f"g{'ß' * (number % 60)}{number % 300}/{name}.jpg" for number, name in enumerate(names))[
        :30_000
    ]
    with tarfile.open(tmp_path / "src.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        for path in paths:
            member = tarfile.TarInfo(path)
            member.size = 2
            tar.addfile(member, BytesIO(b"ab"))

    packhouse.pack(tmp_path / "src.tar", tmp_path / "many.pack")

    index = pq.read_table(tmp_path / "many.pack" / "image_index.parquet", columns=["key", "offset"])
    with h5py.File(tmp_path / "many.pack" / "images.h5") as file:
        for row in rng.sample(range(len(paths)), 300):
            dataset = file[index["key"][row].as_py()]
            assert dataset.id.get_offset() == index["offset"][row].as_py()
            assert np.array(dataset).tobytes() == b"ab"
    assert index.num_rows == len(paths)
    assert packhouse.verify(tmp_path / "many.pack").is_sound


def test_one_limit_of_depth_for_writing_walking_and_repairing(tmp_path: Path) -> None:
    """As deep as is packed is walked: by `index` of the bare file, and by `repair` without the index."""
    deep = "/".join(["d"] * MOST_LEVELS)
    files = write_tree(tmp_path / "src", [f"{deep}/bottom.jpg", "top.jpg", "d/second.jpg"])

    packhouse.pack(tmp_path / "src", tmp_path / "deep.pack")

    check_pack(tmp_path / "deep.pack", files)
    lone = tmp_path / "lone.h5"
    lone.write_bytes((tmp_path / "deep.pack" / "images.h5").read_bytes())
    assert packhouse.open(lone).images[f"{deep}/bottom"].bytes == files[f"{deep}/bottom.jpg"]
    os.unlink(tmp_path / "deep.pack" / "image_index.parquet")  # noqa: PTH108
    packhouse.repair(tmp_path / "deep.pack", tmp_path / "mended.pack")
    assert packhouse.open(tmp_path / "mended.pack").images["d/second"].bytes == files["d/second.jpg"]


def test_what_breaks_a_limit_is_listed_before_packing(tmp_path: Path) -> None:
    """A path too deep or too long is a row of the report; the rest is packed; alone it is an error."""
    deep = "/".join(["d"] * (MOST_LEVELS + 1)) + "/x.jpg"
    long = "/".join(["n" * 250] * (MOST_KEY_BYTES // 250 + 1)) + "/x.jpg"
    for name, paths in {"all.tar": (deep, long, "a.jpg"), "none.tar": (deep,)}.items():
        with tarfile.open(tmp_path / name, "w", format=tarfile.PAX_FORMAT) as tar:
            for path in paths:
                tar.addfile(tarfile.TarInfo(path))

    report = packhouse.pack(tmp_path / "all.tar", tmp_path / "some.pack")

    told = {one.path: one.message for one in report.failed}
    assert set(told) == {deep, long}
    assert f"more than {MOST_LEVELS} folders deep" in told[deep]
    assert "more than 16,384 bytes" in told[long]
    assert list(packhouse.open(tmp_path / "some.pack").images) == ["a"]
    with pytest.raises(SourceNotFoundError, match="folders deep"):
        packhouse.pack(tmp_path / "none.tar", tmp_path / "other.pack")
