"""Ends a pack at every k-th call; a process of its own, which imports everything once and then forks.

    python -m crash.driver '{"home": ..., "layer": ..., "variant": ..., "how": ..., "chunk": 0, "chunks": 1}'

It prints one JSON document. It must not start threads itself: a fork takes none along.
"""

from __future__ import annotations

import errno
import gc
import importlib
import itertools
import json
import os
import re
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash import checks, faults
from crash.faults import Fault
from crash.scenes import Scene
from packhouse.errors import DestinationError, NoSpaceError, PackhouseError

IMPORTED_ONCE = (
    "duckdb",
    "h5py",
    "pyarrow.parquet",
    "packhouse._src.packing.reporting.report_lines",
    "packhouse._src.progress_display.log_lines",
    "packhouse._src.cli.main",
    "packhouse._src.cli.pack",
    "packhouse._src.concurrency.processes",
    "packhouse._src.packing.table_stage",
    "packhouse._src.tables.table",
)
HUNG_S = 60
NEVER = Fault(0)
SWALLOWED_CODES = {0, 3}
"""Exit codes of a run that the fault did not stop."""

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Order:
    """What to do."""

    home: str
    layer: str
    """"shim" or "python"."""

    variant: str
    how: str
    """"kill", "torn", "twice", "worker"; "short" or "short reads"; or an error; with "+" all that follow too,
    with "!" by the command."""

    chunk: int = 0
    chunks: int = 1
    """Every so-manyeth k, from the chunk on."""

    def fault(self, at: int) -> Fault:
        """Return what is to happen at a call."""
        number = getattr(errno, self.how.strip("+!"), 0)
        onward = "+" in self.how
        # a disk that runs full takes half of a write before it refuses
        torn = self.how == "torn" or (onward and number == errno.ENOSPC)
        short, reads = self.how.startswith("short"), "reads" in self.how
        return Fault(at, torn=torn, error=number, onward=onward, short=short, reads=reads)


@dataclass
class Findings:
    """What came of it."""

    points: Counter[str] = field(default_factory=Counter)
    """Call -> how many times it was the one."""

    swallowed: Counter[str] = field(default_factory=Counter)
    """Calls whose failure stopped nothing."""

    resumed: int = 0
    """Runs that found images of the one before in their places."""

    problems: list[str] = field(default_factory=list)


@dataclass
class Told:
    """What a run said before it ended."""

    hit: str = ""
    """The call it was ended at, and its path; "" when it did not come so far."""

    status: int = 0
    """How the process ended: minus the signal, or the exit code."""

    problems: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    error: str = ""
    done: bool = False
    read: list[str] = field(default_factory=list)
    found: int = 0
    code: int | None = None
    """Exit code of the command."""


