"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_dataset import DataSet, write_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> DataSet:
    """A fresh data set of 24 images and three tables, in the folder "shop"."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return write_dataset(folder)
