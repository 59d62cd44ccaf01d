"""The strict walk through an HDF5 file that packhouse did not write; run as a process of its own.

With `skeleton`, the only module that imports h5py. One component at a time, hard links only; what a link or a
dataset says of itself is looked at before it is followed, and no data is ever read through the HDF5 library:
nothing that the file says makes us open another one, load a plugin, or allocate what it declares.

The library is "not designed to handle maliciously crafted files safely" (its SECURITY.md), hence the process:
`walker_process` starts it and reads what it prints, one JSON document a line.
"""

from __future__ import annotations

import json
import math
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5l, h5o, h5p, h5pl, h5s, h5t, h5z

from packhouse._src.foreign.found import (
    Dataset,
    HostFile,
    OffsetColumn,
    Ranged,
    Refused,
    RefusedError,
    readable,
)
from packhouse._src.foreign.recognition import MOST_ROWS, Item, Recognizer
from packhouse._src.imagefile import format as file_format

LINES_TOGETHER = 512
HEAD_BYTES = 64 << 10
REPACK = "to store the bytes unchanged: h5repack -f NONE -l CONTI IN.h5 OUT.h5"

_FILTERS = {
    h5z.FILTER_DEFLATE: "gzip",
    h5z.FILTER_SHUFFLE: "shuffle",
    h5z.FILTER_FLETCHER32: "fletcher32",
    h5z.FILTER_SZIP: "szip",
    h5z.FILTER_NBIT: "nbit",
    h5z.FILTER_SCALEOFFSET: "scaleoffset",
    h5z.FILTER_LZF: "lzf",
}
_CLASSES = {
    h5t.FLOAT: "floating-point numbers",
    h5t.TIME: "times",
    h5t.BITFIELD: "bit fields",
    h5t.COMPOUND: "records (a compound type)",
    h5t.REFERENCE: "references",
    h5t.ENUM: "values of an enumeration",
    h5t.ARRAY: "arrays",
}
_ORDERS = {h5t.ORDER_LE: "<", h5t.ORDER_BE: ">"}
_NUMBER_BYTES = frozenset({1, 2, 4, 8})
_ERRORS = (RuntimeError, OSError, LookupError, ValueError, TypeError)
"""All that h5py makes of the HDF5 library's errors."""


class _Level(NamedTuple):
    """A group that waits to be entered."""

    parent: h5g.GroupID
    link: bytes
    path: str
    depth: int


