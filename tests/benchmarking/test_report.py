"""What follows from measured rates: which of the three binds, in one line, and what would change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse._src.benchmarking.bench_report import BenchReport


def report(**changes: object) -> BenchReport:
    """Return a report of two cores that decode as fast as they can."""
    values: dict[str, object] = {
        "pack": Path("p.pack"),
        "store": "images.h5",
        "size": (224, 224),
        "images": 4000,
        "image_bytes": 37_000.0,
        "cores": 2,
        "disk": 9000.0,
        "ceiling": 2710.0,
        "loader": {1: 1400.0, 2: 2640.0, 4: 2600.0},
        "busy": 0.97,
        "resizer": "OpenCV",
        "fits": True,
        "broken": 0,
    }
    return BenchReport(**{**values, **changes})  # type: ignore[arg-type]


def test_decoders_at_work_bind() -> None:
    """The sentence has cores, ceiling and what the loader gives."""
    assert report().binds == "decode"
    assert report().verdict == "decode-bound: 2 cores at 97 %; ceiling 2,710 img/s, you get 2,640"
    assert report().advice == []
    assert report(cores=1, loader={1: 1400.0}, busy=1.0).verdict.startswith("decode-bound: 1 core at 100 %")


def test_a_slow_disk_binds_what_does_not_fit_into_memory() -> None:
    """Every epoch then waits for it; otherwise only the first one does, which is said."""
    slow = report(disk=500.0, fits=False)

    assert slow.binds == "disk"
    assert slow.verdict == (
        "disk-bound: the disk reads 500 img/s (18 MB/s); decoding reaches 2,710, you get 500"
    )
    assert report(disk=500.0).binds == "decode"
    assert report(disk=500.0).advice == ["the first epoch reads from disk: 500 img/s (18 MB/s)"]
    assert report(fits=False).binds == "decode"


def test_idle_cores_below_the_ceiling_are_neither() -> None:
    """Neither is near to its limit: the line says so instead of naming one."""
    idle = report(loader={2: 1500.0}, busy=0.6)

    assert idle.binds == "loader"
    assert idle.verdict == (
        "neither disk nor decoders are busy: 2 cores at 60 %; ceiling 2,710 img/s, you get 1,500"
    )


@pytest.mark.parametrize(
    ("loader", "best"),
    [({1: 1400.0, 2: 2640.0, 4: 2700.0}, 2), ({1: 1400.0, 2: 2000.0, 4: 2700.0}, 4), ({1: 9.0, 2: 8.0}, 1)],
)
def test_other_threads_are_advised_only_where_they_give_clearly_more(
    loader: dict[int, float], best: int
) -> None:
    """Three hundredths are noise."""
    found = report(loader=loader)

    assert (found.threads, found.rate) == (best, loader[best])
    assert found.advice == (
        [] if best == 2 else [f"threads={best} is fastest on this machine (default: one per core)"]
    )


def test_what_helps_is_said() -> None:
    """A resizer that is not installed, and images that are broken."""
    assert report(resizer="Pillow", broken=3).advice == [
        'pip install "packhouse[fast]" makes scaling four times as fast',
        "3 of these images cannot be decoded: packhouse verify lists them",
    ]


def test_all_of_it_is_in_the_document() -> None:
    """What was measured and what follows, as JSON has it."""
    document = report().to_dict()

    assert document["pack"] == "p.pack"
    assert document["loader"] == {"1": 1400.0, "2": 2640.0, "4": 2600.0}
    assert (document["threads"], document["rate"], document["binds"]) == (2, 2640.0, "decode")
    assert document["verdict"] == report().verdict
