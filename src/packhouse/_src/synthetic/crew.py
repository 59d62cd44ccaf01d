"""Drawing by several interpreters at once: drawing is many short calls, which threads of one would queue for.

The helpers are plain `python -c` processes. multiprocessing would import the caller's main script again
(spawn) or copy a process whose threads hold locks (fork).
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Self

from packhouse._src.concurrency.cores import usable_cores
from packhouse._src.synthetic.articles import read_article
from packhouse._src.synthetic.drawing import draw_jpeg
from packhouse._src.synthetic.surfaces import make_surfaces

Keep = Callable[[str, bytes], int]
"""Puts away the picture of an article id; returns how many bytes it took."""

_BATCH = 16
"""Pictures a helper draws at a time: few enough for Ctrl-C to end soon."""

_PICTURES_PER_HELPER = 100
"""Fewer would not pay for starting an interpreter."""

_MOST_HELPERS = 16
_LENGTH_BYTES = 4


def fitting_helpers(pictures: int) -> int:
    """Return how many helpers are worth it for so many pictures on this machine; 0 when none is."""
    helpers = min(usable_cores(), _MOST_HELPERS, pictures // _PICTURES_PER_HELPER)
    # A frozen program's executable is that program, not an interpreter.
    can_start = bool(sys.executable) and not getattr(sys, "frozen", False)
    return helpers if helpers > 1 and can_start else 0


def draw_all(ids: Iterable[str], seed: int, keep: Keep, *, helpers: int) -> Iterator[int]:
    """Draw the pictures of all ids.

    Args:
        ids: Article ids.
        seed: Not negative.
        keep: Gets every picture, from several threads at once when there are helpers.
        helpers: How many interpreters draw; 0 draws here. The pictures do not depend on it.

    Yields:
        What `keep` returned, in the order of the ids.
    """
    if not helpers:
        surfaces = make_surfaces(seed)
        for one in ids:
            yield keep(one, draw_jpeg(read_article(seed, one), seed, surfaces))
        return
    with contextlib.ExitStack() as stack:
        idle: queue.SimpleQueue[Helper] = queue.SimpleQueue()
        for _ in range(helpers):
            idle.put(stack.enter_context(Helper(seed)))

        def work(batch: tuple[str, ...]) -> list[int]:
            helper = idle.get()
            try:
                return [keep(one, data) for one, data in helper.draw(batch)]
            finally:
                idle.put(helper)

        pool = stack.enter_context(ThreadPoolExecutor(helpers, thread_name_prefix="draw"))
        for sizes in pool.map(work, _batches(ids)):
            yield from sizes


def _batches(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    source = iter(ids)
    while batch := tuple(islice(source, _BATCH)):
        yield batch


class Helper:
    """One interpreter that draws; it ends when its input does, so also when this process is killed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        """Return the seed it draws for."""
        return f"Helper(seed={self.seed})"

    def __enter__(self) -> Self:
        """Start it."""
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from packhouse._src.synthetic.crew import serve; serve({self.seed})"
        )
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own program
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; we end it
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(BrokenPipeError):
                self._process.communicate()

    def draw(self, batch: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        """Draw some pictures.

        Yields:
            Article id and JPEG file.

        Raises:
            RuntimeError: The interpreter ended early; it has told why on the standard error stream.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError("the helper has not been started")
        process.stdin.write(" ".join(batch).encode() + b"\n")
        process.stdin.flush()
        for one in batch:
            size = int.from_bytes(process.stdout.read(_LENGTH_BYTES), "big")
            data = process.stdout.read(size)
            if not size or len(data) < size:
                raise RuntimeError("a helper that draws pictures ended early")
            yield one, data


def serve(seed: int) -> None:
    """Be a helper: read lines of article ids, write for each id the length of its picture and the picture."""
    surfaces = make_surfaces(seed)
    for line in sys.stdin:
        for one in line.split():
            data = draw_jpeg(read_article(seed, one), seed, surfaces)
            sys.stdout.buffer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
        sys.stdout.buffer.flush()
