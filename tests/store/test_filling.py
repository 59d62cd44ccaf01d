"""Filling writes exactly the images' bytes, on any number of threads, and fails cleanly at any write."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
import xxhash

from packhouse.errors import DestinationError, NoSpaceError, SourceError
from packhouse.images.probing import probe
from packhouse.store.filling import Filled, Place, fill
from packhouse.store.keys import settle_keys
from packhouse.store.skeleton import write_skeleton

ReadInto = Callable[[Place, memoryview], None]


def make_images(count: int, *, most: int = 400) -> dict[str, bytes]:
    """Return path -> noise of seeded lengths; some images are empty."""
    rng = random.Random(count)
    return {
        f"g{row % 3}/{row:04d}.jpg": rng.randbytes(rng.choice((0, 1, rng.randrange(most))))
        for row in range(count)
    }


def make_skeleton(path: Path, images: dict[str, bytes]) -> list[Place]:
    """Write the skeleton of some images and return their places."""
    keys = settle_keys(images).keys
    datasets = [(key.group, key.name, len(images[key.path])) for key in keys]
    offsets = write_skeleton(path, datasets, file_id="0" * 32)
    return [Place(key, offset, len(images[key.path])) for key, offset in zip(keys, offsets, strict=True)]


def reader_of(images: dict[str, bytes]) -> ReadInto:
    """Return a source that gives those bytes, and refuses what is not there."""

    def read_into(place: Place, view: memoryview) -> None:
        data = images.get(place.key.path)
        if data is None:
            view[: place.length // 2] = b"?" * (place.length // 2)
            raise SourceError("went away")
        view[:] = data

    return read_into


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
    monkeypatch.setattr("packhouse.store.filling.PIECE_BYTES", 900)
    monkeypatch.setattr("packhouse.store.filling.PIECE_IMAGES", 5)


@pytest.mark.usefixtures("_small_pieces")
def test_the_bytes_are_those_of_the_source(tmp_path: Path, workers: int) -> None:
    """What h5py reads back is what the source gave, for every image; the file keeps its size."""
    images, path = make_images(120), tmp_path / "images.h5"
    places = make_skeleton(path, images)
    size = path.stat().st_size

    fill(path, places, reader_of(images), workers=workers, on_filled=lambda _: None)

    assert contents(path) == {place.key.key: images[place.key.path] for place in places}
    assert path.stat().st_size == size


@pytest.mark.usefixtures("_small_pieces")
def test_the_number_of_threads_does_not_show(tmp_path: Path) -> None:
    """One thread, two and seven write the same file, byte for byte."""
    images = make_images(120)
    written = []
    for workers in (1, 2, 7):
        path = tmp_path / f"{workers}.h5"
        fill(path, make_skeleton(path, images), reader_of(images), workers=workers, on_filled=lambda _: None)
        written.append(path.read_bytes())

    assert written[0] == written[1] == written[2]


@pytest.mark.usefixtures("_small_pieces")
def test_outcomes_tell_digest_and_facts_in_order(tmp_path: Path, workers: int) -> None:
    """Each outcome is that of the place at its position, with xxhash's own digest and the header's facts."""
    images, path = make_images(60), tmp_path / "images.h5"
    places = make_skeleton(path, images)

    outcomes = fill(path, places, reader_of(images), workers=workers, on_filled=lambda _: None)

    assert len(outcomes) == len(places)
    for outcome, place in zip(outcomes, places, strict=True):
        data = images[place.key.path]
        assert isinstance(outcome, Filled)
        assert outcome.place == place
        assert outcome.digest == xxhash.xxh3_128_digest(data)
        assert outcome.facts == probe(data)


@pytest.mark.usefixtures("_small_pieces")
def test_an_unreadable_image_is_an_outcome(tmp_path: Path, workers: int) -> None:
    """It is the error, at its position; its range stays zero and all others are filled."""
    images, path = make_images(60), tmp_path / "images.h5"
    images["g1/0007.jpg"] = b"seven" * 50
    places = make_skeleton(path, images)
    there = {name: data for name, data in images.items() if name not in {"g1/0007.jpg", "g0/0012.jpg"}}

    outcomes = fill(path, places, reader_of(there), workers=workers, on_filled=lambda _: None)

    lost = {
        place.key.path for place, one in zip(places, outcomes, strict=True) if isinstance(one, SourceError)
    }
    assert lost == {"g1/0007.jpg", "g0/0012.jpg"}
    expected = {place.key.key: there.get(place.key.path, bytes(place.length)) for place in places}
    assert contents(path) == expected


@pytest.mark.usefixtures("_small_pieces")
def test_progress_adds_up(tmp_path: Path, workers: int) -> None:
    """The steps that are told sum up to the number of images."""
    images, path, steps = make_images(60), tmp_path / "images.h5", list[int]()

    fill(path, make_skeleton(path, images), reader_of(images), workers=workers, on_filled=steps.append)

    assert sum(steps) == 60


def test_an_image_larger_than_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that exceeds what is written at once goes in whole."""
    monkeypatch.setattr("packhouse.store.filling.PIECE_BYTES", 100)
    images = {
        "a.jpg": b"a" * 99,
        "b.jpg": random.Random(1).randbytes(5000),
        "c.jpg": b"c" * 101,
        "d.jpg": b"",
    }
    path = tmp_path / "images.h5"

    fill(path, make_skeleton(path, images), reader_of(images), workers=2, on_filled=lambda _: None)

    assert contents(path) == {name.removesuffix(".jpg"): data for name, data in images.items()}


