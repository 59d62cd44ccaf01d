"""What the datasets of one group of an HDF5 file are: images, columns that label them, or neither.

One image a dataset: a fixed-length string, opaque bytes, a row of bytes, one value of variable length, or
pixels. Several in a dataset: values of variable length, pixels, or one row of bytes beside a column of
offsets. `evidence.layouts` decides whether an array is pixels of images.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from packhouse._src.foreign.datasets.attribute_labels import of_attributes, of_group
from packhouse._src.foreign.datasets.columns import MOST_ROWS, Columns, LibraryReader, start_of
from packhouse._src.foreign.datasets.labelling_datasets import (
    LabelCandidate,
    LabelFinder,
    may_be_one_hot,
)
from packhouse._src.foreign.datasets.offset_columns import LENGTHS, OFFSETS, column_called, cut, data_beside
from packhouse._src.foreign.datasets.pictures import HEAD_BYTES, MOST_IMAGE_BYTES, Pictures, decoded
from packhouse._src.foreign.evidence.label_columns import ImageSet
from packhouse._src.foreign.evidence.layouts import NOT_CHOSEN, Hdf5Wish, judge
from packhouse._src.foreign.evidence.name_words import IMAGE, IMAGES, OTHER, Named, read_name
from packhouse._src.foreign.evidence.unclear_shapes import is_numbered_picture
from packhouse._src.foreign.found import (
    Absent,
    Dataset,
    GroupFacts,
    HostFile,
    Item,
    OffsetColumn,
    Ranged,
    Refused,
    RefusedError,
    numbered,
)
from packhouse._src.foreign.global_heap import GlobalHeap
from packhouse._src.images.sniffing import media_type_of

NAMES = ("names", "keys", "file_names", "ids", "filenames")
MOST_KNOWN = 12
REPACK = "h5repack -f NONE -l CONTI IN.h5 OUT.h5 stores them unchanged"
EMPTY = "canonical empty"
NUMBERS = "holds numbers, not images"
TEXT = "holds text, not images"
REFERENCES = "holds references, not images"
NO_TABLE = "neither pixels of 8 bits nor a column of labels"
STORE_EACH = "store each as a dataset of its own, or with a variable length"
NEEDS_BYTES = "packhouse packs pixels of 8 bits: store them as uint8"
_NO_NUMBERS = {"bool": "true and false", "enum": "values of an enumeration"}

_ENCODED = frozenset({"byte", "opaque", "text", "vlen"})
_Shape = tuple[int, int, int]
_Names = dict[int, tuple[Dataset, list[str]]]
"""Number of rows -> the column of names with as many, and the names."""

STACK, SINGLE, BASE64, COLUMN, NEITHER = "stack", "single", "base64", "column", "neither"


class _Role(NamedTuple):
    """What a dataset is."""

    kind: str
    """STACK (several images), SINGLE (one), BASE64 (either), COLUMN or NEITHER."""

    layout: str = ""
    """Of pixels."""

    reason: str = ""
    """Of COLUMN why it is no image, of NEITHER why it is refused."""


class Recognizer:
    """Tells images from the rest in one file.

    Args:
        file: The file.
        library: For what does not lie in the file as it is.
        wish: What the user said of it.
        is_ours: Whether packhouse has written the file, so that every row of bytes is one image.
    """

    def __init__(self, file: HostFile, library: LibraryReader, wish: Hdf5Wish, *, is_ours: bool) -> None:
        self._file = file
        self._is_ours = is_ours
        self._wish = wish
        self._heap = GlobalHeap(file)
        self._columns = Columns(file, self._heap, library)
        self._pictures = Pictures(file, self._columns, library)
        self._labels = LabelFinder(self._columns)
        self._not_met = {path for path in wish.images_from if path}
        self._known: list[str] = []

    def sort_out(self, datasets: Sequence[Dataset], group: GroupFacts) -> Iterator[Item]:
        """Say of every dataset of one group what it is.

        Args:
            datasets: All that the HDF5 library can describe.
            group: What HDF5 says of the group.

        Yields:
            Its images, the values that label them, or why it is neither.
        """
        left: dict[str, Dataset] = {}
        for dataset in datasets:
            self._note_name(dataset.key)
            if left.setdefault(dataset.name, dataset) is not dataset:
                yield Refused(dataset.path, "another dataset in the group has the same name")
        sets: list[ImageSet] = []
        yield from self._by_offsets(left, sets)
        roles = self._roles(left)
        counts = {left[name].rows for name, role in roles.items() if role.kind == STACK}
        named = self._names_beside(counts, left)
        for helper, _ in named.values():
            yield OffsetColumn(helper.path)
            del roles[helper.name]
        candidates: list[LabelCandidate] = []
        for name, role in roles.items():
            dataset = left[name]
            if dataset.marks.get("MATLAB_class") == EMPTY:
                continue  # MATLAB's own: every file with cells has one
            if role.kind == COLUMN or (role.kind == SINGLE and _is_column_of(dataset, counts)):
                candidates.append(LabelCandidate(dataset, role.reason or NUMBERS))
                continue
            try:
                yield from self._images_of(dataset, role, named, sets)
            except RefusedError as err:
                yield Refused(dataset.path, str(err))
        yield from of_group(group, datasets, sets)
        yield from self._labels.beside(candidates, sets, group)

    def add_references(self, path: str, keys: Sequence[str]) -> Iterator[Item]:
        """Take a dataset that refers to others, for the order that it has: they may be images.

        Yields:
            What it is.
        """
        used = self._labels.ordered(path, keys)
        yield OffsetColumn(path) if used else Refused(path, REFERENCES)

    def add_cells(self, path: str, keys: Sequence[str]) -> None:
        """Take note of a cell array whose elements may be images of these names."""
        self._labels.add_set(ImageSet(path, keys))

    def add_texts(self, path: str, texts: Sequence[str]) -> None:
        """Take a cell array of text, which may label images."""
        self._columns.keep(path, texts)
        self._labels.add_column(Dataset(path, "text", "", 0, (len(texts),), (), 1), TEXT)

    def finish(self) -> Iterator[Item]:
        """Say what is known only when all groups have been sorted out.

        Yields:
            Values of columns that lie in another group than their images; datasets that the user named and
            that are not there.
        """
        yield from self._labels.finish()
        for path in sorted(self._not_met):
            yield Absent(path, self._known)

    def _note_name(self, path: str) -> None:
        if self._wish.images_from:
            self._not_met -= {one for one in self._not_met if path == one or path.startswith(f"{one}/")}
            if len(self._known) < MOST_KNOWN:
                self._known.append(path)

    def _roles(self, datasets: Mapping[str, Dataset]) -> dict[str, _Role]:
        counts = {one.n_values or 0 for one in datasets.values()} - {0, 1}
        roles = {}
        for name, dataset in datasets.items():
            try:
                roles[name] = self._role(dataset, counts)
            except RefusedError as err:
                roles[name] = _Role(NEITHER, reason=str(err))
        return roles

    def _role(self, dataset: Dataset, counts: Collection[int]) -> _Role:
        wish, shape = self._wish, dataset.shape
        if wish.images_from and not wish.names(dataset.key):
            role = COLUMN if dataset.n_values is not None else NEITHER
            return _Role(role, reason=NOT_CHOSEN.reason)
        if shape is None:
            return _Role(SINGLE) if dataset.kind in _ENCODED else _Role(NEITHER, reason=NUMBERS)
        if dataset.kind in _ENCODED and (dataset.kind != "byte" or len(shape) <= 1):
            return self._role_of_encoded(dataset, shape)
        if dataset.n_values is not None and dataset.key not in wish.images_from:
            if dataset.marks.get("MATLAB_class") == "char":
                return _Role(NEITHER, reason=TEXT)
            return _Role(COLUMN, reason=NUMBERS)
        return self._role_of_array(dataset, shape, counts)

    def _role_of_encoded(self, dataset: Dataset, shape: tuple[int, ...]) -> _Role:
        if dataset.kind == "vlen":
            return self._role_of_values(dataset, shape)
        return self._role_of_texts(dataset) if dataset.kind == "text" else self._role_of_bytes(dataset)

    def _role_of_array(self, dataset: Dataset, shape: tuple[int, ...], counts: Collection[int]) -> _Role:
        is_chosen = dataset.key in self._wish.images_from
        if may_be_one_hot(dataset) and not is_chosen:
            return _Role(COLUMN, reason=f"holds {shape[0]:,} rows of {shape[1]:,} numbers, not images")
        named = read_name(dataset.key)
        is_table = len(shape) == len("HW") and dataset.unit == "|u1" and dataset.kind == "byte"
        if is_table and named.says is None and is_numbered_picture(dataset.key, shape):
            named = named._replace(says=IMAGE)
        judged = judge(dataset.key, shape, dataset.marks, named=named, counts=counts, wish=self._wish)
        if not math.prod(shape):
            return _Role(NEITHER, reason="is empty")
        if not is_chosen and (reason := _doubt(dataset, named, judged.layout)):
            return _Role(NEITHER, reason=reason)
        if judged.layout is None:
            return _Role(NEITHER, reason=self._padded(dataset) or judged.reason)
        if dataset.kind in {"bool", "enum"} or (dataset.unit != "|u1" and dataset.kind != "float"):
            return _Role(NEITHER, reason=f"holds {_words_of(dataset)}; {NEEDS_BYTES}")
        return _Role(STACK if judged.layout[0] == "N" else SINGLE, judged.layout)

    def _padded(self, dataset: Dataset) -> str:
        """Say that rows of bytes are image files, if they are."""
        shape = dataset.shape or ()
        if dataset.kind != "byte" or dataset.obstacle or len(shape) != len("HW") or shape[1] < HEAD_BYTES:
            return ""
        if media_type_of(self._file.read(start_of(dataset, 0), HEAD_BYTES)) is None:
            return ""
        return f"has image files padded to {shape[1]:,} bytes in its rows: {STORE_EACH}"

    def _role_of_values(self, dataset: Dataset, shape: tuple[int, ...]) -> _Role:
        if dataset.unit == "text":
            role = self._role_of_texts(dataset)
            if role.kind != SINGLE or dataset.n_values == 1:
                return role
            return _Role(STACK)
        if len(shape) == 1 and shape[0] != 1:
            return _Role(STACK)
        if math.prod(shape) != 1:
            raise RefusedError(f"has {len(shape)} dimensions of variable-length values, not one")
        return _Role(SINGLE)

    def _role_of_texts(self, dataset: Dataset) -> _Role:
        """Look at the first value: strings hold image files, base64 text of them, or labels."""
        head = self._columns.head_of(dataset) if dataset.n_values is not None else b""
        if media_type_of(head[:HEAD_BYTES]) is not None:
            return _Role(SINGLE)
        if dataset.shape in {(), (dataset.rows,)} and decoded(head) is not None:
            return _Role(BASE64)
        if dataset.n_values == 1 and not self._is_text(dataset, head):
            return _Role(SINGLE)
        if dataset.n_values is None:
            raise RefusedError(TEXT)
        return _Role(COLUMN, reason=TEXT)

    def _is_text(self, dataset: Dataset, head: bytes) -> bool:
        """Say whether the only value of a dataset is text for people, not the bytes of an image."""
        if dataset.key in self._wish.images_from:
            return False
        is_readable = _is_readable(head) if head else dataset.kind == "vlen"
        return is_readable or read_name(dataset.key).says == OTHER

    def _role_of_bytes(self, dataset: Dataset) -> _Role:
        may_be_other = dataset.kind == "byte" and not self._is_ours and not dataset.name.isdigit()
        if may_be_other and read_name(dataset.key).says == OTHER:
            first = min(HEAD_BYTES, dataset.rows * dataset.item_bytes)
            is_whole = not dataset.obstacle and first
            if is_whole and media_type_of(self._file.read(start_of(dataset, 0), first)) is None:
                return _Role(COLUMN, reason=NUMBERS)
        return _Role(SINGLE)

    def _images_of(
        self, dataset: Dataset, role: _Role, named: _Names, sets: list[ImageSet]
    ) -> Iterator[Item]:
        if role.kind == NEITHER:
            raise RefusedError(role.reason)
        is_one = role.kind == SINGLE or (role.kind == BASE64 and dataset.n_values == 1)
        keys = (dataset.key,) if is_one else self._keys_of(dataset, named)
        if is_one:
            dataset = _as_one(dataset, role)
        if role.kind == BASE64:
            yield from self._pictures.base64(dataset, keys)
        elif role.layout and not (dataset.unit == "|u1" and _is_direct(dataset, role.layout)):
            yield from self._pictures.pixels(dataset, role.layout, keys)
        elif dataset.obstacle and dataset.shape is not None:
            yield from self._pictures.encoded(dataset, keys)
        else:
            yield from self._ranges_of(dataset, role, keys, is_one=is_one)
        sets.append(ImageSet(dataset.key, keys))
        yield from of_attributes(dataset, sets[-1], is_one=is_one)

    def _ranges_of(
        self, dataset: Dataset, role: _Role, keys: Sequence[str], *, is_one: bool
    ) -> Iterator[Item]:
        """Take images that lie in the file as they are used."""
        if is_one:
            yield self._single(dataset, dataset.shape, role.layout)
        elif role.layout:
            yield from self._ranges_of_pixels(dataset, keys)
        else:
            yield from self._values(dataset, keys)

    def _keys_of(self, dataset: Dataset, named: _Names) -> list[str]:
        if dataset.rows > MOST_ROWS:
            raise RefusedError(f"holds {dataset.rows:,} images; {MOST_ROWS:,} are taken")
        names = named[dataset.rows][1] if dataset.rows in named else numbered(dataset.rows)
        return [f"{dataset.key}/{name}" for name in names]

    def _single(self, dataset: Dataset, shape: tuple[int, ...] | None, layout: str) -> Ranged:
        """Take the one image of a dataset."""
        if shape is None:
            return Ranged(dataset.key, 0, 0, None)
        if dataset.kind == "vlen":
            reference = self._file.read(start_of(dataset, 0), self._heap.reference_bytes)
            return self._ranged(dataset.key, *self._heap.locate(reference))
        pixels = (shape[0], shape[1], shape[2] if len(shape) == len("HWC") else 1) if layout else None
        return self._ranged(dataset.key, start_of(dataset, 0), math.prod(shape) * dataset.item_bytes, pixels)

    def _ranged(self, key: str, offset: int, length: int, pixels: _Shape | None = None) -> Ranged:
        if length > MOST_IMAGE_BYTES:
            raise RefusedError(f"has {length:,} bytes; an image may have {MOST_IMAGE_BYTES:,}")
        if not length:
            return Ranged(key, 0, 0, pixels)
        self._file.check(offset, length)
        return Ranged(key, offset, length, pixels)

    def _values(self, dataset: Dataset, keys: Sequence[str]) -> Iterator[Item]:
        width = self._heap.reference_bytes
        references = self._columns.stored(dataset)
        for row, key in enumerate(keys):
            try:
                yield self._ranged(key, *self._heap.locate(references[row * width : (row + 1) * width]))
            except RefusedError as err:
                yield Refused(key, str(err))

    def _ranges_of_pixels(self, dataset: Dataset, keys: Sequence[str]) -> Iterator[Item]:
        shape = dataset.shape or ()
        pixels = (shape[1], shape[2], shape[3] if len(shape) == len("NHWC") else 1)
        for row, key in enumerate(keys):
            try:
                yield self._ranged(key, start_of(dataset, row), math.prod(pixels), pixels)
            except RefusedError as err:
                yield Refused(key, str(err))

    def _by_offsets(self, left: dict[str, Dataset], sets: list[ImageSet]) -> Iterator[Item]:
        column = column_called(OFFSETS, left)
        data = None if column is None else data_beside(left)
        if column is None or data is None:
            return
        if self._wish.images_from and not self._wish.names(data.path):
            return
        if data.obstacle:
            del left[data.name]
            yield Refused(
                data.path, f"{data.obstacle}; bytes cut by offsets are read in place only: {REPACK}"
            )
            return
        yield from self._cut_by_offsets(data, column, left, sets)

    def _cut_by_offsets(
        self, data: Dataset, column: Dataset, left: dict[str, Dataset], sets: list[ImageSet]
    ) -> Iterator[Item]:
        """Take the images of one row of bytes; take what speaks of them out of `left`."""
        used = [column]
        try:
            offsets = self._columns.numbers_of(column)
            lengths = column_called(LENGTHS, left)
            if lengths is not None and lengths.rows in {len(offsets), len(offsets) - 1}:
                used.append(lengths)
            names = self._names_beside({len(offsets), len(offsets) - 1}, left)
            begins, sizes = cut(
                offsets,
                self._columns.numbers_of(lengths) if lengths in used and lengths is not None else None,
                names,
                data.rows,
            )
        except RefusedError as err:
            del left[data.name]
            yield Refused(data.path, f"its column {column.name} cannot be used: {err}")
            return
        helper, named = names.get(len(begins), (None, None))
        if helper is not None:
            used.append(helper)
        for dataset in (data, *used):
            del left[dataset.name]
        yield from (OffsetColumn(dataset.path) for dataset in (data, *used))
        folder = data.path.rpartition("/")[0]
        start = start_of(data, 0) if data.rows else 0
        keys = [f"{folder}/{name}" if folder else name for name in named or numbered(len(begins))]
        for key, begin, size in zip(keys, begins, sizes, strict=True):
            try:
                yield self._ranged(key, start + begin, size)
            except RefusedError as err:
                yield Refused(key, str(err))
        sets.append(ImageSet(data.path, keys))

    def _names_beside(self, counts: set[int], left: Mapping[str, Dataset]) -> _Names:
        """Find columns of names with as many entries as there are images."""
        found: _Names = {}
        for name in NAMES:
            dataset = left.get(name)
            if dataset is None or dataset.shape != (dataset.rows,) or dataset.rows not in counts:
                continue
            if dataset.kind == "text" or (dataset.kind, dataset.unit) == ("vlen", "text"):
                try:
                    names = self._columns.names_of(dataset)
                except RefusedError:
                    continue
                found.setdefault(dataset.rows, (dataset, names))
        return found


def _as_one(dataset: Dataset, role: _Role) -> Dataset:
    """Return a dataset that is one image, as it is read."""
    if dataset.kind in {"opaque", "text"} and role.kind == SINGLE and dataset.n_values not in {1, None}:
        raise RefusedError(
            f"holds {dataset.n_values:,} values padded to {dataset.item_bytes:,} bytes each: {STORE_EACH}"
        )
    if len(dataset.starts) > 1 and not dataset.obstacle:
        return dataset._replace(obstacle="is stored in several chunks")
    return dataset


def _doubt(dataset: Dataset, named: Named, layout: str | None) -> str:
    """Say why an array of other numbers than bytes is no image by its name; "" where its name says enough."""
    shape, digits = dataset.shape or (), any(letter.isdigit() for letter in dataset.name)
    is_named = named.says in {IMAGE, IMAGES} and (named.is_leaf or digits)
    if dataset.unit == "|u1" or named.says == OTHER or is_named:
        return ""
    if len(shape) == len("HW"):
        return f"holds {shape[0]:,} rows of {shape[1]:,} numbers: {NO_TABLE}"
    if layout is None or layout[0] == "N" or dataset.kind != "float":
        return ""
    reason = "holds floating-point numbers, and its name does not say that it is an image"
    return f"{reason}: --images-from {dataset.key} takes it"


def _is_readable(value: bytes) -> bool:
    """Say whether a value is text for people: no bytes of a damaged image."""
    start = value[:HEAD_BYTES].decode("utf-8", "ignore")  # a letter may be cut at the end
    return len(start.encode()) > min(len(value), HEAD_BYTES) - len("\U0010ffff".encode()) and all(
        letter.isprintable() or letter.isspace() for letter in start
    )


def _is_direct(dataset: Dataset, layout: str) -> bool:
    """Say whether pixels lie in the file as they are used: rows of height, width and channels."""
    return not dataset.obstacle and layout.lstrip("N") in {"HWC", "HW"}


def _is_column_of(dataset: Dataset, counts: Collection[int]) -> bool:
    """Say whether a row of bytes is one value each of as many images."""
    is_row = dataset.kind == "byte" and dataset.shape == (dataset.rows,)
    return is_row and dataset.rows > 1 and dataset.rows in counts


def _words_of(dataset: Dataset) -> str:
    if dataset.kind in _NO_NUMBERS:
        return _NO_NUMBERS[dataset.kind]
    kinds = {"u": "uint", "i": "int", "f": "float"}
    return f"{kinds.get(dataset.unit[1:2], dataset.unit)}{8 * int(dataset.unit[2:])} numbers"
