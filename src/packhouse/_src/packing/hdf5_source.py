"""A third-party HDF5 file as a data set: walked once; its images are read where they lie, or converted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from packhouse._src.foreign.converting import VERSION, can_be_made, image_file, size_of_file
from packhouse._src.foreign.evidence.layouts import NO_WISH, Hdf5Wish
from packhouse._src.foreign.foreign_index import file_name_for
from packhouse._src.foreign.found import Picture, PictureForm, Ranged
from packhouse._src.foreign.label_table import LABELS, csv_of, label_table
from packhouse._src.foreign.library_stream import LibraryStream, StreamedDataset
from packhouse._src.foreign.walked import Walked
from packhouse._src.foreign.walker_process import walk_apart
from packhouse._src.images.sniffing import PNG, media_type_of
from packhouse._src.records import Failed, SourceFile
from packhouse._src.sources.archives.archive_file import copied
from packhouse._src.sources.archives.member_ranges import RangeSource
from packhouse._src.sources.source import Found
from packhouse.errors import SourceError, StoreError, Where

HEAD_BYTES = 64
"""So much of an image is looked at to give its name the extension that fits."""

TO_CONVERT = "--convert makes image files of it"


class _Recipe(NamedTuple):
    """How one image file is made."""

    form: PictureForm
    offset: int
    """As of Picture."""

    length: int
    dataset: int
    """Place among the datasets of the stream; -1: not in it."""

    row: int


class Hdf5Source(RangeSource):
    """An HDF5 file of images.

    Args:
        path: The file.
        wish: What the user said of it.
    """

    chosen = True

    def __init__(self, path: Path, wish: Hdf5Wish = NO_WISH) -> None:
        super().__init__(path)
        self._wish = wish
        self._recipes: dict[str, _Recipe] = {}
        self._streamed: tuple[StreamedDataset, ...] = ()
        self._stream: LibraryStream | None = None
        self._labels = b""
        self._labels_path = f"{LABELS}.csv"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the path, what was there, and how its images are made."""
        state = {"_archive": self._archive, "_recipes": self._recipes, "_streamed": self._streamed}
        return (Hdf5Source, (self.path, self._wish), state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what the scan has found."""
        self.__dict__.update(state)

    @property
    def in_turn(self) -> bool:  # type: ignore[override]  # what the HDF5 library reads comes as one stream
        """Whether images come as one stream, since the HDF5 library has to read some."""
        return bool(self._streamed)

    def scan(self, on_found: Callable[[int], None]) -> Found:
        """List every image; a path is that of its dataset, with an extension that fits.

        Args:
            on_found: Called with the number of images found since the last call.

        Returns:
            Images, and their labels as the table "labels.csv"; everything else has failed.

        Raises:
            SourceNotFoundError: There is no such file.
            SourceError: The HDF5 library cannot open it.
            UsageError: The user named a dataset that is not there.

        Cost: 40-50 us per image, in a process of its own.
        """
        size = self._archive.identity.size
        try:
            walked = walk_apart(self.path, size, wish=self._wish, on_images=on_found)
        except StoreError as err:
            raise SourceError(err.problem, where=err.where, hint=err.hint) from err
        failed = [Failed(one.path, "SourceError", one.reason) for one in walked.refused]
        keys = {image.key for image in walked.images}
        keys |= {picture.key for _, pictures in walked.forms for picture in pictures}
        names: dict[str, str] = {}
        files: list[SourceFile] = []
        for key, file in self._files(walked, keys, failed):
            names[key] = file.path
            files.append(file)
        labels = label_table(walked, names)
        failed += [Failed(one.path, "SourceError", one.reason) for one in labels.refused]
        if labels.columns:
            self._labels = csv_of(labels, names)
            while self._labels_path in keys:
                self._labels_path = f"image_{self._labels_path}"
            files.append(SourceFile(self._labels_path, len(self._labels), self._stamp, 0))
        return Found(
            files=tuple(sorted(files)), skipped=(), failed=tuple(sorted(failed, key=lambda one: one.path))
        )

    def read_into(self, file: SourceFile, view: memoryview) -> SourceFile:
        """Read one image, or make its file; see `Source`.

        Raises:
            SourceChangedError: The HDF5 file was written to.
            SourceError: It cannot be read or converted.
        """
        recipe = self._recipes.get(file.path)
        if recipe is None:
            return super().read_into(file, view)
        data = self._stored(recipe)
        self._archive.check_unchanged()
        try:
            made = image_file(recipe.form, data)
        except ValueError as err:
            raise SourceError(str(err), where=Where(file=str(self.path), member=file.path)) from err
        if len(made) != len(view):
            raise self._cut(file)
        view[:] = made
        return file

    @contextmanager
    def as_file(self, file: SourceFile, folder: Path, *, most: int | None = None) -> Iterator[Path]:
        """Write the table of labels to a file by itself; otherwise as of `RangeSource`."""
        if file.path != self._labels_path:
            with super().as_file(file, folder, most=most) as path:
                yield path
            return
        with copied(file, folder, [self._labels]) as path:
            yield path

    def read_ahead(self, files: Sequence[SourceFile]) -> None:
        """Tell the system that these images will be read soon."""
        super().read_ahead([file for file in files if file.path not in self._recipes])

    @property
    def _stamp(self) -> int:
        """A number that changes with the file, and with what is made of it."""
        text = repr((self._archive.identity, self._wish, VERSION)).encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "little", signed=True)

    def _stored(self, recipe: _Recipe) -> bytes:
        if recipe.dataset < 0:
            return self._archive.read(recipe.length, recipe.offset)
        if self._stream is None:
            self._stream = LibraryStream(self.path, self._streamed)
        return self._stream.read(recipe.dataset, recipe.row)

    def _files(
        self, walked: Walked, keys: set[str], failed: list[Failed]
    ) -> Iterator[tuple[str, SourceFile]]:
        """Yield key and file of each image; note how it is made."""
        stamp = self._archive.identity.stamp
        for image in walked.images:
            if image.pixels is None:
                head = self._archive.read(min(image.length, HEAD_BYTES), image.offset)
                name = file_name_for(image.key, media_type_of(head), keys)
                yield image.key, SourceFile(name, image.length, stamp, image.offset)
        forms = [*_forms_of_pixels(walked.images), *walked.forms]
        streamed: list[StreamedDataset] = []
        behind = self._archive.identity.size
        for form, pictures in forms:
            if form.asks_to_convert and not self._wish.convert:
                failed.append(Failed(form.path, "SourceError", f"{form.reason}: {TO_CONVERT}"))
                continue
            if not can_be_made(form):
                failed.append(Failed(form.path, "SourceError", "its images are too large for a PNG file"))
                continue
            in_stream = bool(pictures) and pictures[0].offset < 0
            for picture in pictures:
                name = file_name_for(picture.key, picture.media_type or _media_type(form), keys)
                place = len(streamed) if in_stream else -1
                self._recipes[name] = _Recipe(form, picture.offset, picture.length, place, picture.row)
                # what comes in the stream has places behind the file, in its order
                at, behind = (behind, behind + 1) if in_stream else (picture.offset, behind)
                yield picture.key, SourceFile(name, size_of_file(form, picture), self._stamp, at)
            if in_stream:
                n_bytes = sum(picture.length for picture in pictures)
                streamed.append(StreamedDataset(form.path, form.is_stack, n_bytes))
        self._streamed = tuple(streamed)


def _media_type(form: PictureForm) -> str | None:
    return PNG if form.form == "pixels" else None


def _forms_of_pixels(images: Sequence[Ranged]) -> Iterator[tuple[PictureForm, list[Picture]]]:
    """Yield pixels that lie in the file as they are, by their shape, as what is converted."""
    by_shape: dict[tuple[int, int, int], list[Picture]] = {}
    for image in images:
        if image.pixels is not None:
            picture = Picture(image.key, 0, image.offset, image.length, image.length, "")
            by_shape.setdefault(image.pixels, []).append(picture)
    for shape, pictures in by_shape.items():
        yield (
            PictureForm("", "pixels", "|u1", shape, "HWC", "", is_stack=True, asks_to_convert=False),
            pictures,
        )
