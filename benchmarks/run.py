"""Measures packhouse against tar, h5py and the bare system calls, as ratios within one run: `make bench`.

Every pair is run in turn, several times, and the median of the ratios is what counts: a shared machine
drifts. The table goes to stdout, the figures of every round as JSON lines to bench-out/results.jsonl.

usage: python benchmarks/run.py [--quick]      (12 GB of disk and some five minutes; --quick: a tenth)
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from trees import jpeg_tree, warm

import packhouse

OUT = Path("bench-out")
PROGRAM = Path(sys.executable).with_name("packhouse")
QUICK = "--quick" in sys.argv
ROUNDS = 3 if QUICK else 5
IMAGES = 10_000 if QUICK else 100_000
IMAGE_BYTES = 37_000
READS = 4_000

PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def each(work: Callable[[Any], object], things: list[Any]) -> None:
    """Call once for each, keeping nothing: kept results would measure page faults."""
    for thing in things:
        work(thing)


def record(name: str, **figures: object) -> None:
    """Append one JSON line."""
    with (OUT / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, **figures}) + "\n")


def row(name: str, measured: str, aim: str) -> None:
    """Print one line of the table."""
    print(f"| {name} | {measured} | {aim} |", flush=True)


def spread(values: list[float]) -> str:
    """Return median (smallest - largest)."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} - {max(values):.2f})"


def command(*arguments: str | Path) -> Callable[[], object]:
    """Return a call that runs a command line and must succeed."""
    return lambda: subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pack_against_tar(tree: Path) -> None:
    """Whole commands, start of the interpreter and fsync included; and the call alone, in one process."""
    pack, tar = OUT / "tree.pack", OUT / "tree.tar"
    whole, calls = [], []
    for number in range(ROUNDS + 1):
        shutil.rmtree(pack, ignore_errors=True)
        whole_s = seconds(command(PROGRAM, "pack", tree, "-o", pack))
        tar.unlink(missing_ok=True)
        tar_s = seconds(command("tar", "-cf", tar, tree))
        shutil.rmtree(pack)
        call_s = seconds(lambda: packhouse.pack(tree, pack))
        if number:  # the first round warms up
            whole.append(whole_s / tar_s)
            calls.append(call_s / tar_s)
            record("pack", whole_s=whole_s, call_s=call_s, tar_s=tar_s)
    tar.unlink()
    what = f"{IMAGES:,} files of {IMAGE_BYTES // 1000} KB"
    row(f"`packhouse pack` / `tar -cf`, {what}", spread(whole), "<= 1.6")
    row("the same, `packhouse.pack()` in a running process", spread(calls), "<= 1.6")
    over = (pack / "images.h5").stat().st_size - sum(f.stat().st_size for f in tree.rglob("*.jpg"))
    index = (pack / "image_index.parquet").stat().st_size
    row("bytes of HDF5 an image", f"{over / IMAGES:.0f}", "<= 360")
    row("bytes of index an image", f"{index / IMAGES:.0f}", "<= 70")


def random_reads(pack: Path) -> None:
    """Random reads by key, one after the other, from a warm cache."""
    images = packhouse.open(pack).images
    keys = random.Random(0).choices(list(images), k=READS)
    ranges = [images.index.range_of(images.index.row_of(key) or 0)[:2] for key in keys]
    descriptor = os.open(pack / "images.h5", os.O_RDONLY)
    ours, slices, ratios = [], [], []
    with h5py.File(pack / "images.h5") as file:
        for number in range(ROUNDS + 1):
            key_s = seconds(lambda: each(images.read, keys))
            h5py_s = seconds(lambda: each(lambda key: np.array(file[key]), keys))
            pread_s = seconds(lambda: each(lambda at: os.pread(descriptor, at[1], at[0]), ranges))
            if number:
                ours.append(key_s / READS * 1e6)
                ratios.append(h5py_s / key_s)
                slices.append(pread_s / key_s)
                record("read", key_s=key_s, h5py_s=h5py_s, pread_s=pread_s, reads=READS)
    os.close(descriptor)
    row("`np.array(h5[key])` / `images.read(key)`, time", spread(ratios), ">= 10")
    row("bare `os.pread` / `images.read(key)`, time", spread(slices), "-")
    row("`images.read(key)`, digest checked, us", spread(ours), "-")


def peak_memory(tree: Path) -> None:
    """Memory of the whole process, as the operating system counts it."""
    pack = OUT / "peak.pack"
    shutil.rmtree(pack, ignore_errors=True)
    arguments = [sys.executable, "-c", PEAK, str(PROGRAM), "pack", str(tree), "-o", str(pack)]
    code, peak = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
    if code != "0":
        sys.exit(f"packing {tree} failed")
    shutil.rmtree(pack)
    record("memory", peak_mb=int(peak))
    row(f"peak memory of packing {IMAGES:,} images, MB", peak, "<= 300")


def opening(pack: Path) -> None:
    """The call in a running process, with the first read, and a new process from its start."""
    key = list(packhouse.open(pack).images)[IMAGES // 2]
    opened = [seconds(lambda: packhouse.open(pack)) * 1000 for _ in range(20)]
    first = [seconds(lambda: packhouse.open(pack).images[key].bytes) * 1000 for _ in range(20)]
    code = f"import packhouse; packhouse.open({str(pack)!r})"
    cold = [seconds(command(sys.executable, "-c", code)) * 1000 for _ in range(ROUNDS)]
    record("open", opened_ms=opened, first_read_ms=first, new_process_ms=cold)
    row(f"`packhouse.open` of {IMAGES:,} images, ms", spread(opened), "<= 50")
    row("the same and the first read, ms", spread(first), "-")
    row("the same in a new process, imports included, ms", spread(cold), "-")


def main() -> None:
    """Run everything and print the table."""
    OUT.mkdir(exist_ok=True)
    tree = OUT / "tree"
    jpeg_tree(tree, images=IMAGES, size=IMAGE_BYTES)
    warm(tree)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{len(os.sched_getaffinity(0))} cores, load {load}, Python {sys.version.split()[0]}")
    print(f"median of {ROUNDS} rounds in turn (smallest - largest)\n")
    row("what", "measured", "aim")
    row("---", "---", "---")
    pack_against_tar(tree)
    random_reads(OUT / "tree.pack")
    peak_memory(tree)
    opening(OUT / "tree.pack")
    print(f"\nload at the end {os.getloadavg()[0]:.1f}; all rounds in {OUT / 'results.jsonl'}")


if __name__ == "__main__":
    main()
