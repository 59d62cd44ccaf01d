"""Measures packhouse against tar, bare system calls and other formats, as ratios in one run: `make bench`.

Every pair is run in turn, several times, and the median of the ratios is what counts: a shared machine
drifts. The tables go to stdout, the figures of every round as JSON lines to bench-out/results.jsonl.

usage: python benchmarks/run.py [--quick | --scale PART] [--only NAME]
       (20 GB of disk; --quick: a tenth; --scale 0.2: a fifth of the images and rows of notebook and tables;
       notebook and tables: 16 GB of memory for pandas)
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import shutil
import sys
import time

from measuring import FULL, OUT, QUICK, record

PARTS = {
    "notebook": "notebook",
    "packing": "against_tar",
    "reading": "random_reads",
    "opening": "opening_time",
    "peers": "against_peers",
    "tables": "big_tables",
    "loading": "loading",
}
NEEDED_BYTES = 20_000_000_000


def main() -> None:
    """Run everything, or one part, and print the tables."""
    parser = argparse.ArgumentParser(description="Measures packhouse; see the head of this file.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the images, fewer rounds")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--scale", type=float, metavar="PART", help="part of the rows of notebook and tables")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    if options.scale is not None:
        rows = {
            name: max(1, round(getattr(FULL, name) * options.scale)) for name in ("transactions", "customers")
        }
        scale = dataclasses.replace(scale, **rows)
    OUT.mkdir(exist_ok=True)
    if not options.quick and shutil.disk_usage(OUT).free < NEEDED_BYTES:
        sys.exit(f"needs {NEEDED_BYTES / 1e9:.0f} GB of free disk at {OUT}, or --quick")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{len(os.sched_getaffinity(0))} cores, load {load}, Python {sys.version.split()[0]}")
    print(
        f"median of {scale.rounds} rounds in turn (smallest - largest); "
        f"{scale.peer_rounds} of packing other formats, {scale.read_rounds} of reading"
    )
    record("run", quick=options.quick, only=options.only, load=os.getloadavg()[0])
    for name in [options.only] if options.only else PARTS:
        started = time.perf_counter()
        importlib.import_module(PARTS[name]).measure(scale)
        print(f"\n{name}: {time.perf_counter() - started:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True)
    print(f"\nall rounds in {OUT / 'results.jsonl'}")


if __name__ == "__main__":
    main()
