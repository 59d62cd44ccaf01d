"""Datasets of references to other datasets: the order in which a file names its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import h5py
import numpy as np
from h5py import h5d, h5f, h5o, h5r, h5s, h5t

from packhouse._src.foreign.found import RefusedError

MOST_REFERENCES = 1_000_000
MOST_NOTED = 1_000_000
"""Addresses of datasets that are kept, until it is known whether something refers to them."""


class References:
    """Those of one file.

    Args:
        file: The file.
    """

    def __init__(self, file: h5f.FileID) -> None:
        self._file = file
        self._targets: dict[str, Sequence[int]] = {}
        self._paths: dict[int, str] = {}

    def add(self, dataset: h5d.DatasetID, path: str) -> None:
        """Read a dataset of references.

        Raises:
            RefusedError: It has too many, or they lead nowhere.
        """
        count = dataset.get_space().get_simple_extent_npoints()
        if count > min(MOST_REFERENCES, dataset.get_storage_size()):
            raise RefusedError(f"has {count:,} references")
        found = np.empty(dataset.shape, dtype=h5py.ref_dtype)
        dataset.read(h5s.ALL, h5s.ALL, found)
        targets = (h5r.dereference(one, self._file) for one in found.ravel() if one)
        self._targets[path] = [h5o.get_info(one).addr for one in targets]

    def note(self, address: int, path: str) -> None:
        """Take note of where a dataset is."""
        if len(self._paths) < MOST_NOTED:
            self._paths.setdefault(address, path)

    def in_order(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the path of each dataset of references, and the paths of the datasets that it refers to."""
        for path, addresses in self._targets.items():
            paths = [self._paths[one] for one in addresses if one in self._paths]
            yield path, paths if len(paths) == len(addresses) else []


def is_reference(dataset: h5d.DatasetID) -> bool:
    """Say whether a dataset holds references to objects."""
    kind = dataset.get_type()
    return bool(kind.get_class() == h5t.REFERENCE and kind.equal(h5t.STD_REF_OBJ))
