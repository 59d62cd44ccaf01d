"""Writes images that the HDF5 library has read to standard output; run as a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from packhouse._src.foreign.datasets.columns import as_bytes
from packhouse._src.foreign.datasets.library_reading import Library
from packhouse._src.foreign.found import FRAME, LOST, READ, UNREADABLE, RefusedError
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
                for row, data in enumerate(_images(library, path, start, is_stack=is_stack), start):
                    _write(output, place, row, data)
            except (RefusedError, MemoryError) as err:
                problem = _told(err)
                output.write(FRAME.pack(place, row, LOST, len(problem)) + problem)
    os._exit(0)  # whatever the library would still do at its end


def _write(output: BinaryIO, place: int, row: int, data: bytes | RefusedError) -> None:
    status, content = (UNREADABLE, _told(data)) if isinstance(data, RefusedError) else (READ, data)
    output.write(FRAME.pack(place, row, status, len(content)))
    output.write(content)


def _told(err: Exception) -> bytes:
    return (str(err) or type(err).__name__).encode(errors="replace")[:1000]


def _images(library: Library, path: str, start: int, *, is_stack: bool) -> Iterator[bytes | RefusedError]:
    if not is_stack:
        parts = list(library.blocks(path))
        if parts[0].dtype.kind == "O":
            yield as_bytes(parts[0].ravel()[0])
        else:
            yield b"".join(part.tobytes() for part in parts)
        return
    for block in library.rows(path, start):
        if isinstance(block, RefusedError):
            yield block
        elif block.dtype.kind in "OS":
            yield from map(as_bytes, block.ravel().tolist())
        else:
            for row in block:
                yield row.tobytes()
