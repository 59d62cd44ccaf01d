"""One way to feed training in a process of the peers' environment; `loading.py` drives it.

usage: python loader_process.py LOADER TREE DEST     packs TREE to DEST, then one JSON line for each line of
                                                     stdin: images given in an epoch and the seconds it took
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from loaders import LOADERS, epochs
from peers import list_tree


def main() -> None:
    """Do what the command line says."""
    name, tree, dest = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    peer, images = LOADERS[name](), list_tree(tree)
    peer.load()
    peer.pack(images, dest)
    print(json.dumps({"packed": len(images)}), flush=True)
    every = epochs(name, peer, images, dest)
    for _asked in sys.stdin:
        started = time.perf_counter()
        given = sum(len(batch) for batch in next(every))
        print(json.dumps({"images": given, "seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
