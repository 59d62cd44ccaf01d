"""Every command and its function in Python agree: names, defaults, choices, and the words for each option."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click
import pytest
from click.shell_completion import ShellComplete

import packhouse
from docstring_kit import arguments_of
from packhouse._src.cli.main import COMMANDS, group
from packhouse._src.cli.pack import command as pack_command
from packhouse._src.option_types.option_fields import option_fields

LONGEST_HELP = 90
OF_THE_COMMAND_ONLY = {"as_json", "dry_run", "dest", "no_link"}
"""Output formats, and what is said otherwise in Python: a plan by `packhouse.plan`, no link by link=False."""

NOT_FOUND_IN_PLAIN_ENGLISH = re.compile(
    r"\b(a core|that is there|as of|told of|one of both|so many|is gone on|what binds|of others)\b"
)


def command_of(name: str) -> click.Command:
    """Return a command of the command line."""
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return found


def function_of(name: str) -> Callable[..., Any]:
    """Return the function of the same name."""
    found: Callable[..., Any] = getattr(packhouse, name)
    return found


def options_of(command: click.Command) -> Iterator[click.Option]:
    """Yield the options of a command."""
    for one in command.params:
        if isinstance(one, click.Option):
            yield one


def words_of(option: click.Option) -> str:
    """Return the help of an option without the default."""
    return (option.help or "").partition("  [default")[0]


def choices_in(annotation: object) -> tuple[str, ...]:
    """Return the texts that a Literal allows, also inside of a union."""
    if get_origin(annotation) is Literal:
        return tuple(one for one in get_args(annotation) if isinstance(one, str))
    return tuple(text for part in get_args(annotation) for text in choices_in(part))


BOTH = [name for name in COMMANDS if hasattr(packhouse, name)]
PLAIN = [name for name in BOTH if name != "pack"]
"""The options of `pack` are many and have a test of their own."""


def test_commands_that_make_or_check_something_are_functions_too() -> None:
    """The others print what `packhouse.open` gives."""
    assert set(COMMANDS) - set(BOTH) <= {"inspect", "ls", "get", "find", "rows", "stats"}


@pytest.mark.parametrize("name", PLAIN)
def test_names_and_defaults_agree(name: str) -> None:
    """Each parameter but the callback is an argument or option of that name, with the same default."""
    command = command_of(name)
    arguments = [str(one.name) for one in command.params if isinstance(one, click.Argument)]
    *parameters, progress = inspect.signature(function_of(name)).parameters.values()
    needed = [one.name for one in parameters if one.default is inspect.Parameter.empty]

    given = command.make_context(name, list(arguments)).params

    assert (progress.name, progress.default) == ("progress", None)
    assert arguments == needed
    assert {key: value for key, value in given.items() if key not in {*needed, "as_json"}} == {
        one.name: one.default for one in parameters if one.name not in needed
    }


@pytest.mark.parametrize("name", PLAIN)
def test_choices_agree(name: str) -> None:
    """A closed set is a Literal in Python and a Choice on the command line, so that help lists it."""
    annotations = get_type_hints(function_of(name))
    for option in options_of(command_of(name)):
        if option.name in annotations:
            choices = option.type.choices if isinstance(option.type, click.Choice) else ()
            assert tuple(choices) == choices_in(annotations[option.name]), option.name


@pytest.mark.parametrize("name", PLAIN)
def test_the_docstring_says_what_the_help_says(name: str) -> None:
    """In full sentences; each entry begins with the line of help."""
    explained = arguments_of(function_of(name))

    assert list(explained) == list(inspect.signature(function_of(name)).parameters)
    for option in options_of(command_of(name)):
        if option.name in explained:
            assert explained[option.name].startswith(words_of(option)), option.name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_one_line_of_help(name: str) -> None:
    """Short and in plain English; the default follows in brackets, if it is not shown by click."""
    for option in options_of(command_of(name)):
        words = words_of(option)
        assert words == words.strip()
        assert 0 < len(words) <= LONGEST_HELP, option.name
        assert not words.endswith("."), option.name
        assert words[0].isupper() or words.startswith("report: "), option.name
        assert not NOT_FOUND_IN_PLAIN_ENGLISH.search(words), option.name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_begins_with_one_short_sentence(name: str) -> None:
    """A verb first; `packhouse --help` shows it without cutting it."""
    sentence = (command_of(name).help or "").partition("\n\n")[0].strip()

    assert sentence.endswith(".")
    assert len(sentence) <= LONGEST_HELP
    assert sentence[0].isupper()
    assert "\n" not in sentence
    assert not NOT_FOUND_IN_PLAIN_ENGLISH.search(command_of(name).help or "")


def test_options_of_pack_that_only_the_command_has_are_known() -> None:
    """All others are fields of `PackOptions`."""
    shown = {one.name for one in options_of(pack_command)}

    assert shown - set(option_fields(packhouse.PackOptions)) == OF_THE_COMMAND_ONLY


def test_help_loads_nothing_heavy() -> None:
    """The help of all commands, with the choices of their options, comes at once; so does completion."""
    code = (
        "import sys, packhouse._src.cli.main as m; "
        "m.run(['--help']); m.run(['pack', '--help']); print(*sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert loaded >= {"packhouse", "click"}
    assert loaded.isdisjoint({"numpy", "pyarrow", "duckdb", "h5py", "PIL", "pandas", "rich"})


@pytest.mark.parametrize("name", COMMANDS)
def test_completion_lists_the_choices(name: str) -> None:
    """Of each option that has a closed set of them."""
    completion = ShellComplete(group, {}, "packhouse", "_PACKHOUSE_COMPLETE")
    for option in options_of(command_of(name)):
        if isinstance(option.type, click.Choice):
            found = completion.get_completions([name, option.opts[-1]], "")
            assert [one.value for one in found] == list(option.type.choices), option.name
