"""One data set is packed again and again under other circumstances: every file has one SHA-256."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

from small_dataset import JOIN, write_dataset
from soak.budget import Budget, Trials

RUN = "import os, sys; os.umask(int(sys.argv.pop(1), 8)); from packhouse._src.cli.start import main; main()"
ZONES = ("UTC", "Asia/Kolkata", "America/New_York", "Pacific/Chatham")
LOCALES = ("C", "C.utf8", "POSIX", "de_DE.UTF-8", "tr_TR.UTF-8")
UMASKS = ("022", "077", "000")
ENGINES = ("local", "processes")


def same_bytes(folder: Path, budget: Budget) -> Generator[Trials]:
    """Pack copies of one data set; workers, engine, clock, locale, umask and order of files differ."""
    write_dataset(folder / "first" / "shop")
    wanted: dict[str, str] = {}
    for seed in itertools.count(budget.seed):
        rng = random.Random(seed)
        place = folder / f"round {seed}"
        _copy_in_some_order(folder / "first" / "shop", place / "shop", rng)
        how = {
            "workers": f"{rng.choice((1, 2, 3, 7))}",
            "engine": ENGINES[seed % 2],
            "memory": rng.choice(("400MB", "1GB")),
        }
        around = {
            "TZ": rng.choice(ZONES),
            "LC_ALL": rng.choice(LOCALES),
            "PYTHONHASHSEED": f"{seed}",
            "XDG_CACHE_HOME": str(place / "cache"),
        }
        umask = rng.choice(UMASKS)
        command = [
            sys.executable,
            "-W",
            "error",
            "-c",
            RUN,
            umask,
            "pack",
            "shop",
            "-o",
            "a.pack",
            f"--join={JOIN}",
        ]
        command += [
            f"--workers={how['workers']}",
            f"--engine={how['engine']}",
            f"--memory-limit={how['memory']}",
        ]
        done = subprocess.run(
            command, cwd=place, env={**os.environ, **around}, capture_output=True, text=True, check=False
        )
        name = f"round {seed}, {how} {around} umask {umask}"
        if done.returncode:
            yield Trials(1, (f"{name}: {done.stderr}",))
            continue
        found = digests(place / "a.pack")
        wanted = wanted or found
        differ = [file for file in found.keys() | wanted if found.get(file) != wanted.get(file)]
        yield Trials(1, (f"{name}: {sorted(differ)} differ",) if differ else ())
        shutil.rmtree(place)


def _copy_in_some_order(source: Path, target: Path, rng: random.Random) -> None:
    """Copy files in a chance order, which is that of directories on some file systems, with chance times."""
    files = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    for file in rng.sample(files, len(files)):
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, target / file)
        time_ns = rng.randrange(10**18, 2 * 10**18)
        os.utime(target / file, ns=(time_ns, time_ns))


def digests(folder: Path) -> dict[str, str]:
    """Return path below a folder -> SHA-256 of each file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
