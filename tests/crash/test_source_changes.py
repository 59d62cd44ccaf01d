"""A run is stopped in the middle; then the data set, the half-filled file or the journal is changed.

The pack is always that of a fresh run over the data set as it is now, byte for byte; only what may have
changed is read again, and the report says how much that was.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import packhouse
from crash.scenes import FEW, LONE, MANY, contents, put, write_source
from packhouse._src.imagefile.write import writer
from packhouse._src.imagefile.write.journal import read_journal
from packhouse._src.packing.reporting.report import Report
from packhouse._src.packing.reporting.report_facts import Resumed
from packhouse._src.records import SourceFile
from packhouse._src.sources.folder import FolderSource
from packhouse.errors import DestinationError

ALL = {*MANY, *FEW, LONE}
FILLED = {LONE, *FEW, *MANY[:3]}
"""Six writes and an empty image, in the order of the keys."""

EMPTY, EARLY, LATE = FEW[0], MANY[0], MANY[7]


class Bench:
    """A data set, a place to pack to, and runs that can be stopped."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.source = folder / "source"
        self.dest = folder / "some.pack"
        self.read: list[str] = []
        self._patch = patch
        self._fresh = folder / "fresh.pack"
        self._aside = folder / "aside"
        write_source(self.source)
        really_read = FolderSource.read_into

        def read_into(source: FolderSource, file: SourceFile, view: memoryview) -> SourceFile:
            self.read.append(file.path)
            return really_read(source, file, view)

        patch.setattr(writer, "PIECE_IMAGES", 1)
        patch.setattr(FolderSource, "read_into", read_into)

    def pack(self) -> Report:
        """Pack, or go on."""
        self.read.clear()
        return packhouse.pack(self.source, self.dest, workers=1, tables="none")

    def stop_after(self, writes: int) -> set[str]:
        """Let a run fail at a write; return the paths of the images that are acknowledged."""
        left = [writes]
        really_write = os.pwrite

        def pwrite(target: int, data: memoryview, offset: int) -> int:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.EIO, "Input/output error")
            return really_write(target, data, offset)

        with self._patch.context() as patch:
            patch.setattr(os, "pwrite", pwrite)
            with pytest.raises(DestinationError, match="Input/output error"):
                self.pack()
        return self.filled()

    def stop_late(self) -> None:
        """Let a run fail when the image file is finished and in its place."""
        really_rename = os.rename

        def rename(path: Path, target: Path) -> None:
            if target == self.dest:
                raise OSError(errno.EIO, "Input/output error")
            really_rename(path, target)

        with self._patch.context() as patch:
            patch.setattr(os, "rename", rename)
            with pytest.raises(DestinationError, match="Input/output error"):
                self.pack()
        assert (self.packing / "images.h5").exists()

    @property
    def packing(self) -> Path:
        """Where it is made."""
        return self.dest.with_name("some.pack.packing")

    @property
    def journal(self) -> Path:
        """The journal of the only plan."""
        (path,) = self.packing.glob(".images-*/journal")
        return path

    def filled(self) -> set[str]:
        """Return what the plan that was last at work acknowledges."""
        path = max(self.packing.glob(".images-*/journal"), key=lambda path: path.stat().st_mtime_ns)
        reading = read_journal(path)
        assert reading is not None
        return {reading.head.paths[row] for row in reading.records}

    def damage(self, path: str) -> None:
        """Change one byte of an image in the half-filled file."""
        reading = read_journal(self.journal)
        assert reading is not None
        offset = reading.records[list(reading.head.paths).index(path)].offset
        with next(self.journal.parent.glob("*.h5")).open("r+b") as file:
            file.seek(offset + 3)
            byte = file.read(1)[0]
            file.seek(offset + 3)
            file.write(bytes([byte ^ 1]))

    def swap(self, path: str, data: bytes | None = None) -> None:
        """Put another file in the place of one; without data, put the first one back."""
        if data is None:
            (self._aside / path).replace(self.source / path)
        else:
            (self._aside / path).parent.mkdir(parents=True, exist_ok=True)
            (self.source / path).rename(self._aside / path)
            put(self.source, path, data)

    def check(self) -> None:
        """See that the pack is that of a fresh run, and nothing else is left."""
        packhouse.pack(self.source, self._fresh, tables="none")
        assert contents(self.dest) == contents(self._fresh)
        assert not self.packing.exists()


