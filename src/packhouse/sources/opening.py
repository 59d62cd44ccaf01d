"""Opens a source."""

from __future__ import annotations

from pathlib import Path

from packhouse.sources.folder import FolderSource
from packhouse.sources.source import Source


def open_source(path: Path, *, leave_out: frozenset[Path]) -> Source:
    """Open a folder."""
    return FolderSource(path, leave_out)
