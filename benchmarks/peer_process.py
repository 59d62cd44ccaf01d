"""One other format in a process of the peers' environment; `against_peers.py` drives it.

usage: python peer_process.py PEER pack TREE DEST          one JSON line: seconds without the imports
       python peer_process.py PEER check TREE DEST         the same: how many images are as they were
       python peer_process.py PEER read TREE DEST ROWS     ROWS: a JSON file with rows of images, in order of
                                                           keys; one JSON line at the start, then one for each
                                                           line of stdin: "single", or "batch" and how many
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from peers import CHECKED, PEERS, Image, Peer, content, list_tree


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _check(peer: Peer, images: Sequence[Image]) -> None:
    """See that what is read is what the files hold."""
    some = images[:CHECKED]
    wanted = [content(image.path) for image in some]
    if [peer.read(image) for image in some] != wanted:
        sys.exit(f"{peer.name} returns other bytes than the files have")
    if peer.batch_call and list(peer.read_many(some)) != wanted:
        sys.exit(f"{peer.name} returns other bytes than the files have, read in a batch")


def _pack(peer: Peer, tree: Path, dest: Path) -> None:
    call_s = _seconds(lambda: peer.pack(list_tree(tree), dest))
    _say(call_s=call_s)


def _check_first(peer: Peer, tree: Path, dest: Path) -> None:
    """See that the first images are what the files hold, where single ones cannot be read."""
    paths = {image.key: image.path for image in list_tree(tree)}
    found = peer.read_first(dest)
    if not found or any(data != content(paths[key]) for key, data in found.items()):
        sys.exit(f"{peer.name} returns other bytes than the files have")
    _say(checked=len(found))


def _serve(peer: Peer, tree: Path, dest: Path, rows: Path) -> None:
    """Read all rows once for each line of stdin, and say how long it took."""
    everything = list_tree(tree)
    images = [everything[row] for row in json.loads(rows.read_text())]
    open_s = _seconds(lambda: peer.open(dest))
    _check(peer, images)
    _say(open_s=open_s)
    for asked in sys.stdin:
        what, _, size = asked.strip().partition(" ")
        if what == "single":
            _say(seconds=_seconds(lambda: _each(peer.read, images)))
        else:
            step = int(size)
            batches = [images[start : start + step] for start in range(0, len(images), step)]
            _say(seconds=_seconds(lambda: _each(peer.read_many, batches)))  # noqa: B023


def _each(work: Callable[[Any], object], things: Sequence[Any]) -> None:
    """Call once for each, keeping nothing: kept results would measure page faults."""
    for thing in things:
        work(thing)


def _say(**figures: float) -> None:
    print(json.dumps(figures), flush=True)


def main() -> None:
    """Do what the command line says."""
    peer = PEERS[sys.argv[1]]()
    tree, dest = Path(sys.argv[3]), Path(sys.argv[4])
    peer.load()
    if sys.argv[2] == "pack":
        _pack(peer, tree, dest)
    elif sys.argv[2] == "check":
        _check_first(peer, tree, dest)
    else:
        _serve(peer, tree, dest, Path(sys.argv[5]))


if __name__ == "__main__":
    main()
