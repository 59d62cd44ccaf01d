"""Reads images out of images.h5 by the index: one `pread` and a digest check, without the HDF5 library."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from packhouse._src.concurrency.once import once
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.format import ID_LENGTH
from packhouse._src.imagefile.read.image import StoredImage
from packhouse._src.imagefile.read.image_index import ImageIndex, Range, replaced
from packhouse._src.imagefile.read.key_errors import not_found
from packhouse._src.ranges import cut_runs, read_range
from packhouse._src.system.open_flags import READ
from packhouse._src.system.process_lock import ProcessLock
from packhouse.errors import CorruptStoreError, NotAPackError, UsageError, Where

if TYPE_CHECKING:
    from packhouse._src.notebook_cells.image_grid import ImageGrid

COALESCE_GAP_BYTES = 64 << 10
"""Reading this much for nothing costs less than another call."""

COALESCE_MOST_BYTES = 8 << 20
FREED_BYTES = 16 << 20


_stores: WeakValueDictionary[int, ImageStore] = WeakValueDictionary()


def _renew_all() -> None:
    for store in list(_stores.values()):
        store.renew()


@cache
def _have_freed_memory_kept() -> None:
    """Have glibc keep what a batch leaves free, 32 MiB at most, for the next one.

    It gives more than 128 KiB back to the system at once, and every batch of images would touch new pages:
    three times what reading them takes. It learns from what is freed how much a program needs and keeps
    twice that (mallopt(3), "dynamic mmap threshold"). These bytes are never touched; to other allocators
    they are nothing.
    """
    bytes(FREED_BYTES)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


class ImageStore(Mapping[str, StoredImage]):
    """The images of a pack: a mapping from key to image, sorted by key.

    Safe to share between threads, to use after fork, and to pickle (as paths, which are opened again).

    Args:
        path: The HDF5 file.
        index: Its index.
        seal: As of the `ImageIndex` that it must be; None: whatever is there.

    Raises:
        NotAPackError: One of the two is missing.
        CorruptStoreError: The index is damaged, or belongs to another images.h5.
        PackReplacedError: It is another index.

    Cost: opening reads the footer of the index and 32 bytes of images.h5. Keys, ranges and facts are read on
    first use, a row group of 16,384 images at a time.
    """

    def __init__(self, path: Path, index: Path, seal: bytes | None = None) -> None:
        self.path = path
        for file in (path, index):
            where = Where(file=str(file.parent))
            if not file.exists():
                raise NotAPackError(
                    f"{file.name} is missing",
                    where=where,
                    hint="restore it from a copy, or pack the data set again",
                )
            if not file.is_file():  # opening a FIFO would wait for ever
                raise NotAPackError(f"{file.name} is not a regular file", where=where)
        self.index = ImageIndex(index)
        if seal not in (None, self.index.seal):
            raise replaced(index)
        self.finder: Callable[[str], list[str]] | None = None
        self._descriptor = -1
        self._opening = ProcessLock()
        _stores[id(self)] = self
        self._open()

    def __reduce__(self) -> tuple[type[ImageStore], tuple[Path, Path, bytes]]:
        """Return the two paths for pickle, and what tells them from others."""
        return (ImageStore, (self.path, self.index.path, self.index.seal))

    def __repr__(self) -> str:
        """Return the number of images and the path."""
        return f"<ImageStore of {len(self):,} images in {self.path}>"

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.index)

    def __iter__(self) -> Iterator[str]:
        """Yield all keys, sorted."""
        return self.index.keys()

    def __contains__(self, key: object) -> bool:
        """Return whether an image has this key, or this name if it is unique."""
        return isinstance(key, str) and self._find(key)[0] is not None

    def __getitem__(self, key: str) -> StoredImage:
        """Return one image by its key, or by its name if it is unique.

        Raises:
            KeyNotFoundError: No image has this key, or several have this name.
        """
        return StoredImage(self, self._row(key))

    @once
    def groups(self) -> dict[str, int]:
        """Number of images in each group, sorted; "" is the root group. The first access reads one column."""
        return self.index.count_groups()

    @once
    def total_bytes(self) -> int:
        """Total size of all images. The first access reads one column."""
        return self.index.total_bytes()

    @once
    def media_types(self) -> dict[str, int]:
        """Number of images of each media type, most frequent first. The first access reads one column."""
        return self.index.count_media_types()

    def grid(self, where: str | None = None, n: int = 24) -> ImageGrid:
        """Choose images for a notebook to show as small pictures.

        Args:
            where: SQL condition, as in `pack.find`; None means all images.
            n: Number of images. They are taken at equal distances in the order of the keys.

        Returns:
            The images. As the last line of a notebook cell it shows their pictures, each at most 128 pixels
            wide and high, with their keys.

        Raises:
            QueryError: As `pack.find` does.
            UsageError: `n` is less than 1; or there is a condition, and no pack that this store belongs to.
        """
        from packhouse._src.notebook_cells.image_grid import ImageGrid, evenly

        if n < 1:
            raise UsageError(f"n={n}: at least one image has to be shown")
        if where is None:
            rows = evenly(len(self), n)
            return ImageGrid([StoredImage(self, row) for row in rows], total=len(self))
        if self.finder is None:
            raise UsageError(
                "conditions need the tables of a pack",
                hint="open the pack: packhouse.open(PACK).images",
            )
        keys = self.finder(where)
        return ImageGrid([self[keys[row]] for row in evenly(len(keys), n)], total=len(keys), what=where)

    def _repr_html_(self) -> str:
        return self.grid(n=8)._repr_html_()  # what notebooks call

    def read(self, key: str) -> bytes:
        """Read one image.

        Args:
            key: Key of the image; its name alone works if it is unique.

        Returns:
            The bytes of the original file.

        Raises:
            KeyNotFoundError: No image has this key, or several have this name.
            CorruptStoreError: The bytes do not match the digest.

        Cost: one system call and one pass of XXH3 over the bytes; both release the interpreter lock.
        """
        return self.read_row(self._row(key))

    def read_row(self, row: int) -> bytes:
        """Read one image by its row in the index; otherwise like `read`."""
        wanted = self.index.range_of(row)
        offset, length, digest = wanted
        data = read_range(self._open(), length, offset)
        if digest_of(data) != digest:
            raise self._damaged(self.index.key_of(row), wanted, len(data))
        return data

    def read_many(self, keys: Iterable[str]) -> list[bytes]:
        """Read several images, in the order of the file, with one call for neighbours.

        Args:
            keys: Keys of the images; repeated keys are allowed.

        Returns:
            Bytes of the images, in the order of `keys`.

        Raises:
            KeyNotFoundError: No image has one of the keys.
            CorruptStoreError: The bytes of an image do not match the digest.

        Cost: one system call per run of neighbours, at most 8 MiB each. For random images of 37 KB it takes
            1.8 us per image more than `os.pread`, plus the digest.
        """
        wanted = list(keys)
        try:
            known = self.index.ranges_of(wanted)
        except (TypeError, AttributeError):  # some key is no text; looking at each would cost the others time
            for key in wanted:
                self._row(key)
            raise
        ranges = [
            found or self.index.range_of(self._row(key))  # a name alone, or wrong
            for key, found in zip(wanted, known, strict=True)
        ]
        images, damaged = self._read_ranges(ranges, _by_offset(ranges))
        for place, got in damaged.items():
            raise self._damaged(wanted[place], ranges[place], got)
        return images

    def read_rows(
        self, rows: Sequence[int], ranges: Sequence[Range] | None = None
    ) -> list[bytes | CorruptStoreError]:
        """Read several images by their rows in the index; otherwise like `read_many`.

        Args:
            rows: Rows of the images; repeated rows are allowed.
            ranges: Ranges of these images, if they are known and the rows are sorted by them.

        Returns:
            Bytes of the images, in the order of `rows`. For an image that does not match its digest, there
            is an error instead of bytes.
        """
        order: Sequence[int] = range(len(rows))
        if ranges is None:
            ranges = self.index.ranges_at(rows)
            order = _by_offset(ranges)
        found: list[bytes | CorruptStoreError]
        found, damaged = self._read_ranges(ranges, order)  # type: ignore[assignment]  # goes in
        for place, got in damaged.items():
            found[place] = self._damaged(self.index.key_of(rows[place]), ranges[place], got)
        return found

    def _read_ranges(
        self, ranges: Sequence[Range], order: Sequence[int]
    ) -> tuple[list[bytes], dict[int, int]]:
        """Return what lies there, and of what does not match its digest how many bytes could be read."""
        descriptor = self._open()
        found, damaged = [b""] * len(ranges), dict[int, int]()
        spans = map(itemgetter(0, 1), map(ranges.__getitem__, order))
        runs = cut_runs(spans, gap=COALESCE_GAP_BYTES, most_bytes=COALESCE_MOST_BYTES)
        for first, stop, start, end in runs:
            whole = read_range(descriptor, end - start, start)
            for place in order[first:stop]:
                offset, length, digest = ranges[place]
                data = whole[offset - start : offset - start + length]
                if digest_of(data) != digest:
                    damaged[place] = len(data)
                found[place] = data
        return found, damaged

    def renew(self) -> None:
        """Start afresh in a forked process: Arrow's own locks may be held by threads that are not there."""
        self.index.renew()

    def close(self) -> None:
        """Close the files; a later read opens images.h5 again."""
        self.index.close()
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _row(self, key: object) -> int:
        row, several = self._find(key) if isinstance(key, str) else (None, [])
        if row is None:
            raise not_found(self.index, key, several, Where(file=str(self.path)))
        return row

    def _find(self, key: str) -> tuple[int | None, list[int]]:
        row = self.index.row_of(key)
        if row is not None:
            return row, []
        named = self.index.rows_named(key)
        return (named[0], []) if len(named) == 1 else (None, named)

    def _damaged(self, key: str, wanted: Range, got: int) -> CorruptStoreError:
        _offset, length, _digest = wanted
        problem = "bytes do not match their digest: the file was damaged"
        if got != length:
            problem = f"{got} of {length} bytes could be read: the file was truncated"
        return CorruptStoreError(
            problem,
            where=Where(file=str(self.path), member=key),
            hint=f"restore {self.path.name} from a copy"
            + (", or pack the data set again" if self.index.binding.mtime_ns is None else ""),
        )

    def _open(self) -> int:
        # one that is inherited through fork is of the same file, whatever is in its place now
        if self._descriptor < 0:
            with self._opening:
                if self._descriptor < 0:
                    self._descriptor = self._open_checked()
        return self._descriptor

    def _open_checked(self) -> int:
        _have_freed_memory_kept()
        descriptor = os.open(self.path, READ)
        try:
            self._check_binding(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _check_binding(self, descriptor: int) -> None:
        binding, facts = self.index.binding, os.fstat(descriptor)
        where = Where(file=str(self.path))
        if not stat.S_ISREG(facts.st_mode):
            raise NotAPackError("this is not a regular file", where=where)
        if facts.st_size != binding.file_size:
            problem = f"the file has {facts.st_size:,} bytes, the index says {binding.file_size:,}"
        elif binding.mtime_ns is not None and facts.st_mtime_ns != binding.mtime_ns:
            problem = "the file was changed since the index was made"
        elif (
            binding.mtime_ns is None
            and read_range(descriptor, ID_LENGTH, binding.id_offset) != binding.file_id.encode()
        ):
            problem = "this is not the file that the index was made for: its id differs"
        else:
            return
        raise CorruptStoreError(problem, where=where, hint=self._hint())

    def _hint(self) -> str:
        if self.index.binding.mtime_ns is not None:
            return f"packhouse index {self.path} makes the index again from the file as it is now"
        return (
            "packhouse repair PACK OUT saves what is intact and rebuilds the index; or restore images.h5 "
            "and image_index.parquet together from a copy"
        )


def _by_offset(ranges: Sequence[Range]) -> list[int]:
    return sorted(range(len(ranges)), key=ranges.__getitem__)
