"""Readers of one pack in a process of their own: threads of it, and processes that are forked meanwhile.

python -m soak.reader_job PACK ANSWERS SECONDS FORKED THREADS SEED FOLDER
"""

from __future__ import annotations

import json
import os
import pickle
import random
import sys
import threading
import time
import traceback
from pathlib import Path

import packhouse
from trust.pack_answers import Answers, answered, questions

NOT_FORKED = {"to_polars"}
"""Polars waits for ever in a forked process: its threads are not there."""

REOPENED = 15
"""So many answers by one open pack, then by a fresh one."""


class Reader:
    """Asks a pack over and over, until the time is over."""

    def __init__(self, path: Path, truth: Answers, until: float, folder: Path) -> None:
        self.path, self.truth, self.until, self.folder = path, truth, until, folder

    def run(self, pack: packhouse.Pack, seed: int, name: str, *, is_forked: bool = False) -> None:
        """Ask, first the pack that is given, and write what was found."""
        left_out = NOT_FORKED if is_forked else set[str]()
        rng, asked, wrong = random.Random(seed), 0, list[str]()
        try:
            while not asked or time.time() < self.until:
                chosen = rng.sample(list(questions(pack)), REOPENED)
                for question, ask in [one for one in chosen if one[0] not in left_out]:
                    asked += 1
                    if answered(ask) != self.truth[question]:
                        wrong.append(f"{name}: {question}")
                    if time.time() >= self.until:
                        break
                pack = packhouse.open(self.path)
        except BaseException:  # noqa: BLE001  # whatever it is, it is a finding
            wrong.append(f"{name}: {traceback.format_exc()}")
        (self.folder / name).write_text(json.dumps([asked, wrong]), encoding="utf-8")


def main() -> None:
    """Read by threads, and fork while they read."""
    path, answers, seconds, forked, threads, seed, folder = sys.argv[1:]
    truth: Answers = pickle.loads(Path(answers).read_bytes())  # noqa: S301  # our own bytes
    reader = Reader(Path(path), truth, time.time() + float(seconds), Path(folder))
    pack = packhouse.open(path)
    # everything is imported now: a fork while another thread imports leaves Python's lock of the module taken
    for _, ask in questions(pack):
        ask()
    beside = [
        threading.Thread(target=reader.run, args=(pack, number, f"{seed}-thread-{number}"))
        for number in range(int(threads))
    ]
    for thread in beside:
        thread.start()
    children = []
    for number in range(int(forked)):
        time.sleep(0.05)
        child = os.fork()
        if not child:
            reader.run(pack, 1000 + number, f"{seed}-forked-{number}", is_forked=True)
            os._exit(0)
        children.append(child)
    reader.run(pack, 2000 + int(seed), f"{seed}-main")
    for thread in beside:
        thread.join()
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os._exit(any(ended))


if __name__ == "__main__":
    main()
