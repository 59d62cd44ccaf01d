"""`samples` and `loader` of a pack, with all their options; what they do is in the files beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from packhouse._src.images.pillow_ import Mode
    from packhouse._src.loader.loader import Loader
    from packhouse._src.loader.order.order import Shuffle
    from packhouse._src.loader.sample_options import CropName, DerivedChoice, OnError, OnUnlabelled
    from packhouse._src.loader.samples import Packed, Samples


class Loadable:
    """What can be loaded from: the part of `Pack` that is about training; Pack is `Packed`."""

    def samples(  # noqa: PLR0913  # as the user writes them
        self,
        *,
        size: tuple[int, int] | int | None = (224, 224),
        crop: CropName = "center",
        flip: bool = False,
        mode: Mode = "RGB",
        seed: int = 0,
        where: str | None = None,
        split: str | None = None,
        val: float = 0.0,
        test: float = 0.0,
        split_column: str | None = None,
        columns: Sequence[str] | str = (),
        label: str | None = None,
        on_unlabelled: OnUnlabelled = "raise",
        threads: int | None = None,
        on_error: OnError = "raise",
        derived: DerivedChoice = "auto",
    ) -> Samples:
        """Choose images and what belongs to them, to take any of them at any time; decodes nothing yet.

        Args:
            size: (height, width) in pixels, or one number for a square; None keeps the stored sizes.
            crop: "center" and "random": the largest part of that shape, scaled; "random-resized": a part of
                random area (8 % to all) and shape (3/4 to 4/3), as of torchvision; "exact": all of it,
                squeezed; "fit": all of it, on black.
            flip: Whether every other image, by chance, has left and right exchanged.
            mode: "RGB"; "L" for one channel of luma; "raw" for samples as they are stored, with size=None.
            seed: Of crops, flips and the loader's order: the same seed gives the same pixels everywhere.
            where: SQL, as of `find`: only these images.
            split: "train", "val" or "test", in any of their usual spellings: the top folder of that name, or
                the part that `val` or `test` makes. Or the name of another top folder. "all" takes the
                images of all splits; without it a choice that mixes splits is refused.
            val: Fraction of the images to train on that is held out as "val": of the folder "train", or of
                the whole pack if it has no such folder. By a hash of the key, whatever the seed.
            test: The same for "test".
            split_column: Column whose values name the split of each image, such as "articles.split"; it is
                used in place of folders.
            columns: Columns of image_index and of linked tables: "price", or "articles.price".
            label: Such a column, whose values are the classes; or "group": the folder is the class, without
                the folder of the split, so that "train/cat" and "val/cat" are both "cat".
            on_unlabelled: For an image without a label (no row, an empty cell, a folder that is no class):
                "raise" an error; or "skip" it: `samples.unlabelled` lists them.
            threads: How many read and decode; None: one a core, 16 at most.
            on_error: Of an image that cannot be decoded, or is damaged: "raise" the error; "skip" it, so that
                batches are shorter; "blank": it is black. The last two are counted and named.
            derived: Which store the pixels come from: "auto": a derived one, where there is one that covers
                the size; its size; or False: the originals.

        Returns:
            A sequence of samples, in the order of their keys.

        Raises:
            UsageError: An option is unknown, out of range, or leaves no image.
            QueryError: `where` is not one condition, or does not fit the columns.
            CorruptStoreError: A part of the pack that is needed is damaged.

        Cost: `where`, `label` and `columns` each read the columns they name, of all rows.
        """
        from packhouse._src.loader.sample_options import SampleOptions, columns_of, size_of
        from packhouse._src.loader.samples import Samples

        options = SampleOptions(
            size=size_of(size),
            crop=crop,
            flip=flip,
            mode=mode,
            seed=seed,
            where=where,
            split=split,
            val=val,
            test=test,
            split_column=split_column,
            columns=columns_of(columns),
            label=label,
            on_unlabelled=on_unlabelled,
            threads=threads,
            on_error=on_error,
            derived=derived,
        )
        return Samples(cast("Packed", self), options)

    def loader(  # noqa: PLR0913  # as the user writes them
        self,
        batch_size: int = 256,
        *,
        size: tuple[int, int] | int | None = (224, 224),
        crop: CropName = "center",
        flip: bool = False,
        mode: Mode = "RGB",
        shuffle: Shuffle = True,
        window: int | None = None,
        seed: int = 0,
        epoch: int = 0,
        where: str | None = None,
        split: str | None = None,
        val: float = 0.0,
        test: float = 0.0,
        split_column: str | None = None,
        columns: Sequence[str] | str = (),
        label: str | None = None,
        on_unlabelled: OnUnlabelled = "raise",
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
        pad: bool = False,
        threads: int | None = None,
        on_error: OnError = "raise",
        derived: DerivedChoice = "auto",
    ) -> Loader:
        """Load batches for training: `for batch in pack.loader(...)`.

        Args:
            batch_size: Samples in a batch, of each rank.
            shuffle: True: any image may come at any place; "window": windows of neighbours, for storage that
                is slow at jumping (`Order` says what it costs); False: by key.
            window: Images in a window.
            epoch: The first one, from 0; each has an order of its own.
            rank: Which of `world_size` this process is, from 0; all together give each sample once.
            world_size: How many there are.
            drop_last: Leave out the last step where it is not full.
            pad: Fill it up from the beginning of the epoch.
            size: As of `samples`, and so are the other ones.
            crop: As of `samples`.
            flip: As of `samples`.
            mode: As of `samples`.
            seed: As of `samples`; of the order too.
            where: As of `samples`.
            split: As of `samples`.
            val: As of `samples`.
            test: As of `samples`.
            split_column: As of `samples`.
            columns: As of `samples`.
            label: As of `samples`.
            on_unlabelled: As of `samples`.
            threads: As of `samples`.
            on_error: As of `samples`.
            derived: As of `samples`.

        Returns:
            Batches of (batch, height, width, channels) uint8, with their keys, labels and columns.

        Raises:
            UsageError: As of `samples`.
            QueryError: As of `samples`.
            CorruptStoreError: As of `samples`.

        Cost: reads and decodes ahead on `threads` threads: two batches, more of small ones. Memory: four
            batches, and 8 MiB of files a thread.
        """
        from packhouse._src.loader.loader import Loader, LoaderOptions

        samples = self.samples(
            size=size,
            crop=crop,
            flip=flip,
            mode=mode,
            seed=seed,
            where=where,
            split=split,
            val=val,
            test=test,
            split_column=split_column,
            columns=columns,
            label=label,
            on_unlabelled=on_unlabelled,
            threads=threads,
            on_error=on_error,
            derived=derived,
        )
        options = LoaderOptions(
            batch_size=batch_size,
            shuffle=shuffle,
            window=window,
            epoch=epoch,
            rank=rank,
            world_size=world_size,
            drop_last=drop_last,
            pad=pad,
        )
        return Loader(samples, options)
