"""Makes the index of an HDF5 file of images that packhouse did not write, and finds it again."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from packhouse._src.concurrency.threads import default_workers, run_pieces
from packhouse._src.foreign.evidence.layouts import NO_WISH, Hdf5Wish
from packhouse._src.foreign.found import Ranged, Refused
from packhouse._src.foreign.index_places import (
    RECOGNITION,
    RECOGNITION_VERSION,
    labels_place,
    open_indexed,
    writable_places,
)
from packhouse._src.foreign.label_table import LABELS, LabelTable, label_table, linked_csv_of
from packhouse._src.foreign.walked import Walked
from packhouse._src.foreign.walker_process import walk_apart
from packhouse._src.imagefile.digest import digest_of, digest_of_all
from packhouse._src.imagefile.format import MANIFEST_FILE
from packhouse._src.imagefile.hdf5_signature import has_signature
from packhouse._src.imagefile.index_file import Binding, write_rows
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.images.formats import EXTENSIONS_OF
from packhouse._src.images.probing import probe
from packhouse._src.images.raw import RAW_TYPES
from packhouse._src.ranges import read_range
from packhouse._src.records import HeaderFacts
from packhouse._src.system.open_flags import READ
from packhouse._src.table_records import COMPRESSIONS, LinkReport, TableOutput, TablePlan
from packhouse.errors import CorruptStoreError, NoSpaceError, NotAPackError, StoreError, Where
from packhouse.progress import Observer, silent, task

PIECE_IMAGES = 64
EXAMPLES = 5
MOST_NOTED = 1000
"""So many of what was refused are named in the index; the rest is counted."""

EXTENSIONS = {
    **EXTENSIONS_OF,
    RAW_TYPES[1]: (".gray",),
    RAW_TYPES[3]: (".rgb",),
    RAW_TYPES[4]: (".rgba",),
}
"""Media type -> the extensions that fit it; the first is given to images whose key has none of them."""

_Facts = tuple[bytes, HeaderFacts]
_Range = tuple[int, int, tuple[int, int, int] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What came of making an index."""

    path: Path
    """The index."""

    images: int
    """How many are in it."""

    refused: tuple[Refused, ...]
    """All that is in the file and is no image of the index, with reasons."""

    helpers: tuple[str, ...]
    """Datasets that say where images lie, or what they are called."""

    problems: dict[str, str]
    """Key -> what is wrong with an image."""

    labels: tuple[str, ...]
    """Columns of the table of labels; none where the file has no labels."""


def open_foreign(path: Path, *, wish: Hdf5Wish = NO_WISH, observer: Observer = silent) -> ImageStore:
    """Open the images of an HDF5 file by its index, which is made if there is none that fits.

    Args:
        path: The file.
        wish: Which datasets are images, and how they are laid out, as the user said; an index that was made
            with another wish is made anew. Nothing said takes any index.
        observer: Progress callback.

    Returns:
        The images.

    Raises:
        NotAPackError: It is no HDF5 file.
        CorruptStoreError: The HDF5 library cannot open it.
        StoreError: The index cannot be written anywhere.
    """
    found = open_indexed(path)
    if found is not None:
        if wish in (NO_WISH, _wish_of(found)):
            return found
        found.close()
    return ImageStore(path, index_foreign(path, wish=wish, observer=observer).path)


def _wish_of(store: ImageStore) -> Hdf5Wish:
    """Return what the user said when the index was made."""
    said = store.index.notes.get("wish") or {}
    return Hdf5Wish(tuple(said.get("images_from", ())), said.get("layout"))


