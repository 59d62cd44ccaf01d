"""A folder is walked without following, waiting or losing anything; files are read as they were seen."""

from __future__ import annotations

import os
import pickle
import random
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

from packhouse._src.records import SourceFile
from packhouse._src.sources.folder import FolderSource
from packhouse._src.sources.source import Found, Source
from packhouse.errors import SourceChangedError, SourceError, SourceNotFoundError

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
    (root / "a" / "ring").symlink_to("ring")
    beside = root.with_name("src beside")  # begins as the root does
    beside.write_bytes(b"beside")
    (root / "beside.jpg").symlink_to(beside)
    os.mkfifo(root / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(root / "socket.jpg"))
    (root / os.fsdecode(b"latin-\xe9.jpg")).write_bytes(b"latin")
    return root


def scan(root: Path, *leave_out: Path) -> Found:
    """Scan without listening."""
    return FolderSource(root, frozenset(leave_out)).scan(lambda _: None)


def count_entries(root: Path) -> int:
    """Count all that is no folder, links to folders too, as os.walk lists it."""
    count = 0
    for folder, folders, files in os.walk(root):
        count += len(files) + sum(Path(folder, name).is_symlink() for name in folders)
    return count


def seen(root: Path, path: str) -> SourceFile:
    """Return a file as the system describes it now."""
    facts = (root / path).stat()
    return SourceFile(path, facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns)


def read(root: Path, file: SourceFile) -> bytes:
    """Read one file as packing does."""
    return read_from(FolderSource(root), file)[0]


def read_from(source: Source, file: SourceFile) -> tuple[bytes, SourceFile]:
    """Read one file from a source, and return what it says of the file as well."""
    data = bytearray(file.size)
    now = source.read_into(file, memoryview(data))
    return bytes(data), now


def test_all_files_are_found(root: Path) -> None:
    """Path, size, time and inode of every file are what the system says, sorted by path."""
    found = scan(root)

    assert found.files == tuple(seen(root, path) for path in sorted(FILES))
    assert (found.skipped, found.failed) == ((), ())


OUT = "symbolic link to outside the data set: not followed without --follow-links=anywhere"


def test_links_and_special_files_are_skipped(awkward: Path) -> None:
    """No link is followed, whatever it points to, and no FIFO or socket is opened; each has its reason."""
    found = scan(awkward)

    reasons = {one.path: one.reason for one in found.skipped}
    assert [one.path for one in found.files] == sorted([*FILES, "latin-%E9.jpg"])
    assert list(reasons) == sorted(reasons)
    assert reasons == {
        "a/link to folder": "symbolic link within the data set: not followed without --follow-links",
        "a/link.jpg": "symbolic link within the data set: not followed without --follow-links",
        "a/loop": "symbolic link within the data set: not followed without --follow-links",
        "a/ring": "broken symbolic link",
        "dangling.jpg": "broken symbolic link",
        "out": OUT,
        "out.jpg": OUT,
        "beside.jpg": OUT,
        "fifo.jpg": "not a regular file",
        "socket.jpg": "not a regular file",
    }


def test_a_name_that_is_no_text_is_escaped(awkward: Path) -> None:
    """It is found under an escaped path, named as such, and read, also by a pickled copy of the source."""
    source = FolderSource(awkward)

    found = source.scan(lambda _: None)

    (file,) = [one for one in found.files if one.path not in FILES]
    assert (file.path, found.escaped, found.failed) == ("latin-%E9.jpg", ("latin-%E9.jpg",), ())
    assert read_from(source, file) == (b"latin", file)
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301  # our own
    assert read_from(copy, file) == (b"latin", file)
    with source.as_file(file, awkward) as path:
        assert path.read_bytes() == b"latin"


def test_a_folder_whose_name_is_no_text_is_entered(root: Path) -> None:
    """Every file below it is escaped, a literal percent sign too."""
    (root / os.fsdecode(b"50%-\xe9/sub")).mkdir(parents=True)
    (root / os.fsdecode(b"50%-\xe9/sub/100%.jpg")).write_bytes(b"below")
    (root / "50%.jpg").write_bytes(b"text")
    source = FolderSource(root)

    found = source.scan(lambda _: None)

    assert found.escaped == ("50%25-%E9/sub/100%25.jpg",)
    files = {file.path: read_from(source, file)[0] for file in found.files if "50" in file.path}
    assert files == {"50%25-%E9/sub/100%25.jpg": b"below", "50%.jpg": b"text"}


def test_an_escaped_name_that_is_taken_fails(root: Path) -> None:
    """Two files never have one path; the one whose name is text keeps it, also when they are hard links."""
    (root / os.fsdecode(b"\xe9.jpg")).write_bytes(b"latin")
    (root / "%E9.jpg").write_bytes(b"percent")
    (root / os.fsdecode(b"\xea.jpg")).hardlink_to(root / "%E9.jpg")
    (root / "%EA.jpg").hardlink_to(root / "%E9.jpg")
    source = FolderSource(root)

    found = source.scan(lambda _: None)

    files = {file.path: read_from(source, file)[0] for file in found.files if file.path not in FILES}
    assert files == {"%E9.jpg": b"percent", "%EA.jpg": b"percent"}
    assert found.escaped == ()
    assert [(one.path, "not UTF-8" in one.message) for one in found.failed] == [
        ("%E9.jpg", True),
        ("%EA.jpg", True),
    ]
    assert found.seen == len(FILES) + 4