@pytest.fixture
def bench(home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A data set of thirteen images of which seven have been packed."""
    made = Bench(home, monkeypatch)
    assert made.stop_after(6) == FILLED
    return made


def of_size(bench: Bench, path: str) -> bytes:
    """Return other bytes of the same number."""
    return b"z" * (bench.source / path).stat().st_size


def touch(bench: Bench) -> None:
    """Change the time only."""
    os.utime(bench.source / EARLY, ns=(7, 7))


def rewrite(bench: Bench) -> None:
    """Write other bytes of the same number into the file, which gives it another time."""
    (bench.source / EARLY).write_bytes(of_size(bench, EARLY))


def replace(bench: Bench) -> None:
    """Rename another file of the same size and time over it."""
    bench.swap(EARLY, of_size(bench, EARLY))


def replace_empty(bench: Bench) -> None:
    """Rename another empty file over the empty one."""
    bench.swap(EMPTY, b"")


def rewrite_late(bench: Bench) -> None:
    """Change a file that has not been packed yet."""
    (bench.source / LATE).write_bytes(of_size(bench, LATE))


def add_table(bench: Bench) -> None:
    """Add what is no image."""
    put(bench.source, "more.csv", b"a,b\n1,2\n")


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (touch, {EARLY}),
        (rewrite, {EARLY}),
        (replace, {EARLY}),
        (replace_empty, {EMPTY}),
        (rewrite_late, set()),
        (add_table, set()),
    ],
)
def test_a_file_that_may_have_changed_is_read_again(
    bench: Bench, change: Callable[[Bench], None], again: set[str]
) -> None:
    """Time or inode differ: that one is read again; the other images are found in their places."""
    change(bench)

    report = bench.pack()

    assert report.resumed == Resumed(found=7 - len(again), changed=len(again), copied=0)
    assert sorted(bench.read) == sorted((ALL - FILLED) | again)
    bench.check()


def grow(bench: Bench) -> None:
    """Give a packed file another size."""
    put(bench.source, EARLY, b"longer" * 1000)


def grow_late(bench: Bench) -> None:
    """Give a file another size that has not been packed yet."""
    put(bench.source, LATE, b"longer" * 1000)


def fill_empty(bench: Bench) -> None:
    """Give the empty one bytes."""
    put(bench.source, EMPTY, b"not empty")


def empty(bench: Bench) -> None:
    """Empty a packed one."""
    put(bench.source, EARLY, b"")


def remove(bench: Bench) -> None:
    """Remove a packed file."""
    (bench.source / EARLY).unlink()


def remove_late(bench: Bench) -> None:
    """Remove a file that has not been packed yet."""
    (bench.source / LATE).unlink()


def remove_group(bench: Bench) -> None:
    """Remove a folder."""
    shutil.rmtree(bench.source / "deep")


def add(bench: Bench) -> None:
    """Add a file before the others."""
    put(bench.source, "a/first.jpg", b"first")


def rename(bench: Bench) -> None:
    """Give a packed file another name: what is kept is known by its name."""
    (bench.source / EARLY).rename(bench.source / "many/zzz.jpg")


@pytest.mark.parametrize(
    ("change", "copied", "read"),
    [
        (grow, FILLED - {EARLY}, (ALL - FILLED) | {EARLY}),
        (grow_late, FILLED, ALL - FILLED),
        (fill_empty, FILLED - {EMPTY}, (ALL - FILLED) | {EMPTY}),
        (empty, FILLED - {EARLY}, (ALL - FILLED) | {EARLY}),
        (remove, FILLED - {EARLY}, ALL - FILLED),
        (remove_late, FILLED, ALL - FILLED - {LATE}),
        (remove_group, FILLED - {LONE}, ALL - FILLED),
        (add, FILLED, (ALL - FILLED) | {"a/first.jpg"}),
        (rename, FILLED - {EARLY}, (ALL - FILLED) | {"many/zzz.jpg"}),
    ],
)
def test_another_set_of_sizes_is_another_file(
    bench: Bench, change: Callable[[Bench], None], copied: set[str], read: set[str]
) -> None:
    """A size differs, a file came or went: a new image file, into which what is still valid is copied."""
    change(bench)

    report = bench.pack()

    assert report.resumed == Resumed(found=0, changed=0, copied=len(copied))
    assert sorted(bench.read) == sorted(read)
    bench.check()


def test_a_finished_image_file_is_gone_on_with(bench: Bench) -> None:
    """All images are found when a run was stopped behind them; and copied when a size differs then."""
    bench.stop_late()
    bench.stop_late()
    assert bench.read == []
    put(bench.source, LATE, b"longer" * 1000)

    report = bench.pack()

    assert report.resumed == Resumed(found=0, changed=0, copied=12)
    assert bench.read == [LATE]
    bench.check()


def test_a_third_set_takes_from_both_before(bench: Bench) -> None:
    """Two half-filled files lie there for other sizes: what is valid in either is copied, once."""
    bench.swap(EARLY, b"longer" * 1000)
    assert bench.stop_after(9) == {LONE, *FEW, *MANY[:6]}
    assert len(list(bench.packing.glob(".images-*"))) == 2
    put(bench.source, LATE, b"longer too" * 1000)

    report = bench.pack()

    assert report.resumed == Resumed(found=0, changed=0, copied=10)
    assert sorted(bench.read) == sorted(MANY[6:])
    bench.check()


def test_back_to_the_first_set(bench: Bench) -> None:
    """The first file is resumed when its sizes are back; what was moved has another ctime and is read."""
    bench.swap(EARLY, b"longer" * 1000)
    bench.stop_after(9)
    bench.swap(EARLY)

    report = bench.pack()

    assert sorted(bench.read) == sorted([EARLY, *MANY[6:]])
    bench.check()
    assert report.resumed == Resumed(found=6, changed=1, copied=3)


@pytest.mark.parametrize("left", ["journal", "images"])
def test_half_removed_files_of_another_set(bench: Bench, left: str) -> None:
    """A kill while another set's file is removed can leave its journal alone, or the file alone."""
    for path in list(bench.journal.parent.iterdir()):
        if (path.name == "journal") != (left == "journal"):
            path.unlink()

    report = bench.pack()

    assert report.resumed == Resumed(found=0, changed=0, copied=0)
    bench.check()


def test_a_damaged_byte_is_noticed(bench: Bench) -> None:
    """What was filled is believed only with the digest that the journal says."""
    bench.damage(EARLY)

    report = bench.pack()

    assert report.resumed == Resumed(found=6, changed=1, copied=0)
    assert sorted(bench.read) == sorted((ALL - FILLED) | {EARLY})
    bench.check()


def test_a_damaged_byte_is_not_copied(bench: Bench) -> None:
    """Nor is it carried over into the file of another set of sizes."""
    bench.damage(EARLY)
    put(bench.source, LATE, b"longer" * 1000)

    report = bench.pack()

    assert sorted(bench.read) == sorted((ALL - FILLED) | {EARLY})
    bench.check()
    assert report.resumed == Resumed(found=0, changed=0, copied=6)


@pytest.mark.parametrize("size", [0, 1, 5000, 6500])
def test_a_cut_file_is_filled_again(bench: Bench, size: int) -> None:
    """What lies behind the cut is read again, and the metadata is whole."""
    os.truncate(next(bench.journal.parent.glob("*.h5")), size)

    report = bench.pack()

    assert report.resumed is not None
    assert report.resumed.found + report.resumed.changed == 7
    assert len(bench.read) == 13 - report.resumed.found
    bench.check()


def test_every_cut_and_every_flipped_bit_of_a_journal_is_noticed(bench: Bench, home: Path) -> None:
    """It is read up to the first record that is not as it was written, or not at all."""
    data = bench.journal.read_bytes()
    whole = read_journal(bench.journal)
    assert whole is not None
    in_order = list(whole.records.values())
    seen = set()
    damaged = [data[:size] for size in range(len(data))]
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))

    for one in damaged:
        (home / "damaged").write_bytes(one)
        reading = read_journal(home / "damaged")
        count = -1 if reading is None else len(reading.records)
        seen.add(count)
        if reading is not None:
            assert reading.head == whole.head
            assert list(reading.records.values()) == in_order[:count]
            assert data[: reading.length] == one[: reading.length]

    assert seen == {-1, *range(7)}


