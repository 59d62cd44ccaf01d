"""The strict walk through an HDF5 file that packhouse did not write; run as a process of its own.

One component at a time, hard links only; what a link or a dataset says of itself is looked at before it is
followed. Data is read in place where it can be; what is compressed goes through the HDF5 library
(`library_reading`), a bounded part at a time and with the filters that the library itself has: nothing that
the file says makes us open another one, load a plugin, or allocate what it declares.

The library is "not designed to handle maliciously crafted files safely" (its SECURITY.md), hence the process:
`walker_process` starts it and reads what it prints, one JSON document a line.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5o, h5p, h5pl, h5s, h5t

from packhouse._src.foreign.datasets.attributes import describe_group
from packhouse._src.foreign.datasets.describing import describe, open_hard, refuse_elsewhere
from packhouse._src.foreign.datasets.library_reading import Library
from packhouse._src.foreign.datasets.matlab_cells import CellArrays, Texts, is_cell
from packhouse._src.foreign.datasets.recognition import Recognizer
from packhouse._src.foreign.datasets.references import References, is_reference
from packhouse._src.foreign.evidence.layouts import NO_WISH, Hdf5Wish
from packhouse._src.foreign.found import (
    Absent,
    ClassNames,
    Dataset,
    HostFile,
    Item,
    Labelled,
    OffsetColumn,
    Picture,
    PictureForm,
    Ranged,
    Refused,
    RefusedError,
    SplitOf,
    readable,
)
from packhouse._src.imagefile import format as file_format
from packhouse._src.ranges import read_range
from packhouse._src.system.open_flags import READ

LINES_TOGETHER = 512
HEAD_BYTES = 64 << 10

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
        wish: What the user said of it.

    Raises:
        RefusedError: It is not a regular file, or the HDF5 library cannot open it.
    """

    def __init__(self, path: Path, wish: Hdf5Wish = NO_WISH) -> None:
        while h5pl.size():  # HDF5_PLUGIN_PRELOAD=:: says the same; a filter of a plugin runs its code
            h5pl.remove(0)
        self.descriptor = os.open(path, READ)
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
        self.library = Library(self._file)
        self._recognizer = Recognizer(self.host, self.library, wish, is_ours=self.own_id() is not None)
        self._cells = CellArrays(self._file)
        self._references = References(self._file)
        self._entered: dict[int, str] = {}

    def __iter__(self) -> Iterator[Item]:
        """Yield the images, and what is none, with the reason; every link of the file once."""
        root = h5g.open(self._file, b"/")
        self._entered[h5o.get_info(root).addr] = "/"
        waiting = [_Level(root, b".", "", 0)]
        while waiting:
            level = waiting.pop()
            try:
                group = level.parent if not level.depth else open_hard(level.parent, level.link)[0]
                links: list[bytes] = []
                group.links.iterate(links.append)
            except _ERRORS as err:
                yield Refused(level.path, f"the HDF5 library cannot list it: {_told(err)}")
                continue
            except RefusedError as err:
                yield Refused(level.path, str(err))
                continue
            yield from self._links(group, links, level, waiting)
        for path, keys in self._references.in_order():
            yield from self._recognizer.add_references(path, keys)
        yield from self._recognizer.finish()

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
                thing, address = open_hard(group, link)
                if isinstance(thing, h5g.GroupID):
                    self._enter(address, path, level.depth + 1)
                    waiting.append(_Level(group, link, path, level.depth + 1))
                elif is_cell(thing):
                    self._take_cells(thing, path)
                elif is_reference(thing):
                    refuse_elsewhere(thing.get_create_plist())
                    self._references.add(thing, path)
                elif not self._cells.is_text(address):
                    known_as = self._cells.name_of(address)
                    datasets.append(describe(thing, path, self.host)._replace(known_as=known_as))
                    self._references.note(address, path)
            except RefusedError as err:
                yield Refused(path, str(err))
            except _ERRORS as err:
                yield Refused(path, f"the HDF5 library cannot read its description: {_told(err)}")
        yield from self._recognizer.sort_out(datasets, describe_group(group, level.path))

    def _take_cells(self, dataset: h5d.DatasetID, path: str) -> None:
        refuse_elsewhere(dataset.get_create_plist())
        taken = self._cells.take(dataset, path)
        if isinstance(taken, Texts):
            self._recognizer.add_texts(path, taken.values)
        else:
            self._recognizer.add_cells(path, taken)

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
        offset = read_range(self.descriptor, HEAD_BYTES, 0).find(found.encode())
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


def _told(err: Exception) -> str:
    lines = str(err.args[0]).splitlines() if err.args else []
    return lines[0][:300] if lines else type(err).__name__


WORDS_OF = {
    Ranged: "image",
    Refused: "refused",
    OffsetColumn: "helper",
    PictureForm: "form",
    Picture: "picture",
    Labelled: "labels",
    SplitOf: "split",
    ClassNames: "classes",
    Absent: "absent",
}
"""What each item is called in the lines that are printed."""


def main() -> None:
    """Walk the file that the command line names and print what is found, in lines of JSON."""
    path, said = Path(sys.argv[1]), json.loads(sys.argv[2])
    lines: list[list[object]] = []
    try:
        walk = Walk(path, Hdf5Wish(tuple(said["images_from"]), said["layout"]))
        lines.append(["id", *(walk.own_id() or ("", 0))])
        for item in walk:
            lines.append([WORDS_OF[type(item)], *item])
            if len(lines) >= LINES_TOGETHER:
                print(json.dumps(lines))  # noqa: T201  # this process's whole purpose
                lines = []
        lines.append(["end"])
    except (RefusedError, MemoryError, OSError, RuntimeError) as err:
        lines.append(["failed", _told(err)])
    print(json.dumps(lines), flush=True)  # noqa: T201
    os._exit(0)  # whatever the library would still do at its end
