"""Batches, epochs, ranks and states, with real packs."""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import packhouse
from packhouse._src.loader.loader import Loader
from packhouse._src.opening import Pack
from packhouse.errors import CorruptStoreError, ImageError, LoaderError, StateMismatchError, UsageError

BROKEN = {"a/003", "a/006", "b/004"}


@pytest.fixture
def pack(pictures: Path) -> Pack:
    """The pack of 47 pictures."""
    return packhouse.open(pictures)


@pytest.fixture
def broken(broken_pictures: Path) -> Pack:
    """The pack of 12 pictures, three of them broken."""
    return packhouse.open(broken_pictures)


def keys_of(loader: Loader) -> list[str]:
    """Return the keys of one epoch, in order."""
    return [key for batch in loader for key in batch.keys]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_an_epoch_gives_each_image_once(pack: Pack, threads: int) -> None:
    """Each decoded as it is on its own, in batches of the wanted shape."""
    loader = pack.loader(batch_size=10, size=(20, 30), threads=threads)

    batches = list(loader)

    assert [batch.images.shape for batch in batches] == [(10, 20, 30, 3)] * 4 + [(7, 20, 30, 3)]
    assert len(loader) == len(batches)
    assert sorted(key for batch in batches for key in batch.keys) == list(pack.images)
    for batch in batches:
        for key, pixels in zip(batch.keys, batch.images, strict=True):
            assert np.array_equal(pixels, pack.images[key].decode(size=(20, 30)))


def test_each_epoch_has_its_order(pack: Pack) -> None:
    """The same one for the same seed, in another loader too; without shuffle that of the keys."""
    loader = pack.loader(batch_size=8, size=8)
    first, second = keys_of(loader), keys_of(loader)

    assert loader.epoch == 2
    assert first != second
    assert sorted(first) == sorted(second) == list(pack.images)
    assert keys_of(pack.loader(batch_size=5, size=8, threads=3)) == first
    assert keys_of(pack.loader(batch_size=5, size=8, epoch=1)) == second
    assert keys_of(pack.loader(batch_size=5, size=8, seed=1)) not in (first, second)
    assert keys_of(pack.loader(size=8, shuffle=False)) == list(pack.images)
    windows = keys_of(pack.loader(size=8, shuffle="window", window=16))
    assert sorted(windows) == list(pack.images) != windows


def test_a_state_of_every_step_goes_on_in_any_loader(pack: Pack) -> None:
    """The rest comes in the same order and with the same pixels, whatever the ranks, threads and batches."""
    options: dict[str, Any] = {"size": 16, "crop": "random-resized", "flip": True, "seed": 7}
    loader = pack.loader(batch_size=6, epoch=3, **options)
    states, given = [loader.state_dict()], list[tuple[str, bytes]]()
    ends = [0]
    for batch in loader:
        given += zip(batch.keys, (image.tobytes() for image in batch.images), strict=True)
        states.append(json.loads(json.dumps(loader.state_dict())))
        ends.append(len(given))
    following = pack.loader(epoch=4, **options)
    after = [
        pair
        for batch in following
        for pair in zip(batch.keys, (image.tobytes() for image in batch.images), strict=True)
    ]

    for state, end in zip(states, ends, strict=True):
        for world_size, batch_size, threads in ((1, 6, 2), (1, 47, 1), (2, 3, 1), (3, 7, 4)):
            rest = list[tuple[str, bytes]]()
            ranks = [
                pack.loader(
                    batch_size=batch_size, threads=threads, rank=rank, world_size=world_size, **options
                )
                for rank in range(world_size)
            ]
            for one in ranks:
                one.load_state_dict(state)
                assert one.state_dict() == state
            for step in zip(*ranks, strict=True):
                for batch in step:
                    rest += zip(batch.keys, (image.tobytes() for image in batch.images), strict=True)
            assert rest == (given[end:] or after)
            assert len({json.dumps(one.state_dict()) for one in ranks}) == 1


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"shuffle": False}, "shuffle"),
        ({"where": "width > 30"}, "count"),
        ({"split": "a"}, "fingerprint"),
    ],
)
def test_a_state_of_something_else_is_refused(pack: Pack, other: dict[str, Any], named: str) -> None:
    """The error names what differs."""
    loader = pack.loader(size=8, **other)

    with pytest.raises(StateMismatchError, match=named):
        loader.load_state_dict(pack.loader(size=8).state_dict())


def test_a_state_of_other_images_is_refused(pack: Pack, tmp_path: Path, pictures: Path) -> None:
    """As many images with the same names, one of which has other bytes."""
    packhouse.extract(pictures, tmp_path / "src")
    one = tmp_path / "src/b/001.jpg"
    one.write_bytes(one.read_bytes() + b"!")
    packhouse.pack(tmp_path / "src", tmp_path / "other.pack")

    with packhouse.open(tmp_path / "other.pack") as other, pytest.raises(StateMismatchError, match="finger"):
        other.loader(size=8).load_state_dict(pack.loader(size=8).state_dict())


