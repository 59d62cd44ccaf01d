"""Starts this Python in a child process: for work that may crash, or that holds the interpreter's lock.

The child runs `main()` of one of our modules. It is isolated (`python -I`): no PYTHON* variable, no user
site, no current folder. It gets the import path of this process instead, and never imports the user's script,
as a process of `multiprocessing` does. It ignores Ctrl-C, which the terminal sends to parent and child: the
parent decides.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from packhouse._src.system.limits import set_limits

BOOTSTRAP = (
    "import json, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from packhouse._src.concurrency.helper_process import run_main; run_main()"
)
_PACKAGE_FOLDER = str(Path(__file__).absolute().parents[3])
_NOISE_BYTES = 400


class HelperProcess:
    """A running child; a context manager that ends it.

    Args:
        module: Dotted name of the module whose `main()` it runs.
        arguments: `sys.argv[1:]` in the child.
        environment: Its environment variables; those of this process by default.
        limits: The most of each of `system.limits.NAMES`, set before the module is imported.

    Raises:
        OSError: It cannot be started.

    Cost: 20 ms, and what the module imports; h5py takes a fifth of a second.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        if not sys.executable or getattr(sys, "frozen", False):  # a frozen program would start itself again
            raise OSError("no Python interpreter is known")
        variables = os.environ if environment is None else environment
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the child
        try:
            self._process = subprocess.Popen(  # noqa: S603  # this Python, our own module
                helper_command(module, arguments, limits or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._noise,
                # NumPy's threads would only wait, and spin
                env={**variables, "OPENBLAS_NUM_THREADS": "1"},
            )
        except BaseException:
            self._noise.close()
            raise

    def __repr__(self) -> str:
        """Return its process id and exit code."""
        return f"HelperProcess(pid={self._process.pid}, exit_code={self._process.poll()})"

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End it."""
        self.close()

    @property
    def output(self) -> IO[bytes]:
        """Its standard output, as it comes; ends when the child does."""
        assert self._process.stdout is not None  # noqa: S101  # a pipe, see above
        return self._process.stdout

    def send(self, request: bytes) -> None:
        """Write all of the request to its standard input, and close that.

        The child must read it to the end before it answers at length. A child that has died is no error
        here: `output` is at its end then, and `wait` gives the exit code.
        """
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101  # a pipe, see above
        if not stdin.closed:
            with suppress(BrokenPipeError):
                stdin.write(request)
            with suppress(BrokenPipeError):
                stdin.close()

    def wait(self) -> int:
        """Wait until it ends; return its exit code, or minus the number of the signal that ended it."""
        return self._process.wait()

    def noise(self) -> str:
        """Return the end of what it has written to its standard error."""
        end = self._noise.seek(0, os.SEEK_END)
        self._noise.seek(max(0, end - _NOISE_BYTES))
        return self._noise.read().decode(errors="replace")

    def kill(self) -> None:
        """End it at once; may be called while another thread reads its output, which ends."""
        self._process.kill()

    def close(self) -> None:
        """End it, wait for that, and close its pipes."""
        self.kill()
        self.wait()
        self.send(b"")
        self.output.close()
        self._noise.close()


def helper_command(module: str, arguments: Sequence[str], limits: Mapping[str, int]) -> list[str]:
    """Return the command line of a child; arguments as of `HelperProcess`."""
    # "" would be the current folder of the child; a package that was found there is named by itself
    known = [place for place in sys.path if os.path.isabs(place)]  # noqa: PTH117
    paths = json.dumps(known if _PACKAGE_FOLDER in known else [*known, _PACKAGE_FOLDER])
    bounds = json.dumps(dict(limits))
    return [sys.executable, "-I", "-c", BOOTSTRAP, paths, bounds, module, *arguments]


def run_main() -> None:
    """Run in the child: set the limits, import the module and run its `main()`."""
    bounds, module = sys.argv.pop(1), sys.argv.pop(1)
    set_limits(json.loads(bounds))
    importlib.import_module(module).main()
