"""A child process runs our own code, contained: it knows what it is told, and ends with its owner."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from packhouse._src.concurrency.helper_process import HelperProcess

Child = Callable[[str], str]


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """Make a module out of the body of its main(), on the import path of this process; return its name."""

    def make(body: str) -> str:
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        (tmp_path / "some_child.py").write_text(
            f"import json, os, resource, signal, sys, time\n\ndef main():\n{lines}"
        )
        return "some_child"

    monkeypatch.syspath_prepend(tmp_path)
    return make


def test_answers_stream_while_it_works(child: Child) -> None:
    """The request is read whole, answers of any bytes come one by one, and the exit code is told."""
    body = """\
request = sys.stdin.buffer.read()
for number in request:
    sys.stdout.buffer.write(number.to_bytes(8, "little"))
    sys.stdout.buffer.flush()
sys.exit(len(request) % 256)"""
    request = os.urandom(1 << 10) + b"\n\0"
    with HelperProcess(child(body)) as helper:
        helper.send(request)
        numbers = [int.from_bytes(helper.output.read(8), "little") for _ in request]

        assert bytes(numbers) == request
        assert helper.output.read() == b""
        assert helper.wait() == 2


def test_the_child_is_isolated(child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the current folder and variables for Python do not reach it; its arguments do."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "json.py").write_text("raise RuntimeError('the wrong module')")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "here"))
    body = "print(json.dumps([sys.argv[1:], sys.path, dict(os.environ)]))"

    with HelperProcess(child(body), "a b", "é\udc80", environment={"ONLY": "this"}) as helper:
        arguments, paths, variables = json.loads(helper.output.read())

    assert arguments == ["a b", "é\udc80"]
    assert paths == [place for place in sys.path if place]
    assert variables["ONLY"] == "this"
    assert "PATH" not in variables


def test_limits_hold_in_the_child_alone(child: Child) -> None:
    """It cannot take more memory than it was given; this process still can."""
    most = 1 << 30
    before = resource.getrlimit(resource.RLIMIT_AS)
    with HelperProcess(child("bytearray(1 << 31)"), limits={"memory_bytes": most}) as helper:
        assert helper.wait() == 1
        assert "MemoryError" in helper.noise()
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_it_outlives_ctrl_c_and_not_its_owner(child: Child) -> None:
    """Ctrl-C is for the parent; leaving the context ends it whatever it is doing."""
    body = """\
os.kill(os.getpid(), signal.SIGINT)
print(os.getpid(), flush=True)
time.sleep(600)"""
    with HelperProcess(child(body)) as helper:
        number = int(helper.output.readline())
        os.kill(number, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    assert helper.wait() == -signal.SIGKILL


def test_a_child_that_dies_early_takes_no_request(child: Child) -> None:
    """A request that is larger than a pipe is lost without an error; the exit code tells."""
    with HelperProcess(child("os._exit(7)")) as helper:
        helper.send(bytes(4 << 20))
        assert helper.output.read() == b""
        assert helper.wait() == 7


@pytest.mark.parametrize(("name", "value"), [("executable", ""), ("frozen", True)])
def test_without_an_interpreter_it_is_an_error(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embedded or frozen program has no Python to start."""
    monkeypatch.setattr(sys, name, value, raising=False)

    with pytest.raises(OSError, match="no Python interpreter"):
        HelperProcess("some_child")
