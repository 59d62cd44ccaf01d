"""Symbolic links: followed on request, within the data set or anywhere, and never round and round."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import packhouse
from packhouse._src.sources.folder import FolderSource
from packhouse.errors import SourceChangedError, SourceNotFoundError
from small_dataset import jpeg

PROGRAM = Path(sys.executable).with_name("packhouse")


@pytest.fixture
def farm(tmp_path: Path) -> Path:
    """A tree of links: to files and folders, inside and outside, relative and absolute, broken and round."""
    for number, path in enumerate(("store/a.jpg", "store/b.jpg", "src/own/c.jpg", "src/own/d/e.jpg")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(jpeg(number))
    src = tmp_path / "src"
    (src / "n01").mkdir()
    (src / "n01" / "out_1.jpg").symlink_to("../../store/a.jpg")
    (src / "n01" / "out_2.jpg").symlink_to(tmp_path / "store" / "b.jpg")
    (src / "n01" / "in.jpg").symlink_to("../own/c.jpg")
    (src / "folder").symlink_to("own/d")
    (src / "stored").symlink_to("../store")
    (src / "own" / "up").symlink_to("..")
    (src / "self").symlink_to("self")
    (src / "broken.jpg").symlink_to("nothing.jpg")
    return src


def packed(src: Path, dest: Path, **options: str | bool) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return path below SRC -> bytes, and skipped path -> reason."""
    report = packhouse.pack(src, dest, **options)  # type: ignore[arg-type]
    pack = packhouse.open(dest)
    found = {pack.images[key].file_name: pack.images[key].bytes for key in pack.images}
    assert packhouse.verify(dest, against=src).is_sound
    return found, {one.path: one.reason for one in report.skipped}


def test_without_the_option_links_are_listed_with_it(farm: Path, tmp_path: Path) -> None:
    """Each is skipped, with the option that would follow it."""
    found, skipped = packed(farm, tmp_path / "a.pack")

    assert set(found) == {"own/c.jpg", "own/d/e.jpg"}
    assert skipped["n01/in.jpg"].endswith("not followed without --follow-links")
    assert skipped["stored"].endswith("not followed without --follow-links=anywhere")
    assert "broken symbolic link" in skipped["broken.jpg"]
    assert len(skipped) == 8


@pytest.mark.parametrize("engine", ["local", "processes"])
def test_within_the_data_set(farm: Path, tmp_path: Path, engine: str) -> None:
    """The target's bytes under the link's name; what points outside is skipped, a loop is said to be one."""
    found, skipped = packed(farm, tmp_path / "a.pack", follow_links=True, engine=engine)

    assert found == {
        path: (farm / path).read_bytes()
        for path in ("own/c.jpg", "own/d/e.jpg", "n01/in.jpg", "folder/e.jpg")
    }
    assert "never end" in skipped["own/up"]
    assert "--follow-links=anywhere only" in skipped["n01/out_1.jpg"]


def test_anywhere(farm: Path, tmp_path: Path) -> None:
    """Links out of the data set too, to files and folders."""
    found, skipped = packed(farm, tmp_path / "a.pack", follow_links="anywhere")

    assert {path: (farm / path).read_bytes() for path in found} == found
    assert set(found) >= {"n01/out_1.jpg", "n01/out_2.jpg", "stored/a.jpg", "stored/b.jpg"}
    assert set(skipped) == {"own/up", "self", "broken.jpg"}


def test_two_folders_that_lead_to_each_other_end(tmp_path: Path) -> None:
    """Loops over several links are found."""
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / "src" / name).mkdir(parents=True)
        (tmp_path / "src" / name / f"{name}.jpg").write_bytes(jpeg(1))
        (tmp_path / "src" / name / "other").symlink_to(f"../{other}")

    found, skipped = packed(tmp_path / "src", tmp_path / "a.pack", follow_links=True)

    assert set(found) == {"a/a.jpg", "b/b.jpg", "a/other/b.jpg", "b/other/a.jpg"}
    assert set(skipped) == {"a/other/other", "b/other/other"}


def test_update_sees_what_a_link_leads_to(farm: Path, tmp_path: Path) -> None:
    """The option is remembered, and a changed target is read again."""
    packed(farm, tmp_path / "a.pack", follow_links="anywhere")
    (farm.parent / "store" / "a.jpg").write_bytes(jpeg(77))

    report = packhouse.pack(farm, tmp_path / "a.pack", update=True)

    assert report.updated is not None
    pack = packhouse.open(tmp_path / "a.pack")
    assert pack.images["n01/out_1"].bytes == jpeg(77)
    assert pack.images["n01/out_2"].bytes == jpeg(1)


def test_a_tree_of_links_alone_says_what_to_do(tmp_path: Path) -> None:
    """The error names the option; on the command line it takes a value or none."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.jpg").write_bytes(jpeg(1))
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.jpg").symlink_to("../store/a.jpg")

    with pytest.raises(SourceNotFoundError, match="--follow-links"):
        packhouse.pack(tmp_path / "src", tmp_path / "a.pack")
    command: list[str | Path] = [PROGRAM, "pack", tmp_path / "src", "-o", tmp_path / "a.pack"]
    assert subprocess.run([*command, "--follow-links"], check=False, capture_output=True).returncode == 1
    done = subprocess.run([*command, "--follow-links=anywhere"], check=False, capture_output=True)
    assert done.returncode == 0


@pytest.mark.parametrize("path", ["n01/out_1.jpg", "stored/a.jpg", "folder/e.jpg"])
def test_a_folder_above_a_target_is_guarded_too(farm: Path, path: str) -> None:
    """Of what a link leads to, no folder may be another one when it is read: neither a link nor a new one."""
    source = FolderSource(farm, follow_links="anywhere")
    (file,) = [file for file in source.scan(lambda _: None).files if file.path == path]
    folder = (farm / path).resolve().parent
    folder.rename(folder.with_name("moved"))

    folder.symlink_to("moved")
    with pytest.raises(SourceChangedError):
        source.read_into(file, memoryview(bytearray(file.size)))
    folder.unlink()
    folder.mkdir()
    for name in ("a.jpg", "e.jpg"):
        (folder / name).write_bytes(b"x" * file.size)
    with pytest.raises(SourceChangedError):
        source.read_into(file, memoryview(bytearray(file.size)))
