"""Cores that may be used: bound to, and limited by control groups of both versions, real ones too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from packhouse._src.concurrency import cores
from packhouse._src.concurrency.cores import usable_cores

REAL = Path("/sys/fs/cgroup")
PROGRAM = "from packhouse._src.concurrency.cores import usable_cores; print(usable_cores())"


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 16 cores whose control groups are files in a folder."""
    monkeypatch.setattr(cores, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files, and the folders they lie in."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        pytest.param({}, 16, id="no control groups"),
        pytest.param({"own": "0::/\n"}, 16, id="the root has no limit"),
        pytest.param({"own": "0::/\n", "cgroup/cpu.max": "max 100000\n"}, 16, id="no limit"),
        pytest.param({"own": "0::/\n", "cgroup/cpu.max": "400000 100000\n"}, 4, id="a container"),
        pytest.param({"own": "0::/\n", "cgroup/cpu.max": "150000 100000\n"}, 2, id="a core and a half"),
        pytest.param({"own": "0::/\n", "cgroup/cpu.max": "10000 100000\n"}, 1, id="a tenth of a core"),
        pytest.param({"own": "0::/\n", "cgroup/cpu.max": "9900000 100000\n"}, 16, id="more than there are"),
        pytest.param({"own": "0::/\n", "cgroup/cpu.max": "rubbish\n"}, 16, id="rubbish"),
        pytest.param(
            {
                "own": "0::/a.slice/b\n",
                "cgroup/a.slice/cpu.max": "300000 100000\n",
                "cgroup/a.slice/b/cpu.max": "max 100000\n",
            },
            3,
            id="a group around it",
        ),
        pytest.param(
            {"own": "0::/docker/77\n", "cgroup/cpu.max": "200000 100000\n"}, 2, id="a path of the host"
        ),
        pytest.param(
            {
                "own": "5:cpuset:/\n4:cpu,cpuacct:/pod\n0::/\n",
                "cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us": "250000\n",
                "cgroup/cpu,cpuacct/pod/cpu.cfs_period_us": "50000\n",
            },
            5,
            id="version 1",
        ),
        pytest.param(
            {
                "own": "4:cpu:/pod\n",
                "cgroup/cpu/pod/cpu.cfs_quota_us": "-1\n",
                "cgroup/cpu/pod/cpu.cfs_period_us": "100000\n",
            },
            16,
            id="version 1 without a limit",
        ),
    ],
)
def test_limits_of_control_groups_count(groups: Path, files: dict[str, str], wanted: int) -> None:
    """The least of all that apply, rounded up."""
    write(groups, files)

    assert usable_cores() == wanted


@pytest.fixture
def limited() -> Iterator[Path]:
    """A real control group that may use half a core."""
    if (REAL / "cgroup.controllers").exists():
        group, limit = REAL / f"packhouse-{os.getpid()}", {"cpu.max": "50000 100000"}
    else:
        group = REAL / "cpu" / f"packhouse-{os.getpid()}"
        limit = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}
    try:
        group.mkdir()
        for name, text in limit.items():
            (group / name).write_text(text)
    except OSError as err:
        if group.is_dir():
            group.rmdir()
        pytest.skip(f"no control group can be made here: {err}")
    yield group
    group.rmdir()


def test_a_real_limit_counts(limited: Path) -> None:
    """A process in it may use one core, and without it all those it is bound to."""
    enter = f"import os; open({str(limited / 'cgroup.procs')!r}, 'w').write(str(os.getpid())); {PROGRAM}"
    inside, outside = (
        subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
        for text in (enter, PROGRAM)
    )

    assert int(inside) == 1
    assert int(outside) == usable_cores()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds processes to cores")
def test_a_bound_process_counts_its_cores() -> None:
    """As `taskset -c 0` does."""
    one = min(os.sched_getaffinity(0))
    text = f"import os; os.sched_setaffinity(0, [{one}]); {PROGRAM}"

    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout

    assert int(found) == 1