def test_what_is_no_state_is_refused(pack: Pack) -> None:
    """A dict of something else."""
    with pytest.raises(UsageError, match="not a loader state"):
        pack.loader(size=8).load_state_dict({"model": 1})


def test_a_loop_that_was_left_is_not_gone_on_with(pack: Pack) -> None:
    """The next loop is the next epoch, unless the state is loaded."""
    loader = pack.loader(batch_size=10, size=8)
    whole = [keys_of(pack.loader(batch_size=10, size=8, epoch=epoch)) for epoch in range(3)]
    for number, _batch in enumerate(loader):
        if number == 1:
            break
    state = loader.state_dict()
    assert (state["epoch"], state["consumed"]) == (0, 20)

    assert keys_of(loader) == whole[1]
    loader.load_state_dict(state)
    assert loader.epoch == 0
    assert keys_of(loader) == whole[0][20:]
    assert keys_of(loader) == whole[1]


def test_set_epoch_begins_that_epoch(pack: Pack) -> None:
    """Also of a loop that was left; the place of a loaded state in the same epoch stays."""
    loader = pack.loader(batch_size=10, size=8)
    fifth = keys_of(pack.loader(batch_size=10, size=8, epoch=5))

    loader.set_epoch(5)
    assert keys_of(loader) == fifth
    loader.set_epoch(5)
    next(iter(loader))
    state = loader.state_dict()
    loader.set_epoch(5)
    assert keys_of(loader) == fifth
    loader.load_state_dict(state)
    loader.set_epoch(5)
    assert keys_of(loader) == fifth[10:]


def test_of_two_loops_the_first_ends(pack: Pack) -> None:
    """With an error, before anything comes twice."""
    loader = pack.loader(batch_size=10, size=8)
    first = iter(loader)
    next(first)
    second = iter(loader)
    next(second)

    with pytest.raises(LoaderError, match="this loop has ended"):
        next(first)
    assert len(list(second)) == 4


@pytest.mark.parametrize("options", [{}, {"pad": True}, {"drop_last": True}])
def test_ranks_share_an_epoch(pack: Pack, options: dict[str, Any]) -> None:
    """Every rank has as many batches; all together give what there is, or what the option says."""
    ranks = [pack.loader(batch_size=7, size=8, rank=rank, world_size=3, **options) for rank in range(3)]

    given = [list(one) for one in ranks]

    count = Counter(key for batches in given for batch in batches for key in batch.keys)
    assert [len(batches) for batches in given] == [len(one) for one in ranks] == [len(ranks[0])] * 3
    assert set(count.values()) <= ({1, 2} if options.get("pad") else {1})
    assert count.total() == {"pad": 63, "drop_last": 42, "": 47}[next(iter(options), "")]


def test_drop_last_of_less_than_a_batch_is_refused(pack: Pack) -> None:
    """Else the loop would end without a word."""
    with pytest.raises(UsageError, match="drop_last leaves nothing"):
        pack.loader(batch_size=48, size=8, drop_last=True)


def test_chance_follows_seed_epoch_and_image(pack: Pack) -> None:
    """Not the batch, nor the threads, nor what else is chosen."""

    def pixels(**options: Any) -> dict[str, bytes]:  # noqa: ANN401
        batches = pack.loader(size=12, crop="random-resized", flip=True, **options)
        return {
            key: image.tobytes()
            for batch in batches
            for key, image in zip(batch.keys, batch.images, strict=True)
        }

    whole = pixels()

    assert pixels(batch_size=4, threads=3, shuffle=False) == whole
    some = pixels(where="width > 50")
    assert some == {key: whole[key] for key in some}
    for other in (pixels(epoch=1), pixels(seed=1)):
        assert sum(other[key] != whole[key] for key in whole) > 40


def test_flips_mirror_half_of_the_images(pack: Pack) -> None:
    """An image is as it is or mirrored, nothing else."""
    plain = {
        key: image
        for batch in pack.loader(size=16)
        for key, image in zip(batch.keys, batch.images, strict=True)
    }
    mirrored = 0
    for batch in pack.loader(size=16, flip=True):
        for key, image in zip(batch.keys, batch.images, strict=True):
            if not np.array_equal(image, plain[key]):
                mirrored += 1
                assert np.abs(image.astype(int) - plain[key][:, ::-1]).max() <= 1
    assert 12 <= mirrored <= 35


