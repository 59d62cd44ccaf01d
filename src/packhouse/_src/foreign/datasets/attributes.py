"""Reads the attributes of datasets and groups: what they say of images, and values that label them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from h5py import h5, h5a, h5d, h5g, h5p, h5s, h5t

from packhouse._src.foreign.found import GroupFacts, Value, readable

MOST_ATTRIBUTES = 64
MOST_ATTRIBUTE_BYTES = 4096
MOST_LIST_BYTES = 16 << 20
MOST_MEMBERS = 100_000

_MARKS = frozenset(
    {
        "CLASS",
        "IMAGE_SUBCLASS",
        "IMAGE_WHITE_IS_ZERO",
        "INTERLACE_MODE",
        "DISPLAY_ORIGIN",
        "MATLAB_class",
    }
)
"""Attributes that say what a dataset is: HDF5 Image and Palette Specification 1.2, and MATLAB's 7.3 files."""

_OF_PROGRAMS = ("IMAGE_", "MATLAB_", "_Netcdf4", "_NC", "FIELD_", "FILTERS")
_OF_PROGRAMS_WHOLE = frozenset(
    [
        "PALETTE",
        "NAME",
        "TITLE",
        "VERSION",
        "FLAVOR",
        "EXTDIM",
        "NROWS",
        "DIMENSION_LIST",
        "REFERENCE_LIST",
        "DIMENSION_LABELS",
        "DISPLAY_ORIGIN",
        "H5PATH",
    ]
)
"""Attributes that programs write for themselves: no values of the images."""

_ERRORS = (RuntimeError, OSError, LookupError, ValueError, TypeError)


def describe_group(group: h5g.GroupID, path: str) -> GroupFacts:
    """Say what HDF5 knows of a group: its attributes, and the order in which its members were created.

    Args:
        group: The group, opened.
        path: Its path.
    """
    created: list[bytes] = []
    if group.get_create_plist().get_link_creation_order() & h5p.CRT_ORDER_TRACKED:
        group.links.iterate(created.append, idx_type=h5.INDEX_CRT_ORDER)
    paths = tuple(f"{path}/{readable(name)}" if path else readable(name) for name in created)
    _, attributes, lists = attributes_of(group)
    return GroupFacts(path, paths, attributes, lists)


_Attributes = tuple[dict[str, str], tuple[tuple[str, Value], ...], tuple[tuple[str, Sequence[Value]], ...]]


def attributes_of(thing: h5d.DatasetID | h5g.GroupID) -> _Attributes:
    """Return what attributes say of a thing, those with one value of it, and those with several."""
    marks: dict[str, str] = {}
    values: list[tuple[str, Value]] = []
    lists: list[tuple[str, Sequence[Value]]] = []
    for place in range(min(h5a.get_num_attrs(thing), MOST_ATTRIBUTES)):
        attribute = h5a.open(thing, index=place)
        name = readable(attribute.name)
        try:
            found = _read(attribute)
        except _ERRORS:
            continue
        if name in _MARKS and len(found) == 1:
            marks[name] = str(found[0]).strip("\0")
        elif name.startswith(_OF_PROGRAMS) or name in _OF_PROGRAMS_WHOLE or None in found or not found:
            continue
        elif len(found) > 1:
            lists.append((name, found))
        elif not isinstance(found[0], str) or len(found[0]) <= MOST_ATTRIBUTE_BYTES:
            values.append((name, found[0]))
    return marks, tuple(values), tuple(lists)


def _read(attribute: h5a.AttrID) -> list[Value]:
    """Return the values of an attribute; none of those of a type or shape that no column has."""
    space = attribute.get_space()
    count = 0 if space.get_simple_extent_type() == h5s.NULL else space.get_simple_extent_npoints()
    is_row = count == 1 or space.get_simple_extent_ndims() == 1
    most = MOST_ATTRIBUTE_BYTES if count == 1 else MOST_LIST_BYTES
    kind = attribute.get_type()
    number = kind.get_class()
    is_plain = number in {h5t.STRING, h5t.INTEGER, h5t.FLOAT, h5t.ENUM}
    if not count or not is_row or not is_plain or attribute.get_storage_size() > most:
        return []
    members = members_of(kind) if number == h5t.ENUM and not is_boolean(kind) else {}
    found = np.empty(attribute.shape, dtype=attribute.dtype)
    attribute.read(found)
    return [_value(one, members) for one in found.ravel()]


def _value(value: object, members: Mapping[int, str]) -> Value:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return readable(value.rstrip(b"\0"))
    if members and isinstance(value, np.integer):
        return members.get(int(value))
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        plain: Value = value.item()
        return None if plain != plain else plain  # noqa: PLR0124  # NaN
    return None


def members_of(kind: h5t.TypeEnumID) -> dict[int, str]:
    """Return value -> name of an enumeration."""
    names = [kind.get_member_name(place) for place in range(min(kind.get_nmembers(), MOST_MEMBERS))]
    return {int(kind.enum_valueof(name)): readable(name) for name in names}


def is_boolean(kind: h5t.TypeEnumID) -> bool:
    """Say whether an enumeration is h5py's for true and false."""
    if kind.get_nmembers() != len((False, True)):
        return False
    return {kind.get_member_name(0), kind.get_member_name(1)} == {b"FALSE", b"TRUE"}
