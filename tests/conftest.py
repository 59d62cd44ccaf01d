"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from small_dataset import DataSet, write_dataset

# that an example was slow on a busy machine is no fault
settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")


@pytest.fixture
def dataset(tmp_path: Path) -> DataSet:
    """A fresh data set of 24 images and three tables, in the folder "shop"."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return write_dataset(folder)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What packhouse keeps in the cache folder of the user stays out of the real one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would all that the tests interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors that os.open gave from here on and os.close has not closed yet."""
    open_now, really_open, really_close = list[int](), os.open, os.close

    def note(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        open_now.append(really_open(path, flags, mode, dir_fd=dir_fd))
        return open_now[-1]

    def forget(descriptor: int) -> None:
        if descriptor in open_now:  # garbage of an earlier test may be collected now
            open_now.remove(descriptor)
        really_close(descriptor)

    monkeypatch.setattr(os, "open", note)
    monkeypatch.setattr(os, "close", forget)
    return open_now
