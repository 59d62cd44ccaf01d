"""Bits of a pack are flipped, one at a time, in every file; every way to read is asked."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import packhouse
from small_dataset import JOIN, write_dataset
from soak.budget import Budget, Trials
from trust.pack_answers import Answers, ask, flip, places, wrong

AT_ONCE = 10


def flips(folder: Path, budget: Budget) -> Generator[Trials]:
    """Flip bits in two packs by turns: one with tables as files, one with tables as folders."""
    (folder / "shop").mkdir()
    write_dataset(folder / "shop", images=9, transactions=40)
    wholes = []
    for name, rows in (("files", None), ("parts", 13)):
        pack = folder / f"{name}.pack"
        packhouse.pack(folder / "shop", pack, joins=[JOIN], rows_per_file=rows)
        wholes.append((pack, ask(pack)))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        waiting = {
            pool.submit(flip_some, *wholes[seed % 2], folder / f"copy-{seed}", budget.seed + seed)
            for seed in range(-(-budget.most // AT_ONCE))
        }
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def flip_some(whole: Path, truth: Answers, copy: Path, seed: int) -> Trials:
    """Flip AT_ONCE bits of a copy, each back again; return the answers that were wrong."""
    shutil.copytree(whole, copy)
    found = []
    for path, bit in places(copy, seed=seed, count=AT_ONCE):
        flip(path, bit)
        found += [f"bit {bit} of {whole.name}/{path.name}: {name}" for name in wrong(ask(copy), truth)]
        flip(path, bit)
    shutil.rmtree(copy)
    return Trials(AT_ONCE, tuple(found))
