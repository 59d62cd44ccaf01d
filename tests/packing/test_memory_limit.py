"""--memory-limit: what the process has in RAM while it makes tables, and what does not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse._src.concurrency.memory_gate import MemoryGate
from packhouse._src.delimited.limits.converting_memory import MemoryShares
from packhouse._src.system.resident_memory import resident_bytes
from small_dataset import JOIN, DataSet

LIMIT = "400MB"
MOST_BYTES = int(1.1 * 400_000_000)
PROGRAM = Path(sys.executable).with_name("packhouse")


PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_bytes(*arguments: str | Path) -> int:
    """Run packhouse, which must succeed, and return the most that it had in RAM."""
    # in between a small process: what is started by a large one is said to have had as much
    command = [sys.executable, "-c", PEAK, PROGRAM, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    code, peak_kib = map(int, run.stdout.split())
    assert code == 0, run.stderr
    return peak_kib * 1024


def long_rows(folder: Path, *, rows: int) -> None:
    """Write a table of so many rows of 10 KB, none like the one before, and one of their keys."""
    folder.mkdir()
    words = "".join(chr(0x61 + place * 7 % 26) for place in range(10_000))
    with pa.CompressedOutputStream(str(folder / "texts.csv.zst"), "zstd") as file:
        file.write(b"id,text,n\n")
        for row in range(rows):
            file.write(f'{row},"{words[row % 9000 :]}\n{words[: row % 9000]}{row}",{row % 7}\n'.encode())
    (folder / "keys.csv").write_text("id,kind\n" + "".join(f"{row},{row % 3}\n" for row in range(rows)))


def test_a_table_of_twice_the_limit_stays_below_it(tmp_path: Path) -> None:
    """Conversion, join and parts of 0.8 GB of long rows take no more than a tenth above 400 MB."""
    long_rows(tmp_path / "src", rows=80_000)
    join = "both = texts + keys on id"

    peak = peak_bytes(
        "pack", tmp_path / "src", "-o", tmp_path / "a.pack", "--memory-limit", LIMIT, "--join", join
    )

    assert 100_000_000 < peak < MOST_BYTES
    assert pq.read_metadata(tmp_path / "a.pack" / "both.parquet").num_rows == 80_000


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_cell_that_does_not_fit_is_named(tmp_path: Path, line_end: str) -> None:
    """Table, line, column and option; the other tables are packed."""
    (tmp_path / "src").mkdir()
    cell = f"some words{line_end}" * 4_500_000
    with (tmp_path / "src" / "texts.csv").open("w", newline="") as file:
        file.write(f'id,text{line_end}1,"two{line_end}lines"{line_end}2,"{cell}"{line_end}')
    (tmp_path / "src" / "other.csv").write_text("a,b\n1,2\n")

    report = packhouse.pack(tmp_path / "src", tmp_path / "a.pack", memory_limit=LIMIT)

    (failed,) = report.failed
    assert "a cell is longer than" in failed.message
    assert "in texts.csv, line 4 [column 'text']" in failed.message
    assert "--memory-limit" in failed.message
    assert [table.name for table in report.tables] == ["other"]


def test_the_limit_does_not_show_in_the_files(dataset: DataSet, tmp_path: Path) -> None:
    """Same input, same bytes, however much memory there is."""
    made = []
    for limit in (LIMIT, "4GB"):
        pack = tmp_path / limit
        packhouse.pack(dataset.folder, pack, joins=JOIN, memory_limit=limit)
        made.append({path.name: path.read_bytes() for path in pack.glob("*.parquet")})

    assert made[0] == made[1]
    assert len(made[0]) > 3


def test_what_the_process_had_before_does_not_count(dataset: DataSet, tmp_path: Path) -> None:
    """A notebook with a gigabyte of its own packs with a limit of less."""
    own = bytearray(os.sysconf("SC_PAGE_SIZE")) * 150_000
    before = resident_bytes()
    assert before > len(own) > 600_000_000

    report = packhouse.pack(dataset.folder, tmp_path / "a.pack", joins=JOIN, memory_limit=LIMIT)

    assert not report.failed
    assert len(report.joins) == 1


def test_the_longest_row_grows_with_the_memory() -> None:
    """Up to 256 MiB; chunks of the usual size always fit."""
    longest = [MemoryShares(free, 3).longest_row for free in (0, 300_000_000, 1_000_000_000, 10**10)]

    assert longest == sorted(longest)
    assert longest[0] == 4 << 20
    assert longest[-1] == 256 << 20


def test_the_gate_lets_in_what_fits() -> None:
    """And one piece alone, however large it is; when it is opened, everything."""
    gate = MemoryGate(100)
    gate.enter(1000)
    gate.leave(1000)
    gate.enter(60)
    gate.enter(40)
    gate.leave(60)
    gate.enter(60)
    gate.open()
    gate.enter(10**9)
    gate.wait_until_empty()
