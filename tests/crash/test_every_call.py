"""A pack is ended at every call that changes something, and the next run goes on as if nothing had happened.

At every k, not at random ones: killed before the k-th write, fsync, truncate, rename, link, unlink, mkdir,
rmdir or creation of a file, or in the middle of the k-th write; or that call fails or is
interrupted, once or from then on; or the k-th read or write, or all from then on, are cut short. Then:

- DEST is not there, or opens and is complete; a pack that was to be replaced is whole, there or in
  DEST.replaced-*; DEST.packing/**/images.h5 opens and has all datasets;
- what the journal acknowledges is in its place;
- the same call completes, reads from the source at most what was not acknowledged, and leaves every file as a
  run in one go does, and nothing else. Only when DEST had its name already is it refused, since the pack is
  there; then --overwrite makes it anew.

Not covered: what a loss of power does to writes that were not flushed; what goes through memory maps.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

from crash.call_series import CallSeries

HOW_MANY = "PACKHOUSE_CRASH"
"""How many points are tried: by default a share of MANY, which are those of `make test-crash`; or ALL ways of
ending at all calls of all variants, thousands of points in a quarter of an hour (`make soak-crash`)."""

MANY, ALL = "many", "all"
SHARE = 4

KILLS = ("kill", "torn", "twice")
ERRORS = ("EIO", "EIO+", "ENOSPC", "ENOSPC+")
SHORT = ("EINTR", "short", "short+", "short reads", "short reads+")
"""What a process must bear: beneath all libraries alone, since Python itself tries again."""

VARIANTS = ("plain", "threads", "unreadable", "overwrite", "update", "joined", "partitioned")


def parts(layer: str, variant: str, how: str, *, step: int, of: int = 1) -> Iterator[CallSeries]:
    """Yield series that together end at every k, or at every `of`-th."""
    yield from (CallSeries(layer, variant, how, first, step) for first in range(0, step, of))


def everything() -> Iterator[CallSeries]:
    """Yield all that can be swept."""
    hows = (*KILLS, *ERRORS, "EIO!", "ENOSPC+!")
    for layer, how, variant in product(("shim", "python"), hows, VARIANTS):
        yield from parts(layer, variant, how, step=4)
    for variant, how in product(VARIANTS, SHORT):
        yield from parts("shim", variant, how, step=4)
    for variant in ("processes", "apart"):
        yield from parts("shim", variant, "kill", step=4)
        yield from parts("shim", variant, "worker", step=1)


def chosen() -> Iterator[CallSeries]:
    """Yield what is swept in this run."""
    if os.environ.get(HOW_MANY) == ALL:
        yield from everything()
    elif os.environ.get(HOW_MANY) == MANY:
        yield from many()
    else:
        yield from few()


def few() -> Iterator[CallSeries]:
    """Yield every SHARE-th point of `many`, in another place of each series."""
    for number, series in enumerate(many()):
        layer, variant, how, first, step = series
        if how == "worker":  # these are few already
            yield series
        else:
            yield CallSeries(layer, variant, how, first + step * (number % SHARE), step * SHARE)


def many() -> Iterator[CallSeries]:
    """Yield what is swept before a change lands."""
    yield from chosen_beneath()
    yield from chosen_in_python()
    yield from chosen_short()


def chosen_short() -> Iterator[CallSeries]:
    """Yield what is interrupted, or cut short."""
    for how in SHORT:
        yield from parts("shim", "update", how, step=6, of=6)
    for how in ("short+", "short reads+"):
        yield from parts("shim", "joined", how, step=12, of=12)


def chosen_beneath() -> Iterator[CallSeries]:
    """Yield what is swept by crashpoint.c."""
    # a table makes a point three times as dear
    yield from parts("shim", "plain", "kill", step=4)
    yield from parts("shim", "plain", "torn", step=2, of=2)
    for variant in ("unreadable", "overwrite", "update"):
        yield from parts("shim", variant, "kill", step=2)
        yield from parts("shim", variant, "torn", step=1)
        yield from parts("shim", variant, "twice", step=6, of=1 if variant == "unreadable" else 3)
    for how in ERRORS:
        yield from parts("shim", "unreadable", how, step=2, of=1 if how in {"EIO", "ENOSPC+"} else 2)
    yield from parts("shim", "plain", "ENOSPC+", step=6, of=3)
    yield from parts("shim", "processes", "kill", step=16, of=16)
    yield from parts("shim", "processes", "worker", step=6, of=6)
    yield from parts("shim", "apart", "kill", step=16, of=16)
    yield from parts("shim", "apart", "worker", step=6, of=6)
    for how in ("EIO!", "ENOSPC+!"):
        yield from parts("shim", "unreadable", how, step=12, of=12)
    # tables in parts and a join: the dearest points
    yield from parts("shim", "joined", "kill", step=8, of=4)
    yield from parts("shim", "joined", "torn", step=4, of=4)
    for how in ("EIO", "ENOSPC+"):
        yield from parts("shim", "joined", how, step=16, of=16)
    yield from parts("shim", "partitioned", "kill", step=16, of=16)
    yield from parts("shim", "partitioned", "torn", step=32, of=32)


def chosen_in_python() -> Iterator[CallSeries]:
    """Yield what is swept without a compiler."""
    yield from parts("python", "threads", "kill", step=3)
    yield from parts("python", "threads", "torn", step=1)
    yield from parts("python", "threads", "EIO", step=6, of=3)
    yield from parts("python", "threads", "ENOSPC+", step=6, of=3)
    yield from parts("python", "overwrite", "kill", step=2)
    yield from parts("python", "update", "kill", step=2, of=2)
    yield from parts("python", "unreadable", "twice", step=2, of=2)
    yield from parts("python", "overwrite", "EIO", step=2)
    for how in ("EIO+", "ENOSPC", "ENOSPC+"):
        yield from parts("python", "overwrite", how, step=3, of=3)
    for how in ("EIO!", "ENOSPC+!"):
        yield from parts("python", "update", how, step=9, of=9)


SWALLOWED = re.compile(
    r"cache/"  # the memory for --update is a help, not a need
    r"|^(link|unlink) .*/(images|unfinished)\.h5$"  # not every file system has links
    r"|\.spill$"
    r"|^(link|unlink|rmdir) out/some\.pack\.packing/\.tables"  # kept to resume
    r"|^link out/some\.pack\.packing/\w+\.parquet$"  # likewise
    r"|^mkdir out/some\.pack\.packing$"  # it is there already
)
"""Calls that may fail without a word: the pack is complete and sound all the same."""


@pytest.mark.parametrize("series", list(chosen()), ids=str)
def test_the_next_run_goes_on(
    series: CallSeries, home: Path, library: Path | None, record_property: Callable[[str, object], None]
) -> None:
    """Wherever it ends, nothing is lost, nothing half-done bears a final name, and the same call goes on."""
    if series.layer == "shim" and library is None:
        pytest.skip("no C compiler (or not Linux): calls that are not Python's own are not tried")

    findings = series.run(home, library if series.layer == "shim" else None)

    for call, count in findings["points"].items():
        record_property(call, count)
    assert findings["problems"] == []
    assert sum(findings["points"].values()) > 0
    assert [call for call in findings["swallowed"] if not SWALLOWED.search(call)] == []
