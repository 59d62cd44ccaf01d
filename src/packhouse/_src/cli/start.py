"""The program `packhouse`: Ctrl-C is answered from the start, while what the commands need is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process and exit."""
    try:
        from packhouse._src.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was begun\n")
        sys.exit(130)
