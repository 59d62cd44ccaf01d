"""Ctrl-C and kills of the command itself: it stops, says how to go on, leaves no process, and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from crash.scenes import OLD_TIME_NS, contents
from packhouse._src.imagefile.write.journal import read_journal

IMAGES = 3000
SLOW = """
import sys, threading, time
from packhouse._src.sources.folder import FolderSource
from packhouse._src.imagefile.write import writer
from packhouse._src.cli.main import main
writer.PIECE_IMAGES, writer.TASK_BYTES = 20, (1, 1)
really, read = FolderSource.read_into, []
def read_into(source, file, view):
    read.append(file)
    time.sleep({pause} if len(read) < {quick} else {stall})
    return really(source, file, view)
FolderSource.read_into = read_into
if __name__ == "__main__":
    main()
"""
"""The command, with files that come slowly, so that it can be met in the middle."""


@pytest.fixture
def source(home: Path) -> Path:
    """A few thousand small files."""
    for number in range(IMAGES):
        path = home / "source" / f"{number % 7}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image %d" % number * (1 + number % 50))
        os.utime(path, ns=(OLD_TIME_NS, OLD_TIME_NS))
    return home / "source"


@contextmanager
def command(
    source: Path, *more: str, pause: float = 0.001, quick: int = IMAGES, stall: float = 0
) -> Iterator[subprocess.Popen[str]]:
    """Start `packhouse pack` with files that come slowly, and from a certain one on very slowly."""
    script = source.with_name("slow.py")
    script.write_text(SLOW.format(pause=pause, quick=quick, stall=stall))
    process = subprocess.Popen(
        [sys.executable, str(script), "pack", str(source), "-o", str(dest_of(source)), "--workers=2", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def dest_of(source: Path) -> Path:
    """Return where it is packed to."""
    return source.with_name("some.pack")


def pack(source: Path, dest: Path) -> dict[str, Any]:
    """Run the command as it is to its end and return its report."""
    code = "from packhouse._src.cli.main import main; main()"
    arguments = ["pack", str(source), "-o", str(dest), "--json"]
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def wait_for(what: Callable[[], object], *, limit_s: float = 60) -> None:
    """Wait until something holds."""
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


def filled(source: Path) -> int:
    """Return how many images are acknowledged."""
    readings = [read_journal(path) for path in source.parent.glob("some.pack.packing/.images-*/journal")]
    return sum(len(reading.records) for reading in readings if reading is not None)


def go_on(source: Path, acknowledged: int) -> None:
    """Run it again: it finds what there was, and makes what a run in one go makes."""
    report = pack(source, dest_of(source))

    assert report["resumed"] == {"found": acknowledged, "changed": 0, "copied": 0}
    assert acknowledged > 0
    pack(source, source.with_name("fresh.pack"))
    assert contents(dest_of(source)) == contents(source.with_name("fresh.pack"))
    left = {"source", "slow.py", "some.pack", "fresh.pack"}
    assert left >= {path.name for path in source.parent.glob("*")}


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.parametrize("engine", ["local", "processes"])
def test_a_signal_stops_cleanly_and_says_how_to_go_on(
    source: Path, engine: str, number: signal.Signals, code: int
) -> None:
    """The exit code of the signal, a message, no process left, and no file under a final name."""
    with command(source, f"--engine={engine}") as process:
        wait_for(lambda: filled(source) > 100)
        helpers = children_of(process.pid)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)

    assert process.returncode == code
    wait_for(lambda: not any(map(is_alive, helpers)), limit_s=10)
    assert "run the same command again" in said
    assert "is kept in" in said
    assert "Traceback" not in said
    assert not dest_of(source).exists()
    go_on(source, filled(source))


@pytest.mark.parametrize("apart_s", [0.02, 0.2])
def test_ctrl_c_twice_stops_now(source: Path, apart_s: float) -> None:
    """Also when the files that are being read take very long."""
    with command(source, quick=400, stall=20) as process:
        wait_for(lambda: filled(source) > 300)
        time.sleep(0.2)  # both threads wait for a file
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        # again and again: two that come before the first is heard are one
        while process.poll() is None and time.monotonic() < began + 10:
            time.sleep(apart_s)
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        code = process.poll()
        took = time.monotonic() - began

    assert code == 130
    assert took < 1
    go_on(source, filled(source))


def children_of(process: int) -> list[int]:
    """Return all processes below one."""
    found = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            found += [child, *children_of(child)]
    return found


def is_alive(process: int) -> bool:
    """Say whether a process is still at work."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked for in /proc")
def test_processes_do_not_outlive_the_one_that_started_them(source: Path) -> None:
    """After kill -9 of the command its processes are gone within two seconds."""
    with command(source, "--engine=processes", stall=20, quick=200) as process:
        wait_for(lambda: filled(source) > 60)
        children = children_of(process.pid)
        process.kill()
        process.wait()
        began = time.monotonic()
        wait_for(lambda: not any(map(is_alive, children)), limit_s=20)
        took = time.monotonic() - began

    assert len(children) >= 2
    assert took < 2
    assert not dest_of(source).exists()
    go_on(source, filled(source))
