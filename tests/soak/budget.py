"""How long a soak runs, and what it counts."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Trials(NamedTuple):
    """Some trials of a soak."""

    tried: int = 1
    wrong: tuple[str, ...] = ()
    """What was found wrong, each with what is needed to try it again."""


@dataclass(frozen=True)
class Budget:
    """When a soak is to stop: after so many trials or seconds, whichever comes first."""

    most: int
    seconds: float
    seed: int = field(default_factory=lambda: random.randrange(2**31))
    """Of whatever is left to chance."""

    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.monotonic() - self.began)


@dataclass(frozen=True)
class Soak:
    """One thing that is tried many times."""

    name: str
    what: str
    """What is tried, as docs/trust.md says it, behind the number: "races of two packers for one DEST"."""

    full: int
    """Trials of a whole soak."""

    small: int
    """Trials in `make test`."""

    run: Callable[[Path, Budget], Generator[Trials]]
    """Tries in an empty folder, until the budget is used up; the caller stops it too."""


def carry_out(soak: Soak, folder: Path, budget: Budget) -> Trials:
    """Run a soak within its budget; the first trials are made in any case.

    Returns:
        How many trials there were, and what was wrong.
    """
    count, wrong = 0, list[str]()
    try:
        with closing(soak.run(folder, budget)) as trials:
            for some in trials:
                count += some.tried
                wrong += some.wrong
                if count >= budget.most or budget.left <= 0:
                    break
    except Exception:  # noqa: BLE001  # whatever it is, it is a finding
        wrong.append(f"after {count:,} trials: {traceback.format_exc()}")
    return Trials(count, tuple(wrong))
