"""Runs the walk through a third-party HDF5 file in a process of its own; checks all that it prints."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from packhouse._src.concurrency.helper_process import HelperProcess
from packhouse._src.foreign.found import Ranged, Refused
from packhouse._src.imagefile.format import ID_LENGTH, MOST_KEY_BYTES
from packhouse.errors import CorruptStoreError, StoreError, Where

MOST_LINE_BYTES = 64 << 20
MOST_MEMORY_BYTES = 8 << 30
LEAST_SECONDS = 60
BYTES_PER_SECOND = 1_000_000
"""An image takes 40 us and at least 300 bytes of the file; this is slower by a factor of seven."""

_PIXEL_SIDES = 3


@dataclass
class Walked:
    """What the walk found."""

    images: list[Ranged] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    helpers: list[str] = field(default_factory=list)
    """Datasets that say where images lie or what they are called."""

    file_id: str = ""
    """The id that packhouse gave the file; "" for a file of others."""

    id_offset: int = 0


def walk_apart(path: Path, size: int, *, on_images: Callable[[int], None] = lambda _count: None) -> Walked:
    """Find the images of an HDF5 file, in a process that may crash without harm.

    Args:
        path: The file, a regular one.
        size: Its size in bytes; nothing outside of it is taken for an image.
        on_images: Called now and then with the number of images found since the last call.

    Returns:
        Images in the order of the walk, the rest with reasons.

    Raises:
        CorruptStoreError: The HDF5 library cannot open the file, crashes on it, or goes on for ever.
        StoreError: The process cannot be started.

    Cost: 40-50 us an image, and a third of a second to start.
    """
    walked = Walked()
    ended = False
    with _started(path, size) as walker:
        for lines in _documents(walker.output):
            before = len(walked.images)
            ended = _take_all(lines, walked, size, path)
            on_images(len(walked.images) - before)
            if ended:
                break
        if not ended:
            raise _crashed(walker.wait(), walker.noise(), path)
    _refuse_repeated(walked)
    return walked


def _started(path: Path, size: int) -> HelperProcess:
    # what the environment says to HDF5: plugins, drivers, connectors that run before a byte is read
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith(("HDF5", "H5"))}
    clean["HDF5_PLUGIN_PRELOAD"] = "::"
    # what the library can take, whatever the file makes it do
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: MOST_MEMORY_BYTES,
        resource.RLIMIT_CPU: LEAST_SECONDS + size // BYTES_PER_SECOND,
    }
    absolute = os.path.abspath(path)  # noqa: PTH100
    try:
        return HelperProcess("packhouse._src.foreign.walker", absolute, environment=clean, limits=limits)
    except OSError as err:
        raise StoreError(f"Python cannot be started to walk the file: {err}") from err


def _documents(output: IO[bytes]) -> Iterator[list[list[object]]]:
    while line := output.readline(MOST_LINE_BYTES):
        try:
            lines = json.loads(line)
        except ValueError:
            return
        if not isinstance(lines, list) or not all(isinstance(item, list) and item for item in lines):
            return
        yield lines


def _take_all(lines: list[list[object]], walked: Walked, size: int, path: Path) -> bool:
    """Take in what was printed; True at the end."""
    for line in lines:
        match line:
            case ["image", str(key), int(offset), int(length), pixels]:
                walked.images.append(_checked(Ranged(key, offset, length, _shape(pixels)), size, path))
            case ["refused", str(member), str(reason)]:
                walked.refused.append(Refused(member, reason))
            case ["helper", str(member)]:
                walked.helpers.append(member)
            case ["end"]:
                return True
            case _:
                _take_rare(line, walked, size, path)
    return False


def _take_rare(line: list[object], walked: Walked, size: int, path: Path) -> None:
    match line:
        case ["id", str(file_id), int(offset)]:
            if len(file_id) == ID_LENGTH and file_id.isascii() and 0 <= offset <= size - ID_LENGTH:
                walked.file_id, walked.id_offset = file_id, offset
        case ["failed", str(problem)]:
            raise CorruptStoreError(
                f"the HDF5 library cannot open it: {problem}",
                where=Where(file=str(path)),
                hint="restore it from a copy; what was open for writing when its program was killed may open "
                "again after h5clear -s FILE",
            )
        case _:
            raise _crashed(0, "", path)


def _shape(pixels: object) -> tuple[int, int, int] | None:
    if pixels is None:
        return None
    match pixels:
        case [int(height), int(width), int(channels)]:
            return height, width, channels
        case _:
            return 0, 0, 0


def _checked(image: Ranged, size: int, path: Path) -> Ranged:
    """Return it, if it is a part of the file and its key is one."""
    inside = 0 <= image.length <= size and 0 <= image.offset <= size - image.length
    parts = image.key.split("/")
    named = not any(part in {"", ".", ".."} or "\0" in part for part in parts)
    if image.pixels is not None:
        height, width, channels = image.pixels
        inside &= min(image.pixels) > 0 and height * width * channels == image.length
    if not inside or not named or len(image.key.encode(errors="replace")) > 2 * MOST_KEY_BYTES:
        raise _crashed(0, "", path)
    return image


def _refuse_repeated(walked: Walked) -> None:
    """Keep the first of those that have one key: names that are not UTF-8 may come out alike."""
    seen: set[str] = set()
    kept = []
    for image in walked.images:
        if image.key in seen:
            walked.refused.append(Refused(image.key, "another image has this key"))
        else:
            seen.add(image.key)
            kept.append(image)
    walked.images = kept


def _crashed(code: int, noise: str, path: Path) -> CorruptStoreError:
    if code == -signal.SIGXCPU:
        problem = "the HDF5 library did not finish reading it, and was stopped"
    elif code < 0:
        problem = f"the HDF5 library crashed on it ({signal.Signals(-code).name})"
    else:
        problem = "the walk through it ended early" + (f": {noise}" if noise else "")
    return CorruptStoreError(
        problem, where=Where(file=str(path)), hint="it is damaged or malicious: do not open it"
    )