class Walk:
    """One walk; iterate over it for what is found.

    Args:
        path: The file.

    Raises:
        RefusedError: It is not a regular file, or the HDF5 library cannot open it.
    """

    def __init__(self, path: Path) -> None:
        while h5pl.size():  # HDF5_PLUGIN_PRELOAD=:: says the same; a filter of a plugin runs its code
            h5pl.remove(0)
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        facts = os.fstat(self.descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise RefusedError("is not a regular file")
        access = h5p.create(h5p.FILE_ACCESS)
        access.set_fapl_sec2()  # of the drivers, the one that opens a single file
        access.set_fclose_degree(h5f.CLOSE_STRONG)
        access.set_file_locking(False, True)  # noqa: FBT003  # no lock: a file system may refuse it
        try:
            self._file = h5f.open(os.fsencode(path), h5f.ACC_RDONLY, access)
        except _ERRORS as err:
            raise RefusedError(_told(err)) from err
        opened = os.fstat(self._file.get_vfd_handle(access))
        if (opened.st_dev, opened.st_ino) != (facts.st_dev, facts.st_ino):
            raise RefusedError("was replaced while it was opened")
        created = self._file.get_create_plist()
        widths = created.get_sizes()
        self.host = HostFile(self.descriptor, facts.st_size, created.get_userblock(), *widths)
        self._recognizer = Recognizer(self.host)
        self._entered: dict[int, str] = {}

    def __iter__(self) -> Iterator[Item]:
        """Yield the images, and what is none, with the reason; every link of the file once."""
        root = h5g.open(self._file, b"/")
        self._entered[h5o.get_info(root).addr] = "/"
        waiting = [_Level(root, b".", "", 0)]
        while waiting:
            level = waiting.pop()
            try:
                group = level.parent if not level.depth else _open_hard(level.parent, level.link)[0]
                links: list[bytes] = []
                group.links.iterate(links.append)
            except _ERRORS as err:
                yield Refused(level.path, f"the HDF5 library cannot list it: {_told(err)}")
                continue
            except RefusedError as err:
                yield Refused(level.path, str(err))
                continue
            yield from self._links(group, links, level, waiting)

    def _links(
        self, group: h5g.GroupID, links: list[bytes], level: _Level, waiting: list[_Level]
    ) -> Iterator[Item]:
        datasets: list[Dataset] = []
        often = Counter(links) if len(set(links)) < len(links) else {}
        for link in links:
            name = readable(link)
            path = f"{level.path}/{name}" if level.path else name
            try:
                _check_name(link, path, times=often.get(link, 1))
                thing, address = _open_hard(group, link)
                if isinstance(thing, h5g.GroupID):
                    self._enter(address, path, level.depth + 1)
                    waiting.append(_Level(group, link, path, level.depth + 1))
                else:
                    datasets.append(describe(thing, path, self.host))
            except RefusedError as err:
                yield Refused(path, str(err))
            except _ERRORS as err:
                yield Refused(path, f"the HDF5 library cannot read its description: {_told(err)}")
        yield from self._recognizer.sort_out(datasets)

    def _enter(self, address: int, path: str, depth: int) -> None:
        if address in self._entered:
            raise RefusedError(f"is the group {self._entered[address]} under another name")
        if depth > file_format.MOST_LEVELS:
            raise RefusedError(f"is more than {file_format.MOST_LEVELS} groups deep")
        self._entered[address] = path

    def own_id(self) -> tuple[str, int] | None:
        """Return the id that packhouse gave a file it wrote, and its offset; None for other files."""
        try:
            if _short_text(self._file, file_format.ATTRIBUTE_FORMAT) != file_format.FORMAT_NAME:
                return None
            found = _short_text(self._file, file_format.ATTRIBUTE_ID)
        except _ERRORS:
            return None
        if len(found) != file_format.ID_LENGTH:
            return None
        offset = os.pread(self.descriptor, HEAD_BYTES, 0).find(found.encode())
        return (found, offset) if offset >= 0 else None


def _short_text(file: h5f.FileID, name: str) -> str:
    if not h5a.exists(file, name.encode()):
        return ""
    attribute = h5a.open(file, name.encode())
    kind, space = attribute.get_type(), attribute.get_space()
    is_short = (
        isinstance(kind, h5t.TypeStringID) and not kind.is_variable_str() and kind.get_size() < HEAD_BYTES
    )
    if not is_short or space.get_simple_extent_type() != h5s.SCALAR:
        return ""
    value = np.empty((), dtype=f"S{kind.get_size()}")
    attribute.read(value)
    return bytes(value[()]).decode("ascii", "replace")


def _check_name(link: bytes, path: str, *, times: int) -> None:
    if times > 1:
        raise RefusedError("several links of the group have this name")
    if link in {b"", b".", b".."} or b"/" in link or b"\0" in link:
        raise RefusedError("its name cannot be a part of a key")
    if len(path.encode()) > file_format.MOST_KEY_BYTES:
        raise RefusedError(f"its path has more than {file_format.MOST_KEY_BYTES:,} bytes")


def _open_hard(group: h5g.GroupID, link: bytes) -> tuple[h5g.GroupID | h5d.DatasetID, int]:
    """Open what a hard link leads to; any other link is refused unopened."""
    info = group.links.get_info(link)
    if info.type == h5l.TYPE_SOFT:
        raise RefusedError("is a soft link; only hard links are followed")
    if info.type == h5l.TYPE_EXTERNAL:
        raise RefusedError("is a link to another file, which is not opened; open that file itself")
    if info.type != h5l.TYPE_HARD:
        raise RefusedError("is a link of an unknown kind")
    thing = h5o.open(group, link)
    if not isinstance(thing, (h5g.GroupID, h5d.DatasetID)):
        raise RefusedError("is a committed type, not an image")
    return thing, info.u


def describe(dataset: h5d.DatasetID, path: str, host: HostFile) -> Dataset:
    """Say what HDF5 knows of a dataset, without reading it; how it is stored is looked at before all else.

    Args:
        dataset: The dataset, opened.
        path: Its path.
        host: The file.

    Returns:
        Type, shape and places of its bytes.

    Raises:
        RefusedError: Its bytes do not lie in this file as they are, or are of no type that images have.
    """
    created = dataset.get_create_plist()
    _refuse_indirect(created)
    kind, unit, item_bytes = _type_of(dataset.get_type(), host)
    space = dataset.get_space()
    if space.get_simple_extent_type() == h5s.NULL:
        return Dataset(path, kind, unit, item_bytes, None, (), 1)
    shape = tuple(int(size) for size in space.get_simple_extent_dims())
    if created.get_layout() == h5d.CHUNKED:
        starts, piece_rows = _chunks_of(dataset, created.get_chunk(), shape, item_bytes, host)
        return Dataset(path, kind, unit, item_bytes, shape, starts, piece_rows)
    size = item_bytes * math.prod(shape)
    rows = shape[0] if shape else 1
    if not size:
        return Dataset(path, kind, unit, item_bytes, shape, (), max(1, rows))
    offset = dataset.get_offset()
    held = 0 if offset is None else dataset.get_storage_size()
    if held < size:
        raise RefusedError(f"declares {size:,} bytes and holds {held:,}")
    host.check(offset, size)
    return Dataset(path, kind, unit, item_bytes, shape, (offset,), rows)


def _refuse_indirect(created: h5p.PropDCID) -> None:
    """Raise unless the bytes of a dataset lie in this file as they are."""
    if created.get_external_count():
        raise RefusedError("keeps its bytes in another file, which is not opened")
    stored = created.get_layout()
    if stored == h5d.VIRTUAL:
        raise RefusedError("is a virtual dataset: its bytes are in other files, which are not opened")
    if stored == h5d.COMPACT:
        raise RefusedError(f"is stored within its header (compact layout): {REPACK}")
    if stored not in {h5d.CONTIGUOUS, h5d.CHUNKED}:
        raise RefusedError("is stored in an unknown way")
    if created.get_nfilters():
        raise RefusedError(f"is compressed or filtered ({_filters_of(created)}): {REPACK}")


def _filters_of(created: h5p.PropDCID) -> str:
    numbers = [created.get_filter(place)[0] for place in range(created.get_nfilters())]
    return ", ".join(_FILTERS.get(number, f"plugin {number}") for number in numbers)


def _type_of(kind: h5t.TypeID, host: HostFile) -> tuple[str, str, int]:
    """Return kind, unit and item_bytes of a `Dataset`."""
    number, size = kind.get_class(), kind.get_size()
    if number == h5t.STRING and not kind.is_variable_str():
        return "text", f"|S{size}", size
    if number == h5t.STRING:
        return "vlen", "text", 4 + host.address_bytes + 4
    if number == h5t.OPAQUE:
        return "opaque", f"|V{size}", size
    if number == h5t.INTEGER:
        return _number_type(kind, size)
    if number == h5t.VLEN:
        base = kind.get_super()
        if base.get_size() != 1 or base.get_class() not in {h5t.INTEGER, h5t.OPAQUE}:
            raise RefusedError("holds lists of something other than bytes")
        return "vlen", "bytes", 4 + host.address_bytes + 4
    raise RefusedError(f"holds {_CLASSES.get(number, 'values of an unknown type')}, not images")


def _number_type(kind: h5t.TypeIntegerID, size: int) -> tuple[str, str, int]:
    letter = "u" if kind.get_sign() == h5t.SGN_NONE else "i"
    order = "|" if size == 1 else _ORDERS.get(kind.get_order())
    if size not in _NUMBER_BYTES or kind.get_precision() != 8 * size or order is None:
        raise RefusedError("holds numbers of an odd size, not images")
    return ("byte" if size == 1 else "integer"), f"{order}{letter}{size}", size


def _chunks_of(
    dataset: h5d.DatasetID, chunk: tuple[int, ...], shape: tuple[int, ...], item_bytes: int, host: HostFile
) -> tuple[tuple[int, ...], int]:
    """Return where each chunk starts and how many rows it has, if chunks are runs of whole rows."""
    rows = chunk[0]
    chunk_bytes = rows * item_bytes * math.prod(shape[1:])
    if chunk[1:] != shape[1:] or rows < 1:
        raise RefusedError(f"is stored in chunks of {chunk} that split its rows: {REPACK}")
    if host.base and h5py.version.hdf5_version_tuple < (2, 0, 0):  # 1.14 forgets the user block
        raise RefusedError(f"is stored in chunks after a user block: {REPACK}")
    count = -(-shape[0] // rows)
    if count > min(MOST_ROWS, host.size):
        raise RefusedError(f"declares {count:,} chunks in a file of {host.size:,} bytes")
    starts = [-1] * count

    def note(found: h5d.StoreInfo) -> None:
        place = found.chunk_offset[0] // rows
        if found.filter_mask or found.size != chunk_bytes or any(found.chunk_offset[1:]):
            raise ValueError("a chunk of another size")
        host.check(found.byte_offset, found.size)
        starts[place] = found.byte_offset  # a place that is not there is an error of the file too

    if count:
        dataset.chunk_iter(note)
    return tuple(starts), rows


def _told(err: Exception) -> str:
    lines = str(err.args[0]).splitlines() if err.args else []
    return lines[0][:300] if lines else type(err).__name__


def _printable(item: Item) -> list[object]:
    match item:
        case Ranged():
            return ["image", *item]
        case Refused():
            return ["refused", *item]
        case OffsetColumn():
            return ["helper", *item]


def main() -> None:
    """Walk the file that the command line names and print what is found, in lines of JSON."""
    path = Path(sys.argv[-1])
    lines: list[list[object]] = []
    try:
        walk = Walk(path)
        lines.append(["id", *(walk.own_id() or ("", 0))])
        for item in walk:
            lines.append(_printable(item))
            if len(lines) >= LINES_TOGETHER:
                print(json.dumps(lines))  # noqa: T201  # this process's whole purpose
                lines = []
        lines.append(["end"])
    except (RefusedError, MemoryError, OSError, RuntimeError) as err:
        lines.append(["failed", _told(err)])
    print(json.dumps(lines), flush=True)  # noqa: T201
    os._exit(0)  # whatever the library would still do at its end
