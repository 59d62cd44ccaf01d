"""Tables of the retailer's size against pandas with gzip (the notebook's way) and DuckDB's bare conversion.

Each is a process of its own, for its memory; in turn, on the same files. Packhouse proves every cell's type,
the others are told (DuckDB) or guess (pandas, which makes numbers of the ids).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import (
    OUT,
    PROGRAM,
    Scale,
    clear,
    command,
    heading,
    line,
    ratios,
    record,
    settle,
    size_bytes,
    spread,
)

JOIN = "train = transactions_train + customers on customer_id"

PANDAS_CONVERT = """
import sys, pandas
source, target = sys.argv[1:]
pandas.read_csv(source).to_parquet(target, compression="gzip", index=False)
"""

PANDAS_MERGE = """
import sys, pandas
left, right, target = sys.argv[1:]
merged = pandas.read_parquet(left).merge(pandas.read_parquet(right), on="customer_id")
merged.to_parquet(target, compression="gzip", index=False)
"""

DUCKDB_CONVERT = """
import sys, duckdb
source, target = sys.argv[1:]
duckdb.sql("SET memory_limit = '2GB'")
duckdb.sql(f'''
    COPY (FROM read_csv('{source}', auto_detect=false, header=true, delim=',', quote='"', escape='"',
        columns={{'t_dat': 'DATE', 'customer_id': 'VARCHAR', 'article_id': 'VARCHAR', 'price': 'DOUBLE',
                  'sales_channel_id': 'TINYINT'}}))
    TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
''')
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One process that has ended."""

    seconds: float
    peak_mb: float
    printed: str


def measure(scale: Scale) -> None:
    """Print the tables of converting and joining."""
    heading(f"Tables, {scale.transactions:,} transactions", "what", "measured", "aim")
    made = _sample(scale)
    alone = OUT / "transactions"
    alone.mkdir(exist_ok=True)
    source = alone / "transactions_train.csv"
    source.unlink(missing_ok=True)
    os.link(made / "transactions_train.csv", source)
    _convert(scale, source)
    _join(scale, made)
    clear(alone)


def _sample(scale: Scale) -> Path:
    """Make the tables; the images are as few as there can be."""
    folder = OUT / f"sample-{scale.transactions}"
    if not folder.exists():
        sizes = {"images": 100, "customers": scale.customers, "transactions": scale.transactions}
        options = [part for name, size in sizes.items() for part in (f"--{name}", str(size))]
        command(PROGRAM, "sample", folder, *options)()
    return folder


def _convert(scale: Scale, source: Path) -> None:
    pack, other = OUT / "tables.pack", OUT / "other.parquet"
    ours, bare, pandas = [], [], []
    for number in range(scale.rounds + 1):
        clear(pack)
        ran = run(PROGRAM, "pack", source.parent, "-o", pack)
        clear(other)
        duckdb = run(sys.executable, "-c", DUCKDB_CONVERT, source, other)
        if number:  # the first round warms up
            ours.append(ran)
            bare.append(duckdb)
            record("convert", ours_s=ran.seconds, ours_mb=ran.peak_mb, duckdb_s=duckdb.seconds)
    for _ in range(scale.peer_rounds):
        clear(other)
        pandas.append(run(sys.executable, "-c", PANDAS_CONVERT, source, other))
        record("convert_pandas", pandas_s=pandas[-1].seconds, pandas_mb=pandas[-1].peak_mb)
    our_s, bare_s, pandas_s = ([one.seconds for one in runs] for runs in (ours, bare, pandas))
    few = our_s[: len(pandas_s)]
    line("pandas and gzip / `packhouse pack`, types proved", spread(ratios(pandas_s, few)), ">= 5")
    line("`packhouse pack` / DuckDB's COPY, types given", spread(ratios(our_s, bare_s)), "<= 2.0")
    line("`packhouse pack`, s", spread(our_s, digits=1), "-")
    line("its peak memory, MB", spread([one.peak_mb for one in ours], digits=0), "a tenth of pandas'")
    line("pandas' peak memory, MB", spread([one.peak_mb for one in pandas], digits=0), "-")
    line("its file, MB", f"{size_bytes(pack / 'transactions_train.parquet') / 1e6:.0f}", "-")
    line("pandas' file, MB", f"{size_bytes(other) / 1e6:.0f}", "-")
    clear(pack)
    clear(other)


def _join(scale: Scale, made: Path) -> None:
    pack, other, left = OUT / "tables.pack", OUT / "other.parquet", OUT / "left.parquet"
    right = OUT / "right.parquet"
    for name, target in (("transactions_train", left), ("customers", right)):
        clear(target)
        run(sys.executable, "-c", PANDAS_CONVERT, made / f"{name}.csv", target)
    join_s, whole, pandas = [], [], []
    for _ in range(scale.peer_rounds):
        clear(pack)
        ran = run(PROGRAM, "pack", made, "-o", pack, "--no-link", "--join", JOIN, "--json")
        report: dict[str, Any] = json.loads(ran.printed)
        whole.append(ran)
        join_s.append(float(report["seconds"]["joins"]))
        clear(other)
        pandas.append(run(sys.executable, "-c", PANDAS_MERGE, left, right, other))
        record(
            "join",
            join_s=join_s[-1],
            whole_s=ran.seconds,
            whole_mb=ran.peak_mb,
            pandas_s=pandas[-1].seconds,
            pandas_mb=pandas[-1].peak_mb,
        )
    pandas_s = [one.seconds for one in pandas]
    line("pandas.merge and gzip / our join", spread(ratios(pandas_s, join_s)), ">= 6")
    line("our join, s", spread(join_s, digits=1), "-")
    line("all tables and the join, s", spread([one.seconds for one in whole], digits=1), "-")
    line("peak memory of that, MB", spread([one.peak_mb for one in whole], digits=0), "<= 2,200")
    line("pandas' peak memory, MB", spread([one.peak_mb for one in pandas], digits=0), "-")
    line("the joined file, MB", f"{size_bytes(pack / 'train.parquet') / 1e6:.0f}", "no larger than pandas'")
    line("pandas' joined file, MB", f"{size_bytes(other) / 1e6:.0f}", "-")
    for path in (pack, other, left, right):
        clear(path)


def run(*arguments: str | Path) -> Ran:
    """Run one process to its end, with its own peak of memory."""
    settle()
    started = time.perf_counter()
    with subprocess.Popen(
        [str(one) for one in arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        printed = process.stdout.read() if process.stdout else ""
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - started
    if process.returncode not in (0, 3):
        sys.exit(f"failed with {process.returncode}: {arguments}")
    return Ran(took, used.ru_maxrss / 1000, printed)
