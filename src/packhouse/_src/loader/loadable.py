"""`samples` and `loader` of a pack, with all their options; what they do is in the files beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from packhouse._src.images.pixel_limit import MOST_PIXELS

if TYPE_CHECKING:
    from packhouse._src.images.pillow_ import Mode
    from packhouse._src.loader.loader import Loader
    from packhouse._src.loader.order.order import Shuffle
    from packhouse._src.loader.sample_options import CropName, DerivedChoice, OnError, OnUnlabelled, Stratify
    from packhouse._src.loader.samples import Packed, Samples
    from packhouse._src.loader.sampling.sampler_options import SamplerName, Weights


class Loadable:
    """What can be loaded from: the part of `Pack` that is about training; Pack is `Packed`."""

    def samples(  # noqa: PLR0913  # as the user writes them
        self,
        *,
        size: tuple[int, int] | int | None = (224, 224),
        crop: CropName = "center",
        flip: bool = False,
        mode: Mode = "RGB",
        max_pixels: int = MOST_PIXELS,
        seed: int = 0,
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
        threads: int | None = None,
        on_error: OnError = "raise",
        derived: DerivedChoice = "auto",
    ) -> Samples:
        """Choose images with their labels and columns, for random access; nothing is decoded yet.

        Args:
            size: (height, width) in pixels, or one number for a square. None keeps the stored sizes.
            crop: Part of each image to use. "center" and "random": the largest part with the aspect ratio of
                `size`, scaled; "random-resized": a part of random area (8 % to all) and aspect ratio (3/4 to
                4/3), as in torchvision; "exact": the whole image, squeezed; "fit": the whole image, padded
                with black.
            flip: Mirror half of the images, chosen at random, left to right.
            mode: "RGB"; "L" for one grayscale channel; "raw" for pixel values as stored, with size=None.
            max_pixels: Maximum number of pixels to decode per image, at the decoded scale. A larger image
                counts as broken (see `on_error`); no memory is allocated for it.
            seed: Random seed of crops, flips and the order of the loader. The same seed gives the same pixels
                on every machine.
            where: SQL condition, as for `find`: use only the images that match it.
            split: "train", "val" or "test", in any of their usual spellings: the top folder of that name, or
                the part that `val` or `test` makes. Or the name of another top folder. "all" takes the
                images of all splits; without it a choice that mixes splits is refused.
            val: Fraction of the images to train on that is held out as "val": of the folder "train", or of
                the whole pack if it has no such folder. By a hash of the key, whatever the seed.
            test: The same for "test".
            split_column: Column whose values name the split of each image, such as "articles.split"; it is
                used in place of folders.
            together: Column whose values stay on one side when `val` and `test` divide, such as
                "articles.product_code": all images of a product, a patient, a scene. "duplicates" keeps
                images with the same bytes together.
            stratify: "label": with `exact`, each class is divided for itself, so all splits have the same
                class shares. Without `exact` a hash divides, which keeps them on average.
            exact: Meet the fractions within one image, or as near as `together` allows. Images are sorted by
                their hash, and a split takes the first ones; so an image that is added can move others. By
                default a hash alone decides, and adding images moves none.
            columns: Columns of image_index and of linked tables: "price", or "articles.price".
            label: Such a column, whose values are the classes; or "group": the folder is the class, without
                the folder of the split, so that "train/cat" and "val/cat" are both "cat".
            on_unlabelled: For an image without a label (no row, an empty cell, a folder that is no class):
                "raise" an error; or "skip" it: `samples.unlabelled` lists them.
            threads: Number of threads that read and decode. Default: one per core, 16 at most.
            on_error: For an image that is damaged or cannot be decoded: "raise" the error; "skip" it, so that
                batches are shorter; "blank": use a black image. Skipped and blank images are counted and
                listed.
            derived: Store that the pixels come from. "auto": a derived store if one covers the size; a
                number: the derived store of that size; False: the originals.

        Returns:
            A sequence of samples, in the order of their keys.

        Raises:
            UsageError: An option is unknown, out of range, or leaves no image.
            QueryError: `where` is not one condition, or does not fit the columns.
            CorruptStoreError: A part of the pack that is needed is damaged.

        Cost: `where`, `label` and `columns` read the columns that they name, for all rows.
        """
        from packhouse._src.images.cropping import size_of
        from packhouse._src.loader.sample_options import SampleOptions, columns_of
        from packhouse._src.loader.samples import Samples

        options = SampleOptions(
            size=size_of(size),
            crop=crop,
            flip=flip,
            mode=mode,
            max_pixels=max_pixels,
            seed=seed,
            where=where,
            split=split,
            val=val,
            test=test,
            split_column=split_column,
            together=together,
            stratify=stratify,
            exact=exact,
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
        max_pixels: int = MOST_PIXELS,
        shuffle: Shuffle = True,
        window: int | None = None,
        seed: int = 0,
        epoch: int = 0,
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
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
        pad: bool = False,
        sampler: SamplerName | None = None,
        weights: Weights | None = None,
        replacement: bool | None = None,
        epoch_size: int | None = None,
        threads: int | None = None,
        on_error: OnError = "raise",
        derived: DerivedChoice = "auto",
    ) -> Loader:
        """Load batches for training: `for batch in pack.loader(...)`.

        Args:
            batch_size: Samples per batch, on each rank.
            shuffle: True: full shuffle; "window": shuffle within windows of neighboring images, for storage
                with slow random access (see `Order` for the cost); False: in the order of the keys.
            window: Images per window.
            epoch: First epoch, from 0. Each epoch has its own order.
            rank: Rank of this process, from 0. All ranks together give each sample once.
            world_size: Number of ranks.
            drop_last: Drop the last incomplete batch.
            pad: Fill the last batch with samples from the beginning of the epoch.
            sampler: "balanced": draw every class of `label` equally often, exactly (the counts of an epoch
                differ by one at most). Within a class each image comes before any comes again. Default: each
                image once per epoch.
            weights: Draw each image as often as its weight says: a column of numbers, such as
                "articles.weight", or one number per chosen image, in the order of the keys. Of N draws an
                image gets N * weight / sum of the weights, rounded up or down.
            replacement: False: draw no image twice in an epoch. Default: True.
            epoch_size: Draws per epoch, of all ranks together. Default: the number of chosen images; without
                replacement the most that is possible: of n classes, n times the size of the smallest one.
            size: See `samples`, also for all options below.
            crop: See `samples`.
            flip: See `samples`.
            mode: See `samples`.
            max_pixels: See `samples`.
            seed: See `samples`; also decides the order.
            where: See `samples`.
            split: See `samples`.
            val: See `samples`.
            test: See `samples`.
            split_column: See `samples`.
            together: See `samples`.
            stratify: See `samples`.
            exact: See `samples`.
            columns: See `samples`.
            label: See `samples`.
            on_unlabelled: See `samples`.
            threads: See `samples`.
            on_error: See `samples`.
            derived: See `samples`.

        Returns:
            Batches of (batch, height, width, channels) uint8, 0..255, RGB, with keys, labels and columns.

        Raises:
            UsageError: See `samples`.
            QueryError: See `samples`.
            CorruptStoreError: See `samples`.

        Cost: reads and decodes two batches ahead on `threads` threads, more if they are small. Memory: four
            batches, and 8 MiB of files per thread.
        """
        from packhouse._src.loader.loader import Loader, LoaderOptions

        samples = self.samples(
            size=size,
            crop=crop,
            flip=flip,
            mode=mode,
            max_pixels=max_pixels,
            seed=seed,
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
            sampler=sampler,
            weights=weights,
            replacement=replacement,
            epoch_size=epoch_size,
        )
        return Loader(samples, options)