def test_everything_is_accounted_for(awkward: Path) -> None:
    """Files, skipped and failed are all that another walk counts; what is told on the way adds up to it."""
    steps: list[int] = []

    found = FolderSource(awkward).scan(steps.append)

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


def test_reading_ahead_changes_nothing(awkward: Path, opened: list[int]) -> None:
    """A hint: whatever became of the files, nothing is raised or waited for, and no file is left open."""
    source = FolderSource(awkward)
    files = source.scan(lambda _: None).files
    (awkward / "top.jpg").unlink()
    (awkward / "empty.jpg").unlink()
    os.mkfifo(awkward / "empty.jpg")

    source.read_ahead(files)

    del source  # keeps folders open
    assert opened == []


def test_a_file_is_given_by_its_path(root: Path) -> None:
    """Nothing is copied; a link or a FIFO in its place is refused."""
    source = FolderSource(root)
    file = seen(root, "a/b/c/deep.CSV")

    with source.as_file(file, root / "not there", most=1) as path:
        assert path == root / file.path
    path.unlink()
    with pytest.raises(SourceError, match="No such file"), source.as_file(file, root):
        pass
    path.symlink_to(root / "top.jpg")
    with pytest.raises(SourceError, match="no longer a regular file"), source.as_file(file, root):
        pass


def test_files_are_read_whole(root: Path) -> None:
    """Every file, the empty one too, comes as it is."""
    assert {file.path: read(root, file) for file in scan(root).files} == FILES


def test_a_larger_file_is_read_whole(root: Path) -> None:
    """One that takes several reads comes as it is."""
    data = random.Random(3).randbytes(3_000_000)
    (root / "large.jpg").write_bytes(data)

    assert read(root, seen(root, "large.jpg")) == data


@pytest.mark.parametrize("data", [b"", b"to", b"topp"], ids=["emptied", "cut", "grown"])
def test_a_file_of_another_size_is_refused(root: Path, data: bytes) -> None:
    """Its room was measured by the scan: the error says both sizes and what to do."""
    file = seen(root, "top.jpg")
    (root / "top.jpg").write_bytes(data)

    with pytest.raises(SourceChangedError, match=f"3 bytes when scanned, {len(data)} now") as caught:
        read(root, file)

    assert caught.value.where.file == "top.jpg"
    assert "again" in caught.value.hint


def test_a_file_that_changed_since_the_scan_is_read_as_it_is_now(root: Path) -> None:
    """Rewritten or replaced with as many bytes, it is read, and its new time and inode are told."""
    file = seen(root, "top.jpg")
    (root / "new").write_bytes(b"new")
    os.utime(root / "new", ns=(0, file.mtime_ns + 1))
    (root / "new").replace(root / "top.jpg")

    data, now = read_from(FolderSource(root), file)

    assert (data, now) == (b"new", seen(root, "top.jpg"))
    assert (now.mtime_ns, now.size) == (file.mtime_ns + 1, file.size)
    assert now.inode != file.inode


class Meddler:
    """Calls something after each of the first reads, as another process might at that moment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, meddle: Callable[[int], None]) -> None:
        self.reads = 0
        self._times, self._meddle, self._really_read = times, meddle, os.preadv
        monkeypatch.setattr(os, "preadv", self._read)

    def _read(self, descriptor: int, views: Sequence[memoryview], offset: int) -> int:
        done = self._really_read(descriptor, views, offset)
        self.reads += 1
        if self.reads <= self._times:
            self._meddle(self.reads)
        return done


@pytest.mark.parametrize("times", [1, 2, 3, 9])
def test_a_file_that_changes_while_it_is_read_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Up to three times in all; what is returned is one whole state of the file."""
    path, file = root / "top.jpg", seen(root, "top.jpg")

    def rewrite(number: int) -> None:
        path.write_bytes(f"v{number:02}".encode())
        os.utime(path, ns=(0, number))

    meddler = Meddler(monkeypatch, times, rewrite)

    if times < 3:
        assert read_from(FolderSource(root), file) == (f"v{times:02}".encode(), seen(root, "top.jpg"))
        assert meddler.reads == times + 1
    else:
        with pytest.raises(SourceChangedError, match="3 times in a row"):
            read(root, file)
        assert meddler.reads == 3


