"""Fixtures of the adapters' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import packhouse
from frameworks_kit import write_colours
from packhouse._src.opening import Pack


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A pack of 60 images in three folders, with a table; and key -> bytes."""
    folder = tmp_path_factory.mktemp("colours")
    files = write_colours(folder / "src")
    packhouse.pack(folder / "src", folder / "colours.pack")
    return folder / "colours.pack", files


@pytest.fixture
def pack(colours: tuple[Path, dict[str, bytes]]) -> Pack:
    """The pack, opened for this test."""
    return packhouse.open(colours[0])


@pytest.fixture
def damaged(tmp_path: Path) -> Pack:
    """The pack with one image that is none, "red/0002"."""
    write_colours(tmp_path / "src")
    (tmp_path / "src" / "images" / "red" / "0002.jpg").write_text("no picture")
    packhouse.pack(tmp_path / "src", tmp_path / "damaged.pack")
    return packhouse.open(tmp_path / "damaged.pack")
