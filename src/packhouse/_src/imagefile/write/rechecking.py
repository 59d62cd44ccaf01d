"""Files that changed after they were read: found when all are read, and read again.

A file that is checked only around its own read may be half of what another program is still writing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, MutableSequence, Sequence

from packhouse._src.imagefile.slots import ImageSlot, Outcome, WrittenImage
from packhouse._src.records import SourceFile
from packhouse.errors import SourceChangedError, SourceError, Where

MOST_ROUNDS = 2

UNFINISHED = frozenset({"empty", "truncated", "unreadable header"})
"""Problems of a file that is still being written."""

QUIET_NS = 300_000_000
"""A file with such a problem is looked at again when it has not changed for so long."""


def rounds_of_changed(
    slots: Sequence[ImageSlot | None],
    outcomes: MutableSequence[Outcome | None],
    look: Callable[[SourceFile], SourceFile],
) -> Iterator[list[tuple[int, ImageSlot]]]:
    """Find the images whose files have changed since they were read.

    Args:
        slots: Where each image is.
        outcomes: What came of each; files of another size, and those that never rest, become errors here.
        look: Gives a file as it is now.

    Yields:
        Rows and slots of images to read again, with their files as they are now; a few times at most.

    Cost: one look per file; 0.3 s where a file seems to be half written and was changed just now.
    """
    for left in range(MOST_ROUNDS, -1, -1):
        _wait(outcomes)
        again = []
        for row, (slot, outcome) in enumerate(zip(slots, outcomes, strict=True)):
            if slot is None or not isinstance(outcome, WrittenImage):
                continue
            now = _as_now(slot.file, look) or outcome.file
            if now == outcome.file:
                continue
            if left and now.size == slot.file.size:
                again.append((row, slot._replace(file=now)))
            else:
                outcomes[row] = _changed(slot.file, now)
        if not again:
            return
        yield again


def _as_now(file: SourceFile, look: Callable[[SourceFile], SourceFile]) -> SourceFile | None:
    """Return a file as it is now; None when it is gone: what was read of it is whole."""
    try:
        return look(file)
    except SourceError:
        return None


def _wait(outcomes: Sequence[Outcome | None]) -> None:
    times = (
        one.file.mtime_ns
        for one in outcomes
        if isinstance(one, WrittenImage) and one.facts.problem in UNFINISHED
    )
    age = time.time_ns() - max(times, default=0)
    if 0 <= age < QUIET_NS:
        time.sleep((QUIET_NS - age) / 1e9)


def _changed(file: SourceFile, now: SourceFile) -> SourceChangedError:
    how = "again and again"
    if now.size != file.size:
        how = f"{file.size:,} bytes when scanned, {now.size:,} now"
    return SourceChangedError(
        f"changed while packing: {how}",
        where=Where(file=file.path),
        hint="pack again when nothing writes to the data set",
    )