@pytest.mark.parametrize("change", ["grow", "cut"])
def test_a_file_whose_size_changes_while_it_is_read_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Even when its time is put back."""
    path, file = root / "top.jpg", seen(root, "top.jpg")

    def resize(_number: int) -> None:
        path.write_bytes({"grow": b"topmore", "cut": b"t"}[change])
        os.utime(path, ns=(0, file.mtime_ns))

    meddler = Meddler(monkeypatch, 1, resize)

    with pytest.raises(SourceChangedError, match="3 bytes when scanned"):
        read(root, file)
    assert meddler.reads == 1


def test_a_write_in_the_same_tick_of_the_clock_is_seen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file changed just now is read when its time is old enough to show another change."""
    path, file = root / "top.jpg", seen(root, "top.jpg")
    path.write_bytes(b"one")
    first = path.stat().st_mtime_ns

    def rewrite_in_the_same_tick(_number: int) -> None:
        if time.time_ns() - first < 4_000_000:  # as the kernel would do it
            path.write_bytes(b"two")
            os.utime(path, ns=(first, first))

    Meddler(monkeypatch, 1, rewrite_in_the_same_tick)

    data, now = read_from(FolderSource(root), file)

    assert data == path.read_bytes()
    assert time.time_ns() - now.mtime_ns > 40_000_000


def test_no_read_is_torn(root: Path) -> None:
    """While another thread rewrites a file, one of its states is read, or an error says that it changes."""
    path, states = root / "flip.jpg", (b"a" * 300_000, b"b" * 300_000)
    path.write_bytes(states[0])
    file, source = seen(root, "flip.jpg"), FolderSource(root)
    done = threading.Event()

    def rewrite() -> None:
        with path.open("r+b", buffering=0) as writer:
            for number in range(400):
                writer.seek(0)
                writer.write(states[number % 2])
                time.sleep(0.12 if number % 40 == 0 else 0.002)
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    whole, refused = 0, 0
    while not done.is_set():
        try:
            data, _ = read_from(source, file)
        except SourceChangedError:
            refused += 1
        else:
            assert data in states
            whole += 1
    writer.join()

    assert whole
    assert read(root, file) in states


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


def test_a_folder_replaced_by_a_link_is_not_followed(root: Path) -> None:
    """Whichever folder above a file it is, and wherever the link leads, even to where the folder is now."""
    outside = root.with_name("outside")
    (outside / "b/c").mkdir(parents=True)
    for path in ("b/c/deep.CSV", "with space.jpg"):
        (outside / path).write_bytes(b"out" if path.endswith("V") else b"other")
    source = FolderSource(root)
    files = {file.path: file for file in source.scan(lambda _: None).files}
    for target in ("../outside", "moved"):
        (root / "a").rename(root / "moved")
        (root / "a").symlink_to(target)
        for path in ("a/with space.jpg", "a/b/c/deep.CSV"):
            with pytest.raises(SourceChangedError, match="is no longer a folder") as caught:
                read_from(source, files[path])
            assert caught.value.where.file == path
            with pytest.raises(SourceChangedError), source.as_file(files[path], root):
                pass
            with pytest.raises(SourceChangedError, match="is no longer a folder"):
                read_from(pickle.loads(pickle.dumps(source)), files[path])  # noqa: S301  # our own
        (root / "a").unlink()
        (root / "moved").rename(root / "a")
    assert read_from(source, files["a/with space.jpg"])[0] == b"space"  # it is back


def test_another_folder_in_a_folders_place_is_refused(root: Path) -> None:
    """One that is no link has another inode than the scan saw."""
    source = FolderSource(root)
    files = {file.path: file for file in source.scan(lambda _: None).files}
    (root / "a").rename(root / "moved")
    (root / "a").mkdir()
    (root / "a/with space.jpg").write_bytes(b"other")

    with pytest.raises(SourceChangedError, match="not the one that was scanned"):
        read_from(source, files["a/with space.jpg"])
    with pytest.raises(SourceChangedError), source.as_file(files["a/with space.jpg"], root):
        pass


def test_a_folder_that_is_replaced_while_a_file_of_it_is_used_is_noticed(root: Path) -> None:
    """Those who need a path open it themselves: it leads to the same file before and after."""
    source = FolderSource(root)
    files = {file.path: file for file in source.scan(lambda _: None).files}

    def use() -> None:
        with source.as_file(files["a/b/c/deep.CSV"], root):
            (root / "a").rename(root / "moved")
            (root / "a/b/c").mkdir(parents=True)
            (root / "a/b/c/deep.CSV").write_bytes(b"1,2")

    with pytest.raises(SourceChangedError):
        use()


def test_many_folders_keep_few_open(tmp_path: Path, opened: list[int]) -> None:
    """Every thread keeps those that it used last, and gives them back when it ends."""
    for number in range(100):
        folder = tmp_path / "src" / "/".join(["deep"] * (number % 50)) / str(number)
        folder.mkdir(parents=True)
        (folder / "x.jpg").write_bytes(b"%d" % number)
    source = FolderSource(tmp_path / "src")
    files = source.scan(lambda _: None).files

    def read_all(source: FolderSource) -> None:
        for file in files:
            assert read_from(source, file)[0] == file.path.split("/")[-2].encode()

    read_all(source)
    assert 0 < len(opened) <= 32
    thread = threading.Thread(target=read_all, args=[source])
    thread.start()
    thread.join()
    del thread
    assert len(opened) <= 32
    del source
    assert opened == []