def index_foreign(
    path: Path, *, wish: Hdf5Wish = NO_WISH, workers: int | None = None, observer: Observer = silent
) -> Indexed:
    """Make the index of an HDF5 file, beside it or else in the cache folder; one that is there is replaced.

    Args:
        path: The file.
        wish: Which datasets are images, and how they are laid out, as the user said.
        workers: Number of threads that read; None for one per core.
        observer: Progress callback.

    Returns:
        Where it lies, and what of the file is not in it.

    Raises:
        NotAPackError: It is no HDF5 file.
        CorruptStoreError: The HDF5 library cannot open it, or it says what cannot be.
        StoreError: It changed meanwhile, or the index cannot be written anywhere.

    Cost: 40-50 us an image in a process of its own, then every byte is read once and hashed.
    """
    descriptor, facts = _open_regular(path)
    try:
        next(writable_places(path))  # before all the work, not after it
        with task(observer, "walk", total=None, unit="images") as progress:
            walked = walk_apart(path, facts.st_size, wish=wish, on_images=progress.advance)
        walked.refused += _refused_forms(walked, path)
        _refuse_overlapping(walked.images, facts.st_size, path)
        walked.images.sort(key=lambda image: image.key)
        with task(observer, "index", total=len(walked.images), unit="images") as progress:
            taken = _read_all(descriptor, walked.images, workers or default_workers(), progress.advance)
        now = path.stat()
        if (now.st_size, now.st_mtime_ns, now.st_ino) != (facts.st_size, facts.st_mtime_ns, facts.st_ino):
            raise StoreError("changed while it was indexed", where=Where(file=str(path)), hint="try again")
    finally:
        os.close(descriptor)
    mtime_ns = None if walked.file_id else facts.st_mtime_ns
    binding = Binding(
        file_size=facts.st_size, file_id=walked.file_id, id_offset=walked.id_offset, mtime_ns=mtime_ns
    )
    problems = {
        image.key: found.problem
        for image, (_, found) in zip(walked.images, taken, strict=True)
        if found.problem is not None
    }
    labels = label_table(walked, {image.key for image in walked.images})
    walked.refused += labels.refused
    writing = _Writing(path, wish, walked, taken, labels, observer)
    return Indexed(
        path=writing.write(binding, problems),
        images=len(walked.images),
        refused=tuple(walked.refused),
        helpers=tuple(walked.helpers),
        problems=problems,
        labels=tuple(labels.columns),
    )


def _open_regular(path: Path) -> tuple[int, os.stat_result]:
    where = Where(file=str(path))
    try:
        descriptor = os.open(path, READ)
    except OSError as err:
        raise NotAPackError(f"cannot be opened: {err.strerror}", where=where) from err
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or not has_signature(descriptor, facts.st_size):
        os.close(descriptor)
        raise NotAPackError("this is neither a pack nor an HDF5 file", where=where, hint=_what_else(path))
    return descriptor, facts


def _what_else(path: Path) -> str:
    if (path / MANIFEST_FILE).is_file():
        return "choose an HDF5 file; a pack has its index already"
    return "choose a pack or an HDF5 file of images; packhouse pack SRC -o DEST makes a pack"


def _refuse_overlapping(images: Sequence[Ranged], size: int, path: Path) -> None:
    """Refuse a small file that would have us read terabytes; two names of one dataset are one range."""
    total = sum(length for _, length, _ in {image[1:] for image in images})
    if total > size:
        raise CorruptStoreError(
            f"its images overlap: {total:,} bytes of images in a file of {size:,}",
            where=Where(file=str(path)),
            hint="it is damaged or malicious: do not open it",
        )


def _read_all(
    descriptor: int, images: Sequence[Ranged], workers: int, on_read: Callable[[int], None]
) -> list[_Facts]:
    """Hash and probe every image, in the order in which they lie in the file; once each."""
    rows: dict[_Range, list[int]] = {}
    for row, image in enumerate(images):
        rows.setdefault(image[1:], []).append(row)
    order = sorted(rows, key=lambda one: one[:2])
    taken: list[_Facts | None] = [None] * len(images)

    def read(ranges: Sequence[_Range]) -> None:
        for offset, length, pixels in ranges:
            data = read_range(descriptor, length, offset)
            if len(data) < length:
                raise StoreError("the file was truncated while it was indexed")
            found = _take_in(data, pixels)
            for row in rows[offset, length, pixels]:
                taken[row] = found
        on_read(sum(len(rows[one]) for one in ranges))

    pieces = [order[at : at + PIECE_IMAGES] for at in range(0, len(order), PIECE_IMAGES)]
    run_pieces(pieces, read, workers=workers)
    return [found for found in taken if found is not None]


def _take_in(data: bytes, pixels: tuple[int, int, int] | None) -> _Facts:
    if pixels is None:
        return digest_of(data), probe(data)
    height, width, channels = pixels
    return digest_of(data), HeaderFacts(RAW_TYPES[channels], width, height, None, None)


