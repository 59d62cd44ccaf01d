"""Feeding training: shuffled batches of 224 x 224 pixels, against other ways and against bare decoder calls.

Whole epochs in turn, each way in a process of its own; the first round starts workers and warms caches and is
not counted. The ceiling is the decode, crop and resize of packhouse in one bare thread a core, from memory.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from measuring import OUT, Scale, clear, heading, line, ratios, record, spread
from peers_environment import ffcv_python, peers_python
from photos import QUALITY, photo_tree
from trees import warm

import packhouse
from packhouse._src.images.cropping import CROPS
from packhouse._src.images.decoding import DecodeOptions, decode_into
from packhouse._src.images.scratch import Scratch

SCRIPT = Path(__file__).with_name("loader_process.py")
OTHERS = {
    "imagefolder": "ImageFolder, Pillow, DataLoader",
    "notebook": "the notebook's h5py, Pillow, DataLoader",
    "webdataset": "WebDataset",
    "streaming": "MosaicML Streaming",
    "datasets": "Hugging Face datasets",
    "litdata": "LitData",
}
FFCV = Path(__file__).with_name("ffcv_process.py")
BATCH, SIDE = 256, 224
SMALL_SIDE = 64
CORES = len(os.sched_getaffinity(0))
SETS = {"390 x 585": (390, 585), "1166 x 1750": (1166, 1750)}


class Way:
    """A process that gives an epoch whenever it is asked."""

    def __init__(self, *arguments: str | Path, environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **(environment or {})},
        )
        self.failed = "packed" not in self._answer()

    def rate(self) -> float:
        """Return images a second, or 0 if it has failed."""
        if self.failed or self._process.stdin is None:
            return 0.0
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return 0.0
        said = self._answer()
        self.failed = "images" not in said
        return 0.0 if self.failed else said["images"] / said["seconds"]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        for text in self._process.stdout:
            if text.startswith("{"):
                return dict(json.loads(text))
        return {}


@dataclass(slots=True)
class Measured:
    """Images a second, round by round."""

    name: str
    rates: list[float] = field(default_factory=list)


def measure(scale: Scale) -> None:
    """Print a table for each set of images, and one of memory and start."""
    python = peers_python()
    for name, size in SETS.items():
        count = scale.photos if size[0] < SIDE * 2 else scale.large_photos
        _compare(name, photo_tree(size, count), python, QUALITY[size[0]], scale)
    _starts(scale)


def _compare(name: str, tree: Path, python: Path, quality: int, scale: Scale) -> None:
    pack = OUT / "loading.pack"
    clear(pack)
    packhouse.pack(tree, pack)
    warm(tree)
    ways = {
        "ours": Way(sys.executable, __file__, "serve", pack),
        "pillow": Way(sys.executable, __file__, "serve", pack, environment={"PACKHOUSE_BENCH": "pillow"}),
    }
    for other in OTHERS:
        dest = OUT / f"loading-{other}"
        clear(dest)
        ways[other] = Way(python, SCRIPT, other, tree, dest)
    ffcv = ffcv_python()
    if ffcv is not None:
        ways["ffcv"] = Way(ffcv, FFCV, tree, OUT / "loading-ffcv", str(quality))
    ways["ceiling"] = Way(sys.executable, __file__, "ceiling", pack)
    names = {
        "ceiling": "ceiling: bare threads, from memory",
        "ours": "packhouse",
        "pillow": "packhouse without OpenCV",
        **OTHERS,
        **({"ffcv": "FFCV"} if ffcv is not None else {}),
    }
    found = {key: Measured(names[key]) for key in names}
    for number in range(scale.loading_rounds + 1):
        for key in names:
            rate = ways[key].rate()
            if number and rate:
                found[key].rates.append(rate)
    for key, way in ways.items():
        way.close()
        clear(OUT / f"loading-{key}")
    record("loading", images=name, **{key: one.rates for key, one in found.items()})
    _print(name, found)
    clear(pack)


def _print(name: str, found: dict[str, Measured]) -> None:
    heading(f"Loading: JPEGs of {name}, shuffled, to {SIDE} x {SIDE}", "way", "img/s", "packhouse / it")
    ours = found["ours"].rates
    for one in found.values():
        if len(one.rates) != len(ours):
            line(one.name, "**LEFT OUT: it has failed**", "-")
            continue
        line(one.name, spread(one.rates, digits=0), spread(ratios(ours, one.rates)))


def _serve(pack: Path) -> None:
    if os.environ.get("PACKHOUSE_BENCH") == "pillow":
        sys.modules["cv2"] = None  # type: ignore[assignment]  # as if it were not installed
    loader = packhouse.open(pack).loader(batch_size=BATCH, size=(SIDE, SIDE))
    _answer_each(lambda: sum(len(batch) for batch in loader))


def _ceiling(pack: Path) -> None:
    images = packhouse.open(pack).images
    files = [data for data in images.read_rows(range(len(images))) if isinstance(data, bytes)]
    wanted = DecodeOptions(CROPS["center"])

    def work(start: int) -> None:
        scratch, out = Scratch(), np.empty((SIDE, SIDE, 3), np.uint8)
        for data in files[start::CORES]:
            decode_into(data, out, wanted, (), scratch)

    def epoch() -> int:
        workers = [threading.Thread(target=work, args=(start,)) for start in range(CORES)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return len(files)

    _answer_each(epoch)


def _answer_each(epoch: Any) -> None:  # noqa: ANN401  # a call that gives a number of images
    print(json.dumps({"packed": 0}), flush=True)
    for _asked in sys.stdin:
        started = time.perf_counter()
        given = epoch()
        print(json.dumps({"images": given, "seconds": time.perf_counter() - started}), flush=True)


def _starts(scale: Scale) -> None:
    """The first batch and the cost of an image, by the number of images; peak memory of the process."""
    heading(
        "Loading: start and memory",
        "images",
        "open to first batch, ms",
        "64 batches, us an image",
        "peak memory of the process, MB",
    )
    for size, side, counts in (
        ((390, 585), SIDE, scale.loading_counts),
        ((96, 144), SMALL_SIDE, scale.small_counts),
    ):
        few = photo_tree(size, 1_000)
        for count in counts:
            _start_of(few, count, side, f"{count:,} of {size[0]} x {size[1]}, to {side} x {side}", scale)


def _start_of(few: Path, count: int, side: int, name: str, scale: Scale) -> None:
    pack, many = OUT / "starting.pack", OUT / "many"
    clear(pack)
    clear(many)
    _link_many(few, many, count)
    packhouse.pack(many, pack)
    command = [sys.executable, __file__, "start", str(pack), str(side)]
    said = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _round in range(scale.loading_rounds)
    ]
    record("loading_start", images=name, rounds=said)
    line(
        name,
        spread([1e3 * one["first"] for one in said], digits=0),
        spread([1e6 * one["each"] for one in said], digits=0),
        spread([one["memory"] for one in said], digits=0),
    )
    clear(pack)
    clear(many)


def _link_many(few: Path, many: Path, count: int) -> None:
    """Write many small names of few images: what is behind a name does not matter here."""
    files = sorted(few.rglob("*.jpg"))
    for number in range(count):
        target = many / f"{number // 10_000:04d}" / f"{number:08d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(files[number % len(files)], target)


def _start(pack: Path) -> None:
    side = int(sys.argv[3])
    packhouse.open(pack).loader(batch_size=1, size=8)  # imports
    gc.collect()
    started = time.perf_counter()
    loader = packhouse.open(pack).loader(batch_size=BATCH, size=(side, side))
    batches = iter(loader)
    next(batches)
    first = time.perf_counter()
    given = 0
    for number, batch in enumerate(batches):
        given += len(batch)
        if number == 63:
            break
    each = (time.perf_counter() - first) / max(1, given)
    print(json.dumps({"first": first - started, "each": each, "memory": _peak_bytes() / 1e6}))


def _peak_bytes() -> int:
    # not ru_maxrss: that of a new program begins with what its parent had
    status = Path("/proc/self/status").read_text().split()
    return 1024 * int(status[status.index("VmHWM:") + 1])


if __name__ == "__main__":
    {"serve": _serve, "ceiling": _ceiling, "start": _start}[sys.argv[1]](Path(sys.argv[2]))
