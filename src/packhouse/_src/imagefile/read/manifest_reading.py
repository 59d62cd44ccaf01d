"""What pack.json says when a pack is opened, and the same parts for an HDF5 file that has none."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from packhouse._src.imagefile.digest import digest_of_all
from packhouse._src.imagefile.format import FORMAT_VERSION, IMAGES_FILE, MANIFEST_FILE, MANIFEST_FORMAT
from packhouse._src.imagefile.manifest_file import is_as_written
from packhouse._src.imagefile.read.generation import FileIdentity, Generation, digest_of_said, read_whole
from packhouse._src.imagefile.read.manifest_schema import problems_of_values
from packhouse._src.imagefile.read.named_files import problems_of_names
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.version import __version__
from packhouse.errors import CorruptStoreError, NotAPackError, StoreError, Where

FEW_BYTES = 1 << 20
LEAST_BYTES_PER_VALUE = 8
"""What packhouse writes has more. Empty lists have three, and take thirty times as much memory."""

MANIFEST_PARTS = ("images", "tables", "joins", "links")


def read_manifest(path: Path) -> tuple[dict[str, Any], Generation]:
    """Read pack.json and check that it is one of ours.

    Args:
        path: The folder of the pack.

    Returns:
        What it says, and the state of the pack that it stands for.

    Raises:
        NotAPackError: There is no pack.json.
        CorruptStoreError: It cannot be read, is of another version, is not as it was written, or names
            files outside of the pack.
    """
    where = Where(file=str(path))
    if not (path / MANIFEST_FILE).is_file():
        raise NotAPackError(_why_no_pack(path), where=where, hint=_what_to_open(path))
    manifest, identity = load_manifest(path)
    version, missing = (
        manifest.get("format_version"),
        [part for part in MANIFEST_PARTS if part not in manifest],
    )
    if version != FORMAT_VERSION:
        raise CorruptStoreError(
            f"the pack has format version {version}, this packhouse reads {FORMAT_VERSION}",
            where=where,
            hint="install a newer packhouse",
        )
    if missing:
        raise CorruptStoreError(
            f"{MANIFEST_FILE} lacks: {', '.join(missing)}", where=where, hint="restore it from a copy"
        )
    if not is_as_written(manifest):
        raise CorruptStoreError(
            f"{MANIFEST_FILE} was changed or damaged: its digest does not match",
            where=where,
            hint=f"restore it from a copy; packhouse verify {path} checks the rest",
        )
    for problem in problems_of_names(manifest, path):
        raise CorruptStoreError(
            f"{MANIFEST_FILE} {problem}", where=where, hint="it is damaged or malicious: do not open it"
        )
    for problem in islice(problems_of_values(manifest), 1):
        raise CorruptStoreError(
            f"{MANIFEST_FILE} is malformed: {problem}", where=where, hint="restore it from a copy"
        )
    return manifest, Generation(path, digest_of_said(manifest), identity)


def load_manifest(path: Path) -> tuple[dict[str, Any], FileIdentity]:
    """Read pack.json as it is.

    Args:
        path: The folder of the pack.

    Returns:
        What it says, and the file that says it.

    Raises:
        CorruptStoreError: It cannot be read, or is not JSON of an object.
    """
    try:
        data, identity = read_whole(path / MANIFEST_FILE)
        _check_density(data)
        manifest = json.loads(data)
    except (OSError, ValueError, RecursionError, MemoryError) as err:
        raise CorruptStoreError(
            f"{MANIFEST_FILE} cannot be read: {err}",
            where=Where(file=str(path)),
            hint="restore it from a copy",
        ) from err
    if not isinstance(manifest, dict):
        raise CorruptStoreError(
            f"{MANIFEST_FILE} cannot be read: it is not a JSON object",
            where=Where(file=str(path)),
            hint="restore it from a copy",
        )
    return manifest, identity


def _check_density(data: bytes) -> None:
    """See that text is not made to take many times its size in memory."""
    values = sum(data.count(mark) for mark in (b"[", b"{", b","))
    if len(data) > FEW_BYTES and values * LEAST_BYTES_PER_VALUE > len(data):
        raise ValueError(f"{values:,} values in {len(data):,} bytes are not what packhouse writes")


def describe_lone(images: ImageStore) -> dict[str, Any]:
    """Return the parts of a manifest for a lone HDF5 file.

    Args:
        images: What is in it.

    Returns:
        The same parts as `read_manifest`.
    """
    notes = images.index.notes
    labels = notes.get("labels")
    return {
        "format": MANIFEST_FORMAT,
        "format_version": FORMAT_VERSION,
        "packhouse": __version__,
        "source": images.path.name,
        "images": notes.get("images") or _describe_images(images),
        "tables": {} if labels is None else {labels["table"]["name"]: labels["table"]},
        "links": [] if labels is None else [labels["link"]],
        "joins": {},
        "skipped": [],
        "failed": [],
        "refused": [{"path": path, "reason": reason} for path, reason in notes.get("refused", [])],
        "refused_count": notes.get("refused_count", 0),
    }


def _describe_images(images: ImageStore) -> dict[str, Any]:
    """Return what the manifest of a pack says of its images, for an index that belongs to a pack."""
    try:
        found: dict[str, Any] = read_manifest(images.path.parent)[0]["images"]
    except StoreError:  # the rest of the pack is missing or damaged: no reason not to open its images
        index = images.index
        return {
            "file": images.path.name,
            "count": len(images),
            "source_bytes": images.total_bytes,
            "bytes": index.binding.file_size,
            "digest": digest_of_all(index.range_of(row)[2] for row in range(len(images))),
            "groups": len(images.groups),
            "problems": {key: image.problem for key, image in images.items() if image.problem},
        }
    return found


def _why_no_pack(path: Path) -> str:
    if not path.exists():
        return "there is no such pack"
    if not path.is_dir():
        return "this is not a pack: a pack is a folder, or an HDF5 file"
    return f"this is not a pack: it has no {MANIFEST_FILE}"


def _what_to_open(path: Path) -> str:
    if (path / IMAGES_FILE).is_file():
        return (
            f"packhouse repair {path} DEST saves what is intact; or open the image file: {path / IMAGES_FILE}"
        )
    return "packhouse pack SRC -o DEST makes one"
