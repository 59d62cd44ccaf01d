"""Ranges are cut so that each is read once, in few calls of bounded size."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse._src.imagefile.hdf5_signature import has_signature
from packhouse._src.ranges import cut_lengths, cut_runs, read_into, read_range

SPANS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 40))).map(sorted)


@given(spans=SPANS, gap=st.integers(0, 20), most_bytes=st.integers(1, 60), most=st.none() | st.integers(1, 5))
def test_runs_cover_every_range_once(
    spans: list[tuple[int, int]], gap: int, most_bytes: int, most: int | None
) -> None:
    """Each run is what its ranges span; it is not larger than allowed, and has no larger gap inside."""
    taken = []
    for first, stop, start, end in cut_runs(spans, gap=gap, most_bytes=most_bytes, most=most):
        run = spans[first:stop]
        taken += run
        assert start == min(offset for offset, _ in run)
        assert end == max(offset + length for offset, length in run)
        assert len(run) == 1 or end - start <= most_bytes
        assert most is None or len(run) <= most
        reached = itertools.accumulate((offset + length for offset, length in run), max)
        assert all(offset - end <= gap for end, (offset, _) in zip(reached, run[1:], strict=False))
    assert taken == spans


@given(spans=SPANS)
def test_without_bounds_there_is_one_run(spans: list[tuple[int, int]]) -> None:
    """Nothing is cut that need not be; of nothing there is no run."""
    assert len(list(cut_runs(spans, gap=300, most_bytes=300))) == bool(spans)


@given(lengths=st.lists(st.integers(0, 50)), most_bytes=st.integers(1, 80), most=st.integers(1, 6))
def test_parts_cover_every_item_once(lengths: list[int], most_bytes: int, most: int) -> None:
    """A part is within both bounds or is a single item, and the next item would not have fitted."""
    parts = list(cut_lengths(lengths, most_bytes=most_bytes, most=most))

    assert [number for part in parts for number in part] == list(range(len(lengths)))
    for part in parts:
        held = sum(lengths[part.start : part.stop])
        assert len(part) == 1 or (held <= most_bytes and len(part) <= most)
        if part.stop < len(lengths):
            assert held + lengths[part.stop] > most_bytes or len(part) == most


def test_reads_that_give_less_are_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system may give part of what was asked for; only the end of the file ends a range."""
    (tmp_path / "a").write_bytes(bytes(range(200)))
    descriptor, pread, preadv = os.open(tmp_path / "a", os.O_RDONLY), os.pread, os.preadv
    monkeypatch.setattr(os, "pread", lambda fd, length, offset: pread(fd, min(length, 7), offset))
    monkeypatch.setattr(os, "preadv", lambda fd, views, offset: preadv(fd, [views[0][:7]], offset))
    buffer = bytearray(60)

    assert read_range(descriptor, 60, 20) == bytes(range(20, 80))
    assert read_range(descriptor, 60, 190) == bytes(range(190, 200))
    assert read_range(descriptor, 60, 500) == b""
    assert read_into(descriptor, memoryview(buffer), 20) == 60
    assert bytes(buffer) == bytes(range(20, 80))
    assert read_into(descriptor, memoryview(buffer), 190) == 10
    os.close(descriptor)


@pytest.mark.parametrize("at", [0, 256, 512, 1024, 1536, 1 << 21])
def test_the_signature_may_stand_behind_a_user_block(at: int, tmp_path: Path) -> None:
    """At byte 0, 512, 1024, 2048, ... and nowhere else."""
    path = tmp_path / "a"
    path.write_bytes(bytes(at) + b"\x89HDF\r\n\x1a\n" + bytes(100))
    with path.open("rb") as file:
        assert has_signature(file.fileno(), path.stat().st_size) == (at not in {256, 1536})
        assert not has_signature(file.fileno(), at + 7)