def test_grey_and_raw_and_stored_sizes(pack: Pack) -> None:
    """One channel; or a list of images as each is on its own."""
    grey = next(iter(pack.loader(batch_size=9, size=(8, 9), mode="L")))
    assert grey.images.shape == (9, 8, 9, 1)
    for mode in ("RGB", "L", "raw"):
        for batch in pack.loader(batch_size=9, size=None, mode=mode):
            assert isinstance(batch.images, list)
            for key, image in zip(batch.keys, batch.images, strict=True):
                assert np.array_equal(image, pack.images[key].decode(mode=mode))


def test_a_broken_image_raises(broken: Pack) -> None:
    """The error names it and says how to go on; the loader can be used again."""
    loader = broken.loader(batch_size=4, size=8, shuffle=False)

    with pytest.raises(ImageError, match="a/003") as caught:
        list(loader)
    assert 'on_error="skip"' in str(caught.value)
    with pytest.raises(ImageError, match="a/003"):
        list(loader)
    assert keys_of(broken.loader(batch_size=4, size=8, where="\"group\" = 'c'")) != []


def test_broken_images_are_skipped(broken: Pack) -> None:
    """Counted, named, and warned of once; batches are shorter."""
    loader = broken.loader(batch_size=4, size=8, shuffle=False, on_error="skip", threads=3)

    with pytest.warns(UserWarning, match="a/003") as warned:
        batches = list(loader)

    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert {key for batch in batches for key in batch.keys} == set(broken.images) - BROKEN
    assert {one.key for batch in batches for one in batch.broken} == BROKEN == set(loader.stats.broken)
    assert "50000 x 50000" in loader.stats.broken["b/004"]
    assert [len(batch.images) for batch in batches] == [len(batch) for batch in batches] == [2, 3, 4]
    assert (loader.stats.images, loader.stats.batches) == (9, 3)
    for batch in batches:
        for key, image in zip(batch.keys, batch.images, strict=True):
            assert np.array_equal(image, broken.images[key].decode(size=(8, 8)))


def test_broken_images_are_blank(broken: Pack) -> None:
    """Black, in their places, in memory that was used before too."""
    loader = broken.loader(batch_size=4, size=300, shuffle=False, on_error="blank")

    with pytest.warns(UserWarning, match="black"):
        list(loader)
    for batch in [*loader, *loader]:
        named = {one.key for one in batch.broken}
        for key, image in zip(batch.keys, batch.images, strict=True):
            assert (key in named) == (key in BROKEN)
            assert image.any() == (key not in BROKEN)
    assert set(loader.stats.broken) == BROKEN


def test_damaged_bytes_are_no_picture(pictures: Path, tmp_path: Path) -> None:
    """A flipped bit on the disk is found before it is trained on."""
    for file in pictures.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with packhouse.open(tmp_path) as pack:
        offset = pack.images.index.range_of(pack.images.index.row_of("b/001") or 0)[0]
    with h5py.File(tmp_path / "images.h5", "r+") as file:
        file["b/001"][150] ^= 1
    assert offset

    with packhouse.open(tmp_path) as pack:
        with pytest.raises(CorruptStoreError, match="b/001"):
            list(pack.loader(size=8))
        with pytest.warns(UserWarning, match="b/001"):
            batches = list(pack.loader(size=8, on_error="skip"))
        assert [one.key for batch in batches for one in batch.broken] == ["b/001"]


def test_batches_are_the_users_to_keep(pack: Pack) -> None:
    """Later batches do not write over them; a view or a tensor of one keeps it too."""
    loader = pack.loader(batch_size=4, size=320)
    kept, copies = [], []
    for epoch in range(3):
        for batch in loader:
            view = batch.images[1:, ::2].transpose(0, 3, 1, 2)
            kept.append(view if epoch % 2 else memoryview(batch.images))
            copies.append(np.array(kept[-1]))
            assert batch.images.flags.writeable
    for one, copy in zip(kept, copies, strict=True):
        assert np.array_equal(np.asarray(one), copy)


def test_a_batch_shows_its_shapes(pack: Pack, broken: Pack) -> None:
    """Not its pixels, nor all its keys."""
    first = next(iter(pack.loader(batch_size=4, size=8, label="group", columns=["key", "width"])))
    assert repr(first) == "<Batch of 4 images: uint8 (4, 8, 8, 3); labels; columns key, width>"
    with pytest.warns(UserWarning, match="skipped"):
        (skipped,) = broken.loader(size=None, on_error="skip")
    assert repr(skipped) == "<Batch of 9 images: each of its own size; 3 broken>"


