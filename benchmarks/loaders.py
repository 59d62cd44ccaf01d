"""Other ways to feed training: each packs a tree its own way and gives shuffled batches of 224 x 224 pixels.

Imported in the peers' environment, which knows nothing of packhouse. All decode with Pillow, as the documents
of each do, to the same size, as torchvision's Resize and CenterCrop do; all use PyTorch's DataLoader with a
worker for each core, persistent where they have epochs.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from peers import CORES, HuggingFace, Image, Notebook, Peer, Streaming, WebDataset, _in_processes, _modules

BATCH = 256
SIDE = 224


def pixels(data: bytes) -> Any:  # noqa: ANN401  # an array; NumPy is imported late
    """Decode, scale and cut one image: (224, 224, 3) uint8."""
    (image_kind, numpy) = _modules("PIL.Image", "numpy")
    with image_kind.open(io.BytesIO(data)) as image:
        whole = image.convert("RGB")
    shorter = min(whole.size)
    width, height = (max(SIDE, SIDE * side // shorter) for side in whole.size)
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    scaled = whole.resize((width, height), image_kind.Resampling.BILINEAR)
    return numpy.asarray(scaled.crop((left, top, left + SIDE, top + SIDE)))


def stack(samples: Sequence[Any]) -> Any:  # noqa: ANN401  # a tensor
    """Put the images of a batch together."""
    numpy, torch = _modules("numpy", "torch")
    return torch.from_numpy(numpy.stack(samples))


class Files:
    """A map-style data set over `read`, which is called in the workers."""

    def __init__(self, peer: Peer, images: Sequence[Image], dest: Path) -> None:
        self._peer, self._images, self._dest = peer, images, dest
        self._is_open = False

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def __getitem__(self, place: int) -> Any:  # noqa: ANN401  # an array
        """Read and decode one image."""
        if not self._is_open:  # HDF5 files and memory maps are opened in each worker
            self._peer.load()
            self._peer.open(self._dest)
            self._is_open = True
        return pixels(self._peer.read(self._images[place]))


class Tree(Peer):
    """The files as they are: what torchvision's ImageFolder does."""

    name = "ImageFolder, Pillow"

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        """Nothing to do."""

    def read(self, image: Image) -> bytes:
        """Read one file."""
        return Path(image.path).read_bytes()


class LitData(Peer):
    """Chunks of 64 MB, written by its own optimize."""

    name = "LitData"
    reads_by = ""

    def load(self) -> None:
        """Import litdata."""
        (self._litdata,) = _modules("litdata")

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        """Optimize, one process a core."""
        self._litdata.optimize(
            fn=_lit_sample,
            inputs=[image.path for image in images],
            output_dir=str(dest),
            chunk_bytes="64MB",
            num_workers=CORES,
        )


def _lit_sample(path: str) -> dict[str, bytes]:
    return {"jpg": Path(path).read_bytes()}


def _lit_pixels(sample: dict[str, bytes]) -> Any:  # noqa: ANN401  # an array
    return pixels(sample["jpg"])


class _Tars(WebDataset):
    """Shards of 1,000 images, so that their order can be shuffled too."""

    def pack(self, images: Sequence[Image], dest: Path) -> None:
        dest.mkdir()
        _in_processes(_write_small_tars, images, dest)


def _write_small_tars(images: Sequence[Image], dest: Path) -> None:
    (webdataset,) = _modules("webdataset")
    with webdataset.ShardWriter(f"{dest}-%06d.tar", maxcount=1000, encoder=False, verbose=0) as shards:
        for image in images:
            shards.write({"__key__": image.key, "jpg": Path(image.path).read_bytes()})


LOADERS: dict[str, type[Peer]] = {
    "imagefolder": Tree,
    "notebook": Notebook,
    "webdataset": _Tars,
    "streaming": Streaming,
    "datasets": HuggingFace,
    "litdata": LitData,
}


def epochs(name: str, peer: Peer, images: Sequence[Image], dest: Path) -> Iterator[Iterator[Any]]:
    """Yield one iterator over the batches of an epoch after another."""
    (data,) = _modules("torch.utils.data")
    options: dict[str, Any] = {"batch_size": BATCH, "num_workers": CORES, "collate_fn": stack}
    if name == "webdataset":
        loader = _of_tars(dest, options)
    elif name == "streaming":
        loader = data.DataLoader(_of_mds(dest), persistent_workers=True, **options)
    elif name == "litdata":
        (litdata,) = _modules("litdata")
        source = litdata.StreamingDataset(str(dest), shuffle=True, transform=_lit_pixels)
        loader = litdata.StreamingDataLoader(source, shuffle=True, persistent_workers=True, **options)
    else:
        source = Files(peer, images, dest)
        loader = data.DataLoader(source, shuffle=True, persistent_workers=True, **options)
    while True:
        yield iter(loader)


def _of_tars(dest: Path, options: dict[str, Any]) -> Any:  # noqa: ANN401  # a loader
    (webdataset,) = _modules("webdataset")
    tars = [str(path) for path in sorted(dest.iterdir())]
    source = webdataset.WebDataset(tars, shardshuffle=len(tars)).shuffle(1000).to_tuple("jpg").map(_of_tuple)
    batches = source.batched(options["batch_size"], collation_fn=stack)
    return webdataset.WebLoader(batches, batch_size=None, num_workers=options["num_workers"])


def _of_tuple(sample: tuple[bytes]) -> Any:  # noqa: ANN401  # an array
    return pixels(sample[0])


def _of_mds(dest: Path) -> Any:  # noqa: ANN401  # a data set
    (streaming,) = _modules("streaming")

    class Decoded(streaming.StreamingDataset):  # type: ignore[misc,name-defined]  # known when it runs
        def __getitem__(self, place: int) -> Any:  # noqa: ANN401  # an array
            return pixels(super().__getitem__(place)["jpg"])

    return Decoded(local=str(dest), shuffle=True, batch_size=BATCH)
