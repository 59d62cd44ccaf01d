"""Packs in forked processes, hundreds a minute: two for one DEST at once, or one that is killed at any time.

python -m soak.forked_packers races|kills FOLDER SEED

A process of its own, which imports everything once and starts no thread, so that it can fork. It prints a
line of JSON for each trial: what was wrong.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import packhouse
from crash.driver import IMPORTED_ONCE
from packhouse.errors import DestinationBusyError, DestinationExistsError
from small_dataset import jpeg

IMAGES = 6
HUNG_S = 60
REFUSED = (DestinationBusyError.__name__, DestinationExistsError.__name__)
WAYS: tuple[dict[str, Any], ...] = ({}, {"overwrite": True}, {"update": True})


def write_shop(folder: Path, letter: str) -> None:
    """Write a small data set; one letter makes it another."""
    (folder / "i").mkdir(parents=True)
    for number in range(IMAGES):
        (folder / "i" / f"{number:03d}.jpg").write_bytes(jpeg(number, width=16, height=16) + letter.encode())
    rows = [f"{number:03d},{letter}" for number in range(IMAGES)]
    (folder / "items.csv").write_text("\n".join(["item,letter", *rows, ""]), encoding="utf-8")


def start(work: Callable[[], object], said: Path) -> int:
    """Do something in a forked process, which writes the name of its error, or ""."""
    process = os.fork()
    if process:
        return process
    signal.alarm(HUNG_S)
    try:
        work()
        said.write_text("", encoding="utf-8")
    except packhouse.PackhouseError as err:
        said.write_text(type(err).__name__, encoding="utf-8")
    except BaseException:  # noqa: BLE001  # nothing of this process may go on as the one that was forked
        said.write_text(traceback.format_exc(), encoding="utf-8")
    os._exit(0)


def finish(process: int, said: Path) -> str:
    """Wait for it; return what it said."""
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return said.read_text(encoding="utf-8") if said.exists() else f"ended with {code}"


def digests(folder: Path) -> dict[str, str]:
    """Return path below a folder -> digest, of all files."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def whole_pack(folder: Path, letter: str) -> dict[str, str]:
    """Write a data set, pack it in a process of its own, and return the files."""
    write_shop(folder / letter / "shop", letter)
    dest = folder / f"{letter}.pack"
    said = start_and_finish(lambda: packhouse.pack(folder / letter / "shop", dest), folder / "said")
    if said:
        raise RuntimeError(said)
    return digests(dest)


def start_and_finish(work: Callable[[], object], said: Path) -> str:
    """Do something in a forked process, and wait."""
    said.unlink(missing_ok=True)
    return finish(start(work, said), said)


def races(folder: Path, seed: int) -> Iterator[list[str]]:
    """Let two packers of two data sets begin at once: DEST is one of the two, and the other was refused."""
    wholes = {letter: whole_pack(folder, letter) for letter in "ab"}
    rng = random.Random(seed)
    dest = folder / "out" / "some.pack"
    while True:
        dest.parent.mkdir()
        way = rng.choice(WAYS)
        if way:
            shutil.copytree(folder / f"{rng.choice('ab')}.pack", dest)
        ready, go = os.pipe()
        pause = rng.choice((0.0, 0.0, rng.random() * 0.1))

        def work(letter: str, wait: float, at: int = ready, options: dict[str, Any] = way) -> None:
            os.read(at, 1)
            time.sleep(wait)
            packhouse.pack(folder / letter / "shop", dest, **options)

        said = {letter: folder / f"said-{letter}" for letter in "ab"}
        for path in said.values():
            path.unlink(missing_ok=True)
        processes = {
            letter: start(lambda one=letter, wait=wait: work(one, wait), said[letter])  # type: ignore[misc]
            for letter, wait in zip(rng.sample("ab", 2), (0.0, pause), strict=True)
        }
        os.write(go, b"xx")
        told = {letter: finish(process, said[letter]) for letter, process in processes.items()}
        os.close(ready)
        os.close(go)
        name = f"{way}, pause {pause:.4f}"
        yield [f"{name}: {problem}" for problem in _judge(dest, told, wholes, may_both=bool(way))]
        shutil.rmtree(dest.parent)


def _judge(
    dest: Path, told: dict[str, str], wholes: dict[str, dict[str, str]], *, may_both: bool
) -> Iterator[str]:
    won = [letter for letter, error in told.items() if not error]
    if any(error and error not in REFUSED for error in told.values()):
        yield f"ended otherwise: {told}"
    if not won or (len(won) > 1 and not may_both):
        yield f"{len(won)} have packed: {told}"
    found = digests(dest) if dest.exists() else {}
    if found not in [wholes[letter] for letter in won]:
        yield f"DEST is neither: {sorted(found)}, {told}"
    left = {path.name for path in dest.parent.iterdir()} - {dest.name}
    if left:
        yield f"{sorted(left)} was left, {told}"


def kills(folder: Path, seed: int) -> Iterator[list[str]]:
    """Kill a packer at any time, one to three times; then the same call makes the same pack."""
    wanted, rng = whole_pack(folder, "a"), random.Random(seed)
    dest, said = folder / "out" / "some.pack", folder / "said"

    def work() -> None:
        packhouse.pack(folder / "a" / "shop", dest)

    dest.parent.mkdir()
    began = time.monotonic()
    start_and_finish(work, said)
    usual = time.monotonic() - began
    while True:
        shutil.rmtree(dest.parent)
        dest.parent.mkdir()
        problems, times = [], [rng.random() * usual for _ in range(rng.randint(1, 3))]
        for seconds in times:
            said.unlink(missing_ok=True)
            process = start(work, said)
            time.sleep(seconds)
            os.kill(process, signal.SIGKILL)
            finish(process, said)
            if dest.exists() and not wanted.items() <= digests(dest).items():
                problems.append(f"DEST is incomplete after {seconds:.4f} s")
        was_done = dest.exists()
        told = start_and_finish(work, said)
        if told != (DestinationExistsError.__name__ if was_done else ""):
            problems.append(f"the run that resumes: {told}")
        elif not was_done and digests(dest) != wanted:
            problems.append("the pack is not that of one run")
        left = {path.name for path in dest.parent.iterdir()} - {dest.name}
        if left:
            problems.append(f"{sorted(left)} was left")
        yield [f"killed after {times}: {problem}" for problem in problems]


def main() -> None:
    """Try until this process is ended."""
    kind, folder, seed = sys.argv[1:]
    os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
    for name in IMPORTED_ONCE:
        importlib.import_module(name)
    for problems in {"races": races, "kills": kills}[kind](Path(folder), int(seed)):
        print(json.dumps(problems), flush=True)  # noqa: T201  # what the soak reads


if __name__ == "__main__":
    main()
