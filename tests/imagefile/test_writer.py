"""Filling writes exactly the images' bytes, on any number of threads, and fails cleanly at any write."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import pytest
import xxhash

from packhouse._src.imagefile.keys import assign_keys
from packhouse._src.imagefile.slots import ImageSlot, Outcome, WrittenImage
from packhouse._src.imagefile.write.skeleton import write_skeleton
from packhouse._src.imagefile.write.writer import ImageReader, WriteJob, WritePiece, fill
from packhouse._src.images.probing import probe
from packhouse._src.records import SourceFile
from packhouse.errors import DestinationError, NoSpaceError, SourceError, WorkerDiedError


def make_images(count: int, *, most: int = 400) -> dict[str, bytes]:
    """Return path -> noise of seeded lengths; some images are empty."""
    rng = random.Random(count)
    return {
        f"g{row % 3}/{row:04d}.jpg": rng.randbytes(rng.choice((0, 1, rng.randrange(most))))
        for row in range(count)
    }


def make_skeleton(path: Path, images: dict[str, bytes]) -> list[ImageSlot]:
    """Write the skeleton of some images and return their places."""
    keys = assign_keys(images).keys
    datasets = [(key.group, key.name, len(images[key.path])) for key in keys]
    offsets = write_skeleton(path, datasets, file_id="0" * 32).offsets
    files = [SourceFile(key.path, len(images[key.path]), row, row) for row, key in enumerate(keys)]
    return [ImageSlot(*place) for place in zip(keys, offsets, files, strict=True)]


@dataclass(frozen=True)
class Memory:
    """A source that gives those bytes, and refuses what is not there."""

    images: dict[str, bytes]

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Copy the bytes, or half of them and an error."""
        data = self.images.get(file.path)
        if data is None:
            view[: file.size // 2] = b"?" * (file.size // 2)
            raise SourceError("went away")
        view[:] = data
        return file._replace(mtime_ns=file.mtime_ns + 1)

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Do nothing: all is in memory."""


class Broken(Memory):
    """A source with a bug."""

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Raise what no source should."""
        del file, view
        raise ZeroDivisionError


class Deadly(Memory):
    """A source at which the process dies."""

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """End this process as the system would, short of memory."""
        del file, view
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def fill_all(
    path: Path,
    places: list[ImageSlot],
    reader: ImageReader,
    *,
    workers: int,
    processes: bool = False,
    rows: Sequence[int] | None = None,
) -> list[Outcome | None]:
    """Fill and return what came of each place, in their order; each is told of once."""
    outcomes: list[Outcome | None] = [None] * len(places)

    def on_filled(piece: WritePiece, filled: Sequence[Outcome]) -> None:
        for row, outcome in zip(piece.rows, filled, strict=True):
            assert outcomes[row] is None
            outcomes[row] = outcome

    chosen = range(len(places)) if rows is None else rows
    fill(
        WriteJob(path, reader),
        ((row, places[row]) for row in chosen),
        on_filled,
        workers=workers,
        processes=processes,
        total_bytes=sum(place.length for place in places),
    )
    return outcomes


def contents(path: Path) -> dict[str, bytes]:
    """Return key -> bytes, as h5py reads them."""
    found: dict[str, bytes] = {}

    def take(name: str, thing: h5py.Dataset | h5py.Group) -> None:
        if isinstance(thing, h5py.Dataset):
            found[name] = thing[()].tobytes()

    with h5py.File(path) as file:
        file.visititems(take)
    return found


@pytest.fixture(params=[1, 2, 7])
def workers(request: pytest.FixtureRequest) -> int:
    """Run a test on one thread, on two and on more than there are cores."""
    return int(request.param)


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packhouse._src.imagefile.write.writer.PIECE_BYTES", 900)
    monkeypatch.setattr("packhouse._src.imagefile.write.writer.PIECE_IMAGES", 5)


@pytest.mark.usefixtures("_small_pieces")
def test_the_bytes_are_those_of_the_source(tmp_path: Path, workers: int) -> None:
    """What h5py reads back is what the source gave, for every image; the file keeps its size."""
    images, path = make_images(120), tmp_path / "images.h5"
    places = make_skeleton(path, images)
    size = path.stat().st_size

    fill_all(path, places, Memory(images), workers=workers)

    assert contents(path) == {place.key.key: images[place.key.path] for place in places}
    assert path.stat().st_size == size


@pytest.mark.usefixtures("_small_pieces")
def test_the_number_of_threads_does_not_show(tmp_path: Path) -> None:
    """One thread, two and seven write the same file, byte for byte."""
    images = make_images(120)
    written = []
    for workers in (1, 2, 7):
        path = tmp_path / f"{workers}.h5"
        fill_all(path, make_skeleton(path, images), Memory(images), workers=workers)
        written.append(path.read_bytes())

    assert written[0] == written[1] == written[2]


@pytest.mark.usefixtures("_small_pieces")
def test_outcomes_tell_digest_and_facts_in_order(tmp_path: Path, workers: int) -> None:
    """Each outcome is that of the place at its position, with xxhash's own digest and the header's facts."""
    images, path = make_images(60), tmp_path / "images.h5"
    places = make_skeleton(path, images)

    outcomes = fill_all(path, places, Memory(images), workers=workers)

    assert len(outcomes) == len(places)
    for outcome, place in zip(outcomes, places, strict=True):
        data = images[place.key.path]
        assert isinstance(outcome, WrittenImage)
        assert outcome.file == place.file._replace(mtime_ns=place.file.mtime_ns + 1)
        assert outcome.digest == xxhash.xxh3_128_digest(data)
        assert outcome.facts == probe(data)


@pytest.mark.usefixtures("_small_pieces")
def test_an_unreadable_image_is_an_outcome(tmp_path: Path, workers: int) -> None:
    """It is the error, at its position; its range stays zero and all others are filled."""
    images, path = make_images(60), tmp_path / "images.h5"
    images["g1/0007.jpg"] = b"seven" * 50
    places = make_skeleton(path, images)
    there = {name: data for name, data in images.items() if name not in {"g1/0007.jpg", "g0/0012.jpg"}}

    outcomes = fill_all(path, places, Memory(there), workers=workers)

    lost = {
        place.key.path for place, one in zip(places, outcomes, strict=True) if isinstance(one, SourceError)
    }
    assert lost == {"g1/0007.jpg", "g0/0012.jpg"}
    expected = {place.key.key: there.get(place.key.path, bytes(place.length)) for place in places}
    assert contents(path) == expected


def test_an_image_larger_than_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that exceeds what is written at once goes in whole."""
    monkeypatch.setattr("packhouse._src.imagefile.write.writer.PIECE_BYTES", 100)
    images = {
        "a.jpg": b"a" * 99,
        "b.jpg": random.Random(1).randbytes(5000),
        "c.jpg": b"c" * 101,
        "d.jpg": b"",
    }
    path = tmp_path / "images.h5"

    fill_all(path, make_skeleton(path, images), Memory(images), workers=2)

    assert contents(path) == {name.removesuffix(".jpg"): data for name, data in images.items()}


def test_nothing_to_fill(tmp_path: Path) -> None:
    """No images, no outcomes, and the file is left as it was."""
    path = tmp_path / "images.h5"

    assert fill_all(path, make_skeleton(path, {}), Memory({}), workers=3) == []


def test_only_empty_images(tmp_path: Path) -> None:
    """Images without bytes are filled with nothing."""
    images = {"a.jpg": b"", "b.jpg": b""}
    path = tmp_path / "images.h5"

    outcomes = fill_all(path, make_skeleton(path, images), Memory(images), workers=2)

    assert [type(outcome) for outcome in outcomes] == [WrittenImage, WrittenImage]
    assert contents(path) == {"a": b"", "b": b""}


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system takes seven bytes at a time, all arrive all the same."""
    images, path = make_images(20, most=60), tmp_path / "images.h5"
    places = make_skeleton(path, images)
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda target, data, offset: pwrite(target, data[:7], offset))

    fill_all(path, places, Memory(images), workers=2)

    assert contents(path) == {place.key.key: images[place.key.path] for place in places}


