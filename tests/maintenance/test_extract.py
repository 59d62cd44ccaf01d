"""`packhouse.extract` gives the tree back, and stays in its folder whatever a pack says."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

import packhouse
from handmade_pack import write_pack
from maintenance_kit import flip, ranges, tree
from packhouse.errors import CorruptStoreError, NoSpaceError, NotAPackError
from small_dataset import DataSet

HOSTILE = (
    "",
    ".",
    "..",
    "/",
    "//",
    "../x",
    "../../x",
    "/etc/packhouse-x",
    "//etc/packhouse-x",
    "a/../../x",
    "a/../x",
    "a//b",
    "a/./b",
    "./a",
    "a/",
    "a/..",
    "a\0b",
    "\0",
    "x" * 256,
    "ü" * 128,
    "a/" + "y" * 300 + "/b",
    "../" * 40 + "tmp/packhouse-x",
)


def test_a_tree_comes_back_byte_for_byte(sound: Path, shop: DataSet, tmp_path: Path) -> None:
    """Names and bytes are those of the source; os.walk says so. Tables stay."""
    report = packhouse.extract(sound, tmp_path / "new" / "out")

    assert tree(tmp_path / "new" / "out") == shop.files
    assert (report.images, report.written, report.there_already) == (24, 24, 0)
    assert report.bytes == sum(map(len, shop.files.values()))
    assert report.is_complete
    assert set(report.tables) == {"articles", "customers", "transactions_train", "train"}


def test_any_tree_comes_back(tmp_path: Path) -> None:
    """Deep folders, names of any letters, that are not UTF-8, empty files, colliding stems, case pairs."""
    names = [b"a.jpg", b"A.jpg", b"a.png", b"100%.jpg", b"sp ace/b.c.jpg", "grüße/ü.jpg".encode()]
    names += [b"\xff\xfe%.jpg", b"caf\xe9/x.jpg", b"d/" * 90 + b"deep.jpg", b"n" * 251 + b".jpg"]
    names += [b"back\\slash.jpg", b"new\nline.jpg", b"CON.jpg", b"%FF.jpg"]
    rng = random.Random(1)
    files = {os.fsdecode(name): rng.randbytes(rng.randrange(2000)) for name in names} | {"empty.jpg": b""}
    for name, data in files.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    packhouse.pack(tmp_path / "src", tmp_path / "p")

    report = packhouse.extract(tmp_path / "p", tmp_path / "out")

    assert tree(tmp_path / "out") == files
    assert report.is_complete


def test_hostile_names_are_listed_and_lead_nowhere(tmp_path: Path) -> None:
    """Each is refused by name; what is beside is written; nothing is outside of the target."""
    images = {f"k{number:03d}": (name, b"evil") for number, name in enumerate(HOSTILE)}
    pack = write_pack(tmp_path / "p", images | {"good": ("good.jpg", b"good")})
    before = tree(tmp_path)

    report = packhouse.extract(pack, tmp_path / "box" / "out")

    assert sorted(one.path for one in report.failed) == sorted(HOSTILE)
    assert tree(tmp_path) == before | {"box/out/good.jpg": b"good"}
    assert sorted(os.listdir(tmp_path / "box")) == ["out"]
    assert not Path("/etc/packhouse-x").exists()
    assert not Path("/tmp/packhouse-x").exists()  # noqa: S108


@pytest.mark.parametrize("escaped", ["%2E%2E/x", "%2Fetc/x", "a%00b", "a/%2E%2E/%2E%2E/x", "%2E%2E%2Fx"])
def test_escapes_are_undone_before_names_are_looked_at(tmp_path: Path, escaped: str) -> None:
    """An escaped name cannot smuggle what a plain one cannot say."""
    pack = write_pack(tmp_path / "p", {"k": (escaped, b"evil")}, escaped=[escaped])
    before = tree(tmp_path)

    report = packhouse.extract(pack, tmp_path / "out")

    assert [one.path for one in report.failed] == [escaped]
    assert tree(tmp_path) == before


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize("leads", ["to a folder", "nowhere", "to a file"])
def test_planted_links_are_not_followed(tmp_path: Path, depth: int, leads: str) -> None:
    """A link in the place of any component: listed, and what it leads to stays as it is."""
    parts = ["a", "b", "c", "image.jpg"]
    pack = write_pack(tmp_path / "p", {"k": ("/".join(parts), b"new"), "other": ("other.jpg", b"other")})
    aim = tmp_path / "aim"
    if leads == "to a folder":
        (aim / "b" / "c").mkdir(parents=True)
    elif leads == "to a file":
        aim.write_bytes(b"precious")
    out = tmp_path / "out"
    folder = out.joinpath(*parts[:depth])
    folder.mkdir(parents=True)
    (folder / parts[depth]).symlink_to(aim)
    before = tree(aim) if aim.is_dir() else None

    report = packhouse.extract(pack, out)

    assert [one.path for one in report.failed] == ["a/b/c/image.jpg"]
    assert "symbolic link" in report.failed[0].message
    assert (out / "other.jpg").read_bytes() == b"other"
    if leads == "to a file":
        assert aim.read_bytes() == b"precious"
    elif leads == "nowhere":
        assert not aim.exists()
    else:
        assert tree(aim) == before


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Other files, folders, FIFOs and links in the place of an image stay; the same bytes count as done."""
    names = ["fifo", "folder", "longer", "other", "same", "under/file", "hard"]
    pack = write_pack(tmp_path / "p", {name.replace("/", "_"): (name, b"image") for name in names})
    out = tmp_path / "out"
    (out / "folder").mkdir(parents=True)
    os.mkfifo(out / "fifo")
    (out / "longer").write_bytes(b"image and more")
    (out / "other").write_bytes(b"imagf")
    (out / "same").write_bytes(b"image")
    (out / "under").write_bytes(b"a file where a folder should be")
    (tmp_path / "elsewhere").write_bytes(b"IMAGE")
    os.link(tmp_path / "elsewhere", out / "hard")
    (out / "fifo2").symlink_to("fifo")
    stamps = {path: path.lstat() for path in out.rglob("*")}

    report = packhouse.extract(pack, out)

    assert sorted(one.path for one in report.failed) == [
        "fifo",
        "folder",
        "hard",
        "longer",
        "other",
        "under/file",
    ]
    assert (report.written, report.there_already) == (0, 1)
    assert {path: path.lstat().st_mtime_ns for path in out.rglob("*") if path.name != "folder"} == {
        path: facts.st_mtime_ns for path, facts in stamps.items() if path.name != "folder"
    }
    assert (tmp_path / "elsewhere").read_bytes() == b"IMAGE"


