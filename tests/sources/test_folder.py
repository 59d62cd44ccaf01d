"""A folder is walked without following, waiting or losing anything; files are read as they were seen."""

from __future__ import annotations

import os
import random
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from packhouse.errors import SourceChangedError, SourceError, SourceNotFoundError
from packhouse.records import SourceFile
from packhouse.sources.folder import FolderReader, Found, scan_folder

FILES = {
    "top.jpg": b"top",
    "empty.jpg": b"",
    ".hidden": b"h",
    ".hidden folder/x.jpg": b"x",
    "a/Thumbs.db": b"junk",
    "a/with space.jpg": b"space",
    "a/quo'te\".jpg": b"quote",
    "a/new\nline.jpg": b"line",
    "a/größe 日本.jpg": b"unicode",
    "a/b/c/deep.CSV": b"1,2",
    "a.b/-rf": b"dash",
    "a/*?[x].jpg": b"glob",
}


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """End a test that waits for ever on a FIFO."""

    def ring(_number: int, _frame: object) -> None:
        pytest.fail("waits for ever")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with names of all kinds."""
    folder = tmp_path / "src"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture
def awkward(root: Path) -> Path:
    """The same tree with links, a FIFO, a socket and a name that is no text."""
    outside = root.with_name("outside")
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    (root / "a" / "link.jpg").symlink_to(root / "top.jpg")
    (root / "a" / "link to folder").symlink_to(root / "a.b")
    (root / "a" / "loop").symlink_to(root)
    (root / "dangling.jpg").symlink_to("nowhere")
    (root / "out.jpg").symlink_to(outside / "secret.jpg")
    (root / "out").symlink_to(outside)
    os.mkfifo(root / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(root / "socket.jpg"))
    (root / os.fsdecode(b"latin-\xe9.jpg")).write_bytes(b"latin")
    return root


def scan(root: Path, *leave_out: Path) -> Found:
    """Scan without listening."""
    return scan_folder(root, leave_out=frozenset(leave_out), on_found=lambda _: None)


def count_entries(root: Path) -> int:
    """Count all that is no folder, links to folders too, as os.walk lists it."""
    count = 0
    for folder, folders, files in os.walk(root):
        count += len(files) + sum(Path(folder, name).is_symlink() for name in folders)
    return count


def seen(root: Path, path: str) -> SourceFile:
    """Return a file as the system describes it now."""
    facts = (root / path).stat()
    return SourceFile(path, facts.st_size, facts.st_mtime_ns, facts.st_ino)


def read(root: Path, file: SourceFile) -> bytes:
    """Read one file as packing does."""
    data = bytearray(file.size)
    FolderReader(root).read_into(file, memoryview(data))
    return bytes(data)


def test_all_files_are_found(root: Path) -> None:
    """Path, size, time and inode of every file are what the system says, sorted by path."""
    found = scan(root)

    assert found.files == tuple(seen(root, path) for path in sorted(FILES))
    assert (found.skipped, found.failed) == ((), ())


def test_links_and_special_files_are_skipped(awkward: Path) -> None:
    """No link is followed, whatever it points to, and no FIFO or socket is opened; each has its reason."""
    found = scan(awkward)

    links = ["a/link to folder", "a/link.jpg", "a/loop", "dangling.jpg", "out", "out.jpg"]
    assert [one.path for one in found.files] == sorted(FILES)
    assert [one.path for one in found.skipped if "link" in one.reason] == links
    assert [one.path for one in found.skipped if "regular" in one.reason] == ["fifo.jpg", "socket.jpg"]
    assert [one.path for one in found.skipped] == sorted([*links, "fifo.jpg", "socket.jpg"])


def test_a_name_that_is_no_text_fails(awkward: Path) -> None:
    """It is named in a way that can be printed, and says why."""
    failed = scan(awkward).failed

    assert [(one.path, one.error) for one in failed] == [("latin-\\xe9.jpg", "SourceError")]
    assert "UTF-8" in failed[0].message


def test_a_folder_whose_name_is_no_text_fails_as_one(root: Path) -> None:
    """What is below it is not looked at, and the folder is listed."""
    folder = os.fsencode(root) + b"/latin-\xe9"
    os.mkdir(folder)  # noqa: PTH102  # bytes are no Path
    Path(os.fsdecode(folder), "x.jpg").write_bytes(b"x")

    found = scan(root)

    assert [one.path for one in found.failed] == ["latin-\\xe9"]
    assert found.seen == len(FILES) + 1


def test_everything_is_accounted_for(awkward: Path) -> None:
    """Files, skipped and failed are all that another walk counts; what is told on the way adds up to it."""
    steps: list[int] = []

    found = scan_folder(awkward, leave_out=frozenset(), on_found=steps.append)

    assert found.seen == len(found.files) + len(found.skipped) + len(found.failed) == count_entries(awkward)
    assert sum(steps) == found.seen


class ShuffledScan:
    """Lists a folder as os.scandir does, in another order."""

    def __init__(self, path: str, seed: int) -> None:
        with SCANDIR(path) as entries:
            self._entries = sorted(entries, key=lambda entry: entry.name)
        random.Random(seed).shuffle(self._entries)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        """Yield the entries."""
        return iter(self._entries)


SCANDIR = os.scandir


def test_the_order_of_listing_does_not_show(awkward: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever order the file system lists in, the result is the same."""
    expected = scan(awkward)

    for seed in range(5):
        monkeypatch.setattr(os, "scandir", lambda path, seed=seed: ShuffledScan(path, seed))
        assert scan(awkward) == expected


