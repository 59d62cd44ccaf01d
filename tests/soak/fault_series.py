"""The series of tests/crash, as many of all of them as the budget allows, in a chance order."""

from __future__ import annotations

import random
import shutil
from collections.abc import Generator
from pathlib import Path

from crash.call_series import quick_folder, shim_in
from crash.test_every_call import everything
from soak.budget import Budget, Trials


def faults(kinds: tuple[str, ...], folder: Path, budget: Budget) -> Generator[Trials]:
    """End packing at its calls; a trial is one call that was the last, or failed.

    Args:
        kinds: The ways to end it, as `crash.driver.Order.how`.
        folder: An empty folder.
        budget: How long.
    """
    library = shim_in(folder)
    rng = random.Random(budget.seed)
    series = [one for one in everything() if one.how in kinds and (one.layer != "shim" or library)]
    step = 24 * (1 if kinds != ("worker",) else 4) if budget.most < len(series) else 0
    for number, one in enumerate(rng.sample(series, len(series))):
        chosen = one
        if step:  # a few points of it
            chosen = one._replace(first=rng.randrange(12), step=step)
        with quick_folder(folder / f"{number}") as home:
            home.mkdir(exist_ok=True)
            found = chosen.run(home, library if one.layer == "shim" else None)
        shutil.rmtree(folder / f"{number}", ignore_errors=True)
        yield Trials(sum(found["points"].values()), tuple(found["problems"]))
