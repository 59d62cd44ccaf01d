"""The other formats, each with its own way to pack encoded images as they are, and to read one by chance.

Imported in the peers' environment, which knows nothing of packhouse; a format is imported by `load`.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

CORES = len(os.sched_getaffinity(0))
CHECKED = 20
"""Images that are compared with their files before anything is timed."""


class Image(NamedTuple):
    """One image of the tree."""

    row: int
    """Its place in the order of keys, which every format keeps."""

    key: str
    path: str


def list_tree(tree: Path) -> list[Image]:
    """Return all images, sorted by key: the last folder and the name without its extension."""
    found = [
        (f"{os.path.basename(folder)}/{name.removesuffix('.jpg')}", os.path.join(folder, name))  # noqa: PTH118, PTH119
        for folder, _, names in os.walk(tree)
        for name in names
    ]
    return [Image(row, key, path) for row, (key, path) in enumerate(sorted(found))]


def content(path: str) -> bytes:
    """Return the bytes of a file."""
    with open(path, "rb") as file:  # noqa: PTH123  # a Path costs more than the reading
        return file.read()


class Peer:
    """A format: what it imports, how it packs, how it reads."""

    name: str
    """As it stands in the tables."""

    reads_by = "row"
    """What a read is asked for: "key", "row", or "" where single images cannot be read."""

    batch_call = ""
    """What reads several at once, as it stands in the tables; "" where nothing does."""

    def load(self) -> None:
        """Import what is needed."""

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        """Write all images to a path that does not exist."""
        raise NotImplementedError

    def open(self, dest: Path) -> None:
        """Open what was packed."""

    def read(self, image: Image) -> bytes:
        """Return the bytes of one image."""
        raise NotImplementedError

    def read_many(self, images: Sequence[Image]) -> Sequence[bytes]:
        """Return the bytes of several images with one call."""
        raise NotImplementedError

    def read_first(self, dest: Path) -> dict[str, bytes]:
        """Return some images by key, where single ones cannot be read."""
        raise NotImplementedError


class Notebook(Peer):
    """The loop that packhouse replaces: one process, a group a folder, a scalar string an image."""

    name = "the notebook's loop (h5py)"
    reads_by = "key"

    def load(self) -> None:
        """Import h5py and NumPy."""
        self._h5py, self._np = _modules("h5py", "numpy")

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        """Write one dataset an image."""
        with self._h5py.File(dest, "w") as file:
            for image in images:
                group, _, name = image.key.rpartition("/")
                target = file[group] if group in file else file.create_group(group)
                target.create_dataset(name, data=self._np.asarray(content(image.path)))

    def open(self, dest: Path) -> None:
        """Open the file."""
        self._file = self._h5py.File(dest)

    def read(self, image: Image) -> bytes:
        """Read as the notebook does."""
        return self._np.array(self._file[image.key]).tobytes()  # type: ignore[no-any-return]


class WebDataset(Peer):
    """Tar files of 10,000 images."""

    name = "WebDataset"
    reads_by = ""

    def load(self) -> None:
        """Import webdataset."""
        _modules("webdataset")

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        """Write shards, one process a core."""
        dest.mkdir()
        _in_processes(_write_tars, images, dest)

    def read_first(self, dest: Path) -> dict[str, bytes]:
        """Read as training does, from the first shard on."""
        (webdataset,) = _modules("webdataset")
        samples = webdataset.WebDataset([str(path) for path in sorted(dest.iterdir())], shardshuffle=False)
        return {sample["__key__"]: sample["jpg"] for sample in islice(samples, CHECKED)}


class Streaming(Peer):
    """MDS shards of 64 MiB, the default, without compression and hashes."""

    name = "MosaicML Streaming"

    def load(self) -> None:
        """Import streaming; without its data sets of pictures, which want torchvision."""
        sys.modules["streaming.vision"] = ModuleType("streaming.vision")
        (self._streaming,) = _modules("streaming")

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        """Write shards, one process a core, and join them, as its guide to parallel conversion does."""
        _in_processes(_write_mds, images, dest)
        _modules("streaming.base.util")[0].merge_index(str(dest))

    def open(self, dest: Path) -> None:
        """Open as a data set that is read by row; StreamingDataset is slower at that."""
        self._rows = self._streaming.LocalDataset(local=str(dest))

    def read(self, image: Image) -> bytes:
        """Read one row."""
        return self._rows[image.row]["jpg"]  # type: ignore[no-any-return]


class HuggingFace(Peer):
    """Arrow files, made by a generator and saved; read through a memory map."""

    name = "Hugging Face datasets"
    batch_call = "`dataset[rows]`"

    def load(self) -> None:
        """Import datasets."""
        (self._datasets,) = _modules("datasets")

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        """Go through the cache, as the library does, and remove it; one process a core."""
        kinds = self._datasets
        made = kinds.Dataset.from_generator(
            _rows_of,
            features=kinds.Features({"key": kinds.Value("string"), "jpg": kinds.Value("binary")}),
            cache_dir=str(dest / "cache"),
            gen_kwargs={"images": [tuple(image) for image in images]},
            num_proc=CORES,
        )
        made.save_to_disk(str(dest / "data"), num_proc=CORES)
        shutil.rmtree(dest / "cache")

    def open(self, dest: Path) -> None:
        """Open, mapped into memory; as Arrow, which is read in half the time of Python objects."""
        self._rows = self._datasets.load_from_disk(str(dest / "data")).with_format("arrow")

    def read(self, image: Image) -> bytes:
        """Read one row."""
        return self._rows[image.row]["jpg"][0].as_py()  # type: ignore[no-any-return]

    def read_many(self, images: Sequence[Image]) -> Sequence[bytes]:
        """Read several rows."""
        return self._rows[[image.row for image in images]]["jpg"].to_pylist()  # type: ignore[no-any-return]


class Lance(Peer):
    """One Lance file, rows handed over in record batches."""

    name = "Lance"
    batch_call = "`take(rows)`"
    rows_a_batch = 256

    def load(self) -> None:
        """Import lance and pyarrow."""
        self._lance, self._pyarrow = _modules("lance", "pyarrow")

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        """Write from a reader of record batches."""
        arrow = self._pyarrow
        schema = arrow.schema([("key", arrow.string()), ("jpg", arrow.binary())])

        def batches() -> Iterator[Any]:
            for start in range(0, len(images), self.rows_a_batch):
                some = images[start : start + self.rows_a_batch]
                columns = [[image.key for image in some], [content(image.path) for image in some]]
                yield arrow.record_batch(columns, schema=schema)

        self._lance.write_dataset(arrow.RecordBatchReader.from_batches(schema, batches()), str(dest))

    def open(self, dest: Path) -> None:
        """Open."""
        self._rows = self._lance.dataset(str(dest))

    def read(self, image: Image) -> bytes:
        """Take one row."""
        return self._rows.take([image.row], columns=["jpg"])["jpg"][0].as_py()  # type: ignore[no-any-return]

    def read_many(self, images: Sequence[Image]) -> Sequence[bytes]:
        """Take several rows."""
        taken = self._rows.take([image.row for image in images], columns=["jpg"])
        return taken["jpg"].to_pylist()  # type: ignore[no-any-return]


PEERS: dict[str, type[Peer]] = {
    "notebook": Notebook,
    "webdataset": WebDataset,
    "streaming": Streaming,
    "datasets": HuggingFace,
    "lance": Lance,
}


def _modules(*names: str) -> list[Any]:
    return [importlib.import_module(name) for name in names]


def _in_processes(work: Callable[[Sequence[Image], Path], None], images: Sequence[Image], dest: Path) -> None:
    """Give each process a part of the images, and a path of its own in the folder, in their order."""
    step = -(-len(images) // CORES)
    parts = [(images[start : start + step], dest / f"{start:09d}") for start in range(0, len(images), step)]
    with multiprocessing.get_context("fork").Pool(CORES) as pool:
        pool.starmap(work, parts)


def _write_tars(images: Sequence[Image], dest: Path) -> None:
    (webdataset,) = _modules("webdataset")
    # bytes need no encoder
    with webdataset.ShardWriter(f"{dest}-%06d.tar", maxcount=10_000, encoder=False, verbose=0) as shards:
        for image in images:
            shards.write({"__key__": image.key, "jpg": content(image.path)})


def _write_mds(images: Sequence[Image], dest: Path) -> None:
    columns = {"key": "str", "jpg": "bytes"}
    (streaming,) = _modules("streaming")
    with streaming.MDSWriter(out=str(dest), columns=columns, compression=None, hashes=None) as shards:
        for image in images:
            shards.write({"key": image.key, "jpg": content(image.path)})


def _rows_of(images: list[tuple[int, str, str]]) -> Iterator[dict[str, object]]:
    for _, key, path in images:
        yield {"key": key, "jpg": content(path)}
