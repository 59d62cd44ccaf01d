"""Packs that `pack` would never make: any file names in the index, written by hand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from packhouse._src.imagefile.digest import digest_of, digest_of_all
from packhouse._src.imagefile.index_file import Binding, write_index
from packhouse._src.imagefile.keys import Key
from packhouse._src.imagefile.manifest_file import write_manifest
from packhouse._src.imagefile.slots import ImageSlot, IndexedImage
from packhouse._src.imagefile.write.skeleton import write_skeleton
from packhouse._src.records import HeaderFacts, SourceFile

FILE_ID = "0123456789abcdef" * 2


def write_pack(folder: Path, images: Mapping[str, tuple[str, bytes]], *, escaped: Sequence[str] = ()) -> Path:
    """Write a pack of images: key -> (file name in the index, bytes)."""
    folder.mkdir()
    keys = {key: Key(key, *key.rpartition("/")[::2], images[key][0]) for key in sorted(images)}
    sizes = [(one.group, one.name, len(images[key][1])) for key, one in keys.items()]
    made = write_skeleton(folder / "images.h5", sizes, file_id=FILE_ID)
    filled = []
    with (folder / "images.h5").open("r+b") as file:
        for key, offset in zip(keys, made.offsets, strict=True):
            name, data = images[key]
            os.pwrite(file.fileno(), data, offset)
            place = ImageSlot(keys[key], offset, SourceFile(name, len(data), 0, 0))
            filled.append(IndexedImage(place, digest_of(data), HeaderFacts(None, None, None, None, None)))
    binding = Binding(
        file_size=(folder / "images.h5").stat().st_size,
        file_id=FILE_ID,
        id_offset=made.id_offset,
    )
    write_index(folder / "image_index.parquet", filled, binding)
    manifest = {
        "format": "packhouse",
        "format_version": 1,
        "packhouse": "0",
        "source": "by hand",
        "options": {},
        "images": {
            "count": len(images),
            "source_bytes": sum(len(data) for _, data in images.values()),
            "index_bytes": (folder / "image_index.parquet").stat().st_size,
            "digest": digest_of_all(one.digest for one in filled),
            "groups": len({key.rpartition("/")[0] for key in images}),
            "escaped_names": list(escaped),
        },
        "tables": {},
        "joins": {},
        "links": [],
        "skipped": [],
        "failed": [],
    }
    write_manifest(folder / "pack.json", manifest)
    return folder
