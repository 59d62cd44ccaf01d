"""Takes from this Python what only some operating systems have, then runs a script; see test_bare_system."""

from __future__ import annotations

import importlib
import os
import runpy
import sys

CALLS = (
    *("pread", "preadv", "pwrite", "pwritev", "posix_fadvise", "posix_fallocate", "register_at_fork", "link"),
    *("sched_getaffinity", "getuid", "geteuid", "mkfifo", "copy_file_range", "fchmod"),
)
FLAGS = (
    *("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_PATH", "O_NOATIME"),
    *("POSIX_FADV_WILLNEED", "POSIX_FADV_DONTNEED"),
)
MODULES = ("fcntl", "resource", "termios", "pwd", "grp")
OTHERS = (
    *(
        "random",
        "tempfile",
        "subprocess",
        "shutil",
        "uuid",
        "concurrent.futures.thread",
        "multiprocessing.queues",
    ),
    *("numpy", "h5py", "pyarrow.parquet", "duckdb", "PIL.Image", "rich.console", "click"),
)
"""They have found out for themselves what the system has."""


def main() -> None:
    """Run sys.argv[1] with the rest as its arguments."""
    for name in OTHERS:
        importlib.import_module(name)
    for name in (*CALLS, *FLAGS):
        if hasattr(os, name):
            delattr(os, name)
    os.supports_dir_fd.clear()
    os.supports_fd.discard(os.scandir)
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # importing it is an ImportError now
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
