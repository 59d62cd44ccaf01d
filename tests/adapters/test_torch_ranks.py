"""Several processes: each image once over all ranks, whoever started them, and a state for another number."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from frameworks_kit import COUNT, framework
from packhouse._src.opening import Pack

torch = framework("torch", extra="torch")
framework("lightning", extra="torch")
framework("accelerate", extra="torch")

SAVED_AT = 3
JOB = Path(__file__).parent / "ranks_job.py"


def run_ranks(count: int, *arguments: object) -> None:
    """Run the job in several processes, as users do."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    done = subprocess.run([*run, str(JOB), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def two(colours: tuple[Path, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What each of two processes saw."""
    out = tmp_path_factory.mktemp("ranks")
    run_ranks(2, colours[0], out, "load")
    return [json.loads((out / f"load{rank}.json").read_text()) for rank in range(2)]


def flat(batches: Sequence[Sequence[str]]) -> list[str]:
    """Return the keys of all batches."""
    return [key for batch in batches for key in batch]


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("plain", "by torchrun"),
        ("plain", "made before the group"),
        ("plain", "in the group"),
        ("plain", "a worker"),
        ("accelerate", "dataset"),
        ("accelerate", "beside"),
    ],
)
def test_each_image_comes_once_over_all_ranks(two: list[Any], pack: Pack, way: str, kind: str) -> None:
    """Without a word about ranks, in as many batches on each."""
    shares = [found[way][kind] for found in two]

    assert len({len(share) for share in shares}) == 1
    assert not set(flat(shares[0])) & set(flat(shares[1]))
    assert sorted(flat(shares[0]) + flat(shares[1])) == list(pack.images)


def test_what_is_given_wins(two: list[Any], pack: Pack) -> None:
    """One of one is everything, on each rank."""
    for found in two:
        assert sorted(flat(found["plain"]["given"])) == list(pack.images)
        assert sorted(flat(found["plain"]["alone"])) == list(pack.images)
    lengths = [found["plain"]["length"] for found in two]
    assert lengths == [8, 8]
    assert "rank 1 of 2" in two[1]["plain"]["repr"]


@pytest.mark.parametrize("kind", ["alone", "loader"])
def test_lightning_trains_on_each_image_once(two: list[Any], kind: str) -> None:
    """Each epoch in another order; what drop_last leaves out aside."""
    epochs = [[flat(epoch) for epoch in found["lightning"][kind]] for found in two]

    assert [len(shares) for shares in epochs] == [2, 2]
    for first, second in zip(*epochs, strict=True):
        assert len(set(first) | set(second)) == len(first) + len(second) == COUNT // 8 * 8
    assert epochs[0][0] != epochs[0][1]


def test_lightning_goes_on_within_an_epoch(two: list[Any]) -> None:
    """From a checkpoint of its own: the rest of the epoch, and the next one, as if nothing had been."""
    for found in two:
        first, second = found["lightning"]["alone"]
        assert found["lightning"]["resumed"] == [first[SAVED_AT:], second]


def test_accelerate_shares_what_one_rank_gives(two: list[Any]) -> None:
    """Prepared with one rank it gives each once; prepared with shares it is refused, with the reason."""
    labels = sorted(label for found in two for batch in found["accelerate"]["prepared"] for label in batch)
    assert len(labels) >= COUNT  # it fills up the last step
    refused = two[0]["accelerate"]["refused"]
    assert "accelerate" in refused
    assert "rank=0, world_size=1" in refused


def test_three_ranks_go_on_where_two_stood(two: list[Any], pack: Pack, tmp_path: Path) -> None:
    """Between them they give the rest of the epoch, each image once, and then whole epochs."""
    assert two[0]["plain"]["state"] == two[1]["plain"]["state"]
    seen = [key for found in two for key in flat(found["plain"]["begun"])]
    (tmp_path / "state.json").write_text(json.dumps(two[0]["plain"]["state"]))

    run_ranks(3, pack.path, tmp_path, "resume")

    found = [json.loads((tmp_path / f"resume{rank}.json").read_text()) for rank in range(3)]
    rest = [key for one in found for key in flat(one["rest"])]
    assert len(seen) == len(set(seen)) == 24
    assert sorted(seen + rest) == list(pack.images)
    assert sorted(key for one in found for key in flat(one["next epoch"])) == list(pack.images)
