"""Samples at any place and time: as a sequence, over threads, forks and pickles."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.connection
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import packhouse
from packhouse._src.loader.batch import Batch
from packhouse._src.loader.samples import PendingBatch, Samples
from packhouse._src.opening import Pack
from packhouse.errors import ImageError, LoaderError


@pytest.fixture
def pack(pictures: Path) -> Pack:
    """The pack of 47 pictures."""
    return packhouse.open(pictures)


def test_samples_are_a_sequence(pack: Pack) -> None:
    """In the order of their keys."""
    samples = pack.samples(size=16, columns=("width", "group"), label="group")

    assert len(samples) == 47
    assert samples.keys == list(pack.images)
    assert [one.key for one in samples[-3:]] == list(pack.images)[-3:]
    for place in (0, 20, -1):
        sample = samples[place]
        image = pack.images[sample.key]
        assert sample.key == samples.keys[place]
        assert np.array_equal(sample.image, image.decode(size=(16, 16)))
        assert sample.columns == {"width": image.width, "group": image.group}
        assert sample.label == "abc".index(image.group)
    for wrong in (47, -48):
        with pytest.raises(IndexError):
            samples[wrong]
    with pytest.raises(TypeError):
        samples["a/000"]  # type: ignore[call-overload]


def test_a_batch_is_in_the_order_asked_for(pack: Pack) -> None:
    """Samples may come several times; none make an empty batch."""
    samples = pack.samples(size=(9, 8), columns="height")
    wanted = [46, 3, 3, -1, 0, 20]

    batch = samples.batch(wanted)

    assert batch.keys == [samples.keys[place] for place in wanted]
    assert batch.columns["height"].tolist() == [pack.images[key].height for key in batch.keys]
    for place, key in enumerate(batch.keys):
        assert np.array_equal(batch.images[place], pack.images[key].decode(size=(9, 8)))
    empty = samples.batch([])
    assert (len(empty), np.shape(empty.images)) == (0, (0, 9, 8, 3))


def test_epochs_differ_by_chance_alone(pack: Pack) -> None:
    """The same sample of the same epoch is the same picture."""
    samples = pack.samples(size=16, crop="random")
    every = range(len(samples))

    first, second = samples.batch(every), samples.batch(every, epoch=1)

    assert np.array_equal(first.images, samples.batch(every, epoch=0).images)
    assert not np.array_equal(first.images, second.images)
    assert np.array_equal(samples[7].image, first.images[7])


def test_threads_share_samples(pack: Pack) -> None:
    """Twelve threads ask for all of them at once."""
    samples = pack.samples(size=24, threads=3)
    expected = samples.batch(range(47)).images

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _turn: samples.batch(range(47)).images, range(24)))

    assert all(np.array_equal(images, expected) for images in found)


def test_samples_pickle_as_their_recipe(pictures: Path, tmp_path: Path) -> None:
    """Small, and another process with another folder chooses and decodes the same."""
    samples = packhouse.open(pictures).samples(size=16, where="width > 40", label="group", columns="width")
    data = pickle.dumps(samples)
    (tmp_path / "samples").write_bytes(data)

    script = (
        "import pickle, sys; s = pickle.load(open('samples', 'rb')); b = s.batch(range(len(s)));"
        "sys.stdout.buffer.write(pickle.dumps((b.keys, b.images, b.labels, b.columns)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, check=True)
    keys, images, labels, columns = pickle.loads(done.stdout)  # noqa: S301  # our own

    here = samples.batch(range(len(samples)))
    assert len(data) < 2000
    assert keys == here.keys
    assert np.array_equal(images, here.images)
    assert here.labels is not None
    assert np.array_equal(labels, here.labels)
    assert np.array_equal(columns["width"], here.columns["width"])


def _tell(samples: Samples, pipe: multiprocessing.connection.Connection) -> None:
    pipe.send(samples.batch(range(len(samples))).images)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_starts_its_own_threads(pack: Pack) -> None:
    """Those of the parent are at work while it forks."""
    samples = pack.samples(size=200)
    here = samples.batch(range(47)).images
    under_way = [PendingBatch(samples, np.arange(47), 0) for _turn in range(6)]
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_tell, args=(samples, theirs))

    process.start()
    assert ours.poll(30)
    found = ours.recv()
    process.join()

    assert np.array_equal(found, here)
    assert all(np.array_equal(one.finish().images, here) for one in under_way)


def _go_on(batches: Iterator[Batch], pipe: multiprocessing.connection.Connection) -> None:
    try:
        next(batches)
    except LoaderError as err:
        pipe.send(str(err))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_loop_that_was_forked_is_over(pack: Pack) -> None:
    """The threads that it waits for are in the parent, whose loop goes on."""
    batches = iter(pack.loader(batch_size=5, size=64))
    next(batches)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_go_on, args=(batches, theirs))

    process.start()
    assert ours.poll(30)
    assert "forked" in ours.recv()
    process.join(30)

    assert process.exitcode == 0
    assert sum(map(len, batches)) == 42


def test_a_broken_sample_says_so(broken_pictures: Path) -> None:
    """One sample cannot be left out; of a batch it can."""
    pack = packhouse.open(broken_pictures)
    place = list(pack.images).index("a/006")

    with pytest.raises(ImageError, match="not an image"):
        pack.samples(size=8)[place]
    with pytest.raises(ImageError, match="a/006"):
        pack.samples(size=8, on_error="skip")[place]
    batch = pack.samples(size=8, on_error="skip").batch(range(12))
    assert [one.key for one in batch.broken] == ["a/003", "a/006", "b/004"]
    assert len(batch) == len(batch.images) == 9


def test_the_threads_end_with_the_samples(pack: Pack) -> None:
    """Nothing has to be closed."""
    before = set(threading.enumerate())
    samples = pack.samples(size=8, threads=3)
    samples.batch(range(47))
    started = set(threading.enumerate()) - before
    assert len(started) == 3

    del samples
    gc.collect()

    for thread in started:
        thread.join(10)
        assert not thread.is_alive()
