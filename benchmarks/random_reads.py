"""Random reads of our own file by key: against the bare system call, and against h5py on the same file."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
from measuring import OUT, Scale, clear, heading, line, ratios, record, seconds, spread
from trees import jpeg_tree, warm

import packhouse

BATCHES = (64, 256)


def measure(scale: Scale) -> None:
    """Print the table of random reads."""
    tree, pack = jpeg_tree(images=scale.images, size=scale.image_bytes), OUT / "tree.pack"
    clear(pack)
    packhouse.pack(tree, pack)
    warm(pack)
    keys = random.Random(0).choices(list(packhouse.open(pack).images), k=scale.reads)
    found = _turns(pack, keys, rounds=scale.read_rounds)
    clear(pack)
    heading(
        f"Random reads of {scale.images:,} images of {scale.image_bytes // 1000} KB",
        "what",
        "measured",
        "aim",
    )
    bare = found["pread"]
    line("`os.pread` / `images.read(key)`, time", spread(ratios(bare, found["read"])), ">= 0.35")
    for size in BATCHES:
        line(
            f"`os.pread` / `images.read_many(keys)` of {size}, time",
            spread(ratios(bare, found[f"read_many_{size}"])),
            ">= 0.7",
        )
    line(
        "`[os.pread() for ...]` of 64 / `images.read_many(keys)` of 64, time",
        spread(ratios(found["pread_kept_64"], found["read_many_64"])),
        "-",
    )
    line(
        "`np.array(h5[key])` / `images.read(key)`, time",
        spread(ratios(found["h5py"], found["read"])),
        ">= 10",
    )
    for name, values in found.items():
        line(f"{name}, us an image", spread(micros(values, scale.reads), digits=1), "-")


def micros(values: Iterable[float], reads: int) -> list[float]:
    """Return microseconds a read."""
    return [value / reads * 1e6 for value in values]


def each(work: Callable[[Any], object], things: Sequence[Any]) -> None:
    """Call once for each, keeping nothing: kept results would measure page faults."""
    for thing in things:
        work(thing)


def in_batches(things: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Cut into pieces."""
    return [things[start : start + size] for start in range(0, len(things), size)]


def _turns(pack: Path, keys: Sequence[str], *, rounds: int) -> Mapping[str, list[float]]:
    """Return the seconds of each way to read all keys, one after the other, round by round."""
    images = packhouse.open(pack).images
    ranges = _ranges(pack, keys)
    descriptor = os.open(pack / "images.h5", os.O_RDONLY)
    kept = in_batches(ranges, 64)
    found: dict[str, list[float]] = defaultdict(list)
    with h5py.File(pack / "images.h5") as file:
        ways: dict[str, Callable[[], object]] = {
            "pread": lambda: _bare(descriptor, ranges),
            "pread_kept_64": lambda: _bare_kept(descriptor, kept),
            "read": lambda: each(images.read, keys),
            "read_many_64": lambda: each(images.read_many, in_batches(keys, 64)),
            "read_many_256": lambda: each(images.read_many, in_batches(keys, 256)),
            "h5py": lambda: each(lambda key: np.array(file[key]), keys),
        }
        for number in range(rounds + 1):
            turns = list(ways) if number % 2 else list(reversed(ways))
            taken = {name: seconds(ways[name]) for name in turns}
            if number:  # the first round warms up
                record("read", reads=len(keys), **taken)
                for name in ways:
                    found[name].append(taken[name])
    os.close(descriptor)
    return found


def _ranges(pack: Path, keys: Sequence[str]) -> list[tuple[int, int]]:
    """Return offset and length of each, read from the index as any program can."""
    table = pyarrow.parquet.read_table(pack / "image_index.parquet", columns=["key", "offset", "length"])
    columns = (table[name].to_pylist() for name in ("key", "offset", "length"))
    places = {key: (offset, length) for key, offset, length in zip(*columns, strict=True)}
    return [places[key] for key in keys]


def _bare(descriptor: int, ranges: Sequence[tuple[int, int]]) -> None:
    pread = os.pread
    for offset, length in ranges:
        pread(descriptor, length, offset)


def _bare_kept(descriptor: int, batches: Sequence[Sequence[tuple[int, int]]]) -> None:
    """As `_bare`, but all of a batch is there at once, as when it is handed to somebody."""
    pread = os.pread
    for batch in batches:
        [pread(descriptor, length, offset) for offset, length in batch]
