"""Fixtures of the crash tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.call_series import quick_folder, shim_in


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """crashpoint.so; None where it cannot be made."""
    return shim_in(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on which fsync costs little."""
    with quick_folder(tmp_path) as folder:
        yield folder
