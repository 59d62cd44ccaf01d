"""Where an image goes in images.h5, and what came of it: one of each an image, so named tuples."""

from __future__ import annotations

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


class Taken(NamedTuple):
    """What came of one image."""

    digest: bytes
    facts: HeaderFacts
    file: SourceFile
    """The file as it was when it was read."""


class Filled(NamedTuple):
    """One image that is in its place."""

    place: ImageSlot
    digest: bytes
    facts: HeaderFacts


Outcome = Taken | SourceError
