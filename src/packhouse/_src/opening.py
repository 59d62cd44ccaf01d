"""`packhouse.open`: one line opens a pack, or an HDF5 file of images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from packhouse._src.concurrency.once import once
from packhouse._src.imagefile.format import DERIVED, IMAGES_FILE, INDEX_FILE, INDEX_TABLE
from packhouse._src.imagefile.read.generation import Generation
from packhouse._src.imagefile.read.manifest_reading import describe_lone, read_manifest
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.loader.loadable import Loadable
from packhouse._src.option_types.named_values import several
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse._src.tables.bound_files import BoundFile, BoundFiles
from packhouse._src.tables.copies import places_of_copies
from packhouse._src.tables.finding import find_keys, images_without_row, rows_without_image
from packhouse._src.tables.linked_rows import LinkedColumns, LinkedRows
from packhouse._src.tables.pack_summary import describe_pack, pack_html
from packhouse._src.tables.table import Tables
from packhouse.errors import CorruptStoreError, NotAPackError, StoreError, UsageError, Where
from packhouse.progress import Observer, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from packhouse._src.loader.sample_options import OnUnlabelled, Stratify
    from packhouse._src.pack_stats.image_stats import ImageStats


class Pack(Loadable):
    """An open pack: `images`, `tables`, and the links between them.

    It is a context manager, and it is pickled as its path.

    Args:
        path: The folder; or an HDF5 file of images, whose only table is that of its labels.
        progress: Progress callback for the walk through an HDF5 file that has no index yet.
        images_from: As in `open`.
        layout: As in `open`.
        verify: As in `open`.

    Raises:
        NotAPackError: There is no pack at this path.
        CorruptStoreError: Its manifest, or the HDF5 file, cannot be read.
        StoreError: An index is needed, but cannot be written anywhere.
    """

    def __init__(
        self,
        path: Path,
        *,
        progress: Observer = silent,
        images_from: Sequence[str] = (),
        layout: str | None = None,
        verify: bool = True,
    ) -> None:
        self._verify = verify
        self.path = path.absolute()  # a pack stays the same when the process changes its folder
        self._is_lone = self.path.is_file()
        if self._is_lone:
            self.__dict__["images"] = self._with_finder(_open_lone(self.path, progress, images_from, layout))
            self.manifest = describe_lone(self.images)
        else:
            self.manifest, self._generation = read_manifest(self.path)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as the path, and as what pack.json says there."""
        if self._is_lone:
            return (Pack, (self.path,))
        return (_open_again, (self.path, self._generation, self._verify))

    def __repr__(self) -> str:
        """Return name, images and tables."""
        images = (self.manifest["images"] or {"count": 0})["count"]
        return f"<Pack {self.path}: {images:,} images, tables {', '.join(self.tables)}>"

    def __str__(self) -> str:
        """Return counts, sizes and formats of the images, and the tables; several lines."""
        return "\n".join(describe_pack(self.path.name, self._images_if_any, self.tables))

    def _repr_html_(self) -> str:
        return pack_html(self.path.name, self._images_if_any, self.tables)

    @property
    def _images_if_any(self) -> ImageStore | None:
        return None if self.manifest["images"] is None else self.images

    def _with_finder(self, store: ImageStore) -> ImageStore:
        store.finder = self.find
        return store

    def __enter__(self) -> Self:
        """Return the pack itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()

    @once
    def images(self) -> ImageStore:
        """The images: a mapping from key to image, sorted by key.

        Raises:
            NotAPackError: The pack has no images, or their file is missing.
            CorruptStoreError: Index and image file do not belong together.
        """
        if self.manifest["images"] is None:
            raise NotAPackError(
                "the pack has tables only, no images",
                where=Where(file=str(self.path)),
                hint="read them with pack.tables, or any reader of Parquet",
            )
        if self._is_lone:
            return self._with_finder(_open_lone(self.path, silent, (), None))
        try:
            store = ImageStore(self.path / IMAGES_FILE, self.path / INDEX_FILE)
            self._check_bytes(store)
            self._generation.check()
        except StoreError as err:
            self._generation.check()
            if (self.path / IMAGES_FILE).is_file():  # else there is nothing to make an index of
                err.hint = f"packhouse repair {self.path} OUT saves what is intact; or restore it from a copy"
            raise
        return self._with_finder(store)

    def _check_bytes(self, store: ImageStore) -> None:
        """See that images.h5 and its index are those that pack.json speaks of, by their sizes."""
        said, count = self.manifest["images"], len(store)
        found = {"count": count, "bytes": store.index.binding.file_size}
        for name, value in found.items():
            if said[name] != value:
                store.close()
                raise CorruptStoreError(
                    f"image_index.parquet has {name} {value:,}, pack.json says {said[name]:,}",
                    where=Where(file=str(self.path)),
                )

    @once
    def derived(self) -> dict[int, ImageStore]:
        """Stores with smaller copies of the images, by the pixels of the shorter side, smallest first.

        They have the same keys and rows as `images`. `packhouse derive` makes them.

        Raises:
            NotAPackError: pack.json names a store that is missing.
            CorruptStoreError: Index and image file of one do not belong together.
        """
        made = sorted((int(size), facts) for size, facts in self.manifest.get(DERIVED, {}).items())
        try:
            return {
                size: ImageStore(self.path / facts["file"], self.path / facts["index"])
                for size, facts in made
            }
        finally:
            if made:
                self._generation.check()

    @once
    def tables(self) -> Tables:
        """All tables by their SQL names: CSV tables, joins, and `image_index`."""
        if self._is_lone:
            return _tables_of_lone(self.images.index.path, self.manifest["tables"])
        made = {**self.manifest["tables"], **self.manifest["joins"]}
        files = {
            name: BoundFile(
                self.path / facts["file"],
                facts["digest"],
                tuple((part["file"], part["digest"]) for part in facts.get("parts", ())),
            )
            for name, facts in made.items()
        }
        if self.manifest["images"] is not None:
            files[INDEX_TABLE] = BoundFile(self.path / INDEX_FILE)
        return Tables(self.path, BoundFiles(files, self._generation, verify=self._verify))

    @property
    def links(self) -> tuple[LinkedColumns, ...]:
        """The tables that are linked to the images, best first, with their linked columns."""
        names = ("table", "column", "form", "flag_column", "key_column")
        return tuple(
            LinkedColumns(
                **{name: link[name] for name in names},
                spelling=link.get("spelling", ""),
                has_several=link.get("rows_ambiguous", 0) > 0,
            )
            for link in self.manifest["links"]
        )

    @once
    def _linked_rows(self) -> dict[str, LinkedRows]:
        return {
            link.table: LinkedRows(
                self.tables[link.table],
                link.key_column,
                copies=partial(places_of_copies, self.tables, link),
            )
            for link in self.links
        }

    def row(self, key: str) -> dict[str, Any] | None:
        """Return the table row for an image: the first row of the first linked table that has one.

        Args:
            key: Key of the image; its name alone works if it is unique.

        Returns:
            Column -> value, as Python objects; None if no row matches the image.

        Raises:
            KeyNotFoundError: There is no such image.
            CorruptStoreError: The file of a linked table is missing or damaged.

        Cost: about 100 us for 25 columns, once the 122,880 rows around it are decoded (0.1-0.2 s). The first
            call sorts the keys, 0.3 s per million rows. Up to 512 MiB of decoded rows are kept per table.
        """
        whole = self.images[key].key
        found = (rows.first(whole) for rows in self._linked_rows.values())
        return next((row for row in found if row is not None), None)

    def rows(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """Return all table rows for an image; otherwise like `row`.

        Args:
            key: Key of the image; its name alone works if it is unique.

        Returns:
            Rows of each linked table, best table first, in the order of the file; an empty list if none
            matches the image.

        Raises:
            KeyNotFoundError: There is no such image.
            CorruptStoreError: The file of a linked table is missing or damaged.
        """
        whole = self.images[key].key
        return {table: rows.all(whole) for table, rows in self._linked_rows.items()}

    def sql(self, query: str, parameters: tuple[object, ...] = ()) -> pa.Table:
        """Run one SELECT that can use every table of the pack by name, and `image_index`.

        Args:
            query: DuckDB SQL, such as "SELECT count(*) FROM articles WHERE image".
            parameters: Values for the question marks in the query.

        Returns:
            An Arrow table, in memory.

        Raises:
            QueryError: The query is not one SELECT, does not fit the tables, or reads another file.
            CorruptStoreError: A table of the query is missing or damaged.
        """
        return self.tables.sql(query, parameters)

    def find(self, where: str) -> list[str]:
        """Return the keys of images that match an SQL condition.

        Args:
            where: Condition on columns of image_index and of the linked tables, such as
                "colour_group_name = 'Black' AND width < 400". If several of these tables have the column,
                add the table: "articles.name". Subqueries can use all tables of the pack.

        Returns:
            Keys, sorted, each once.

        Raises:
            QueryError: `where` is not one condition, or does not fit the columns.
            CorruptStoreError: A table that it needs is missing or damaged.
        """
        _ = self.images
        return find_keys(self.tables, where, self.links)

    def images_without_row(self, table: str | None = None) -> Iterator[str]:
        """List the images without a table row.

        Args:
            table: Name of a linked table; None means that no linked table has a row for the image.

        Returns:
            Iterator over keys, sorted.

        Raises:
            UsageError: No table is linked, or this one is not.
            CorruptStoreError: A table is missing or damaged.
        """
        return images_without_row(self.tables, self._links_of(table))

    def rows_without_image(self, table: str | None = None) -> Iterator[tuple[str, str | None]]:
        """List the rows of linked tables that match no image.

        Args:
            table: Name of a linked table; None means all of them.

        Returns:
            Iterator over pairs: table, and the text in the linked column (None if it is missing).

        Raises:
            UsageError: No table is linked, or this one is not.
            CorruptStoreError: A table is missing or damaged.
        """
        return rows_without_image(self.tables, self._links_of(table))

    def to_hf(  # noqa: PLR0913  # as the user writes them
        self,
        *,
        where: str | None = None,
        split: str | None = None,
        val: float = 0.0,
        test: float = 0.0,
        split_column: str | None = None,
        together: str | None = None,
        stratify: Stratify | None = None,
        exact: bool = False,
        columns: Sequence[str] | str = (),
        label: str | None = None,
        on_unlabelled: OnUnlabelled = "raise",
    ) -> Any:  # noqa: ANN401  # a datasets.Dataset; the library is not here for type checkers
        """Make a Hugging Face dataset that holds the original bytes of the images.

        Args:
            where: As in `samples`.
            split: As in `samples`.
            val: As in `samples`.
            test: As in `samples`.
            split_column: As in `samples`.
            together: As in `samples`.
            stratify: As in `samples`.
            exact: As in `samples`.
            columns: As in `samples`.
            label: As in `samples`.
            on_unlabelled: As in `samples`.

        Returns:
            A `datasets.Dataset`, in the order of the keys, with the columns "image" (Pillow decodes it on
            access), "key", "label" (a ClassLabel, with `label`), and `columns` under their names.

        Raises:
            MissingDependencyError: The library is not installed.
            UsageError: As in `samples`; or a column has the name of one that the dataset already has.
            CorruptStoreError: A part of the pack that is needed is damaged.

        Cost: copies the images into the cache of the library; 64 MiB of them are in memory at once.
        """
        from packhouse._src.hf import to_hf

        samples = self.samples(
            size=None,
            where=where,
            split=split,
            val=val,
            test=test,
            split_column=split_column,
            together=together,
            stratify=stratify,
            exact=exact,
            columns=columns,
            label=label,
            on_unlabelled=on_unlabelled,
        )
        return to_hf(samples)

    @shows_progress
    def stats(  # noqa: PLR0913  # as the user writes them
        self,
        *,
        size: tuple[int, int] | int | None = (224, 224),
        label: str | None = None,
        where: str | None = None,
        split: str | None = "all",
        val: float = 0.0,
        test: float = 0.0,
        split_column: str | None = None,
        sample: int | None = None,
        seed: int = 0,
        progress: Progress = None,
    ) -> ImageStats:
        """Measure the images: formats, sizes, classes, and mean and standard deviation of their pixels.

        Args:
            size: (height, width) that the images are scaled to and cropped at the centre, as `samples` does
                it. None: the pixels as they are stored.
            label: Count the classes of this column, or of folders ("group").
            where: As in `samples`.
            split: As in `samples`; "train" for what to train on. Default: all images.
            val: As in `samples`.
            test: As in `samples`.
            split_column: As in `samples`.
            sample: Read the pixels of so many images only; the result has the standard errors then.
            seed: Decides which ones.
            progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
                receives the events of `packhouse.progress`; it is called from several threads.

        Returns:
            The values; `print` shows them. Mean and standard deviation are by channel (red, green, blue), on
            a scale from 0 to 1, exact over all pixels of all images or of the sample.
            `normalize` is the line for torchvision.

        Raises:
            UsageError: As in `samples`; or `sample` is less than 1.
            CorruptStoreError: A part of the pack that is needed is damaged.

        Cost: reads and decodes the images, like an epoch. The sums are kept in the user's cache folder by the
            digest of the images, so the next call reads none.
        """
        from packhouse._src.pack_stats.measuring_images import measure

        samples = self.samples(
            size=size,
            label=label,
            where=where,
            split=split,
            val=val,
            test=test,
            split_column=split_column,
            seed=seed,
            on_unlabelled="skip",
            on_error="skip",
        )
        return measure(samples, self.tables, sample=sample, observer=listener(progress))

    def _links_of(self, table: str | None) -> tuple[LinkedColumns, ...]:
        chosen = tuple(link for link in self.links if table in (None, link.table))
        if not chosen:
            raise UsageError(
                "no table of this pack is linked to its images"
                if table is None
                else f"the table {table!r} is not linked to the images",
                where=Where(file=str(self.path)),
                hint=f"linked are: {', '.join(link.table for link in self.links)}"
                if self.links
                else "packhouse pack SRC -o DEST --link TABLE.COLUMN links a column to the images",
            )
        return chosen

    def close(self) -> None:
        """Close all files."""
        for rows in self.__dict__.pop("_linked_rows", {}).values():
            rows.close()
        for store in self.__dict__.pop("derived", {}).values():
            store.close()
        for part in ("images", "tables"):
            if part in self.__dict__:
                self.__dict__.pop(part).close()


@shows_progress
def open(  # noqa: A001  # packhouse.open, as gzip.open
    path: str | os.PathLike[str],
    *,
    images_from: str | Sequence[str] = (),
    layout: str | None = None,
    verify: bool = True,
    progress: Progress = None,
) -> Pack:
    """Open a pack, or any HDF5 file of images.

    Args:
        path: The folder that `packhouse pack` made, or any HDF5 file of images. The labels in such a file
            become the table "labels"; `manifest["refused"]` lists what is not an image, with reasons.
        images_from: Dataset or group of an HDF5 file that contains the images, or several. Default: detected
            by names, shapes and attributes.
        layout: Axes of the images of an HDF5 file: "NHWC", "NCHW", "NHW", "HWC", "CHW" or "HW". Default:
            detected.
        verify: Compare each table with its digest before DuckDB reads it: `sql`, `find` and `scan` with a
            condition. Once per process and file: one read of the file, 2 GB/s from memory. False saves
            this; damaged tables can then give wrong answers. Images, footers and what `to_arrow` reads are
            always checked.
        progress: Show the walk through an HDF5 file that has no index yet. True shows bars on a terminal
            or in a notebook, elsewhere lines on stderr; a callback receives the events of
            `packhouse.progress`.

    Returns:
        The pack. Its parts are read on first use.

    Raises:
        NotAPackError: There is neither a pack nor an HDF5 file at this path.
        CorruptStoreError: A file of it is damaged, or two do not belong together.
        UsageError: The layout is unknown, a dataset of `images_from` is missing, or the path is a folder and
            one of the two is given.
        StoreError: An index is needed, but cannot be written anywhere.

    Cost: reads pack.json, the footer of the index and 32 bytes of images.h5, for any number of images.
        An HDF5 file without a matching index is first walked (40-50 us per image) and read once. The index
        is stored beside it, or in the user's cache folder.
    """
    chosen = several(images_from)
    if (chosen or layout is not None) and not Path(path).is_file():
        raise UsageError("images_from and layout are for HDF5 files", where=Where(file=os.fspath(path)))
    pack = Pack(Path(path), progress=listener(progress), images_from=chosen, layout=layout, verify=verify)
    if pack.manifest["images"] is not None:
        _ = pack.images  # so that a damaged pack is refused here, not in the middle of training
    return pack


def _open_lone(path: Path, progress: Observer, images_from: Sequence[str], layout: str | None) -> ImageStore:
    # brings what starts processes; a pack needs none of it
    from packhouse._src.foreign.evidence.layouts import read_wish
    from packhouse._src.foreign.foreign_index import open_foreign

    return open_foreign(path, wish=read_wish(images_from, layout), observer=progress)


def _tables_of_lone(index: Path, made: Mapping[str, Any]) -> Tables:
    from packhouse._src.foreign.index_places import labels_place

    files = dict.fromkeys(made, BoundFile(labels_place(index)))
    folder = index.parent.absolute()  # the process may change its folder before the first question
    return Tables(folder, BoundFiles({**files, INDEX_TABLE: BoundFile(index)}, None))


def _open_again(path: Path, generation: Generation, verify: bool) -> Pack:  # noqa: FBT001  # of pickle
    pack = Pack(path, verify=verify)
    generation.check()
    return pack
