"""Fixtures that all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from small_dataset import DataSet, write_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> DataSet:
    """A fresh data set of 24 images and three tables, in the folder "shop"."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return write_dataset(folder)


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would all that the tests interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
