"""Every kind of SRC, HDF5 files too."""

from __future__ import annotations

from pathlib import Path

from packhouse._src.sources.detecting import is_hdf5, open_source
from packhouse._src.sources.source import Source


def open_any_source(src: Path, leave_out: frozenset[Path]) -> Source:
    """Open a data set, whatever it comes in.

    Args:
        src: A folder, an archive, a list of paths or an HDF5 file.
        leave_out: Absolute folders that are not entered, such as the pack that is being written.

    Returns:
        The source, not scanned yet.

    Raises:
        SourceNotFoundError: There is no such data set.
        SourceError: It cannot be read.
    """
    if is_hdf5(src):
        from packhouse._src.packing.hdf5_source import Hdf5Source

        return Hdf5Source(src)
    return open_source(src, leave_out=leave_out)
