"""Says what HDF5 knows of a dataset without reading its data: type, shape, attributes, storage."""

from __future__ import annotations

import math
from collections import Counter

import h5py
from h5py import h5d, h5g, h5l, h5o, h5p, h5s, h5t, h5z

from packhouse._src.foreign.datasets.attributes import attributes_of, is_boolean, members_of
from packhouse._src.foreign.datasets.columns import MOST_ROWS
from packhouse._src.foreign.found import Dataset, HostFile, RefusedError

MOST_CHUNK_BYTES = 512 << 20
MOST_UNPACKED = 1100
"""Deflate makes at most 1,032 bytes of one; who declares more means harm."""

_FILTERS = {
    h5z.FILTER_DEFLATE: "gzip",
    h5z.FILTER_SHUFFLE: "shuffle",
    h5z.FILTER_FLETCHER32: "fletcher32",
    h5z.FILTER_SZIP: "szip",
    h5z.FILTER_NBIT: "nbit",
    h5z.FILTER_SCALEOFFSET: "scaleoffset",
    h5z.FILTER_LZF: "lzf",
}
_READ_FILTERS = frozenset(
    {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF, h5z.FILTER_SZIP}
)
_CLASSES = {
    h5t.TIME: "times",
    h5t.BITFIELD: "bit fields",
    h5t.REFERENCE: "references",
    h5t.ENUM: "values of an enumeration",
}
_TO_SEPARATE = {
    h5t.COMPOUND: "holds records (a compound type), which packhouse does not read: store each field as a "
    "dataset of its own",
    h5t.ARRAY: "holds elements that are arrays: store them as a dataset with more axes",
}
_ORDERS = {h5t.ORDER_LE: "<", h5t.ORDER_BE: ">"}
_NUMBER_BYTES = frozenset({1, 2, 4, 8})
_FLOAT_BYTES = {2: 16, 4: 32, 8: 64}


