"""Hugging Face: `pack.to_hf()` makes a `datasets.Dataset` of image files and table columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.read.image import StoredImage
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.version import __version__
from packhouse.errors import CorruptStoreError, MissingDependencyError, PackhouseError, UsageError, Where

try:
    import datasets
    from datasets.exceptions import DatasetGenerationError
except ImportError as err:
    raise MissingDependencyError(
        f"to_hf needs the datasets library of Hugging Face: {err}", hint='pip install "packhouse[hf]"'
    ) from err

if TYPE_CHECKING:
    from packhouse._src.loader.samples import Samples

BATCH_BYTES = 64 << 20
"""Of images held in memory at once, unless one is larger."""

MOST_IMAGES = 1000
OWN = ("image", "key", "label")


def to_hf(samples: Samples) -> Any:  # noqa: ANN401  # a datasets.Dataset; the library is not here for checks
    """Make a dataset; its columns are those of `Pack.to_hf`.

    Args:
        samples: The samples to convert.

    Returns:
        A `datasets.Dataset`, mapped from a file in the cache folder of Hugging Face.

    Raises:
        UsageError: A column has the name of one that the dataset already has, or images are stored as pixels.
        CorruptStoreError: The bytes of an image do not match their digest.

    Cost: copies the images once, into the cache, where the same selection of the same pack is found again.
        Holds about 64 MiB of them in memory.
    """
    taken = next((name for name in samples.columns if name in OWN), None)
    if taken is not None:
        raise UsageError(
            f"columns: the dataset has a column {taken!r} already", hint=f'columns=("TABLE.{taken}",)'
        )
    _refuse_pixels(samples.originals)
    every = np.arange(len(samples.rows), dtype=np.int64)
    columns = {name: _arrow_ready(column.take(every)) for name, column in samples.columns.items()}
    facts = datasets.Dataset.from_dict(columns)  # finds the types
    features = datasets.Features(
        {"image": datasets.Image(), "key": datasets.Value("string"), **_label_of(samples), **facts.features}
    )
    try:
        return datasets.Dataset.from_generator(
            _examples,
            features=features,
            gen_kwargs={"samples": samples, "facts": facts},
            fingerprint=_fingerprint(samples, features, facts),
            writer_batch_size=_images_at_once(samples.originals),
        )
    except DatasetGenerationError as err:
        if isinstance(err.__cause__, PackhouseError):
            raise err.__cause__ from None
        raise


def _label_of(samples: Samples) -> dict[str, Any]:
    if samples.classes is None:
        return {}
    return {"label": datasets.ClassLabel(names=[str(name) for name in samples.classes])}


def _arrow_ready(values: NDArray[Any]) -> Any:  # noqa: ANN401
    return values.tolist() if values.dtype == object else values


def _images_at_once(images: ImageStore) -> int:
    return min(MOST_IMAGES, max(1, BATCH_BYTES * len(images) // max(1, images.total_bytes)))


def _refuse_pixels(images: ImageStore) -> None:
    if images.index.binding.mtime_ns is None:
        return  # a pack has files of images only
    for row in range(len(images)):
        image = StoredImage(images, row)
        if image.raw_form is not None:
            raise UsageError(
                "the image is stored as pixels, and a Hugging Face dataset needs image files",
                where=Where(file=str(images.path), member=image.key),
            )


def _fingerprint(samples: Samples, features: Any, facts: Any) -> str:  # noqa: ANN401
    """Return a name for what is made: of other contents another one, since the cache is asked by it."""
    index, rows = samples.originals.index, samples.rows.tolist()
    parts = [
        f"packhouse {__version__} {features!r}".encode(),
        *(digest for _offset, _length, digest in index.ranges_at(rows)),
        *(index.key_of(row).encode() for row in rows),
    ]
    if samples.labels is not None:
        parts.append(samples.labels.astype("<i8").tobytes())
    parts.append(repr(facts.to_dict()).encode("utf-8", "surrogatepass"))
    return digest_of(b"\0".join(parts)).hex()


def _examples(samples: Samples, facts: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    at_once, labels = _images_at_once(samples.originals), samples.labels
    for begin in range(0, len(samples.rows), at_once):
        rows = samples.rows[begin : begin + at_once].tolist()
        for place, (row, data) in enumerate(zip(rows, samples.originals.read_rows(rows), strict=True), begin):
            if isinstance(data, CorruptStoreError):
                raise data
            image = StoredImage(samples.originals, row)
            example: dict[str, Any] = {"image": {"bytes": data, "path": image.file_name}, "key": image.key}
            if labels is not None:
                example["label"] = int(labels[place])
            yield {**example, **(facts[place] if facts.column_names else {})}
