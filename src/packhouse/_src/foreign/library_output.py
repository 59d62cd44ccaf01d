"""Writes images that the HDF5 library has read to standard output; run as a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from packhouse._src.foreign.datasets.columns import as_bytes
from packhouse._src.foreign.datasets.library_reading import Library
from packhouse._src.foreign.found import FRAME, READ, UNREADABLE, RefusedError
from packhouse._src.foreign.walker import Walk


def main() -> None:
    """Write images to standard output, in the order in which standard input asks for them.

    The request is a JSON list of [path, whether each row is an image, first row]. Each image is a header
    (`FRAME`) and its bytes; where a dataset cannot be read its problem comes instead.
    """
    requests = json.load(sys.stdin)
    library = Walk(Path(sys.argv[1])).library
    with open(sys.stdout.fileno(), "wb", buffering=1 << 20, closefd=False) as output:
        for place, (path, is_stack, start) in enumerate(requests):
            row = start
            try:
                for data in _images(library, path, start, is_stack=is_stack):
                    output.write(FRAME.pack(place, row, READ, len(data)))
                    output.write(data)
                    row += 1
            except (RefusedError, MemoryError) as err:
                problem = str(err).encode(errors="replace")[:1000]
                output.write(FRAME.pack(place, row, UNREADABLE, len(problem)))
                output.write(problem)
    os._exit(0)  # whatever the library would still do at its end


def _images(library: Library, path: str, start: int, *, is_stack: bool) -> Iterator[bytes]:
    if not is_stack:
        parts = list(library.blocks(path))
        if parts[0].dtype.kind == "O":
            yield as_bytes(parts[0].ravel()[0])
        else:
            yield b"".join(part.tobytes() for part in parts)
        return
    for block in library.blocks(path, start):
        if block.dtype.kind in "OS":
            yield from map(as_bytes, block.ravel().tolist())
        else:
            for row in block:
                yield row.tobytes()
