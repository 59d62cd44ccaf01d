"""Images that lie, whole, in an image file made earlier: copied from there instead of being read again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.write.writer import ImageReader
from packhouse._src.ranges import read_into
from packhouse._src.records import SourceFile
from packhouse._src.system.open_flags import READ_NO_LINK


class EarlierImage(NamedTuple):
    """One image in an earlier file."""

    stored_in: Path
    offset: int
    digest: bytes
    file: SourceFile
    """The file that it was read from, as it was then."""


class CopiedFile(SourceFile):
    """A file whose bytes were copied from an earlier image file."""

    __slots__ = ()


class ReusingReader:
    """Reads from earlier files what has not changed since, and everything else from the source.

    Args:
        source: The source.
        kept: Path below SRC -> the image in an earlier file.
    """

    def __init__(self, source: ImageReader, kept: Mapping[str, EarlierImage]) -> None:
        self._source = source
        self._kept = kept
        self._opened: dict[Path, int] = {}

    def __reduce__(self) -> tuple[type[ReusingReader], tuple[ImageReader, Mapping[str, EarlierImage]]]:
        """Pickle without what is opened."""
        return (ReusingReader, (self._source, self._kept))

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one image; see `ImageReader`.

        Raises:
            SourceError: As the source does.
        """
        kept = self._kept.get(file.path)
        if kept is not None and kept.file == file and self._copy(kept, view):
            return CopiedFile(*file)
        return self._source.read_into(file, view)

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Tell the system of those that come from the source."""
        self._source.read_ahead([file for file in files if file.path not in self._kept])

    def _copy(self, kept: EarlierImage, view: memoryview) -> bool:
        """Say whether the bytes that were kept are whole."""
        try:
            descriptor = self._opened.get(kept.stored_in)
            if descriptor is None:
                descriptor = os.open(kept.stored_in, READ_NO_LINK)
                # two threads may both have opened it; the one that came second gives its own back
                if (first := self._opened.setdefault(kept.stored_in, descriptor)) != descriptor:
                    os.close(descriptor)
                    descriptor = first
            done = read_into(descriptor, view, kept.offset)
        except OSError:
            return False
        return done == len(view) and digest_of(view) == kept.digest

    def close(self) -> None:
        """Close the earlier files."""
        while self._opened:
            os.close(self._opened.popitem()[1])