def test_an_unreadable_folder_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not passed over as os.walk does: it is listed with what the system said, and counted."""

    def refuse(path: str) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied")
        return SCANDIR(path)

    monkeypatch.setattr(os, "scandir", refuse)

    found = scan(root)

    assert [(one.path, one.message) for one in found.failed] == [
        ("a/b", "cannot be listed: Permission denied")
    ]
    assert [one.path for one in found.files] == sorted(set(FILES) - {"a/b/c/deep.CSV"})
    assert found.seen == len(FILES)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_folder_fails_for_real(root: Path) -> None:
    """The same with a folder whose permissions say no."""
    (root / "a/b").chmod(0)

    found = scan(root)
    (root / "a/b").chmod(stat.S_IRWXU)

    assert [one.path for one in found.failed] == ["a/b"]


def test_a_file_that_vanishes_while_scanning_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is listed and gone when it is looked at ends nothing; it is listed as failed."""

    class Vanishing(ShuffledScan):
        """Removes one file between the listing and the look at it."""

        def __init__(self, path: str) -> None:
            super().__init__(path, seed=1)
            if Path(path).name == "a":
                (root / "a/with space.jpg").unlink()

    monkeypatch.setattr(os, "scandir", Vanishing)

    found = scan(root)

    assert [one.path for one in found.failed] == ["a/with space.jpg"]
    assert found.seen == len(FILES)


def test_a_folder_left_out_is_not_entered(root: Path) -> None:
    """The pack that is being written below SRC is not packed; a folder of that name elsewhere is."""
    (root / "z/a").mkdir(parents=True)
    (root / "z/a/inner.jpg").write_bytes(b"1")

    found = scan(root, root / "a", root / "not there")

    assert [one.path for one in found.files] == sorted(
        [*(path for path in FILES if not path.startswith("a/")), "z/a/inner.jpg"]
    )


@pytest.mark.parametrize(("name", "message"), [("nowhere", "does not exist"), ("top.jpg", "is not a folder")])
def test_a_source_that_is_no_folder_is_refused(root: Path, name: str, message: str) -> None:
    """The error says which of the two it is."""
    with pytest.raises(SourceNotFoundError, match=message):
        scan(root / name)


def test_a_link_to_the_data_set_is_followed(root: Path) -> None:
    """SRC itself may be a link: the user named it."""
    link = root.with_name("link")
    link.symlink_to(root)

    assert [one.path for one in scan(link).files] == sorted(FILES)


def test_files_are_read_whole(root: Path) -> None:
    """Every file, the empty one too, comes as it is."""
    assert {file.path: read(root, file) for file in scan(root).files} == FILES


