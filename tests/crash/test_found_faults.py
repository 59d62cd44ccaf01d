"""Faults that the series have found, each by itself."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import h5py
import pytest

import packhouse
from crash.scenes import put
from packhouse._src.packing import pack
from packhouse._src.packing.planning import Plan, check_space
from packhouse.errors import DestinationError, NoSpaceError


def test_an_empty_image_may_come_first(home: Path) -> None:
    """In the order of the keys."""
    put(home / "source", "a.jpg", b"")
    put(home / "source", "b.jpg", b"some bytes")

    packhouse.pack(home / "source", home / "some.pack")

    with packhouse.open(home / "some.pack") as pack:
        assert pack.images.read("a") == b""
        assert pack.images.read("b") == b"some bytes"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_while_datasets_are_removed(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """HDF5 raises RuntimeError when it cannot write what it has kept back."""
    put(home / "source", "a.jpg", b"some bytes")
    put(home / "source", "b.jpg", b"gone when it is read")

    def vanish(plan: Plan) -> None:
        check_space(plan)
        (home / "source" / "b.jpg").unlink()

    def fail(file: Any) -> None:  # noqa: ANN401  # an h5py.File
        really_close(file)
        raise RuntimeError(f"file write failed: errno = {number}, error message = '{os.strerror(number)}'")

    really_close = h5py.File.close
    monkeypatch.setattr(h5py.File, "close", fail)
    monkeypatch.setattr(pack, "check_space", vanish)

    with pytest.raises(NoSpaceError if number == errno.ENOSPC else DestinationError):
        packhouse.pack(home / "source", home / "some.pack")


@pytest.mark.parametrize("call", ["mkdir", "open"])
def test_a_disk_without_room_for_a_folder(home: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """A full disk is a NoSpaceError from the first call on."""
    put(home / "source", "a.jpg", b"some bytes")
    really = getattr(os, call)

    def fail(path: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401  # whatever os takes
        if str(path).endswith((".packing", ".lock")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return really(path, *rest, **named)

    monkeypatch.setattr(os, call, fail)

    with pytest.raises(NoSpaceError):
        packhouse.pack(home / "source", home / "some.pack")


def test_a_disk_that_fails_while_a_table_is_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no fault of the table, so the pack is not made without it."""
    put(home / "source", "a.jpg", b"some bytes")
    put(home / "source", "items.csv", b"item,price\na,1\n")
    really_fsync = os.fsync

    def fail(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "items.parquet":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        really_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(DestinationError):
        packhouse.pack(home / "source", home / "some.pack")