@pytest.mark.parametrize("how", ["cut", "flipped"])
@pytest.mark.parametrize("part", range(3))
def test_a_damaged_journal_is_gone_on_with(bench: Bench, home: Path, how: str, part: int) -> None:
    """Whatever it has lost is read again; the pack is the same."""
    shutil.copytree(bench.packing, home / "stopped")
    data = bench.journal.read_bytes()
    bench.pack()
    bench.check()
    made = contents(bench.dest)
    for place in range(part * 7, len(data), 41):
        shutil.rmtree(bench.dest)
        shutil.copytree(home / "stopped", bench.packing)
        reading = read_journal(bench.journal)
        assert reading is not None
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        bench.journal.write_bytes(data[:place] if how == "cut" else changed)
        left = read_journal(bench.journal)

        report = bench.pack()

        assert report.resumed == Resumed(found=len(left.records) if left else 0, changed=0, copied=0)
        assert contents(bench.dest) == made
        assert not bench.packing.exists()


def test_a_journal_with_rubbish_behind_it(bench: Bench) -> None:
    """What follows the last whole record is cut off, and records are added after that."""
    with bench.journal.open("ab") as file:
        file.write(b"\x05\0\0\0rubbish")

    assert bench.stop_after(2) == {*FILLED, *MANY[3:5]}

    assert bench.pack().resumed == Resumed(found=9, changed=0, copied=0)
    bench.check()
