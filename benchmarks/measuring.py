"""What all measurements share: how much is measured, clocks, lines of tables, the record of every round."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

OUT = Path("bench-out")
PROGRAM = Path(sys.executable).with_name("packhouse")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int
    """After one that warms up."""

    peer_rounds: int
    """The same where a round takes minutes."""

    read_rounds: int
    """The same where a round takes less than a second."""

    images: int
    """Of `image_bytes` each."""

    large_images: int
    """Of `large_bytes` each."""

    reads: int
    """Random reads a round."""

    index_rows: tuple[int, ...]
    transactions: int
    customers: int
    photos: int
    large_photos: int
    loading_rounds: int
    loading_counts: tuple[int, ...]
    small_counts: tuple[int, ...]
    image_bytes: int = 37_000
    large_bytes: int = 260_000


FULL = Scale(
    5,
    2,
    15,
    100_000,
    15_000,
    10_000,
    (10_000, 100_000, 1_000_000, 5_000_000),
    31_788_324,
    1_371_980,
    5_000,
    600,
    4,
    (10_000, 100_000),
    (10_000, 100_000, 1_000_000),
)
QUICK = Scale(
    3,
    1,
    7,
    10_000,
    1_500,
    2_000,
    (1_000, 10_000, 100_000, 500_000),
    3_178_832,
    137_198,
    2_000,
    300,
    2,
    (1_000, 10_000),
    (1_000, 10_000, 100_000),
)


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def command(*arguments: str | Path) -> Callable[[], object]:
    """Return a call that runs a command line and must succeed."""
    return lambda: subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def settle() -> None:
    """Wait until everything is on the disk, so that nobody pays for what another has left to write."""
    os.sync()


def clear(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_bytes(path: Path) -> int:
    """Return the size of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def record(name: str, **figures: object) -> None:
    """Append one JSON line."""
    with (OUT / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, **figures}) + "\n")


def heading(title: str, *columns: str) -> None:
    """Begin a table."""
    print(f"\n### {title}\n")
    line(*columns)
    line(*("---" for _ in columns))


def line(*cells: str) -> None:
    """Print one line of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)


def spread(values: list[float], *, digits: int = 2) -> str:
    """Return median (smallest - largest)."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} - {high:.{digits}f})"


def ratios(above: list[float], below: list[float]) -> list[float]:
    """Return the quotients of figures that were measured in turn."""
    return [one / other for one, other in zip(above, below, strict=True)]