class Driver:
    """One order at work."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.scene = Scene(Path(order.home), order.variant)
        self.findings = Findings()

    def run(self) -> Findings:
        """Do it for every k of the chunk, until the pack is complete before the k-th call."""
        self.scene.set_up(self._make_reference)
        self.scene.show()
        said = _forked(lambda tell, _: tell({"done": True, "problems": checks.check_reference(self.scene)}))
        self.findings.problems += said.problems if said.done else [f"the reference: {said}"]
        for at in itertools.count(1 + self.order.chunk, self.order.chunks):
            self.scene.reset()
            if not self._end_at(at):
                break
        return self.findings

    def _make_reference(self) -> None:
        told = self._pack()
        if not told.done:
            self.findings.problems.append(f"the reference: {told}")

    def _end_at(self, at: int) -> bool:
        """End one run at a call, look at what it has left, and go on; say whether it came so far."""
        order, fault = self.order, self.order.fault(at)
        told = self._pack(fault, by_command="!" in order.how)
        if order.how == "worker":
            if told.done:
                return False
            told.hit = "call in-worker"
        if not told.hit:
            return False
        call, _, path = told.hit.partition(" ")
        self.findings.points[call] += 1
        problems = self._judge(told, fault)
        # what was interrupted may be tried again
        if fault.error not in {0, errno.EINTR} and (told.done or told.code in SWALLOWED_CODES):
            self.findings.swallowed[told.hit.replace(f"{self.scene.area}/", "")] += 1
        if order.how == "twice":
            problems += self._end_again(at)
        problems += self._go_on()
        place = path.replace(f"{self.scene.area}/", "")
        name = f"{order.layer} {order.variant} {order.how} k={at} ({call} {place})"
        self.findings.problems += [f"{name}: {problem}" for problem in problems]
        return True

    def _judge(self, told: Told, fault: Fault) -> list[str]:
        """See that a run ended as it should."""
        if self.order.how == "worker":
            clean = told.error.startswith(
                ("WorkerDiedError", "DestinationError: the process that makes it was killed")
            )
        elif fault.short:
            clean = told.done
        elif not fault.error:
            clean = told.status == -signal.SIGKILL
        elif told.code is not None:
            clean = told.code in SWALLOWED_CODES or (
                told.code == 1 and len(re.findall("^error: ", told.error, re.MULTILINE)) == 1
            )
            clean = clean and "Traceback" not in told.error
        else:
            wanted = NoSpaceError if fault.error == errno.ENOSPC else DestinationError
            clean = told.done or told.error.partition(":")[0] == wanted.__name__
        return [] if clean else [f"ended otherwise: {told}"]

    def _end_again(self, at: int) -> list[str]:
        """Kill the run that goes on too, early and then anywhere."""
        problems = []
        for fault in (Fault(1 + at % 11), Fault(1 + at * 7 % 29, torn=True)):
            told = self._pack(fault, look=True)
            problems += told.problems
            if not told.hit:  # it was complete before
                break
        return problems

    def _go_on(self) -> list[str]:
        """Run again, without a fault, and see that all is as if nothing had happened."""
        scene, replaced = self.scene, checks.replaced_in(self.scene)
        was_done = scene.dest.exists() and checks.pack_in(scene.dest) == scene.reference
        told = self._pack(look=True)
        problems = [*told.problems]
        if was_done and scene.old is None:
            # DEST had its name already: there is nothing to go on with
            if not told.error.startswith("DestinationExistsError"):
                problems.append(f"DEST was there, and yet: {told}")
            told = self._pack(overwrite=True)
        elif not was_done:
            problems += self._compare(told)
        if not told.done:
            return [*problems, f"the run that goes on: {told}"]
        return problems + checks.check_finished(scene, replaced)

    def _compare(self, told: Told) -> list[str]:
        """Compare what was acknowledged with what was found and read."""
        problems = []
        if twice := set(told.read) & set(told.acknowledged):
            problems.append(f"acknowledged, and read again: {sorted(twice)}")
        if told.done and told.found != len(told.acknowledged):
            problems.append(f"{len(told.acknowledged)} acknowledged, {told.found} found")
        self.findings.resumed += told.found > 0
        return problems

    def _pack(
        self,
        fault: Fault = NEVER,
        *,
        look: bool = False,
        overwrite: bool = False,
        by_command: bool = False,
    ) -> Told:
        """Pack once in a process of its own; `look` at what is there before."""
        scene = self.scene
        scene.show()

        def work(tell: Tell, hit: int) -> None:
            if look:
                problems, acknowledged = checks.check_stopped(scene)
                tell({"problems": problems, "acknowledged": sorted(acknowledged)})
            read: list[str] = []
            self._arm(fault, hit)
            if by_command:
                tell({"code": scene.pack_by_command(read), "read": read})
                return
            try:
                report = scene.pack(read, **({"overwrite": True} if overwrite else {}))
            except PackhouseError as err:
                tell({"error": f"{type(err).__name__}: {err}", "read": read})
            else:
                tell({"done": True, "read": read, "found": report.resumed.found if report.resumed else 0})

        return _forked(work)

    def _arm(self, fault: Fault, hit: int) -> None:
        if not fault.at:
            return
        if self.order.how == "worker":
            # whom the run starts from here on is armed from birth
            os.environ |= {"CP_MATCH": f"{self.scene.area}/", "CP_AT": str(fault.at)}
        elif self.order.layer == "shim":
            faults.arm_shim(self.scene.home if fault.reads else self.scene.area, fault, hit)
        else:
            faults.arm_python(self.scene.area, fault, hit)


def _forked(work: Callable[[Tell, int], None]) -> Told:
    """Do something in a forked process; return what it told, and how it ended."""
    told_by, telling = os.pipe()
    hit_by, hit = os.pipe()
    shown = os.memfd_create("stderr") if hasattr(os, "memfd_create") else os.dup(2)
    process = os.fork()
    if process == 0:
        os.dup2(shown, 1)
        os.dup2(shown, 2)
        os._exit(_do(work, telling, hit))
    os.close(telling)
    os.close(hit)
    told = Told()
    with os.fdopen(told_by) as lines, os.fdopen(hit_by) as calls:
        for line in lines:
            vars(told).update(json.loads(line))
        told.hit = calls.read().strip()
    told.status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if not told.error and told.status != -signal.SIGKILL:
        told.error = os.pread(shown, 10_000, 0).decode()
    os.close(shown)
    return told


def _do(work: Callable[[Tell, int], None], telling: int, hit: int) -> int:
    signal.alarm(HUNG_S)
    write = os.write

    def tell(facts: dict[str, Any]) -> None:
        write(telling, json.dumps(facts).encode() + b"\n")

    try:
        work(tell, hit)
    except BaseException:  # noqa: BLE001  # nothing of this process may go on as the one that was forked
        write(2, traceback.format_exc().encode())
        return 70
    return 0


def main() -> None:
    """Do what the command line orders and print what came of it."""
    order = Order(**json.loads(sys.argv[1]))
    os.environ["XDG_CACHE_HOME"] = str(Path(order.home) / "area" / "cache")
    for name in IMPORTED_ONCE:
        importlib.import_module(name)
    gc.freeze()  # so that no forked process touches, and copies, all that was imported
    threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    if len(threads) - threads.count("jemalloc_bg_thd") > 1:  # that one is told of forks
        raise RuntimeError(f"a thread runs before the first fork: {threads}")
    findings = Driver(order).run()
    gc.unfreeze()  # or libraries complain of what is never freed
    print(json.dumps(vars(findings)))  # noqa: T201  # what the test reads


if __name__ == "__main__":
    main()
