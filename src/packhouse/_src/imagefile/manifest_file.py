"""pack.json: written with a digest of itself, so that a change of any letter shows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packhouse._src.imagefile.digest import digest_of

DIGEST = "digest"


def write_manifest(path: Path, document: Mapping[str, Any]) -> None:
    """Write pack.json and flush it to the disk.

    Args:
        path: The file to make; it must not exist.
        document: What it says, JSON-able; a digest in it is replaced.
    """
    said = {name: value for name, value in document.items() if name != DIGEST}
    with path.open("x", encoding="utf-8") as file:
        json.dump({**said, DIGEST: digest_of_document(said)}, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def is_as_written(document: Mapping[str, Any]) -> bool:
    """Say whether what pack.json says is what was written into it."""
    return document.get(DIGEST) == digest_of_document(document)


def digest_of_document(document: Mapping[str, Any]) -> str:
    """Return the digest of all entries but the one that is the digest."""
    said = {name: value for name, value in document.items() if name != DIGEST}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return digest_of(text.encode("utf-8", "surrogatepass")).hex()
