"""`make soak`: tries every promise, prints the figures and writes them into the docs.

SOAK_MINUTES=120 make soak      the time of all soaks together; each has an equal part of what is left
ONLY="flips,readers" make soak  some of them; the figures of the others stay
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from crash.call_series import quick_folder
from soak import figures
from soak.budget import Budget, Trials, carry_out
from soak.promises import PROMISES
from soak.tried import SOAKS

SHOWN = 5
HERE = Path(__file__).parents[1]


def run_tests(paths: tuple[str, ...]) -> Trials:
    """Run some tests; a trial is a test that was not skipped."""
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "found.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", f"--junitxml={xml}"]
        subprocess.run([*command, *(str(HERE / path) for path in paths)], check=False, capture_output=True)
        cases = list(ET.parse(xml).iter("testcase"))  # noqa: S314  # written by pytest
    wrong = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    count = sum(case.find("skipped") is None for case in cases)
    return Trials(count, tuple(f"{case.get('classname')}.{case.get('name')}" for case in wrong))


def main() -> int:
    """Carry out what is chosen; 1 if anything is wrong."""
    seconds = 60 * float(os.environ.get("SOAK_MINUTES") or 120)
    chosen = {name.strip() for name in os.environ.get("ONLY", "").split(",")} - {""}
    soaks = [soak for soak in SOAKS if not chosen or soak.name in chosen]
    promises = [
        one for one in PROMISES if one.tests and (not chosen or figures.TESTS.format(one.name) in chosen)
    ]
    if (
        unknown := chosen
        - {soak.name for soak in soaks}
        - {figures.TESTS.format(one.name) for one in promises}
    ):
        sys.exit(f"no such soak: {', '.join(sorted(unknown))}")
    began, failed = time.monotonic(), False
    for number, soak in enumerate(soaks):
        left = seconds - (time.monotonic() - began)
        budget = Budget(soak.full, max(1.0, left / (len(soaks) - number)))
        with tempfile.TemporaryDirectory() as other, quick_folder(Path(other)) as folder:
            failed |= _keep(soak.name, carry_out(soak, folder, budget), budget.began)
    for promise in promises:
        started = time.monotonic()
        failed |= _keep(figures.TESTS.format(promise.name), run_tests(promise.tests), started)
    return int(failed)


def _keep(name: str, found: Trials, began: float) -> bool:
    """Print and write one figure; say whether anything was wrong."""
    took = time.monotonic() - began
    figure = figures.figure_of(found.tried, len(found.wrong), took, f"{datetime.now(UTC):%Y-%m-%d}")
    figures.keep({**figures.load(), name: figure})
    print(f"{name}: {found.tried:,} tried, {len(found.wrong)} wrong, {took:.0f} s", flush=True)  # noqa: T201
    for one in found.wrong[:SHOWN]:
        print(f"  {one}", flush=True)  # noqa: T201
    return bool(found.wrong)


if __name__ == "__main__":
    sys.exit(main())
