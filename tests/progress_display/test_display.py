"""`progress=True` in a real terminal, in a pipe, and in a real notebook."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import nbclient
import nbformat
import numpy as np
import pytest

import packhouse
from packhouse.progress import Event, Started
from small_dataset import JOIN, write_dataset

CALL = """
import sys, packhouse
packhouse.pack(sys.argv[1], sys.argv[2], progress=True)
packhouse.verify(sys.argv[2], progress=True)
print("done")
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set."""
    return write_dataset(tmp_path_factory.mktemp("shown") / "src").folder


def test_lines_on_stderr_where_it_is_no_terminal(source: Path, tmp_path: Path) -> None:
    """Stdout is the program's own."""
    ran = subprocess.run(
        [sys.executable, "-c", CALL, source, tmp_path / "a.pack"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "done\n"
    assert "images: 24 files, " in ran.stderr
    assert "table articles: 100 %, " in ran.stderr
    assert "\x1b" not in ran.stderr


def test_bars_on_a_terminal(source: Path, tmp_path: Path) -> None:
    """One for each task, on stderr."""
    parent, child = pty.openpty()
    ran = subprocess.Popen(
        [sys.executable, "-c", CALL, source, tmp_path / "a.pack"],
        stdout=subprocess.PIPE,
        stderr=child,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(child)
    shown = b""
    while chunk := _read(parent):
        shown += chunk
    stdout, _ = ran.communicate()
    os.close(parent)
    assert (ran.returncode, stdout) == (0, b"done\n")
    assert "24/24" in shown.decode()
    assert "━━━" in shown.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


def test_a_notebook_shows_bars_and_objects(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Executed by Jupyter's own kernel, without widgets; DuckDB would ask for them."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))  # the home of whoever runs this may be missing
    dest = str(tmp_path / "a.pack")
    cells = [
        "import packhouse",
        f"report = packhouse.pack({str(source)!r}, {dest!r}, joins={JOIN!r}, progress=True)",
        f"pack = packhouse.open({dest!r}, progress=True)\npack",
        "report",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()

    _, bars, pack, report = (_html(cell) for cell in notebook.cells)
    assert "images: 24 files, " in bars[-1]
    assert "table transactions_train: 100 %" in bars[-1]
    assert pack[-1].count("<img") == 8
    assert "24 images + 3 tables packed" in report[-1]


def _html(cell: nbformat.NotebookNode) -> list[str]:
    return [out["data"]["text/html"] for out in cell.outputs if "text/html" in out.get("data", {})]


def test_a_callback_gets_the_events_and_false_shows_nothing(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same events as ever."""
    events: list[Event] = []
    packhouse.pack(source, tmp_path / "a.pack", progress=events.append)
    assert "images" in {event.task for event in events if isinstance(event, Started)}
    packhouse.pack(source, tmp_path / "b.pack", progress=False)
    assert capfd.readouterr() == ("", "")


def test_every_long_call_takes_it(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """pack, verify, derive, extract, repair, index, bench and sample; each says something."""
    pack = tmp_path / "a.pack"
    packhouse.pack(source, pack)
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["images"] = np.zeros((5, 8, 8, 3), np.uint8)
    calls: tuple[Callable[[], object], ...] = (
        lambda: packhouse.verify(pack, progress=True),
        lambda: packhouse.derive(pack, size=32, progress=True),
        lambda: packhouse.extract(pack, tmp_path / "out", progress=True),
        lambda: packhouse.repair(pack, tmp_path / "b.pack", progress=True),
        lambda: packhouse.bench(pack, progress=True),
        lambda: packhouse.index(foreign, progress=True),
        lambda: packhouse.sample(tmp_path / "s", images=9, progress=True),
        lambda: packhouse.plan(source, tmp_path / "c.pack", progress=True),
    )
    for call in calls:
        call()
        assert " s\n" in capsys.readouterr().err
