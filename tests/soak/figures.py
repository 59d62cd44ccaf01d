"""The figures of soaks: kept in docs/trust-figures.json, shown as a table in docs/trust.md."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from soak.promises import PROMISES, Promise
from soak.tried import SOAKS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "trust.md"
KEPT = ROOT / "docs" / "trust-figures.json"
BEGIN, END = "<!-- begin: written by make soak -->", "<!-- end: written by make soak -->"
LIBRARIES = ("h5py", "pyarrow", "duckdb")
TESTS = "tests of {}"
"""Name of the figure for the tests of a promise."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one soak, or the tests of one promise, came to."""

    tried: int
    wrong: int
    minutes: float
    day: str
    packhouse: str
    python: str
    libraries: str
    cores: int


def figure_of(tried: int, wrong: int, seconds: float, day: str) -> Figure:
    """Return a figure with the versions of here."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    minutes, cores = round(seconds / 60, 1), os.cpu_count() or 1
    return Figure(
        tried, wrong, minutes, day, version("packhouse"), platform.python_version(), libraries, cores
    )


def load() -> dict[str, Figure]:
    """Return the figures that are kept, by name."""
    if not KEPT.exists():
        return {}
    return {name: Figure(**facts) for name, facts in json.loads(KEPT.read_text(encoding="utf-8")).items()}


def keep(figures: Mapping[str, Figure]) -> None:
    """Write figures and page."""
    facts = {name: asdict(figures[name]) for name in sorted(figures)}
    KEPT.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(in_page(PAGE.read_text(encoding="utf-8"), "\n".join(lines(figures))), encoding="utf-8")


def in_page(page: str, text: str) -> str:
    """Return a page with another text between its marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def of_page(page: str) -> str:
    """Return the text between the marks of a page."""
    return page.split(BEGIN)[1].split(END, maxsplit=1)[0].strip("\n")


def lines(figures: Mapping[str, Figure]) -> Iterable[str]:
    """Yield the lines of the table."""
    yield "| | promise | tried | wrong | minutes | day |"
    yield "|---|---|---|---|---|---|"
    for promise in PROMISES:
        yield from _rows(promise, figures)
    yield ""
    around = {(one.packhouse, one.python, one.libraries, one.cores) for one in figures.values()}
    for packhouse, python, libraries, cores in sorted(around):
        yield f"packhouse {packhouse}, Python {python}, {libraries}, {cores} cores."


def _rows(promise: Promise, figures: Mapping[str, Figure]) -> Iterable[str]:
    if promise.without:
        yield f"| {promise.name} | {promise.says} | {promise.without} | | | |"
        return
    label, says = promise.name, promise.says
    whats = {soak.name: soak.what for soak in SOAKS}
    named = [(name, whats[name]) for name in promise.soaks]
    if promise.tests:
        named.append((TESTS.format(promise.name), "tests"))
    for name, what in named:
        one = figures.get(name)
        cells = "not tried yet | | |" if one is None else f"{one.wrong:,} | {one.minutes} | {one.day} |"
        number = "" if one is None else f"{one.tried:,} "
        yield f"| {label} | {says} | {number}{what} | {cells}"
        label = says = ""
