"""DEST appears whole or not at all, and nothing of anybody else is touched, whatever happens on the way."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from packhouse._src.packing.destination import check_destination, packing_folder, under_construction
from packhouse.errors import DestinationBusyError, DestinationError, DestinationExistsError

STEPS = ("mkdir", "open", "rename", "unlink", "fsync", "rmdir")
"""What the system is asked to do on the way to a pack; each is a moment to be killed at."""


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """A place for a pack, in a folder of its own."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "some.pack"


def manifest(text: str) -> str:
    """Return a pack.json, as far as it says what files the pack has."""
    tables = {"train_labels": {"file": "train/labels.parquet"}}
    return json.dumps({"format": "packhouse", "tables": tables, "joins": {}, "what": text})


def build(dest: Path, text: str = "new", *, overwrite: bool = False) -> None:
    """Make something like a pack."""
    with under_construction(dest, replace=overwrite) as folder:
        (folder / "pack.json").write_text(manifest(text))
        (folder / "train").mkdir()
        (folder / "train" / "labels.parquet").write_text(text)
        (folder / ".spill").mkdir()
        (folder / ".spill" / "x").write_text(text)


def tree(folder: Path) -> dict[str, str | None]:
    """Return all below a folder: path -> text of a file, or None for a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def made(text: str = "new") -> dict[str, str | None]:
    """Return what `build` makes."""
    return {"pack.json": manifest(text), "train": None, "train/labels.parquet": text}


def test_a_finished_pack_has_its_name(dest: Path) -> None:
    """The folder is renamed, without lock and spill, and nothing else is left."""
    build(dest)

    assert tree(dest) == made()
    assert list(dest.parent.iterdir()) == [dest]


def test_it_is_made_beside_its_place(dest: Path) -> None:
    """Until it is complete, DEST does not exist and the work is in DEST.packing, which was empty."""
    with under_construction(dest, replace=False) as folder:
        assert folder == packing_folder(dest) == dest.with_name("some.pack.packing")
        assert list(tree(folder)) == [".lock"]
        assert not dest.exists()


def test_missing_folders_above_are_made(dest: Path) -> None:
    """DEST may lie in folders that are not there yet."""
    build(dest / "a" / "b")

    assert tree(dest / "a" / "b") == made()


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_a_failure_leaves_nothing(dest: Path, error: BaseException) -> None:
    """Whatever ends the work, neither DEST nor DEST.packing is there, and the error goes on."""

    def work() -> None:
        with under_construction(dest, replace=False) as folder:
            (folder / "pack.json").write_text("half")
            raise error

    with pytest.raises(type(error)) as caught:
        work()

    assert caught.value is error
    assert list(dest.parent.iterdir()) == []


def test_a_failure_keeps_the_pack_that_was_to_be_replaced(dest: Path) -> None:
    """The old pack is where it was."""
    build(dest, "old")

    def work() -> None:
        with under_construction(dest, replace=True):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()

    assert tree(dest) == made("old")
    assert list(dest.parent.iterdir()) == [dest]


def test_a_failing_lock_leaves_nothing(dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without room even for the lock is an error of ours, and stands in no later run's way."""

    def refuse(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(DestinationError, match="No space left"):
            build(dest)

    assert list(dest.parent.iterdir()) == []


def test_a_place_that_cannot_be_is_an_error(dest: Path) -> None:
    """Below a file no folder can be made; nor one whose name is too long."""
    dest.write_text("mine")

    for place in (dest / "x.pack", dest.with_name("x" * 250)):
        with pytest.raises(DestinationError, match="cannot be created"):
            build(place)

    assert dest.read_text() == "mine"


def test_leftovers_of_a_killed_run_are_removed(dest: Path) -> None:
    """A folder with our lock file that nobody holds is emptied, following no link, and used again."""
    folder = packing_folder(dest)
    (folder / "train").mkdir(parents=True)
    (folder / ".lock").write_text("")
    (folder / "images.h5").write_text("half")
    (folder / "train" / "labels.parquet").write_text("half")
    outside = dest.with_name("outside")
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (folder / "link").symlink_to(outside)

    build(dest)

    assert tree(dest) == made()
    assert tree(outside) == {"mine": "mine"}
    assert not folder.exists()


def test_a_held_lock_is_busy(dest: Path) -> None:
    """While another holds the lock nothing is touched."""
    folder = packing_folder(dest)
    folder.mkdir()
    (folder / "images.h5").write_text("being written")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(DestinationBusyError):
            build(dest)

    assert tree(folder) == {".lock": "", "images.h5": "being written"}
    assert not dest.exists()


def test_two_at_once_are_refused(dest: Path) -> None:
    """The second one is told, and the first goes on."""
    with under_construction(dest, replace=False) as folder:
        (folder / "pack.json").write_text("first")
        with pytest.raises(DestinationBusyError):
            build(dest, "second")

    assert tree(dest) == {"pack.json": "first"}


def run_forked(work: Callable[[], None]) -> int | None:
    """Run in a forked process and return its exit code."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(30)
    return process.exitcode


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_another_process_is_refused(dest: Path) -> None:
    """The lock holds between processes."""

    def other() -> None:
        try:
            build(dest, "other")
        except DestinationBusyError:
            os._exit(7)

    with under_construction(dest, replace=False) as folder:
        (folder / "pack.json").write_text("first")
        assert run_forked(other) == 7

    assert tree(dest) == {"pack.json": "first"}


def test_a_lock_of_a_run_that_is_done_is_no_lock(dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening the lock and taking it, its run may end and another begin: that is not disturbed."""
    folder = packing_folder(dest)
    flock = fcntl.flock

    def take_late(lock: int, how: int) -> None:
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / ".lock").write_text("")
        (folder / "images.h5").write_text("another's")
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", take_late)

    with pytest.raises(DestinationBusyError):
        build(dest)

    assert tree(folder) == {".lock": "", "images.h5": "another's"}


