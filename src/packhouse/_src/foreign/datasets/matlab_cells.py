"""MATLAB's cell arrays, as its files of version 7.3 have them: a dataset of references to other datasets."""

from __future__ import annotations

from typing import NamedTuple

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5o, h5r, h5s, h5t

from packhouse._src.foreign.found import RefusedError, numbered

MOST_CELLS = 1_000_000
MOST_LETTERS = 4096
_CLASS = b"MATLAB_class"


class Texts(NamedTuple):
    """The elements of a cell array of text."""

    values: list[str]


class CellArrays:
    """The cell arrays of one file, and the datasets that are their elements.

    Args:
        file: The file.
    """

    def __init__(self, file: h5f.FileID) -> None:
        self._file = file
        self._names: dict[int, str] = {}
        self._texts: set[int] = set()

    def name_of(self, address: int) -> str:
        """Return what an element is called: "images/07" for the eighth of `images`; "" for other datasets."""
        return self._names.get(address, "")

    def is_text(self, address: int) -> bool:
        """Say whether a dataset is the text of an element, which `take` has read."""
        return address in self._texts

    def take(self, dataset: h5d.DatasetID, path: str) -> Texts | list[str]:
        """Read the elements of a cell array.

        Args:
            dataset: A dataset.
            path: Its path.

        Returns:
            The texts of a cell array of text; of another one the names that its elements have from now on.

        Raises:
            RefusedError: It has too many elements, or refers to nothing.
        """
        count = dataset.get_space().get_simple_extent_npoints()
        if count > min(MOST_CELLS, dataset.get_storage_size()):
            raise RefusedError(f"has {count:,} cells")
        references = np.empty(dataset.shape, dtype=h5py.ref_dtype)
        dataset.read(h5s.ALL, h5s.ALL, references)
        # MATLAB numbers by columns: its first axis is the last one here
        elements = [h5r.dereference(one, self._file) for one in references.ravel()]
        if not all(isinstance(one, h5d.DatasetID) for one in elements):
            raise RefusedError("is a cell array that refers to other things than datasets")
        addresses = [h5o.get_info(one).addr for one in elements]
        texts = [_text_of(one) for one in elements]
        if elements and None not in texts:
            self._texts.update(addresses)
            return Texts([text for text in texts if text is not None])
        names = [f"{path}/{name}" for name in numbered(len(elements))]
        for address, name in zip(addresses, names, strict=True):
            self._names.setdefault(address, name)
        return names


def is_cell(dataset: h5d.DatasetID) -> bool:
    """Say whether a dataset is a cell array."""
    return dataset.get_type().get_class() == h5t.REFERENCE and _class_of(dataset) == "cell"


def _class_of(dataset: h5d.DatasetID) -> str:
    if not h5a.exists(dataset, _CLASS):
        return ""
    attribute = h5a.open(dataset, _CLASS)
    kind = attribute.get_type()
    if kind.get_class() != h5t.STRING or kind.is_variable_str() or attribute.shape != ():
        return ""
    value = np.empty((), dtype=attribute.dtype)
    attribute.read(value)
    return bytes(value[()]).rstrip(b"\0").decode("ascii", "replace")


def _text_of(dataset: h5d.DatasetID) -> str | None:
    """Return the text of an element; None when it is none."""
    kind = dataset.get_type()
    is_char = (
        kind.get_class() == h5t.INTEGER and kind.get_size() == len("ab") and _class_of(dataset) == "char"
    )
    created = dataset.get_create_plist()
    if not is_char or created.get_external_count() or created.get_layout() == h5d.VIRTUAL:
        return None
    if dataset.get_space().get_simple_extent_npoints() > MOST_LETTERS:
        return None
    letters = np.empty(dataset.shape, dtype="<u2")
    dataset.read(h5s.ALL, h5s.ALL, letters)
    return letters.ravel().tobytes().decode("utf-16-le", "replace")
