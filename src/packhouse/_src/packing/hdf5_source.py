"""An HDF5 file of images as a data set: walked once, its images read by where they lie."""

from __future__ import annotations

from collections.abc import Callable

from packhouse._src.foreign.foreign_index import file_name_for
from packhouse._src.foreign.found import Ranged
from packhouse._src.foreign.walker_process import walk_apart
from packhouse._src.images.sniffing import media_type_of
from packhouse._src.records import Failed, Skipped, SourceFile
from packhouse._src.sources.archives.member_ranges import RangeSource
from packhouse._src.sources.changes import Identity
from packhouse._src.sources.source import Found
from packhouse.errors import SourceError, StoreError

HEAD_BYTES = 64
"""So much of an image is looked at to give its name the extension that fits."""

PIXELS = (
    "are decoded pixels, not an image file: packhouse.open reads them as they are, "
    "or write them as PNG files first"
)


class Hdf5Source(RangeSource):
    """An HDF5 file in which each image is one range of bytes."""

    chosen = True

    def scan(self, on_found: Callable[[int], None]) -> Found:
        """List every image; a path is that of its dataset, with an extension that fits.

        Args:
            on_found: Called with the number of images found since the last call.

        Returns:
            Images; datasets that say where images lie are skipped, everything else has failed.

        Raises:
            SourceNotFoundError: There is no such file.
            SourceError: The HDF5 library cannot open it.

        Cost: 40-50 us an image, in a process of its own.
        """
        identity = self._archive.identity
        try:
            walked = walk_apart(self.path, identity.size, on_images=on_found)
        except StoreError as err:
            raise SourceError(err.problem, where=err.where, hint=err.hint) from err
        images = [image for image in walked.images if image.pixels is None]
        pixels = [Failed(image.key, "SourceError", PIXELS) for image in walked.images if image.pixels]
        refused = [Failed(one.path, "SourceError", one.reason) for one in walked.refused]
        helpers = [Skipped(path, "says where images lie or what they are called") for path in walked.helpers]
        taken = {image.key for image in images}
        return Found(
            files=tuple(sorted(self._as_file(image, identity, taken) for image in images)),
            skipped=tuple(sorted(helpers, key=lambda one: one.path)),
            failed=tuple(sorted((*pixels, *refused), key=lambda one: one.path)),
        )

    def _as_file(self, image: Ranged, identity: Identity, taken: set[str]) -> SourceFile:
        head = self._archive.read(min(image.length, HEAD_BYTES), image.offset)
        name = file_name_for(image.key, media_type_of(head), taken)
        return SourceFile(name, image.length, identity.stamp, image.offset)