def die_before(step: int) -> None:
    """Let this process die, as by kill -9, before it asks the system for the step of that number."""
    left = step

    def dying(ask: Callable[..., object]) -> Callable[..., object]:
        def do(*arguments: object, **options: object) -> object:
            nonlocal left
            if left == 0:
                os._exit(9)
            left -= 1
            return ask(*arguments, **options)

        return do

    for name in STEPS:
        setattr(os, name, dying(getattr(os, name)))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwrite"])
def test_killed_at_any_step_and_run_again(tmp_path: Path, *, overwrite: bool) -> None:
    """Killed before any of its steps, DEST is whole, old or absent; the same command then makes it."""
    for step in range(100):
        dest = tmp_path / str(step) / "some.pack"
        if overwrite:
            build(dest, "old")

        def work(step: int = step, dest: Path = dest) -> None:
            die_before(step)
            build(dest, overwrite=overwrite)

        exit_code = run_forked(work)

        found = {name: text for name, text in tree(dest).items() if name != ".lock"}
        known = {manifest("old"), manifest("new")}
        assert found in ({}, made("old"), made("new"))
        if overwrite:
            assert [path for path in dest.parent.rglob("pack.json") if path.read_text() in known]
        if overwrite or found != made("new"):
            build(dest, overwrite=overwrite)
        assert tree(dest).items() >= made("new").items()
        assert not packing_folder(dest).exists()
        if exit_code == 0:
            break

    assert 8 < step < 99


@pytest.mark.parametrize("name", ["images.h5", "pack.json"])
def test_a_users_own_folder_is_refused(dest: Path, name: str) -> None:
    """A folder named DEST.packing without our lock is not ours, and stays as it is."""
    folder = packing_folder(dest)
    folder.mkdir()
    (folder / name).write_text("mine")

    with pytest.raises(DestinationExistsError, match="packhouse did not make it"):
        build(dest, overwrite=True)

    assert tree(dest.parent) == {folder.name: None, f"{folder.name}/{name}": "mine"}


@pytest.mark.parametrize("target", ["file", "link", "dangling link"])
def test_what_is_no_folder_is_refused(dest: Path, target: str) -> None:
    """A file or a link named DEST.packing stays, and so does what the link points to."""
    folder, outside = packing_folder(dest), dest.with_name("outside")
    outside.mkdir()
    (outside / ".lock").write_text("")
    (outside / "mine").write_text("mine")
    if target == "file":
        folder.write_text("mine")
    else:
        folder.symlink_to(outside if target == "link" else "nowhere")

    with pytest.raises(DestinationExistsError, match="packhouse did not make it"):
        build(dest)

    assert tree(outside) == {".lock": "", "mine": "mine"}
    assert os.path.lexists(folder)


