"""What the walk through a third-party HDF5 file finds: the byte ranges of images, and what was refused."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from packhouse._src.ranges import read_range

Value = str | int | float | bool | None
"""What a column of a table may hold."""

FRAME = struct.Struct("<IQBQ")
"""Before the bytes of each image that the HDF5 library has read: place of its dataset in the request, row,
READ, UNREADABLE (this row) or LOST (all of the dataset), number of bytes."""

READ, UNREADABLE, LOST = 0, 1, 2

_ESCAPED_FROM, _ESCAPED_TO = 0xDC80, 0xDCFF


class Ranged(NamedTuple):
    """One image: a range of bytes of the file."""

    key: str
    """Path of the dataset without its leading slash; for one of several in a dataset, and its row or name."""

    offset: int
    """Bytes from the start of the file."""

    length: int
    """Bytes."""

    pixels: tuple[int, int, int] | None
    """(height, width, channels) of raw uint8 pixels; None for the bytes of an image file."""

    @property
    def group(self) -> str:
        """All of the key but its last part."""
        return self.key.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]


class Refused(NamedTuple):
    """Something in the file that is no image of the index, and why."""

    path: str
    """Where it is in the file, without the leading slash."""

    reason: str
    """What is wrong with it, and what to do if something can be done."""


class OffsetColumn(NamedTuple):
    """A dataset that is no image but says where images lie, or what they are called."""

    path: str


class PictureForm(NamedTuple):
    """How the images of one dataset are stored that only `packhouse pack` reads, since it converts them."""

    path: str
    """Of the dataset."""

    form: str
    """"pixels", "bytes" (of image files) or "base64" (text of such bytes)."""

    unit: str
    """Type of one element for NumPy, "|u1" or "<f4"; of form "pixels"."""

    shape: tuple[int, ...]
    """Sizes of the axes of one image; of form "pixels"."""

    layout: str
    """One letter an axis of one image: "HWC", "CHW", "WH", ...; of form "pixels"."""

    reason: str
    """Why its images are not byte ranges of the file that can be used as they are."""

    is_stack: bool
    """Whether each row of the dataset is an image; else it is one."""

    asks_to_convert: bool
    """Whether the user has to ask for the conversion, since it is not only a matter of storage."""


class Picture(NamedTuple):
    """One image of the `PictureForm` that was found last."""

    key: str
    """As of Ranged."""

    row: int
    """Its place along the first axis of the dataset; 0 for one that is all of it."""

    offset: int
    """Bytes from the start of the file; -1: the HDF5 library has to read it."""

    length: int
    """Bytes as stored; what the library returns, where that reads it."""

    n_bytes: int
    """Bytes of the image file in it; of form "pixels" its length."""

    media_type: str
    """Of the image file; "" of form "pixels", and for bytes that are not those of an image."""


class Labelled(NamedTuple):
    """Values of a dataset or attribute, each for one image."""

    column: str
    """Name of the column that they become."""

    path: str
    """Of the dataset; "" for attributes of the images."""

    pairs: Sequence[tuple[str, Value]]
    """Key of an image and its value."""


class SplitOf(NamedTuple):
    """Which split the images of a dataset belong to, by its path."""

    path: str
    split: str


class ClassNames(NamedTuple):
    """What names the classes: the name of class 0, 1, ..."""

    path: str
    """Of the dataset; "" for an attribute."""

    names: Sequence[str]


class Dataset(NamedTuple):
    """What HDF5 says of a dataset."""

    path: str
    kind: str
    """"byte", "integer", "float", "bool", "enum", "text", "opaque" or "vlen"; the last also for text of
    variable length."""

    unit: str
    """Type of one element for NumPy: "|u1", "<i8", "|S12"; "text" or "bytes" of kind "vlen"."""

    item_bytes: int
    """Size of one element, bytes."""

    shape: tuple[int, ...] | None
    """None for a dataspace that holds nothing."""

    starts: tuple[int, ...]
    """Offset in the file of each piece, cut along the first axis; -1 for a piece that was never written."""

    piece_rows: int
    """How many rows a piece has."""

    obstacle: str = ""
    """Why its bytes do not lie in the file as they are: only the HDF5 library reads it; "" where they do."""

    marks: Mapping[str, str] = {}
    """Attributes that speak of images: CLASS, INTERLACE_MODE, MATLAB_class, ..."""

    attributes: tuple[tuple[str, Value], ...] = ()
    """All other attributes with a single value."""

    lists: tuple[tuple[str, Sequence[Value]], ...] = ()
    """Attributes with several values in a row."""

    members: Mapping[int, str] = {}
    """Of kind "enum": value -> its name."""

    known_as: str = ""
    """What it is called as an element of a cell array; "" for other datasets."""

    @property
    def key(self) -> str:
        """What an image in it is called."""
        return self.known_as or self.path

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def rows(self) -> int:
        """Length of the first axis; 1 for a scalar."""
        return self.shape[0] if self.shape else 1

    @property
    def n_values(self) -> int | None:
        """Number of values, if they are a column: one axis longer than 1, or none; else None."""
        if self.shape is None:
            return None
        long = [size for size in self.shape if size != 1]
        return (long[0] if long else 1) if len(long) <= 1 else None


class GroupFacts(NamedTuple):
    """What HDF5 says of a group."""

    path: str = ""
    """Without the leading slash; "" is the root."""

    created: tuple[str, ...] = ()
    """Paths of what is in it in the order of creation; () where the file does not keep that."""

    attributes: tuple[tuple[str, Value], ...] = ()
    """Attributes with a single value."""

    lists: tuple[tuple[str, Sequence[Value]], ...] = ()
    """Attributes with several values in a row."""


class RefusedError(Exception):
    """Carries the reason for a `Refused` up to where its path is known; never leaves the walk."""


class HostFile(NamedTuple):
    """The file that is walked, for reads that do not go through HDF5."""

    descriptor: int
    size: int
    """Bytes."""

    base: int
    """Where HDF5 addresses count from: the size of the user block, bytes."""

    address_bytes: int
    length_bytes: int

    def read(self, offset: int, length: int) -> bytes:
        """Read a range that lies in the file, or raise RefusedError before anything is allocated."""
        self.check(offset, length)
        data = read_range(self.descriptor, length, offset)
        if len(data) < length:
            raise RefusedError("the file ended while it was read")
        return data

    def check(self, offset: int, length: int) -> None:
        """Raise RefusedError for a range that is not a part of the file."""
        if offset < 0 or length < 0 or length > self.size or offset > self.size - length:
            raise RefusedError(f"declares {length:,} bytes at offset {offset:,}, outside the file")


def numbered(count: int) -> Iterator[str]:
    """Yield names for images that have none, all of one length: "00" to "99" for a hundred.

    Args:
        count: How many.
    """
    width = len(str(max(0, count - 1)))
    return (f"{row:0{width}d}" for row in range(count))


def readable(name: bytes) -> str:
    """Return the name of a link as text.

    Args:
        name: As it stands in the file.

    Returns:
        UTF-8 as it is; in any other name each byte that is not part of it as %XX, and each % as %25.
    """
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        text = name.replace(b"%", b"%25").decode("utf-8", "surrogateescape")
        return "".join(
            f"%{ord(letter) - 0xDC00:02X}" if _ESCAPED_FROM <= ord(letter) <= _ESCAPED_TO else letter
            for letter in text
        )


class Absent(NamedTuple):
    """A dataset that the user named and that the file has not."""

    path: str
    known: Sequence[str]
    """Some that it has."""


Item = Ranged | Refused | OffsetColumn | PictureForm | Picture | Labelled | SplitOf | ClassNames | Absent