def test_memory_of_batches_is_used_again(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten epochs take the memory of a few batches."""
    asked, mapped = list[int](), mmap.mmap

    def note(*args: int, **options: int) -> mmap.mmap:
        asked.append(args[1])
        return mapped(*args, **options)

    monkeypatch.setattr(mmap, "mmap", note)
    loader = pack.loader(batch_size=4, size=320)
    n_batches = sum(1 for _epoch in range(10) for _batch in loader)

    assert 0 < asked.count(4 * 320 * 320 * 3) <= n_batches / 4  # a thread may let go of one a little later


def test_hdf5_of_pixels_and_of_files_is_loaded_as_it_is(tmp_path: Path, pack: Pack) -> None:
    """What another program wrote: arrays of pixels, and encoded files."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 20, 30, 3), dtype=np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = pixels
        file["y/one"] = np.frombuffer(pack.images["a/003"].bytes, np.uint8)

    with packhouse.open(tmp_path / "a.h5") as lone:
        batches = list(lone.loader(batch_size=3, size=(20, 30), columns="width"))
        found = {key: image for batch in batches for key, image in zip(batch.keys, batch.images, strict=True)}
        for row in range(6):
            assert np.array_equal(found[f"x/{row}"], pixels[row])
        assert np.array_equal(found["y/one"], pack.images["a/003"].decode(size=(20, 30)))
        state = lone.loader(size=8).state_dict()
        lone.loader(size=9).load_state_dict(state)


def test_stats_say_what_was_done(pack: Pack) -> None:
    """Counts over all epochs, and what did it."""
    loader = pack.loader(batch_size=10, size=8, threads=2)
    for _epoch in range(2):
        list(loader)

    stats = loader.stats
    assert (stats.images, stats.batches, stats.threads, stats.store) == (94, 10, 2, "images.h5")
    assert 0 < stats.waited <= stats.seconds
    assert stats.images_per_second == pytest.approx(94 / stats.seconds)
    assert str(stats).startswith("94 images in 10 batches")


@pytest.mark.parametrize(
    "options",
    [
        {"size": 0},
        {"size": (3, 4, 5)},
        {"size": "224"},
        {"crop": "centre"},
        {"mode": "BGR"},
        {"mode": "raw"},
        {"size": None, "crop": "random"},
        {"size": None, "flip": True},
        {"size": None, "on_error": "blank"},
        {"on_error": "ignore"},
        {"threads": 0},
        {"threads": "2"},
        {"seed": "x"},
        {"seed": 1.5},
        {"batch_size": 2.5},
        {"rank": "0"},
        {"val": 1.5, "split": "train"},
        {"batch_size": 0},
        {"rank": 2, "world_size": 2},
        {"epoch": -1},
        {"window": 3},
        {"shuffle": "windows"},
        {"columns": ("width", "width")},
        {"derived": 256},
        {"derived": "48"},
        {"derived": True},
        {"derived": None},
        {"flip": 0.5},
        {"flip": "no"},
        {"drop_last": "no"},
        {"pad": None},
        {"val": "0.1", "split": "train"},
        {"columns": None},
        {"columns": [1]},
        {"label": 1},
        {"where": 5},
        {"split": 5},
    ],
)
def test_options_that_cannot_be_are_refused(pack: Pack, options: dict[str, Any]) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError):
        pack.loader(**options)


def test_an_epoch_is_a_whole_number(pack: Pack) -> None:
    """When it is said later, too."""
    with pytest.raises(UsageError, match="not a whole number"):
        pack.loader().set_epoch(1.0)  # type: ignore[arg-type]  # that is the question
    with pytest.raises(UsageError, match="not a whole number"):
        pack.samples(flip=True).batch([0], epoch="1")  # type: ignore[arg-type]


def test_whole_numbers_of_numpy_are_whole_numbers(pack: Pack) -> None:
    """And the state is still plain JSON."""
    numbers = {"size": 16, "seed": 3, "batch_size": 8, "rank": 0, "epoch": 2}
    options: dict[str, Any] = {name: np.int32(number) for name, number in numbers.items()}
    options["flip"] = np.True_
    loader = pack.loader(**options)
    next(iter(loader))

    assert json.loads(json.dumps(loader.state_dict())) == loader.state_dict()
    assert loader.state_dict()["seed"] == 3
    assert next(iter(loader)).images.shape == (8, 16, 16, 3)


LOOP = """
import sys, packhouse
loader = packhouse.open(sys.argv[1]).loader(batch_size=4, size=64)
print("ready", flush=True)
while True:
    for batch in loader:
        pass
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_a_loop(pictures: Path) -> None:
    """With KeyboardInterrupt, and no thread keeps the process."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(pictures)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    process.send_signal(signal.SIGINT)
    _out, said = process.communicate(timeout=30)

    assert process.returncode in (-signal.SIGINT, 130)
    assert said.rstrip().endswith("KeyboardInterrupt")
