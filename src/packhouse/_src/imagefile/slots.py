"""Where images go in images.h5, and what came of them: one of each an image, so named tuples."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from packhouse._src.imagefile.keys import Key
from packhouse._src.records import HeaderFacts, SourceFile
from packhouse.errors import SourceError


class ImageSlot(NamedTuple):
    """One image and where it goes in images.h5."""

    key: Key
    offset: int
    file: SourceFile

    @property
    def length(self) -> int:
        """Size of the image in bytes."""
        return self.file.size


class WrittenImage(NamedTuple):
    """What came of one image."""

    digest: bytes
    facts: HeaderFacts
    file: SourceFile
    """The file as it was when it was read."""


class IndexedImage(NamedTuple):
    """One image that is in its place."""

    place: ImageSlot
    digest: bytes
    facts: HeaderFacts


Outcome = WrittenImage | SourceError


class Skeleton(NamedTuple):
    """A file whose datasets are allocated and empty."""

    offsets: array[int]
    """Of each dataset, bytes from the start of the file; one of length 0 gets the end of the one before."""

    file_size: int
    """Bytes."""

    id_offset: int
    """Where the 32 characters of the id are, bytes from the start of the file."""
