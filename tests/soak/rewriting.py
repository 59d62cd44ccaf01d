"""Source files are rewritten all the while they are packed: each is packed whole, or reported."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import packhouse
from packhouse.errors import SourceChangedError, SourceNotFoundError
from soak.budget import Budget, Trials

IMAGES = 6
ROWS = 400


class Writer(threading.Thread):
    """Rewrites files in two halves, in place or by rename, each time with another letter."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__()
        self.folder, self.rng, self.stopped = folder, random.Random(seed), threading.Event()
        self.busy_s = self.rng.choice((0.0, 0.05, 0.2, 0.5))

    def run(self) -> None:
        """Rewrite until it is stopped or its time is over: then all files stay as they are."""
        until = time.monotonic() + self.busy_s
        for number in itertools.count():
            if self.stopped.is_set() or time.monotonic() > until:
                return
            self._rewrite("abcdefgh"[number % 8])

    def _rewrite(self, letter: str) -> None:
        path = self.folder / self.rng.choice([*(f"{number}.jpg" for number in range(IMAGES)), "t.csv"])
        data = content(path.name, letter, self.rng.choice((2_000, 2_000, 2_100)))
        if self.rng.random() < 0.2:
            path.with_suffix(".new").write_bytes(data)
            path.with_suffix(".new").replace(path)
            return
        with path.open("r+b", buffering=0) as file:
            file.write(data[: len(data) // 2])
            time.sleep(self.rng.random() * 0.004)
            file.write(data[len(data) // 2 :])
            file.truncate(len(data))


def content(name: str, letter: str, size: int) -> bytes:
    """Return a file of one letter."""
    if name.endswith(".csv"):
        return "".join(["item,letter\n", *(f"{row:05d},{letter}\n" for row in range(ROWS))]).encode()
    return letter.encode() * size


def rewriting(folder: Path, budget: Budget) -> Generator[Trials]:
    """Pack a folder in which another thread writes; a trial is a round."""
    seeds = itertools.count(budget.seed)
    for seed in seeds:
        place = folder / f"{seed}"
        yield Trials(1, tuple(f"seed {seed}: {problem}" for problem in _round(place, seed)))
        shutil.rmtree(place)


def _round(place: Path, seed: int) -> Iterator[str]:
    source = place / "src"
    source.mkdir(parents=True)
    for name in [*(f"{number}.jpg" for number in range(IMAGES)), "t.csv"]:
        (source / name).write_bytes(content(name, "z", 2_000))
        os.utime(source / name, ns=(10**18, 10**18))
    writer = Writer(source, seed)
    writer.start()
    try:
        report = packhouse.pack(source, place / "a.pack")
    except (SourceChangedError, SourceNotFoundError):  # nothing that could be packed
        return
    finally:
        writer.stopped.set()
        writer.join()
    with packhouse.open(place / "a.pack") as pack:
        for key, image in pack.images.items() if pack.manifest["images"] else ():
            if len(set(image.bytes)) != 1:
                yield f"{key} holds {sorted(set(image.bytes))}"
        packed = {f"{key}.jpg" for key in (pack.images if pack.manifest["images"] else ())}
        if "t" in pack.tables:
            table = pack.tables["t"].to_arrow()
            packed.add("t.csv")
            if table.num_rows != ROWS or len(set(table["letter"].to_pylist())) != 1:
                yield f"the table holds {table.num_rows} rows of {set(table['letter'].to_pylist())}"
    reported = {one.path for one in report.failed} | {one.path for one in report.skipped}
    wanted = {*(f"{number}.jpg" for number in range(IMAGES)), "t.csv"}
    if not wanted <= packed | reported:
        yield f"{sorted(wanted - packed - reported)} neither packed nor reported"
