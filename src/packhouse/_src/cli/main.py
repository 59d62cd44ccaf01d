"""The command `packhouse`: finds its commands, and turns errors into messages and exit codes."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches

import click

from packhouse._src.cli._printing import drop_stdout
from packhouse._src.version import __version__
from packhouse._src.wording.visible_text import VisibleStream, visible_line
from packhouse.errors import PackhouseError

DONE = 0
FAILED = 1
INCOMPLETE = 3
DAMAGED = 4
SIGNALLED = 128
"""Exit codes of interrupted commands are this plus the number of the signal, as shells have it."""

INTERRUPTED = SIGNALLED + signal.SIGINT
STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl-C; `kill`, a job scheduler or a container that ends; a terminal that is closed."""

COMMANDS = (
    "sample",
    "pack",
    "inspect",
    "ls",
    "get",
    "find",
    "rows",
    "stats",
    "check",
    "verify",
    "repair",
    "extract",
    "derive",
    "bench",
    "index",
)


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for, so that --help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None when there is no such."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"packhouse._src.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as err:
            nearest = get_close_matches(args[0], COMMANDS, n=2)
            if not nearest:
                raise
            raise click.UsageError(f"{err.message} Did you mean {' or '.join(nearest)}?", ctx) from err


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 done but some inputs were skipped or failed (listed), "
    "4 damage or a leak was found, 130 interrupted (143 by SIGTERM, 129 by SIGHUP). Data goes to stdout, "
    "everything else to stderr.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show a traceback when a command fails")
@click.version_option(__version__, prog_name="packhouse")
def group(verbose: bool) -> None:
    """Pack a data set (image folders and CSV tables) into HDF5 and Parquet."""
    del verbose  # `run` sees to it, since it also speaks of errors in the command line itself


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: Without the program's name.

    Returns:
        The exit code.
    """
    verbose = "-v" in arguments or "--verbose" in arguments
    try:
        code = group.main(list(arguments), prog_name="packhouse", standalone_mode=False)
    except click.ClickException as err:
        err.show()
        return err.exit_code
    except (KeyboardInterrupt, click.Abort) as err:
        # click puts its own Abort in the place of Ctrl-C, which may carry a note of what was kept
        notes = getattr(err, "__notes__", None) or getattr(err.__context__, "__notes__", None)
        left = "\n  ".join(notes or ["nothing half-done is left behind"])
        with suppress(OSError):  # a terminal that was closed takes no message
            click.echo(f"interrupted; run the same command again\n  {left}", err=True)
        return SIGNALLED + _heard[-1] if _heard else INTERRUPTED
    except BrokenPipeError:
        raise
    except (PackhouseError, OSError) as err:
        if verbose:
            traceback.print_exc()
        return _show(err)
    return code if isinstance(code, int) else DONE


def _show(err: PackhouseError | OSError) -> int:
    """Print an error and return the exit code; one of the file system has no hint of ours."""
    if not isinstance(err, PackhouseError):
        place = f"\n  in {visible_line(str(err.filename))}" if err.filename else ""
        click.echo(f"error: {err.strerror or err}{place}", err=True)
        return FAILED
    click.echo(f"error: {err}", err=True)
    for note in getattr(err, "__notes__", ()):
        click.echo(f"  {note}", err=True)
    return err.exit_code


_heard: list[int] = []
"""The signal that the command stops for."""


def _stop(number: int, _frame: object) -> None:
    """Stop cleanly at the first Ctrl-C, and at once at the second: what is on the disk is never broken."""
    for name in STOPPING:
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is _stop:
            signal.signal(getattr(signal, name), lambda number, _frame: os._exit(SIGNALLED + number))
    _heard.append(number)
    raise KeyboardInterrupt


def _answer_signals() -> None:
    """Stop cleanly when a signal asks for it; one that is ignored stays ignored, as behind nohup."""
    for name in STOPPING:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _stop)


def _show_what_is_invisible() -> None:
    """Spell out on terminals, and on stderr always, what names and cells could do to a terminal."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        stream.reconfigure(errors="backslashreplace")  # a key that cannot be shown is no reason to stop
        if name == "stderr" or stream.isatty():
            setattr(sys, name, VisibleStream(stream))


def main() -> None:
    """Run the command line of this process and exit."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's threads would only wait, and spin
    _answer_signals()
    _show_what_is_invisible()
    try:
        code = run(sys.argv[1:])
        if sys.stdout is not None:  # it is where the program was started without one
            sys.stdout.flush()
    except OSError as err:
        drop_stdout()
        # that the reader goes away, as `head` does, is no news
        code = FAILED if isinstance(err, BrokenPipeError) else _show(err)
    sys.exit(code)