def test_a_larger_file_is_read_whole(root: Path) -> None:
    """One that takes several reads comes as it is."""
    data = random.Random(3).randbytes(3_000_000)
    (root / "large.jpg").write_bytes(data)

    assert read(root, seen(root, "large.jpg")) == data


@pytest.mark.parametrize("data", [b"", b"to", b"topp", b"tip"], ids=["emptied", "cut", "grown", "same size"])
def test_a_file_that_changed_since_the_scan_is_refused(root: Path, data: bytes) -> None:
    """Another size, or another time with the same size, is another file."""
    file = seen(root, "top.jpg")
    (root / "top.jpg").write_bytes(data)
    os.utime(root / "top.jpg", ns=(0, file.mtime_ns + (len(data) == file.size)))

    with pytest.raises(SourceChangedError, match="changed while packing") as caught:
        read(root, file)

    assert caught.value.where.file == "top.jpg"


def test_a_file_that_was_replaced_is_refused(root: Path) -> None:
    """Same name, size and time, another inode: another file."""
    file = seen(root, "top.jpg")
    (root / "new").write_bytes(b"new")
    os.utime(root / "new", ns=(0, file.mtime_ns))
    (root / "new").replace(root / "top.jpg")

    with pytest.raises(SourceChangedError):
        read(root, file)


@pytest.mark.parametrize("change", ["grow", "cut", "rewrite"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """A writer that begins after the file is open is noticed, also when the size stays."""
    file, really_open = seen(root, "top.jpg"), os.open

    def open_and_change(path: str, flags: int) -> int:
        descriptor = really_open(path, flags)
        with Path(path).open({"grow": "ab", "cut": "wb", "rewrite": "r+b"}[change]) as writer:
            writer.write({"grow": b"more", "cut": b"t", "rewrite": b"TOP"}[change])
        os.utime(path, ns=(0, file.mtime_ns + (change == "rewrite")))
        return descriptor

    monkeypatch.setattr(os, "open", open_and_change)

    with pytest.raises(SourceChangedError):
        read(root, file)


def test_a_link_put_in_a_files_place_is_not_followed(root: Path) -> None:
    """A file that became a link, even to itself elsewhere, is not read."""
    file = seen(root, "top.jpg")
    (root / "top.jpg").rename(root / "moved.jpg")
    (root / "top.jpg").symlink_to("moved.jpg")

    with pytest.raises(SourceError):
        read(root, file)


def test_a_fifo_put_in_a_files_place_does_not_hang(root: Path) -> None:
    """Neither without a writer nor with one that writes nothing."""
    file = seen(root, "top.jpg")
    (root / "top.jpg").unlink()
    os.mkfifo(root / "top.jpg")

    with pytest.raises(SourceError):
        read(root, file)
    writer = os.open(root / "top.jpg", os.O_RDWR)
    with pytest.raises(SourceError):
        read(root, file)
    os.close(writer)


def test_an_empty_file_replaced_by_a_fifo_does_not_hang(root: Path) -> None:
    """Where nothing would be read, the file is still looked at."""
    file = seen(root, "empty.jpg")
    (root / "empty.jpg").unlink()
    os.mkfifo(root / "empty.jpg")

    with pytest.raises(SourceError):
        read(root, file)


def test_a_folder_put_in_a_files_place_is_refused(root: Path) -> None:
    """A folder has no bytes."""
    file = seen(root, "top.jpg")
    (root / "top.jpg").unlink()
    (root / "top.jpg").mkdir()

    with pytest.raises(SourceError):
        read(root, file)


def test_a_missing_file_is_refused(root: Path) -> None:
    """The error names the file and what the system said."""
    file = seen(root, "top.jpg")
    (root / "top.jpg").unlink()

    with pytest.raises(SourceError, match="No such file") as caught:
        read(root, file)

    assert caught.value.where.file == "top.jpg"


def test_reading_leaves_nothing_open(root: Path, opened: list[int]) -> None:
    """However reading ends, the file is closed."""
    file = seen(root, "top.jpg")

    read(root, file)
    (root / "top.jpg").write_bytes(b"changed")
    with pytest.raises(SourceChangedError):
        read(root, file)

    assert opened == []
