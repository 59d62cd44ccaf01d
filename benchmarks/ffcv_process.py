"""FFCV in a process of its own environment; speaks as `loader_process.py` does.

Its writer encodes anew (mode "jpg", no limit of the resolution), here with the quality that the files have.
They are read from the page cache, decoded and cut in the middle by its own decoder on a thread for each core,
in its own quasi-random order.

usage: python ffcv_process.py TREE DEST QUALITY
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ffcv.fields import IntField, RGBImageField
from ffcv.fields.rgb_image import CenterCropRGBImageDecoder
from ffcv.loader import Loader, OrderOption
from ffcv.writer import DatasetWriter
from PIL import Image

BATCH, SIDE = 256, 224
CORES = len(os.sched_getaffinity(0))


class Tree:
    """A data set as its writer wants it."""

    def __init__(self, tree: Path) -> None:
        self.paths = sorted(tree.rglob("*.jpg"))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, place: int) -> tuple[Any, int]:
        """Return an image, opened by Pillow, and a number."""
        return Image.open(self.paths[place]).convert("RGB"), place


def main() -> None:
    """Do what the command line says."""
    tree, dest = Path(sys.argv[1]), Path(sys.argv[2])
    fields = {"image": RGBImageField(write_mode="jpg", jpeg_quality=int(sys.argv[3])), "number": IntField()}
    DatasetWriter(str(dest), fields, num_workers=CORES).from_indexed_dataset(Tree(tree))
    decoder = CenterCropRGBImageDecoder((SIDE, SIDE), ratio=1.0)
    loader = Loader(
        str(dest),
        batch_size=BATCH,
        num_workers=CORES,
        order=OrderOption.QUASI_RANDOM,
        os_cache=True,
        pipelines={"image": [decoder], "number": None},
    )
    print(json.dumps({"packed": len(Tree(tree))}), flush=True)
    for _asked in sys.stdin:
        started = time.perf_counter()
        given = sum(len(np.asarray(batch[0])) for batch in loader)
        print(json.dumps({"images": given, "seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