@pytest.mark.usefixtures("_small_pieces")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, NoSpaceError), (errno.EDQUOT, NoSpaceError), (errno.EIO, DestinationError)],
    ids=["ENOSPC", "EDQUOT", "EIO"],
)
def test_a_failing_write_is_a_clean_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception], workers: int
) -> None:
    """Whichever write fails, the first, the last or one between, it ends in our error that names the file."""
    images, path = make_images(30, most=90), tmp_path / "images.h5"
    places = make_skeleton(path, images)
    pwrite, calls, failing = os.pwrite, 0, 0

    def write(target: int, data: memoryview, offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(number, os.strerror(number))
        return pwrite(target, data[:31], offset)

    monkeypatch.setattr(os, "pwrite", write)
    errors: list[DestinationError] = []
    while calls >= failing:
        calls, failing = 0, failing + 1
        try:
            fill_all(path, places, Memory(images), workers=workers)
        except DestinationError as err:
            errors.append(err)

    assert len(errors) == failing - 1 > 10
    assert {type(error) for error in errors} == {expected}
    assert all(str(path) in str(error) for error in errors)
    assert contents(path) == {place.key.key: images[place.key.path] for place in places}


def test_a_failing_fsync_is_a_clean_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that do not reach the disk are not passed over."""
    images, path = make_images(5), tmp_path / "images.h5"
    places = make_skeleton(path, images)

    def fsync(_target: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(DestinationError, match="Input/output error"):
        fill_all(path, places, Memory(images), workers=1)


def test_the_file_is_flushed_to_the_disk_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last write comes an fsync, and no write after it."""
    images, path, calls = make_images(20), tmp_path / "images.h5", list[str]()
    places = make_skeleton(path, images)
    pwrite, fsync = os.pwrite, os.fsync

    def write(target: int, data: memoryview, offset: int) -> int:
        calls.append("write")
        return pwrite(target, data, offset)

    def flush(target: int) -> None:
        calls.append("fsync")
        fsync(target)

    monkeypatch.setattr(os, "pwrite", write)
    monkeypatch.setattr(os, "fsync", flush)

    fill_all(path, places, Memory(images), workers=2)

    assert calls.index("fsync") == len(calls) - 1 > 0


def test_other_errors_are_not_renamed(tmp_path: Path) -> None:
    """A bug in a source is no trouble of the disk: it arrives as itself."""
    images, path = make_images(5), tmp_path / "images.h5"
    places = make_skeleton(path, images)

    with pytest.raises(ZeroDivisionError):
        fill_all(path, places, Broken(images), workers=2)


def test_the_descriptors_are_closed(tmp_path: Path, opened: list[int]) -> None:
    """However writing ends, the file is closed."""
    images, path = make_images(5), tmp_path / "images.h5"
    places = make_skeleton(path, images)

    fill_all(path, places, Memory(images), workers=2)
    with pytest.raises(ZeroDivisionError):
        fill_all(path, places, Broken(images), workers=2)

    assert opened == []


@pytest.mark.usefixtures("_small_pieces")
@pytest.mark.parametrize("processes", [False, True])
def test_any_order_and_any_part(tmp_path: Path, *, processes: bool) -> None:
    """Rows in a wild order are filled where they belong, and the rest is not touched."""
    images, path = make_images(60), tmp_path / "images.h5"
    places = make_skeleton(path, images)
    rows = random.Random(5).sample(range(60), 40)

    outcomes = fill_all(path, places, Memory(images), workers=2, processes=processes, rows=rows)

    assert [outcome is not None for outcome in outcomes] == [row in rows for row in range(60)]
    expected = [
        images[place.key.path] if row in rows else bytes(place.length) for row, place in enumerate(places)
    ]
    assert list(contents(path).values()) == expected


@pytest.mark.parametrize("workers", [1, 3])
def test_processes_write_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """What processes make, handed many small tasks, is what one thread makes; errors come back whole."""
    monkeypatch.setattr("packhouse._src.imagefile.write.writer.TASK_BYTES", (2000, 2000))
    images = make_images(120)
    expected, path = tmp_path / "threads.h5", tmp_path / "processes.h5"
    there = {name: data for name, data in images.items() if name != "g0/0012.jpg"}
    told = fill_all(expected, make_skeleton(expected, images), Memory(there), workers=1)

    outcomes = fill_all(path, make_skeleton(path, images), Memory(there), workers=workers, processes=True)

    assert path.read_bytes() == expected.read_bytes()
    assert [str(outcome) for outcome in outcomes] == [str(outcome) for outcome in told]


def test_a_bug_in_a_process_arrives_as_itself(tmp_path: Path) -> None:
    """What a worker process raises is raised here."""
    images, path = make_images(5), tmp_path / "images.h5"

    with pytest.raises(ZeroDivisionError):
        fill_all(path, make_skeleton(path, images), Broken(images), workers=2, processes=True)


def test_a_killed_process_is_a_clean_error(tmp_path: Path) -> None:
    """When the system kills a worker, it is said, and nothing hangs."""
    images, path = make_images(5), tmp_path / "images.h5"

    with pytest.raises(WorkerDiedError, match="was killed"):
        fill_all(path, make_skeleton(path, images), Deadly(images), workers=2, processes=True)


class Slow(Memory):
    """A source on a slow disk, which notes what it is told to read ahead and what it is asked for."""

    told: list[str] = []  # noqa: RUF012  # shared by all, as the test reads it
    asked: list[str] = []  # noqa: RUF012

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Take a millisecond."""
        self.asked.append(file.path)
        time.sleep(0.001)
        return super().read_into(file, view)

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Note the files."""
        self.told.extend(file.path for file in files)


@pytest.mark.usefixtures("_small_pieces")
def test_a_slow_disk_is_told_what_comes_next(tmp_path: Path) -> None:
    """From the second piece on, a piece is announced before it is read, and never more than one."""
    images, path = make_images(30), tmp_path / "images.h5"
    places = make_skeleton(path, images)
    Slow.told.clear()
    Slow.asked.clear()

    fill_all(path, places, Slow(images), workers=1)

    paths = [place.key.path for place in places]
    assert Slow.asked == paths
    assert Slow.told == paths[-len(Slow.told) :]
    assert 20 <= len(Slow.told) < 30


def test_a_fast_disk_is_told_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes from memory is not announced: that would cost as much as reading it."""
    monkeypatch.setattr("packhouse._src.imagefile.write.writer.SLOW_READ_S", 1.0)
    images, path = make_images(30), tmp_path / "images.h5"
    Slow.told.clear()

    fill_all(path, make_skeleton(path, images), Slow(images), workers=1)

    assert Slow.told == []
