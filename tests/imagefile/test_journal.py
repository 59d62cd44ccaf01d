"""A journal is believed exactly as far as it is whole."""

from __future__ import annotations

import errno
import os
import random
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse._src.imagefile.keys import Key
from packhouse._src.imagefile.slots import ImageSlot, Outcome, WrittenImage
from packhouse._src.imagefile.write.journal import (
    Journal,
    JournalHead,
    JournalRecord,
    begin_journal,
    files_in,
    read_journal,
)
from packhouse._src.images.probing import probe
from packhouse._src.records import SourceFile
from packhouse.errors import NoSpaceError, SourceError

OFFSETS = [0, 10, 10, 25]
HEAD = JournalHead("f" * 32, ["a.jpg", "ü/größe.jpg", "b\n.jpg", "c"], [10, 0, 15, 2**40])


def taken(seed: int, *, mtime_ns: int = -5, inode: int = 2**63 + 1) -> WrittenImage:
    """Return an outcome with a digest of its own."""
    digest = random.Random(seed).randbytes(16)
    return WrittenImage(digest, probe(b""), SourceFile("unused", 1, mtime_ns, inode, 7))


def slot(row: int) -> ImageSlot:
    """Return where an image goes."""
    return ImageSlot(Key("a", "", "a", "a.jpg"), OFFSETS[row], SourceFile("a.jpg", HEAD.sizes[row], 0, 0))


def write(path: Path, batches: list[list[int]]) -> list[int]:
    """Write a journal and return its length after each batch; a row r < 0 stands for a failure of row -r."""
    begin_journal(path, HEAD)
    lengths = [path.stat().st_size]
    with closing(Journal(path, lengths[0])) as journal:
        for number, rows in enumerate(batches):
            outcomes: list[Outcome] = [taken(10 * number + row) for row in rows]
            journal.add(rows, [slot(row) for row in rows], outcomes)
            lengths.append(path.stat().st_size)
    return lengths


@settings(deadline=None, max_examples=60)
@given(batches=st.lists(st.lists(st.integers(0, 3), max_size=5, unique=True), max_size=6))
def test_what_was_added_is_read(tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]) -> None:
    """The last record of each row, the head as it was, and the whole length."""
    path = tmp_path_factory.mktemp("journal") / "journal"
    lengths = write(path, batches)

    reading = read_journal(path)

    assert reading is not None
    assert reading.head.file_id == HEAD.file_id
    assert [list(part) for part in reading.head[1:]] == [list(part) for part in HEAD[1:]]
    expected = {}
    for number, rows in enumerate(batches):
        for row in rows:
            expected[row] = JournalRecord(
                row, OFFSETS[row], -5, 2**63 + 1, 7, taken(10 * number + row).digest
            )
    assert reading.records == expected
    assert reading.length == lengths[-1]
    assert sorted(files_in(reading)) == sorted(
        (SourceFile(HEAD.paths[row], HEAD.sizes[row], -5, 2**63 + 1, 7), OFFSETS[row], record.digest)
        for row, record in expected.items()
    )


def test_it_is_read_up_to_where_it_was_cut(tmp_path: Path) -> None:
    """Cut at every length: the whole batches before the cut count, and nothing without a whole head."""
    path = tmp_path / "journal"
    batches = [[0], [1, 2], [3], [0, 2]]
    lengths = write(path, batches)
    whole = path.read_bytes()

    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        reading = read_journal(path)
        if cut < lengths[0]:
            assert reading is None
            continue
        done = max(number for number, length in enumerate(lengths) if length <= cut)
        assert reading is not None
        assert reading.length == lengths[done]
        assert reading.records.keys() == {row for rows in batches[:done] for row in rows}


def test_no_flipped_bit_is_believed(tmp_path: Path) -> None:
    """Any one bit flipped: the head does not count, or what was added from that batch on."""
    path = tmp_path / "journal"
    lengths = write(path, [[0], [1, 2], [3]])
    whole = path.read_bytes()
    before = read_journal(path)
    assert before is not None

    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        reading = read_journal(path)
        if bit // 8 < lengths[0]:
            assert reading is None
        else:
            assert reading is not None
            assert reading.length < len(whole)
            assert reading.records.items() <= before.records.items()


def test_adding_goes_on_behind_what_counts(tmp_path: Path) -> None:
    """A torn end is cut off before more is added."""
    path = tmp_path / "journal"
    lengths = write(path, [[0], [1]])
    path.write_bytes(path.read_bytes()[:-3])

    with closing(Journal(path, lengths[1])) as journal:
        journal.add([3], [slot(3)], [taken(7)])

    reading = read_journal(path)
    assert reading is not None
    assert reading.records.keys() == {0, 3}


def test_failures_are_not_noted(tmp_path: Path) -> None:
    """Images that could not be read are asked for again."""
    path = tmp_path / "journal"
    begin_journal(path, HEAD)

    with closing(Journal(path, path.stat().st_size)) as journal:
        journal.add([0, 1], [slot(0), slot(1)], [SourceError("gone"), taken(1)])

    reading = read_journal(path)
    assert reading is not None
    assert reading.records.keys() == {1}


def test_none_is_none(tmp_path: Path) -> None:
    """No file, an empty one and something else are no journal."""
    path = tmp_path / "journal"
    assert read_journal(path) is None
    for content in (b"", b"x" * 10, b"x" * 1000):
        path.write_bytes(content)
        assert read_journal(path) is None


def test_short_writes_are_continued_and_full_disks_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[int]
) -> None:
    """When the system takes five bytes at a time all arrive; when it takes none, it is our error."""
    path = tmp_path / "journal"
    begin_journal(path, HEAD)
    real = os.write
    with closing(Journal(path, path.stat().st_size)) as journal:
        monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:5]))
        journal.add([0, 1], [slot(0), slot(1)], [taken(0), taken(1)])

        def full(_file: int, _data: memoryview) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(NoSpaceError, match="ran full"):
            journal.add([2], [slot(2)], [taken(2)])

    reading = read_journal(path)
    assert reading is not None
    assert reading.records.keys() == {0, 1}
    assert opened == []