@dataclass(frozen=True, slots=True)
class _Writing:
    """What the index and its table of labels are made of."""

    path: Path
    wish: Hdf5Wish
    walked: Walked
    taken: Sequence[_Facts]
    labels: LabelTable
    observer: Observer

    def write(self, binding: Binding, problems: dict[str, str]) -> Path:
        """Write under names of their own, then give them their names; the next place where one is full."""
        rows = list(self._rows())
        for place in writable_places(self.path):
            part = place.with_name(f"{place.name}.{secrets.token_hex(8)}.part")
            labels_part = part.with_name(f"{part.name}.labels")
            try:
                notes = self._notes(binding, problems)
                if self.labels.columns:
                    file_names = {str(row[0]): str(row[3]) for row in rows}
                    notes["labels"] = self._write_labels(labels_part, labels_place(place).name, file_names)
                write_rows(part, iter(rows), binding, file=self.path.name, notes=notes)
                if self.labels.columns:
                    labels_part.replace(labels_place(place))
                part.replace(place)
            except (OSError, NoSpaceError):
                continue
            finally:
                part.unlink(missing_ok=True)
                labels_part.unlink(missing_ok=True)
            return place
        raise AssertionError  # writable_places raises

    def _write_labels(self, part: Path, name: str, file_names: Mapping[str, str]) -> dict[str, object]:
        """Write the table of labels; return what a manifest says of it and of its link."""
        from packhouse._src.delimited.convert import convert_table  # brings pyarrow's parser of CSV

        text, flag, key_column = linked_csv_of(self.labels, file_names)
        header = (*self.labels.header, flag, key_column)
        plan = TablePlan(LABELS, f"{LABELS}.csv", len(text), part.name, header, ())
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            file.write(text)
            file.flush()
            made = convert_table(
                TableOutput(part.parent, COMPRESSIONS[0], self.observer),
                plan,
                Path(file.name),
                wanted={header[0]: "text", flag: "boolean", key_column: "text"},
            )
        keys, named = [image.key for image in self.walked.images], set(self.labels.keys)
        lonely = [key for key in keys if key not in named]
        link = LinkReport(
            table=LABELS,
            column=header[0],
            form="",
            chosen="labels in the HDF5 file",
            flag_column=flag,
            key_column=key_column,
            rows=made.rows,
            rows_with_image=made.rows,
            rows_without_image=0,
            rows_without_image_examples=(),
            rows_ambiguous=0,
            images=len(keys),
            images_without_row=len(lonely),
            images_without_row_examples=tuple(lonely[:EXAMPLES]),
            other_candidates=(),
        )
        return {"table": {**asdict(made), "file": name}, "link": asdict(link)}

    def _notes(self, binding: Binding, problems: dict[str, str]) -> dict[str, object]:
        images, refused = self.walked.images, self.walked.refused
        return {
            "images": {
                "file": self.path.name,
                "count": len(images),
                "source_bytes": sum(image.length for image in images),
                "bytes": binding.file_size,
                "digest": digest_of_all(digest for digest, _ in self.taken),
                "groups": len({image.group for image in images}),
                "problems": dict(list(problems.items())[:MOST_NOTED]),
                "problem_count": len(problems),
            },
            "refused": [[one.path, one.reason] for one in refused[:MOST_NOTED]],
            "refused_count": len(refused),
            "wish": self.wish._asdict(),
            RECOGNITION: RECOGNITION_VERSION,
        }

    def _rows(self) -> Iterator[tuple[object, ...]]:
        images = self.walked.images
        names = {image.key for image in images}
        for image, (digest, facts) in zip(images, self.taken, strict=True):
            yield (
                image.key,
                image.group,
                image.name,
                file_name_for(image.key, facts.media_type, names),
                facts.media_type,
                image.offset,
                image.length,
                facts.width,
                facts.height,
                facts.orientation,
                digest,
                facts.problem,
            )


def _refused_forms(walked: Walked, path: Path) -> Iterator[Refused]:
    """Name the datasets whose images are no byte ranges, with the command that packs them."""
    for form, pictures in walked.forms:
        convert = " --convert" if form.asks_to_convert else ""
        many = f" ({len(pictures):,} images)" if len(pictures) > 1 else ""
        yield Refused(
            form.path,
            f"{form.reason}: packhouse pack {shlex.quote(str(path))} -o DEST{convert} reads it{many}",
        )


def file_name_for(key: str, media_type: str | None, taken: Collection[str]) -> str:
    """Name the file that an image of an HDF5 file would be.

    Args:
        key: Of the image.
        media_type: By its first bytes; None when they are not an image's.
        taken: All keys.

    Returns:
        The key with an extension that fits, unless it has one or another image is called that.
    """
    fitting = EXTENSIONS.get(media_type or "", ())
    if not fitting or key.lower().endswith(fitting):
        return key
    named = key + fitting[0]
    return key if named in taken else named
