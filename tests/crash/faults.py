"""Ends this process at the k-th call that changes something below a folder, or lets that call fail.

Two layers do the same: `crashpoint.c` under every library, where a C compiler is; and functions in the place
of those of `os` and `io`, which see all that is done by Python, so not what HDF5 writes by itself.
"""

from __future__ import annotations

import builtins
import ctypes
import errno
import fcntl
import io
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHANGES, NEEDS_ROOM, WRITES, READS = 0, 2, 3, 4
"""A name goes; room is needed; bytes are written, which needs room; bytes are read. As in crashpoint.c."""

TORN, SHORT, TOLD = 1, 2, 3
"""Half of the bytes are written before what happens; half are written or read, and nothing
else happens; nothing happens, and every call is told."""

NEEDING_ROOM = ("fsync", "ftruncate", "truncate", "rename", "replace", "link", "symlink", "mkdir")
SOURCE = Path(__file__).with_name("crashpoint.c")


@dataclass(frozen=True)
class Fault:
    """What happens, and at which call."""

    at: int
    """Counted from 1, among the calls that count; 0: nothing happens."""

    torn: bool = False
    """Half of the bytes are written first; only writes count, unless all are to fail."""

    error: int = 0
    """The call fails with this number; 0: the process is killed."""

    onward: bool = False
    """All later calls fail too, or are cut short."""

    short: bool = False
    """Reads or writes are cut short: half of the bytes, and no error; only beneath all libraries."""

    reads: bool = False
    """It is reads that count."""

    @property
    def only(self) -> int:
        """Which calls count: where bytes are written, where room is needed, or all."""
        if self.reads:
            return READS
        if self.short:
            return WRITES
        if self.error:
            return NEEDS_ROOM if self.error in {errno.ENOSPC, errno.EDQUOT} else CHANGES
        return WRITES if self.torn else CHANGES


def compiler() -> str | None:
    """Return the C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc")


def compile_shim(folder: Path) -> Path:
    """Compile crashpoint.c.

    Args:
        folder: Where to put it.

    Returns:
        The library to preload.
    """
    library = folder / "crashpoint.so"
    command = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return library


def arm_shim(below: Path, fault: Fault, tell: int) -> None:
    """Arm the library that this process was started with.

    Args:
        below: The folder.
        fault: What is to happen.
        tell: Descriptor that is told the name of the call, before it happens.
    """
    arm, where = ctypes.CDLL(None).crashpoint_arm, os.fsencode(f"{below}/")
    torn = SHORT if fault.short else TORN * fault.torn
    arm(where, ctypes.c_long(fault.at), torn, fault.error, fault.onward, fault.only, tell)


class _Layer:
    """Counts calls and decides what happens at each."""

    def __init__(self, below: Path, fault: Fault, tell: int) -> None:
        self.below = f"{below}/"
        self.fault = fault
        self._tell = tell
        self._calls = 0
        self._counting = threading.Lock()
        self.write = os.write

    def decide(self, name: str, path: str, kind: int) -> bool:
        """Count a call; die, raise, or say whether only half is to be written."""
        fault = self.fault
        if not path.startswith(self.below) or kind & fault.only != fault.only:
            return False
        with self._counting:
            self._calls += 1
            call = self._calls
        if call < fault.at or not fault.at or (call > fault.at and not (fault.error and fault.onward)):
            return False
        if call == fault.at:
            self.write(self._tell, f"{name} {path}\n".encode())
            if fault.torn and kind == WRITES:
                return True
        if not fault.error:
            die()
        raise OSError(fault.error, os.strerror(fault.error), path)

    def after_half(self) -> None:
        """Die, unless it is an error that follows."""
        if not self.fault.error:
            die()


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def _path_of(descriptor: int) -> str:
    try:
        return os.fspath(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        if not hasattr(fcntl, "F_GETPATH"):  # macOS
            return ""
        found: bytes = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
        return os.fsdecode(found.rstrip(b"\0"))


def _path_at(path: Any, folder: int | None) -> str:  # noqa: ANN401  # whatever os takes
    text = os.fsdecode(path) if not isinstance(path, int) else _path_of(path)
    return text if folder is None else f"{_path_of(folder)}/{text}"


def arm_python(below: Path, fault: Fault, tell: int) -> None:
    """Put our functions in the place of those of `os` and `io`, in this process, for good.

    Args:
        below: The folder.
        fault: What is to happen.
        tell: Descriptor that is told the name of the call, before it happens.
    """
    layer = _Layer(below, fault, tell)
    for name, place in (("write", 1), ("pwrite", 1), ("sendfile", 3)):
        if hasattr(os, name):
            setattr(os, name, _write(layer, name, getattr(os, name), place))
    for name in NEEDING_ROOM:
        setattr(os, name, _change(layer, name, getattr(os, name), NEEDS_ROOM))
    for name in ("unlink", "remove", "rmdir"):
        setattr(os, name, _change(layer, name, getattr(os, name), CHANGES))
    really_open = os.open

    def open_descriptor(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:  # noqa: ANN401
        if flags & os.O_CREAT:
            layer.decide("creat", _path_at(path, dir_fd), NEEDS_ROOM)
        return really_open(path, flags, mode, dir_fd=dir_fd)

    os.open = open_descriptor
    _replace_open(layer)


def _write(layer: _Layer, name: str, real: Callable[..., int], place: int) -> Callable[..., int]:
    """Wrap a call that writes; `place` is where it is told the bytes, or how many."""

    def call(*arguments: Any) -> int:  # noqa: ANN401
        if layer.decide(name, _path_of(arguments[0]), WRITES):
            what = arguments[place]
            half = what // 2 if isinstance(what, int) else memoryview(what).cast("B")[: len(what) // 2]
            done = real(*arguments[:place], half, *arguments[place + 1 :])
            layer.after_half()
            return done
        return real(*arguments)

    return call


def _change(layer: _Layer, name: str, real: Callable[..., Any], kind: int) -> Callable[..., Any]:
    """Wrap a call that changes names or sizes."""

    def call(path: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        folder = named.get("dir_fd", named.get("src_dir_fd"))
        layer.decide(name, _path_at(path, folder), kind)
        return real(path, *rest, **named)

    return call


class _RawFile(io.FileIO):
    """A file opened by name, under the layer."""

    layer: _Layer

    def write(self, data: Any, /) -> int:  # noqa: ANN401  # any buffer
        if self.layer.decide("write", str(self.name), WRITES):
            with memoryview(data) as view:
                done = super().write(view[: len(view) // 2])
            self.layer.after_half()
            return done
        return super().write(data)

    def truncate(self, size: int | None = None, /) -> int:
        self.layer.decide("truncate", str(self.name), NEEDS_ROOM)
        return super().truncate(size)


def _replace_open(layer: _Layer) -> None:
    really = io.open

    class RawFile(_RawFile):
        pass

    RawFile.layer = layer

    def open_file(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        changes = set(mode) & set("wxa+")
        if not changes or isinstance(file, int) or not os.fsdecode(file).startswith(layer.below):
            return really(file, mode, buffering, *rest, **named)
        if "r" not in mode:
            layer.decide("creat", os.fsdecode(file), NEEDS_ROOM)
        raw = RawFile(os.fsdecode(file), mode.replace("b", "").replace("t", ""))
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *rest, **named)

    io.open = open_file
    builtins.open = open_file
