"""A process that is forked while another thread reads does not inherit a lock that is taken."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import packhouse
from small_dataset import JOIN, write_dataset

FORKS = """
import os, signal, sys, threading
import packhouse

pack = packhouse.open(sys.argv[1])
keys = list(pack.images)
stop = threading.Event()

def read():
    while not stop.is_set():
        fresh = packhouse.open(sys.argv[1])  # what is computed once is computed over and over
        fresh.row(keys[0]), fresh.tables["articles"].to_arrow(), fresh.images.groups, fresh.find("width > 1")
        pack.row(keys[1]), pack.tables["train"].scan(where="age > 20").count(), pack.images[keys[2]].bytes

threads = [threading.Thread(target=read) for _ in range(3)]
for thread in threads:
    thread.start()
for number in range(6):
    child = os.fork()
    if not child:
        signal.alarm(40)
        fresh = packhouse.open(sys.argv[1])
        for one in (pack, fresh):
            assert one.row(keys[0])["image_key"] == keys[0]
            assert one.tables["articles"].to_arrow().num_rows == 12
            assert one.tables["train"].scan(where="age > 20").count() > 0
            assert sum(one.images.groups.values()) == 9
            assert len(one.find("width > 1")) == 9
            assert one.images[keys[3]].bytes
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        print(f"fork {number} ended with {code}", flush=True)
        os._exit(1)
stop.set()
for thread in threads:
    thread.join()
os._exit(0)
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of 9 images and four tables."""
    folder = tmp_path_factory.mktemp("fork") / "shop"
    folder.mkdir()
    write_dataset(folder, images=9, transactions=40)
    packhouse.pack(folder, folder.with_name("a.pack"), joins=[JOIN])
    return folder.with_name("a.pack")


def test_a_child_is_not_stopped_by_threads_of_its_parent(pack: Path) -> None:
    """Three threads read while six processes are forked, each of which reads what they read."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS, pack],
        check=False,
        timeout=300,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


COLLECTS = """
import gc, os, sys
import packhouse

gc.disable()
pack = packhouse.open(sys.argv[1])
pack.images
pack.sql("SELECT count(*) FROM articles")
del pack  # in a circle: it is there until it is collected
child = os.fork()
if not child:
    gc.collect()
    os._exit(0)
os._exit(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
"""


def test_a_child_may_collect_what_its_parent_has_let_go(pack: Path) -> None:
    """The database of a pack that nobody uses any more is not closed there: its threads are not in it."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", COLLECTS, pack], check=False, timeout=60)

    assert done.returncode == 0


WHY = {
    "process_lock.py": "renewed in a forked process",
    "decode_threads.py": "renewed in a forked process",
    "at_offset.py": "for systems without fork",
}
"""Modules that may have a lock, or something with a lock in it."""


def test_every_other_lock_is_free_in_a_forked_process() -> None:
    """Also those of functools: `cached_property` of Python 3.11 has one for all instances of a class."""
    locks = re.compile(r"\b(R?Lock|Condition|Semaphore|Event|Barrier)\(\)|\bcached_property\b(?!`)")
    source = Path(packhouse.__file__).parent / "_src"
    read = ("tables", "imagefile/read", "loader", "images", "sources", "delimited", "foreign", "system")
    files = [*source.glob("*.py"), *(path for part in read for path in (source / part).rglob("*.py"))]

    found = {path.name for path in files if locks.search(path.read_text(encoding="utf-8"))}

    assert found <= set(WHY)