def test_nothing_to_fill(tmp_path: Path) -> None:
    """No images, no outcomes, and the file is left as it was."""
    path = tmp_path / "images.h5"

    assert fill(path, make_skeleton(path, {}), reader_of({}), workers=3, on_filled=lambda _: None) == []


def test_only_empty_images(tmp_path: Path) -> None:
    """Images without bytes are filled with nothing."""
    images = {"a.jpg": b"", "b.jpg": b""}
    path = tmp_path / "images.h5"

    outcomes = fill(path, make_skeleton(path, images), reader_of(images), workers=2, on_filled=lambda _: None)

    assert [type(outcome) for outcome in outcomes] == [Filled, Filled]
    assert contents(path) == {"a": b"", "b": b""}


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system takes seven bytes at a time, all arrive all the same."""
    images, path = make_images(20, most=60), tmp_path / "images.h5"
    places = make_skeleton(path, images)
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda target, data, offset: pwrite(target, data[:7], offset))

    fill(path, places, reader_of(images), workers=2, on_filled=lambda _: None)

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
            fill(path, places, reader_of(images), workers=workers, on_filled=lambda _: None)
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
        fill(path, places, reader_of(images), workers=1, on_filled=lambda _: None)


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

    fill(path, places, reader_of(images), workers=2, on_filled=lambda _: None)

    assert calls.index("fsync") == len(calls) - 1 > 0


def test_other_errors_are_not_renamed(tmp_path: Path) -> None:
    """A bug in a source is no trouble of the disk: it arrives as itself."""
    images, path = make_images(5), tmp_path / "images.h5"
    places = make_skeleton(path, images)

    def read_into(_place: Place, _view: memoryview) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fill(path, places, read_into, workers=2, on_filled=lambda _: None)


def test_the_descriptor_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However filling ends, the file is closed."""
    images, path, opened = make_images(5), tmp_path / "images.h5", list[int]()
    places = make_skeleton(path, images)
    really_open, close = os.open, os.close

    def note(name: str, flags: int) -> int:
        opened.append(really_open(name, flags))
        return opened[-1]

    def forget(descriptor: int) -> None:
        opened.remove(descriptor)
        close(descriptor)

    def fail(_place: Place, _view: memoryview) -> None:
        assert len(opened) == 1
        raise ZeroDivisionError

    monkeypatch.setattr(os, "open", note)
    monkeypatch.setattr(os, "close", forget)

    fill(path, places, reader_of(images), workers=2, on_filled=lambda _: None)
    with pytest.raises(ZeroDivisionError):
        fill(path, places, fail, workers=2, on_filled=lambda _: None)

    assert opened == []