def test_two_images_of_one_name_are_not_merged(tmp_path: Path) -> None:
    """The second is listed, unless it is the same."""
    pack = write_pack(
        tmp_path / "p", {"a": ("x", b"one"), "b": ("x", b"two"), "c": ("y", b"1"), "d": ("y", b"1")}
    )

    report = packhouse.extract(pack, tmp_path / "out")

    assert [one.path for one in report.failed] == ["x"]
    assert (report.written, report.there_already) == (2, 1)
    assert (tmp_path / "out" / "x").read_bytes() in {b"one", b"two"}


def test_a_damaged_image_is_listed_and_not_written(copy: Path, shop: DataSet, tmp_path: Path) -> None:
    """All others are."""
    key, (offset, _) = min(ranges(copy).items())
    flip(copy / "images.h5", 8 * offset + 3)

    report = packhouse.extract(copy, tmp_path / "out")

    assert [one.key for one in report.damaged] == [key]
    assert tree(tmp_path / "out") == {
        path: data for path, data in shop.files.items() if path != f"images/{key}.jpg"
    }


def test_running_again_goes_on(sound: Path, shop: DataSet, tmp_path: Path) -> None:
    """What is there with the same bytes is done; the rest is written."""
    out = tmp_path / "out"
    packhouse.extract(sound, out)
    for path in sorted(shop.files)[::2]:
        (out / path).unlink()

    report = packhouse.extract(sound, out)

    assert (report.written, report.there_already) == (12, 12)
    assert tree(out) == shop.files


@pytest.mark.parametrize("number", [28, 122, 5])
def test_a_failed_write_leaves_no_half_file(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The disk runs full or fails in the middle of a file: that file is gone again."""
    write, calls = os.write, [0]

    def fail(descriptor: int, data: memoryview) -> int:
        calls[0] += 1
        if calls[0] >= 7:
            raise OSError(number, os.strerror(number))
        return write(descriptor, data[: len(data) // 2 + 1])

    monkeypatch.setattr(os, "write", fail)
    out = tmp_path / "out"
    if number == 5:
        assert "Input/output error" in packhouse.extract(sound, out).failed[0].message
    else:
        with pytest.raises(NoSpaceError):
            packhouse.extract(sound, out)

    whole = {len(data) for data in tree(out).values()}
    assert whole <= {length for _, length in ranges(sound).values()}


def test_too_small_a_disk_is_seen_before_the_first_byte(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless what is missing has been written by an earlier run."""
    packhouse.extract(sound, tmp_path / "done")
    facts = os.statvfs(tmp_path)
    values = list(facts)
    values[3] = values[4] = 1
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result(values))

    with pytest.raises(NoSpaceError, match="the disk has"):
        packhouse.extract(sound, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert packhouse.extract(sound, tmp_path / "done").there_already == 24


def test_more_folders_than_are_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors are closed in turn, and none is left open."""
    monkeypatch.setattr("packhouse._src.maintenance.target.MOST_OPEN_FOLDERS", 3)
    rng = random.Random(2)
    names = [f"{rng.randrange(6)}/{rng.randrange(6)}/{rng.randrange(6)}/{number}" for number in range(200)]
    pack = write_pack(
        tmp_path / "p", {f"{number:03d}": (name, name.encode()) for number, name in enumerate(names)}
    )
    before = len(os.listdir("/proc/self/fd"))

    packhouse.extract(pack, tmp_path / "out")

    assert tree(tmp_path / "out") == {name: name.encode() for name in names}
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pack_that_cannot_be_trusted_is_refused(copy: Path, tmp_path: Path) -> None:
    """No pack, no images, a broken manifest: an error, and nothing is made."""
    with pytest.raises(NotAPackError):
        packhouse.extract(tmp_path / "absent", tmp_path / "out")
    (copy / "pack.json").write_text("{}")
    with pytest.raises(CorruptStoreError, match="verify"):
        packhouse.extract(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()
