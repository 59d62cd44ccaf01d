"""Every kind of SRC, and the archives and HDF5 files inside of a folder."""

from __future__ import annotations

from pathlib import Path

from packhouse._src.foreign.evidence.layouts import NO_WISH, Hdf5Wish
from packhouse._src.packing.nested_source import NestedSource
from packhouse._src.sources.detecting import DEFAULT_OPTIONS, is_hdf5, open_archive, open_source
from packhouse._src.sources.source import Source, SourceOptions


def open_any_source(
    src: Path,
    leave_out: frozenset[Path],
    options: SourceOptions = DEFAULT_OPTIONS,
    *,
    wish: Hdf5Wish = NO_WISH,
) -> Source:
    """Open a data set, whatever it comes in.

    Args:
        src: A folder, an archive, a list of paths or an HDF5 file.
        leave_out: Absolute folders that are not entered, such as the pack that is being written.
        options: How it is to be read.
        wish: What the user said of HDF5 files.

    Returns:
        The source, not scanned yet.

    Raises:
        SourceNotFoundError: There is no such data set.
        SourceError: It cannot be read.
    """
    if is_hdf5(src):
        return _hdf5(src, wish)
    source = open_source(src, leave_out=leave_out, options=options)
    if src.is_dir():
        return NestedSource(
            source, lambda path: _hdf5(path, wish) if is_hdf5(path) else open_archive(path, options)
        )
    return source


def _hdf5(path: Path, wish: Hdf5Wish) -> Source:
    from packhouse._src.packing.hdf5_source import Hdf5Source  # brings the walk

    return Hdf5Source(path, wish)