def open_hard(group: h5g.GroupID, link: bytes) -> tuple[h5g.GroupID | h5d.DatasetID, int]:
    """Open what a hard link leads to; any other link is refused unopened.

    Args:
        group: Where the link is.
        link: Its name.

    Returns:
        The group or dataset, and its address.

    Raises:
        RefusedError: It is another link, or leads to neither.
    """
    info = group.links.get_info(link)
    if info.type == h5l.TYPE_SOFT:
        raise RefusedError("is a soft link: what it leads to is read under its own name only")
    if info.type == h5l.TYPE_EXTERNAL:
        raise RefusedError("is a link to another file, which is not opened: pack that file itself")
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
        Type, shape, attributes and places of its bytes.

    Raises:
        RefusedError: Its bytes are not in this file, or it declares what it does not hold.
    """
    created = dataset.get_create_plist()
    stored = created.get_layout()
    refuse_elsewhere(created)
    of_type = dataset.get_type()
    kind, unit, item_bytes = _type_of(of_type, host)
    members = members_of(of_type) if kind == "enum" else {}
    marks, attributes, lists = attributes_of(dataset)
    space = dataset.get_space()
    if space.get_simple_extent_type() == h5s.NULL:
        return Dataset(path, kind, unit, item_bytes, None, (), 1, "", marks, attributes)
    shape = tuple(int(size) for size in space.get_simple_extent_dims())
    rows = shape[0] if shape else 1
    obstacle = ""
    starts: tuple[int, ...] = ()
    piece_rows = max(1, rows)
    size = item_bytes * math.prod(shape)
    if stored == h5d.CHUNKED:
        chunk = created.get_chunk()
        obstacle = _chunked_obstacle(created, chunk, shape, host)
        if obstacle:
            _check_chunks(dataset, chunk, size)
            starts, piece_rows = _bands_of(dataset, chunk, shape)
        else:
            starts, piece_rows = _chunks_of(dataset, chunk, shape, item_bytes, host)
    elif stored == h5d.COMPACT:
        obstacle = "is stored within its header (compact layout)" if size else ""
    elif size:
        offset = dataset.get_offset()
        held = 0 if offset is None else dataset.get_storage_size()
        if held < size:
            raise RefusedError(f"declares {size:,} bytes and holds {held:,}")
        host.check(offset, size)
        starts = (offset,)
    stored_as = (starts, piece_rows, obstacle)
    return Dataset(path, kind, unit, item_bytes, shape, *stored_as, marks, attributes, lists, members)


def refuse_elsewhere(created: h5p.PropDCID) -> None:
    """Refuse a dataset whose bytes are not in this file, or that only a plugin can read.

    Args:
        created: How the dataset was created.

    Raises:
        RefusedError: With the reason.
    """
    stored = created.get_layout()
    if created.get_external_count():
        raise RefusedError("keeps its bytes in another file, which is not opened: copy it into one file")
    if stored == h5d.VIRTUAL:
        raise RefusedError(
            "is a virtual dataset: its bytes are in other files, which are not opened: pack those"
        )
    if stored not in {h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED}:
        raise RefusedError("is stored in an unknown way")
    numbers = _filters_of(created)
    if not _READ_FILTERS.issuperset(numbers) or (
        h5z.FILTER_SZIP in numbers and not h5z.filter_avail(h5z.FILTER_SZIP)
    ):
        is_known = _FILTERS.keys() >= set(numbers)
        why, how = (
            ("", "")
            if is_known
            else (", which needs a plugin that is not loaded", ", run where the plugin is,")
        )
        raise RefusedError(
            f"is compressed or filtered ({_names_of(numbers)}){why or ', which is not read'}: "
            f"h5repack -f GZIP=4 IN.h5 OUT.h5{how} makes a file that can be packed"
        )


def _filters_of(created: h5p.PropDCID) -> list[int]:
    return [created.get_filter(place)[0] for place in range(created.get_nfilters())]


def _names_of(filters: list[int]) -> str:
    return ", ".join(_FILTERS.get(number, f"plugin {number}") for number in filters)


def _type_of(kind: h5t.TypeID, host: HostFile) -> tuple[str, str, int]:
    """Return kind, unit and item_bytes of a `Dataset`."""
    number, size = kind.get_class(), kind.get_size()
    reference_bytes = 4 + host.address_bytes + 4
    if number == h5t.STRING:
        is_variable = kind.is_variable_str()
        return ("vlen", "text", reference_bytes) if is_variable else ("text", f"|S{size}", size)
    if number == h5t.VLEN:
        base = kind.get_super()
        if base.get_size() != 1 or base.get_class() not in {h5t.INTEGER, h5t.OPAQUE}:
            raise RefusedError("holds lists of something other than bytes")
        return "vlen", "bytes", reference_bytes
    return _type_of_fixed_size(kind, number, size)


def _type_of_fixed_size(kind: h5t.TypeID, number: int, size: int) -> tuple[str, str, int]:
    if number == h5t.OPAQUE:
        return "opaque", f"|V{size}", size
    if number == h5t.INTEGER:
        return _number_type(kind, size)
    if number == h5t.FLOAT:
        return _float_type(kind, size)
    if number == h5t.ENUM:
        if kind.get_super().get_size() == 1 and is_boolean(kind):
            return "bool", "|i1", 1
        return "enum", _number_type(kind.get_super(), size)[1], size
    if number in _TO_SEPARATE:
        raise RefusedError(_TO_SEPARATE[number])
    raise RefusedError(f"holds {_CLASSES.get(number, 'values of an unknown type')}, not images")


def _number_type(kind: h5t.TypeIntegerID, size: int) -> tuple[str, str, int]:
    letter = "u" if kind.get_sign() == h5t.SGN_NONE else "i"
    order = "|" if size == 1 else _ORDERS.get(kind.get_order())
    if size not in _NUMBER_BYTES or kind.get_precision() != 8 * size or order is None:
        raise RefusedError("holds numbers of an odd size, not images")
    return ("byte" if size == 1 else "integer"), f"{order}{letter}{size}", size


def _float_type(kind: h5t.TypeFloatID, size: int) -> tuple[str, str, int]:
    order = _ORDERS.get(kind.get_order())
    if _FLOAT_BYTES.get(size) != kind.get_precision() or order is None:
        raise RefusedError("holds numbers of an odd size, not images")
    return "float", f"{order}f{size}", size


def _chunked_obstacle(
    created: h5p.PropDCID, chunk: tuple[int, ...], shape: tuple[int, ...], host: HostFile
) -> str:
    """Say why the bytes of a chunked dataset do not lie in the file as they are; "" where they do."""
    filters = _filters_of(created)
    if filters:
        return f"is compressed or filtered ({_names_of(filters)})"
    if chunk[1:] != shape[1:]:
        return f"is stored in chunks of {chunk} that split its rows"
    if host.base and h5py.version.hdf5_version_tuple < (2, 0, 0):  # 1.14 forgets the user block
        return "is stored in chunks after a user block"
    return ""


def _check_chunks(dataset: h5d.DatasetID, chunk: tuple[int, ...], size: int) -> None:
    """Refuse what the library would have to allocate, or unpack, beyond all measure."""
    chunk_bytes = math.prod(chunk) * dataset.get_type().get_size()
    if chunk_bytes > MOST_CHUNK_BYTES:
        raise RefusedError(f"has chunks of {chunk_bytes:,} bytes; {MOST_CHUNK_BYTES:,} are read")
    held = dataset.get_storage_size()
    if size > held * MOST_UNPACKED:
        raise RefusedError(f"declares {size:,} bytes and holds {held:,}")


def _bands_of(
    dataset: h5d.DatasetID, chunk: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[int, ...], int]:
    """Return 0 for each run of rows whose chunks were all written, else -1, and how many rows it has."""
    rows = chunk[0]
    count = -(-shape[0] // rows)
    across = math.prod(-(-size // step) for size, step in zip(shape[1:], chunk[1:], strict=True))
    if count * across > MOST_ROWS:
        raise RefusedError(f"declares {count * across:,} chunks")
    written: Counter[int] = Counter()

    def note(found: h5d.StoreInfo) -> None:
        written[found.chunk_offset[0] // rows] += 1

    if count:
        dataset.chunk_iter(note)
    return tuple(0 if written[band] >= across else -1 for band in range(count)), rows


def _chunks_of(
    dataset: h5d.DatasetID, chunk: tuple[int, ...], shape: tuple[int, ...], item_bytes: int, host: HostFile
) -> tuple[tuple[int, ...], int]:
    """Return where each chunk starts and how many rows it has; chunks are runs of whole rows."""
    rows = chunk[0]
    chunk_bytes = rows * item_bytes * math.prod(shape[1:])
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