def test_dest_is_not_overwritten_unasked(dest: Path) -> None:
    """A pack that is there stays."""
    build(dest, "old")

    with pytest.raises(DestinationExistsError, match="already exists"):
        check_destination(dest, replace=False)
    with pytest.raises(DestinationExistsError, match="already exists"):
        build(dest)

    assert tree(dest) == made("old")
    assert list(dest.parent.iterdir()) == [dest]


def test_overwrite_replaces_a_pack(dest: Path) -> None:
    """Asked for, the new one takes the old one's place, and nothing of the old is left."""
    build(dest, "old")

    build(dest, "new", overwrite=True)

    assert tree(dest) == made("new")
    assert list(dest.parent.iterdir()) == [dest]


@pytest.mark.parametrize("what", ["folder", "empty folder", "file", "link to pack", "dangling link"])
def test_overwrite_replaces_nothing_but_packs(dest: Path, what: str) -> None:
    """Folders without pack.json, files and links stay, with or without overwrite."""
    other = dest.with_name("other")
    build(other, "old")
    if what == "file":
        dest.write_text("mine")
    elif "link" in what:
        dest.symlink_to(other if what == "link to pack" else "nowhere")
    else:
        dest.mkdir()
        if what == "folder":
            (dest / "mine").write_text("mine")
    before = tree(dest.parent)

    for overwrite in (False, True):
        with pytest.raises(DestinationExistsError):
            check_destination(dest, replace=overwrite)
        with pytest.raises(DestinationExistsError):
            build(dest, overwrite=overwrite)

    assert tree(dest.parent) == before
    assert os.path.lexists(dest)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_appears_meanwhile_is_not_overwritten(dest: Path, *, overwrite: bool) -> None:
    """A DEST that came into being while the pack was made stays, and the work is given up."""

    def work() -> None:
        with under_construction(dest, replace=overwrite):
            dest.mkdir()
            (dest / "mine").write_text("mine")

    with pytest.raises(DestinationExistsError):
        work()

    assert tree(dest.parent) == {"some.pack": None, "some.pack/mine": "mine"}


def test_a_failing_rename_puts_the_old_pack_back(dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new pack cannot take its place, the old one has it again."""
    build(dest, "old")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self == packing_folder(dest):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)

    with pytest.raises(OSError, match="Input/output error"):
        build(dest, overwrite=True)

    assert tree(dest) == made("old")
    assert list(dest.parent.iterdir()) == [dest]


def test_everything_is_on_the_disk_before_the_rename(dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All folders of the pack are flushed before it gets its name, the folder above after it."""
    calls: list[tuple[str, int]] = []
    fsync, rename = os.fsync, Path.rename

    def note(descriptor: int) -> None:
        calls.append(("fsync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    def note_rename(self: Path, target: Path) -> Path:
        calls.append(("rename", self.stat().st_ino))
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "rename", note_rename)

    build(dest)

    renamed = calls.index(("rename", dest.stat().st_ino))
    flushed = {inode for what, inode in calls[:renamed] if what == "fsync"}
    assert {dest.stat().st_ino, (dest / "train").stat().st_ino} <= flushed
    assert ("fsync", dest.parent.stat().st_ino) in calls[renamed:]


def test_check_destination_accepts_what_is_free(dest: Path) -> None:
    """A name that nothing bears is fine, and so is a pack that may be replaced."""
    check_destination(dest, replace=False)
    build(dest)
    check_destination(dest, replace=True)


def test_who_comes_second_does_not_begin(tmp_path: Path) -> None:
    """Another process has finished between the first look at DEST and the lock: nothing is left."""
    dest = tmp_path / "some.pack"
    check_destination(dest, replace=False)
    dest.mkdir()

    with pytest.raises(DestinationExistsError), under_construction(dest, replace=False):
        pytest.fail("it works for nothing")

    assert list(tmp_path.iterdir()) == [dest]
