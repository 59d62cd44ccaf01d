"""One image of a pack: its facts from the index, its bytes from the file when they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from packhouse._src.concurrency.once import once
from packhouse._src.images.pixel_limit import MOST_PIXELS
from packhouse._src.images.raw import RawForm, is_raw
from packhouse.errors import ImageError, Where

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage

    from packhouse._src.imagefile.read.image_index import ImageIndex
    from packhouse._src.images.pillow_ import Mode


class ReadsRows(Protocol):
    """What an image asks of the store that it is in."""

    path: Path

    @property
    def index(self) -> ImageIndex:
        """The index."""

    def read_row(self, row: int) -> bytes:
        """Read the bytes of one image, digest checked."""


class StoredImage:
    """One image of a pack. Its bytes are read on each access, not cached.

    Args:
        store: The store that it is in.
        row: Its row in the index.
    """

    def __init__(self, store: ReadsRows, row: int) -> None:
        self._store = store
        self._row = row

    @once
    def _facts(self) -> dict[str, Any]:
        return self._store.index.facts_of(self._row)

    def __repr__(self) -> str:
        """Return key, media type and size."""
        size = f", {self.width} x {self.height}" if self.width else ""
        problem = f", {self.problem}" if self.problem else ""
        return f"<{self.key}: {self.media_type or 'unknown'}{size}, {self.length:,} bytes{problem}>"

    def _repr_html_(self) -> str:
        from packhouse._src.notebook_cells.image_grid import one_picture

        about = {
            "file": self.file_name,
            "format": self.media_type or "unknown",
            "size": f"{self.width} x {self.height} pixels" if self.width else "",
            "bytes": f"{self.length:,}",
            "EXIF orientation": self.orientation,
            "digest": self.digest,
            "problem": self.problem,
        }
        return one_picture(self, about)

    @property
    def bytes(self) -> bytes:
        """The bytes of the original file, checked against their digest.

        Raises:
            CorruptStoreError: They do not match the digest.
        """
        return self._store.read_row(self._row)

    @property
    def key(self) -> str:
        """The key: group and name."""
        return str(self._facts["key"])

    @property
    def group(self) -> str:
        """The folders, joined by "/"; "" for the root group."""
        return str(self._facts["group"])

    @property
    def name(self) -> str:
        """The name within the group."""
        return str(self._facts["name"])

    @property
    def file_name(self) -> str:
        """Path of the original file below SRC."""
        return str(self._facts["file_name"])

    @property
    def media_type(self) -> str | None:
        """Media type such as "image/jpeg", from the first bytes of the file; None if they are not an image.

        Pixel arrays in third-party HDF5 files are "image/x-raw-rgb", "image/x-raw-rgba" or
        "image/x-raw-gray".
        """
        return self._facts["media_type"]  # type: ignore[no-any-return]

    @property
    def width(self) -> int | None:
        """Stored columns in pixels, before any EXIF rotation; None if unknown."""
        return self._facts["width"]  # type: ignore[no-any-return]

    @property
    def height(self) -> int | None:
        """Stored rows in pixels, before any EXIF rotation; None if unknown."""
        return self._facts["height"]  # type: ignore[no-any-return]

    @property
    def orientation(self) -> int | None:
        """EXIF orientation 1..8; None if the file has none."""
        return self._facts["orientation"]  # type: ignore[no-any-return]

    @property
    def length(self) -> int:
        """Size of the original file in bytes."""
        return self._store.index.range_of(self._row)[1]

    @property
    def digest(self) -> str:
        """XXH3-128 of the bytes, 32 hex digits."""
        return self._store.index.range_of(self._row)[2].hex()

    @property
    def problem(self) -> str | None:
        """None, or what is wrong with the file: "empty", "truncated", "not an image", "unreadable header"."""
        return self._facts["problem"]  # type: ignore[no-any-return]

    @property
    def raw_form(self) -> RawForm | None:
        """Shape and channels, if the image is stored as pixels; None for an image file."""
        media_type = self.media_type
        if media_type is None or not is_raw(media_type):
            return None
        return RawForm(media_type, (self.height or 0, self.width or 0))

    def decode(
        self,
        size: tuple[int, int] | int | None = None,
        *,
        mode: Mode = "RGB",
        max_pixels: int = MOST_PIXELS,
    ) -> NDArray[Any]:
        """Decode the image.

        Args:
            size: (height, width) in pixels, or one number for a square. The image is scaled to cover it,
                then cropped at the centre. None keeps the stored size.
            mode: "RGB", "L" for luma, or "raw" for the stored values (without size).
            max_pixels: Limit for the number of pixels at the decoded scale. A larger image is refused before
                memory is allocated.

        Returns:
            Array of shape (height, width, channels), C-contiguous, upright, owned. "RGB" has 3 channels in
            this order, "L" has 1; both are uint8, 0..255. "raw" has the channels of the file, as uint8,
            uint16, int32 or float32.

        Raises:
            ImageError: The bytes cannot be decoded, or the image has more pixels than `max_pixels`.
            UsageError: `size` or `max_pixels` is out of range.
            CorruptStoreError: The bytes do not match their digest.

        Cost: one read and one decode; a JPEG is decoded at the smallest scale that covers `size`.
        """
        from packhouse._src.images.cropping import size_of
        from packhouse._src.images.decoding import decode, decode_raw

        wanted = size_of(size)
        try:
            if self.raw_form is not None:
                return decode_raw(self.bytes, self.raw_form, size=wanted, mode=mode, max_pixels=max_pixels)
            return decode(self.bytes, size=wanted, mode=mode, max_pixels=max_pixels)
        except ImageError as err:
            raise self._named(err) from err

    def to_pil(self, *, max_pixels: int = MOST_PIXELS) -> PillowImage:
        """Return the image as Pillow opens it: in its stored mode, not rotated, with pixels loaded.

        Args:
            max_pixels: Limit for the number of pixels.

        Raises:
            ImageError: Pillow cannot load it.
            CorruptStoreError: The bytes do not match their digest.
        """
        from packhouse._src.images.pillow_ import raw_to_pil, to_pil

        try:
            if self.raw_form is not None:
                return raw_to_pil(self.bytes, self.raw_form, max_pixels=max_pixels)
            return to_pil(self.bytes, max_pixels=max_pixels)
        except ImageError as err:
            raise self._named(err) from err

    def _named(self, err: ImageError) -> ImageError:
        where = Where(file=str(self._store.path), member=self.key)
        return ImageError(err.problem, where=where, hint=err.hint)
