"""An option is spelled once: `PackOptions`, `packhouse.pack`, the command line and packhouse.toml agree."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import click
import pytest
from click.testing import CliRunner

import packhouse
from docstring_kit import arguments_of
from packhouse import PackOptions
from packhouse._src.cli._options import YES, SpelledCommand, given_options, options_of
from packhouse._src.cli.pack import command
from packhouse._src.option_types.option_fields import (
    REPEATABLE,
    Option,
    OptionField,
    ValueKind,
    option_fields,
)
from packhouse._src.packing.options import options_in_pack
from packhouse._src.packing.settings import merge_settings

SPELLED = option_fields(PackOptions)
ANNOTATIONS = {
    ValueKind.TEXTS: "str | Sequence[str]",
    ValueKind.TEXTS_OR_FALSE: "str | Sequence[str] | Literal[False] | None",
    ValueKind.TEXT_BY_NAME: "Mapping[str, str] | None",
    ValueKind.NUMBER_BY_NAME: "Mapping[str, int] | None",
    ValueKind.TEXTS_BY_NAME: "Mapping[str, str | Sequence[str]] | None",
    ValueKind.SWITCH: "bool",
    ValueKind.SWITCH_OR_TEXT: "bool | str",
    ValueKind.YES_NO: "bool | None",
}
VALUES: dict[ValueKind, tuple[str, list[str]]] = {
    ValueKind.TEXTS: ('["a.b"]', ["a.b"]),
    ValueKind.TEXTS_OR_FALSE: ('["a.b"]', ["a.b"]),
    ValueKind.TEXTS_BY_NAME: ('{a = ["b"]}', ["a=b"]),
    ValueKind.NUMBER_BY_NAME: ('{"a.b" = 1}', ["a.b=1"]),
    ValueKind.YES_NO: ("true", []),
    ValueKind.SWITCH: ("true", []),
    ValueKind.NUMBER: ("3", ["3"]),
}
"""A value of each kind, in packhouse.toml and on the command line."""

SPECIAL = {
    "joins": ('["t = a + b on c"]', ["t = a + b on c"]),
    "types": ('{"a.b" = "date"}', ["a.b=date"]),
    "follow_links": ("true", []),
    "name_encoding": ('"cp932"', ["cp932"]),
    "encoding": ('["a=cp1252"]', ["a=cp1252"]),
    "delimiter": ('["a=tab"]', ["a=tab"]),
    "table_name": ('{"a.csv" = "b"}', ["a.csv=b"]),
}
"""Of options that take no value of their kind."""


def annotation_of(one: OptionField) -> str:
    """Return the annotation that an option has in `packhouse.pack`."""
    if one.option.scoped:
        return "str | Sequence[str] | Mapping[str, str]"
    plain = {ValueKind.NUMBER: "int", ValueKind.TEXT: "str"}.get(one.kind, "")
    return ANNOTATIONS.get(one.kind) or (plain if one.default is not None else f"{plain} | None")


def example_of(one: OptionField) -> tuple[str, list[str]]:
    """Return a value of an option, in packhouse.toml and on the command line."""
    if one.option.choices and one.name not in SPECIAL:
        return f'"{one.option.choices[-1]}"', [one.option.choices[-1]]
    return SPECIAL.get(one.name) or VALUES[one.kind]


def test_the_signature_of_pack_is_that_of_its_options() -> None:
    """Names, order, defaults and types; the last parameter is the callback."""
    src, dest, *options, progress = inspect.signature(packhouse.pack).parameters.values()

    assert (src.name, dest.name, progress.name) == ("src", "dest", "progress")
    assert [one.name for one in options] == list(SPELLED)
    for parameter, one in zip(options, SPELLED.values(), strict=True):
        expected = None if isinstance(one.default, dict) else one.default
        assert parameter.default == expected, one.name
        assert parameter.annotation == annotation_of(one), one.name


def test_the_docstring_of_pack_explains_each_option() -> None:
    """In their order, and each begins with its line of help."""
    explained = arguments_of(packhouse.pack)

    assert list(explained) == ["src", "dest", *SPELLED, "progress"]
    for name, one in SPELLED.items():
        assert explained[name].startswith(one.option.help), name


def test_help_is_one_sentence_without_its_default() -> None:
    """The default is added where it is shown."""
    for one in SPELLED.values():
        assert one.option.help == one.option.help.strip()
        assert not one.option.help.endswith(".")
        assert "default" not in one.option.help


def test_the_command_line_has_each_option_once() -> None:
    """In their order, with the choices as choices and the default in the help."""
    shown = {one.name: one for one in command.params if isinstance(one, click.Option)}

    assert [name for name in shown if name in SPELLED] == list(SPELLED)
    for name, one in SPELLED.items():
        option = shown[name]
        assert option.opts == [one.flag]
        assert (option.help or "").startswith(one.option.help)
        assert option.multiple == (one.kind in REPEATABLE)
        choices = option.type.choices if isinstance(option.type, click.Choice) else ()
        assert tuple(choice for choice in choices if choice != YES) == one.option.choices
        if one.option.default:
            assert f"[default: {one.option.default}]" in (option.help or "")


@pytest.mark.parametrize("name", options_in_pack())
def test_what_decides_a_pack_is_the_same_from_everywhere(name: str) -> None:
    """The command line and packhouse.toml give the same option, and pack.json gives it back."""
    one = SPELLED[name]
    in_toml, on_line = example_of(one)
    from_toml = merge_settings(tomllib.loads(f"{name} = {in_toml}"), PackOptions())
    captured = parsed([part for text in on_line for part in (one.flag, text)] or [one.flag])

    from_line = PackOptions(**captured)

    assert getattr(from_toml, name) != one.default
    assert as_json(from_toml.shaping) == as_json(from_line.shaping)
    assert as_json(merge_settings(as_json(from_line.shaping, none=False), PackOptions()).shaping) == as_json(
        from_line.shaping
    )


def parsed(arguments: list[str]) -> dict[str, Any]:
    """Return what the command line hands to `packhouse.pack`."""
    context = command.make_context("pack", ["src", "-o", "dest", *arguments])
    return given_options(PackOptions, context.params)


def as_json(shaping: dict[str, object], *, none: bool = True) -> dict[str, Any]:
    """Return options as pack.json has them, those that say nothing or not."""
    found: dict[str, Any] = json.loads(json.dumps(shaping))
    return {name: value for name, value in found.items() if none or value not in (None, [], {})}


def test_what_decides_no_pack_is_no_setting() -> None:
    """The number of workers belongs to a machine, not to a data set."""
    assert {"workers", "engine", "memory_limit", "overwrite", "update"}.isdisjoint(options_in_pack())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sort", "t=a", "--sort", "t=b"], "--sort is given twice for t"),
        (["--types", "a.b=text", "--types", "a.b=date"], "--types is given twice for a.b"),
        (["--types", "a.b"], "--types TABLE.COLUMN=TYPE"),
        (["--sort", "t"], "--sort TABLE=COLUMN,..."),
    ],
)
def test_values_by_name_that_are_refused(arguments: list[str], says: str) -> None:
    """Nothing that was written is dropped silently, and the error shows the form."""
    with pytest.raises(packhouse.PackhouseError, match=re.escape(says)):
        parsed(arguments)


def test_the_help_lists_choices_and_defaults() -> None:
    """As users of click expect it."""
    words = " ".join(CliRunner().invoke(command, ["--help"]).output.split())

    for shown in ("[inner|left]", "[default: one per core]", "[default: detected]", "[report|stop]"):
        assert shown in words


@dataclass(frozen=True, kw_only=True)
class KitchenOptions:
    """Options of the kinds that `PackOptions` does not have."""

    salt: Annotated[bool | str, Option("Add salt", choices=("plenty",))] = False
    minutes: Annotated[int, Option("Time to boil", minimum=1)] = 7
    spoons: Annotated[Mapping[str, int], Option("Spoons of a spice", metavar="SPICE=N")] = field(
        default_factory=dict
    )


@click.command("cook", cls=SpelledCommand)
@click.argument("dish")
@options_of(KitchenOptions)
def cook(dish: str, **parameters: Any) -> None:  # noqa: ANN401
    """Print what was given."""
    click.echo(f"{dish} {given_options(KitchenOptions, parameters)}")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "{'salt': False, 'minutes': 7, 'spoons': {}}"),
        (["--minutes", "3", "--spoons", "chili=2", "--spoons", "a.b=1"], "{'chili': 2, 'a.b': 1}"),
        (["--salt"], "'salt': True"),
        (["--salt=plenty"], "'salt': 'plenty'"),
        (["--salt", "--minutes", "1"], "'salt': True, 'minutes': 1"),
        (["--salt=much"], "is not one of 'yes', 'plenty'"),
        (["--spoons", "chili"], "cannot read 'chili'"),
        (["--spoons", "chili=x"], "'x' is not a whole number, for chili"),
    ],
)
def test_kinds_that_pack_may_have_one_day(arguments: list[str], says: str) -> None:
    """A flag that may have a value takes no argument for it; numbers by name are numbers."""
    done = CliRunner().invoke(cook, [*arguments, "soup"])

    assert says in (done.output + str(done.exception))
    assert done.exit_code or done.output.startswith("soup")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [("salt", "much", "one of plenty"), ("minutes", 0, "at least 1")],
)
def test_values_that_are_checked(name: str, value: object, hint: str) -> None:
    """By the same definition, from Python too."""
    one = option_fields(KitchenOptions)[name]

    with pytest.raises(packhouse.PackhouseError, match=hint):
        one.check(value)
    one.check(one.default)
